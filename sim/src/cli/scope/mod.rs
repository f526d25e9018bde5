//! `assize scope`: everything that one thing gone wrong can do to a run: each process killed
//! behind each of its steps, each message lost once, late once, each race the other way round.

mod trials;

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;
use rayon::prelude::*;
use scenarios::model::Target;
use serde_json::json;

use super::args::{Format, ScopeArgs};
use super::console::Console;
use super::execute::{execute, guarded, world};
use super::exit::{Exit, Failure};
use super::scene::Scene;
use super::sweep::{Ended, Record, Tally};
use super::threads;
use crate::world::World;
pub(super) use trials::Kind;
use trials::{Lasting, Trial};

pub(super) fn command(args: &ScopeArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let scene = Scene::with_flags(&args.file, &args.flags, console)?;
    check(&scene)?;
    let seed = args.seed.unwrap_or(scene.scenario.seed);
    let asked = |kind: &Kind| args.only.is_empty() || args.only.contains(kind);
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(asked).collect();
    let lasting = Lasting { down: args.down, late: args.late };
    let all = trials_of(&scene, seed, lasting)?;
    let of = |kind: &Kind| {
        let kind = *kind;
        all.iter().filter(move |trial| trial.kind == kind).step_by(args.every as usize).cloned()
    };
    let chosen: Vec<Trial> = kinds.iter().flat_map(of).collect();
    tell_tried(&scene, seed, &kinds, &chosen, args.flags.format, console);
    let stop = threads::listen();
    let pool = threads::pool(args.threads.map_or(0, usize::from))?;
    let bar = threads::bar(Some(chosen.len() as u64), console);
    let clock = super::clock::Clock::start();
    let records = pool.install(|| run_all(&scene, seed, &chosen, &stop, &bar));
    bar.finish_and_clear();
    let mut tally = Tally::new(false);
    records?.iter().flatten().for_each(|record| tally.take(record));
    let interrupted = stop.load(Ordering::Relaxed);
    let rate = tally.rate(clock.seconds());
    let in_words = |record: &Record| {
        let trial = chosen.get(usize::try_from(record.run).ok()?)?;
        let fault = trial.fault_in(&scene).ok()?.scenario.faults.last()?.to_string();
        Some(format!("{}: {fault}", trial.kind.words()))
    };
    tally.tell_with(Some(rate), interrupted, args.flags.format, console, &in_words);
    let exit = tally.exit;
    Ok(if interrupted { exit.worse(Exit::Interrupted) } else { exit })
}

/// What is tried must be all that differs from the run of the file.
fn check(scene: &Scene) -> Result<(), Failure> {
    let wrong = |why: &str| {
        let text = format!("error: {}: {why}", scene.path.display());
        Err(Failure::new(Exit::Scenario, text))
    };
    if scene.scenario.swarm.enabled {
        return wrong(
            "`[swarm]` would leave out some of what is tried: take it out, or say \
             --set swarm.enabled=false",
        );
    }
    if scene.scenario.search.as_ref().is_some_and(|search| search.faults.high > 0) {
        return wrong(
            "`[search]` draws other faults when there is one more: say --set search.faults=0, or \
             write down what a seed draws (assize run FILE --seed N --write-regression) and try that",
        );
    }
    Ok(())
}

/// How many of each kind there are.
fn tell_tried(
    scene: &Scene,
    seed: u64,
    kinds: &[Kind],
    chosen: &[Trial],
    format: Format,
    console: &mut Console<'_>,
) {
    let counts = kinds.iter().map(|&kind| {
        let count = chosen.iter().filter(|trial| trial.kind == kind).count() as u64;
        (kind, count)
    });
    let line = match format {
        Format::Json => {
            let tried = counts.map(|(kind, count)| (kind.name().to_owned(), json!(count)));
            json!({"tried": tried.collect::<serde_json::Map<_, _>>()}).to_string()
        }
        Format::Human => {
            let told = counts.map(|(kind, count)| kind.counted(count));
            let told = told.collect::<Vec<_>>().join(", ");
            format!("{}  seed {seed}: {told}", scene.path.display())
        }
    };
    console.line(&line);
}

/// What there is to be tried around the run of the file under a seed: one run that keeps its
/// messages, and one for the steps of each process.
fn trials_of(scene: &Scene, seed: u64, lasting: Lasting) -> Result<Vec<Trial>, Failure> {
    let (processes, messages) = observed(scene, seed, World::keep_posted, |world| {
        (processes(world), trials::messages(world, lasting))
    })?;
    let mut all = Vec::new();
    for target in processes {
        let follow = |world: &mut World| {
            let _found = world.follow(&target);
        };
        let steps = observed(scene, seed, follow, |world| {
            let from = world.faults_from();
            let behind = world.steps().into_iter().map(|at| at.since(from) + 1);
            behind.filter(|at| *at < scene.scenario.duration).collect::<Vec<u64>>()
        })?;
        all.extend(trials::crashes(&target, &steps, lasting));
    }
    all.extend(messages);
    Ok(all)
}

/// Runs the file once and looks at what was watched.
fn observed<T>(
    scene: &Scene,
    seed: u64,
    before: impl FnOnce(&mut World),
    look: impl FnOnce(&World) -> T,
) -> Result<T, Failure> {
    guarded(scene, seed, || {
        let mut world = world(scene, seed)?;
        before(&mut world);
        while world.step() {}
        Ok(look(&world))
    })
}

/// Every process that can be killed.
fn processes(world: &World) -> Vec<Target> {
    let scenario = &world.plan().scenario;
    let brokers = (1..=scenario.cluster.brokers).map(Target::Broker);
    let controllers = (1..=scenario.cluster.controllers).map(Target::ControllerNumber);
    let instances = scenario.services.iter().flat_map(|service| {
        let name = &service.name;
        let of = |number| Target::Service { name: name.clone(), instance: Some(number) };
        (0..service.instances).map(of)
    });
    brokers.chain(controllers).chain(instances).collect()
}

fn run_all(
    scene: &Scene,
    seed: u64,
    trials: &[Trial],
    stop: &AtomicBool,
    bar: &ProgressBar,
) -> Result<Vec<Option<Record>>, Failure> {
    let one = |(run, trial): (usize, &Trial)| {
        let scene = trial.fault_in(scene)?;
        let ended = match execute(&scene, seed, stop) {
            Ok(None) => return Ok(None),
            Ok(Some(run)) => Ok(Ended::of(run, None)),
            Err(failure) => Err(failure),
        };
        bar.inc(1);
        Ok(Some(Record::of(&scene, (run as u64, seed), &[], &ended)))
    };
    trials.par_iter().enumerate().map(one).collect()
}
