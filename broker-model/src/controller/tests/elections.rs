//! Who leads, after the recordings of the `replication` dialogues.

use super::*;
use crate::types::MILLISECOND;

/// Recorded: all-killed-last-known-leader.
#[test]
fn when_all_were_killed_only_the_last_known_leader_is_elected_by_itself() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2]], &[("min.insync.replicas", "2")]);
    f.kill(2);
    assert_eq!(f.describe(0), "@1 leader=1 epoch=0 isr=1 elr=2 last=-");
    f.kill(1);
    assert_eq!(f.describe(0), "@2 leader=-1 epoch=1 isr=- elr=1,2 last=1");
    f.come(2, -1);
    assert_eq!(f.describe(0), "@3 leader=-1 epoch=1 isr=- elr=1 last=1");
    assert_eq!(f.elect(ElectionType::Preferred, 0), ErrorCode::PreferredLeaderNotAvailable);
    f.register(1, -1).expect("it may register");
    assert_eq!(f.describe(0), "@4 leader=-1 epoch=1 isr=- elr=- last=1");
    f.heartbeat(1, false);
    assert_eq!(f.describe(0), "@5 leader=1 epoch=2 isr=1 elr=- last=- recovering");
    let unclean = |n: &Note| matches!(n, Note::PartitionChanged { unclean: true, .. });
    assert_eq!(f.notes.iter().filter(|n| unclean(n)).count(), 1);
    f.set_isr(0, &[1, 2]);
    assert_eq!(f.describe(0), "@6 leader=1 epoch=2 isr=1,2 elr=- last=-");
}

/// Recorded: clean-election.
#[test]
fn a_partition_waits_for_a_replica_that_was_in_sync() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2]], &[("min.insync.replicas", "1")]);
    let two = f.leave(2);
    f.kill(1);
    f.come(2, two);
    assert_eq!(f.describe(0), "@2 leader=-1 epoch=1 isr=- elr=1 last=1");
    f.come(1, -1);
    f.set_isr(0, &[1, 2]);
    assert_eq!(f.partition(0).leader_epoch.0, 2);
}

/// Recorded: eligible-leader-replicas.
#[test]
fn replicas_that_leave_below_the_minimum_stay_eligible_after_a_clean_stop_of_all() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3]], &[("min.insync.replicas", "2")]);
    f.leave(3);
    assert_eq!(f.describe(0), "@1 leader=1 epoch=0 isr=1,2 elr=- last=-");
    let two = f.leave(2);
    assert_eq!(f.describe(0), "@2 leader=1 epoch=0 isr=1 elr=2 last=-");
    let one = f.leave(1);
    assert_eq!(f.describe(0), "@3 leader=-1 epoch=1 isr=- elr=1,2 last=1");
    f.come(2, two);
    assert_eq!(f.describe(0), "@4 leader=2 epoch=2 isr=2 elr=1 last=-");
    f.come(1, one);
    f.set_isr(0, &[2, 1]);
    assert_eq!(f.describe(0), "@5 leader=2 epoch=2 isr=1,2 elr=- last=-");
}

/// Recorded: leader-by-replica-order.
#[test]
fn the_new_leader_is_the_first_in_the_order_of_the_assignment() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[2, 3, 1]], &[]);
    let two = f.leave(2);
    assert_eq!(f.describe(0), "@1 leader=3 epoch=1 isr=1,3 elr=- last=-");
    f.come(2, two);
    f.set_isr(0, &[1, 2, 3]);
    f.leave(3);
    assert_eq!(f.describe(0), "@3 leader=2 epoch=2 isr=1,2 elr=- last=-");
    f.leave(2);
    assert_eq!(f.describe(0), "@4 leader=1 epoch=3 isr=1 elr=- last=-");
}

/// Recorded: unclean-election-order.
#[test]
fn an_unclean_election_takes_the_first_live_replica_and_empties_the_elr() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 3, 2]], &[]);
    let three = f.leave(3);
    let two = f.leave(2);
    assert_eq!(f.elect(ElectionType::Unclean, 0), ErrorCode::ElectionNotNeeded);
    f.kill(1);
    f.come(2, two);
    f.come(3, three);
    assert_eq!(f.describe(0), "@3 leader=-1 epoch=1 isr=- elr=1 last=1");
    assert_eq!(f.elect(ElectionType::Unclean, 0), ErrorCode::None);
    assert_eq!(f.describe(0), "@4 leader=3 epoch=2 isr=3 elr=- last=- recovering");
    f.set_isr(0, &[3, 2]);
    assert_eq!(f.describe(0), "@5 leader=3 epoch=2 isr=2,3 elr=- last=-");
}

