//! Aborted never read by read_committed.
//!
//! A record of a transaction that was aborted is given to no read_committed reader, at no
//! time, and the audit does not return it. A transaction whose producer died before it asked for a
//! commit counts as aborted: nobody else may commit it.
//!
//! Source: KIP-98, "Consumer"; Jepsen's `G1a` (aborted read).

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use crate::history::{Outcome, RecordState, Recorder};
use crate::number::grouped;

/// Judges it.
pub(super) fn judge(recorder: &Recorder) -> Finding {
    let mut found = Tally::default();
    let mut aborted = 0_u64;
    let mut audited = false;
    for (number, transaction) in recorder.transactions.iter() {
        if transaction.outcome != Outcome::Aborted {
            continue;
        }
        aborted += 1;
        if let Some(read) = transaction.first_read {
            let name = recorder.topology.consumer_name(read.consumer);
            found.add(Violation {
                anomaly: Anomaly::AbortedRead,
                text: format!(
                    "{name} was given record {} of transaction {number}, which was aborted",
                    read.record
                ),
                record: Some(read.record),
                partition: Some(recorder.topology.partition_name(read.partition)),
                offset: Some(read.offset),
                at_ns: Some(read.at_ns),
            });
        } else if transaction.audited > 0 {
            audited = true;
        }
    }
    if audited {
        for violation in in_the_audit(recorder) {
            found.add(violation);
        }
    }
    let count = found.count();
    let (verdict, detail) = if count > 0 {
        (Verdict::Fail, format!("{count} aborted transactions were visible to read_committed"))
    } else if aborted == 0 {
        (Verdict::Pass, "no transaction was aborted".to_owned())
    } else {
        (Verdict::Pass, format!("none of {} aborted transactions was visible", grouped(aborted)))
    };
    let name = "aborted-never-read".to_owned();
    Finding { name, verdict, detail, violations: count, evidence: found.first().to_vec() }
}

/// One violation for each aborted transaction that only the audit saw.
fn in_the_audit(recorder: &Recorder) -> Vec<Violation> {
    let mut last = None;
    let mut violations = Vec::new();
    for (id, state, batch) in recorder.records.iter() {
        let Some(number) = batch.transaction() else { continue };
        let transaction = recorder.transactions.get(number);
        let visible = state.any(RecordState::AUDITED) && transaction.first_read.is_none();
        if transaction.outcome != Outcome::Aborted || !visible || last == Some(number) {
            continue;
        }
        last = Some(number);
        violations.push(Violation {
            anomaly: Anomaly::AbortedRead,
            text: format!("a full read returns record {id} of aborted transaction {number}"),
            record: Some(id),
            partition: Some(recorder.topology.partition_name(batch.partition)),
            offset: recorder.records.acknowledged_offset(id),
            at_ns: Some(transaction.ended_ns),
        });
    }
    violations
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{COMMITTED, History, UNCOMMITTED};
    use crate::checker::{Claim, Verdict};

    #[test]
    fn rejects_a_read_committed_reader_that_saw_one() {
        let mut history = History::new();
        let transaction = history.begin();
        history.send(0..2, Some(transaction)).acknowledge(0..2, 0).poll(COMMITTED, 0, &[0, 1]);
        history.recorder.transaction_aborted(transaction, 50);
        history.audit(&[]);
        let finding = history.judge(Claim::AbortedNeverRead);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert_eq!(finding.evidence[0].record, Some(0));
    }

    #[test]
    fn rejects_one_in_the_audit() {
        let mut history = History::new();
        let transaction = history.begin();
        history.send(0..2, Some(transaction)).acknowledge(0..2, 0);
        history.recorder.transaction_aborted(transaction, 50);
        history.audit(&[(0, &[0])]);
        assert_eq!(history.judge(Claim::AbortedNeverRead).violations, 1);
    }

    #[test]
    fn accepts_a_read_uncommitted_reader_and_an_unknown_end() {
        let mut history = History::new();
        let aborted = history.begin();
        history.send(0..2, Some(aborted)).acknowledge(0..2, 0).poll(UNCOMMITTED, 0, &[0, 1]);
        history.recorder.transaction_aborted(aborted, 50);
        let unknown = history.begin();
        history.send(2..3, Some(unknown)).acknowledge(2..3, 3).poll(COMMITTED, 3, &[2]);
        history.recorder.transaction_unknown(unknown, 60);
        history.audit(&[(3, &[2])]);
        assert_eq!(history.judge(Claim::AbortedNeverRead).verdict, Verdict::Pass);
    }
}
