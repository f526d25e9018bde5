//! Which properties a run claims, and the verdict on each.

use super::{Anomaly, Finding, GateRule, aborted_read, lag, lost, torn};
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
    /// `rows-match-records`.
    RowsMatchRecords,
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
            Self::RowsMatchRecords => "rows-match-records",
            Self::OneTerminalState => "one-terminal-state",
            Self::LagDrained => "lag-drained",
            Self::CallsAnswered => "calls-answered",
        }
    }

    /// Every claim with the scope that is usual.
    pub const ALL: [Self; 13] = [
        Self::NoAcknowledgedRecordLost,
        Self::NoRecordInvented,
        Self::NoDuplicate(Scope::Promised),
        Self::OrderPerPartition(Scope::Promised),
        Self::OrderPerKey,
        Self::AbortedNeverRead,
        Self::NoTornTransaction,
        Self::PollInOrder,
        Self::EffectsAppliedOnce,
        Self::RowsMatchRecords,
        Self::OneTerminalState,
        Self::LagDrained,
        Self::CallsAnswered,
    ];

    /// The anomalies by which it is violated: the names by which scenario files expect it or
    /// switch it off.
    #[must_use]
    pub const fn anomalies(self) -> &'static [Anomaly] {
        match self {
            Self::NoAcknowledgedRecordLost => &[Anomaly::LostAcknowledged],
            Self::NoRecordInvented => &[Anomaly::Invented],
            Self::NoDuplicate(_) => &[Anomaly::Duplicate, Anomaly::ResentUnderNewEpoch],
            Self::OrderPerPartition(_) => &[Anomaly::Reordered, Anomaly::FirstSequenceSkipped],
            Self::OrderPerKey => &[Anomaly::ReorderedKey],
            Self::AbortedNeverRead => &[Anomaly::AbortedRead],
            Self::NoTornTransaction => &[Anomaly::TornTransaction, Anomaly::DecisionUndone],
            Self::PollInOrder => &[Anomaly::SkippedPoll, Anomaly::WentBack],
            Self::EffectsAppliedOnce => {
                &[Anomaly::EffectLost, Anomaly::EffectDoubled, Anomaly::EffectInvented]
            }
            Self::RowsMatchRecords => &[Anomaly::EventLost, Anomaly::EventPhantom],
            Self::OneTerminalState => &[Anomaly::UnfinishedOrder],
            Self::LagDrained => &[Anomaly::StuckLag],
            Self::CallsAnswered => &[Anomaly::UnansweredCall],
        }
    }

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
        self.judge_without(claims, &[])
    }

    /// The same, with some anomalies switched off: a claim that rests on nothing else is off, one
    /// that rests on more is judged by the rest.
    #[must_use]
    pub fn judge_without(&self, claims: &[Claim], off: &[Anomaly]) -> Vec<Finding> {
        let judge = |&claim: &Claim| {
            if claim.anomalies().iter().all(|one| off.contains(one)) {
                let mut finding = self.judge_one(claim, &[]);
                finding.switch_off();
                finding
            } else {
                self.judge_one(claim, off)
            }
        };
        claims.iter().map(judge).collect()
    }

    fn judge_one(&self, claim: Claim, off: &[Anomaly]) -> Finding {
        let finding = match claim {
            Claim::NoAcknowledgedRecordLost => lost::judge(self),
            Claim::NoRecordInvented => self.invented.judge(self),
            Claim::NoDuplicate(scope) => self.duplicates.judge(self, scope, off),
            Claim::OrderPerPartition(scope) => self.partition_order.judge(self, scope, off),
            Claim::OrderPerKey => self.key_order.judge(self),
            Claim::AbortedNeverRead => aborted_read::judge(self),
            Claim::NoTornTransaction => torn::judge(self, off),
            Claim::PollInOrder => self.polls.judge(self, off),
            Claim::EffectsAppliedOnce => self.effects.judge(self, off),
            Claim::RowsMatchRecords => self.rows.judge(self, off),
            Claim::OneTerminalState => self.terminals.judge(self, off),
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
    use crate::checker::history::{COMMITTED, History};
    use crate::checker::{Anomaly, Verdict};

    #[test]
    fn every_claim_is_judged_under_its_own_name() {
        let history = History::new();
        for (claim, finding) in Claim::ALL.iter().zip(history.recorder.judge(&Claim::ALL)) {
            assert_eq!(claim.name(), finding.name);
            assert_eq!(Claim::of_name(claim.name()), Some(*claim));
        }
        assert_eq!(Claim::of_name("no-such-claim"), None);
    }

    #[test]
    fn what_is_switched_off_neither_holds_nor_fails() {
        let mut history = History::new();
        history.send(0..2, None).acknowledge(0..2, 0).audit(&[(0, &[0])]);
        let claims = [Claim::NoAcknowledgedRecordLost];
        assert_eq!(history.recorder.judge(&claims)[0].verdict, Verdict::Fail);
        let off = &history.recorder.judge_without(&claims, &[Anomaly::LostAcknowledged])[0];
        assert_eq!((off.verdict, off.violations), (Verdict::Off, 0));
        assert!(off.evidence.is_empty() && off.detail.starts_with("switched off"));
    }

    #[test]
    fn half_of_a_claim_can_be_switched_off() {
        let mut history = History::new();
        history.send(0..4, None).acknowledge(0..4, 0);
        history.recorder.assigned(COMMITTED, 0, 0, 1);
        history.poll(COMMITTED, 2, &[2, 3]).audit(&[(0, &[0, 1, 2, 3])]);
        let judged =
            |off: &[Anomaly]| history.recorder.judge_without(&[Claim::PollInOrder], off)[0].verdict;
        assert_eq!(judged(&[Anomaly::WentBack]), Verdict::Fail);
        assert_eq!(judged(&[Anomaly::SkippedPoll]), Verdict::Pass);
        assert_eq!(judged(&[Anomaly::SkippedPoll, Anomaly::WentBack]), Verdict::Off);
    }
}
