//! No duplicate under idempotence.
//!
//! The audit returns each record once. Without `enable.idempotence` a retry may append a
//! batch twice; whether that counts is the claim's [`Scope`]. A batch that was sent again under
//! another producer epoch is an anomaly of its own: today's Java client does that, and whoever
//! wants to look for other things switches it off.
//!
//! Source: KIP-98 (idempotent producer); KAFKA-14034; Jepsen's `duplicate` for Kafka.

use super::finding::{Anomaly, Finding, Verdict, Violation};
use super::judge::Scope;
use super::tallies::Tallies;
use crate::history::Recorder;

/// What is said of a batch that was sent under two epochs.
const RESENT: &str = " sent again under a new producer epoch (known-open in Kafka: KAFKA-14034)";

/// Its streaming state: only what went wrong.
#[derive(Clone, Default, Debug)]
pub struct Duplicates {
    tallies: Tallies<(u32, u32, i64)>,
}

impl Duplicates {
    /// A record was found again. `promised`: its producer is idempotent; `resent`: it was sent
    /// under two epochs.
    pub(crate) fn found(
        &mut self,
        record: u32,
        partition: u32,
        offset: i64,
        promised: bool,
        resent: bool,
    ) {
        let tally = match (promised, resent) {
            (true, true) => &mut self.tallies.known,
            (true, false) => &mut self.tallies.promised,
            (false, _) => &mut self.tallies.other,
        };
        tally.add((record, partition, offset));
    }

    /// Records found again, whoever produced them.
    pub(crate) const fn count(&self) -> u64 {
        self.tallies.count()
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder, scope: Scope, off: &[Anomaly]) -> Finding {
        let kinds = (Anomaly::Duplicate, Anomaly::ResentUnderNewEpoch, RESENT);
        let (count, evidence) =
            self.tallies.judged(kinds, scope, off, |anomaly, why, &(record, partition, offset)| {
                Violation {
                    anomaly,
                    text: format!("record {record} is in the log a second time{why}"),
                    record: Some(record),
                    partition: Some(recorder.topology.partition_name(partition)),
                    offset: Some(offset),
                    at_ns: Some(recorder.records.batch(record).sent_ns),
                }
            });
        let resent = self.tallies.known.count();
        let (verdict, detail) = if count > 0 {
            let all = format!("{count} records are in a log more than once");
            let known = format!("{all}, {resent} of them{RESENT}");
            (Verdict::Fail, if resent > 0 { known } else { all })
        } else if resent > 0 {
            (Verdict::Pass, format!("none but {resent}{RESENT}"))
        } else if scope == Scope::Promised && self.tallies.other.count() > 0 {
            let text = format!(
                "none from idempotent producers; {} from producers that do not promise it",
                self.tallies.other.count()
            );
            (Verdict::Pass, text)
        } else {
            (Verdict::Pass, "every record in the logs is there once".to_owned())
        };
        Finding { name: "no-duplicate".to_owned(), verdict, detail, violations: count, evidence }
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::History;
    use crate::checker::{Anomaly, Claim, Scope, Verdict};

    #[test]
    fn rejects_a_record_appended_twice_by_an_idempotent_producer() {
        let mut history = History::new();
        history.send(0..2, None).acknowledge(0..2, 0);
        history.audit(&[(0, &[0, 1]), (5, &[0, 1])]);
        let finding = history.judge(Claim::NoDuplicate(Scope::Promised));
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 2));
        assert_eq!(finding.evidence[0].offset, Some(5));
    }

    #[test]
    fn accepts_one_that_the_producer_never_ruled_out_unless_all_count() {
        let mut history = History::plain();
        history.send(0..2, None).acknowledge(0..2, 0);
        history.audit(&[(0, &[0, 1, 1])]);
        let lenient = history.judge(Claim::NoDuplicate(Scope::Promised));
        assert_eq!(lenient.verdict, Verdict::Pass);
        assert_eq!(history.judge(Claim::NoDuplicate(Scope::Every)).verdict, Verdict::Fail);
    }

    #[test]
    fn tells_apart_what_was_sent_again_under_another_epoch() {
        let mut history = History::new();
        history.send(0..2, None);
        history.recorder.renumbered(0..2);
        history.acknowledge(0..2, 2).audit(&[(0, &[0, 1]), (2, &[0, 1])]);
        let claim = Claim::NoDuplicate(Scope::Promised);
        let finding = history.judge(claim);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 2));
        assert_eq!(finding.evidence[0].anomaly, Anomaly::ResentUnderNewEpoch);
        assert!(finding.detail.contains("KAFKA-14034"), "{}", finding.detail);
        let without = history.recorder.judge_without(&[claim], &[Anomaly::ResentUnderNewEpoch]);
        assert_eq!(without[0].verdict, Verdict::Pass);
        let without = history.recorder.judge_without(&[claim], &[Anomaly::Duplicate]);
        assert_eq!(without[0].verdict, Verdict::Fail);
    }

    #[test]
    fn accepts_a_record_that_two_readers_were_given() {
        let mut history = History::new();
        history.send(0..1, None).acknowledge(0..1, 0);
        history.poll(0, 0, &[0]).poll(1, 0, &[0]).audit(&[(0, &[0])]);
        assert_eq!(history.judge(Claim::NoDuplicate(Scope::Every)).verdict, Verdict::Pass);
    }
}
