//! What a scenario demands to happen, and whether it did: `notes` of `[expect]`.

use std::collections::BTreeSet;

use broker_model::note::Note;

use super::World;

/// Names of what happened, kept only for a run whose scenario asks.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    asked: bool,
    seen: BTreeSet<&'static str>,
}

impl Witness {
    pub(super) const fn new(asked: bool) -> Self {
        Self { asked, seen: BTreeSet::new() }
    }

    /// Machines said what happened.
    pub(super) fn hear(&mut self, notes: &[Note]) {
        if self.asked {
            self.seen.extend(notes.iter().map(Note::name));
        }
    }
}

impl World {
    /// Whether machines said that this happened. Kept only when the scenario demands anything.
    #[must_use]
    pub fn has_heard(&self, name: &str) -> bool {
        self.witness.seen.contains(name)
    }

    /// What the scenario demands and what did not happen, in its order.
    #[must_use]
    pub fn missing_notes(&self) -> Vec<String> {
        let happened = |name: &&String| {
            self.witness.seen.contains(name.as_str())
                || self.faults.records.iter().any(|f| f.struck && f.kind == name.as_str())
        };
        let demanded = self.plan.scenario.expect.notes.iter();
        let missing = demanded.filter(|name| !happened(name)).cloned();
        let unfired = self.unfired_faults().map(|name| format!("fault {name}"));
        missing.chain(unfired).collect()
    }
}