#[test]
fn a_topic_that_allows_unclean_election_elects_when_its_last_in_sync_replica_goes() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2]], &[("unclean.leader.election.enable", "true")]);
    f.set_isr(0, &[1]);
    f.kill(1);
    assert_eq!(f.describe(0), "@2 leader=2 epoch=1 isr=2 elr=- last=- recovering");
}

#[test]
fn without_elr_the_isr_never_loses_its_last_member() {
    let mut f = Fixture::new(ControllerConfig {
        eligible_leader_replicas: false,
        ..ControllerConfig::default()
    });
    f.come(1, -1);
    f.come(2, -1);
    f.create("t", &[&[1, 2]], &[("min.insync.replicas", "2")]);
    f.kill(2);
    f.kill(1);
    assert_eq!(f.describe(0), "@2 leader=-1 epoch=1 isr=1 elr=- last=-");
    f.come(2, -1);
    assert_eq!(f.describe(0), "@2 leader=-1 epoch=1 isr=1 elr=- last=-");
    f.come(1, -1);
    assert_eq!(f.describe(0), "@3 leader=1 epoch=2 isr=1 elr=- last=-");
}

#[test]
fn leaderships_go_back_to_preferred_replicas_from_time_to_time() {
    let mut f = Fixture::cluster(2);
    f.create("t", &[&[1, 2], &[1, 2]], &[]);
    let one = f.leave(1);
    f.come(1, one);
    f.set_isr(0, &[2, 1]);
    while f.now < Instant(300 * SECOND) {
        assert_eq!(f.partition(0).leader, Some(NodeId(2)));
        f.pass(SECOND, &[]);
    }
    assert_eq!(f.partition(0).leader, Some(NodeId(1)));
    assert_eq!(f.partition(1).leader, Some(NodeId(2)), "1 is not in sync there");
}

#[test]
fn a_round_that_was_cut_short_goes_on_at_once() {
    let mut f = Fixture::cluster(2);
    let rows: Vec<&[u32]> = vec![&[1, 2]; 2_500];
    assert_eq!(f.create("t", &rows, &[]), ErrorCode::None);
    let one = f.leave(1);
    f.come(1, one);
    for id in 0..2_500 {
        f.set_isr(id, &[2, 1]);
    }
    let away =
        |f: &Fixture| (0..2_500).filter(|id| f.partition(*id).leader != Some(NodeId(1))).count();
    while away(&f) == 2_500 {
        f.pass(SECOND, &[]);
    }
    assert_eq!(away(&f), 1_500, "a thousand in a round");
    f.pass(10 * MILLISECOND, &[]);
    assert_eq!(away(&f), 500);
    f.pass(10 * MILLISECOND, &[]);
    assert_eq!(away(&f), 0);
    assert!(f.controller.timers.rebalance > f.now + SECOND, "that round was not cut short");
}

#[test]
fn canaries_change_epochs_and_electability_and_nothing_else_does() {
    let mut f = Fixture::cluster(2);
    f.create("t", &[&[1, 2]], &[]);
    f.set_isr(0, &[1]);
    f.rules.electable = crate::rules::Electable::AnyLive;
    f.rules.election_epoch = crate::rules::ElectionEpoch::Reuse;
    f.kill(1);
    assert_eq!(f.describe(0), "@2 leader=2 epoch=0 isr=2 elr=- last=- recovering");
}

#[test]
fn who_lost_its_logs_is_eligible_no_more_unless_nobody_looks() {
    for (detect, eligible) in [("on", "elr=- "), ("off", "elr=3 ")] {
        let mut f = Fixture::cluster(3);
        f.rules.set("unclean_shutdown_detect", detect).expect("a rule");
        f.create("t", &[&[1, 2, 3]], &[("min.insync.replicas", "2")]);
        f.kill(2);
        f.kill(3);
        assert!(f.describe(0).contains("isr=1 elr=3"), "{}", f.describe(0));
        f.register(3, -1).expect("its session is over");
        assert!(f.describe(0).contains(eligible), "{}", f.describe(0));
    }
}
