//! Produce, the high watermark, leader changes, the ISR.

use alloc::vec;

use super::cluster::{Cluster, of_producer, produced, producer};
use crate::config::BrokerConfig;
use crate::io::StopKind;
use crate::log::Log;
use crate::note::Note;
use crate::protocol::controller::AlterPartitionReassignmentsRequest;
use crate::protocol::fetch::Isolation;
use crate::protocol::produce::Acks;
use crate::protocol::{ApiKey, ErrorCode, Request};
use crate::types::{BrokerEpoch, LeaderEpoch, MILLISECOND, NodeId, Offset, PartitionId, SECOND};

fn three() -> Cluster {
    Cluster::new(3, &BrokerConfig::default())
}

fn ends(c: &Cluster, p: PartitionId) -> [(i64, i64); 3] {
    [1, 2, 3].map(|n| {
        let r = c.replica(n, p);
        (r.log().log_end_offset().0, r.high_watermark().0)
    })
}

fn same_log(a: &Log, b: &Log) -> bool {
    a.entries() == b.entries()
}

#[test]
fn acks_all_is_answered_when_every_member_of_the_isr_has_the_batch() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    let answer = c.produce(1, p, 3, Acks::All);
    assert_eq!((answer.error, answer.base_offset), (ErrorCode::None, Offset(0)));
    assert_eq!(ends(&c, p)[0], (3, 3));
    assert_eq!(ends(&c, p).map(|e| e.0), [3, 3, 3]);
    let acknowledged = |n: &Note| matches!(n, Note::Acknowledged { end: Offset(3), .. });
    assert_eq!(c.notes.iter().filter(|n| acknowledged(n)).count(), 1);
}

#[test]
fn acks_all_waits_for_a_silent_follower_until_it_leaves_the_isr() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    c.pause(NodeId(3));
    let token = c.produce_later(1, p, 1, Acks::All);
    c.advance(SECOND);
    assert_eq!(c.reply(token), None);
    assert_eq!(ends(&c, p)[0], (1, 0));
    let answer = produced(c.ask_until(token));
    assert_eq!((answer.error, answer.base_offset), (ErrorCode::RequestTimedOut, Offset(0)));
    c.until("the follower leaves", |c| c.isr(p) == [1, 2]);
    c.pump();
    assert_eq!(ends(&c, p)[0], (1, 1));
    c.resume(NodeId(3));
    c.until("the follower returns", |c| c.isr(p) == [1, 2, 3]);
    assert!(same_log(c.replica(1, p).log(), c.replica(3, p).log()));
}

#[test]
fn two_followers_that_were_silent_come_back_though_nothing_is_written() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    assert_eq!(c.produce(1, p, 3, Acks::All).error, ErrorCode::None);
    for node in [2, 3] {
        c.pause(NodeId(node));
    }
    c.until("both have left", |c| c.isr(p) == [1]);
    c.advance(60 * SECOND);
    for node in [2, 3] {
        c.resume(NodeId(node));
    }
    c.until("both are back", |c| c.isr(p).len() == 3);
}

#[test]
fn acks_one_and_zero_do_not_wait() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    c.pause(NodeId(2));
    c.pause(NodeId(3));
    assert_eq!(c.produce(1, p, 1, Acks::Leader).error, ErrorCode::None);
    let silent = c.produce_later(1, p, 1, Acks::None);
    assert_eq!(c.reply(silent), None);
    assert_eq!(ends(&c, p)[0], (2, 0));
}

#[test]
fn below_min_isr_a_batch_is_refused_before_the_append() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    c.stop(NodeId(2), StopKind::Kill);
    c.stop(NodeId(3), StopKind::Kill);
    c.until("the ISR shrinks to the leader", |c| c.isr(p) == [1]);
    c.pump();
    let answer = c.produce(1, p, 1, Acks::All);
    assert_eq!((answer.error, answer.base_offset), (ErrorCode::NotEnoughReplicas, Offset(-1)));
    assert_eq!(answer.log_start_offset, Offset(0));
    // acks=1 is appended and stays above the high watermark: strict min ISR (KIP-966).
    assert_eq!(c.produce(1, p, 1, Acks::Leader).error, ErrorCode::None);
    assert_eq!(ends(&c, p)[0], (1, 0));
    c.start(NodeId(2));
    c.until("a follower returns", |c| c.isr(p) == [1, 2]);
    c.advance(SECOND);
    assert_eq!(ends(&c, p)[0], (1, 1));
}

