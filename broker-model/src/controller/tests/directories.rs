//! Where replicas are, and what becomes of them when a directory fails.

use super::*;
use crate::protocol::controller::AssignReplicasToDirsRequest;
use crate::types::DirectoryId;

/// A cluster whose first broker has two log directories.
fn two_directories() -> (Fixture, [DirectoryId; 2]) {
    let mut f = Fixture::cluster(3);
    let one = NodeId(1);
    let both = [DirectoryId::first(one), DirectoryId::of(one, 1, 0)];
    let epoch = f.leave(1);
    f.come_with(1, epoch, &both);
    (f, both)
}

fn assign(f: &mut Fixture, partition: u32, directory: DirectoryId) -> ErrorCode {
    let request = AssignReplicasToDirsRequest {
        broker: NodeId(1),
        broker_epoch: f.epoch(NodeId(1)),
        assignments: vec![(PartitionId(partition), directory)],
    };
    match f.ask(Request::AssignReplicasToDirs(request)) {
        Response::AssignReplicasToDirs(r) => r.error,
        other => panic!("{other:?}"),
    }
}

fn fail(f: &mut Fixture, directory: DirectoryId) {
    let request = BrokerHeartbeatRequest {
        broker: NodeId(1),
        broker_epoch: f.epoch(NodeId(1)),
        metadata_offset: f.controller.committed_end(),
        want_fence: false,
        want_shutdown: false,
        offline_directories: vec![directory],
    };
    f.ask(Request::BrokerHeartbeat(request));
}

#[test]
fn a_broker_with_several_directories_says_itself_where_a_replica_is() {
    let (mut f, [_, second]) = two_directories();
    f.create("t", &[&[1, 2]], &[]);
    assert_eq!(f.partition(0).directory(NodeId(1)), DirectoryId::UNASSIGNED);
    assert_eq!(f.partition(0).directory(NodeId(2)), DirectoryId::first(NodeId(2)));
    assert_eq!(assign(&mut f, 0, second), ErrorCode::None);
    assert_eq!(f.partition(0).directory(NodeId(1)), second);
    assert_eq!(f.describe(0), "@1 leader=1 epoch=0 isr=1,2 elr=- last=-");
}

#[test]
fn the_replicas_of_a_directory_that_failed_leave_and_the_others_stay() {
    let (mut f, [first, second]) = two_directories();
    f.create("t", &[&[1, 2], &[1, 2]], &[]);
    assign(&mut f, 0, first);
    assign(&mut f, 1, second);
    fail(&mut f, second);
    assert_eq!(f.describe(0), "@1 leader=1 epoch=0 isr=1,2 elr=- last=-");
    assert_eq!(f.describe(1), "@2 leader=2 epoch=1 isr=2 elr=- last=-");
    fail(&mut f, second);
    assert_eq!(f.partition(1).partition_epoch.0, 2, "it was no news");
}

#[test]
fn a_replica_that_turns_out_to_be_in_a_failed_directory_leaves_too() {
    let (mut f, [_, second]) = two_directories();
    f.create("t", &[&[1, 2]], &[]);
    fail(&mut f, second);
    assert_eq!(f.describe(0), "@0 leader=1 epoch=0 isr=1,2 elr=- last=-");
    assign(&mut f, 0, second);
    assert_eq!(f.describe(0), "@1 leader=2 epoch=1 isr=2 elr=- last=-");
}

/// Recorded: directory-assignment-empties-elr.
#[test]
fn an_assignment_to_a_directory_empties_the_elr() {
    let (mut f, [_, second]) = two_directories();
    f.create("t", &[&[1, 2, 3]], &[("min.insync.replicas", "3")]);
    f.set_isr(0, &[1, 2]);
    assert_eq!(f.describe(0), "@1 leader=1 epoch=0 isr=1,2 elr=3 last=-");
    assign(&mut f, 0, second);
    assert_eq!(f.describe(0), "@2 leader=1 epoch=0 isr=1,2 elr=- last=-");
}

#[test]
fn a_heartbeat_that_changes_its_standing_tells_of_directories_too() {
    let (mut f, [first, second]) = two_directories();
    f.create("t", &[&[1, 2]], &[]);
    assign(&mut f, 0, second);
    let request = BrokerHeartbeatRequest {
        broker: NodeId(1),
        broker_epoch: f.epoch(NodeId(1)),
        metadata_offset: f.controller.committed_end(),
        want_fence: true,
        want_shutdown: false,
        offline_directories: vec![second],
    };
    f.ask(Request::BrokerHeartbeat(request));
    let broker = f.controller.image().broker(NodeId(1)).expect("registered");
    assert!(broker.fenced);
    assert_eq!(broker.directories, [first]);
    assert_eq!(f.describe(0), "@2 leader=2 epoch=1 isr=2 elr=- last=-", "it was out already");
}

#[test]
fn a_broker_cannot_lead_from_a_directory_that_is_not_online() {
    let (mut f, [first, second]) = two_directories();
    f.create("t", &[&[1]], &[]);
    assign(&mut f, 0, second);
    fail(&mut f, second);
    assert_eq!(f.describe(0), "@2 leader=-1 epoch=1 isr=- elr=1 last=1");
    // In order, so that it stays eligible; but another disk is in the place of the second.
    let epoch = f.leave(1);
    let renewed = DirectoryId::of(NodeId(1), 1, 1);
    f.come_with(1, epoch, &[first, renewed]);
    assert_eq!(f.partition(0).leader, None);
}
