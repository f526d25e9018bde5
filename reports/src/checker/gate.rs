//! Gates: service levels that a scenario demands, per phase.
//!
//! Source: the scenario. A gate whose quantity was never measured is inconclusive.

use serde::{Deserialize, Serialize};

use super::finding::Verdict;
use crate::history::{Phase, Recorder};
use crate::number::grouped;

/// What a gate measures. All values are integers in the unit its name ends with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// A latency quantile of a stage, ns; `parts` of 100,000. Without a phase: the whole run
    /// but its warm-up.
    LatencyQuantileNs {
        /// The stage.
        stage: String,
        /// Parts of 100,000.
        parts: u32,
        /// The phase.
        phase: Option<Phase>,
    },
    /// Mean latency of a stage, ns. Without a phase: the whole run but its warm-up.
    LatencyMeanNs {
        /// The stage.
        stage: String,
        /// The phase.
        phase: Option<Phase>,
    },
    /// Largest age of a group's oldest unread record, ns.
    LagMaxNs {
        /// The group's id.
        group: u32,
        /// The phase; without it the whole run.
        phase: Option<Phase>,
    },
    /// Acknowledged records of a topic over the load without its warm-up, in millionths of a
    /// record per second.
    ThroughputMicroPerSecond {
        /// The topic's id.
        topic: u32,
    },
    /// Largest lag of a group in a phase, records.
    LagMaxRecords {
        /// The group's id.
        group: u32,
        /// The phase; without it the whole run.
        phase: Option<Phase>,
    },
    /// A group's lag at the end of the run, records.
    LagEndRecords {
        /// The group's id.
        group: u32,
    },
    /// Acknowledged records per second of a topic in a phase.
    ThroughputPerSecond {
        /// The topic's id.
        topic: u32,
        /// The phase.
        phase: Phase,
    },
    /// Something the simulator measured itself, such as the time to recover, ns; `None` when
    /// it never happened, which fails the gate.
    GivenNs(Option<u64>),
    /// A time that the run gave no occasion to measure, such as the time to recover when nothing
    /// went wrong.
    UnseenNs,
}

/// Which side of its limit a value must be on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// Less than this.
    Below(u64),
    /// No more than this.
    AtMost(u64),
    /// More than this.
    Above(u64),
    /// No less than this.
    AtLeast(u64),
    /// Just this.
    Exactly(u64),
}

impl Bound {
    const fn admits(self, value: u64) -> bool {
        match self {
            Self::Below(limit) => value < limit,
            Self::AtMost(limit) => value <= limit,
            Self::Above(limit) => value > limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Exactly(limit) => value == limit,
        }
    }
}

/// A gate to be measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GateRule {
    /// Its name in the scenario.
    pub name: String,
    /// What.
    pub quantity: Quantity,
    /// How much.
    pub bound: Bound,
}

/// A measured gate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gate {
    /// Its name in the scenario.
    pub name: String,
    /// Was it met?
    pub verdict: Verdict,
    /// What was measured, with its unit; a dash when nothing was.
    pub actual: String,
    /// What was demanded, with its unit: `< 250 ms`.
    pub limit: String,
    /// The phase it is about; absent for the whole run.
    pub phase: Option<Phase>,
}

enum Unit {
    Time,
    Records,
    PerSecond,
    MicroPerSecond,
}

/// A number of `unit` parts each, cut behind so many digits, without zeros at the end.
fn decimal(value: u64, unit: u64, digits: u32) -> String {
    let mut text = grouped(value / unit);
    let part = u128::from(value % unit) * 10_u128.pow(digits) / u128::from(unit);
    if part > 0 {
        let part = format!("{part:0width$}", width = digits as usize);
        text = format!("{text}.{}", part.trim_end_matches('0'));
    }
    text
}

/// No bound has more digits behind the point.
const DIGITS_MAX: u32 = 9;

impl Unit {
    /// Times in milliseconds, from one second on in seconds; `more` digits than usual.
    fn text(&self, value: u64, more: u32) -> String {
        match self {
            Self::Time if value >= 1_000_000_000 => {
                format!("{} s", decimal(value, 1_000_000_000, 3 + more))
            }
            Self::Time => format!("{} ms", decimal(value, 1_000_000, 3 + more)),
            Self::Records => format!("{} records", grouped(value)),
            Self::PerSecond => format!("{} records/s", grouped(value)),
            Self::MicroPerSecond => format!("{} records/s", decimal(value, 1_000_000, more)),
        }
    }

