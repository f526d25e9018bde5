//! `assize steps`: the same fault after each thing that its target does, one run each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;
use rayon::prelude::*;
use reports::checker::{Anomaly, Verdict};
use reports::number::grouped;
use reports::summary::Summary;
use scenarios::model::{Anomaly as Checked, Checks, Drawn, Fault, FaultKind, Ratio, Trigger};
use serde_json::json;

use super::args::{Delivery, Format, StepsArgs};
use super::console::{Console, Paint};
use super::execute::{execute, guarded, world};
use super::exit::{Exit, Failure};
use super::scene::Scene;
use super::threads;

/// What a class rests on: without one of these checks none is told.
const COUNTED: [Checked; 5] = [
    Checked::LostAcknowledged,
    Checked::Duplicate,
    Checked::EffectLost,
    Checked::EffectDoubled,
    Checked::EventLost,
];

/// What was found by so many runs, and the first of them.
#[derive(Clone, Debug)]
struct Found {
    runs: u64,
    at_ns: u64,
    replay: String,
}

/// What came of all of them.
#[derive(Clone, Debug, Default)]
struct Tally {
    runs: u64,
    /// In so many the fault changed nothing: its target was down.
    missed: u64,
    inconclusive: u64,
    found: BTreeMap<Anomaly, Found>,
}

/// A run's end, and whether the fault struck.
type Ended = (Summary, bool);

pub(super) fn command(args: &StepsArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let scene = Scene::with_flags(&args.file, &args.flags, console)?;
    let number = chosen(&scene, args.fault.as_deref())?;
    let fault = &scene.scenario.faults[number];
    check(&scene, fault)?;
    let seed = args.seed.unwrap_or(scene.scenario.seed);
    let steps = steps_of(&scene, seed, number)?;
    let chosen: Vec<u64> = steps.iter().copied().step_by(args.every as usize).collect();
    if args.flags.format == Format::Human {
        let (kind, target) = (fault.kind.name(), &fault.target);
        let some = match args.every {
            1 => String::new(),
            every => format!(", every {every}th of them"),
        };
        console.line(&format!(
            "{}  seed {seed}: {kind} of {target} after each of {} instants at which it does \
             something{some}",
            scene.path.display(),
            grouped(steps.len() as u64),
        ));
    }
    let stop = threads::listen();
    let pool = threads::pool(args.threads.map_or(0, usize::from))?;
    let bar = threads::bar(Some(chosen.len() as u64), console);
    let runs = pool.install(|| run_all(&scene, seed, number, &chosen, &stop, &bar));
    bar.finish_and_clear();
    let mut tally = Tally::default();
    let mut exit = Exit::Expected;
    for (at, run) in chosen.iter().zip(runs) {
        match run {
            Ok(Some(ended)) => exit = exit.worse(tally.take(*at, &ended)),
            Ok(None) => {}
            Err(failure) => {
                console.error(&failure.text);
                exit = exit.worse(failure.exit);
            }
        }
    }
    let interrupted = stop.load(Ordering::Relaxed);
    if interrupted {
        exit = exit.worse(Exit::Interrupted);
    }
    let class = match uncounted(&scene.scenario.checks) {
        Some(why) => Err(why),
        None if interrupted => Err("it was interrupted".to_owned()),
        None => tally.class(),
    };
    tell(args, &tally, &class, interrupted, console);
    match (args.delivery, class) {
        (Some(wanted), Ok(class)) if wanted == class => Ok(exit),
        (Some(_), _) => Ok(exit.worse(Exit::Safety)),
        (None, _) => Ok(exit),
    }
}

/// Why the scenario does not count what a class rests on, if it does not.
fn uncounted(checks: &Checks) -> Option<String> {
    if checks.exactly_once.is_empty() {
        return Some("`exactly_once` of [check] does not say what is to be counted".to_owned());
    }
    let off = COUNTED.iter().find(|one| !checks.runs(**one))?;
    Some(format!("[check] switches `{}` off", off.name()))
}

/// The fault of this name, or the only one.
fn chosen(scene: &Scene, name: Option<&str>) -> Result<usize, Failure> {
    let faults = &scene.scenario.faults;
    let wrong = |text: String| Err(Failure::new(Exit::Usage, text));
    let path = scene.path.display();
    let names = || faults.iter().map(|fault| fault.name.clone()).collect::<Vec<_>>().join(", ");
    match (name, faults.as_slice()) {
        (_, []) => {
            wrong(format!("error: {path} has no fault: add the [[fault]] that is to be tried"))
        }
        (None, [_]) => Ok(0),
        (None, _) => wrong(format!(
            "error: {path} has several faults: name one by --fault; there are {}",
            names()
        )),
        (Some(name), _) => match faults.iter().position(|fault| fault.name == name) {
            Some(number) => Ok(number),
            None => wrong(format!("error: {path} has no fault `{name}`; there are {}", names())),
        },
    }
}

