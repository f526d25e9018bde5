//! Runs with async services: a scenario, a seed, and programs in the place of some services.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use scenarios::Scenario;

use super::actor::HostedActor;
use super::driver::{Program, Programs, drive_with};
use super::process::Process;
use crate::plan::{Plan, PlanError};
use crate::run::{self, Run};
use crate::world::Actor;

/// Why a run with async services cannot begin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HostingError {
    /// The scenario asks for rules that the model does not have.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A program stands for a service that the scenario does not have.
    #[error("the scenario has no service `{name}` for this program; it has: {known}")]
    NoSuchService {
        /// The program's service.
        name: String,
        /// The scenario's services.
        known: String,
    },
    /// A program stands for a service with transactions or effects, which async clients do not
    /// have.
    #[error(
        "service `{0}` is transactional or has effects; async programs produce, poll and commit"
    )]
    Beyond(String),
}

/// A run to be, in which async programs stand for services of a scenario.
///
/// The scenario keeps deciding how many instances a service has, its topics, group and Kafka
/// keys, and the faults that strike it; the program replaces what the service does.
#[must_use = "nothing happens before `run`"]
pub struct Hosting<'a> {
    scenario: &'a Scenario,
    seed: u64,
    programs: BTreeMap<String, Program>,
}

impl<'a> Hosting<'a> {
    /// A run of a scenario under a seed.
    pub const fn new(scenario: &'a Scenario, seed: u64) -> Self {
        Self { scenario, seed, programs: BTreeMap::new() }
    }

    /// Lets a program stand for a service. It is called for each start of each instance; when
    /// its future ends, the tasks it has spawned end with it.
    pub fn service<F>(
        mut self,
        name: &str,
        program: impl Fn(Process) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let boxed: Program = Arc::new(move |process| Box::pin(program(process)));
        self.programs.insert(name.to_owned(), boxed);
        self
    }

    /// Runs to the end and judges. The run's wall time is told as zero.
    ///
    /// # Errors
    /// When a program does not fit the scenario.
    pub fn run(self) -> Result<Run, HostingError> {
        let known: Vec<&str> = self.scenario.services.iter().map(|s| s.name.as_str()).collect();
        for name in self.programs.keys() {
            let Some(service) = self.scenario.services.iter().find(|s| s.name == *name) else {
                let (name, known) = (name.clone(), known.join(", "));
                return Err(HostingError::NoSuchService { name, known });
            };
            if service.transactional || service.effects.is_some() {
                return Err(HostingError::Beyond(name.clone()));
            }
        }
        let plan = Plan::new(self.scenario, self.seed)?;
        let name = self.scenario.name.clone();
        let mut programs = Programs::default();
        let board = Arc::clone(&programs.board);
        let world = run::world_with(plan, &mut |part| {
            let program = self.programs.get(&part.spec.name).cloned();
            programs.by_instance.push(program.clone());
            program.map(|_| Box::new(HostedActor::new(part, Arc::clone(&board))) as Box<dyn Actor>)
        });
        let world = drive_with(world, programs, || false).expect("nobody stops this run");
        let mut run = run::finish(world, Path::new(&name), 0.0);
        run.summary.replay = format!("the same program and scenario under seed {}", self.seed);
        Ok(run)
    }
}

impl std::fmt::Debug for Hosting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosting")
            .field("seed", &self.seed)
            .field("services", &self.programs.keys())
            .finish_non_exhaustive()
    }
}