    /// What was measured and its bound, with as many digits as it takes to tell them apart.
    fn texts(&self, actual: u64, limit: u64) -> (String, String) {
        let with = |more| (self.text(actual, more), self.text(limit, more));
        let apart = |(one, other): &(String, String)| one != other || actual == limit;
        (0..DIGITS_MAX).map(with).find(apart).unwrap_or_else(|| with(DIGITS_MAX))
    }
}

fn lag_max(recorder: &Recorder, group: u32, phase: Option<Phase>) -> Option<u64> {
    let lag = recorder.lag.group(group)?;
    Some(match phase {
        Some(phase) => lag.max_records[phase.index()],
        None => lag.max_records.iter().copied().max().unwrap_or(0),
    })
}

fn latency(recorder: &Recorder, stage: &str, parts: u32, phase: Option<Phase>) -> Option<u64> {
    let histogram = match phase {
        Some(phase) => recorder.latency.in_phase(stage, phase)?.clone(),
        None => recorder.latency.overall(stage)?,
    };
    (histogram.count() > 0).then(|| histogram.quantile_ns(parts))
}

fn throughput(recorder: &Recorder, topic: u32, phase: Phase) -> Option<u64> {
    let length_ns = recorder.phases.lengths_ns(recorder.end_ns)[phase.index()];
    let records = recorder.throughput.topic(topic).map_or(0, |one| one.records[phase.index()]);
    let per_second = u128::from(records) * 1_000_000_000 / u128::from(length_ns.max(1));
    (length_ns > 0).then_some(per_second as u64)
}

fn latency_mean(recorder: &Recorder, stage: &str, phase: Option<Phase>) -> Option<u64> {
    let histogram = match phase {
        Some(phase) => recorder.latency.in_phase(stage, phase)?.clone(),
        None => recorder.latency.overall(stage)?,
    };
    (histogram.count() > 0).then(|| histogram.mean_ns())
}

fn lag_age_max(recorder: &Recorder, group: u32, phase: Option<Phase>) -> Option<u64> {
    let lag = recorder.lag.group(group)?;
    Some(match phase {
        Some(phase) => lag.max_age_ns[phase.index()],
        None => lag.max_age_ns.iter().copied().max().unwrap_or(0),
    })
}

fn load_throughput(recorder: &Recorder, topic: u32) -> Option<u64> {
    let lengths = recorder.phases.lengths_ns(recorder.end_ns);
    let load = [Phase::Steady, Phase::Fault, Phase::Recovery];
    let length_ns: u64 = load.iter().map(|phase| lengths[phase.index()]).sum();
    let one = recorder.throughput.topic(topic);
    let records: u64 =
        one.map_or(0, |one| load.iter().map(|phase| one.records[phase.index()]).sum());
    let rate = u128::from(records) * 1_000_000_000_000_000 / u128::from(length_ns.max(1));
    (length_ns > 0).then_some(rate as u64)
}

/// Measures one gate.
pub(super) fn measure(recorder: &Recorder, rule: &GateRule) -> Gate {
    let (actual, unit, phase) = match &rule.quantity {
        Quantity::LatencyQuantileNs { stage, parts, phase } => {
            (latency(recorder, stage, *parts, *phase), Unit::Time, *phase)
        }
        Quantity::LagMaxRecords { group, phase } => {
            (lag_max(recorder, *group, *phase), Unit::Records, *phase)
        }
        Quantity::LagEndRecords { group } => {
            let end = recorder.lag.group(*group).map(|lag| lag.end_records);
            (end, Unit::Records, None)
        }
        Quantity::ThroughputPerSecond { topic, phase } => {
            (throughput(recorder, *topic, *phase), Unit::PerSecond, Some(*phase))
        }
        Quantity::LatencyMeanNs { stage, phase } => {
            (latency_mean(recorder, stage, *phase), Unit::Time, *phase)
        }
        Quantity::LagMaxNs { group, phase } => {
            (lag_age_max(recorder, *group, *phase), Unit::Time, *phase)
        }
        Quantity::ThroughputMicroPerSecond { topic } => {
            (load_throughput(recorder, *topic), Unit::MicroPerSecond, None)
        }
        Quantity::GivenNs(given) => (*given, Unit::Time, None),
        Quantity::UnseenNs => (None, Unit::Time, None),
    };
    let (sign, limit) = match rule.bound {
        Bound::Below(limit) => ("<", limit),
        Bound::AtMost(limit) => ("<=", limit),
        Bound::Above(limit) => (">", limit),
        Bound::AtLeast(limit) => (">=", limit),
        Bound::Exactly(limit) => ("==", limit),
    };
    let texts = unit.texts(actual.unwrap_or(limit), limit);
    let limit = format!("{sign} {}", texts.1);
    let never = matches!(rule.quantity, Quantity::GivenNs(None));
    let verdict = match (actual, rule.bound) {
        (None, _) if never => Verdict::Fail,
        (None, _) => Verdict::Inconclusive,
        (Some(value), bound) if bound.admits(value) => Verdict::Pass,
        (Some(_), _) => Verdict::Fail,
    };
    let nothing = if never { "never" } else { "-" };
    let actual = actual.map_or_else(|| nothing.to_owned(), |_| texts.0);
    Gate { name: rule.name.clone(), verdict, actual, limit, phase }
}

