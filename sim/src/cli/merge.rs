//! `assize merge`: the records of a sweep's shards become those of one process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::MergeArgs;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::shell;
use super::sweep::{RECORDS, Record, Records, Tally, times_of, write_all};

pub(super) fn command(args: &MergeArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut shards = Vec::new();
    for folder in &args.folders {
        shards.push((folder, read(folder)?));
    }
    fit(&shards)?;
    let asked = &shards[0].1.asked.whole();
    let mut runs: Vec<Record> = shards.into_iter().flat_map(|(_, one)| one.runs).collect();
    runs.sort_by_key(|record| record.run);
    let mut tally = Tally::new(asked.coverage);
    for record in &mut runs {
        tally.recall(record)?;
    }
    if let Some(out) = &args.out {
        let folder = Folder::prepare(out)?;
        let mut times: Vec<(u64, String)> =
            args.folders.iter().flat_map(|folder| times_of(folder)).collect();
        times.sort_by_key(|(run, _)| *run);
        let times: String = times.iter().map(|(_, line)| format!("{line}\n")).collect();
        write_all(&folder, asked, &runs, &times)?;
    }
    tally.tell(None, false, args.format, console);
    Ok(tally.exit)
}

fn read(folder: &Path) -> Result<Records, Failure> {
    Records::read(folder)?.ok_or_else(|| {
        let folder = folder.display();
        let text = format!("error: {folder}: there are no records of a sweep ({RECORDS})");
        Failure::new(Exit::Scenario, text)
    })
}

/// The folders must have all shards of one sweep, each once and to its end.
fn fit(shards: &[(&PathBuf, Records)]) -> Result<(), Failure> {
    let wrong = |text: String| Err(Failure::new(Exit::Scenario, format!("error: {text}")));
    let (first, one) = &shards[0];
    let mut seen = BTreeMap::new();
    for (folder, records) in shards {
        if let Some(difference) = one.asked.whole().difference(&records.asked.whole()) {
            return wrong(format!(
                "{} and {} are not of one sweep: {difference}",
                first.display(),
                folder.display()
            ));
        }
        let shard = records.asked.shard();
        if shard.of != one.asked.shard().of {
            return wrong(format!(
                "{} is shard {}, {} is shard {shard}: they are not of one sweep",
                first.display(),
                one.asked.shard(),
                folder.display()
            ));
        }
        if let Some(other) = seen.insert(shard, folder) {
            return wrong(format!(
                "{} and {} are both shard {shard}",
                other.display(),
                folder.display()
            ));
        }
        if !records.is_complete() {
            let folder = folder.display().to_string();
            let quoted = shell::quoted(&folder);
            return wrong(format!(
                "{folder} has {} runs of {}: go on with `assize sweep --resume {quoted}` first",
                records.runs.len(),
                records.asked.own().unwrap_or_default(),
            ));
        }
    }
    let of = one.asked.shard().of;
    let missing = (1..=of).find(|number| seen.keys().all(|shard| shard.number != *number));
    match missing {
        Some(number) => wrong(format!("shard {number}/{of} is missing")),
        None => Ok(()),
    }
}
