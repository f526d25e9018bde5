//! Reassignment, after the recordings `reassign*`.

use super::*;
use crate::protocol::controller::AlterPartitionReassignmentsRequest;

fn reassign(f: &mut Fixture, replicas: Option<&[u32]>) -> ErrorCode {
    let request = AlterPartitionReassignmentsRequest {
        partition: PartitionId(0),
        replicas: replicas.map(only),
        allow_replication_factor_change: true,
    };
    match f.ask(Request::AlterPartitionReassignments(request)) {
        Response::AlterPartitionReassignments(r) => r.error,
        other => panic!("{other:?}"),
    }
}

fn moves(f: &Fixture) -> (Vec<NodeId>, Vec<NodeId>, Vec<NodeId>) {
    let p = f.partition(0);
    (p.replicas.clone(), p.adding.clone(), p.removing.clone())
}

#[test]
fn replicas_are_added_first_and_the_old_ones_go_when_all_new_ones_are_in_sync() {
    let mut f = Fixture::cluster(4);
    f.create("t", &[&[1, 2]], &[]);
    assert_eq!(reassign(&mut f, Some(&[3, 4])), ErrorCode::None);
    assert_eq!(moves(&f), (only(&[3, 4, 1, 2]), only(&[3, 4]), only(&[1, 2])));
    f.set_isr(0, &[1, 2, 3]);
    assert_eq!(f.partition(0).replicas.len(), 4, "4 is not in sync yet");
    let wish = f.wish(0, &[1, 2, 3, 4]);
    assert_eq!(f.alter(wish), ErrorCode::NewLeaderElected);
    assert_eq!(moves(&f), (only(&[3, 4]), vec![], vec![]));
    assert_eq!(f.describe(0), "@3 leader=3 epoch=1 isr=3,4 elr=- last=-");
}

#[test]
fn removing_a_replica_raises_the_epoch_of_a_leader_that_stays() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2]], &[]);
    assert_eq!(reassign(&mut f, Some(&[2, 1])), ErrorCode::None);
    assert_eq!(f.describe(0), "@1 leader=1 epoch=0 isr=1,2 elr=- last=-");
    assert_eq!(reassign(&mut f, Some(&[1])), ErrorCode::None);
    assert_eq!(f.describe(0), "@2 leader=1 epoch=1 isr=1 elr=- last=-");
}

/// Recorded: elr-after-reassignment.
#[test]
fn who_is_no_replica_any_more_stays_eligible() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3]], &[("min.insync.replicas", "2")]);
    assert_eq!(reassign(&mut f, Some(&[1])), ErrorCode::None);
    // The minimum is capped by the replicas there were before the change.
    assert_eq!(f.describe(0), "@1 leader=1 epoch=1 isr=1 elr=2,3 last=-");
}

#[test]
fn the_minimum_is_capped_by_the_replicas_of_the_first_partition() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3], &[1, 2, 3]], &[("min.insync.replicas", "3")]);
    assert_eq!(reassign(&mut f, Some(&[1])), ErrorCode::None);
    f.set_isr(1, &[1]);
    assert_eq!(f.describe(1), "@1 leader=1 epoch=0 isr=1 elr=- last=-");
}

#[test]
fn a_cancelled_reassignment_drops_what_it_added() {
    let mut f = Fixture::cluster(4);
    f.create("t", &[&[1, 2]], &[]);
    assert_eq!(reassign(&mut f, None), ErrorCode::NoReassignmentInProgress);
    reassign(&mut f, Some(&[3, 2]));
    assert_eq!(moves(&f), (only(&[3, 2, 1]), only(&[3]), only(&[1])));
    assert_eq!(reassign(&mut f, None), ErrorCode::None);
    assert_eq!(moves(&f), (only(&[2, 1]), vec![], vec![]));
    assert_eq!(f.describe(0), "@2 leader=1 epoch=1 isr=1,2 elr=- last=-");
}

#[test]
fn bad_targets_are_refused() {
    let mut f = Fixture::cluster(2);
    f.create("t", &[&[1, 2]], &[]);
    for target in [&[][..], &[1, 1], &[1, 9]] {
        assert_eq!(reassign(&mut f, Some(target)), ErrorCode::InvalidReplicaAssignment);
    }
    assert_eq!(f.describe(0), "@0 leader=1 epoch=0 isr=1,2 elr=- last=-");
}