#[test]
fn a_follower_cuts_what_the_old_leader_had_alone() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    c.produce(1, p, 2, Acks::All);
    c.pause(NodeId(2));
    c.pause(NodeId(3));
    assert_eq!(c.produce(1, p, 5, Acks::Leader).base_offset, Offset(2));
    c.stop(NodeId(1), StopKind::Kill);
    c.resume_deaf(NodeId(2));
    c.resume_deaf(NodeId(3));
    c.until("another leader", |c| c.leader(p).is_some_and(|l| l != 1));
    let leader = c.leader(p).expect("just seen");
    assert_eq!(c.produce(leader, p, 1, Acks::All).base_offset, Offset(2));
    c.start(NodeId(1));
    c.until("all in sync", |c| c.isr(p).len() == 3);
    let (end, from, epoch) = (Offset(2), Offset(7), Some(LeaderEpoch(0)));
    let cut = Note::Truncated { node: NodeId(1), partition: p, end, from, epoch };
    assert!(c.notes.contains(&cut));
    assert!(same_log(c.replica(1, p).log(), c.replica(leader, p).log()));
}

#[test]
fn what_was_let_go_is_not_taken_up_again_when_metadata_is_read_twice() {
    let mut c = three();
    let p = c.topic("t", &[1, 2], &[]);
    c.produce(1, p, 2, Acks::All);
    let request = AlterPartitionReassignmentsRequest {
        partition: p,
        replicas: Some(vec![NodeId(3), NodeId(2)]),
        allow_replication_factor_change: true,
    };
    c.ask(1, i16::MAX, Request::AlterPartitionReassignments(request));
    c.until("broker 1 lets go", |c| c.broker(1).replica(p).is_none());
    // The answer that tells that it is fenced is lost: broker 1 asks from before the move on.
    c.pause(NodeId(1));
    c.advance(10 * SECOND);
    c.resume_deaf(NodeId(1));
    c.advance(5 * SECOND);
    assert!(c.broker(1).replica(p).is_none(), "it is no replica of it any more");
    assert_eq!(c.leader(p), Some(3));
}

#[test]
fn a_zombie_leader_answers_not_leader_with_the_offset() {
    let mut c = three();
    let p = c.topic("t", &[1, 2], &[]);
    c.produce(1, p, 1, Acks::All);
    c.pause(NodeId(1));
    let token = c.produce_later(1, p, 1, Acks::All);
    c.until("another leader", |c| c.leader(p) == Some(2));
    c.produce(2, p, 3, Acks::All);
    c.resume(NodeId(1));
    let answer = produced(c.ask_until(token));
    assert_eq!((answer.error, answer.base_offset), (ErrorCode::NotLeaderOrFollower, Offset(1)));
    assert_eq!(answer.log_start_offset, Offset(0));
    assert_eq!(answer.current_leader, Some((NodeId(2), LeaderEpoch(1))));
    c.until("in sync again", |c| c.isr(p).len() == 2);
    assert!(same_log(c.replica(1, p).log(), c.replica(2, p).log()));
}

#[test]
fn a_repeated_batch_is_answered_with_its_old_offset() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    let first = c.batch(of_producer(producer(7, 0), 0, false), 2);
    let second = c.batch(of_producer(producer(7, 0), 2, false), 2);
    let gap = c.batch(of_producer(producer(7, 0), 9, false), 1);
    for (batch, base) in [(first, 0), (second, 2), (first, 0)] {
        let answer = c.produce_batch(1, None, p, batch, Acks::All);
        assert_eq!((answer.error, answer.base_offset), (ErrorCode::None, Offset(base)));
    }
    let answer = c.produce_batch(1, None, p, gap, Acks::All);
    assert_eq!(answer.error, ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(ends(&c, p)[0].0, 4);
    // The state moves with the log: a new leader knows the batch too.
    c.stop(NodeId(1), StopKind::Kill);
    c.until("another leader", |c| c.leader(p).is_some_and(|l| l != 1));
    let leader = c.leader(p).expect("just seen");
    let answer = c.produce_batch(leader, None, p, second, Acks::All);
    assert_eq!((answer.error, answer.base_offset), (ErrorCode::None, Offset(2)));
}

