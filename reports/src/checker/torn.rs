//! Torn transactions: a transaction's records are visible all or none.
//!
//! Judged on the audit, over the records that were acknowledged. A committed transaction of
//! which nothing is visible is lost, not torn; a transaction of unknown outcome may be
//! either whole or absent. One that was torn because its coordinators' log lost a decision upon which
//! markers had been written is an anomaly of its own, which whoever wants to look for other things
//! switches off.
//!
//! Source: KIP-98 (atomic writes across partitions); Jepsen's Kafka checker.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use crate::history::{Outcome, RecordState, Recorder, Transaction};
use crate::number::grouped;

fn torn(transaction: &Transaction) -> bool {
    transaction.outcome != Outcome::Aborted
        && transaction.audited > 0
        && transaction.audited_acknowledged < transaction.acknowledged
}

/// What is said of a transaction whose coordinator acted upon a decision that was undone.
const UNDONE: &str = " because a decision was lost before it was replicated (known-open in Kafka)";

/// Which anomaly a torn transaction is.
fn kind(recorder: &Recorder, number: u32) -> Anomaly {
    let undone = recorder.undone.contains(&number);
    if undone { Anomaly::DecisionUndone } else { Anomaly::TornTransaction }
}

/// Judges it.
pub(super) fn judge(recorder: &Recorder, off: &[Anomaly]) -> Finding {
    let mut found = Tally::default();
    let (mut judged, mut known) = (0_u64, 0_u64);
    for (number, transaction) in recorder.transactions.iter() {
        judged += 1;
        match torn(transaction) {
            true if off.contains(&kind(recorder, number)) => known += 1,
            true => found.add(number),
            false => {}
        }
    }
    let unaudited =
        recorder.records.batches().iter().any(|batch| {
            batch.transaction().is_some() && !recorder.audited.covers(batch.partition)
        });
    let count = found.count();
    let evidence = found.first().iter().map(|&number| describe(recorder, number)).collect();
    let (verdict, detail) = if count > 0 && !unaudited {
        (Verdict::Fail, format!("{count} of {judged} transactions are visible in part"))
    } else if unaudited && judged > 0 {
        (Verdict::Inconclusive, "some partitions were never audited".to_owned())
    } else if known > 0 {
        (Verdict::Pass, format!("none but {known} are visible in part{UNDONE}"))
    } else {
        (
            Verdict::Pass,
            format!("all {} transactions are visible whole or not at all", grouped(judged)),
        )
    };
    let name = "no-torn-transaction".to_owned();
    Finding { name, verdict, detail, violations: count, evidence }
}

fn describe(recorder: &Recorder, number: u32) -> Violation {
    let transaction = recorder.transactions.get(number);
    let missing = recorder.records.iter().find(|(_, state, batch)| {
        batch.transaction() == Some(number)
            && state.any(RecordState::ACKNOWLEDGED)
            && !state.any(RecordState::AUDITED)
    });
    let partition = missing.map(|(_, _, batch)| recorder.topology.partition_name(batch.partition));
    let anomaly = kind(recorder, number);
    let why = if anomaly == Anomaly::DecisionUndone { UNDONE } else { "" };
    Violation {
        anomaly,
        text: format!(
            "transaction {number} has {} records acknowledged, of which {} are visible{why}",
            transaction.acknowledged, transaction.audited_acknowledged
        ),
        record: missing.map(|(id, _, _)| id),
        partition,
        offset: missing.and_then(|(id, _, _)| recorder.records.acknowledged_offset(id)),
        at_ns: Some(transaction.ended_ns),
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::History;
    use crate::checker::{Anomaly, Claim, Verdict};

    fn two_logs(commit: bool, second: &[(i64, &[u32])]) -> History {
        let mut history = History::new();
        let transaction = history.begin();
        history.send(0..2, Some(transaction)).acknowledge(0..2, 0);
        history.send_to(1, 2..4, Some(transaction)).acknowledge_in(1, 2..4, 0);
        if commit {
            history.recorder.transaction_committed(transaction, 50);
        } else {
            history.recorder.transaction_unknown(transaction, 50);
        }
        history.audit(&[(0, &[0, 1])]);
        history.audit_log(1, second);
        history.audit_log(2, &[]);
        history
    }

    #[test]
    fn rejects_a_transaction_visible_in_one_log_only() {
        for commit in [true, false] {
            let finding = two_logs(commit, &[]).judge(Claim::NoTornTransaction);
            assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
            assert_eq!(finding.evidence[0].partition.as_deref(), Some("orders-1"));
        }
    }

    #[test]
    fn what_a_lost_decision_tore_has_a_name_of_its_own() {
        let mut history = two_logs(false, &[]);
        history.recorder.decision_undone(2);
        let finding = history.judge(Claim::NoTornTransaction);
        assert_eq!(finding.anomalies(), [Anomaly::DecisionUndone]);
        let judged =
            |off| history.recorder.judge_without(&[Claim::NoTornTransaction], &[off])[0].verdict;
        assert_eq!(judged(Anomaly::TornTransaction), Verdict::Fail);
        assert_eq!(judged(Anomaly::DecisionUndone), Verdict::Pass);
    }

    #[test]
    fn accepts_a_whole_one_and_an_absent_one_of_unknown_outcome() {
        let whole = two_logs(false, &[(0, &[2, 3])]);
        assert_eq!(whole.judge(Claim::NoTornTransaction).verdict, Verdict::Pass);
        let mut absent = History::new();
        let transaction = absent.begin();
        absent.send(0..2, Some(transaction)).acknowledge(0..2, 0);
        absent.recorder.transaction_unknown(transaction, 50);
        absent.audit(&[]).audit_log(1, &[]).audit_log(2, &[]);
        assert_eq!(absent.judge(Claim::NoTornTransaction).verdict, Verdict::Pass);
    }

    #[test]
    fn accepts_a_send_of_unknown_outcome_that_is_missing() {
        let mut history = History::new();
        let transaction = history.begin();
        history.send(0..3, Some(transaction)).acknowledge(0..2, 0).give_up(2..3);
        history.recorder.transaction_unknown(transaction, 50);
        history.audit(&[(0, &[0, 1])]).audit_log(1, &[]).audit_log(2, &[]);
        assert_eq!(history.judge(Claim::NoTornTransaction).verdict, Verdict::Pass);
    }
}
