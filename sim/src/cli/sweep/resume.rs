//! Going on with the records of a folder: what was asked is found there, and must not be
//! contradicted.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::asked::Asked;
use super::record::{Ended, Record};
use super::records::{RECORDS, Records};
use crate::cli::args::SweepArgs;
use crate::cli::execute::execute;
use crate::cli::exit::{Exit, Failure};
use crate::cli::scene::Scene;

/// The records to go on with. None when the folder is new or empty: then the sweep begins there.
pub(super) fn past(folder: &Path, args: &SweepArgs) -> Result<Option<Records>, Failure> {
    let shown = folder.display();
    let usage = |text: String| Err(Failure::new(Exit::Usage, text));
    if let Some(records) = Records::read(folder)? {
        if records.has_gaps() {
            return usage(format!(
                "error: --resume {shown}: its runs have gaps: it was merged; go on with its shards"
            ));
        }
        return Ok(Some(records));
    }
    if holds_something(folder) {
        return usage(format!(
            "error: --resume {shown}: there are no records of a sweep ({RECORDS}), but something \
             else is there"
        ));
    }
    if args.files.is_empty() || (args.seeds.is_none() && args.time.is_none()) {
        return usage(format!(
            "error: --resume {shown}: there are no records of a sweep; to begin one there, name \
             files and --seeds or --for"
        ));
    }
    Ok(None)
}

/// Whether there is more than what a killed process may leave before it wrote the head.
fn holds_something(folder: &Path) -> bool {
    if folder.exists() && !folder.is_dir() {
        return true;
    }
    let Ok(mut entries) = std::fs::read_dir(folder) else { return false };
    entries.any(|entry| {
        entry.is_ok_and(|entry| !entry.file_name().to_string_lossy().ends_with(".part"))
    })
}

/// The arguments, with what was asked before in the place of what is not said.
pub(super) fn filled(args: &SweepArgs, asked: &Asked) -> SweepArgs {
    let mut args = args.clone();
    if args.files.is_empty() {
        args.files = asked.paths();
    }
    if args.seeds.is_none() {
        args.seeds = asked.to.map(|to| asked.from..to);
    }
    args.time = args.time.or(asked.for_ms);
    args.coverage |= asked.coverage;
    args.guided |= asked.guided;
    args.shard = args.shard.or(Some(asked.shard()));
    if args.flags.set.is_empty() && !args.beyond_spec {
        args.flags.set = asked.flags();
        args.beyond_spec = false;
    }
    args
}

/// What is asked now must be what was asked before.
pub(super) fn agree(folder: &Path, before: &Asked, now: &Asked) -> Result<(), Failure> {
    let Some(difference) = before.difference(now) else { return Ok(()) };
    let same_but_texts = Asked { files: now.files.clone(), ..before.clone() };
    let same_names = before.paths() == now.paths();
    let (exit, what) = if same_names && same_but_texts.difference(now).is_none() {
        (Exit::Scenario, "the scenario has changed since")
    } else {
        (Exit::Usage, "the records are of another sweep")
    };
    let text = format!("error: --resume {}: {what}: {difference}", folder.display());
    Err(Failure::new(exit, text))
}

/// Repeats the last run on record: a program that gives another one has not made the records.
pub(super) fn verify(folder: &Path, records: &Records, scenes: &[Scene]) -> Result<(), Failure> {
    let Some(last) = records.runs.last() else { return Ok(()) };
    let scene = &scenes[records.asked.place(last.run).scene].mutated(&last.mutations);
    let run = execute(scene, last.seed, &AtomicBool::new(false));
    let ended = run.map(|run| Ended::of(run.expect("nobody gives this run up"), None));
    let again = Record::of(scene, (last.run, last.seed), &last.mutations, &ended);
    let again = Record { news: last.news.clone(), ..again };
    if again == *last {
        return Ok(());
    }
    let text = format!(
        "error: --resume {}: run {} comes out otherwise than it is on record: another build of \
         assize made these records; begin anew in another folder",
        folder.display(),
        last.run
    );
    Err(Failure::new(Exit::Scenario, text))
}
