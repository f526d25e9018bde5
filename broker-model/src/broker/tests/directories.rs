//! Several log directories, of which one fails.

use super::cluster::{CONTROLLER, Cluster, produced};
use crate::config::BrokerConfig;
use crate::io::StopKind;
use crate::note::Note;
use crate::protocol::controller::AlterPartitionReassignmentsRequest;
use crate::protocol::produce::Acks;
use crate::protocol::{ErrorCode, Request};
use crate::types::{DirectoryId, NodeId, PartitionId, SECOND};

fn cluster(brokers: u32) -> Cluster {
    let mut config = BrokerConfig::default();
    config.set("log.dirs", "/a, /b").expect("two directories");
    Cluster::new(brokers, &config)
}

/// Where the controller knows the replica of a broker to be.
fn place(c: &Cluster, partition: PartitionId, broker: u32) -> DirectoryId {
    let record = c.controller.image().partition(partition).expect("there is one");
    record.directory(NodeId(broker))
}

fn directory(broker: u32, place: u32) -> DirectoryId {
    DirectoryId::of(NodeId(broker), place, 0)
}

/// Two partitions, of which the second is in the second directory of all three brokers.
fn two_topics() -> (Cluster, PartitionId, PartitionId) {
    let mut c = cluster(3);
    let min_isr = [("min.insync.replicas", "2")];
    let first = c.topic("t", &[1, 2, 3], &min_isr);
    let second = c.topic("u", &[1, 2, 3], &min_isr);
    c.advance(SECOND);
    (c, first, second)
}

#[test]
fn a_new_replica_goes_where_fewest_are_and_the_controller_hears_of_it() {
    let (c, first, second) = two_topics();
    for broker in 1..=3 {
        assert_eq!(place(&c, first, broker), directory(broker, 0));
        assert_eq!(place(&c, second, broker), directory(broker, 1));
    }
}

/// Recorded: directory-of-added-replica.
#[test]
fn of_a_replica_that_a_reassignment_adds_the_controller_hears_only_with_a_later_change() {
    let mut c = cluster(4);
    let p = c.topic("t", &[1, 2, 3], &[]);
    c.stop(NodeId(3), StopKind::Kill);
    c.until("3 is out", |c| c.isr(p) == [1, 2]);
    let mut reassign = |replicas: &[u32]| {
        let request = AlterPartitionReassignmentsRequest {
            partition: p,
            replicas: Some(replicas.iter().copied().map(NodeId).collect()),
            allow_replication_factor_change: true,
        };
        c.ask(1, i16::MAX, Request::AlterPartitionReassignments(request));
        c.until("in sync", |c| c.isr(p).contains(&4));
        c.advance(SECOND);
        place(&c, p, 4)
    };
    assert_eq!(reassign(&[1, 2, 3, 4]), DirectoryId::UNASSIGNED, "not while it is being added");
    assert_eq!(reassign(&[1, 2, 4]), directory(4, 0), "the end of the reassignment names it anew");
}

#[test]
fn an_append_finds_out_that_a_directory_fails_and_others_lead_its_partitions() {
    let (mut c, first, second) = two_topics();
    assert_eq!(c.produce(1, second, 3, Acks::All).error, ErrorCode::None);
    c.brokers[0].fail_directory(1);
    let answer = c.produce(1, second, 1, Acks::Leader);
    assert_eq!(answer.error, ErrorCode::KafkaStorageError);
    let failed = |n: &Note| matches!(n, Note::DirectoryFailed { directory: 1, replicas: 1, .. });
    assert!(c.notes.iter().any(failed));
    c.until("another leads", |c| c.leader(second).is_some_and(|leader| leader != 1));
    assert_eq!(c.isr(second), [2, 3]);
    assert_eq!(c.leader(first), Some(1), "the other directory is whole");
    assert_eq!(c.produce(1, first, 1, Acks::All).error, ErrorCode::None);
    assert_eq!(c.produce(1, second, 1, Acks::All).error, ErrorCode::KafkaStorageError);
}