/// Only a fault that happens for certain, at a time, can be put at another one.
fn check(scene: &Scene, fault: &Fault) -> Result<(), Failure> {
    let wrong = |why: &str| {
        let path = scene.path.display();
        Err(Failure::new(Exit::Scenario, format!("error: {path}: fault `{}` {why}", fault.name)))
    };
    if !matches!(fault.trigger, Trigger::At(_)) {
        return wrong("fires at an event: give it `at` in the place of `on`");
    }
    if fault.kind == FaultKind::AddBroker {
        return wrong("adds a broker: before it there is nobody who does anything");
    }
    if fault.chance != Ratio::ONE || scene.scenario.swarm.enabled {
        return wrong("may be left out by `chance` or `[swarm]`: take that out");
    }
    Ok(())
}

/// Nanoseconds into the load of every instant behind which the target may be in another state.
fn steps_of(scene: &Scene, seed: u64, number: usize) -> Result<Vec<u64>, Failure> {
    let mut quiet = scene.clone();
    quiet.scenario.faults[number].chance = Ratio::ZERO;
    let target = &scene.scenario.faults[number].target;
    guarded(&quiet, seed, || {
        let mut world = world(&quiet, seed)?;
        if !world.follow(target) {
            let text = format!(
                "error: {}: {target} is a role that others may take over: name a service, \
                 `broker:N` or `controller:N`",
                scene.path.display()
            );
            return Err(Failure::new(Exit::Scenario, text));
        }
        while world.step() {}
        let from = world.faults_from();
        let duration = scene.scenario.duration;
        // One nanosecond later everything of that instant is over.
        let after = world.steps().into_iter().map(|at| at.since(from) + 1);
        Ok(after.filter(|at| *at < duration).collect())
    })
}

fn run_all(
    scene: &Scene,
    seed: u64,
    number: usize,
    steps: &[u64],
    stop: &AtomicBool,
    bar: &ProgressBar,
) -> Vec<Result<Option<Ended>, Failure>> {
    let fault = &scene.scenario.faults[number];
    let (kind, target) = (fault.kind.name(), fault.target.to_string());
    let one = |at: &u64| {
        let scene = moved(scene, number, *at);
        let run = execute(&scene, seed, stop);
        bar.inc(1);
        run.map(|run| {
            run.map(|run| {
                let mut told = run.world.fault_records().iter();
                let struck = told.any(|one| one.kind == kind && one.target == target && one.struck);
                (run.summary, struck)
            })
        })
    };
    steps.par_iter().map(one).collect()
}

/// The same with the fault at that time, as the flag has it that its token names.
fn moved(scene: &Scene, number: usize, at: u64) -> Scene {
    let mut scene = scene.clone();
    scene.scenario.faults[number].trigger = Trigger::At(Drawn::fixed(at));
    scene.set.push((format!("fault.{}.at", number + 1), format!("{at}ns")));
    scene
}

impl Tally {
    /// Takes a run. What is lost or repeated is what the command is to find out; anything else
    /// is wrong, whatever `[expect]` says of the one run of the file.
    fn take(&mut self, at_ns: u64, (summary, struck): &Ended) -> Exit {
        self.runs += 1;
        self.missed += u64::from(!struck);
        for &anomaly in &summary.anomalies {
            let first = || Found { runs: 0, at_ns, replay: summary.replay.clone() };
            self.found.entry(anomaly).or_insert_with(first).runs += 1;
        }
        if summary.verdict == Verdict::Inconclusive {
            self.inconclusive += 1;
            return Exit::Inconclusive;
        }
        summary.anomalies.iter().map(|anomaly| exit_of(*anomaly)).fold(Exit::Expected, Exit::worse)
    }

    fn any(&self, wanted: fn(Anomaly) -> bool) -> bool {
        self.found.keys().any(|anomaly| wanted(*anomaly))
    }

    /// What the pipeline delivers, or why that cannot be told.
    fn class(&self) -> Result<Delivery, String> {
        let told = |anomaly: &Anomaly| is_loss(*anomaly) || is_repetition(*anomaly);
        if self.runs == 0 {
            return Err("nothing was run".to_owned());
        }
        if self.inconclusive > 0 {
            return Err("some runs were inconclusive".to_owned());
        }
        if let Some(other) = self.found.keys().find(|anomaly| !told(anomaly)) {
            return Err(format!("`{}` is neither a loss nor a repetition", other.name()));
        }
        Ok(match (self.any(is_loss), self.any(is_repetition)) {
            (false, false) => Delivery::EffectivelyOnce,
            (true, false) => Delivery::AtMostOnce,
            (false, true) => Delivery::AtLeastOnce,
            (true, true) => Delivery::Neither,
        })
    }
}

/// Losses and repetitions are what the command finds out; the rest as `run` has it.
const fn exit_of(anomaly: Anomaly) -> Exit {
    match anomaly {
        Anomaly::Gate => Exit::Gate,
        Anomaly::StuckLag | Anomaly::UnansweredCall => Exit::Liveness,
        other if is_loss(other) || is_repetition(other) => Exit::Expected,
        _ => Exit::Safety,
    }
}

