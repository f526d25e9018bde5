//! One run, guarded: it can be given up, and a panic in it becomes a sentence.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::clock::Clock;
use super::exit::{Exit, Failure};
use super::scene::Scene;
use crate::plan::Plan;
use crate::run::{self, Run};
use crate::world::World;

/// Events between two looks at whether the run is still wanted.
const STRIDE: u32 = 4_096;

/// A run under a seed. None when it was given up.
pub(super) fn execute(scene: &Scene, seed: u64, stop: &AtomicBool) -> Result<Option<Run>, Failure> {
    let clock = Clock::start();
    guarded(scene, seed, || {
        let mut world = world(scene, seed)?;
        loop {
            for _ in 0..STRIDE {
                if !world.step() {
                    let mut run = run::finish(world, &scene.path, clock.seconds());
                    run.summary.replay = scene.command(seed);
                    return Ok(Some(run));
                }
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
    })
}

/// A world before its first event.
pub(super) fn world(scene: &Scene, seed: u64) -> Result<World, Failure> {
    let plan = Plan::new(&scene.scenario, seed).map_err(|error| {
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
            "error: this is a bug in assize, not in your pipeline: {}\n  \
             scenario {}, seed {seed}\n  again with: {}",
            reason(panic.as_ref()),
            scene.path.display(),
            scene.command(seed),
        );
        Err(Failure::new(Exit::Bug, text))
    })
}

fn reason(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "it panicked without a word".to_owned()
    }
}
