//! Failures made small: of planted bugs that search finds, within seconds, as files that fail again.

use std::path::Path;

use serde_json::Value;

use crate::command::{Told, assize, json};
use crate::place::{scratch, shipped};

/// Planted bugs, and the file of `scenarios/search` that finds each within a few seeds.
const PLANTED: &[(&str, &str)] = &[
    ("replication.toml", "truncate=local_hw"),
    ("exactly-once.toml", "truncate=local_hw"),
    ("replication.toml", "hw_isr=committed_only"),
    ("replication.toml", "high_watermark=leader-only"),
    ("replication.toml", "sequence_check=no-duplicates"),
    ("replication.toml", "retry_position=tail"),
    ("replication.toml", "producer_id_blocks=reissued"),
    ("replication.toml", "broker_epoch=reuse"),
    ("replication.toml", "election_epoch=reuse"),
    ("replication.toml", "consumer_position=back"),
    ("exactly-once.toml", "markers=skip-last"),
    ("exactly-once.toml", "markers=flip-last"),
    ("exactly-once.toml", "coordinator_load=all-but-last"),
    ("membership.toml", "stored_assignment=shared"),
    ("membership.toml", "offset_commit=forgotten"),
    ("cleaning.toml", "clean_control_by_key=on"),
    ("cleaning.toml", "compaction=drop-newest"),
    ("cleaning.toml", "delete_horizon=ignored"),
];

/// So many seeds are searched for a planted bug, and so many of its failures made small.
const SEEDS: &str = "0..60";
const FAILURES: usize = 2;

/// A failure of a planted bug.
struct Planted {
    file: String,
    rule: &'static str,
    seed: u64,
}

