use broker_model::protocol::ErrorCode;
use broker_model::protocol::group::CommittedOffset;
use broker_model::types::{Offset, PartitionId};

use super::Bench;
use crate::client::consumer::{CommitError, CommitId, ConsumerEvent};

fn at(offset: i64) -> Vec<CommittedOffset> {
    let partition = PartitionId(0);
    vec![CommittedOffset::new(partition, Offset(offset), None)]
}

fn commit_sync(b: &mut Bench, offset: i64) -> CommitId {
    b.with(|consumer, cx, _| consumer.commit_sync(cx, at(offset)))
}

fn commit_async(b: &mut Bench, offset: i64) -> CommitId {
    b.with(|consumer, cx, _| consumer.commit_async(cx, at(offset)))
}

fn ended(id: CommitId, result: Result<(), CommitError>) -> ConsumerEvent {
    ConsumerEvent::Committed { id, result }
}

const AUTO: [(&str, &str); 2] = [("enable.auto.commit", "true"), ("max.poll.records", "2")];

#[test]
fn auto_commit_takes_the_positions_of_earlier_polls_once_the_interval_has_passed() {
    let mut b = Bench::joined(&AUTO, 1, 0);
    b.fetch_records(0, 5);
    assert_eq!(b.poll(), ["0@0..2"]);
    b.advance(4_999);
    b.sent();
    assert_eq!(b.poll(), ["0@2..4"]);
    b.advance(1);
    assert_eq!(b.sent(), [""; 0], "only a poll commits");
    assert_eq!(b.poll(), ["0@4..5"]);
    assert_eq!(b.sent(), ["offset-commit gen=1 member=7 0@4/le0", "fetch node=0 s=77 e=1 0@5/le0"]);
    b.commit(ErrorCode::None);
    b.advance(5_000);
    b.poll();
    assert!(b.sent().contains(&"offset-commit gen=1 member=7 0@5/le0".to_owned()));
    assert_eq!(b.told(), [], "the application is not told");
}

#[test]
fn auto_commit_comes_before_the_revocation() {
    let mut b = Bench::joined(&AUTO, 1, 0);
    b.fetch_records(0, 5);
    b.poll();
    b.advance(3_000);
    b.heartbeat(ErrorCode::RebalanceInProgress);
    b.sent();
    assert!(b.poll().is_empty(), "partitions about to be revoked give nothing");
    assert_eq!(b.sent(), ["offset-commit gen=1 member=7 0@2/le0"]);
    b.commit(ErrorCode::CoordinatorLoadInProgress);
    b.advance(100);
    assert_eq!(b.sent(), ["offset-commit gen=1 member=7 0@2/le0"]);
    assert_eq!(b.told(), []);
    b.commit(ErrorCode::None);
    assert_eq!(b.told(), [ConsumerEvent::Revoked(vec![PartitionId(0)])]);
}

#[test]
fn auto_commit_comes_before_the_end() {
    let mut b = Bench::joined(&AUTO, 1, 0);
    b.fetch_records(0, 2);
    b.poll();
    b.sent();
    b.with(|consumer, cx, _| consumer.close(cx, true));
    assert_eq!(b.sent(), ["offset-commit gen=1 member=7 0@2/le0"]);
    b.commit(ErrorCode::None);
    assert_eq!(b.told(), [ConsumerEvent::Revoked(vec![PartitionId(0)])]);
    b.turn();
    assert_eq!(b.sent(), ["leave-group member=7", "fetch node=0 s=77 e=-1"]);
}

#[test]
fn commit_sync_retries_what_may_pass() {
    let mut b = Bench::joined(&[], 1, 0);
    let id = commit_sync(&mut b, 1);
    b.commit(ErrorCode::CoordinatorLoadInProgress);
    b.advance(100);
    assert_eq!(b.sent(), ["offset-commit gen=1 member=7 0@1"; 2]);
    b.commit(ErrorCode::None);
    assert_eq!(b.told(), [ended(id, Ok(()))]);
    assert_eq!(b.consumer.committed(PartitionId(0)).map(|c| c.offset), Some(Offset(1)));
}

#[test]
fn commit_sync_tells_rebalances_and_lost_membership_apart() {
    let mut b = Bench::joined(&[], 1, 0);
    let id = commit_sync(&mut b, 1);
    b.commit(ErrorCode::IllegalGeneration);
    assert_eq!(b.told()[0], ended(id, Err(CommitError::CommitFailed)));
    b.sent();
    b.poll();
    assert_eq!(b.told(), [ConsumerEvent::Lost(vec![PartitionId(0)])]);

    let mut b = Bench::joined(&[], 1, 0);
    let id = commit_sync(&mut b, 2);
    b.commit(ErrorCode::RebalanceInProgress);
    assert_eq!(b.told()[0], ended(id, Err(CommitError::RebalanceInProgress)));
}

#[test]
fn commit_sync_gives_up_after_its_timeout() {
    let mut b = Bench::joined(&[("default.api.timeout.ms", "500")], 1, 0);
    let id = commit_sync(&mut b, 1);
    b.advance(499);
    assert_eq!(b.told(), []);
    b.advance(1);
    assert_eq!(b.told(), [ended(id, Err(CommitError::Timeout))]);
}

#[test]
fn commit_async_is_tried_once_and_told_in_a_later_poll() {
    let mut b = Bench::joined(&[], 1, 0);
    b.fetch_records(0, 1);
    b.poll();
    let (first, second) = (commit_async(&mut b, 1), commit_async(&mut b, 2));
    b.commit(ErrorCode::CoordinatorLoadInProgress);
    b.commit(ErrorCode::None);
    assert_eq!(b.told(), []);
    b.poll();
    let error = CommitError::Retriable(ErrorCode::CoordinatorLoadInProgress);
    assert_eq!(b.told(), [ended(first, Err(error)), ended(second, Ok(()))]);
}

#[test]
fn a_commit_finds_a_moved_coordinator() {
    let mut b = Bench::joined(&[], 1, 0);
    let id = commit_sync(&mut b, 1);
    b.commit(ErrorCode::NotCoordinator);
    b.sent();
    b.advance(100);
    b.find_coordinator();
    assert_eq!(b.sent(), ["find-coordinator", "offset-commit gen=1 member=7 0@1"]);
    b.disconnect("offset-commit");
    b.advance(100);
    b.find_coordinator();
    b.commit(ErrorCode::None);
    assert_eq!(b.told(), [ended(id, Ok(()))]);
}

#[test]
fn during_a_round_nothing_can_be_committed() {
    let mut b = Bench::joined(&[], 1, 0);
    b.advance(3_000);
    b.heartbeat(ErrorCode::RebalanceInProgress);
    b.told();
    b.poll();
    b.sent();
    let id = commit_sync(&mut b, 1);
    assert_eq!(b.sent(), [""; 0]);
    assert_eq!(b.told(), [ended(id, Err(CommitError::RebalanceInProgress))]);
}
