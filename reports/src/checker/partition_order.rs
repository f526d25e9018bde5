//! Order per partition: records of one producer session are in the log in send order.
//!
//! Holds for idempotent producers and for those with one request in flight; the claim's
//! [`Scope`] says whether the others count. Second copies of a record are not judged here.
//! What fell behind because a leader knew nothing of its producer is an anomaly of its own, which
//! whoever wants to look for other things switches off.
//!
//! Source: Kafka documentation, `max.in.flight.requests.per.connection`; KIP-98; KAFKA-14359.

use super::finding::{Anomaly, Finding, Verdict, Violation};
use super::judge::Scope;
use super::tallies::Tallies;
use crate::history::Recorder;
use crate::number::grouped;

/// What is said of a record that a leader without its producer's state let others overtake.
const SKIPPED: &str =
    " at a leader that knew nothing of its producer (known-open in Kafka: KAFKA-14359)";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Inversion {
    record: u32,
    after: u32,
    partition: u32,
    offset: i64,
}

/// The last record of one session in one log.
#[derive(Clone, Copy, Default, Debug)]
struct Last {
    /// Of the record, plus one; zero before the first.
    next_ordinal: u32,
    record: u32,
}

/// Its streaming state: the last record of each session, log by log.
#[derive(Clone, Default, Debug)]
pub struct PartitionOrder {
    partition: u32,
    last: Vec<Vec<Last>>,
    tallies: Tallies<Inversion>,
    judged: u64,
}

impl PartitionOrder {
    /// The audit goes on with this partition.
    pub(crate) fn turn_to(&mut self, partition: u32) {
        self.partition = partition;
        let index = partition as usize;
        if index >= self.last.len() {
            self.last.resize(index + 1, Vec::new());
        }
    }

    /// The audit found a record at an offset, from (session, send ordinal). `promised`: its
    /// producer keeps order; `skipped`, asked where it did not: a leader skipped it.
    #[inline]
    pub(crate) fn found(
        &mut self,
        (record, offset): (u32, i64),
        (session, ordinal): (u32, u32),
        promised: bool,
        skipped: impl Fn() -> bool,
    ) {
        let index = session as usize;
        let sessions = &mut self.last[self.partition as usize];
        if index >= sessions.len() {
            sessions.resize(index + 1, Last::default());
        }
        self.judged += 1;
        let last = &mut sessions[index];
        if ordinal + 1 < last.next_ordinal {
            let (after, partition) = (last.record, self.partition);
            let tally = match promised {
                true if skipped() => &mut self.tallies.known,
                true => &mut self.tallies.promised,
                false => &mut self.tallies.other,
            };
            tally.add(Inversion { record, after, partition, offset });
            return;
        }
        *last = Last { next_ordinal: ordinal + 1, record };
    }

    /// Records that overtook an earlier one, whoever produced them.
    pub(crate) const fn count(&self) -> u64 {
        self.tallies.count()
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder, scope: Scope, off: &[Anomaly]) -> Finding {
        let kinds = (Anomaly::Reordered, Anomaly::FirstSequenceSkipped, SKIPPED);
        let (count, evidence) =
            self.tallies.judged(kinds, scope, off, |anomaly, why, one| Violation {
                anomaly,
                text: format!(
                    "record {} follows record {} though it was sent before it{why}",
                    one.record, one.after
                ),
                record: Some(one.record),
                partition: Some(recorder.topology.partition_name(one.partition)),
                offset: Some(one.offset),
                at_ns: Some(recorder.records.batch(one.record).sent_ns),
            });
        let (verdict, detail) = if count > 0 {
            (Verdict::Fail, format!("{count} records overtook an earlier one of their producer"))
        } else if self.tallies.known.count() > 0 {
            (Verdict::Pass, format!("none but {}{SKIPPED}", self.tallies.known.count()))
        } else if self.tallies.other.count() > 0 {
            let text = format!(
                "none from producers that promise order; {} from producers that do not",
                grouped(self.tallies.other.count())
            );
            (Verdict::Pass, text)
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
    use crate::checker::{Anomaly, Claim, Scope, Verdict};

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
    fn tells_apart_what_a_leader_without_state_of_the_producer_skipped() {
        let judged = |skipped_at: u32, off: &[Anomaly]| {
            let mut history = History::new();
            history.send(0..2, None).send(2..4, None);
            history.recorder.first_sequence_skipped(0, skipped_at);
            history.audit(&[(0, &[2, 3]), (2, &[0, 1])]);
            let claim = [Claim::OrderPerPartition(Scope::Promised)];
            history.recorder.judge_without(&claim, off).remove(0)
        };
        let finding = judged(2, &[]);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 2));
        assert_eq!(finding.evidence[0].anomaly, Anomaly::FirstSequenceSkipped);
        let off = [Anomaly::FirstSequenceSkipped];
        assert_eq!(judged(2, &off).verdict, Verdict::Pass);
        assert_eq!(judged(1, &off).violations, 1, "record 1 was not sent before what it took");
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
