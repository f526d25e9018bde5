//! No acknowledged record lost.
//!
//! A record that was acknowledged, or given to a read_committed reader, is in the log that
//! a complete reader reads, unless its transaction was aborted or nobody knows how it ended,
//! compaction removed it for a newer record of its key, or it was deleted (by retention or
//! on demand) after a reader was given it. Where nobody reads, any deletion is right.
//!
//! Source: Kafka documentation, "Replication" (a committed message is not lost as long as one
//! in-sync replica lives); `NoCommittedRecordLostGlobally` of the published TLA+ model of
//! KIP-966; Jepsen's `lost-write` for Kafka.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use crate::history::{Outcome, RecordState, Recorder};
use crate::number::grouped;

/// Judges it.
pub(super) fn judge(recorder: &Recorder) -> Finding {
    let mut lost = Tally::default();
    let (mut judged, mut removed, mut without_audit) = (0_u64, 0_u64, 0_u64);
    for (id, state, batch) in recorder.records.iter() {
        if !state.any(RecordState::ACKNOWLEDGED | RecordState::POLLED) {
            continue;
        }
        if batch.transaction().is_some_and(|one| open_or_aborted(recorder, one)) {
            continue;
        }
        if state.any(RecordState::AUDITED) {
            judged += 1;
        } else if state.any(RecordState::COMPACTED)
            || deleted(recorder, id).is_some_and(|unread| !unread)
        {
            judged += 1;
            removed += 1;
        } else if recorder.audited.covers(batch.partition) {
            judged += 1;
            lost.add(id);
        } else {
            without_audit += 1;
        }
    }
    let evidence = lost.first().iter().map(|&id| describe(recorder, id)).collect();
    let total = grouped(judged);
    let (verdict, detail) = if lost.count() > 0 {
        let text =
            format!("{} of {total} acknowledged records are in no log", grouped(lost.count()));
        (Verdict::Fail, text)
    } else if without_audit > 0 {
        (Verdict::Inconclusive, format!("{without_audit} records are in partitions never audited"))
    } else if judged == 0 {
        (Verdict::Inconclusive, "no record was acknowledged or read".to_owned())
    } else {
        (Verdict::Pass, kept(judged, removed))
    };
    let name = "no-acknowledged-record-lost".to_owned();
    Finding { name, verdict, detail, violations: lost.count(), evidence }
}

/// Where the records are, if none is lost.
fn kept(judged: u64, removed: u64) -> String {
    if removed == 0 {
        return format!("all {} acknowledged records are in the logs", grouped(judged));
    }
    format!(
        "{} acknowledged records are in the logs; {} are older than what compaction or retention \
         keeps",
        grouped(judged - removed),
        grouped(removed)
    )
}

/// Whether nothing can be demanded of a transaction's records.
fn open_or_aborted(recorder: &Recorder, transaction: u32) -> bool {
    recorder.transactions.get(transaction).outcome != Outcome::Committed
}

/// Of a record that lay before the log's first offset: whether readers missed it.
fn deleted(recorder: &Recorder, id: u32) -> Option<bool> {
    let partition = recorder.records.batch(id).partition;
    let offset = recorder.records.acknowledged_offset(id)?;
    let read = recorder.records.state(id).any(RecordState::POLLED);
    let before = offset < recorder.removals.start(partition);
    before.then(|| !read && recorder.removals.is_read(partition))
}

fn describe(recorder: &Recorder, id: u32) -> Violation {
    let batch = recorder.records.batch(id);
    let acknowledged = recorder.records.state(id).any(RecordState::ACKNOWLEDGED);
    let text = if deleted(recorder, id) == Some(true) {
        format!("record {id} was deleted before anybody read it")
    } else if acknowledged {
        format!("record {id} was acknowledged and is not in the log")
    } else {
        format!("record {id} was read by a consumer and is no longer in the log")
    };
    Violation {
        anomaly: Anomaly::LostAcknowledged,
        text,
        record: Some(id),
        partition: Some(recorder.topology.partition_name(batch.partition)),
        offset: recorder.records.acknowledged_offset(id),
        at_ns: Some(if acknowledged { batch.acknowledged_ns } else { batch.sent_ns }),
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{COMMITTED, History};
    use crate::checker::{Anomaly, Claim, Verdict};

    #[test]
    fn rejects_an_acknowledged_record_that_the_audit_lacks() {
        let mut history = History::new();
        history.send(0..3, None).acknowledge(0..3, 0);
        history.audit(&[(0, &[0, 1])]);
        let finding = history.judge(Claim::NoAcknowledgedRecordLost);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        let violation = &finding.evidence[0];
        assert_eq!(violation.anomaly, Anomaly::LostAcknowledged);
        assert_eq!((violation.record, violation.offset), (Some(2), Some(2)));
        assert_eq!(violation.partition.as_deref(), Some("orders-0"));
    }

    #[test]
    fn rejects_a_record_that_was_read_and_vanished() {
        let mut history = History::new();
        history.send(0..1, None).give_up(0..1).poll(COMMITTED, 0, &[0]);
        history.audit(&[]);
        assert_eq!(history.judge(Claim::NoAcknowledgedRecordLost).verdict, Verdict::Fail);
    }

    #[test]
    fn accepts_lost_records_of_unknown_outcome_and_of_aborted_transactions() {
        let mut history = History::new();
        history.send(0..2, None).give_up(0..2);
        let aborted = history.begin();
        history.send(2..4, Some(aborted)).acknowledge(2..4, 0);
        history.recorder.transaction_aborted(aborted, 9);
        let unknown = history.begin();
        history.send(4..6, Some(unknown)).acknowledge(4..6, 2);
        history.recorder.transaction_unknown(unknown, 9);
        // With nothing to judge it could not tell.
        history.send(6..7, None).acknowledge(6..7, 4).audit(&[(4, &[6])]);
        assert_eq!(history.judge(Claim::NoAcknowledgedRecordLost).verdict, Verdict::Pass);
    }

    #[test]
    fn cannot_tell_without_an_audit() {
        let mut history = History::new();
        history.send(0..2, None).acknowledge(0..2, 0);
        let finding = history.judge(Claim::NoAcknowledgedRecordLost);
        assert_eq!(finding.verdict, Verdict::Inconclusive);
    }
}
