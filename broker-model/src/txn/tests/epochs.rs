//! `InitProducerId`: epochs, fencing, exhaustion.

use super::bench::{Bench, NOSUCH, V2, X, Y, pid};
use crate::note::Note;
use crate::protocol::txn::{InitProducerIdRequest, ProducerIdAndEpoch};
use crate::protocol::{ErrorCode, Request};
use crate::records::TransactionState;
use crate::txn::{TransactionCoordinator, TransactionSettings};
use crate::types::{MILLISECOND, NodeId, ProducerId, SECOND};

const FENCED: Result<(i64, i16), ErrorCode> = Err(ErrorCode::ProducerFenced);

#[test]
fn the_current_epoch_bumps_and_the_one_before_is_a_repetition() {
    let mut b = Bench::new();
    assert_eq!(b.init(X), Ok((1, 0)));
    assert_eq!(b.init_as(X, pid(1, 0)), Ok((1, 1)));
    assert_eq!(b.init_as(X, pid(1, 0)), Ok((1, 1)));
    assert_eq!(b.init_as(X, pid(1, 0)), Ok((1, 1)));
    assert_eq!(b.init_as(X, pid(1, 1)), Ok((1, 2)));
    assert_eq!(b.init_as(X, pid(1, 0)), FENCED);
    assert_eq!(b.init_as(X, pid(1, 3)), FENCED);
    let token = b.start_init(5, Some(X), pid(1, 1), 30 * SECOND);
    assert_eq!(b.initialized(token), Ok((1, 2)));
    assert_eq!(b.describe(X).timeout, 30 * SECOND);
    assert_eq!(b.init(X), Ok((1, 3)));
    assert_eq!(b.init_as(X, pid(1, 2)), FENCED);
    assert_eq!(b.init(Y), Ok((2, 0)));
    assert_eq!(b.init_as(Y, pid(1, 3)), FENCED);
    assert_eq!(b.init_as(NOSUCH, pid(1, 9)), Ok((3, 0)));
    assert_eq!(b.init_as(NOSUCH, pid(1, 9)), FENCED);
    assert_eq!(b.init_as(X, pid(1, -1)), Err(ErrorCode::InvalidRequest));
    assert!(b.notes.iter().any(|n| matches!(n, Note::ProducerFenced { .. })));
}

#[test]
fn the_timeout_has_bounds() {
    let mut b = Bench::new();
    for timeout in [0, 900_001 * MILLISECOND] {
        let token = b.start_init(5, Some(X), ProducerIdAndEpoch::NONE, timeout);
        assert_eq!(b.initialized(token), Err(ErrorCode::InvalidTransactionTimeout));
    }
    let token = b.start_init(5, Some(X), ProducerIdAndEpoch::NONE, 900 * SECOND);
    assert_eq!(b.initialized(token), Ok((1, 0)));
}

#[test]
fn a_producer_without_transactions_gets_a_fresh_id() {
    let mut b = Bench::new();
    let ask = |b: &mut Bench, producer| {
        let token = b.start_init(5, None, producer, 0);
        b.initialized(token)
    };
    assert_eq!(ask(&mut b, ProducerIdAndEpoch::NONE), Ok((1, 0)));
    assert_eq!(ask(&mut b, pid(77, 3)), Ok((2, 0)));
    assert_eq!(ask(&mut b, pid(77, -1)), Err(ErrorCode::InvalidRequest));
}

#[test]
fn without_producer_ids_clients_come_again() {
    let mut b = Bench::new();
    b.coordinator = TransactionCoordinator::new(NodeId(1), &TransactionSettings::default());
    b.load();
    assert!(b.coordinator.needs_producer_ids());
    assert_eq!(b.init(X), Err(ErrorCode::CoordinatorLoadInProgress));
    b.coordinator.add_producer_ids(ProducerId(5000), 1000);
    assert!(!b.coordinator.needs_producer_ids());
    assert_eq!(b.init(X), Ok((5000, 0)));
}

