//! Committed offsets: recorded dialogues.

use alloc::format;
use alloc::vec::Vec;

use super::bench::{Bench, G, H, NOBODY, committed, joining, p, producer};
use crate::group::GroupSettings;
use crate::io::Token;
use crate::metadata::Image;
use crate::note::Note;
use crate::protocol::group::OffsetCommitRequest;
use crate::protocol::{ErrorCode, Request};
use crate::records::{MetadataRecord, PartitionRecord};
use crate::rules::OffsetCommitRule;
use crate::types::{
    GenerationId, LeaderEpoch, MemberId, PartitionEpoch, PartitionId, SECOND, TopicId,
};

const UNSTABLE: Result<i64, ErrorCode> = Err(ErrorCode::UnstableOffsetCommit);

#[test]
fn commits_from_outside_need_a_group_without_members() {
    let mut b = Bench::new();
    let a = MemberId(5);
    assert_eq!(b.commit(G, NOBODY, 0, &[(0, 1)]), ErrorCode::GroupIdNotFound);
    assert_eq!(b.commit(G, a, 0, &[(0, 1)]), ErrorCode::GroupIdNotFound);
    b.version = 8;
    assert_eq!(b.commit(G, a, 0, &[(0, 1)]), ErrorCode::IllegalGeneration);
    b.version = 9;
    assert_eq!(b.commit(G, a, -1, &[(0, 1)]), ErrorCode::None);
    assert_eq!(b.state(G), "Empty");
    assert_eq!(b.commit(G, NOBODY, 0, &[(0, 3)]), ErrorCode::UnknownMemberId);
    assert_eq!(b.commit(G, NOBODY, -1, &[(0, -5)]), ErrorCode::None);
    assert_eq!(b.fetch(G, 0, false), Ok(-5));
    let m = b.stable_one(G);
    assert_eq!(b.commit(G, m, -1, &[(0, 4)]), ErrorCode::IllegalGeneration);
    assert_eq!(b.commit(G, NOBODY, -1, &[(0, 5)]), ErrorCode::UnknownMemberId);
    assert_eq!(b.commit(G, NOBODY, 1, &[(0, 6)]), ErrorCode::UnknownMemberId);
    assert_eq!(b.commit(G, m, 1, &[(0, 8)]), ErrorCode::None);
    assert_eq!(b.fetch(G, 0, false), Ok(8));
    assert_eq!(b.fetch(H, 0, false), Ok(-1));
    assert_eq!(b.fetch_all(H), []);
}

#[test]
fn each_partition_is_judged_on_its_own() {
    let mut b = Bench::new();
    let unknown = PartitionId::UNKNOWN.0;
    let token = b.start_commit(G, NOBODY, -1, &[(0, 5), (unknown, 6)]);
    assert_eq!(b.committed(token), [ErrorCode::None, ErrorCode::UnknownTopicOrPartition]);
    assert_eq!(b.fetch_all(G), [(0, Ok(5))]);
    let token = b.start_commit(H, MemberId(4), 4, &[(unknown, 7)]);
    assert_eq!(b.committed(token), [ErrorCode::UnknownTopicOrPartition]);
    let token = b.start_commit(G, NOBODY, -1, &[]);
    assert_eq!(b.committed(token), []);
}

#[test]
fn a_commit_is_seen_and_answered_once_replicated() {
    let mut b = Bench::new();
    b.hold = true;
    let token = b.start_commit(G, NOBODY, -1, &[(0, 5)]);
    assert!(b.is_pending(token));
    assert_eq!(b.fetch(G, 0, false), Ok(-1));
    let stable = b.start_fetch(G, Some(&[0]), true);
    assert!(b.is_pending(stable), "a stable fetch is ordered behind the write");
    b.replicate();
    assert_eq!(b.committed(token), [ErrorCode::None]);
    assert_eq!(b.fetched(stable), [(0, Ok(5))]);
    assert!(b.notes.iter().any(|n| matches!(n, Note::OffsetsCommitted { partitions: 1, .. })));
}

#[test]
fn a_refused_commit_leaves_no_trace() {
    let mut b = Bench::new();
    b.hold = true;
    let token = b.start_commit(G, NOBODY, -1, &[(0, 5)]);
    b.refuse(ErrorCode::NotEnoughReplicas);
    assert_eq!(b.committed(token), [ErrorCode::CoordinatorNotAvailable]);
    assert_eq!(b.fetch(G, 0, true), Ok(-1));
}

#[test]
fn a_stable_fetch_behind_a_refused_write_waits_for_the_one_before() {
    let mut b = Bench::new();
    b.hold = true;
    b.start_commit(G, NOBODY, -1, &[(0, 5)]);
    b.start_commit(G, NOBODY, -1, &[(0, 6)]);
    let fetch = b.start_fetch(G, Some(&[0]), true);
    b.refuse_newest(ErrorCode::NotEnoughReplicas);
    assert!(b.is_pending(fetch));
    b.replicate();
    assert_eq!(b.fetched(fetch), [(0, Ok(5))]);
}

