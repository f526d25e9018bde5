//! Rules of the past, each with what it changes and what it leaves alone.

use super::bench::{Bench, G, NOBODY, producer};
use super::offset::two_topics;
use crate::group::GroupSettings;
use crate::protocol::ErrorCode;
use crate::types::SECOND;

fn under(rule: &str, value: &str) -> Bench {
    let mut b = Bench::with(GroupSettings {
        initial_rebalance_delay: 0,
        offsets_retention: 100 * SECOND,
        offsets_retention_check_interval: SECOND,
        ..GroupSettings::default()
    });
    b.rules.set(rule, value).expect("a rule");
    b
}

#[test]
fn a_coordinator_that_takes_over_may_find_the_first_commit_again() {
    for (rule, found) in [("last_wins", 8), ("first_wins", 5)] {
        let mut b = under("group_load", rule);
        b.commit(G, NOBODY, -1, &[(0, 5)]);
        b.commit(G, NOBODY, -1, &[(0, 8)]);
        assert_eq!(b.fetch(G, 0, false), Ok(8), "{rule}");
        b.load();
        assert_eq!(b.fetch(G, 0, false), Ok(found), "{rule}");
    }
}

#[test]
fn offsets_may_expire_right_after_a_coordinator_has_read_them() {
    for (rule, found) in [("retention", 5), ("commit_ts", -1)] {
        let mut b = under("expire_ts_default", rule);
        b.commit(G, NOBODY, -1, &[(0, 5)]);
        b.wait(10 * SECOND);
        assert_eq!(b.fetch(G, 0, false), Ok(5), "{rule}");
        b.load();
        b.wait(2 * SECOND);
        assert_eq!(b.fetch(G, 0, false), Ok(found), "{rule}");
    }
}

#[test]
fn offsets_that_a_group_uses_may_expire_by_their_commit() {
    for (rule, found) in [("of_the_unused", 5), ("from_commit", -1)] {
        let mut b = under("offset_expiry", rule);
        b.image = two_topics();
        let m = b.stable_one(G);
        assert_eq!(b.commit(G, m, 1, &[(0, 5)]), ErrorCode::None);
        for _ in 0..4 {
            b.wait(30 * SECOND);
            b.heartbeat(G, m, 1);
        }
        assert_eq!(b.fetch(G, 0, false), Ok(found), "{rule}");
    }
}

#[test]
fn a_member_may_be_told_the_offset_before_the_pending_one() {
    for (rule, found) in [("on", Err(ErrorCode::UnstableOffsetCommit)), ("off", Ok(1))] {
        let mut b = under("offset_fetch_stable", rule);
        b.commit(G, NOBODY, -1, &[(0, 1)]);
        b.txn_commit(producer(1, 0), G, &[(0, 5)]);
        assert_eq!(b.fetch(G, 0, true), found, "{rule}");
        b.marker(producer(1, 0), true);
        assert_eq!(b.fetch(G, 0, true), Ok(5), "{rule}");
    }
}
