//! Writes a sample report from invented data to the folder given: to look at the page.
//!
//! `cargo run -p reports --example sample -- /tmp/sample [fail]`. Nothing here was simulated; the
//! curves follow formulas chosen to look like an order pipeline that meets three faults.

use reports::checker::{Bound, Claim, Finding, GateRule, Quantity, Verdict};
use reports::history::{
    Acknowledged, CallKind, Facts, Isolation, Phase, Poll, Recorder, Sent, Session,
};
use reports::metric::{BrokerUse, END_TO_END, StageId, Timeline};
use reports::render::{Edge, ModelNotes, Node, NodeKind, Pipeline, Report, Setting, files};
use reports::summary::{FaultEnd, FaultEntry, Head, Summary};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const END: u64 = 92 * SECOND;
const TOPICS: [&str; 4] = ["orders", "payments", "enriched-orders", "inventory"];
const STAGES: [&str; 4] = ["payment", "enrichment", "inventory", "analytics"];
const FAULTS: [(u64, u64, &str, &str, &str, &str); 3] = [
    (22, 31, "kill", "leader of orders/0", "broker 2", "Kill of broker 2, leader of orders/0"),
    (41, 49, "cut", "broker 3 from brokers", "broker 3", "Broker 3 cut from the other brokers"),
    (56, 63, "slow-disk", "random broker", "broker 1", "Disk of broker 1 ten times slower"),
];

/// Ids hold their topic and order: `order * 4 + topic`.
struct Table;

impl Facts for Table {
    fn key(&self, record: u32) -> u32 {
        record / 4
    }

    fn entity(&self, record: u32) -> u32 {
        record / 4
    }
}

/// A bijective mixer, for numbers that look drawn.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How bad things are at a time: 0 well, up to 1 in the middle of a fault.
fn trouble(at: u64) -> f64 {
    let second = at as f64 / SECOND as f64;
    let near = |&(from, to, ..): &(u64, u64, &str, &str, &str, &str)| {
        let (from, to) = (from as f64, to as f64);
        if second < from {
            0.0
        } else if second < to {
            ((second - from) / 3.0).min(1.0)
        } else {
            (1.0 - (second - to) / 4.0).max(0.0)
        }
    };
    FAULTS.iter().map(near).fold(0.0, f64::max)
}

fn declare(recorder: &mut Recorder) -> (Vec<StageId>, u32, Vec<u32>) {
    for (id, name) in (0..).zip(TOPICS) {
        recorder.topic(id, name, id * 12..id * 12 + 12);
    }
    for (id, name) in (0..).zip(STAGES) {
        recorder.group(id, name);
        recorder.service_instance(id, &format!("{name}-0"));
    }
    let session = recorder.session(Session { instance: 0, idempotent: true, ordered: true });
    let consumers = (0..4).map(|group| recorder.consumer(group, group, Isolation::ReadCommitted));
    let consumers = consumers.collect();
    let stages = STAGES.iter().chain([&END_TO_END]).map(|name| recorder.stage(name)).collect();
    recorder.lifecycle(0, [3]);
    recorder.keyed_topic(0);
    (stages, session, consumers)
}

fn enter_phases(recorder: &mut Recorder, at: u64) {
    if at == 0 {
        recorder.phase(Phase::Warmup, 0);
    }
    if at == 10 * SECOND {
        recorder.phase(Phase::Steady, at);
    }
    for (index, &(from, to, ..)) in FAULTS.iter().enumerate() {
        if at == from * SECOND {
            recorder.phase(Phase::Fault, at);
        }
        if at == to * SECOND {
            recorder.phase(Phase::Recovery, at);
        }
        if at == (to + 4) * SECOND && index < 2 {
            recorder.phase(Phase::Steady, at);
        }
    }
    if at == 70 * SECOND {
        recorder.phase(Phase::Drain, at);
    }
}

fn sample_cluster(timeline: &mut Timeline, at: u64) {
    let bad = trouble(at);
    let loaded = if at < 70 * SECOND { 1.0 } else { 0.12 };
    for broker in 0..3_u64 {
        let noise = (mix(at ^ broker) % 60) as f64 / 1_000.0;
        let level = |base: f64, slope: f64| ((base + slope * bad + noise) * loaded * 1e6) as u64;
        let hit = |index: usize| {
            let (from, to, ..) = FAULTS[index];
            (from * SECOND..to * SECOND).contains(&at)
        };
        let down = broker == 1 && hit(0);
        let slow = broker == 0 && hit(2);
        let cpu = if down { 0 } else { level(0.34 + 0.02 * broker as f64, 0.2) };
        let network = if down { 0 } else { level(0.27, 0.12) };
        let disk = if slow { 990_000 } else { level(0.18, 0.1) * u64::from(!down) };
        let index = broker as usize;
        let used = BrokerUse { cpu_ppm: cpu, network_ppm: network, disk_ppm: disk };
        timeline.utilization(index, used, at);
    }
    let short = if bad > 0.9 { 16 } else { (bad * 16.0) as u64 };
    timeline.replication(short, u64::from(bad > 0.5) * 2, at);
}

