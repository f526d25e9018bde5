use alloc::vec::Vec;

use crate::config::TopicConfig;
use crate::io::StopKind;
use crate::log::{AppendOutcome, Origin, Verification};
use crate::partition::{AlterOutcome, FollowerFetch, Replica, Role};
use crate::protocol::ErrorCode;
use crate::protocol::controller::AlteredPartition;
use crate::protocol::fetch::EpochEnd;
use crate::records::{Batches, NewBatch, PartitionRecord};
use crate::rules::{
    FollowerTruncation, HwIsr, HwRequiresMinIsr, IsrAdmitsFenced, IsrExpand, IsrJoinRequiresLeso,
    Rules,
};
use crate::types::{
    BrokerEpoch, CoordinatorEpoch, Duration, Instant, LeaderEpoch, NodeId, Now, Offset,
    PartitionEpoch, PartitionId, ProducerEpoch, ProducerId, RecordId, SECOND, Timestamp, TopicId,
};

const LAG: Duration = 30 * SECOND;
const RULES: fn() -> Rules = Rules::default;

fn record(leader: u32, epoch: i32, partition_epoch: i32, isr: &[u32]) -> PartitionRecord {
    PartitionRecord {
        partition: PartitionId(0),
        topic: TopicId(0),
        index: 0,
        replicas: [1, 2, 3].map(NodeId).to_vec(),
        isr: isr.iter().copied().map(NodeId).collect(),
        eligible_leader_replicas: Vec::new(),
        last_known_elr: Vec::new(),
        leader: Some(NodeId(leader)),
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch: PartitionEpoch(partition_epoch),
        recovering: false,
        adding: Vec::new(),
        removing: Vec::new(),
        directories: Vec::new(),
    }
}

fn replica(node: u32, min_isr: u32) -> Replica {
    let config = TopicConfig { min_insync_replicas: min_isr, ..TopicConfig::default() };
    Replica::new(NodeId(node), PartitionId(0), config)
}

fn leading(min_isr: u32, isr: &[u32]) -> Replica {
    let mut leader = replica(1, min_isr);
    assert!(leader.become_leader(at(0), &record(1, 0, 0, isr)));
    leader
}

fn at(seconds: u64) -> Instant {
    Instant(seconds * SECOND)
}

fn append(leader: &mut Replica, batches: &mut Batches, count: u32) {
    let ids: Vec<RecordId> = (0..count).map(RecordId).collect();
    let batch = batches.push_records(NewBatch::plain(100, Timestamp(0)), &ids);
    let origin = Origin::Client(Verification::Off);
    let outcome = leader.append(Now::default(), batch, batches, origin, &RULES());
    assert!(matches!(outcome, AppendOutcome::Appended { .. }));
}

fn fetch(leader: &mut Replica, node: u32, offset: i64, seconds: u64) -> FollowerFetch {
    let epoch = BrokerEpoch(i64::from(node));
    leader.record_follower_fetch(at(seconds), NodeId(node), epoch, Offset(offset), Offset(0))
}

fn advance(leader: &mut Replica, seconds: u64) -> i64 {
    leader.maybe_advance_high_watermark(at(seconds), LAG, &RULES());
    leader.assert_invariants(&RULES());
    leader.high_watermark().0
}

fn copy(leader: &Replica, follower: &mut Replica, batches: &Batches) {
    let from = follower.log().log_end_offset();
    let mut entries = Vec::new();
    let end = leader.log().log_end_offset();
    leader.log().read(from, end, u32::MAX, true, batches, &mut entries);
    for entry in entries {
        follower.append_from_leader(entry, batches);
    }
    follower.take_leader_offsets(leader.high_watermark(), leader.log().log_start_offset());
    follower.assert_invariants(&RULES());
}

fn answer(epoch: i32, isr: &[u32]) -> AlteredPartition {
    AlteredPartition {
        error: ErrorCode::None,
        partition: PartitionId(0),
        leader: Some(NodeId(1)),
        leader_epoch: LeaderEpoch(0),
        isr: isr.iter().copied().map(NodeId).collect(),
        partition_epoch: PartitionEpoch(epoch),
    }
}

