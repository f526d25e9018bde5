//! A summary from what was recorded, and from what only the simulator knows.

use super::{
    FaultEntry, GroupLagSummary, Quantiles, RecordCounts, SendErrors, StageLatency, Summary, Table,
    TopicRate, Utilization,
};
use crate::checker::{Anomaly, Finding, Gate, Verdict};
use crate::history::{Phase, Recorder, Unsent};
use crate::metric::{Grid, Histogram, Resource, Timeline};

/// What only the simulator knows about a run.
#[derive(Clone, Debug)]
pub struct Head {
    /// Name or path of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The verdict that the scenario file expects.
    pub expected: Verdict,
    /// The anomaly that the file expects, when it expects a failure.
    pub expected_anomaly: Option<Anomaly>,
    /// What may be found beside it.
    pub expected_also: Vec<Anomaly>,
    /// What the file demands to happen, and what did not.
    pub missing_notes: Vec<String>,
    /// Digest of the full event trace.
    pub digest: u64,
    /// Seconds of the machine.
    pub wall_s: f64,
    /// Events of the world.
    pub events: u64,
    /// White-box invariants.
    pub invariants: Vec<Finding>,
    /// Faults as they were resolved.
    pub faults: Vec<FaultEntry>,
    /// The command that reproduces the run.
    pub replay: String,
}

/// Nanoseconds as milliseconds, to the microsecond.
fn milliseconds(ns: u64) -> f64 {
    (ns / 1_000) as f64 / 1e3
}

/// Nanoseconds as seconds, to the microsecond.
fn seconds(ns: u64) -> f64 {
    (ns / 1_000) as f64 / 1e6
}

/// Three digits after the point.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl Quantiles {
    /// Of a histogram.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let parts = [50_000, 90_000, 99_000, 99_900, 99_990];
        let [p50, p90, p99, p999, p9999] = histogram.quantiles_ns(parts).map(milliseconds);
        Self {
            count: histogram.count(),
            mean_ms: milliseconds(histogram.mean_ns()),
            p50_ms: p50,
            p90_ms: p90,
            p99_ms: p99,
            p999_ms: p999,
            p9999_ms: p9999,
            max_ms: milliseconds(histogram.max_ns()),
        }
    }
}

impl Utilization {
    fn of(ppm: &Grid) -> Self {
        Self { mean: rounded(ppm.mean() as f64 / 1e6), max: rounded(ppm.max() as f64 / 1e6) }
    }
}

fn latency(recorder: &Recorder) -> Table<StageLatency> {
    let stage = |name: &str| {
        let overall = Quantiles::of(&recorder.latency.overall(name)?);
        let phases = Phase::ALL.into_iter().filter_map(|phase| {
            let histogram = recorder.latency.in_phase(name, phase)?;
            let told = histogram.count() > 0;
            told.then(|| (phase.name().to_owned(), Quantiles::of(histogram)))
        });
        Some((name.to_owned(), StageLatency { overall, phases: phases.collect() }))
    };
    recorder.latency.names().filter_map(stage).collect()
}

fn throughput(recorder: &Recorder) -> Table<TopicRate> {
    let topics = recorder.topology.topics().filter_map(|(id, topic)| {
        let one = recorder.throughput.topic(id)?;
        let records_per_s = rounded(recorder.per_second_of_load(&one.records));
        let mib_per_s = rounded(recorder.per_second_of_load(&one.bytes) / f64::from(1 << 20));
        Some((topic.name.clone(), TopicRate { records_per_s, mib_per_s }))
    });
    topics.collect()
}

fn lag(recorder: &Recorder) -> Table<GroupLagSummary> {
    let groups = recorder.topology.groups().filter_map(|(id, group)| {
        let lag = recorder.lag.group(id)?;
        let max = |by_phase: &[u64]| by_phase.iter().copied().max().unwrap_or(0);
        let summary = GroupLagSummary {
            max_records: max(&lag.max_records),
            max_s: seconds(max(&lag.max_age_ns)),
            end_records: lag.end_records,
        };
        Some((group.name.clone(), summary))
    });
    groups.collect()
}

