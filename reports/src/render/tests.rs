use super::{Edge, ModelNotes, Node, NodeKind, Pipeline, Report, Setting, files, html};
use crate::checker::{Anomaly, Bound, Claim, GateRule, Quantity, Verdict};
use crate::history::{Acknowledged, Facts, Phase, Recorder, Sent, Session};
use crate::metric::{BrokerUse, END_TO_END, Timeline};
use crate::summary::{FaultEnd, FaultEntry, Head, Summary};

const MS: u64 = 1_000_000;

struct Table;

impl Facts for Table {
    fn key(&self, record: u32) -> u32 {
        record
    }

    fn entity(&self, record: u32) -> u32 {
        record
    }
}

/// Two topics, six records, one of them lost, one fault.
fn run() -> (Recorder, Timeline) {
    let mut recorder = Recorder::new(100 * MS);
    recorder.topic(0, "orders", [0]);
    recorder.topic(1, "payments", [1]);
    recorder.group(0, "payment");
    recorder.service_instance(0, "payment-0");
    let session = recorder.session(Session { instance: 0, idempotent: true, ordered: true });
    let whole = recorder.stage(END_TO_END);
    let stage = recorder.stage("payment");
    recorder.record_intended(3);
    for (partition, first) in [(0, 0), (1, 3)] {
        let at_ns = 10 * MS;
        recorder.sent(first..first + 3, Sent { partition, session, transaction: None, at_ns });
        let answer = Acknowledged { partition, base_offset: 0, bytes: 1 << 20, at_ns: 12 * MS };
        recorder.acknowledged(first..first + 3, answer);
    }
    recorder.completed(stage, 10 * MS, 14 * MS);
    recorder.completed(whole, 10 * MS, 17 * MS);
    recorder.phase(Phase::Fault, 500 * MS);
    recorder.completed(whole, 400 * MS, 900 * MS);
    recorder.lag(0, 3, 400 * MS, 600 * MS);
    recorder.phase(Phase::Drain, 1_000 * MS);
    recorder.lag(0, 0, 0, 1_500 * MS);
    recorder.finish_at(2_000 * MS);
    recorder.audit_partition(0);
    recorder.audit(0, 0..3, &Table);
    recorder.audit_partition(1);
    recorder.audit(0, 3..5, &Table);
    let mut timeline = Timeline::new(100 * MS);
    let broker = timeline.broker("broker-1");
    let used = BrokerUse { cpu_ppm: 420_000, ..BrokerUse::default() };
    timeline.utilization(broker, used, 300 * MS);
    timeline.replication(1, 0, 600 * MS);
    timeline.fault("Kill of broker 2 <leader of orders/0>", 500 * MS, 1_000 * MS);
    (recorder, timeline)
}

fn summary(recorder: &Recorder, timeline: &Timeline) -> Summary {
    let head = Head {
        scenario: "scenarios/<odd> & co.toml".to_owned(),
        seed: 7,
        expected: Verdict::Pass,
        expected_anomaly: None,
        expected_also: Vec::new(),
        missing_notes: Vec::new(),
        digest: 0xfeed,
        wall_s: 86.421,
        events: 1_234,
        invariants: Vec::new(),
        faults: vec![FaultEntry {
            at_s: 0.5,
            load_s: Some(0.5),
            until_s: Some(1.0),
            until_load_s: Some(1.0),
            end: Some(FaultEnd::TimeOver),
            kind: "kill".to_owned(),
            target: "leader of orders/0".to_owned(),
            resolved: "broker 2".to_owned(),
        }],
        replay: "assize replay 1234-7".to_owned(),
    };
    let stage = END_TO_END.to_owned();
    let quantity = Quantity::LatencyQuantileNs { stage, parts: 99_000, phase: Some(Phase::Steady) };
    let gate = GateRule { name: "p99".to_owned(), quantity, bound: Bound::AtMost(20 * MS) };
    let claims = [
        Claim::NoAcknowledgedRecordLost,
        Claim::OrderPerPartition(crate::checker::Scope::Promised),
        Claim::LagDrained,
    ];
    let checks = recorder.judge(&claims);
    let gates = recorder.gates(&[gate]);
    Summary::new(head, recorder, timeline, checks, gates)
}

/// The page of a run of which neither pipeline nor settings nor notes are known.
fn page_of_run_alone(summary: &Summary, recorder: &Recorder, timeline: &Timeline) -> String {
    let (pipeline, model) = (Pipeline::default(), ModelNotes::default());
    html(&Report { summary, recorder, timeline, pipeline: &pipeline, settings: &[], model: &model })
}

