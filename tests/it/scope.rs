//! One thing that goes wrong, tried once for each: what it finds, what it passes, what it refuses.

use crate::command::{Told, assize, json};
use crate::place::{scratch, shipped};

/// `assize scope` of a universe of search, without the faults that its seeds draw.
fn scoped(file: &str, more: &[&str]) -> Told {
    let file = shipped(&format!("search/{file}.toml"));
    let quiet = ["scope", &file, "--set", "search.faults=0", "--format", "json"];
    assize(&[&quiet, more].concat())
}

/// The lines of a run: what is tried, and what came of it.
fn lines(told: &Told) -> [serde_json::Value; 2] {
    let lines: Vec<_> = told.out.lines().map(json).collect();
    lines.try_into().unwrap_or_else(|lines| panic!("two lines: {lines:?}, {}", told.err))
}

#[test]
fn a_cluster_of_today_stands_whatever_single_thing_goes_wrong() {
    let told = scoped("replication", &["--every", "40", "--set", "load.customers.limit=60"]);
    let [tried, ended] = lines(&told);
    assert_eq!(told.code, 0, "{}", told.out);
    let count = |kind: &str| tried["tried"][kind].as_u64().expect("it is counted");
    let kinds = ["crash", "lose", "late", "race"];
    assert!(kinds.iter().all(|kind| count(kind) > 0), "{tried}");
    let all: u64 = kinds.into_iter().map(count).sum();
    assert_eq!(ended["summary"]["runs"], all);
}

#[test]
fn a_message_that_is_late_finds_what_the_first_protocol_of_transactions_allowed() {
    let late = ["--only", "late", "--every", "15"];
    assert_eq!(scoped("exactly-once", &late).code, 0);
    let then = [&late[..], &["--set", "protocol.txn_protocol=v1"]].concat();
    let told = scoped("exactly-once", &then);
    let [_, ended] = lines(&told);
    let causes = ended["summary"]["causes"].as_array().expect("there are some");
    let hanging = causes.iter().find(|cause| {
        cause["cause"].as_str().is_some_and(|cause| cause.starts_with("hanging-transaction"))
    });
    let replay = hanging.expect("a late produce begins a transaction")["replay"].as_str();
    let token = replay.and_then(|replay| replay.strip_prefix("assize replay ")).expect("a token");
    let again = assize(&["replay", token]);
    assert!(again.out.contains("hanging-transaction"), "{}{}", again.out, again.err);
    assert!(again.out.contains("delay "), "the message is in the table of faults: {}", again.out);
    assert_eq!((told.code, again.code), (10, 11), "the worst of all, and this one");
}

#[test]
fn a_process_that_is_killed_behind_a_step_finds_a_log_that_is_cut_too_far() {
    let crash = ["--only", "crash", "--every", "50"];
    assert_eq!(scoped("replication", &crash).code, 0);
    let told =
        scoped("replication", &[&crash[..], &["--set", "protocol.truncate=local_hw"]].concat());
    assert_eq!(told.code, 10, "{}", told.out);
    assert!(told.out.contains("truncation-keeps-committed"), "{}", told.out);
}

#[test]
fn results_do_not_depend_on_threads() {
    let some = |threads| {
        let told = scoped("exactly-once", &["--every", "150", "--threads", threads]);
        let [tried, mut ended] = lines(&told);
        ended["summary"]["seeds_per_s"].take();
        (tried, ended, told.code)
    };
    assert_eq!(some("1"), some("3"));
}

#[test]
fn what_cannot_be_tried_is_refused() {
    let folder = scratch("scope", "refused");
    let file = folder.join("swarm.toml");
    let text = std::fs::read_to_string(shipped("smoke/temperature.toml")).expect("it is there");
    std::fs::write(&file, format!("{text}\n[swarm]\nenabled = true\n")).expect("it can be written");
    let file = file.to_str().expect("a plain name");
    let told = assize(&["scope", file]);
    assert_eq!(told.code, 65);
    assert!(
        told.err.contains("[swarm]") && told.err.contains("swarm.enabled=false"),
        "{}",
        told.err
    );
    let drawn = assize(&["scope", &shipped("search/replication.toml")]);
    assert_eq!(drawn.code, 65);
    assert!(drawn.err.contains("--set search.faults=0"), "{}", drawn.err);
    for wrong in [&["--only", "lost"][..], &["--every", "0"], &["--late", "5"], &["--down", "0s"]] {
        let told = assize(&[&["scope", file], wrong].concat());
        assert_eq!(told.code, 64, "{wrong:?}: {}", told.err);
    }
}