fn send_errors(recorder: &Recorder) -> Table<SendErrors> {
    let errors = recorder.send_errors.iter().filter(|(_, one)| one.failed + one.unknown > 0);
    let told = |one: &Unsent| SendErrors { failed: one.failed, unknown: one.unknown };
    errors.map(|(&why, one)| (why.to_owned(), told(one))).collect()
}

fn resources(timeline: &Timeline) -> Table<Table<Utilization>> {
    let brokers = timeline.brokers.iter().map(|broker| {
        let used = |resource| Utilization::of(broker.of(resource));
        let uses = Resource::ALL.map(|resource| (resource.name().to_owned(), used(resource)));
        (broker.name.clone(), uses.into_iter().collect())
    });
    brokers.collect()
}

impl Summary {
    /// Brings a run together. The verdict is the worst of checks, invariants and gates; `exit`
    /// is 0 when that is as expected, else as [`Summary::exit_code`] says.
    #[must_use]
    pub fn new(
        head: Head,
        recorder: &Recorder,
        timeline: &Timeline,
        checks: Vec<Finding>,
        gates: Vec<Gate>,
    ) -> Self {
        let findings = || checks.iter().chain(&head.invariants).map(|finding| finding.verdict);
        let verdict = Verdict::worst(findings().chain(gates.iter().map(|gate| gate.verdict)));
        let mut anomalies: Vec<Anomaly> =
            checks.iter().chain(&head.invariants).flat_map(|check| check.anomalies()).collect();
        if gates.iter().any(|gate| gate.verdict == Verdict::Fail) {
            anomalies.push(Anomaly::Gate);
        }
        anomalies.sort_unstable();
        anomalies.dedup();
        let totals = recorder.totals;
        let mut summary = Self {
            scenario: head.scenario,
            seed: head.seed,
            verdict,
            expected: head.expected,
            expected_anomaly: head.expected_anomaly,
            expected_also: head.expected_also,
            anomalies,
            missing_notes: head.missing_notes,
            exit: 0,
            digest: format!("{:016x}", head.digest),
            history_digest: format!("{:016x}", recorder.history_digest()),
            simulated_s: seconds(recorder.end_ns),
            load_from_s: recorder.phases.load_from_ns().map(seconds),
            wall_s: rounded(head.wall_s),
            events: head.events,
            records: RecordCounts {
                intended: totals.intended,
                sent: totals.sent,
                acknowledged: totals.acknowledged,
                failed: totals.failed,
                unknown: totals.unknown,
                polled: totals.polled,
                doubled: recorder.duplicates.count(),
                reordered: recorder.partition_order.count(),
            },
            send_errors: send_errors(recorder),
            checks,
            invariants: head.invariants,
            faults: head.faults,
            nothing_tried: false,
            latency: latency(recorder),
            throughput: throughput(recorder),
            lag: lag(recorder),
            resources: resources(timeline),
            gates,
            dead_letters: Table::default(),
            hazards: Vec::new(),
            warnings: Vec::new(),
            story: None,
            untold: None,
            replay: head.replay,
        };
        summary.exit = summary.exit_code();
        summary
    }

    /// 0 as expected; 10 safety, 11 liveness, 12 gate, 13 inconclusive. A run in which nothing was
    /// violated though a violation was expected is 10 too: its check no longer bites. A run in which something did not
    /// happen that had to is 13: it has not shown what it is there for.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        if self.as_expected() {
            return 0;
        }
        if self.verdict == Verdict::Inconclusive || self.only_notes_are_missing() {
            return 13;
        }
        let is_gate = |one: &Anomaly| *one == Anomaly::Gate;
        let safety = self.anomalies.iter().any(|one| !one.is_liveness() && !is_gate(one));
        let liveness = self.anomalies.iter().any(|one| one.is_liveness());
        match (safety, liveness, self.anomalies.iter().any(is_gate)) {
            (true, _, _) => 10,
            (false, true, _) => 11,
            (false, false, true) => 12,
            (false, false, false) => 10,
        }
    }
}
