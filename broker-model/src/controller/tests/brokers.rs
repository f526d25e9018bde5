//! Registration, fencing, controlled shutdown.

use super::*;
use crate::types::Release;

#[test]
fn a_silent_broker_is_fenced_after_its_session_and_its_leaderships_move() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3]], &[]);
    f.pass(8 * SECOND, &[1]);
    assert_eq!(f.describe(0), "@0 leader=1 epoch=0 isr=1,2,3 elr=- last=-");
    f.pass(4 * SECOND, &[1]);
    assert_eq!(f.describe(0), "@1 leader=2 epoch=1 isr=2,3 elr=- last=-");
    assert!(f.notes.contains(&Note::BrokerFenced { node: NodeId(1) }));
}

#[test]
fn a_second_incarnation_waits_for_the_first_ones_session() {
    let mut f = Fixture::cluster(2);
    assert_eq!(f.register(1, -1), Err(ErrorCode::DuplicateBrokerRegistration));
    f.pass(10 * SECOND, &[1]);
    let old = f.epoch(NodeId(1));
    assert!(f.register(1, -1).expect("the session is over") > old);
    assert!(!f.controller.image().is_active(NodeId(1)), "fenced until it has caught up");
}

#[test]
fn from_4_0_on_a_session_outlives_an_orderly_stop() {
    for (release, waits) in [(Release::V3_9, false), (Release::V4_0, true), (Release::V4_1, true)] {
        let mut f = Fixture::new(ControllerConfig { release, ..ControllerConfig::default() });
        f.come(1, -1);
        f.come(2, -1);
        let old = f.leave(1);
        f.pass(SECOND, &[]);
        let refused = f.register(1, old) == Err(ErrorCode::DuplicateBrokerRegistration);
        assert_eq!(refused, waits, "{release:?}");
        f.pass(9 * SECOND, &[]);
        assert!(f.register(1, old).is_ok(), "{release:?}");
        assert!(f.register(1, old).is_ok(), "{release:?}: it has not sent a heartbeat yet");
    }
}

#[test]
fn a_heartbeat_of_an_older_epoch_is_stale_and_one_that_lags_stays_fenced() {
    let mut f = Fixture::cluster(1);
    f.kill(1);
    let old = f.epoch(NodeId(1));
    let new = f.register(1, -1).expect("it may register");
    let mut request = BrokerHeartbeatRequest {
        broker: NodeId(1),
        broker_epoch: old,
        metadata_offset: f.controller.committed_end(),
        want_fence: false,
        want_shutdown: false,
        offline_directories: Vec::new(),
    };
    let mut ask = |request| match f.ask(Request::BrokerHeartbeat(request)) {
        Response::BrokerHeartbeat(r) => (r.error, r.fenced),
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(request.clone()), (ErrorCode::StaleBrokerEpoch, true));
    request.broker_epoch = new;
    request.metadata_offset = u64::try_from(new.0).expect("an offset");
    assert_eq!(ask(request.clone()), (ErrorCode::None, true));
    request.metadata_offset += 1;
    assert_eq!(ask(request), (ErrorCode::None, false));
}

#[test]
fn a_controlled_shutdown_moves_leaders_first_and_waits_until_the_others_know() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3]], &[]);
    let answer = f.heartbeat(1, true);
    assert!(!answer.may_shut_down && !answer.fenced);
    assert_eq!(f.describe(0), "@1 leader=2 epoch=1 isr=2,3 elr=- last=-");
    assert!(!f.heartbeat(1, true).may_shut_down, "2 and 3 do not know yet");
    f.heartbeat(2, false);
    f.heartbeat(3, false);
    assert!(f.heartbeat(1, true).may_shut_down);
    assert_eq!(f.describe(0), "@1 leader=2 epoch=1 isr=2,3 elr=- last=-");
    let epoch = f.epoch(NodeId(1)).0;
    f.come(1, epoch);
    f.set_isr(0, &[2, 3, 1]);
    assert_eq!(f.elect(ElectionType::Preferred, 0), ErrorCode::None);
    assert_eq!(f.describe(0), "@3 leader=1 epoch=2 isr=1,2,3 elr=- last=-");
}

#[test]
fn a_broker_without_leaderships_may_go_at_once() {
    let mut f = Fixture::cluster(3);
    f.create("t", &[&[1, 2, 3]], &[]);
    assert!(f.heartbeat(3, true).may_shut_down);
    assert_eq!(f.describe(0), "@1 leader=1 epoch=0 isr=1,2 elr=- last=-");
}

#[test]
fn producer_ids_come_in_blocks_and_never_twice() {
    let mut f = Fixture::cluster(1);
    let epoch = f.epoch(NodeId(1));
    let ask = |f: &mut Fixture, broker_epoch| {
        let request = crate::protocol::controller::AllocateProducerIdsRequest {
            broker: NodeId(1),
            broker_epoch,
        };
        match f.ask(Request::AllocateProducerIds(request)) {
            Response::AllocateProducerIds(r) => (r.error, r.first.0, r.count),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut f, epoch), (ErrorCode::None, 0, 1_000));
    f.restart(StopKind::PowerCut);
    assert_eq!(ask(&mut f, epoch), (ErrorCode::None, 1_000, 1_000));
    assert_eq!(ask(&mut f, BrokerEpoch(77)), (ErrorCode::StaleBrokerEpoch, -1, 0));
}
