//! Subscriptions by regular expression.

use alloc::vec::Vec;

use super::{A, B, OK, bench, describe, owning, plain, told, topic};
use crate::group::tests::bench::Bench;
use crate::protocol::ErrorCode;
use crate::protocol::consumer_group::ConsumerGroupHeartbeatRequest;
use crate::types::{MemberId, PartitionId, SECOND};

type Told = (ErrorCode, i32, Option<Vec<u32>>);

/// A heartbeat of a member that subscribes by a regular expression.
fn by(bench: &mut Bench, member: MemberId, epoch: i32, regex: &str) -> Told {
    let request = ConsumerGroupHeartbeatRequest {
        rebalance_timeout: Some(20 * SECOND),
        pattern: Some(bench.names.text(regex)),
        owned: Some(Vec::<PartitionId>::new()),
        ..plain(member, epoch)
    };
    let told = told(bench, request);
    bench.tick();
    told
}

/// Topic `t` with partition 0, `u` with 1 and `vv` with 2.
fn three_topics() -> Bench {
    let mut b = bench(1);
    topic(&mut b.image, 1, "u", 1, 1);
    topic(&mut b.image, 2, "vv", 2, 1);
    b
}

#[test]
fn names_match_as_a_whole_and_after_the_first_heartbeat() {
    let mut b = three_topics();
    assert_eq!(by(&mut b, A, 0, "t|v"), (OK, 1, Some(Vec::new())));
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 2, Some(Vec::from([0]))), "vv has more than a v");
    assert_eq!(told(&mut b, plain(A, 2)), (OK, 2, None));
}

#[test]
fn a_bad_one_is_refused_unless_it_is_there() {
    let mut b = three_topics();
    assert_eq!(by(&mut b, A, 0, "[").0, ErrorCode::InvalidRegularExpression);
    assert_eq!(by(&mut b, A, 0, "(?=t)").0, ErrorCode::InvalidRegularExpression, "not in RE2");
    assert_eq!(describe(&mut b).error, ErrorCode::GroupIdNotFound, "nothing came of it");
}

#[test]
fn a_second_member_by_the_same_one_needs_no_lookup() {
    let mut b = three_topics();
    by(&mut b, A, 0, ".");
    assert_eq!(told(&mut b, plain(A, 1)), (OK, 2, Some(Vec::from([0, 1]))));
    assert_eq!(by(&mut b, B, 0, "."), (OK, 3, Some(Vec::new())), "a round at once");
}

#[test]
fn topics_that_are_created_are_found_ten_seconds_after_the_last_lookup() {
    let mut b = three_topics();
    by(&mut b, A, 0, ".+");
    assert_eq!(told(&mut b, plain(A, 1)).2, Some(Vec::from([0, 1, 2])));
    topic(&mut b.image, 3, "w", 3, 1);
    let beat = |b: &mut Bench, epoch| {
        let told = told(b, plain(A, epoch));
        b.tick();
        told
    };
    b.wait(10 * SECOND);
    assert_eq!(beat(&mut b, 2), (OK, 2, None), "not yet: ten seconds are not enough");
    b.wait(SECOND);
    assert_eq!(beat(&mut b, 2), (OK, 2, None), "found behind this heartbeat");
    assert_eq!(beat(&mut b, 2), (OK, 3, Some(Vec::from([0, 1, 2, 3]))));
}

#[test]
fn what_nobody_subscribes_by_is_forgotten() {
    let mut b = three_topics();
    by(&mut b, A, 0, "t");
    told(&mut b, plain(A, 1));
    by(&mut b, A, 2, "u");
    assert_eq!(told(&mut b, plain(A, 2)), (OK, 2, None), "not in the heartbeat that brings it");
    b.tick();
    assert_eq!(told(&mut b, plain(A, 2)), (OK, 2, Some(Vec::new())), "it gives up what it had");
    assert_eq!(told(&mut b, owning(A, 2, &[])), (OK, 3, Some(Vec::from([1]))));
    assert_eq!(told(&mut b, plain(A, -1)).0, OK);
    assert!(describe(&mut b).members.is_empty());
    let before = describe(&mut b);
    b.load();
    assert_eq!(describe(&mut b), before, "nothing of it is in the log");
}

#[test]
fn another_coordinator_knows_what_was_found() {
    let mut b = three_topics();
    by(&mut b, A, 0, "u");
    assert_eq!(told(&mut b, plain(A, 1)).2, Some(Vec::from([1])));
    let before = describe(&mut b);
    b.load();
    assert_eq!(describe(&mut b), before);
    assert_eq!(by(&mut b, B, 0, "u"), (OK, 3, Some(Vec::new())), "known, so a round at once");
}