#[test]
fn the_slowest_of_the_isr_holds_the_high_watermark() {
    let mut b = Batches::new();
    let mut leader = leading(2, &[1, 2, 3]);
    append(&mut leader, &mut b, 5);
    assert_eq!(advance(&mut leader, 0), 0, "nobody has fetched");
    assert_eq!(fetch(&mut leader, 2, 5, 1), FollowerFetch::Recorded { moved: true });
    assert_eq!(advance(&mut leader, 1), 0);
    fetch(&mut leader, 3, 3, 1);
    assert_eq!(advance(&mut leader, 1), 3);
    assert_eq!(fetch(&mut leader, 3, 3, 2), FollowerFetch::Recorded { moved: false });
    fetch(&mut leader, 3, 5, 2);
    assert_eq!(advance(&mut leader, 2), 5);
    assert_eq!(fetch(&mut leader, 9, 5, 2), FollowerFetch::NotReplica);
}

#[test]
fn a_fetch_is_stale_only_against_an_unfenced_broker() {
    // replication/stale-broker-epoch
    let mut leader = leading(1, &[1, 2, 3]);
    let mut fetch = |registered, epoch| {
        leader.set_registered(NodeId(2), BrokerEpoch(registered));
        leader.record_follower_fetch(at(3), NodeId(2), BrokerEpoch(epoch), Offset(0), Offset(0))
    };
    let recorded = |moved| FollowerFetch::Recorded { moved };
    assert_eq!(fetch(7, 9), recorded(true));
    assert_eq!(fetch(7, 7), recorded(false), "older than the one before, but not stale");
    assert_eq!(fetch(7, 6), FollowerFetch::StaleBrokerEpoch);
    assert_eq!(fetch(7, -1), recorded(false));
    assert_eq!(fetch(-1, 6), recorded(false), "fenced");
}

#[test]
fn a_follower_about_to_join_holds_it_too() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1]);
    append(&mut leader, &mut b, 5);
    assert_eq!(advance(&mut leader, 0), 5, "those outside the ISR do not count");
    fetch(&mut leader, 2, 5, 1);
    append(&mut leader, &mut b, 1);
    assert_eq!(advance(&mut leader, 1), 5, "caught up within the lag time, so it counts");
    leader.set_eligible(NodeId(2), false);
    assert_eq!(advance(&mut leader, 1), 6, "but not if it is fenced");
    leader.set_eligible(NodeId(2), true);
    fetch(&mut leader, 2, 6, 2);
    append(&mut leader, &mut b, 1);
    assert_eq!(advance(&mut leader, 2), 6);
    leader.set_registered(NodeId(2), BrokerEpoch(3));
    assert_eq!(advance(&mut leader, 2), 7, "nor if another process of it is registered");
}

#[test]
fn nothing_moves_under_min_isr() {
    let mut b = Batches::new();
    let mut leader = leading(2, &[1]);
    assert!(leader.under_min_isr());
    append(&mut leader, &mut b, 5);
    assert_eq!(advance(&mut leader, 0), 0);
    leader.log_mut().config_mut().min_insync_replicas = 1;
    assert_eq!(advance(&mut leader, 0), 5);
    let mut capped = leading(9, &[1, 2, 3]);
    assert!(!capped.under_min_isr(), "capped at the replica count");
    capped.log_mut().config_mut().min_insync_replicas = 3;
    assert!(!capped.under_min_isr());
}

#[test]
fn laggards_leave_and_the_silent_who_lack_nothing_stay() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1, 2, 3]);
    append(&mut leader, &mut b, 1);
    fetch(&mut leader, 2, 1, 1);
    fetch(&mut leader, 3, 0, 1);
    assert_eq!(leader.isr_shrink_candidates(at(30), LAG), []);
    assert_eq!(leader.isr_shrink_candidates(at(31), LAG), [NodeId(3)]);
    assert_eq!(leader.isr_shrink_candidates(at(9_999), LAG), [NodeId(3)], "2 lacks nothing");
    append(&mut leader, &mut b, 1);
    assert_eq!(leader.isr_shrink_candidates(at(9_999), LAG), [NodeId(2), NodeId(3)]);
}

#[test]
fn a_follower_one_fetch_behind_under_load_is_caught_up() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1, 2, 3]);
    fetch(&mut leader, 3, 0, 0);
    for s in 0..60 {
        append(&mut leader, &mut b, 1);
        let end = leader.log().log_end_offset().0;
        fetch(&mut leader, 2, end - 1, s);
        fetch(&mut leader, 3, end, s);
    }
    assert_eq!(leader.isr_shrink_candidates(at(60), LAG), [], "it had all at its last fetch");
}