#[test]
fn what_the_leader_acknowledged_survives_its_power_cut() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    for _ in 0..5 {
        assert_eq!(c.produce(1, p, 2, Acks::All).error, ErrorCode::None);
    }
    c.stop_keeping(NodeId(1), StopKind::PowerCut, &|_| Some(Offset(3)));
    assert_eq!(c.replica(1, p).log().log_end_offset(), Offset(2));
    c.until("another leader", |c| c.leader(p).is_some_and(|l| l != 1));
    c.start(NodeId(1));
    c.until("all in sync", |c| c.isr(p).len() == 3);
    assert_eq!(c.replica(1, p).log().log_end_offset(), Offset(10));
}

#[test]
fn controlled_shutdown_moves_leaders_first() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    c.produce(1, p, 1, Acks::All);
    c.signal(NodeId(1));
    c.until("it stopped", |c| !c.broker(1).is_running());
    let leader = c.leader(p).expect("the controller moved it");
    assert_ne!(leader, 1);
    assert_eq!(c.produce(leader, p, 1, Acks::All).base_offset, Offset(1));
    c.start(NodeId(1));
    c.until("all in sync", |c| c.isr(p).len() == 3);
}

#[test]
fn a_controlled_shutdown_asks_again_soon_once_and_then_at_every_heartbeat() {
    let mut c = three();
    c.topic("t", &[1, 2, 3], &[]);
    // The controller waits until 2 knows the new leader.
    c.pause(NodeId(2));
    c.signal(NodeId(1));
    c.advance(2_500 * MILLISECOND);
    c.resume(NodeId(2));
    c.advance(1_500 * MILLISECOND);
    assert!(c.broker(1).is_running(), "it asked after 50 ms and 2,050 ms");
    c.advance(100 * MILLISECOND);
    assert!(!c.broker(1).is_running(), "it asked after 4,050 ms");
}

#[test]
fn a_follower_that_shuts_down_stops_fetching_once_it_is_out_of_the_isr() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    c.topic("u", &[2, 1, 3], &[]);
    c.produce(1, p, 1, Acks::All);
    // The controller makes 2 wait until 3 knows the new leader of the other partition.
    c.pause(NodeId(3));
    c.signal(NodeId(2));
    c.until("2 is out", |c| c.isr(p) == [1, 3]);
    c.advance(20 * MILLISECOND);
    c.produce(1, p, 1, Acks::Leader);
    c.advance(SECOND);
    assert!(c.broker(2).is_running());
    assert_eq!(c.replica(2, p).log().log_end_offset(), Offset(1));
}

#[test]
fn a_broker_listens_from_when_it_is_unfenced_until_it_ends() {
    let mut c = three();
    assert!(c.broker(1).is_listening());
    c.stop(NodeId(1), StopKind::Kill);
    c.start(NodeId(1));
    c.advance(100 * MILLISECOND);
    assert!(!c.broker(1).is_listening(), "its last session has not ended");
    c.until("it is registered and unfenced", |c| !c.broker(1).is_fenced());
    assert!(c.broker(1).is_listening());
}

#[test]
fn who_is_stopped_while_it_registers_leaves_what_the_life_before_left() {
    let mut c = three();
    c.stop(NodeId(1), StopKind::PowerCut);
    c.start(NodeId(1));
    c.advance(100 * MILLISECOND);
    c.signal(NodeId(1));
    c.advance(MILLISECOND);
    assert!(!c.broker(1).is_running(), "it stopped in order");
    assert_eq!(
        c.broker(1).clean_epoch(),
        BrokerEpoch(-1),
        "but its logs are not known to be whole"
    );
    c.signal(NodeId(2));
    c.until("2 stopped", |c| !c.broker(2).is_running());
    let clean = c.broker(2).clean_epoch();
    assert!(clean > BrokerEpoch(-1));
    c.start(NodeId(2));
    c.advance(100 * MILLISECOND);
    c.stop(NodeId(2), StopKind::Kill);
    assert_eq!(c.broker(2).clean_epoch(), clean, "killed before it touched its logs");
}

