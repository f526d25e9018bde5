use broker_model::note::Note;
use broker_model::protocol::txn::{EndTxnResponse, ProducerIdAndEpoch};
use broker_model::protocol::{ErrorCode, Response};
use broker_model::records::TransactionState;
use broker_model::types::{GroupId, NodeId, TransactionalId};

use super::{Coverage, points};

fn told(coverage: &Coverage) -> Vec<String> {
    let reached = points().filter(|(point, _)| coverage.reached().has(*point));
    reached.map(|(_, name)| name).collect()
}

#[test]
fn transactions_are_told_by_their_steps_and_their_coordinators() {
    let mut coverage = Coverage::default();
    let note = |node, state| Note::TransactionState {
        node: NodeId(node),
        transactional_id: TransactionalId(0),
        producer: ProducerIdAndEpoch::NONE,
        state,
    };
    coverage.note(&[], &note(1, TransactionState::Ongoing));
    coverage.note(&[], &note(1, TransactionState::PrepareCommit));
    assert_eq!(
        told(&coverage),
        ["transaction Empty: Ongoing", "transaction Ongoing: PrepareCommit"]
    );
    coverage.note(&[], &note(2, TransactionState::CompleteCommit));
    let all = told(&coverage);
    for name in [
        "coordinator-changed-between-prepare-and-complete",
        "transaction PrepareCommit: CompleteCommit",
        "transaction PrepareCommit: coordinator-changed",
    ] {
        assert!(all.iter().any(|one| one == name), "{name} in {all:?}");
    }
}

#[test]
fn groups_are_told_by_their_rounds() {
    let mut coverage = Coverage::default();
    let note = Note::RebalanceStarted { node: NodeId(1), group: GroupId(0) };
    coverage.note(&[], &note);
    assert_eq!(told(&coverage), ["group new: rebalance-started"]);
    coverage.note(&[], &note);
    assert!(told(&coverage).contains(&"rebalance-within-rebalance".to_owned()));
}

#[test]
fn answers_are_told_by_their_errors() {
    let mut coverage = Coverage::default();
    let answer =
        |error| Response::EndTxn(EndTxnResponse { error, producer: ProducerIdAndEpoch::NONE });
    coverage.answer(&answer(ErrorCode::None));
    assert!(told(&coverage).is_empty());
    coverage.answer(&answer(ErrorCode::InvalidTxnState));
    assert_eq!(told(&coverage), ["end-txn-after-its-transaction", "EndTxn: INVALID_TXN_STATE"]);
}