const fn is_loss(anomaly: Anomaly) -> bool {
    matches!(anomaly, Anomaly::EffectLost | Anomaly::EventLost | Anomaly::LostAcknowledged)
}

const fn is_repetition(anomaly: Anomaly) -> bool {
    matches!(anomaly, Anomaly::EffectDoubled | Anomaly::Duplicate | Anomaly::ResentUnderNewEpoch)
}

fn tell(
    args: &StepsArgs,
    tally: &Tally,
    class: &Result<Delivery, String>,
    interrupted: bool,
    console: &mut Console<'_>,
) {
    if args.flags.format == Format::Json {
        let found = tally.found.iter().map(|(anomaly, found)| {
            let one = json!({
                "runs": found.runs, "first_at_ns": found.at_ns, "replay": found.replay,
            });
            (anomaly.name().to_owned(), one)
        });
        let line = json!({
            "runs": tally.runs,
            "missed": tally.missed,
            "inconclusive": tally.inconclusive,
            "interrupted": interrupted,
            "found": found.collect::<serde_json::Map<_, _>>(),
            "delivery": class.as_ref().ok().map(|class| class.name()),
            "no_class": class.as_ref().err(),
        });
        return console.line(&line.to_string());
    }
    for (anomaly, found) in &tally.found {
        let name = console.paint(Paint::Strong, anomaly.name());
        let at = found.at_ns as f64 / 1e9;
        console.line(&format!(
            "  {name}  in {} runs, first {at:.9} s into the load",
            grouped(found.runs)
        ));
        console.line(&format!("    again with: {}", found.replay));
    }
    let noun = if tally.runs == 1 { "run" } else { "runs" };
    let mut line = format!("{} {noun}", grouped(tally.runs));
    if args.every > 1 {
        line.push_str(" of the steps that were tried");
    }
    if interrupted {
        line.push_str(" (interrupted)");
    }
    for (count, what) in
        [(tally.missed, "changed nothing: it was down"), (tally.inconclusive, "inconclusive")]
    {
        if count > 0 {
            line.push_str(&format!(", {} {what}", grouped(count)));
        }
    }
    let told = match class {
        Ok(class) => class.words().to_owned(),
        Err(why) => format!("no delivery class can be told: {why}"),
    };
    console.line(&format!("{line}: {told}"));
    if let Some(wanted) = args.delivery.filter(|wanted| class.as_ref() != Ok(wanted)) {
        let word = console.paint(Paint::Bad, "not as wanted");
        console.line(&format!("{word}: {}", wanted.words()));
    }
}

impl Delivery {
    const fn name(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
            Self::EffectivelyOnce => "effectively-once",
            Self::Neither => "neither",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at most once: it loses and does not repeat",
            Self::AtLeastOnce => "at least once: it repeats and does not lose",
            Self::EffectivelyOnce => "effectively once: it neither loses nor repeats",
            Self::Neither => "neither: it loses, and it repeats",
        }
    }
}

#[cfg(test)]
mod tests {
    use scenarios::model::{Checks, ExactlyOnce};

    use super::{Anomaly, Checked, Delivery, Found, Tally, uncounted};

    fn class(found: &[Anomaly]) -> Result<Delivery, String> {
        let one = Found { runs: 1, at_ns: 5, replay: String::new() };
        let found = found.iter().map(|&anomaly| (anomaly, one.clone())).collect();
        Tally { runs: 2, found, ..Tally::default() }.class()
    }

    #[test]
    fn a_class_is_what_was_lost_and_what_was_repeated() {
        assert_eq!(class(&[]), Ok(Delivery::EffectivelyOnce));
        assert_eq!(class(&[Anomaly::EffectLost]), Ok(Delivery::AtMostOnce));
        assert_eq!(class(&[Anomaly::EffectDoubled]), Ok(Delivery::AtLeastOnce));
        assert_eq!(class(&[Anomaly::EffectLost, Anomaly::Duplicate]), Ok(Delivery::Neither));
    }

    #[test]
    fn nothing_is_told_of_what_was_not_counted_or_went_wrong_otherwise() {
        let why = class(&[Anomaly::EffectDoubled, Anomaly::StuckLag]);
        assert_eq!(why, Err("`stuck-lag` is neither a loss nor a repetition".to_owned()));
        assert!(Tally::default().class().is_err_and(|why| why.contains("nothing was run")));
        let tally = Tally { runs: 2, inconclusive: 1, ..Tally::default() };
        assert!(tally.class().is_err_and(|why| why.contains("inconclusive")));
        let mut checks = Checks {
            off: vec![Checked::Duplicate],
            exactly_once: vec![ExactlyOnce { from: "a".to_owned(), to: "b".to_owned() }],
            per_key_order: Vec::new(),
        };
        assert!(uncounted(&checks).is_some_and(|why| why.contains("`duplicate` off")));
        checks.off.clear();
        assert_eq!(uncounted(&checks), None);
        checks.exactly_once.clear();
        assert!(uncounted(&checks).is_some_and(|why| why.contains("`exactly_once`")));
    }
}