/// One batch a topic and step, its reads, and its latencies.
fn record_step(
    recorder: &mut Recorder,
    (stages, session, consumers): &(Vec<StageId>, u32, Vec<u32>),
    step: u32,
    at: u64,
) {
    let bad = trouble(at);
    let partition = step % 12;
    let first = step * 45;
    recorder.record_intended(45);
    for topic in 0..4 {
        let ids: Vec<u32> = (first..first + 45).map(|order| order * 4 + topic).collect();
        let place = topic * 12 + partition;
        let base_offset = i64::from(step / 12 * 45);
        let sent = Sent { partition: place, session: *session, transaction: None, at_ns: at };
        recorder.sent(ids.iter().copied(), sent);
        let at_ns = at + (5.0 + 900.0 * bad) as u64 * MS;
        // A batch stands for a hundred like it, so that the rates look like the real thing.
        let bytes = 45 * 1_090;
        let answer = Acknowledged { partition: place, base_offset, bytes, at_ns };
        recorder.acknowledged(ids.iter().copied(), answer);
        let consumer = consumers[topic as usize];
        recorder
            .polled(ids.iter().copied(), Poll { consumer, partition: place, base_offset, at_ns });
        for (index, stage) in (1_u64..).zip(stages) {
            for &id in &ids {
                let drawn = mix(u64::from(id) << 3 | index);
                let tail = 1.0 / (1.0 - (drawn % 100_000) as f64 / 100_000.0).max(1e-5);
                let ms = 2.4 * index as f64 + 1.3 * tail.powf(0.55) + bad * 800.0 * tail.powf(0.3);
                recorder.completed(*stage, at, at + (ms * MS as f64) as u64);
            }
        }
    }
}

fn audit(recorder: &mut Recorder, steps: u32, lose: bool) {
    for partition in 0..48 {
        recorder.audit_partition(partition);
        for step in (0..steps).filter(|step| step % 12 == partition % 12) {
            if lose && step == 1_234 {
                continue;
            }
            let ids: Vec<u32> =
                (step * 45..step * 45 + 45).map(|order| order * 4 + partition / 12).collect();
            recorder.audit(i64::from(step / 12 * 45), ids.iter().copied(), &Table);
        }
    }
}

fn pipeline() -> Pipeline {
    let node = |name: &str, kind, detail: &str| {
        let (name, detail) = (name.to_owned(), detail.to_owned());
        Node { name, kind, detail }
    };
    let service = |name| node(name, NodeKind::Service, "4 instances");
    let topic = |name| node(name, NodeKind::Topic, "12 partitions");
    let nodes = vec![
        service("order"),
        topic("orders"),
        service("payment"),
        topic("payments"),
        service("enrichment"),
        topic("enriched-orders"),
        service("inventory"),
        topic("inventory"),
        service("analytics"),
        node("stock", NodeKind::Store, "ledger"),
    ];
    let edges = [
        (0, 1),
        (1, 2),
        (2, 3),
        (1, 4),
        (3, 4),
        (4, 5),
        (5, 6),
        (6, 7),
        (6, 9),
        (1, 8),
        (3, 8),
        (5, 8),
        (7, 8),
    ];
    let rate = |(from, to)| Edge { from, to, per_second: Some(45_000) };
    Pipeline { nodes, edges: edges.into_iter().map(rate).collect() }
}

fn settings() -> Vec<Setting> {
    let rows = [
        ("cluster", "brokers", "3", "scenario"),
        ("cluster", "kafka", "4.1", "scenario"),
        ("cluster", "hardware", "m5.2xlarge", "scenario"),
        ("cluster", "unclean.leader.election.enable", "false", "Kafka 4.1 default"),
        ("cluster", "replica.lag.time.max.ms", "30 s", "Kafka 4.1 default"),
        ("topic orders", "partitions", "12", "scenario"),
        ("topic orders", "replication.factor", "3", "scenario"),
        ("topic orders", "min.insync.replicas", "2", "scenario"),
        ("producers", "acks", "all", "Kafka 4.1 default"),
        ("producers", "linger.ms", "5 ms", "scenario"),
        ("producers", "batch.size", "64 KiB", "scenario"),
        ("producers", "enable.idempotence", "true", "Kafka 4.1 default"),
        ("service payment", "instances", "4", "--set"),
        ("service payment", "service time", "60 us, lognormal", "scenario"),
        ("faults", "kill at", "22.4 s", "drawn from the seed"),
    ];
    let setting = |(scope, key, value, source): (&str, &str, &str, &str)| Setting {
        scope: scope.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        source: source.to_owned(),
    };
    rows.map(setting).into()
}