#[test]
fn unloading_answers_whatever_waits() {
    let mut b = Bench::new();
    b.hold = true;
    let commit = b.start_commit(G, NOBODY, -1, &[(0, 5)]);
    let fetch = b.start_fetch(G, Some(&[0]), true);
    b.unload();
    assert_eq!(b.committed(commit), [ErrorCode::NotCoordinator]);
    assert!(!b.is_pending(fetch));
    b.replicate();
}

#[test]
fn the_canary_acknowledges_and_forgets() {
    let mut b = Bench::new();
    b.rules.offset_commit = OffsetCommitRule::Forgotten;
    assert_eq!(b.commit(G, NOBODY, -1, &[(0, 5)]), ErrorCode::None);
    assert_eq!(b.fetch(G, 0, false), Ok(-1));
    assert!(b.log.is_empty());
}

#[test]
fn transactional_offsets_wait_for_the_marker() {
    let mut b = Bench::new();
    let x = producer(1, 0);
    b.commit(G, NOBODY, -1, &[(0, 1)]);
    assert_eq!(b.txn_commit(x, G, &[(0, 5)]), ErrorCode::None);
    assert_eq!(b.fetch(G, 0, false), Ok(1));
    assert_eq!(b.fetch(G, 0, true), UNSTABLE);
    assert_eq!(b.fetch(G, 1, true), Ok(-1));
    b.marker(x, true);
    assert_eq!(b.fetch(G, 0, true), Ok(5));
    b.txn_commit(x, G, &[(0, 9)]);
    b.marker(x, false);
    assert_eq!(b.fetch(G, 0, true), Ok(5));
    b.marker(x, true);
    assert_eq!(b.fetch(G, 0, true), Ok(5));
}

#[test]
fn of_two_commits_the_one_written_later_wins() {
    let mut b = Bench::new();
    let (x, y) = (producer(1, 0), producer(2, 0));
    b.txn_commit(x, G, &[(0, 5), (1, 5)]);
    b.txn_commit(y, G, &[(0, 7)]);
    b.commit(G, NOBODY, -1, &[(1, 3)]);
    b.marker(y, true);
    b.marker(x, true);
    assert_eq!(b.fetch_all(G), [(0, Ok(7)), (1, Ok(3))]);
    let before = b.group(G);
    b.load();
    assert_eq!(b.group(G), before);
}

#[test]
fn pending_offsets_move_with_the_coordinator() {
    let mut b = Bench::new();
    let (x, y) = (producer(1, 0), producer(2, 0));
    b.commit(G, NOBODY, -1, &[(0, 1)]);
    b.txn_commit(x, G, &[(0, 5)]);
    b.txn_commit(y, H, &[(0, 7)]);
    b.load();
    assert_eq!(b.fetch(G, 0, false), Ok(1));
    assert_eq!(b.fetch(G, 0, true), UNSTABLE);
    assert_eq!(b.fetch(H, 0, true), UNSTABLE);
    b.marker(x, true);
    assert_eq!(b.fetch(G, 0, true), Ok(5));
    b.marker(y, false);
    assert_eq!(b.fetch(H, 0, true), Ok(-1));
    b.load();
    assert_eq!(b.fetch(G, 0, true), Ok(5));
    assert_eq!(b.fetch(H, 0, true), Ok(-1));
}

#[test]
fn the_log_fences_producers_of_offsets() {
    let mut b = Bench::new();
    b.hold = true;
    let token = b.start_txn_commit(producer(1, 0), G, NOBODY, -1, &[(0, 5)]);
    b.refuse(ErrorCode::InvalidProducerEpoch);
    assert_eq!(b.committed(token), [ErrorCode::InvalidProducerEpoch]);
    assert_eq!(b.fetch(G, 0, true), Ok(-1));
}

#[test]
fn transactional_commits_check_member_and_generation() {
    let mut b = Bench::new();
    let x = producer(1, 0);
    let ask = |b: &mut Bench, member, generation| {
        let token: Token = b.start_txn_commit(x, G, member, generation, &[(0, 9)]);
        b.committed(token)[0]
    };
    assert_eq!(ask(&mut b, NOBODY, 3), ErrorCode::IllegalGeneration);
    assert_eq!(ask(&mut b, NOBODY, -1), ErrorCode::None);
    assert_eq!(ask(&mut b, MemberId(9), 3), ErrorCode::UnknownMemberId);
    let m = b.stable_one(G);
    assert_eq!(ask(&mut b, m, 1), ErrorCode::None);
    assert_eq!(ask(&mut b, m, 0), ErrorCode::IllegalGeneration);
    assert_eq!(ask(&mut b, NOBODY, -1), ErrorCode::None, "nobody in particular passes");
    b.start_join(joining(G, m));
    assert_eq!(ask(&mut b, m, 2), ErrorCode::None, "also between join and sync");
}