#[test]
fn shrinking_waits_for_the_controller() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1, 2, 3]);
    append(&mut leader, &mut b, 1);
    fetch(&mut leader, 2, 1, 1);
    leader.propose_shrink(&[NodeId(3)]);
    assert_eq!(advance(&mut leader, 50), 0, "the maximal ISR still has 3");
    assert_eq!(leader.isr_shrink_candidates(at(99), LAG), [], "one change at a time");
    let request = leader.wanted_isr(BrokerEpoch(7)).expect("pending");
    assert_eq!(request.isr, [(NodeId(1), BrokerEpoch(7)), (NodeId(2), BrokerEpoch(2))]);
    assert_eq!(leader.alter_partition_answer(&answer(1, &[1, 2])), AlterOutcome::Committed);
    assert_eq!(advance(&mut leader, 50), 1);
    assert_eq!(leader.alter_partition_answer(&answer(1, &[1, 2])), AlterOutcome::Stale);
}

#[test]
fn joining_counts_before_the_controller_agrees() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1]);
    append(&mut leader, &mut b, 4);
    assert_eq!(advance(&mut leader, 0), 4);
    fetch(&mut leader, 2, 3, 1);
    assert!(!leader.isr_expand_candidate(NodeId(2), &RULES()), "below the high watermark");
    fetch(&mut leader, 2, 4, 1);
    let never = Rules { isr_expand: IsrExpand::Never, ..Rules::default() };
    assert!(!leader.isr_expand_candidate(NodeId(2), &never));
    assert!(leader.isr_expand_candidate(NodeId(2), &RULES()));
    leader.set_eligible(NodeId(2), false);
    assert!(!leader.isr_expand_candidate(NodeId(2), &RULES()));
    let before_kip841 = Rules { isr_admits_fenced: IsrAdmitsFenced::On, ..Rules::default() };
    assert!(leader.isr_expand_candidate(NodeId(2), &before_kip841));
    leader.set_eligible(NodeId(2), true);
    leader.set_registered(NodeId(2), BrokerEpoch(3));
    let process = "what an earlier process had says nothing of the one that is registered";
    assert!(!leader.isr_expand_candidate(NodeId(2), &RULES()), "{process}");
    leader.set_registered(NodeId(2), BrokerEpoch(2));
    leader.propose_expand(NodeId(2));
    assert!(!leader.isr_expand_candidate(NodeId(2), &RULES()));
    append(&mut leader, &mut b, 1);
    assert_eq!(advance(&mut leader, 9_999), 4, "held back though long silent");
    let refused = AlteredPartition { error: ErrorCode::IneligibleReplica, ..answer(0, &[1]) };
    assert_eq!(leader.alter_partition_answer(&refused), AlterOutcome::Refused);
    assert_eq!(advance(&mut leader, 9_999), 5);
}

#[test]
fn a_follower_joins_only_from_the_start_of_the_epoch() {
    let mut b = Batches::new();
    let mut old = leading(1, &[1, 2, 3]);
    append(&mut old, &mut b, 4);
    // The high watermark is 0: nobody has fetched. It leads again with what it has.
    assert!(old.become_leader(at(1), &record(1, 1, 1, &[1])));
    assert!(!old.become_leader(at(1), &record(1, 1, 1, &[1])), "no new leadership");
    assert_eq!(old.high_watermark(), Offset(0));
    fetch(&mut old, 2, 3, 2);
    assert!(!old.isr_expand_candidate(NodeId(2), &RULES()));
    fetch(&mut old, 2, 4, 2);
    assert!(old.isr_expand_candidate(NodeId(2), &RULES()));
}

#[test]
fn answers_that_call_for_newer_metadata_leave_the_change_pending() {
    let mut leader = leading(1, &[1, 2]);
    leader.propose_expand(NodeId(3));
    let error = ErrorCode::InvalidUpdateVersion;
    let old = AlteredPartition { error, ..answer(0, &[]) };
    assert_eq!(leader.alter_partition_answer(&old), AlterOutcome::AwaitMetadata);
    let error = ErrorCode::NotController;
    let passing = AlteredPartition { error, ..answer(0, &[]) };
    assert_eq!(leader.alter_partition_answer(&passing), AlterOutcome::Retry);
    assert!(leader.wanted_isr(BrokerEpoch(0)).is_some());
    assert!(!leader.become_leader(at(2), &record(1, 0, 5, &[1, 3])));
    let state = leader.leader().expect("leads");
    assert_eq!((state.pending.as_ref(), &state.isr[..]), (None, &[NodeId(1), NodeId(3)][..]));
    assert!(!leader.become_leader(at(2), &record(1, 0, 4, &[1])));
    assert_eq!(leader.leader().expect("leads").isr.len(), 2, "older metadata is passed over");
}

