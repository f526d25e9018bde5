//! `AlterPartition`, after the recordings alter-partition-checks and alter-partition-members.

use super::*;
use crate::types::{LeaderEpoch, PartitionEpoch};

/// A partition led by 2 in epoch 1 at partition epoch 1, replicas 1 and 2.
fn led_by_two() -> Fixture {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[2, 1]], &[]);
    let two = f.leave(2);
    f.come(2, two);
    f.set_isr(0, &[1, 2]);
    assert_eq!(f.elect(ElectionType::Preferred, 0), ErrorCode::None);
    f
}

fn with(
    f: &Fixture,
    isr: &[u32],
    change: impl Fn(&mut AlterPartitionRequest),
) -> AlterPartitionRequest {
    let mut wish = f.wish(0, isr);
    change(&mut wish);
    wish
}

#[test]
fn partitions_of_one_request_are_decided_each_for_itself_and_made_durable_together() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3], &[1, 2, 3], &[1, 2, 3]], &[]);
    let mut wish = f.wish(0, &[1, 2]);
    for (partition, isr) in [(1, [1, 2]), (2, [1, 3])] {
        wish.partitions.extend(f.wish(partition, &isr).partitions);
    }
    wish.partitions[1].leader_epoch = LeaderEpoch(9);
    let Response::AlterPartition(answer) = f.ask(Request::AlterPartition(wish)) else {
        panic!("another kind of answer");
    };
    let errors: Vec<ErrorCode> = answer.partitions.iter().map(|a| a.error).collect();
    assert_eq!(answer.error, ErrorCode::None);
    assert_eq!(errors, [ErrorCode::None, ErrorCode::NotController, ErrorCode::None]);
    assert_eq!(f.partition(0).isr, [NodeId(1), NodeId(2)]);
    assert_eq!(f.partition(1).isr.len(), 3);
    assert_eq!(f.partition(2).isr, [NodeId(1), NodeId(3)]);
}

#[test]
fn checks_come_in_the_recorded_order() {
    let mut f = led_by_two();
    let before = f.describe(0);
    let epoch = f.partition(0).leader_epoch;
    let version = f.partition(0).partition_epoch;
    let (older, newer) = (LeaderEpoch(epoch.0 - 1), LeaderEpoch(epoch.0 + 1));
    let stale_version = PartitionEpoch(version.0 - 1);
    let one = f.epoch(NodeId(1));
    let cases = [
        (with(&f, &[1, 2], |r| r.broker_epoch = BrokerEpoch(-1)), ErrorCode::StaleBrokerEpoch),
        (with(&f, &[1, 2], |r| r.broker = NodeId(9)), ErrorCode::StaleBrokerEpoch),
        (
            with(&f, &[1, 2], |r| r.partitions[0].partition = PartitionId(7)),
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            with(&f, &[1, 2], |r| {
                r.partitions[0].leader_epoch = older;
                r.partitions[0].partition_epoch = PartitionEpoch(version.0 + 1);
            }),
            ErrorCode::NotController,
        ),
        (
            with(&f, &[1, 2], |r| {
                (r.broker, r.broker_epoch, r.partitions[0].leader_epoch) = (NodeId(1), one, newer);
            }),
            ErrorCode::NotController,
        ),
        (
            with(&f, &[1, 2], |r| {
                (r.broker, r.broker_epoch, r.partitions[0].leader_epoch) = (NodeId(1), one, older);
            }),
            ErrorCode::FencedLeaderEpoch,
        ),
        (
            with(&f, &[1, 2], |r| (r.broker, r.broker_epoch) = (NodeId(1), one)),
            ErrorCode::InvalidRequest,
        ),
        (
            with(&f, &[2, 9], |r| r.partitions[0].partition_epoch = stale_version),
            ErrorCode::InvalidUpdateVersion,
        ),
        (f.wish(0, &[1]), ErrorCode::InvalidRequest),
        (f.wish(0, &[2, 3]), ErrorCode::InvalidRequest),
        (with(&f, &[1, 2], |r| r.partitions[0].recovering = true), ErrorCode::InvalidRequest),
        (
            with(&f, &[1, 2], |r| r.partitions[0].isr[0].1 = BrokerEpoch(one.0 + 1)),
            ErrorCode::IneligibleReplica,
        ),
    ];
    for (wish, expected) in cases {
        assert_eq!(f.alter(wish.clone()), expected, "{wish:?}");
    }
    assert_eq!(f.describe(0), before);
}

#[test]
fn an_unchanged_isr_writes_no_record() {
    let mut f = led_by_two();
    let end = f.controller.records().len();
    let isr: Vec<u32> = f.partition(0).isr.iter().map(|n| n.0).collect();
    f.set_isr(0, &isr);
    assert_eq!(f.controller.records().len(), end);
}

#[test]
fn a_fenced_replica_may_not_join_and_one_may_leave() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3]], &[]);
    f.set_isr(0, &[1, 2]);
    f.set_isr(0, &[1, 2, 3]);
    f.leave(3);
    let wish = f.wish(0, &[1, 2, 3]);
    assert_eq!(f.alter(wish), ErrorCode::IneligibleReplica);
    assert_eq!(f.describe(0), "@3 leader=1 epoch=0 isr=1,2 elr=- last=-");
    // Before KIP-841 it might.
    f.rules.isr_admits_fenced = crate::rules::IsrAdmitsFenced::On;
    let wish = f.wish(0, &[1, 2, 3]);
    assert_eq!(f.alter(wish), ErrorCode::None);
}

#[test]
fn the_canary_lets_a_stranger_in() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2]], &[]);
    f.rules.isr_members = crate::rules::IsrMembers::Anyone;
    f.set_isr(0, &[1]);
    assert_eq!(f.partition(0).isr, only(&[1, 3]));
}
