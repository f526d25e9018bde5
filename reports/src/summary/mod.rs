//! One run in numbers: the JSON object that `--format json` prints, one line a run.
//!
//! Field names are a contract with scripts: they stay. `wall_s` is outside every digest and
//! byte comparison; everything else is a function of program, scenario and seed.

mod build;
mod table;

use serde::Serialize;

pub use build::Head;
pub use table::Table;

use crate::checker::{Anomaly, Finding, Gate, Verdict};
use crate::story::Story;

/// Everything about one run that fits in a line.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Name or path of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The run's own verdict.
    pub verdict: Verdict,
    /// The verdict that the scenario file expects.
    pub expected: Verdict,
    /// The anomaly that the file expects, when it expects a failure.
    pub expected_anomaly: Option<Anomaly>,
    /// What the file allows to be found beside it (`expect.also`).
    pub expected_also: Vec<Anomaly>,
    /// The anomalies that were found, in order of declaration.
    pub anomalies: Vec<Anomaly>,
    /// What the file demands to happen (`expect.notes`), and what did not.
    pub missing_notes: Vec<String>,
    /// Exit code of the run; 0 when verdict, anomaly and notes are what the file expects.
    pub exit: i32,
    /// Digest of the full event trace, 16 hex digits.
    pub digest: String,
    /// Digest of what clients saw, 16 hex digits.
    pub history_digest: String,
    /// Length of the run in simulated seconds.
    pub simulated_s: f64,
    /// When the load phase began, simulated seconds since boot: times in a scenario file count from
    /// here. None when the cluster never formed.
    pub load_from_s: Option<f64>,
    /// Length of the run in seconds of the machine; never compared.
    pub wall_s: f64,
    /// Events of the world.
    pub events: u64,
    /// Counts of records.
    pub records: RecordCounts,
    /// Records whose sends failed or have an unknown outcome, by the name of the error.
    pub send_errors: Table<SendErrors>,
    /// Black-box checks.
    pub checks: Vec<Finding>,
    /// White-box invariants.
    pub invariants: Vec<Finding>,
    /// Faults as they were resolved.
    pub faults: Vec<FaultEntry>,
    /// The seed drew faults, and none of all faults fired: what they wait for did not happen.
    pub nothing_tried: bool,
    /// Latency by stage; the whole pipeline is `end_to_end`.
    pub latency: Table<StageLatency>,
    /// Throughput by topic, over the load without its warm-up.
    pub throughput: Table<TopicRate>,
    /// Records that were acknowledged in topics for what services give up, over the whole run.
    pub dead_letters: Table<u64>,
    /// Lag by group; that of an outbox is the rows that wait there.
    pub lag: Table<GroupLagSummary>,
    /// Utilization by broker and resource.
    pub resources: Table<Table<Utilization>>,
    /// Service levels.
    pub gates: Vec<Gate>,
    /// What may be wrong though nothing promised failed; of no weight for verdict and exit code.
    pub hazards: Vec<Hazard>,
    /// What Kafka accepts of the scenario and hurts; of no weight for verdict and exit code.
    pub warnings: Vec<Warning>,
    /// What happened, a line each, when that was asked for and something was violated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story: Option<Story>,
    /// Why there is no story although it was asked for, a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
    /// The command that reproduces the run.
    pub replay: String,
}

/// Something about the configuration that Kafka accepts and that hurts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Warning {
    /// Its name.
    pub name: String,
    /// What is so, and what comes of it.
    pub text: String,
    /// Where Kafka says so.
    pub source: String,
    /// The value to look at, as a path of the scenario.
    pub path: String,
}

/// Something that happened and may not have been wanted.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Hazard {
    /// Its name.
    pub name: String,
    /// How often it happened.
    pub count: u64,
    /// The first of them in words.
    pub first: String,
    /// When that was, simulated seconds.
    pub at_s: f64,
}

/// Counts of records over the whole run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct RecordCounts {
    /// Wanted by the load.
    pub intended: u64,
    /// Handed to producers.
    pub sent: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Failed for certain.
    pub failed: u64,
    /// With an unknown outcome.
    pub unknown: u64,
    /// Given to applications.
    pub polled: u64,
    /// Found in a log a second time, by the final audit; whoever produced them.
    pub doubled: u64,
    /// Found behind one that was sent later by the same producer; whoever that is.
    pub reordered: u64,
}

/// Records whose sends ended with one error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SendErrors {
    /// Failed for certain: in no log.
    pub failed: u64,
    /// With an unknown outcome.
    pub unknown: u64,
}

/// How a fault ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultEnd {
    /// What it was to do is done: a reassignment, an election, a broker that joins.
    Done,
    /// It was to last so long.
    TimeOver,
    /// It was healed, since the load was over.
    Healed,
    /// It was to last until it is done, and was not when the load was over.
    NotDone,
}