#[cfg(test)]
mod tests {
    use super::{Bound, GateRule, Quantity, Unit};
    use crate::checker::Verdict;
    use crate::history::{Phase, Recorder};

    fn rule(quantity: Quantity, bound: Bound) -> GateRule {
        GateRule { name: "gate".to_owned(), quantity, bound }
    }

    fn p99(phase: Phase) -> Quantity {
        let stage = "end_to_end".to_owned();
        Quantity::LatencyQuantileNs { stage, parts: 99_000, phase: Some(phase) }
    }

    #[test]
    fn a_slow_fault_phase_does_not_break_the_steady_gate() {
        let mut recorder = Recorder::new(1_000);
        let stage = recorder.stage("end_to_end");
        recorder.completed(stage, 0, 2_000_000);
        recorder.phase(Phase::Fault, 5_000_000);
        recorder.completed(stage, 4_000_000, 900_000_000);
        let rules = [
            rule(p99(Phase::Steady), Bound::AtMost(2_000_000)),
            rule(p99(Phase::Fault), Bound::AtMost(2_000_000)),
            rule(p99(Phase::Recovery), Bound::AtMost(2_000_000)),
        ];
        let gates = recorder.gates(&rules);
        let verdicts: Vec<Verdict> = gates.iter().map(|gate| gate.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive]);
        assert_eq!(gates[0].actual, "2 ms");
        assert_eq!(gates[2].actual, "-");
    }

    #[test]
    fn the_limit_itself_passes_and_one_more_fails() {
        let mut recorder = Recorder::new(1_000);
        recorder.group(0, "payment");
        recorder.lag(0, 7, 1, 10);
        let at_most = |limit| rule(Quantity::LagEndRecords { group: 0 }, Bound::AtMost(limit));
        let gates = recorder.gates(&[at_most(7), at_most(6)]);
        assert_eq!(gates[0].verdict, Verdict::Pass);
        assert_eq!(gates[1].verdict, Verdict::Fail);
        let below = |limit| rule(Quantity::LagEndRecords { group: 0 }, Bound::Below(limit));
        let gates = recorder.gates(&[below(8), below(7)]);
        assert_eq!((gates[0].verdict, gates[1].verdict), (Verdict::Pass, Verdict::Fail));
        assert_eq!(gates[1].limit, "< 7 records", "as the scenario writes it");
    }

    /// What the comparison goes by is to be read, however little it is.
    #[test]
    fn what_is_measured_reads_apart_from_its_bound() {
        for (unit, actual, limit, texts) in [
            (Unit::MicroPerSecond, 270_000, 0, ("0.2 records/s", "0 records/s")),
            (Unit::MicroPerSecond, 100_400_000, 100_000_000, ("100.4 records/s", "100 records/s")),
            (Unit::MicroPerSecond, 42_900_000, 100_000_000, ("42 records/s", "100 records/s")),
            (Unit::Time, 1_500_000_400, 1_500_000_000, ("1.5000004 s", "1.5 s")),
            (Unit::Time, 2_000_000, 2_000_000, ("2 ms", "2 ms")),
            (Unit::Records, 7, 6, ("7 records", "6 records")),
        ] {
            let told = unit.texts(actual, limit);
            assert_eq!((told.0.as_str(), told.1.as_str()), texts);
        }
    }

    #[test]
    fn what_never_happened_fails() {
        let recorder = Recorder::new(1_000);
        let never = rule(Quantity::GivenNs(None), Bound::AtMost(5));
        assert_eq!(recorder.gates(&[never])[0].verdict, Verdict::Fail);
        let unseen = rule(Quantity::UnseenNs, Bound::AtMost(5));
        assert_eq!(recorder.gates(&[unseen])[0].verdict, Verdict::Inconclusive);
    }
}
