//! What went wrong with records of one kind, by what their producers promise.

use super::finding::{Anomaly, EVIDENCE_MAX, Tally, Violation};
use super::judge::Scope;

/// Tallies of one kind of violation.
#[derive(Clone, Debug)]
pub(super) struct Tallies<T> {
    /// The producer promises that it does not happen.
    pub(super) promised: Tally<T>,
    /// It promises so, and is known to break it: an anomaly of its own.
    pub(super) known: Tally<T>,
    /// It promises nothing.
    pub(super) other: Tally<T>,
}

impl<T> Default for Tallies<T> {
    fn default() -> Self {
        Self { promised: Tally::default(), known: Tally::default(), other: Tally::default() }
    }
}

impl<T> Tallies<T> {
    /// All, whoever produced them.
    pub(super) const fn count(&self) -> u64 {
        self.promised.count() + self.known.count() + self.other.count()
    }

    /// How many of them a claim is about, without the anomalies that are off, and the first as
    /// `violation` has them. The second anomaly is what is `known`, of which `why` is said too.
    pub(super) fn judged(
        &self,
        (anomaly, known, why): (Anomaly, Anomaly, &'static str),
        scope: Scope,
        off: &[Anomaly],
        violation: impl Fn(Anomaly, &'static str, &T) -> Violation,
    ) -> (u64, Vec<Violation>) {
        let tallies = [
            (anomaly, "", Some(&self.promised)),
            (known, why, Some(&self.known)),
            (anomaly, "", (scope == Scope::Every).then_some(&self.other)),
        ];
        let on = tallies.into_iter().filter(|(anomaly, ..)| !off.contains(anomaly));
        let mut count = 0;
        let mut first = Vec::new();
        for (anomaly, why, tally) in on {
            let Some(tally) = tally else { continue };
            count += tally.count();
            first.extend(tally.first().iter().map(|one| violation(anomaly, why, one)));
        }
        first.truncate(EVIDENCE_MAX);
        (count, first)
    }
}
