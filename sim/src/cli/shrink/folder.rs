//! All failures of a sweep made small: one of each cause, and causes that turn out to be one are told as
//! one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use reports::number::counted;
use serde_json::{Value, json};

use super::{Hands, Small, Written, ending, smallest, write};
use crate::cli::args::{Flags, Format, ShrinkArgs};
use crate::cli::console::{Console, Paint};
use crate::cli::exit::{Exit, Failure};
use crate::cli::folder::Folder;
use crate::cli::named::named;
use crate::cli::sweep::{RECORDS, Record, Records};
use crate::shrink::Cause;

/// Failures of one cause.
struct Group {
    /// How many runs failed so.
    runs: u64,
    small: Small,
    written: Written,
}

/// Failures of one cause that cannot be made small.
struct Left<'a> {
    /// How many runs failed so.
    runs: u64,
    /// The first of them.
    first: &'a Record,
    /// Why they are left as they are.
    why: String,
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
    let mut left = Vec::new();
    for (runs, record) in failures(&records.runs) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let token = record.token().ok_or_else(|| no_token(record))?;
        let flags = Flags { driver: args.flags.driver, ..Flags::default() };
        let (scene, seed) = named(token, None, &flags, console)?;
        let small = pool.install(|| smallest((&scene, seed), Cause::of, args.budget, stop));
        let mut small = match or_why_not(small)? {
            Ok(small) => small,
            Err(why) => {
                left.push(Left { runs, first: record, why });
                continue;
            }
        };
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
        Format::Human => tell(&groups, &left, console),
        Format::Json => {
            groups.iter().for_each(|group| console.line(&group.json().to_string()));
            left.iter().for_each(|left| console.line(&left.json().to_string()));
        }
    }
    Ok(ending(stop))
}

/// What a failure was made into, or why it is left as it is.
fn or_why_not(small: Result<Option<Small>, Failure>) -> Result<Result<Small, String>, Failure> {
    match small {
        Ok(Some(small)) => Ok(Ok(small)),
        Ok(None) => Ok(Err("nothing is violated in it".to_owned())),
        // The scenario cannot be run under the seed.
        Err(failure) if failure.exit == Exit::Scenario => {
            Ok(Err(failure.text.trim_start_matches("error: ").to_owned()))
        }
        Err(failure) => Err(failure),
    }
}

impl Group {
    fn json(&self) -> Value {
        let Self { runs, small, written } = self;
        json!({
            "failures": runs,
            "check": small.cause.check,
            "evidence": small.cause.evidence,
            "faults": small.faults(),
            "operations": small.operations(),
            "file": written.place,
            "replay": format!("assize run {}", written.place),
        })
    }
}

impl Left<'_> {
    fn json(&self) -> Value {
        json!({
            "failures": self.runs,
            "cause": self.first.cause,
            "left": self.why,
            "replay": self.first.replay,
        })
    }
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

fn tell(groups: &[Group], left: &[Left<'_>], console: &mut Console<'_>) {
    let runs = groups.iter().map(|group| group.runs).chain(left.iter().map(|left| left.runs));
    let causes = counted((groups.len() + left.len()) as u64, "cause");
    console.line(&format!("{} of {causes}", counted(runs.sum(), "failure")));
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
    for Left { runs, first, why } in left {
        let cause = console.paint(Paint::Bad, first.cause.as_deref().unwrap_or_default());
        console.line("");
        console.line(&format!("{}: {cause}", counted(*runs, "failure")));
        console.line(&format!("    left as it is: {why}"));
        console.line(&format!("    one of them: {}", first.replay));
    }
}
