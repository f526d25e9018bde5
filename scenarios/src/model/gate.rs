//! Gates: bounds on what a run measured.

use super::quantity::Ratio;

/// One line of `[gate]`: `"p99(end_to_end, steady)" = "< 250ms"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gate {
    /// The quantity as written in the file.
    pub text: String,
    /// What is measured.
    pub quantity: Quantity,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what: nanoseconds for latencies, recovery time and lag seconds, records for lag,
    /// [`super::Rate::micro_per_second`] for throughput.
    pub bound: u64,
}

/// What a gate measures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// `STATISTIC(METRIC, PHASE)`, nanoseconds.
    Latency {
        /// Which statistic.
        statistic: Statistic,
        /// Of what.
        metric: LatencyMetric,
        /// In which phase; `all` when left out.
        phase: Phase,
    },
    /// `lag(GROUP).FIELD`.
    Lag {
        /// The consumer group.
        group: String,
        /// Which figure.
        field: LagField,
    },
    /// `recovery_time`: nanoseconds from the last heal until latency and lag are back in the
    /// range of the steady phase.
    RecoveryTime,
    /// `reassignment_time`: nanoseconds that the longest reassignment took, never when one was not
    /// done under load.
    ReassignmentTime,
    /// `throughput(TOPIC)`: mean over the load phase, records.
    Throughput {
        /// The topic.
        topic: String,
    },
}

/// A statistic of a distribution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Statistic {
    /// `mean`.
    Mean,
    /// `max`.
    Max,
    /// `p50`, `p99.9`: the share of values at or below.
    Percentile(Ratio),
}

/// A latency metric.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LatencyMetric {
    /// `end_to_end`: intended send time to the end of the pipeline.
    EndToEnd,
    /// `produce`: intended send time to acknowledgment.
    Produce,
    /// A service's name: intended send time to the end of that stage.
    Stage(String),
}

/// A figure of a group's lag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LagField {
    /// `end_records`: at the end of the run.
    EndRecords,
    /// `max_records`: the worst.
    MaxRecords,
    /// `max_seconds`: the worst, as time (nanoseconds in [`Gate::bound`]).
    MaxSeconds,
}

/// A phase of a run, for latencies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Before the first fault, and long after the last.
    Steady,
    /// While a fault lasts.
    Fault,
    /// From heal to recovery.
    Recovery,
    /// All of them.
    All,
}

/// How a gate compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}