/// The first failures that search finds of a planted bug.
fn found((file, rule): (&str, &'static str)) -> Vec<Planted> {
    let file = shipped(&format!("search/{file}"));
    let set = format!("protocol.{rule}");
    let swept = assize(&["sweep", &file, "--seeds", SEEDS, "--set", &set, "--format", "json"]);
    let runs = swept.out.lines().map(json);
    let failed = runs.filter(|run: &Value| run["verdict"] == "fail").take(FAILURES);
    let seeds = failed.map(|run| run["seed"].as_u64().expect("a number"));
    seeds.map(|seed| Planted { file: file.clone(), rule, seed }).collect()
}

/// The file that comes of it in a folder.
fn shrunk(folder: &Path) -> String {
    folder.join("shrunk.toml").display().to_string()
}

fn shrink(one: &Planted, flags: &[&str], folder: &Path) -> Told {
    let (seed, rule) = (one.seed.to_string(), format!("protocol.{}", one.rule));
    let out = folder.display().to_string();
    let what = ["shrink", &one.file, "--seed", &seed, "--set", &rule, "--out", &out];
    assize(&[&what[..], &["--format", "json"], flags].concat())
}

fn told(told: &Told) -> Value {
    assert_eq!(told.code, 0, "{}", told.err);
    json(&told.out)
}

#[test]
fn thirty_planted_failures_become_small_files_that_fail_again() {
    let mut faults = Vec::new();
    for (number, one) in PLANTED.iter().copied().flat_map(found).enumerate() {
        let folder = scratch("shrink", &number.to_string());
        let small = told(&shrink(&one, &["--budget", "3s"], &folder));
        let again = assize(&["run", &shrunk(&folder)]);
        assert_eq!(again.code, 0, "{} of {}: {}{}", one.rule, one.file, again.out, again.err);
        let check = small["check"].as_str().expect("a name");
        assert!(
            again.out.contains("FAIL, AS EXPECTED") && again.out.contains(check),
            "{}",
            again.out
        );
        faults.push(small["faults"].as_u64().expect("a number"));
    }
    assert!(faults.len() >= 30, "{}", faults.len());
    faults.sort_unstable();
    assert!(faults[faults.len() / 2] <= 3, "{faults:?}");
}

#[test]
fn a_failure_for_a_rule_goes_on_failing_for_it() {
    // A duplicate needs a record: without any there is nothing to judge today.
    let one = &found(PLANTED[4])[0];
    let folder = scratch("shrink", "rule");
    told(&shrink(one, &["--budget", "3s"], &folder));
    let text = std::fs::read_to_string(shrunk(&folder)).expect("it was written");
    let (rule, value) = one.rule.split_once('=').expect("a rule with its value");
    let today = text.replace(&format!("\"{rule}\" = \"{value}\"\n"), "");
    assert_ne!(today, text);
    std::fs::write(shrunk(&folder), today).expect("it can be written");
    let run = assize(&["run", &shrunk(&folder)]);
    assert_eq!(run.code, 10, "a violation that is expected does not come: {}", run.out);
    assert!(run.out.contains("NOT AS EXPECTED (pass)"), "{}", run.out);
}

#[test]
fn a_budget_ends_it_with_what_there_is() {
    let folder = scratch("shrink", "budget");
    let small = told(&shrink(&found(PLANTED[0])[0], &["--budget", "1ms"], &folder));
    assert_eq!(small["stopped"], true);
    assert_eq!(small["runs"], 0);
    assert_eq!(assize(&["run", &shrunk(&folder)]).code, 0);
}

#[test]
fn shrinking_is_the_same_twice_whatever_the_threads() {
    let one = &found(PLANTED[0])[0];
    let texts = ["1", "3"].map(|threads| {
        let folder = scratch("shrink", &format!("threads-{threads}"));
        let small = told(&shrink(one, &["--threads", threads, "--budget", "10m"], &folder));
        assert_eq!(small["stopped"], false, "a budget depends on the machine");
        std::fs::read_to_string(shrunk(&folder)).expect("it was written")
    });
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn failures_of_two_bugs_read_as_two() {
    let folder = scratch("shrink", "folder");
    let records = folder.join("sweep").display().to_string();
    let file = &shipped("search/replication.toml");
    let rules = ["protocol.truncate=local_hw", "protocol.producer_id_blocks=reissued"];
    let two = ["--set", rules[0], "--set", rules[1], "--format", "json"];
    let swept =
        assize(&[&["sweep", file, "--seeds", "0..40", "--out", &records][..], &two].concat());
    let last = swept.out.lines().last().expect("a summary");
    let failed = json(last)["summary"]["failed"].as_u64().expect("a number");
    assert!(failed > 10, "{last}");
    let out = folder.join("small").display().to_string();
    let flags = ["--out", &out, "--budget", "3s", "--format", "json"];
    let small = assize(&[&["shrink", &records][..], &flags].concat());
    assert_eq!(small.code, 0, "{}", small.err);
    let groups: Vec<Value> = small.out.lines().map(json).collect();
    assert_eq!(groups.len(), 2, "{}", small.out);
    let told: u64 = groups.iter().map(|one| one["failures"].as_u64().expect("a number")).sum();
    assert_eq!(told, failed);
    for group in groups {
        assert_eq!(assize(&["run", group["file"].as_str().expect("a place")]).code, 0);
    }
}

/// A producer whose batches are too large for its memory under some seeds; under the others the violation
/// that is expected does not come.
const LEFT: &str = r#"
[scenario]
name = "left"
duration = "300ms"

[cluster]
brokers = 3
hardware = "test"

[topic.orders]
partitions = 1
replication = 3

[service.order]
kind = "ingress"
output = "orders"

[service.order.producer]
"buffer.memory" = 40000
"batch.size" = "16384..65536"

[load.calls]
into = "order"
arrivals = { model = "open", rate = "100/s" }

[expect]
verdict = "fail"
anomaly = "lost-acknowledged"
"#;

#[test]
fn failures_that_cannot_be_made_small_are_told_and_do_not_end_it() {
    let folder = scratch("shrink", "left");
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(path("left.toml"), LEFT).expect("the folder is writable");
    let broken = LEFT.split("[expect]").next().expect("the first part");
    let broken = broken.replace("\"16384..65536\"", "16384");
    let broken = format!("{broken}[protocol]\nhigh_watermark = \"leader-only\"\n");
    std::fs::write(path("broken.toml"), broken).expect("the folder is writable");
    let files = [path("left.toml"), path("broken.toml")];
    let sweep = ["sweep", &files[0], &files[1], "--seeds", "0..8", "--format", "json"];
    let swept = assize(&[&sweep[..], &["--out", &path("sweep")]].concat());
    let failed = json(swept.out.lines().last().expect("a summary"))["summary"]["failed"].clone();
    assert_eq!(failed, 16, "{}", swept.out);

    // A sweep tells what came of it, whatever becomes of the report of its first failure.
    let cannot = LEFT.split("[expect]").next().expect("the first part");
    std::fs::write(path("cannot.toml"), cannot).expect("the folder is writable");
    let sweep = ["sweep", &path("cannot.toml"), "--seeds", "0..8", "--threads", "1"];
    let told = assize(&[&sweep[..], &["--out", &path("kept")]].concat());
    assert!(told.out.contains("failed by cannot be run"), "{}{}", told.out, told.err);
    assert_ne!(told.code, 0);

    // Nobody is told to make small what cannot be.
    let told = assize(&["sweep", &files[0], &files[1], "--seeds", "0..8"]);
    assert_eq!(told.out.matches("make it small: ").count(), 1, "{}", told.out);

    let flags = ["shrink", &path("sweep"), "--out", &path("small"), "--budget", "3s"];
    let small = assize(&[&flags[..], &["--format", "json"]].concat());
    assert_eq!(small.code, 0, "{}", small.err);
    let lines: Vec<Value> = small.out.lines().map(json).collect();
    let told = |key: &str, text: &str| {
        let mut lines = lines.iter().filter(|line| line["left"].is_string());
        lines.any(|line| line[key].as_str().is_some_and(|told| told.contains(text)))
    };
    let again = assize(&flags);
    assert_eq!(again.code, 64, "{}", again.out);
    assert!(again.err.contains("name another folder"), "{}", again.err);
    for more in [["--seed", "3"], ["--set", "cluster.brokers=5"]] {
        let told = assize(&[&["shrink", &path("sweep")], &more[..]].concat());
        assert_eq!(told.code, 64, "{more:?}: {}", told.out);
    }
    assert_eq!(lines.len(), 3, "{}", small.out);
    assert_eq!(lines[0]["failures"], 8, "{}", small.out);
    assert!(lines[0]["file"].is_string(), "{}", small.out);
    assert!(told("cause", "was expected and did not come"), "{}", small.out);
    assert!(told("left", "nothing is violated"), "{}", small.out);
    assert!(told("left", "must not be above buffer.memory"), "{}", small.out);
    let all: u64 = lines.iter().map(|line| line["failures"].as_u64().expect("a number")).sum();
    assert_eq!(all, 16);

    let told = assize(&["shrink", &path("sweep"), "--out", &path("words"), "--budget", "3s"]);
    assert_eq!((told.code, told.out.lines().next()), (0, Some("16 failures of 3 causes")));
    assert!(told.out.contains("left as it is: "), "{}", told.out);
}

#[test]
fn what_does_not_fail_cannot_be_made_smaller() {
    let file = &shipped("smoke/produce-consume.toml");
    let folder = scratch("shrink", "passes");
    let out = folder.display().to_string();
    let told = assize(&["shrink", file, "--out", &out]);
    assert_eq!(told.code, 64);
    assert!(told.err.contains("violates nothing"), "{}", told.err);
    assert!(!Path::new(&shrunk(&folder)).exists());
}

#[test]
fn a_token_names_its_seed_and_values() {
    let token = "assize1:0.1.0:0000000000000000:1:a.toml";
    let folder = scratch("shrink", "token");
    let out = folder.display().to_string();
    for flags in [["--seed", "3"], ["--set", "cluster.brokers=3"]] {
        let told = assize(&[&["shrink", token, "--out", &out][..], &flags].concat());
        assert_eq!(told.code, 64, "{}", told.err);
    }
}

#[test]
fn the_check_that_is_asked_for_is_kept() {
    let folder = scratch("shrink", "check");
    let path = |name: &str| folder.join(name).display().to_string();
    let (records, file) = (path("my sweep"), shipped("search/replication.toml"));
    let rule = "protocol.truncate=local_hw";
    let swept = assize(&["sweep", &file, "--seeds", "0..60", "--set", rule, "--out", &records]);
    let next = format!("each cause made small: assize shrink '{records}'");
    assert!(swept.out.contains(&next), "{}", swept.out);
    let page = std::fs::read_to_string(folder.join("my sweep/report.html")).expect("a report");
    assert!(page.contains("What happened"), "the report of a sweep has its story");

    let small = |name: &str, more: &[&str]| {
        let flags = ["shrink", &records, "--budget", "3s", "--out", &path(name)];
        assize(&[&flags[..], more].concat())
    };
    let first = small("first", &[]);
    assert!(first.out.contains(": truncation-keeps-committed: "), "{}", first.out);
    assert!(first.out.contains("  it was  ") && first.out.contains("report.html"), "{}", first.out);
    let line = first.out.lines().find(|line| line.contains("in these runs also: "));
    let line = line.expect("other anomalies");
    assert!(line.contains("leader-candidate-completeness in "), "{line}");

    let asked = small("asked", &["--check", "leader-candidate-completeness"]);
    assert!(asked.out.contains(": leader-candidate-completeness: "), "{}", asked.out);
    let run = assize(&["run", &path("asked/01/shrunk.toml")]);
    assert_eq!(run.code, 0, "{}", run.out);
    let missing = small("missing", &["--check", "reordered"]);
    assert_eq!(missing.code, 64, "{}", missing.out);
    assert!(missing.err.contains("there is ") && missing.err.contains("truncation-keeps"));
    let seed = ["shrink", &file, "--seed", "0", "--check", "reordered", "--out", &path("one")];
    let one = assize(&seed);
    assert!(one.code == 64 && one.err.contains("does not show reordered"), "{}", one.err);
}

#[test]
fn a_fault_does_not_become_a_setting_that_is_warned_of() {
    for one in found(PLANTED[0]) {
        let folder = scratch("shrink", &format!("warnings-{}", one.seed));
        let small = told(&shrink(&one, &["--budget", "20s"], &folder));
        assert!(small["faults"].as_u64() > Some(0), "{small}");
        let checked = assize(&["check", &shrunk(&folder)]);
        assert!(!checked.err.contains("warning[broker-heartbeat"), "{}", checked.err);
    }
}