#[test]
fn logs_that_part_are_cut_at_the_epoch() {
    let mut b = Batches::new();
    let mut one = leading(1, &[1, 2, 3]);
    let mut two = replica(2, 1);
    append(&mut one, &mut b, 3);
    assert!(two.become_follower(&record(1, 0, 0, &[1, 2, 3])));
    copy(&one, &mut two, &b);
    append(&mut one, &mut b, 2);
    // 2 takes over without the last two records, and writes one of its own.
    two.become_leader(at(1), &record(2, 1, 1, &[2, 3]));
    append(&mut two, &mut b, 1);
    one.become_follower(&record(2, 1, 1, &[2, 3]));
    assert_eq!(one.following(), Some(NodeId(2)));
    let (offset, epoch) = one.fetch_position();
    let epoch = epoch.expect("it has records");
    let diverging = two.log().diverging_epoch(offset, epoch).expect("it knows the epoch");
    let expected = EpochEnd { epoch: LeaderEpoch(0), end_offset: Offset(3) };
    assert_eq!(diverging, Some(expected));
    let skip = Rules { follower_truncation: FollowerTruncation::Skip, ..Rules::default() };
    assert_eq!(one.clone().truncate_on_divergence(expected, &b, &skip), None);
    let cut = one.truncate_on_divergence(expected, &b, &RULES());
    assert_eq!(cut.map(|cut| cut.end), Some(Offset(3)));
    let (offset, epoch) = one.fetch_position();
    assert_eq!(two.log().diverging_epoch(offset, epoch.expect("has records")), Ok(None));
    copy(&two, &mut one, &b);
    assert_eq!(one.log().entries(), two.log().entries());
}

#[test]
fn two_that_wrote_alone_meet_at_the_older_epoch() {
    // replication/deep-truncation
    let mut b = Batches::new();
    let mut one = leading(1, &[1, 2]);
    let mut two = replica(2, 1);
    append(&mut one, &mut b, 1);
    two.become_follower(&record(1, 0, 0, &[1, 2]));
    copy(&one, &mut two, &b);
    append(&mut one, &mut b, 2);
    two.become_leader(at(1), &record(2, 1, 1, &[2]));
    append(&mut two, &mut b, 1);
    append(&mut two, &mut b, 2);
    one.become_leader(at(2), &record(1, 3, 3, &[1]));
    append(&mut one, &mut b, 1);
    let epochs = [(LeaderEpoch(0), Offset(0)), (LeaderEpoch(3), Offset(3))];
    assert_eq!(one.log().leader_epochs().starts(), epochs);
    two.become_follower(&record(1, 3, 3, &[1]));
    let (offset, epoch) = two.fetch_position();
    let parts = one.log().diverging_epoch(offset, epoch.expect("has records"));
    let parts = parts.expect("epoch 3 is above").expect("epoch 1 was never here");
    assert_eq!((parts.epoch, parts.end_offset), (LeaderEpoch(0), Offset(3)));
    let cut = two.truncate_on_divergence(parts, &b, &RULES());
    assert_eq!(cut.map(|cut| cut.end), Some(Offset(1)));
    copy(&one, &mut two, &b);
    assert_eq!(two.log().entries(), one.log().entries());
    assert_eq!(two.log().leader_epochs().starts(), epochs);
}

#[test]
fn a_cut_draws_the_high_watermark_down() {
    let mut b = Batches::new();
    let mut replica = leading(1, &[1]);
    append(&mut replica, &mut b, 2);
    append(&mut replica, &mut b, 2);
    assert_eq!(advance(&mut replica, 0), 4);
    // After an unclean election the new leader lacks what was committed.
    replica.become_follower(&record(2, 1, 1, &[2]));
    let parts = EpochEnd { epoch: LeaderEpoch(0), end_offset: Offset(2) };
    let cut = replica.truncate_on_divergence(parts, &b, &RULES());
    assert_eq!(cut.map(|cut| cut.end), Some(Offset(2)));
    assert_eq!(replica.high_watermark(), Offset(2));
    replica.assert_invariants(&RULES());
}

