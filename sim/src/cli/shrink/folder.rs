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

/// Refuses flags that say nothing of a folder, and a place that has what came of another one.
pub(super) fn check(args: &ShrinkArgs) -> Result<(), Failure> {
    let wrong = |text: &str| Err(Failure::new(Exit::Usage, format!("error: {text}")));
    if args.seed.is_some() || !args.flags.set.is_empty() {
        return wrong("--seed and --set: the records of a sweep name seeds and values themselves");
    }
    match &args.out {
        Some(out) if out.join("01").exists() => wrong(&format!(
            "--out {}: it has what came of another sweep; name another folder",
            out.display()
        )),
        _ => Ok(()),
    }
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
    let (mut left, mut worst) = (Vec::new(), Exit::Expected);
    for (runs, record) in failures(&records.runs) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let token = record.token().ok_or_else(|| no_token(record))?;
        let flags = Flags { driver: args.flags.driver, ..Flags::default() };
        let (scene, seed) = match named(token, None, &flags, console) {
            Ok(named) => named,
            Err(failure) => {
                worst = worst.worse(failure.exit);
                left.push(Left { runs, first: record, why: why(&failure) });
                continue;
            }
        };
        let mut small =
            match pool.install(|| smallest((&scene, seed), Cause::of, args.budget, stop)) {
                Ok(Some(small)) => small,
                Ok(None) => {
                    let why = "nothing is violated in it".to_owned();
                    left.push(Left { runs, first: record, why });
                    continue;
                }
                Err(failure) => {
                    // That a scenario cannot be run under the seed is what was found.
                    if failure.exit != Exit::Scenario {
                        worst = worst.worse(failure.exit);
                    }
                    left.push(Left { runs, first: record, why: why(&failure) });
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
    Ok(worst.worse(ending(stop)))
}

/// What a failure says, without its first word; what is wrong with a file was told already.
fn why(failure: &Failure) -> String {
    match failure.text.trim_start_matches("error: ") {
        "" => "its file is refused".to_owned(),
        text => text.to_owned(),
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
