//! `assize shrink`: a failure made as small as it gets, as a scenario file.

mod folder;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::ThreadPool;
use reports::checker::Anomaly;
use reports::number::{counted, grouped};
use reports::summary::Summary;
use scenarios::Scenario;
use serde_json::json;

use super::args::{Format, ShrinkArgs};
use super::clock::Clock;
use super::console::{Console, Paint};
use super::execute::{bug_in, execute};
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::named::named;
use super::scene::Scene;
use super::sweep::RECORDS;
use super::{regression, report, shell, story, telling, threads};
use crate::run::Run;
use crate::shrink::{Cause, Judge, Shrunk, operations, readable, settle, shrink, written_down};

/// The name of the file in a folder of its own.
const FILE: &str = "shrunk.toml";

/// What a failure was made into.
pub(super) struct Small {
    /// What was to stay.
    pub(super) cause: Cause,
    /// What is violated first in what is left.
    first: Cause,
    /// Where it began.
    pub(super) start: Scenario,
    pub(super) shrunk: Shrunk,
}

impl Small {
    pub(super) fn faults(&self) -> u64 {
        self.shrunk.scenario.faults.len() as u64
    }

    pub(super) fn operations(&self) -> u64 {
        operations(&self.shrunk.scenario)
    }

    /// What failures of one cause have in common when they are small.
    fn kind(&self) -> String {
        self.first.to_string()
    }
}

pub(super) fn command(args: &ShrinkArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let stop = threads::listen();
    let pool = threads::pool(args.threads.map_or(0, usize::from))?;
    let whole_sweep = folder::has_records(&args.what);
    let run = match whole_sweep {
        true => {
            folder::check(args)?;
            None
        }
        false => Some(named(&args.what, args.seed, &args.flags, console)?),
    };
    if let Some(out) = &args.out {
        nothing_there(out)?;
    }
    let folder = args.out.as_deref().map(Folder::prepare).transpose()?;
    if folder.is_none() {
        regression::place()?;
    }
    match run {
        None => folder::command(args, folder.as_ref(), (&pool, &stop), console),
        Some(run) => one(args, &run, folder.as_ref(), (&pool, &stop), console),
    }
}

/// What was made small once, and the records of a sweep, are not written over.
pub(super) fn nothing_there(out: &Path) -> Result<(), Failure> {
    let there = [FILE, RECORDS].into_iter().find(|name| out.join(name).exists());
    there.map_or(Ok(()), |name| {
        let text = format!(
            "error: --out {}: there is a {name} already; name another folder",
            out.display()
        );
        Err(Failure::new(Exit::Usage, text))
    })
}

/// Threads to try with, and the flag that Ctrl-C raises.
type Hands<'a> = (&'a ThreadPool, &'a AtomicBool);

/// Makes the failure of one run small.
fn one(
    args: &ShrinkArgs,
    (scene, seed): &(Scene, u64),
    folder: Option<&Folder>,
    (pool, stop): Hands<'_>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let clock = Clock::start();
    let wanted = |summary: &Summary| wanted(args.check, summary);
    let small = pool.install(|| smallest((scene, *seed), wanted, args.budget, stop))?;
    let Some(mut small) = small else {
        let what = match args.check {
            Some(check) => format!("does not show {}", check.name()),
            None => "violates nothing".to_owned(),
        };
        let text = format!(
            "error: {} under seed {seed} {what}: there is nothing to make smaller",
            scene.path.display()
        );
        return Err(Failure::new(Exit::Usage, text));
    };
    let seconds = clock.seconds();
    let Written { place, report, summary } = write(scene, *seed, &mut small, folder)?;
    match args.flags.format {
        Format::Human => {
            tell(&small, seconds, console);
            if let Some(summary) = &summary {
                telling::story(summary, console);
            }
            console.line("");
            console.line(&format!("file: {place}"));
            if let Some(report) = report {
                console.line(&format!("report: {report}"));
            }
            let again = format!("assize run {}", shell::quoted(&place));
            let again = console.paint(Paint::Strong, &again);
            console.line(&format!("again with: {again}"));
        }
        Format::Json => console.line(&as_json(&small, &place, seconds)),
    }
    Ok(ending(stop))
}