#[test]
fn a_directory_without_appends_is_found_out_by_a_checkpoint() {
    let (mut c, _, second) = two_topics();
    c.brokers[2].fail_directory(1);
    c.until("it leaves the ISR", |c| c.isr(second) == [1, 2]);
    assert!(c.broker(3).is_running());
}

#[test]
fn on_a_new_disk_the_replica_is_copied_anew_and_counts_again_when_it_has_all() {
    let (mut c, first, second) = two_topics();
    assert_eq!(c.produce(1, second, 5, Acks::All).error, ErrorCode::None);
    c.brokers[0].fail_directory(1);
    c.until("another leads", |c| c.leader(second).is_some_and(|leader| leader != 1));
    c.stop(NodeId(1), StopKind::Clean);
    assert_eq!(c.brokers[0].replace_directory(1).len(), 0, "they were given up before");
    c.start(NodeId(1));
    c.until("it is back", |c| c.isr(second).contains(&1) && c.isr(first).contains(&1));
    assert_eq!(c.replica(1, second).log().log_end_offset().0, 5);
    let renewed = DirectoryId::of(NodeId(1), 1, 1);
    c.until("it is known", |c| place(c, second, 1) == renewed);
}

#[test]
fn while_a_directory_is_offline_its_replicas_are_not_made_elsewhere() {
    let (mut c, _, second) = two_topics();
    c.brokers[0].fail_directory(1);
    c.until("another leads", |c| c.leader(second).is_some_and(|leader| leader != 1));
    c.stop(NodeId(1), StopKind::Kill);
    c.start(NodeId(1));
    c.until("it is unfenced", |c| !c.broker(1).is_fenced());
    c.advance(SECOND);
    assert!(c.broker(1).replica(second).is_none());
    // A new one is, in the directory that is left.
    let third = c.topic("v", &[1, 2], &[]);
    c.advance(SECOND);
    assert_eq!(place(&c, third, 1), directory(1, 0));
}

#[test]
fn a_broker_does_not_live_without_its_metadata_directory() {
    let (mut c, first, _) = two_topics();
    c.brokers[0].fail_directory(0);
    let answer = c.produce_later(1, first, 1, Acks::Leader);
    assert_eq!(c.reply(answer).map(|r| produced(r).error), Some(ErrorCode::KafkaStorageError));
    assert!(!c.broker(1).is_running());
    assert_eq!(c.broker(1).clean_epoch().0, -1, "that was no orderly stop");
}

#[test]
fn a_process_that_starts_registers_without_what_failed_while_none_ran() {
    let (mut c, first, second) = two_topics();
    let epoch = |c: &Cluster| c.controller.image().broker(NodeId(1)).map(|b| b.epoch);
    let before = epoch(&c);
    c.stop(NodeId(1), StopKind::Clean);
    c.brokers[0].fail_directory(1);
    c.start(NodeId(1));
    c.until("it registers", |c| epoch(c) != before);
    let known = c.controller.image().broker(NodeId(1)).map(|b| b.directories.clone());
    assert_eq!(known, Some([directory(1, 0)].to_vec()));
    c.until("the other directory is whole", |c| c.isr(first).contains(&1));
    c.advance(SECOND);
    assert_eq!(c.isr(second), [2, 3]);
    // Without the metadata log there is nothing to register for.
    c.stop(NodeId(1), StopKind::Kill);
    c.brokers[0].fail_directory(0);
    c.start(NodeId(1));
    c.advance(SECOND);
    assert!(!c.broker(1).is_running());
}

#[test]
fn a_broker_that_cannot_tell_of_it_ends_itself() {
    let (mut c, _, second) = two_topics();
    c.pause(CONTROLLER);
    c.brokers[0].fail_directory(1);
    assert_eq!(c.produce(1, second, 1, Acks::Leader).error, ErrorCode::KafkaStorageError);
    c.advance(29 * SECOND);
    assert!(c.broker(1).is_running());
    c.advance(2 * SECOND);
    assert!(!c.broker(1).is_running());
}
