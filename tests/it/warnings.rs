//! Configurations that hurt: told, by `check` and `run`, and of no weight.

use assize_tests::root;

use crate::command::{Told, assize};
use crate::place::scratch;

const HURTING: &str = r#"
[scenario]
name = "hurting"
duration = "1s"

[cluster]
brokers = 2
hardware = "test"
config = { "log.flush.interval.messages" = 100, "offsets.topic.replication.factor" = 2 }

[topic.orders]
replication = 2
config = { "min.insync.replicas" = 2 }

[topic.parcels]
replication = 2

[service.order]
kind = "ingress"
output = "orders"
producer = { acks = "1" }

[service.audit]
kind = "reader"
input = "orders"
time = "1ms"
consumer = { "max.poll.interval.ms" = "400ms" }

[load.calls]
into = "order"
arrivals = { model = "open", rate = "50/s" }

[check]
exactly_once = { from = "orders", to = "parcels" }
"#;

fn file(name: &str, text: &str) -> String {
    let file = scratch("warnings", &name.replace('.', "-")).join(name);
    std::fs::write(&file, text).expect("the folder is writable");
    file.to_str().expect("the target folder has a plain name").to_owned()
}

#[test]
fn check_tells_each_warning_once_with_its_place() {
    let file = file("check.toml", HURTING);
    let Told { code, err, .. } = assize(&["check", &file]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!("warnings", err.replace(&file, "FILE"));
}

#[test]
fn a_run_carries_its_warnings_and_keeps_its_exit_code() {
    let text = HURTING.split("[check]").next().expect("the first part");
    let file = file("run.toml", text);
    let Told { code, out, err } = assize(&["run", &file, "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let summary: serde_json::Value = serde_json::from_str(&out).expect("a line of JSON");
    let names: Vec<&str> = summary["warnings"]
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["flush-by-messages", "min-isr-is-replication", "poll-interval-below-work"]);
    for name in names {
        assert_eq!(err.matches(&format!("warning[{name}]")).count(), 1, "{err}");
    }
}

#[test]
fn an_internal_topic_that_cannot_be_is_no_reason_to_crash() {
    let text = HURTING.split("[check]").next().expect("the first part");
    let text = text.replace("factor\" = 2", "factor\" = 3");
    let file = file("internal.toml", &text);
    let Told { code, err, .. } = assize(&["run", &file]);
    assert!(err.contains("warning[internal-topic-factor]"), "{err}");
    assert!([11, 13].contains(&code), "{code}: {err}");
}

#[test]
fn no_shipped_scenario_sets_a_rule_without_effect() {
    let folder = root().join("scenarios/zoo");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is in the repository")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() > 10);
    for file in files {
        let Told { err, .. } = assize(&["check", file.to_str().expect("a plain name")]);
        assert!(!err.contains("-without-effect]"), "{err}");
    }
}

#[test]
fn keys_that_nothing_reads_are_told_by_every_command() {
    let text = HURTING.split("[check]").next().expect("the first part");
    let text = text.replace("{ acks", "{ \"client.dns.lookup\" = \"use_all_dns_ips\", acks");
    let file = file("keys.toml", &text);
    let told = assize(&["check", &file]);
    let name = "warning[keys-without-effect]";
    for part in [name, "`client.dns.lookup` in `service.order.producer` (", "keys.toml, line 21"] {
        assert_eq!(told.err.matches(part).count(), 1, "{part}: {}", told.err);
    }
    let Told { out, err, .. } = assize(&["run", &file, "--format", "json"]);
    assert_eq!(err.matches(name).count(), 1, "{err}");
    assert!(out.contains("\"keys-without-effect\""), "{out}");
}

#[test]
fn a_rule_that_another_one_shadows_is_told_once_with_its_place() {
    let text = HURTING.split("[check]").next().expect("the first part");
    let rules = "[protocol]\ntruncate = \"local_hw\"\nfollower_hw_before_truncate = true\n\
                 prevote = \"off\"\n";
    let file = file("idle.toml", &format!("{text}{rules}"));
    let Told { code, err, .. } = assize(&["check", &file]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(err.matches("warning[rule-without-effect]").count(), 1, "{err}");
    for part in [
        "shadowed by truncate = \"local_hw\"",
        "there is one controller",
        "at protocol.",
        "idle.toml, line",
    ] {
        assert!(err.contains(part), "{err}");
    }
}

#[test]
fn check_gives_an_object_a_file_with_its_warnings() {
    let file = file("object.toml", HURTING);
    let Told { code, out, err } = assize(&["check", &file, "no/such.toml", "--format", "json"]);
    assert_ne!(code, 0, "one is not there");
    assert!(!err.contains("warning["), "they are in the object: {err}");
    let lines: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["ok"], &lines[1]["ok"]), (&true.into(), &false.into()));
    let names = lines[0]["warnings"].as_array().expect("a list").iter();
    let names: Vec<_> = names.map(|one| one["name"].as_str().expect("a name")).collect();
    assert!(names.contains(&"flush-by-messages"), "{names:?}");
}
