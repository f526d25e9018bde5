//! All failures of a sweep made small: one of each cause, and causes that turn out to be one are told as
//! one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use reports::number::counted;
use serde_json::json;

use super::{Hands, Small, Written, ending, smallest, write};
use crate::cli::args::{Flags, Format, ShrinkArgs};
use crate::cli::console::{Console, Paint};
use crate::cli::exit::{Exit, Failure};
use crate::cli::folder::Folder;
use crate::cli::named::named;
use crate::cli::sweep::{RECORDS, Record, Records};

/// Failures of one cause.
struct Group {
    /// How many runs failed so.
    runs: u64,
    small: Small,
    written: Written,
}

/// Whether something is a folder with the records of a sweep.
pub(super) fn has_records(what: &str) -> bool {
    Path::new(what).join(RECORDS).is_file()
}

/// Makes the first failure of each cause small. What they have in common when they are small decides
/// which causes are one.
pub(super) fn command(
    args: &ShrinkArgs,
    folder: Option<&Folder>,
    (pool, stop): Hands<'_>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let records = Records::read(Path::new(&args.what))?.expect("the records are there");
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (runs, record) in failures(&records.runs) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let token = record.token().ok_or_else(|| no_token(record))?;
        let flags = Flags { driver: args.flags.driver, ..Flags::default() };
        let (scene, seed) = named(token, None, &flags, console)?;
        let small = pool.install(|| smallest(&scene, seed, args.budget, stop))?;
        let Some(mut small) = small else { continue };
        if let Some(known) = groups.get_mut(&small.kind()) {
            known.runs += runs;
            continue;
        }
        let own = folder.map(|folder| own_folder(folder, groups.len() + 1)).transpose()?;
        let written = write(&scene, seed, &mut small, own.as_ref())?;
        groups.insert(small.kind(), Group { runs, small, written });
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.runs));
    match args.flags.format {
        Format::Human => tell(&groups, console),
        Format::Json => {
            for group in &groups {
                let Group { runs, small, written } = group;
                let line = json!({
                    "failures": runs,
                    "check": small.cause.check,
                    "evidence": small.cause.evidence,
                    "faults": small.faults(),
                    "operations": small.operations(),
                    "file": written.place,
                    "replay": format!("assize run {}", written.place),
                });
                console.line(&line.to_string());
            }
        }
    }
    Ok(ending(stop))
}

fn no_token(record: &Record) -> Failure {
    let text = format!("error: the record of run {} has no token", record.run);
    Failure::new(Exit::Scenario, text)
}

/// The first failure of each cause, and how many there are.
fn failures(runs: &[Record]) -> Vec<(u64, &Record)> {
    let mut first: BTreeMap<&str, (u64, &Record)> = BTreeMap::new();
    for run in runs {
        if let Some(cause) = &run.cause {
            first.entry(cause).or_insert((0, run)).0 += 1;
        }
    }
    let mut first: Vec<_> = first.into_values().collect();
    first.sort_by_key(|(_, run)| run.run);
    first
}

fn own_folder(folder: &Folder, number: usize) -> Result<Folder, Failure> {
    Folder::prepare(&folder.path().join(format!("{number:02}")))
}

fn tell(groups: &[Group], console: &mut Console<'_>) {
    let failures: u64 = groups.iter().map(|group| group.runs).sum();
    let (failures, causes) = (counted(failures, "failure"), counted(groups.len() as u64, "cause"));
    console.line(&format!("{failures} of {causes}"));
    for Group { runs, small, written } in groups {
        let cause = console.paint(Paint::Bad, &small.cause.to_string());
        console.line("");
        console.line(&format!("{}: {cause}", counted(*runs, "failure")));
        for fault in &small.shrunk.scenario.faults {
            console.line(&format!("    {fault}"));
        }
        console.line(&format!("    file: {}", written.place));
        console.line(&format!("    what happened: assize run {} --story", written.place));
    }
}