#[test]
fn a_second_init_aborts_the_open_transaction_and_fences_the_first() {
    let mut b = Bench::new();
    let p = pid(1, 0);
    assert_eq!(b.init(X), Ok((1, 0)));
    b.add(X, p, &[0]);
    b.hold_markers = true;
    assert_eq!(b.init(X), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(b.init(X), Err(ErrorCode::ConcurrentTransactions));
    b.hold_markers = false;
    b.write_markers();
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 1, [].to_vec()));
    assert_eq!(b.init(X), Ok((1, 2)));
    assert_eq!(b.commit(V2, p), FENCED);
    assert_eq!(b.add(X, p, &[0]), ErrorCode::ProducerFenced);
    assert_eq!(b.init_as(X, p), FENCED);
    assert_eq!(b.written, [(0, 1, false)]);
}

#[test]
fn while_a_transaction_is_open_only_the_producer_id_is_looked_at() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    b.init_as(X, pid(1, 0)).expect("bump");
    b.init_as(X, pid(1, 1)).expect("bump");
    b.add(X, pid(1, 2), &[0]);
    assert_eq!(b.init_as(X, pid(999, 0)), FENCED);
    assert_eq!(b.describe(X).state, "Ongoing");
    assert_eq!(b.init_as(X, pid(1, 0)), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 3, [].to_vec()));
    assert_eq!(b.init_as(X, pid(1, 0)), FENCED);
    assert_eq!(b.commit(V2, pid(1, 2)), Err(ErrorCode::InvalidTxnState));
    assert_eq!(b.init_as(X, pid(1, 2)), Ok((1, 3)));
    assert_eq!(b.shown(X), ("Empty", 1, 3, [].to_vec()));
}

#[test]
fn an_abort_that_could_not_be_logged_is_tried_again_with_the_same_epoch() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    b.add(X, pid(1, 0), &[0]);
    b.hold = true;
    let token = b.start_init(5, Some(X), ProducerIdAndEpoch::NONE, 60 * SECOND);
    b.refuse(ErrorCode::NotEnoughReplicas);
    assert_eq!(b.initialized(token), Err(ErrorCode::CoordinatorNotAvailable));
    b.hold = false;
    assert_eq!(b.init(X), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 1, [].to_vec()));
}