#[test]
fn changes_of_the_isr_share_requests() {
    let mut c = three();
    let ps = ["a", "b", "c", "d", "e", "f"].map(|name| c.topic(name, &[1, 2, 3], &[]));
    c.stop(NodeId(3), StopKind::Kill);
    c.until("3 is out", |c| ps.iter().all(|&p| c.isr(p) == [1, 2]));
    c.sent.clear();
    c.start(NodeId(3));
    c.until("3 is back", |c| ps.iter().all(|&p| c.isr(p).len() == 3));
    let asked = c.sent.iter().filter(|s| **s == (NodeId(1), ApiKey::AlterPartition)).count();
    assert_eq!(asked, 2, "the first alone, the others while its answer was under way");
}

#[test]
fn a_rule_makes_acks_all_meaningless_and_loses_a_record() {
    let mut c = three().with_rules("acks_all", "early");
    let p = c.topic("t", &[1, 2, 3], &[]);
    c.pause(NodeId(2));
    c.pause(NodeId(3));
    assert_eq!(c.produce(1, p, 1, Acks::All).error, ErrorCode::None);
    c.stop(NodeId(1), StopKind::Kill);
    c.resume_deaf(NodeId(2));
    c.resume_deaf(NodeId(3));
    c.until("another leader", |c| c.leader(p).is_some_and(|l| l != 1));
    let leader = c.leader(p).expect("just seen");
    assert_eq!(c.replica(leader, p).log().log_end_offset(), Offset(0));
}

#[test]
fn a_rule_forgets_parked_produces() {
    let mut c = three().with_rules("delayed_produce", "forget");
    let p = c.topic("t", &[1, 2, 3], &[]);
    let token = c.produce_later(1, p, 1, Acks::All);
    c.advance(20 * SECOND);
    assert_eq!(c.reply(token), None);
    assert_eq!(ends(&c, p)[0], (1, 1));
}

#[test]
fn a_rule_keeps_a_diverging_tail() {
    let mut c = three().with_rules("follower_truncation", "skip");
    let p = c.topic("t", &[1, 2, 3], &[]);
    c.produce(1, p, 1, Acks::All);
    c.pause(NodeId(2));
    c.pause(NodeId(3));
    c.produce(1, p, 1, Acks::Leader);
    c.stop(NodeId(1), StopKind::Kill);
    c.resume_deaf(NodeId(2));
    c.resume_deaf(NodeId(3));
    c.until("another leader", |c| c.leader(p).is_some_and(|l| l != 1));
    let leader = c.leader(p).expect("just seen");
    c.produce(leader, p, 1, Acks::All);
    c.produce(leader, p, 1, Acks::All);
    c.start(NodeId(1));
    c.until("all in sync", |c| c.isr(p).len() == 3);
    assert_eq!(c.replica(1, p).log().log_end_offset(), Offset(3));
    assert!(!same_log(c.replica(1, p).log(), c.replica(leader, p).log()));
}

#[test]
fn deleted_records_are_gone_on_every_replica() {
    let mut c = three();
    let p = c.topic("t", &[1, 2, 3], &[]);
    c.produce(1, p, 4, Acks::All);
    c.produce(1, p, 4, Acks::All);
    let (error, low) = c.delete_records(1, p, 6);
    assert_eq!((error, low), (ErrorCode::None, Offset(6)));
    for n in 1..=3 {
        assert_eq!(c.replica(n, p).log().log_start_offset(), Offset(6));
    }
    assert_eq!(c.delete_records(1, p, 9).0, ErrorCode::OffsetOutOfRange);
    let answer = c.fetch(1, p, 5, Isolation::ReadUncommitted);
    assert_eq!(answer.partitions[0].error, ErrorCode::OffsetOutOfRange);
    c.advance(MILLISECOND);
}

#[test]
fn clients_neither_write_nor_delete_in_the_coordinators_logs() {
    // log/internal-topics
    let mut c = three();
    let p = c.topic("__consumer_offsets", &[1, 2, 3], &[("cleanup.policy", "delete")]);
    let refused = (ErrorCode::InvalidTopicException, Offset::NONE);
    for to in [1, 2] {
        let answer = c.produce(to, p, 1, Acks::All);
        assert_eq!((answer.error, answer.log_start_offset), refused);
        assert_eq!(c.delete_records(to, p, 0), refused);
    }
    assert_eq!(c.replica(1, p).log().log_end_offset(), Offset(0));
}
