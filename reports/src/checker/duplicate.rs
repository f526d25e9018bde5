//! No duplicate under idempotence.
//!
//! The audit returns each record once. Without `enable.idempotence` a retry may append a
//! batch twice; whether that counts is the claim's [`Scope`].
//!
//! Source: KIP-98 (idempotent producer); Jepsen's `duplicate` for Kafka.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use super::judge::Scope;
use crate::history::Recorder;

/// Its streaming state: only what went wrong.
#[derive(Clone, Default, Debug)]
pub struct Duplicates {
    promised: Tally<(u32, u32, i64)>,
    other: Tally<(u32, u32, i64)>,
}

impl Duplicates {
    pub(crate) fn found(&mut self, record: u32, partition: u32, offset: i64, promised: bool) {
        let tally = if promised { &mut self.promised } else { &mut self.other };
        tally.add((record, partition, offset));
    }

    /// Records found again, whoever produced them.
    pub(crate) const fn count(&self) -> u64 {
        self.promised.count() + self.other.count()
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder, scope: Scope) -> Finding {
        let other = (scope == Scope::Every).then_some(&self.other);
        let tallies = || [Some(&self.promised), other].into_iter().flatten();
        let count: u64 = tallies().map(Tally::count).sum();
        let evidence = tallies()
            .flat_map(Tally::first)
            .take(super::EVIDENCE_MAX)
            .map(|&(record, partition, offset)| Violation {
                anomaly: Anomaly::Duplicate,
                text: format!("record {record} is in the log a second time"),
                record: Some(record),
                partition: Some(recorder.topology.partition_name(partition)),
                offset: Some(offset),
                at_ns: Some(recorder.records.batch(record).sent_ns),
            })
            .collect();
        let (verdict, detail) = if count > 0 {
            (Verdict::Fail, format!("{count} records are in a log more than once"))
        } else if scope == Scope::Promised && self.other.count() > 0 {
            let text = format!(
                "none from idempotent producers; {} from producers that do not promise it",
                self.other.count()
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
    use crate::checker::{Claim, Scope, Verdict};

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
    fn accepts_a_record_that_two_readers_were_given() {
        let mut history = History::new();
        history.send(0..1, None).acknowledge(0..1, 0);
        history.poll(0, 0, &[0]).poll(1, 0, &[0]).audit(&[(0, &[0])]);
        assert_eq!(history.judge(Claim::NoDuplicate(Scope::Every)).verdict, Verdict::Pass);
    }
}
