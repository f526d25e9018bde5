//! Which properties a run claims, and the verdict on each.

use super::{Finding, GateRule, aborted_read, lag, lost, torn};
use crate::checker::gate::{self, Gate};
use crate::history::Recorder;

/// Whose records a claim is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Those of producers whose configuration promises it.
    Promised,
    /// Everybody's: for scenarios that show what a configuration does not promise.
    Every,
}

/// A property that a run claims to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// `no-acknowledged-record-lost`.
    NoAcknowledgedRecordLost,
    /// `no-record-invented`.
    NoRecordInvented,
    /// `no-duplicate`.
    NoDuplicate(Scope),
    /// `order-per-partition`.
    OrderPerPartition(Scope),
    /// `order-per-key`.
    OrderPerKey,
    /// `aborted-never-read`.
    AbortedNeverRead,
    /// `no-torn-transaction`.
    NoTornTransaction,
    /// `poll-in-order`.
    PollInOrder,
    /// `effects-applied-once`.
    EffectsAppliedOnce,
    /// `one-terminal-state`.
    OneTerminalState,
    /// `lag-drained`.
    LagDrained,
    /// `calls-answered`.
    CallsAnswered,
}

impl Claim {
    /// Its name in scenario files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAcknowledgedRecordLost => "no-acknowledged-record-lost",
            Self::NoRecordInvented => "no-record-invented",
            Self::NoDuplicate(_) => "no-duplicate",
            Self::OrderPerPartition(_) => "order-per-partition",
            Self::OrderPerKey => "order-per-key",
            Self::AbortedNeverRead => "aborted-never-read",
            Self::NoTornTransaction => "no-torn-transaction",
            Self::PollInOrder => "poll-in-order",
            Self::EffectsAppliedOnce => "effects-applied-once",
            Self::OneTerminalState => "one-terminal-state",
            Self::LagDrained => "lag-drained",
            Self::CallsAnswered => "calls-answered",
        }
    }

    /// Every claim with the scope that is usual.
    pub const ALL: [Self; 12] = [
        Self::NoAcknowledgedRecordLost,
        Self::NoRecordInvented,
        Self::NoDuplicate(Scope::Promised),
        Self::OrderPerPartition(Scope::Promised),
        Self::OrderPerKey,
        Self::AbortedNeverRead,
        Self::NoTornTransaction,
        Self::PollInOrder,
        Self::EffectsAppliedOnce,
        Self::OneTerminalState,
        Self::LagDrained,
        Self::CallsAnswered,
    ];

    /// The claim of this name, with the usual scope.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.name() == name)
    }
}

impl Recorder {
    /// The verdicts on these claims, in their order. Call it after the audit.
    #[must_use]
    pub fn judge(&self, claims: &[Claim]) -> Vec<Finding> {
        claims.iter().map(|&claim| self.judge_one(claim)).collect()
    }

    fn judge_one(&self, claim: Claim) -> Finding {
        let finding = match claim {
            Claim::NoAcknowledgedRecordLost => lost::judge(self),
            Claim::NoRecordInvented => self.invented.judge(self),
            Claim::NoDuplicate(scope) => self.duplicates.judge(self, scope),
            Claim::OrderPerPartition(scope) => self.partition_order.judge(self, scope),
            Claim::OrderPerKey => self.key_order.judge(self),
            Claim::AbortedNeverRead => aborted_read::judge(self),
            Claim::NoTornTransaction => torn::judge(self),
            Claim::PollInOrder => self.polls.judge(self),
            Claim::EffectsAppliedOnce => self.effects.judge(self),
            Claim::OneTerminalState => self.terminals.judge(self),
            Claim::LagDrained => lag::judge(self),
            Claim::CallsAnswered => self.calls.judge(self),
        };
        assert_eq!(finding.name, claim.name(), "a finding carries its claim's name");
        finding
    }

    /// Measures the gates, in their order.
    #[must_use]
    pub fn gates(&self, rules: &[GateRule]) -> Vec<Gate> {
        rules.iter().map(|rule| gate::measure(self, rule)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Claim;
    use crate::checker::history::History;

    #[test]
    fn every_claim_is_judged_under_its_own_name() {
        let history = History::new();
        for (claim, finding) in Claim::ALL.iter().zip(history.recorder.judge(&Claim::ALL)) {
            assert_eq!(claim.name(), finding.name);
            assert_eq!(Claim::of_name(claim.name()), Some(*claim));
        }
        assert_eq!(Claim::of_name("no-such-claim"), None);
    }
}
