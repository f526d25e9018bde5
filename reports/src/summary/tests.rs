use super::{Head, Summary};
use crate::checker::{Anomaly, Bound, Claim, GateRule, Quantity, Verdict};
use crate::history::{Acknowledged, Facts, Recorder, Sent, Session};
use crate::metric::{BrokerUse, Timeline};

struct Table;

impl Facts for Table {
    fn key(&self, record: u32) -> u32 {
        record
    }

    fn entity(&self, record: u32) -> u32 {
        record
    }
}

fn head() -> Head {
    Head {
        scenario: "scenarios/smoke/produce-consume.toml".to_owned(),
        seed: 7,
        expected: Verdict::Pass,
        expected_anomaly: None,
        expected_also: Vec::new(),
        digest: 0xabc,
        wall_s: 0.25,
        events: 42,
        invariants: Vec::new(),
        faults: Vec::new(),
        missing_notes: Vec::new(),
        replay: "assize run x --seed 7".to_owned(),
    }
}

/// Three records sent, acknowledged and, but for `lost`, audited.
fn run(head: Head, lost: u32, limit_ns: u64) -> Summary {
    let mut recorder = Recorder::new(1_000_000);
    recorder.topic(0, "orders", [0]);
    recorder.group(0, "payment");
    recorder.service_instance(0, "order-0");
    let session = recorder.session(Session { instance: 0, idempotent: true, ordered: true });
    let stage = recorder.stage("end_to_end");
    recorder.record_intended(3);
    recorder.sent(0..3, Sent { partition: 0, session, transaction: None, at_ns: 5 });
    let answer = Acknowledged { partition: 0, base_offset: 0, bytes: 3 << 20, at_ns: 9 };
    recorder.acknowledged(0..3, answer);
    recorder.completed(stage, 5, 2_000_005);
    recorder.lag(0, 4, 1_500_000_000, 500);
    recorder.lag(0, 0, 0, 900);
    recorder.finish_at(1_000_000_000);
    recorder.audit_partition(0);
    recorder.audit(0, 0..3 - lost, &Table);
    let mut timeline = Timeline::new(1_000_000);
    let broker = timeline.broker("broker-1");
    let used = BrokerUse { cpu_ppm: 250_000, ..BrokerUse::default() };
    timeline.utilization(broker, used, 0);
    let stage = "end_to_end".to_owned();
    let quantity = Quantity::LatencyQuantileNs { stage, parts: 99_000, phase: None };
    let rule = GateRule { name: "p99".to_owned(), quantity, bound: Bound::AtMost(limit_ns) };
    let checks = recorder.judge(&[Claim::NoAcknowledgedRecordLost, Claim::LagDrained]);
    let gates = recorder.gates(&[rule]);
    Summary::new(head, &recorder, &timeline, checks, gates)
}

/// Scripts read these: a name that goes breaks one, and a new one is to be documented.
const FIELDS: [&str; 30] = [
    "scenario",
    "seed",
    "verdict",
    "expected",
    "expected_anomaly",
    "expected_also",
    "anomalies",
    "missing_notes",
    "exit",
    "digest",
    "history_digest",
    "simulated_s",
    "load_from_s",
    "wall_s",
    "events",
    "records",
    "send_errors",
    "checks",
    "invariants",
    "faults",
    "nothing_tried",
    "latency",
    "throughput",
    "dead_letters",
    "lag",
    "resources",
    "gates",
    "hazards",
    "warnings",
    "replay",
];

#[test]
fn the_fields_are_the_promised_ones_and_documented() {
    let line = run(head(), 0, 5_000_000).to_json_line();
    let json: serde_json::Value = serde_json::from_str(&line).expect("valid JSON");
    let mut promised = FIELDS;
    promised.sort_unstable();
    let mut told: Vec<&str> =
        json.as_object().expect("an object").keys().map(String::as_str).collect();
    told.sort_unstable();
    assert_eq!(told, promised);
    let page = include_str!("../../../docs/output.md");
    let (_, page) = page.split_once("## `summary.json`").expect("the page has the section");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let named: Vec<&str> = rows
        .flat_map(|row| row.split(" | ").next().unwrap_or_default().split('`').skip(1).step_by(2))
        .collect();
    let missing: Vec<&&str> = FIELDS.iter().filter(|field| !named.contains(field)).collect();
    assert!(missing.is_empty(), "docs/output.md has no row for {missing:?}");
    // Only where somebody asked for a story.
    let known = |name: &str| FIELDS.contains(&name) || ["story", "untold"].contains(&name);
    let gone: Vec<&&str> = named.iter().filter(|name| !known(name)).collect();
    assert!(gone.is_empty(), "docs/output.md has rows for {gone:?}");
}

#[test]
fn a_run_is_one_line_with_what_was_measured() {
    let line = run(head(), 0, 5_000_000).to_json_line();
    assert!(!line.contains('\n'));
    let json: serde_json::Value = serde_json::from_str(&line).expect("valid JSON");
    assert_eq!(json["verdict"], "pass");
    assert_eq!(json["digest"], "0000000000000abc");
    assert_eq!(json["latency"]["end_to_end"]["p99_ms"], 2.0);
    assert_eq!(json["latency"]["end_to_end"]["phases"]["steady"]["count"], 1);
    assert_eq!(json["throughput"]["orders"]["mib_per_s"], 3.0);
    assert_eq!(json["lag"]["payment"]["max_s"], 1.5);
    assert_eq!(json["lag"]["payment"]["end_records"], 0);
    assert_eq!(json["resources"]["broker-1"]["cpu"]["max"], 0.25);
    assert_eq!(json["checks"][0]["name"], "no-acknowledged-record-lost");
}

#[test]
fn exit_codes_follow_what_was_expected() {
    assert_eq!(run(head(), 0, 5_000_000).exit, 0);
    assert_eq!(run(head(), 1, 5_000_000).exit, 10);
    assert_eq!(run(head(), 0, 1_000_000).exit, 12);
    let hazard =
        |anomaly| Head { expected: Verdict::Fail, expected_anomaly: Some(anomaly), ..head() };
    assert_eq!(run(hazard(Anomaly::LostAcknowledged), 1, 5_000_000).exit, 0);
    assert_eq!(run(hazard(Anomaly::Duplicate), 1, 5_000_000).exit, 10, "another anomaly");
    assert_eq!(run(hazard(Anomaly::LostAcknowledged), 0, 5_000_000).exit, 10, "no longer fails");
    let vacuous = Head { missing_notes: vec!["broker-kill".to_owned()], ..head() };
    assert_eq!(run(vacuous, 0, 5_000_000).exit, 13, "passes, but nothing happened");
}
