//! A run from scenario and seed to verdict.

mod driver;
mod gates;
mod judge;
mod resolved;
mod timeline;

use std::path::Path;

pub use driver::Driver;
use reports::history::Recorder;
use reports::metric::Timeline;
use reports::summary::Summary;
pub use resolved::resolved;
pub(crate) use resolved::{came_of, drawn};
use scenarios::Scenario;
use scenarios::model::Anomaly;

use crate::invariant;
use crate::plan::{Plan, PlanError};
use crate::service;
use crate::world::{Actor, Layout, World};

/// What a run leaves.
#[derive(Debug)]
pub struct Run {
    /// In numbers.
    pub summary: Summary,
    /// What was sampled of the cluster.
    pub timeline: Timeline,
    /// The world at its end.
    pub world: World,
}

impl Run {
    /// What clients saw.
    #[must_use]
    pub const fn recorder(&self) -> &Recorder {
        self.world.recorder()
    }
}

/// A world made from a plan, before its first event.
#[must_use]
pub fn world_of(plan: Plan) -> World {
    world_with(plan, &mut |_| None)
}

/// A world made from a plan, before its first event; `stand_in` may answer with a process of its
/// own for an instance of a service.
#[must_use]
pub fn world_with(
    plan: Plan,
    stand_in: &mut dyn FnMut(service::Part) -> Option<Box<dyn Actor>>,
) -> World {
    let load = plan.scenario.warmup + plan.scenario.duration;
    let grid = (load / 240).max(1_000_000);
    let mut recorder = Recorder::new(grid);
    if plan.scenario.expect.anomaly == Some(Anomaly::AbortedRead) {
        recorder.judge_every_reader();
    }
    let cast = service::cast(&plan, &mut recorder, stand_in);
    let layout = Layout {
        names: cast.names,
        stores: cast.stores,
        clients: cast.clients,
        recorder,
        invariants: invariant::standard(),
    };
    World::new(plan, layout)
}

/// Runs a scenario under a seed to its end. `wall` tells seconds of the machine for the
/// summary; it reaches nothing else.
///
/// # Errors
/// When the scenario asks for rules that the model does not have.
pub fn run(
    scenario: &Scenario,
    name: &Path,
    seed: u64,
    wall: impl Fn() -> f64,
) -> Result<Run, PlanError> {
    let plan = Plan::new(scenario, seed)?;
    let started = wall();
    let mut world = world_of(plan);
    while world.step() {}
    Ok(judge::judge(world, name, wall() - started))
}

/// Judges a world that has run to its end.
#[must_use]
pub fn finish(world: World, name: &Path, wall_s: f64) -> Run {
    judge::judge(world, name, wall_s)
}
