//! Stories of runs that fail: true, short, with a mark where truth and belief part.

use assize_tests::root;

use crate::command::{Told, assize};
use crate::place::{scratch, shipped};

/// What is told of a run under `what happened`.
fn story(out: &str) -> String {
    let mut lines = out.lines().skip_while(|line| !line.starts_with("what happened"));
    let head = lines.next().unwrap_or_default();
    let body = lines.take_while(|line| !line.is_empty());
    std::iter::once(head).chain(body).map(|line| format!("{line}\n")).collect()
}

fn told(name: &str) -> String {
    let Told { out, .. } = assize(&["run", &shipped(name), "--story"]);
    story(&out)
}

#[test]
fn a_leader_that_was_too_quick_to_cut() {
    insta::assert_snapshot!("kip101", told("zoo/kip101-hw-truncation.toml"));
}

#[test]
fn a_last_replica_that_lost_its_power() {
    insta::assert_snapshot!("kip966", told("zoo/kip966-last-replica-standing.toml"));
}

#[test]
fn a_transaction_ended_by_a_late_request() {
    insta::assert_snapshot!("kafka17754", told("zoo/kafka17754-delayed-end-txn.toml"));
}

#[test]
fn a_zombie_that_commits() {
    insta::assert_snapshot!("kip447", told("zoo/kip447-zombie-commit.toml"));
}

#[test]
fn a_partition_of_two_members() {
    insta::assert_snapshot!("kafka16147", told("zoo/kafka16147-partition-of-two.toml"));
}

#[test]
fn a_consumer_that_dies_behind_its_commit() {
    insta::assert_snapshot!("commit_before", told("hazards/commit-before-processing.toml"));
}

/// A follower of before KIP-101 cuts off what is committed of an internal topic, long before the
/// load begins.
const BEFORE_THE_LOAD: &str = r#"
[scenario]
name = "before-the-load"
duration = "100ms"

[cluster]
hardware = "test"

[topic."orders"]
replication = 3

[service."order"]
kind = "ingress"
time = "100us"
output = "orders"

[service."audit"]
kind = "reader"
input = ["orders"]

[load."customers"]
into = "order"
arrivals = { model = "open", rate = "30.0/s" }
size = "256B"

[[fault]]
kind = "broker-kill"
target = "coordinator-of:group/audit"
on = "leader:__consumer_offsets/0#1"
after = "1s"
for = "1ms"

[protocol]
truncate = "local_hw"
"#;

#[test]
fn what_went_wrong_before_the_load_is_told_from_its_first_fault_on() {
    let folder = scratch("stories", "before-the-load");
    let (file, out) = (folder.join("scenario.toml"), folder.join("out"));
    std::fs::write(&file, BEFORE_THE_LOAD).expect("it is ours");
    let [file, out] = [&file, &out].map(|path| path.to_str().expect("a plain name"));
    let told = assize(&["run", file, "--story", "--out", out]).out;
    insta::assert_snapshot!("before_the_load", story(&told));
    let page = std::fs::read_to_string(folder.join("out/report.html")).expect("it was written");
    assert!(page.contains("<svg class=\"map\""));
}

/// Every scenario of these folders that expects a failure.
fn failing() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["zoo", "hazards"] {
        let path = root().join("scenarios").join(folder);
        for entry in std::fs::read_dir(path).expect("part of the repository") {
            let name = entry.expect("it can be read").file_name();
            let name = format!("{folder}/{}", name.to_str().expect("a plain name"));
            let text = std::fs::read_to_string(root().join("scenarios").join(&name));
            if text.is_ok_and(|text| text.contains("verdict = \"fail\"")) {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_published_bug_has_a_story_that_a_person_can_read() {
    let all = failing();
    assert!(all.len() > 30, "{}", all.len());
    for name in all {
        let text = told(&name);
        assert_eq!(text.matches("HERE TRUTH AND BELIEF PART").count(), 1, "{name}\n{text}");
        let moments = text.lines().filter(|line| line.contains(" s  ")).count();
        assert!((5..=36).contains(&moments), "{name}: {moments}\n{text}");
        assert!(text.lines().all(|line| !line.contains("  .") && !line.contains("..")), "{text}");
    }
}

#[test]
fn who_listens_changes_nothing() {
    let file = shipped("zoo/kip966-last-replica-standing.toml");
    let plain = assize(&["run", &file, "--format", "json"]).out;
    let with_story = assize(&["run", &file, "--format", "json", "--story"]).out;
    let digests = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        (value["digest"].clone(), value["history_digest"].clone(), value["exit"].clone())
    };
    assert_eq!(digests(&plain), digests(&with_story));
    assert!(!plain.contains("\"story\""));
    let value: serde_json::Value = serde_json::from_str(&with_story).expect("a line of JSON");
    let moments = value["story"].as_array().expect("a list of moments");
    assert!(moments.len() > 10);
    assert!(moments.iter().any(|one| one["kind"] == "parting"), "{moments:?}");
}

#[test]
fn a_run_that_passes_has_no_story() {
    let Told { code, out, .. } = assize(&["run", &shipped("smoke/temperature.toml"), "--story"]);
    assert_eq!((code, out.contains("what happened")), (0, false), "{out}");
}

#[test]
fn a_report_of_a_failing_run_tells_and_draws_what_happened() {
    let folder = scratch("stories", "report");
    let out = folder.to_str().expect("a plain name");
    let Told { code, .. } =
        assize(&["run", &shipped("zoo/kip966-last-replica-standing.toml"), "--out", out]);
    assert_eq!(code, 0);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it was written");
    assert!(read("summary.md").contains("## What happened"));
    assert!(read("summary.json").contains("\"story\": ["));
    let page = read("report.html");
    assert!(page.contains("<h2>What happened</h2>"));
    let from = page.find("<svg class=\"map\"").expect("there is a diagram");
    let svg = &page[from..from + page[from..].find("</svg>").expect("it ends") + 6];
    assert_eq!(unbalanced(svg), None);
    assert!(svg.matches("class=\"lane\"").count() <= 12);
    let arrows = svg.matches("<g class=\"arrow").count();
    assert!((5..=40).contains(&arrows), "{arrows}");
    assert!(svg.contains("<desc>") && svg.contains("HERE TRUTH AND BELIEF PART"));
}

/// The first element of a drawing that is not closed as it should be.
fn unbalanced(svg: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    for piece in svg.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap_or_default();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return Some(name.to_owned());
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    open.pop().map(str::to_owned)
}

#[test]
fn what_is_too_long_to_tell_says_how_to_make_it_smaller() {
    let file = shipped("hazards/acks-1.toml");
    let longer = ["--set", "scenario.duration=2000s", "--story"];
    let Told { out, .. } = assize(&[&["run", &file][..], &longer].concat());
    assert!(story(&out).contains("assize shrink assize1:"), "{}", story(&out));
}