#[test]
fn the_last_stable_offset_waits_for_the_marker_to_be_replicated() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1, 2]);
    let new = NewBatch {
        producer_id: ProducerId(1),
        producer_epoch: ProducerEpoch(0),
        base_sequence: 0,
        transactional: true,
        ..NewBatch::plain(100, Timestamp(0))
    };
    let batch = b.push_records(new, &[RecordId(0)]);
    let origin = Origin::Client(Verification::Off);
    leader.append(Now::default(), batch, &b, origin, &RULES());
    fetch(&mut leader, 2, 1, 1);
    assert_eq!((advance(&mut leader, 1), leader.last_stable_offset(&RULES())), (1, Offset(0)));
    let marker =
        b.push_marker(ProducerId(1), ProducerEpoch(1), true, CoordinatorEpoch(0), Timestamp(0));
    leader.append_marker(marker, &b);
    assert_eq!(leader.last_stable_offset(&RULES()), Offset(0));
    fetch(&mut leader, 2, 2, 1);
    assert_eq!((advance(&mut leader, 1), leader.last_stable_offset(&RULES())), (2, Offset(2)));
}

#[test]
fn records_are_deleted_up_to_the_high_watermark() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1, 2]);
    append(&mut leader, &mut b, 5);
    fetch(&mut leader, 2, 4, 1);
    assert_eq!(advance(&mut leader, 1), 4);
    assert_eq!(leader.delete_records(Offset(5)), None);
    assert_eq!(leader.delete_records(Offset(3)), Some(Offset(3)));
    assert_eq!(leader.delete_records(Offset(1)), Some(Offset(3)));
    assert_eq!(leader.delete_records(Offset::NONE), Some(Offset(4)));
    assert_eq!(leader.low_watermark(), Offset::NONE, "3 has not fetched yet");
    fetch(&mut leader, 3, 0, 1);
    assert_eq!(leader.low_watermark(), Offset(0));
}

#[test]
fn what_a_stop_leaves() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1]);
    append(&mut leader, &mut b, 2);
    append(&mut leader, &mut b, 3);
    assert_eq!(advance(&mut leader, 1), 5);
    leader.delete_records(Offset(2));
    let mut clean = leader.clone();
    clean.restart(StopKind::Clean, Offset(0), &b);
    assert_eq!((clean.high_watermark(), clean.log().log_start_offset()), (Offset(5), Offset(2)));
    let mut killed = leader.clone();
    killed.restart(StopKind::Kill, Offset(0), &b);
    assert_eq!(killed.log().log_end_offset(), Offset(5), "the page cache survives");
    assert_eq!((killed.high_watermark(), killed.log().log_start_offset()), (Offset(0), Offset(0)));
    assert_eq!(killed.role(), &Role::Offline);
    leader.checkpoint_high_watermark();
    leader.log_mut().checkpoint_log_start();
    leader.restart(StopKind::PowerCut, Offset(4), &b);
    leader.assert_invariants(&RULES());
    assert_eq!(leader.log().log_end_offset(), Offset(2));
    assert_eq!((leader.high_watermark(), leader.log().log_start_offset()), (Offset(2), Offset(2)));
}

#[test]
fn historic_high_watermarks() {
    let mut b = Batches::new();
    let mut leader = leading(2, &[1]);
    append(&mut leader, &mut b, 5);
    let old = Rules { hw_requires_min_isr: HwRequiresMinIsr::Off, ..RULES() };
    assert!(leader.maybe_advance_high_watermark(at(0), LAG, &old), "KAFKA-15583");

    let mut leader = leading(1, &[1]);
    append(&mut leader, &mut b, 5);
    fetch(&mut leader, 2, 5, 1);
    leader.propose_expand(NodeId(2));
    append(&mut leader, &mut b, 1);
    assert_eq!(advance(&mut leader, 1), 5, "who was asked for counts");
    let old = Rules { hw_isr: HwIsr::CommittedOnly, ..RULES() };
    leader.maybe_advance_high_watermark(at(1), LAG, &old);
    assert_eq!(leader.high_watermark(), Offset(6), "KIP-497 without its guard");
}

#[test]
fn historic_joins_at_a_stale_high_watermark() {
    let mut b = Batches::new();
    let mut leader = leading(1, &[1, 2]);
    append(&mut leader, &mut b, 5);
    assert!(leader.become_leader(at(1), &record(1, 2, 2, &[1, 2])));
    fetch(&mut leader, 3, 2, 2);
    assert!(!leader.isr_expand_candidate(NodeId(3), &RULES()), "below the epoch's start");
    let old = Rules { isr_join_requires_leso: IsrJoinRequiresLeso::Off, ..RULES() };
    assert!(leader.isr_expand_candidate(NodeId(3), &old), "KAFKA-7128");
}
