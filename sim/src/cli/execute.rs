//! One run, guarded: it can be given up, and a panic in it becomes a sentence.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::clock::Clock;
use super::exit::{Exit, Failure};
use super::scene::Scene;
use crate::coverage::Reached;
use crate::plan::Plan;
use crate::run::{self, Driver, Run};
use crate::shrink::Cause;
use crate::world::World;

/// How the sentence begins that tells a panic, as an assertion of the models is one.
pub const BUG: &str = "error: this is a bug in assize, not in your pipeline: ";

/// A run under a seed, one of many: it keeps to its thread. None when it was given up.
pub(super) fn execute(scene: &Scene, seed: u64, stop: &AtomicBool) -> Result<Option<Run>, Failure> {
    drive(scene, seed, stop, |_| {})
}

/// The same, with what the run reached.
pub(super) fn execute_covered(
    scene: &Scene,
    seed: u64,
    stop: &AtomicBool,
) -> Result<Option<(Run, Reached)>, Failure> {
    let run = drive(scene, seed, stop, World::cover)?;
    Ok(run.map(|mut run| {
        let reached = run.world.take_reached().unwrap_or_default();
        (run, reached)
    }))
}

/// The only run of this process: a second thread records what clients see.
pub(super) fn execute_alone(scene: &Scene, seed: u64) -> Result<Run, Failure> {
    // A madsim runtime does not let threads begin.
    let elsewhere = |world: &mut World| {
        if scene.driver == Driver::Bare {
            world.record_elsewhere();
        }
    };
    let never = AtomicBool::new(false);
    Ok(drive(scene, seed, &never, elsewhere)?.expect("nobody gives this run up"))
}

fn drive(
    scene: &Scene,
    seed: u64,
    stop: &AtomicBool,
    before: impl FnOnce(&mut World),
) -> Result<Option<Run>, Failure> {
    let clock = Clock::start();
    guarded(scene, seed, || {
        let mut world = world(scene, seed)?;
        before(&mut world);
        let ended = scene.driver.drive(world, || stop.load(Ordering::Relaxed));
        Ok(ended.map(|world| {
            let mut run = run::finish(world, &scene.path, clock.seconds());
            run.summary.replay = scene.command(seed);
            run
        }))
    })
}

/// A world before its first event.
pub(super) fn world(scene: &Scene, seed: u64) -> Result<World, Failure> {
    let tables = scene.tables.clone();
    let plan = Plan::with_tables(&scene.scenario, seed, tables).map_err(|error| {
        Failure::new(Exit::Scenario, format!("error: {}: {error}", scene.path.display()))
    })?;
    Ok(run::world_of(plan))
}

/// Does something with a world; a panic is told with seed and command.
pub(super) fn guarded<T>(
    scene: &Scene,
    seed: u64,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = format!(
            "{BUG}{}\n  \
             scenario {}, seed {seed}\n  again with: {}",
            reason(panic.as_ref()),
            scene.path.display(),
            scene.command(seed),
        );
        Err(Failure::new(Exit::Bug, text))
    })
}

/// The bug in assize that ended a run; none when the run failed for something else.
pub(super) fn bug_in(failure: &Failure) -> Option<Cause> {
    let first = failure.text.lines().next()?;
    first.strip_prefix(BUG).map(Cause::of_bug)
}

pub(super) fn reason(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "it panicked without a word".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::AtomicBool;

    use scenarios::Scenario;

    use super::{Exit, Failure, Scene, bug_in, execute, guarded};
    use crate::world::small::cluster;

    fn scene() -> Scene {
        let text = cluster((1, 1), 1, 10, "");
        let scenario = Scenario::parse(&text, &[]).expect("a plain scenario");
        Scene::new(PathBuf::from("s.toml"), text, Vec::new(), scenario)
    }

    #[test]
    fn a_panic_is_told_with_seed_and_command() {
        let boom = || -> Result<(), Failure> { panic!("boom") };
        let failure = guarded(&scene(), 7, boom).expect_err("it panicked");
        assert_eq!(failure.exit, Exit::Bug);
        for part in ["boom", "seed 7", "assize replay assize1:"] {
            assert!(failure.text.contains(part), "{part} in {}", failure.text);
        }
        assert_eq!(bug_in(&failure).map(|bug| bug.to_string()).as_deref(), Some("bug: boom"));
    }

    #[test]
    fn what_cannot_be_planned_is_no_bug() {
        assert_eq!(bug_in(&Failure::new(Exit::Scenario, "error: s.toml: no such rule")), None);
    }

    #[test]
    fn a_run_can_be_given_up() {
        let run = execute(&scene(), 0, &AtomicBool::new(true)).expect("it can be planned");
        assert!(run.is_none());
    }
}
