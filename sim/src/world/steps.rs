//! When chosen processes did something: the instants behind which a crash may find another state.

use broker_model::types::Instant;
use scenarios::model::Target;

use super::World;

/// The processes that are followed, and when they did something. Empty for nearly every run.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    nodes: Vec<usize>,
    clients: Vec<usize>,
    at: Vec<Instant>,
}

impl Steps {
    pub(super) fn node_acts(&mut self, index: usize, now: Instant) {
        if self.nodes.contains(&index) {
            self.at.push(now);
        }
    }

    pub(super) fn follows_client(&self, index: usize) -> bool {
        self.clients.contains(&index)
    }
}

impl World {
    /// Follows the processes that a target names from now on. False when it names a role, whose
    /// holder changes, or nobody.
    #[must_use]
    pub fn follow(&mut self, target: &Target) -> bool {
        let (nodes, clients) = match target {
            Target::Broker(_) | Target::ControllerNumber(_) | Target::Service { .. } => {
                self.resolve(target, 0)
            }
            _ => (Vec::new(), Vec::new()),
        };
        let found = !nodes.is_empty() || !clients.is_empty();
        self.steps = Steps { nodes, clients, at: Vec::new() };
        found
    }

    /// The instants within the load phase, its warm-up left out, at which processes that are
    /// followed did something, in order and each once.
    #[must_use]
    pub fn steps(&self) -> Vec<Instant> {
        let load = self.phases.measure_from..self.phases.load_until;
        let mut at: Vec<Instant> =
            self.steps.at.iter().copied().filter(|at| load.contains(at)).collect();
        at.sort_unstable();
        at.dedup();
        at
    }

    /// From when the times of faults count: the end of the warm-up.
    #[must_use]
    pub const fn faults_from(&self) -> Instant {
        self.phases.measure_from
    }

    /// A client process was called: it did something now, and finishes work at times of its own.
    pub(super) fn client_acts(&mut self, index: usize) {
        if self.steps.follows_client(index) {
            self.steps.at.push(self.now);
            self.steps.at.extend_from_slice(self.clients[index].actor.finishing());
        }
    }
}
