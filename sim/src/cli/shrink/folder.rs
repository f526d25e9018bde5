//! All failures of a sweep made small: one of each cause, and causes that turn out to be one are told as
//! one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering;

use reports::checker::Anomaly;
use reports::number::counted;
use reports::summary::Summary;
use serde_json::{Map, Value, json};

use super::{Hands, Small, Written, ending, smallest, tell_sizes, wanted, write};
use crate::cli::args::{Flags, Format, ShrinkArgs};
use crate::cli::console::{Console, Paint};
use crate::cli::exit::{Exit, Failure};
use crate::cli::folder::Folder;
use crate::cli::named::named;
use crate::cli::shell;
use crate::cli::sweep::{RECORDS, Record, Records};

/// What else runs show, with how many of them do.
type Others = BTreeMap<Anomaly, u64>;

/// Failures of one cause.
struct Group {
    /// How many runs failed so.
    runs: u64,
    /// What else they show.
    others: Others,
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
    for Failures { runs, first: record, others } in failures(&records.runs, args.check)? {
        if stop.load(Ordering::Relaxed) {
            let why = "interrupted before it was tried".to_owned();
            left.push(Left { runs, first: record, why });
            continue;
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
        let wanted = |summary: &Summary| wanted(args.check, summary);
        let mut small = match pool.install(|| smallest((&scene, seed), wanted, args.budget, stop)) {
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
            others
                .into_iter()
                .for_each(|(one, runs)| *known.others.entry(one).or_default() += runs);
            continue;
        }
        let own = folder.map(|folder| own_folder(folder, groups.len() + 1)).transpose()?;
        let written = write(&scene, seed, &mut small, own.as_ref())?;
        groups.insert(small.kind(), Group { runs, others, small, written });
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.runs));
    match args.flags.format {
        Format::Human => tell(args, &groups, &left, console),
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
        let Self { runs, others, small, written } = self;
        let others = others.iter().map(|(one, runs)| (one.name().to_owned(), json!(runs)));
        json!({
            "failures": runs,
            "also": others.collect::<Map<String, Value>>(),
            "check": small.cause.check,
            "evidence": small.cause.evidence,
            "faults": small.faults(),
            "operations": small.operations(),
            "runs": small.shrunk.runs,
            "stopped": small.shrunk.stopped,
            "file": written.place,
            "replay": format!("assize run {}", shell::quoted(&written.place)),
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

/// The failures of one cause that are on record.
struct Failures<'a> {
    runs: u64,
    first: &'a Record,
    others: Others,
}

/// The failures of each cause; with a name only those that show this anomaly.
fn failures(runs: &[Record], check: Option<Anomaly>) -> Result<Vec<Failures<'_>>, Failure> {
    let mut causes: BTreeMap<&str, Failures<'_>> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for run in runs {
        let Some(cause) = &run.cause else { continue };
        let shown = run.anomalies.iter().filter_map(|name| Anomaly::of_name(name));
        let shown: BTreeSet<Anomaly> = shown.collect();
        known.extend(&shown);
        if check.is_some_and(|check| !shown.contains(&check)) {
            continue;
        }
        let none = || Failures { runs: 0, first: run, others: Others::new() };
        let failures = causes.entry(cause).or_insert_with(none);
        failures.runs += 1;
        let told = check.or_else(|| Anomaly::of_name(cause.split(": ").next()?));
        for one in shown.into_iter().filter(|one| Some(*one) != told) {
            *failures.others.entry(one).or_default() += 1;
        }
    }
    if let (Some(check), true) = (check, causes.is_empty()) {
        let known: Vec<&str> = known.into_iter().map(Anomaly::name).collect();
        let there_is = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        let text = format!("error: no run on record shows {}; there is {there_is}", check.name());
        return Err(Failure::new(Exit::Usage, text));
    }
    let mut causes: Vec<_> = causes.into_values().collect();
    causes.sort_by_key(|failures| failures.first.run);
    Ok(causes)
}

fn own_folder(folder: &Folder, number: usize) -> Result<Folder, Failure> {
    Folder::prepare(&folder.path().join(format!("{number:02}")))
}

fn tell(args: &ShrinkArgs, groups: &[Group], left: &[Left<'_>], console: &mut Console<'_>) {
    let runs = groups.iter().map(|group| group.runs).chain(left.iter().map(|left| left.runs));
    let causes = counted((groups.len() + left.len()) as u64, "cause");
    console.line(&format!("{} of {causes}", counted(runs.sum(), "failure")));
    for Group { runs, others, small, written } in groups {
        let cause = console.paint(Paint::Bad, &small.cause.to_string());
        console.line("");
        console.line(&format!("{}: {cause}", counted(*runs, "failure")));
        tell_sizes(small, console);
        if small.shrunk.stopped {
            console.line("  the time was over before everything was tried: see --budget");
        }
        console.line(&format!("  file: {}", written.place));
        match &written.report {
            Some(report) => console.line(&format!("  what happened: {report}")),
            None => {
                let again = shell::quoted(&written.place);
                console.line(&format!("  what happened: assize run {again} --story"));
            }
        }
        if let Some((gravest, _)) = others.first_key_value() {
            let others = others.iter().map(|(one, runs)| format!("{} in {runs}", one.name()));
            let others: Vec<String> = others.collect();
            console.line(&format!("  in these runs also: {}", others.join(", ")));
            let (what, name) = (shell::quoted(&args.what), gravest.name());
            console.line(&format!("    instead: assize shrink {what} --check {name}"));
        }
    }
    for Left { runs, first, why } in left {
        let cause = console.paint(Paint::Bad, first.cause.as_deref().unwrap_or_default());
        console.line("");
        console.line(&format!("{}: {cause}", counted(*runs, "failure")));
        console.line(&format!("  left as it is: {why}"));
        console.line(&format!("  one of them: {}", first.replay));
    }
}