/// The failure of a run that is made smaller.
fn wanted(check: Option<Anomaly>, summary: &Summary) -> Option<Cause> {
    match check {
        Some(check) => Cause::of_one_of(summary, &[check]),
        None => Cause::of(summary),
    }
}

fn ending(stop: &AtomicBool) -> Exit {
    if stop.load(Ordering::Relaxed) { Exit::Interrupted } else { Exit::Expected }
}

/// The failure of a run, as small as it gets within so many milliseconds. `wanted` says which of its
/// failures. None when there is none.
pub(super) fn smallest(
    (scene, seed): (&Scene, u64),
    wanted: impl FnOnce(&Summary) -> Option<Cause>,
    budget_ms: u64,
    stop: &AtomicBool,
) -> Result<Option<Small>, Failure> {
    let clock = Clock::start();
    let never = AtomicBool::new(false);
    let (run, cause) = match execute(scene, seed, &never) {
        Ok(run) => {
            let run = run.expect("nobody gives this run up");
            let Some(cause) = wanted(&run.summary) else { return Ok(None) };
            (Some(run), cause)
        }
        Err(failure) => (None, bug_in(&failure).ok_or(failure)?),
    };
    let start = written_down(&scene.scenario, seed, run.as_ref())
        .map_err(|error| Failure::new(Exit::Scenario, format!("error: {error}")))?;
    let calls = run.as_ref().map(|run| run.summary.records.intended);
    let goes_on = || !stop.load(Ordering::Relaxed) && clock.seconds() * 1_000.0 < budget_ms as f64;
    let again =
        |smaller: &Scenario| execute(&scene.with_scenario(smaller.clone()), smaller.seed, &never);
    let is_there = |scenario: &Scenario| match again(scenario) {
        Ok(run) => run.is_some_and(|run| cause.is_in(&run.summary)),
        Err(failure) => bug_in(&failure).is_some_and(|bug| bug == cause),
    };
    // What fails for a rule of `[protocol]` is to go on failing for it.
    let for_a_rule = has_rules(&start) && !is_there(&without_rules(&start));
    // A fault must not become a setting that anybody would be warned of.
    let doubts = doubts(&start);
    let fails = |scenario: &Scenario| {
        self::doubts(scenario).is_subset(&doubts)
            && is_there(scenario)
            && !(for_a_rule && is_there(&without_rules(scenario)))
    };
    let mut shrunk = shrink(&start, calls, Judge { fails: &fails, goes_on: &goes_on });
    let first = expecting(scene, &mut shrunk.scenario, &cause)?.unwrap_or_else(|| cause.clone());
    Ok(Some(Small { cause, first, start, shrunk }))
}

/// What the configuration of a scenario is warned of, by name.
fn doubts(scenario: &Scenario) -> BTreeSet<&'static str> {
    scenarios::warning::warnings(scenario).iter().map(|warning| warning.name).collect()
}

const fn has_rules(scenario: &Scenario) -> bool {
    !scenario.protocol.is_empty() || scenario.era.is_some()
}

/// The same under today's rules.
fn without_rules(scenario: &Scenario) -> Scenario {
    Scenario { protocol: Vec::new(), era: None, ..scenario.clone() }
}

/// Lets a scenario expect what comes of it. What it expects decides what is judged, so it is asked
/// again. Gives what was violated first before it expected anything new.
fn expecting(
    scene: &Scene,
    scenario: &mut Scenario,
    cause: &Cause,
) -> Result<Option<Cause>, Failure> {
    let (mut first, mut exit) = (None, 0);
    for _ in 0..4 {
        let run = run_of(&scene.with_scenario(scenario.clone()))?;
        let Some(run) = run else { return Ok(first) };
        first = first.or_else(|| Cause::of(&run.summary));
        exit = run.summary.exit;
        if !settle(scenario, cause, &run) && exit == 0 {
            return Ok(first);
        }
    }
    let text = format!("error: what is left of {cause} is another failure (exit code {exit})");
    Err(Failure::new(Exit::Bug, text))
}

