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

/// Whether a group takes an expression, and which of these names match it as a whole.
fn matching<'a>(regex: &str, names: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut b = bench(1);
    for (n, name) in (1..).zip(names) {
        topic(&mut b.image, n, name, n, 1);
    }
    match by(&mut b, A, 0, regex).0 {
        OK => {
            let found = told(&mut b, plain(A, 1)).2.unwrap_or_default();
            let is_found = |n: &u32| found.contains(n);
            Some((1..).zip(names).filter(|(n, _)| is_found(n)).map(|(_, name)| *name).collect())
        }
        error => {
            assert_eq!(error, ErrorCode::InvalidRegularExpression);
            None
        }
    }
}

#[test]
fn a_quote_is_taken_by_the_letter() {
    let names = ["a.c", "abc", "a.c.c"];
    assert_eq!(matching(r"\Qa.c\E", &names), Some(Vec::from(["a.c"])));
    assert_eq!(matching(r"\Qa.c", &names), Some(Vec::from(["a.c"])), "its end may be left out");
    assert_eq!(matching(r"a\Q.c\E*", &["a.", "a.cc", "a.c.c"]), Some(Vec::from(["a.", "a.cc"])));
    assert_eq!(matching(r"a\E", &names), None);
}

#[test]
fn alternatives_match_as_a_whole_and_close_no_group_they_did_not_open() {
    assert_eq!(matching("a|ab", &["a", "ab", "abb"]), Some(Vec::from(["a", "ab"])));
    assert_eq!(matching("a)|(?:b", &["a", "ab", "b"]), None);
    assert_eq!(matching("(a", &["a"]), None);
    assert_eq!(matching("a$|b", &["a", "b"]), Some(Vec::from(["a", "b"])));
}

#[test]
fn repetitions_are_not_stacked_and_not_above_a_thousand() {
    for bad in
        ["a**", "a*+", "a{2}{3}", "a{2}*", "*a", "|+", "{1}", "a{1001}", "a{1001,}", "a{3,2}"]
    {
        assert_eq!(matching(bad, &["a"]), None, "{bad}");
    }
    for good in ["a*?", "(a*)*", "a{1,1000}", "a{2}?", "^*a", r"\b+a"] {
        assert!(matching(good, &["a"]).is_some(), "{good}");
    }
}

#[test]
fn counts_within_counts_are_refused_where_they_grow_too_large() {
    assert!(matching("(a{100}){11}", &["a"]).is_some());
    assert_eq!(matching("((a{1000}){1000}){1000}", &["a"]), None);
}

#[test]
fn a_brace_without_a_count_is_a_brace() {
    for brace in ["a{", "a{,5}", "a{x}", "a{1", "a{01}", "{", "x{{", r"\b{start}"] {
        assert_eq!(matching(brace, &["a", "aaaaa", "x"]), Some(Vec::new()), "{brace}");
    }
}

#[test]
fn flags_are_those_of_re2() {
    for bad in ["(?x)a", "(?u)a", "(?R)a", "(?ix:a)", "(?-)a", "(?s-)a", "(?i", "(?i)*"] {
        assert_eq!(matching(bad, &["a"]), None, "{bad}");
    }
    assert_eq!(matching("(?i)A", &["a", "A"]), Some(Vec::from(["a", "A"])));
    assert_eq!(matching("(?i-i:A)", &["a", "A"]), Some(Vec::from(["A"])), "the last word counts");
    assert_eq!(matching("(?)(?:a)", &["a"]), Some(Vec::from(["a"])));
}

#[test]
fn classes_neither_nest_nor_join() {
    let names = ["a", "b", "z", "-", "1"];
    assert_eq!(matching("[a&&b]", &names), Some(Vec::from(["a", "b"])));
    assert_eq!(matching("[a-z&&[^b]]+", &names), Some(Vec::new()));
    assert_eq!(matching("[a-]", &names), Some(Vec::from(["a", "-"])));
    assert_eq!(matching(r"[a\d]", &names), Some(Vec::from(["a", "1"])));
    assert_eq!(matching("[[:^alpha:]]", &names), Some(Vec::from(["-", "1"])));
    assert_eq!(matching("[^]aé]", &names), Some(Vec::from(["b", "z", "-", "1"])));
    for bad in ["[]", "[a", "[z-a]", "[a--b]", r"[a-\d]", r"[\b]", r"[\Qa\E]", "[[:foo:]]"] {
        assert_eq!(matching(bad, &names), None, "{bad}");
    }
}

#[test]
fn escapes_are_those_of_re2() {
    for bad in [r"\1", r"\8", r"\e", r"\y", r"\Z", r"\C", r"\u0041", r"\x4", "\\"] {
        assert_eq!(matching(bad, &["a"]), None, "{bad}");
    }
    for a in [r"\x41", r"\x{41}", r"\101", r"\AA\z", "(?<n>A)", "(?P<n>A)", "(?<1n>A)"] {
        assert_eq!(matching(a, &["A"]), Some(Vec::from(["A"])), "{a}");
    }
    assert_eq!(matching(r"\-\.", &["-."]), Some(Vec::from(["-."])));
    assert_eq!(matching(r"\<a\>", &["a"]), Some(Vec::new()), "no ends of words");
    assert_eq!(matching("(?P<n>a)(?P<n>b)", &["ab"]), None);
}