impl FaultEnd {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::TimeOver => "its time was over",
            Self::Healed => "healed when the load ended",
            Self::NotDone => "NOT DONE when the load ended",
        }
    }
}

/// A fault as it was resolved.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FaultEntry {
    /// When it fired, simulated seconds since boot.
    pub at_s: f64,
    /// The same, since the load phase began, as the scenario file counts.
    pub load_s: Option<f64>,
    /// When it ended, simulated seconds since boot; none when the run ended before.
    pub until_s: Option<f64>,
    /// The same, since the load phase began.
    pub until_load_s: Option<f64>,
    /// How it ended.
    pub end: Option<FaultEnd>,
    /// Its kind: `kill`.
    pub kind: String,
    /// Its target as the scenario names it: `leader of orders/0`.
    pub target: String,
    /// What that was at the time: `broker 2`.
    pub resolved: String,
}

/// Quantiles in milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Quantiles {
    /// How many.
    pub count: u64,
    /// Mean.
    pub mean_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 90%.
    pub p90_ms: f64,
    /// 99%.
    pub p99_ms: f64,
    /// 99.9%.
    pub p999_ms: f64,
    /// 99.99%.
    pub p9999_ms: f64,
    /// Largest.
    pub max_ms: f64,
}

/// A stage's latency over the run without its warm-up, and per phase.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StageLatency {
    /// Over the run without its warm-up.
    #[serde(flatten)]
    pub overall: Quantiles,
    /// Per phase; phases without a value are absent.
    pub phases: Table<Quantiles>,
}

/// A topic's throughput.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct TopicRate {
    /// Acknowledged records per simulated second.
    pub records_per_s: f64,
    /// Acknowledged MiB per simulated second, as on the wire.
    pub mib_per_s: f64,
}

/// A group's lag.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct GroupLagSummary {
    /// Most records behind.
    pub max_records: u64,
    /// Largest age of the oldest record behind, seconds.
    pub max_s: f64,
    /// Records behind at the end.
    pub end_records: u64,
}

/// Use of one resource, as a share of its capacity.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Utilization {
    /// Mean over the run.
    pub mean: f64,
    /// Largest in a cell of the grid.
    pub max: f64,
}

impl Summary {
    /// The object on one line, without a line end.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        serde_json::to_string(self).expect("a summary has string keys and no non-finite number")
    }

    /// The object on many lines, with a line end.
    #[must_use]
    pub fn to_json_pretty(&self) -> String {
        let mut text = serde_json::to_string_pretty(self)
            .expect("a summary has string keys and no non-finite number");
        text.push('\n');
        text
    }

    /// The run in a word or three: its verdict when it is as expected, else that it is not.
    #[must_use]
    pub fn headline(&self) -> String {
        let verdict = self.verdict.name();
        match (self.as_expected(), self.verdict) {
            (true, Verdict::Pass) => "PASS".to_owned(),
            (true, _) => format!("{}, AS EXPECTED", verdict.to_uppercase()),
            (false, _) => format!("NOT AS EXPECTED ({verdict})"),
        }
    }

    /// Whether verdict and anomaly are what the scenario expects, and everything happened that
    /// it demands.
    #[must_use]
    pub fn as_expected(&self) -> bool {
        self.verdict_is_expected() && self.missing_notes.is_empty()
    }

    /// Verdict and anomaly are as expected, but something did not happen that had to.
    #[must_use]
    pub fn only_notes_are_missing(&self) -> bool {
        self.verdict_is_expected() && !self.missing_notes.is_empty()
    }

    /// The anomaly that the scenario expects came, and something that it does not expect as well.
    #[must_use]
    pub fn more_than_expected_came(&self) -> bool {
        self.expected_anomaly.is_some_and(|one| self.anomalies.contains(&one))
            && self.unexpected_anomalies().next().is_some()
    }

    /// Whether an anomaly is what a run is remembered for: what it did not expect beside what it
    /// expected, else what it expected, else whatever there is.
    #[must_use]
    pub fn is_remembered_for(&self, anomaly: Anomaly) -> bool {
        if self.more_than_expected_came() {
            return self.unexpected_anomalies().any(|one| one == anomaly);
        }
        let came = self.expected_anomaly.filter(|one| self.anomalies.contains(one));
        came.is_none_or(|one| one == anomaly)
    }

    fn verdict_is_expected(&self) -> bool {
        let found = self.expected_anomaly.is_none_or(|one| self.anomalies.contains(&one));
        self.verdict == self.expected && found && self.unexpected_anomalies().next().is_none()
    }

    /// What was found in a run that expects a failure, and is neither the anomaly that it expects
    /// nor one that may come with it.
    pub fn unexpected_anomalies(&self) -> impl Iterator<Item = Anomaly> {
        let expected = self.expected_anomaly;
        let found = self.anomalies.iter().copied().filter(move |_| expected.is_some());
        found.filter(move |one| Some(*one) != expected && !self.expected_also.contains(one))
    }
}

#[cfg(test)]
mod tests;