#[test]
fn at_the_last_epoch_init_gives_another_producer_id() {
    let mut b = Bench::new();
    let p = b.init_up_to(X, 32766);
    assert_eq!(b.add(X, p, &[0]), ErrorCode::None);
    assert_eq!(b.commit(4, p), Ok((-1, -1)));
    assert_eq!(b.init_as(X, pid(1, 32765)), Err(ErrorCode::UnknownServerError));
    assert_eq!(b.shown(X), ("CompleteCommit", 1, 32766, [].to_vec()));
    assert_eq!(b.init_as(X, p), Ok((2, 0)));
    assert_eq!(b.init_as(X, p), Ok((2, 0)));
    assert_eq!(b.abort(V2, p), Err(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(b.add(X, p, &[0]), ErrorCode::InvalidProducerIdMapping);
    assert_eq!(b.add(X, pid(2, 0), &[0]), ErrorCode::None);
    assert_eq!(b.commit(4, pid(2, 0)), Ok((-1, -1)));
    assert_eq!(b.init_as(X, pid(2, 0)), Ok((2, 1)));
    assert_eq!(b.init_as(X, p), FENCED);
    assert_eq!(b.init_as(X, pid(2, 0)), Ok((2, 1)));
}

#[test]
fn at_the_last_epoch_an_end_gives_another_producer_id() {
    let mut b = Bench::new();
    let p = b.init_up_to(X, 32766);
    b.add(X, p, &[0]);
    assert_eq!(b.commit(V2, p), Ok((2, 0)));
    assert_eq!(b.commit(V2, p), Ok((2, 0)));
    assert_eq!(b.abort(V2, p), Err(ErrorCode::InvalidTxnState));
    assert_eq!(b.shown(X), ("CompleteCommit", 2, 0, [].to_vec()));
    assert_eq!(b.add(X, pid(1, 32767), &[0]), ErrorCode::InvalidProducerIdMapping);
    assert_eq!(b.init_as(X, pid(1, 5)), FENCED);
    assert_eq!(b.add(X, pid(2, 0), &[0]), ErrorCode::None);
    assert_eq!(b.commit(V2, p), Err(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(b.abort(V2, pid(2, 0)), Ok((2, 1)));
    assert_eq!(b.commit(V2, p), Err(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(b.written, [(0, 32767, true), (0, 1, false)]);
}

#[test]
fn at_the_last_epoch_fencing_uses_the_one_behind_it() {
    let mut b = Bench::new();
    let p = b.init_up_to(X, 32766);
    b.add(X, p, &[0]);
    assert_eq!(b.init(X), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 32767, [].to_vec()));
    assert_eq!(b.init_as(X, p), Err(ErrorCode::UnknownServerError));
    assert_eq!(b.commit(V2, p), Err(ErrorCode::InvalidTxnState));
    assert_eq!(b.abort(V2, p), Ok((1, 32767)));
    assert_eq!(b.init(X), Ok((2, 0)));
    assert_eq!(b.init_as(X, p), FENCED);
    assert_eq!(b.init_as(X, pid(1, 32767)), FENCED);
    assert_eq!(b.init_as(X, pid(2, 0)), Ok((2, 1)));
    assert_eq!(b.abort(V2, pid(1, 32767)), Err(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(b.written, [(0, 32767, false)]);
}

#[test]
fn names_of_errors_go_by_the_version_of_the_request() {
    let mut b = Bench::new();
    b.init(X).expect("fresh");
    b.init(X).expect("next");
    let p = pid(1, 0);
    assert_eq!(b.abort(1, p), Err(ErrorCode::InvalidProducerEpoch));
    assert_eq!(b.abort(2, p), FENCED);
    for (version, error) in [(1, ErrorCode::InvalidProducerEpoch), (2, ErrorCode::ProducerFenced)] {
        let token = b.start_add(version, X, p, &[0], false);
        assert_eq!(b.added(token), [error]);
        assert_eq!(b.add_offsets(version, X, p), error);
    }
    for (version, error) in [(3, ErrorCode::InvalidProducerEpoch), (4, ErrorCode::ProducerFenced)] {
        let token = b.start_init(version, Some(X), p, 60 * SECOND);
        assert_eq!(b.initialized(token), Err(error));
    }
}

#[test]
fn on_an_old_feature_level_fencing_leaves_no_epoch_to_repeat() {
    let settings = TransactionSettings { transaction_version: 0, ..TransactionSettings::default() };
    let mut b = Bench::with(settings);
    b.init(X).expect("fresh");
    assert_eq!(b.add_offsets(1, X, pid(1, 0)), ErrorCode::None);
    assert_eq!(b.init(X), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(b.shown(X), ("CompleteAbort", 1, 1, [].to_vec()));
    assert_eq!(b.init_as(X, pid(1, 0)), FENCED);
    assert_eq!(b.init(X), Ok((1, 2)));
    let states: alloc::vec::Vec<TransactionState> = b
        .notes
        .iter()
        .filter_map(|n| match n {
            Note::TransactionState { state, .. } => Some(*state),
            _ => None,
        })
        .collect();
    use TransactionState::{CompleteAbort, Empty, Ongoing, PrepareAbort};
    assert_eq!(states, [Empty, Ongoing, PrepareAbort, CompleteAbort, Empty]);
}

#[test]
fn two_phase_commit_is_off_and_a_prepared_transaction_is_not_kept() {
    let mut b = Bench::new();
    let no = (ErrorCode::TransactionalIdAuthorizationFailed, ErrorCode::UnsupportedVersion);
    for (two_phase, keep_prepared, timeout, error) in [
        (true, true, 0, no.0),
        (true, false, SECOND, no.0),
        (false, true, 0, no.1),
        (false, false, 0, ErrorCode::InvalidTransactionTimeout),
    ] {
        let request = InitProducerIdRequest {
            transactional_id: Some(X),
            transaction_timeout: timeout,
            producer: ProducerIdAndEpoch::NONE,
            two_phase,
            keep_prepared,
        };
        let token = b.ask(6, Request::InitProducerId(request));
        assert_eq!(b.initialized(token), Err(error), "{two_phase} {keep_prepared}");
    }
}