fn model() -> ModelNotes {
    let notes = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    ModelNotes {
        modelled: notes(&[
            "Replication with leader epochs, ISR changes through the controller, purgatories",
            "Transactions with protocol v2: epoch bumps, markers, last stable offset",
            "Loss of unflushed bytes, file by file, at a power cut",
        ]),
        approximated: notes(&[
            "Compression as a ratio and a cost per byte",
            "CPU as two thread pools with a cost per request, batch and byte",
        ]),
        left_out: notes(&["TLS and SASL", "Log compaction", "Tiered storage"]),
    }
}

fn gates() -> Vec<GateRule> {
    let stage = || END_TO_END.to_owned();
    let quantile = |phase| Quantity::LatencyQuantileNs { stage: stage(), parts: 99_000, phase };
    let rule = |name: &str, quantity, bound| GateRule { name: name.to_owned(), quantity, bound };
    vec![
        rule("p99 end to end", quantile(Some(Phase::Steady)), Bound::AtMost(250 * MS)),
        rule("p99 end to end", quantile(Some(Phase::Fault)), Bound::AtMost(10 * SECOND)),
        rule("lag at the end", Quantity::LagEndRecords { group: 2 }, Bound::AtMost(0)),
        rule("recovery", Quantity::GivenNs(Some(3_860 * MS)), Bound::AtMost(10 * SECOND)),
    ]
}

fn head(fail: bool) -> Head {
    let entry = |&(from, until, kind, target, resolved, _): &(u64, u64, &str, &str, &str, &str)| {
        let text = str::to_owned;
        FaultEntry {
            at_s: from as f64,
            load_s: Some(from as f64 - 10.0),
            until_s: Some(until as f64),
            until_load_s: Some(until as f64 - 10.0),
            end: Some(FaultEnd::TimeOver),
            kind: text(kind),
            target: text(target),
            resolved: text(resolved),
        }
    };
    let invariant = |name: &str, detail: &str| Finding {
        name: name.to_owned(),
        verdict: Verdict::Pass,
        detail: detail.to_owned(),
        violations: 0,
        evidence: Vec::new(),
    };
    Head {
        scenario: "scenarios/order-pipeline.toml".to_owned(),
        seed: 7,
        expected: Verdict::Pass,
        expected_also: Vec::new(),
        expected_anomaly: None,
        missing_notes: Vec::new(),
        digest: mix(1),
        wall_s: 3.1,
        events: 9_412_337,
        invariants: vec![
            invariant("leader-epoch-monotonic", "48 partitions, 131 elections"),
            invariant("high-watermark-within-maximal-isr", "1,044,120 advances"),
            invariant("committed-stays", "2.7 M records"),
        ],
        faults: FAULTS.iter().map(entry).collect(),
        replay: format!(
            "assize replay 7f3a9c{}-7 # scenarios/order-pipeline.toml --seed 7",
            if fail { "f" } else { "0" }
        ),
    }
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "sample-report".to_owned());
    let fail = arguments.next().is_some();
    let mut recorder = Recorder::new(100 * MS);
    let mut timeline = Timeline::new(100 * MS);
    for broker in 1..=3 {
        timeline.broker(&format!("broker-{broker}"));
    }
    for (from, to, _, _, _, label) in FAULTS {
        timeline.fault(label, from * SECOND, to * SECOND);
    }
    let cast = declare(&mut recorder);
    let (mut step, mut at) = (0, 0);
    while at < END {
        enter_phases(&mut recorder, at);
        sample_cluster(&mut timeline, at);
        if at < 70 * SECOND {
            for _ in 0..(if trouble(at) > 0.97 { 6 } else { 10 }) {
                record_step(&mut recorder, &cast, step, at);
                step += 1;
            }
        }
        for group in 0..4 {
            let bad = trouble(at);
            let records = (bad * 90_000.0 + 400.0) as u64 * u64::from(at < 76 * SECOND);
            let age = (bad * 4.2e9) as u64 + 9 * MS;
            recorder.lag(group, records / u64::from(group + 1), age / u64::from(group + 1), at);
        }
        at += 100 * MS;
    }
    recorder.calls_started(CallKind::EndTransaction, 14_400);
    recorder.calls_ended(CallKind::EndTransaction, 14_400);
    recorder.finish_at(END);
    audit(&mut recorder, step, fail);
    let claims: Vec<Claim> =
        Claim::ALL.into_iter().filter(|claim| *claim != Claim::EffectsAppliedOnce).collect();
    let checks = recorder.judge(&claims);
    let gates = recorder.gates(&gates());
    let summary = Summary::new(head(fail), &recorder, &timeline, checks, gates);
    let (pipeline, settings, model) = (pipeline(), settings(), model());
    let report = Report {
        summary: &summary,
        recorder: &recorder,
        timeline: &timeline,
        pipeline: &pipeline,
        settings: &settings,
        model: &model,
    };
    std::fs::create_dir_all(&folder)?;
    for (name, text) in files(&report) {
        std::fs::write(std::path::Path::new(&folder).join(name), text)?;
    }
    Ok(())
}