/// A run to its end under its own seed; none when assize does not survive it.
fn run_of(scene: &Scene) -> Result<Option<Run>, Failure> {
    match execute(scene, scene.scenario.seed, &AtomicBool::new(false)) {
        Err(failure) if bug_in(&failure).is_some() => Ok(None),
        run => run,
    }
}

/// What was written.
pub(super) struct Written {
    /// The file.
    pub(super) place: String,
    /// The page about its run, in a folder of its own.
    pub(super) report: Option<String>,
    /// Its run in numbers, with its story; none when assize does not survive it.
    summary: Option<Summary>,
}

/// Writes the file, and the report into a folder of its own.
pub(super) fn write(
    scene: &Scene,
    seed: u64,
    small: &mut Small,
    folder: Option<&Folder>,
) -> Result<Written, Failure> {
    let head = format!(
        "# What is left of {} under seed {seed} when everything that can go is gone, and still\n# \
         {}\n\n",
        scene.path.file_name().unwrap_or_default().to_string_lossy().replace('\n', " "),
        small.cause.to_string().replace('\n', " "),
    );
    let scenario = &mut small.shrunk.scenario;
    scenario.description.clear();
    let path = match folder {
        None => regression::save_as(&small.cause.check, |name| {
            scenario.name = name;
            format!("{head}{}", readable(scenario))
        })?,
        Some(folder) => {
            scenario.name.clone_from(&small.cause.check);
            folder.write(FILE, &format!("{head}{}", readable(scenario)))?;
            folder.path().join(FILE)
        }
    };
    let place = path.display().to_string();
    let mut scene = scene.with_scenario(scenario.clone());
    (scene.path, scene.text) = (path, readable(scenario));
    let Some(mut run) = run_of(&scene)? else {
        return Ok(Written { place, report: None, summary: None });
    };
    let cause = &small.cause;
    story::tell_of(&mut run, &scene, scenario.seed, &|violation| cause.is(violation));
    let report = folder.map(|folder| {
        report::write(&scene, &run, folder)?;
        Ok::<_, Failure>(folder.path().join("report.html").display().to_string())
    });
    Ok(Written { place, report: report.transpose()?, summary: Some(run.summary) })
}

/// What a scenario is made of, in words.
fn size(scenario: &Scenario) -> String {
    let brokers = u64::from(scenario.cluster.brokers);
    [
        counted(scenario.faults.len() as u64, "fault"),
        counted(operations(scenario), "call"),
        counted(scenario.services.len() as u64, "service"),
        counted(brokers, "broker"),
    ]
    .join(", ")
}

fn tell(small: &Small, seconds: f64, console: &mut Console<'_>) {
    let cause = console.paint(Paint::Bad, &small.cause.to_string());
    console.line(&cause);
    tell_sizes(small, console);
    let cut = if small.shrunk.stopped { ", and the time was over" } else { "" };
    console.line(&format!("  {} runs in {seconds:.1} s{cut}", grouped(small.shrunk.runs)));
}

fn tell_sizes(small: &Small, console: &mut Console<'_>) {
    console.line(&format!("  it was  {}", size(&small.start)));
    console.line(&format!("  it is   {}", size(&small.shrunk.scenario)));
    for fault in &small.shrunk.scenario.faults {
        console.line(&format!("    {fault}"));
    }
}

fn as_json(small: &Small, place: &str, seconds: f64) -> String {
    json!({
        "check": small.cause.check,
        "evidence": small.cause.evidence,
        "faults": small.faults(),
        "operations": small.operations(),
        "faults_before": small.start.faults.len(),
        "operations_before": operations(&small.start),
        "runs": small.shrunk.runs,
        "stopped": small.shrunk.stopped,
        "wall_s": seconds,
        "file": place,
        "replay": format!("assize run {}", shell::quoted(place)),
    })
    .to_string()
}
