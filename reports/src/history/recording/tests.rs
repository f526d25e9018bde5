//! A recorder that is away records what it would have recorded here.

use proptest::prelude::*;

use super::super::{Acknowledged, Isolation, Phase, Poll, Recorder, Recording, Sent, Session};
use super::super::{CallKind, LedgerId, TableId};
use crate::metric::StageId;

/// A recorder with its cast, and the stage of it.
fn recorder() -> (Recorder, StageId) {
    let mut recorder = Recorder::new(1_000_000);
    recorder.service_instance(0, "order/0");
    recorder.group(0, "payment");
    recorder.topic(0, "orders", [0, 1]);
    recorder.ledger("stock", 0);
    recorder.table("order-rows", 0);
    let stage = recorder.stage("end_to_end");
    recorder.phase(Phase::Warmup, 0);
    (recorder, stage)
}

/// Some calls of every kind; what is asked of the recorder on the way is its business.
fn record(recording: &mut Recording, stage: StageId, rounds: &[u32]) -> Vec<u32> {
    let (mut numbers, mut next) = (Vec::new(), 0);
    for (at_ns, &count) in (1_u64..).zip(rounds) {
        let partition = count % 2;
        let (ids, end) = (next..next + count, next + count);
        let session = Session { instance: 0, idempotent: true, ordered: true };
        let session = recording.session(session);
        let consumer = recording.consumer(0, 0, Isolation::ReadCommitted);
        let transaction = recording.transaction_begun(session, at_ns);
        numbers.extend([session, consumer, transaction]);
        recording.record_intended(u64::from(count));
        recording.phase(Phase::Steady, at_ns);
        let sent = Sent { partition, session, transaction: Some(transaction), at_ns };
        recording.sent_once(ids.clone(), sent);
        recording.sent_once(ids.clone(), sent);
        recording.renumbered(ids.clone().take(1));
        let base_offset = i64::from(next);
        let answer = Acknowledged { partition, base_offset, bytes: 100, at_ns };
        match count % 5 {
            0 => recording.failed(ids.clone(), "INVALID_RECORD", at_ns),
            1 => recording.unknown(ids.clone(), "TimeoutException", at_ns),
            _ => recording.acknowledged(ids.clone(), answer),
        }
        match count % 3 {
            0 => recording.transaction_committed(transaction, at_ns),
            1 => recording.transaction_aborted(transaction, at_ns),
            _ => recording.transaction_unknown(transaction, at_ns),
        }
        recording.calls_started(CallKind::CommitOffsets, 2);
        recording.calls_ended(CallKind::CommitOffsets, 1);
        recording.assigned(consumer, partition, base_offset, at_ns);
        recording.position_reset(consumer, partition, base_offset, at_ns);
        recording.polled(ids.clone(), Poll { consumer, partition, base_offset, at_ns });
        recording.revoked(consumer, partition, at_ns);
        recording.committed_offset(0, partition, base_offset, at_ns);
        recording.effects_attempted(LedgerId(0), u64::from(count));
        recording.effects_applied(LedgerId(0), ids.clone().map(|entity| (entity, at_ns)));
        recording.rows_committed(ids.clone(), TableId(0), at_ns);
        recording.completed_all(stage, ids.map(|id| (at_ns, at_ns + u64::from(id))));
        recording.lag(0, 3, 4, at_ns);
        next = end;
    }
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_recorded_away_is_what_is_recorded_here(
        rounds in prop::collection::vec(1_u32..2_000, 1..60),
    ) {
        let (recorder, stage) = recorder();
        let (mut here, mut away) = (Recording::new(recorder.clone()), Recording::new(recorder));
        away.go_away();
        prop_assert_eq!(record(&mut away, stage, &rounds), record(&mut here, stage, &rounds));
        // Everything it holds, metrics and checks included.
        let (away, here) = (format!("{:?}", away.come_home()), format!("{:?}", here.come_home()));
        prop_assert!(away == here);
    }
}

#[test]
fn the_words_of_a_panic_away_are_heard_at_home() {
    let mut recording = Recording::new(recorder().0);
    recording.go_away();
    recording.failed(7..8, "INVALID_RECORD", 1);
    let home = std::panic::AssertUnwindSafe(|| recording.come_home().end_ns());
    let panic = std::panic::catch_unwind(home).expect_err("an unsent record is answered");
    let words = panic.downcast_ref::<String>().expect("it has words");
    assert!(words.contains("record 7 is answered but was not sent"), "{words}");
}