fn with_report<T>(tell: impl Fn(&Report<'_>) -> T) -> T {
    let (recorder, timeline) = run();
    let summary = summary(&recorder, &timeline);
    let node = |name: &str, kind| Node { name: name.to_owned(), kind, detail: String::new() };
    let pipeline = Pipeline {
        nodes: vec![node("orders", NodeKind::Topic), node("payment", NodeKind::Service)],
        edges: vec![Edge { from: 0, to: 1, per_second: Some(3) }],
    };
    let settings = [Setting {
        scope: "cluster".to_owned(),
        key: "brokers".to_owned(),
        value: "3".to_owned(),
        source: "scenario".to_owned(),
    }];
    let model = ModelNotes { left_out: vec!["TLS".to_owned()], ..ModelNotes::default() };
    tell(&Report {
        summary: &summary,
        recorder: &recorder,
        timeline: &timeline,
        pipeline: &pipeline,
        settings: &settings,
        model: &model,
    })
}

/// The page without its drawings and styles: one line for each element that holds text.
fn outline(page: &str) -> String {
    let mut text = String::new();
    let body = page.split_once("<body>").expect("a page has a body").1;
    let mut rest = body;
    while let Some((before, after)) = rest.split_once("<svg") {
        text.push_str(before);
        rest = after.split_once("</svg>").expect("drawings end").1;
        text.push_str("<svg>");
    }
    text.push_str(rest);
    let text = text.replace("</", "\u{1}</").replace('<', "\n<").replace('\u{1}', "");
    let lines = text.lines().filter(|line| !line.starts_with("</") || !line.ends_with('>'));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert_eq!(with_report(files), with_report(files));
}

#[test]
fn the_page_loads_nothing_and_escapes_names() {
    let page = with_report(html);
    for foreign in ["http://", "https://", "src=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(foreign), "{foreign} in the page");
    }
    assert!(page.contains("scenarios/&lt;odd&gt; &amp; co.toml"));
    assert!(!page.contains("<odd>"));
    assert!(!page.contains("86.4"), "wall time stays out of the page");
}

#[test]
fn every_drawing_color_has_a_style() {
    let page = with_report(html);
    let style = super::palette::style_rules();
    for (at, _) in page.match_indices("=\"#") {
        let color = &page[at + 2..at + 9];
        assert!(style.contains(color), "{color} is drawn but not styled");
    }
}

#[test]
fn a_run_without_anything_still_renders() {
    let mut recorder = Recorder::new(MS);
    recorder.finish_at(0);
    let timeline = Timeline::new(MS);
    let summary = summary(&recorder, &timeline);
    assert!(page_of_run_alone(&summary, &recorder, &timeline).contains("Inconclusive"));
}

#[test]
fn page_outline() {
    insta::assert_snapshot!(outline(&with_report(html)));
}

#[test]
fn markdown_page() {
    insta::assert_snapshot!(with_report(|report| super::markdown(report.summary)));
}

#[test]
fn junit_page() {
    insta::assert_snapshot!(with_report(|report| super::junit(report.summary)));
}

#[test]
fn a_hazard_that_bites_is_green() {
    let (recorder, timeline) = run();
    let mut summary = summary(&recorder, &timeline);
    summary.expected = Verdict::Fail;
    let page = super::junit(&summary);
    assert!(page.contains("failures=\"0\""), "{page}");
    assert!(page.contains("fails as expected: 1 of 6"), "{page}");
}

#[test]
fn what_came_besides_the_expected_is_named() {
    let (recorder, timeline) = run();
    let mut summary = summary(&recorder, &timeline);
    summary.verdict = Verdict::Fail;
    summary.expected = Verdict::Fail;
    summary.expected_anomaly = Some(Anomaly::LostAcknowledged);
    summary.anomalies = vec![Anomaly::LostAcknowledged, Anomaly::Duplicate];
    let told = html::sentence(&summary);
    assert!(
        told.ends_with("This scenario expects lost-acknowledged, which came, and does not expect duplicate, which came too."),
        "{told}"
    );
    assert!(super::junit(&summary).contains("the scenario does not expect duplicate"));
    summary.anomalies = vec![Anomaly::Duplicate];
    assert!(html::sentence(&summary).contains("An expected violation is missing"));
}

#[test]
fn warnings_are_on_the_page_and_in_the_markdown() {
    let (recorder, timeline) = run();
    let mut summary = summary(&recorder, &timeline);
    summary.warnings = vec![crate::summary::Warning {
        name: "even-quorum".to_owned(),
        text: "a quorum of 4 | bears no more".to_owned(),
        source: "docs".to_owned(),
        path: "cluster.controllers".to_owned(),
    }];
    let page = page_of_run_alone(&summary, &recorder, &timeline);
    for told in ["even-quorum", "a quorum of 4 | bears no more", "cluster.controllers"] {
        assert!(page.contains(told), "{told}");
    }
    let row = "| even-quorum | a quorum of 4 \\| bears no more | `cluster.controllers` | docs |";
    assert!(super::markdown(&summary).contains(row));
}
