use broker_model::protocol::fetch::{
    EpochEnd, ListOffsetsResponse, ListedOffset, OffsetForLeaderEpochResponse,
};
use broker_model::protocol::group::{CommittedOffset, OffsetFetchResponse};
use broker_model::protocol::{ErrorCode, Response};
use broker_model::types::{LeaderEpoch, Offset, PartitionId, Timestamp};

use super::{Bench, fetched};
use crate::client::consumer::ConsumerEvent;
use crate::client::consumer::event::ConsumerError;

fn listed(b: &mut Bench, error: ErrorCode, offset: i64) {
    let listed = ListedOffset {
        partition: PartitionId(0),
        error,
        offset: Offset(offset),
        leader_epoch: None,
        timestamp: Timestamp::NONE,
    };
    let response = ListOffsetsResponse { partitions: vec![listed] };
    b.answer("list-offsets", Response::ListOffsets(response));
}

#[test]
fn without_a_committed_offset_the_reset_policy_decides() {
    for (policy, shown) in
        [("earliest", "earliest"), ("latest", "latest"), ("by_duration:PT10S", "990000")]
    {
        let mut b = Bench::joined(&[("auto.offset.reset", policy)], 1, -1);
        assert_eq!(b.consumer.position(PartitionId(0)), None);
        assert_eq!(b.open.last().expect("sent").shown, format!("list-offsets node=0 0@{shown}"));
        listed(&mut b, ErrorCode::None, 7);
        assert_eq!(b.sent(), ["fetch node=0 s=0 e=0 0@7/le0"]);
    }
}

#[test]
fn a_committed_offset_is_where_to_begin() {
    let mut b = Bench::joined(&[], 1, 3);
    assert_eq!(b.consumer.position(PartitionId(0)), Some(Offset(3)));
    assert_eq!(b.consumer.committed(PartitionId(0)).map(|c| c.offset), Some(Offset(3)));
    b.fetch(0, 77, vec![]);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1"]);
}

#[test]
fn without_a_policy_poll_fails_whenever_the_answer_has_no_offset() {
    let mut b = Bench::joined(&[("auto.offset.reset", "none")], 1, -1);
    let error = ConsumerEvent::Error(ConsumerError::NoOffset(vec![PartitionId(0)]));
    assert_eq!(b.told(), std::slice::from_ref(&error));
    b.poll();
    assert_eq!(b.sent(), ["offset-fetch stable=true [0]"]);
    b.offset_fetch(-1);
    assert_eq!(b.told(), [error]);
    b.consumer.seek(PartitionId(0), Offset(3));
    b.poll();
    assert_eq!(b.sent(), ["fetch node=0 s=0 e=0 0@3/le0"]);
}

#[test]
fn unstable_offsets_are_asked_for_again() {
    let mut b = Bench::joined(&[], 1, 0);
    b.consumer.seek_to_committed(&[PartitionId(0)]);
    b.fetch(0, 77, vec![]);
    assert_eq!(b.sent(), ["offset-fetch stable=true [0]"]);
    let none = CommittedOffset::none(PartitionId(0));
    let partitions = vec![(ErrorCode::UnstableOffsetCommit, none)];
    let response = OffsetFetchResponse { error: ErrorCode::None, partitions };
    b.answer("offset-fetch", Response::OffsetFetch(response));
    assert_eq!(b.sent(), [""; 0]);
    assert_eq!(b.told(), []);
    b.advance(100);
    assert_eq!(b.sent(), ["offset-fetch stable=true [0]"]);
}

#[test]
fn out_of_range_resets_and_unsets_the_position_meanwhile() {
    let mut b = Bench::assigned(&[], &[(0, 0)]);
    b.sent();
    b.fetch(0, 77, vec![(fetched(0, ErrorCode::OffsetOutOfRange, Offset(-1)), vec![])]);
    assert_eq!(b.consumer.position(PartitionId(0)), None);
    assert_eq!(b.sent(), ["list-offsets node=0 0@earliest"]);
    listed(&mut b, ErrorCode::NotLeaderOrFollower, -1);
    b.advance(100);
    assert_eq!(b.sent(), ["metadata", "list-offsets node=0 0@earliest"]);
    listed(&mut b, ErrorCode::None, 7);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1 0@7/le0"]);
}

/// A position of 3 read in epoch 5, whose leader then moves to node 1 with epoch 6.
fn moved(settings: &[(&str, &str)]) -> Bench {
    let mut b = Bench::assigned(settings, &[(0, 5)]);
    let batch = b.batch(3, -1);
    let mut data = b.data(0, 0, &[batch]);
    data.1[0].leader_epoch = LeaderEpoch(5);
    b.fetch(0, 77, vec![data]);
    b.poll();
    b.poll();
    b.leaders = vec![(1, 6)];
    b.fetch(0, 77, vec![(fetched(0, ErrorCode::NotLeaderOrFollower, Offset(-1)), vec![])]);
    b.sent();
    b.advance(100);
    b.metadata();
    let sent = b.sent();
    assert_eq!(sent.last().expect("sent"), "epoch-ends node=1 0[epoch=5 current=6]");
    b
}

fn epoch_end(b: &mut Bench, epoch: i32, end: i64) {
    let end = EpochEnd { epoch: LeaderEpoch(epoch), end_offset: Offset(end) };
    let partitions = vec![(PartitionId(0), ErrorCode::None, Some(end))];
    let response = OffsetForLeaderEpochResponse { partitions };
    b.answer("epoch-ends", Response::OffsetForLeaderEpoch(response));
}

#[test]
fn a_new_leader_is_asked_whether_the_position_still_holds() {
    let mut b = moved(&[]);
    epoch_end(&mut b, 5, 3);
    assert_eq!(b.sent(), ["fetch node=1 s=0 e=0 0@3/le6"]);
}

#[test]
fn a_truncated_log_takes_the_position_back() {
    let mut b = moved(&[]);
    epoch_end(&mut b, 4, 2);
    assert_eq!(b.consumer.position(PartitionId(0)), Some(Offset(2)));
    assert_eq!(b.sent(), ["fetch node=1 s=0 e=0 0@2/le6"]);
}

#[test]
fn a_truncated_log_is_an_error_without_a_policy() {
    let mut b = moved(&[("auto.offset.reset", "none")]);
    epoch_end(&mut b, 4, 2);
    let error = ConsumerError::LogTruncation(PartitionId(0), Offset(3));
    assert_eq!(b.told(), [ConsumerEvent::Error(error)]);
}