#[test]
fn deleting_a_topic_drops_its_offsets_also_pending_ones() {
    let mut b = Bench::new();
    let x = producer(1, 0);
    b.commit(G, NOBODY, -1, &[(0, 5), (1, 6)]);
    b.txn_commit(x, H, &[(0, 7)]);
    b.delete_partitions(&p(&[0]));
    assert_eq!(b.fetch_all(G), [(1, Ok(6))]);
    assert_eq!(b.fetch(H, 0, true), Ok(-1));
    b.marker(x, true);
    assert_eq!(b.fetch_all(H), []);
    b.load();
    assert_eq!((b.fetch_all(G), b.fetch_all(H)), ([(1, Ok(6))].to_vec(), [].to_vec()));
}

#[test]
fn offsets_of_an_empty_group_expire_and_the_group_with_the_last() {
    let settings = GroupSettings {
        initial_rebalance_delay: 0,
        offsets_retention: 100 * SECOND,
        offsets_retention_check_interval: SECOND,
        ..GroupSettings::default()
    };
    let mut b = Bench::with(settings);
    b.commit(G, NOBODY, -1, &[(0, 1)]);
    b.wait(60 * SECOND);
    b.commit(G, NOBODY, -1, &[(1, 1)]);
    b.wait(50 * SECOND);
    assert_eq!(b.fetch_all(G), [(1, Ok(1))]);
    b.wait(60 * SECOND);
    assert!(b.coordinator.group(super::bench::SHARD, G).is_none());
    b.load();
    assert!(b.coordinator.group(super::bench::SHARD, G).is_none());
}

/// Topics 0 and 1 with the partition of the same number.
pub(super) fn two_topics() -> Image {
    let mut image = Image::new();
    for id in 0..2 {
        let name = format!("t{id}");
        let topic =
            MetadataRecord::Topic { topic: TopicId(id), name, internal: false, config: Vec::new() };
        let partition = PartitionRecord {
            partition: PartitionId(id),
            topic: TopicId(id),
            index: 0,
            replicas: Vec::new(),
            isr: Vec::new(),
            eligible_leader_replicas: Vec::new(),
            last_known_elr: Vec::new(),
            leader: None,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            recovering: false,
            adding: Vec::new(),
            removing: Vec::new(),
            directories: Vec::new(),
        };
        image.apply(u64::from(id) * 2, &topic);
        image.apply(u64::from(id) * 2 + 1, &MetadataRecord::of_partition(partition));
    }
    image
}

#[test]
fn offsets_that_a_group_with_members_uses_stay() {
    let settings = GroupSettings {
        initial_rebalance_delay: 0,
        offsets_retention: 100 * SECOND,
        offsets_retention_check_interval: SECOND,
        ..GroupSettings::default()
    };
    let mut b = Bench::with(settings);
    b.image = two_topics();
    let m = b.stable_one(G);
    b.commit(G, m, 1, &[(0, 1), (1, 1)]);
    for _ in 0..5 {
        b.wait(40 * SECOND);
        assert_eq!(b.heartbeat(G, m, 1), ErrorCode::None);
    }
    assert_eq!(b.fetch_all(G), [(0, Ok(1))], "only one topic is subscribed to");
    b.leave(G, m, None);
    b.wait(50 * SECOND);
    b.commit(G, NOBODY, -1, &[(1, 2)]);
    assert_eq!(
        b.fetch_all(G),
        [(0, Ok(1)), (1, Ok(2))],
        "the time counts from when it became empty"
    );
    b.wait(60 * SECOND);
    assert!(b.coordinator.group(super::bench::SHARD, G).is_none());
}

#[test]
fn a_static_member_commits_under_its_present_id_only() {
    let mut b = Bench::new();
    let m = b.join(super::bench::static_joining(G, NOBODY, "i1")).member;
    b.sync(G, m, 1, &[]).expect("stable");
    let mut commit = |member, instance: &str| {
        let token = b.ask(Request::OffsetCommit(OffsetCommitRequest {
            group: G,
            member,
            instance: Some(instance.into()),
            generation: GenerationId(1),
            retention: None,
            offsets: [committed((0, 1))].to_vec(),
        }));
        b.committed(token)[0]
    };
    assert_eq!(commit(MemberId(9), "i1"), ErrorCode::FencedInstanceId);
    assert_eq!(commit(NOBODY, "i1"), ErrorCode::FencedInstanceId);
    assert_eq!(commit(m, "i9"), ErrorCode::UnknownMemberId);
    assert_eq!(commit(m, "i1"), ErrorCode::None);
}
