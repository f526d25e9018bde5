//! White-box invariants: what must hold on the true state after every event.
//!
//! One file each, with its source, a history it must reject and a near miss it must accept.
//! They look at what an event touched, never at everything.

use broker_model::note::Note;
use broker_model::records::Batches;
use broker_model::types::Instant;

use crate::world::Node;

/// What an invariant may look at.
#[derive(Debug)]
pub struct View<'a> {
    /// The time of the event.
    pub now: Instant,
    /// All nodes, brokers first.
    pub nodes: &'a [Node],
    /// All batches.
    pub batches: &'a Batches,
}

/// A property of the true state.
pub trait Invariant: std::fmt::Debug {
    /// Its name in reports and scenario files.
    fn name(&self) -> &'static str;
    /// Something happened. Says what is wrong, if anything is.
    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String>;
    /// All faults are healed and the idle tail is over. Says what is wrong, if anything is.
    fn after_healing(&mut self, _view: &View<'_>) -> Option<String> {
        None
    }
}

/// A violation with its evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which invariant.
    pub invariant: &'static str,
    /// When, in simulated time.
    pub at: Instant,
    /// What was seen.
    pub detail: String,
}

/// How many violations of one invariant keep their evidence.
const EVIDENCE_MAX: usize = 5;

/// All invariants of a run.
#[derive(Debug, Default)]
pub struct Invariants {
    all: Vec<Box<dyn Invariant>>,
    violations: Vec<Violation>,
    counts: Vec<u64>,
}

impl Invariants {
    /// These invariants.
    #[must_use]
    pub fn new(all: Vec<Box<dyn Invariant>>) -> Self {
        let counts = vec![0; all.len()];
        Self { all, violations: Vec::new(), counts }
    }

    /// Shows every invariant what happened.
    pub fn on_note(&mut self, view: &View<'_>, note: &Note) {
        for (index, invariant) in self.all.iter_mut().enumerate() {
            if let Some(detail) = invariant.on_note(view, note) {
                record(
                    &mut self.violations,
                    &mut self.counts[index],
                    invariant.name(),
                    view,
                    detail,
                );
            }
        }
    }

    /// Asks every invariant about the healed, idle cluster.
    pub fn after_healing(&mut self, view: &View<'_>) {
        for (index, invariant) in self.all.iter_mut().enumerate() {
            if let Some(detail) = invariant.after_healing(view) {
                record(
                    &mut self.violations,
                    &mut self.counts[index],
                    invariant.name(),
                    view,
                    detail,
                );
            }
        }
    }

    /// The evidence, in order of time.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Every invariant with how often it was violated.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.all.iter().zip(&self.counts).map(|(invariant, &count)| (invariant.name(), count))
    }
}

fn record(
    violations: &mut Vec<Violation>,
    count: &mut u64,
    invariant: &'static str,
    view: &View<'_>,
    detail: String,
) {
    *count += 1;
    if *count <= EVIDENCE_MAX as u64 {
        violations.push(Violation { invariant, at: view.now, detail });
    }
}

/// The invariants that watch every run.
#[must_use]
pub fn standard() -> Invariants {
    Invariants::new(Vec::new())
}
