//! Order per partition: records of one producer session are in the log in send order.
//!
//! Holds for idempotent producers and for those with one request in flight; the claim's
//! [`Scope`] says whether the others count. Second copies of a record are not judged here.
//!
//! Source: Kafka documentation, `max.in.flight.requests.per.connection`; KIP-98.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use super::judge::Scope;
use crate::history::Recorder;
use crate::number::grouped;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Inversion {
    record: u32,
    after: u32,
    partition: u32,
    offset: i64,
}

/// The last record of one session in the log being read.
#[derive(Clone, Copy, Default, Debug)]
struct Last {
    /// Of which audit it is; stale otherwise.
    audit: u32,
    ordinal: u32,
    record: u32,
}

/// Its streaming state: the last record of each session.
#[derive(Clone, Default, Debug)]
pub struct PartitionOrder {
    partition: u32,
    audit: u32,
    last: Vec<Last>,
    promised: Tally<Inversion>,
    other: Tally<Inversion>,
    judged: u64,
}

impl PartitionOrder {
    pub(crate) fn begin(&mut self, partition: u32) {
        self.partition = partition;
        self.audit += 1;
    }

    #[inline]
    pub(crate) fn found(
        &mut self,
        record: u32,
        offset: i64,
        session: u32,
        ordinal: u32,
        promised: bool,
    ) {
        let index = session as usize;
        if index >= self.last.len() {
            self.last.resize(index + 1, Last::default());
        }
        self.judged += 1;
        let last = &mut self.last[index];
        if last.audit == self.audit && ordinal < last.ordinal {
            let (after, partition) = (last.record, self.partition);
            let tally = if promised { &mut self.promised } else { &mut self.other };
            tally.add(Inversion { record, after, partition, offset });
            return;
        }
        *last = Last { audit: self.audit, ordinal, record };
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder, scope: Scope) -> Finding {
        let other = (scope == Scope::Every).then_some(&self.other);
        let tallies = || [Some(&self.promised), other].into_iter().flatten();
        let count: u64 = tallies().map(Tally::count).sum();
        let evidence = tallies()
            .flat_map(Tally::first)
            .take(super::EVIDENCE_MAX)
            .map(|one| Violation {
                anomaly: Anomaly::Reordered,
                text: format!(
                    "record {} follows record {} though it was sent before it",
                    one.record, one.after
                ),
                record: Some(one.record),
                partition: Some(recorder.topology.partition_name(one.partition)),
                offset: Some(one.offset),
                at_ns: Some(recorder.records.batch(one.record).sent_ns),
            })
            .collect();
        let (verdict, detail) = if count > 0 {
            (Verdict::Fail, format!("{count} records overtook an earlier one of their producer"))
        } else {
            (
                Verdict::Pass,
                format!("{} records are in the order they were sent", grouped(self.judged)),
            )
        };
        let name = "order-per-partition".to_owned();
        Finding { name, verdict, detail, violations: count, evidence }
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::History;
    use crate::checker::{Claim, Scope, Verdict};

    #[test]
    fn rejects_a_batch_that_overtook_another() {
        let mut history = History::new();
        history.send(0..2, None).send(2..4, None);
        history.audit(&[(0, &[2, 3]), (2, &[0, 1])]);
        let finding = history.judge(Claim::OrderPerPartition(Scope::Promised));
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 2));
        assert!(finding.evidence[0].text.contains("record 0 follows record 3"));
    }

    #[test]
    fn accepts_sessions_that_interleave() {
        let mut history = History::new();
        history.send(0..2, None);
        history.restart_producer();
        history.send(2..4, None);
        history.audit(&[(0, &[2]), (1, &[0, 3]), (3, &[1])]);
        assert_eq!(history.judge(Claim::OrderPerPartition(Scope::Every)).verdict, Verdict::Pass);
    }

    #[test]
    fn accepts_a_gap_where_records_of_unknown_outcome_are_missing() {
        let mut history = History::new();
        history.send(0..4, None).give_up(1..3);
        history.audit(&[(0, &[0, 3])]);
        assert_eq!(history.judge(Claim::OrderPerPartition(Scope::Every)).verdict, Verdict::Pass);
    }

    #[test]
    fn accepts_a_late_second_copy_from_a_producer_that_rules_none_out() {
        let mut history = History::plain();
        history.send(0..3, None);
        history.audit(&[(0, &[0, 1, 2, 0])]);
        assert_eq!(history.judge(Claim::OrderPerPartition(Scope::Every)).verdict, Verdict::Pass);
    }
}
