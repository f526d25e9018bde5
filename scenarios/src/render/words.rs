//! Values as the language writes them.

use std::fmt;

use crate::model::fault::{Fault, ProtocolEvent, Target, Trigger};
use crate::model::gate::{Comparison, Gate, LagField, Quantity};
use crate::model::load::{Keys, Payload, Shape};
use crate::model::quantity::{Distribution, Drawn, Rate};
use crate::units::{write_duration, write_millionths};

/// What a distribution is over.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Duration,
    Size,
}

/// A text as a TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// An array of texts.
pub(super) fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|i| quoted(i)).collect();
    format!("[{}]", items.join(", "))
}

pub(super) fn bytes(value: u64) -> String {
    format!("{value}B")
}

pub(super) fn bits(value: u64) -> String {
    format!("{value}b/s")
}

pub(super) fn bytes_per_second(value: u64) -> String {
    format!("{value}B/s")
}

pub(super) fn rate(rate: Rate) -> String {
    format!("{}/s", write_millionths(rate.micro_per_second))
}

pub(super) fn drawn(drawn: Drawn) -> String {
    if drawn.low == drawn.high {
        write_duration(drawn.low)
    } else {
        format!("{}..{}", write_duration(drawn.low), write_duration(drawn.high))
    }
}

pub(super) fn distribution(distribution: Distribution, unit: Unit) -> String {
    let write = |value: u64| match unit {
        Unit::Duration => write_duration(value),
        Unit::Size => bytes(value),
    };
    match distribution {
        Distribution::Constant(value) => write(value),
        Distribution::PerSeed(drawn) => format!("{}..{}", write(drawn.low), write(drawn.high)),
        Distribution::Lognormal { mean, sigma_millionths } => {
            format!("lognormal({}, {})", write(mean), write_millionths(sigma_millionths))
        }
        Distribution::Exponential { mean } => format!("exponential({})", write(mean)),
        Distribution::Uniform { low, high } => format!("uniform({}, {})", write(low), write(high)),
    }
}

pub(super) fn shape(shape: Shape) -> String {
    match shape {
        Shape::Poisson => "poisson".to_owned(),
        Shape::Constant => "constant".to_owned(),
        Shape::Burst { burst } => format!("burst({burst})"),
    }
}

pub(super) fn keys(keys: Keys) -> String {
    match keys {
        Keys::Unique => "unique".to_owned(),
        Keys::None => "none".to_owned(),
        Keys::Uniform { n } => format!("uniform({n})"),
        Keys::Zipf { n, s_millionths } => format!("zipf({n}, {})", write_millionths(s_millionths)),
    }
}

pub(super) fn payload(payload: Payload) -> String {
    match payload {
        Payload::Random => "random".to_owned(),
        Payload::Json => "json".to_owned(),
        Payload::Logs => "logs".to_owned(),
        Payload::Mixed => "mixed".to_owned(),
        Payload::Percent(percent) => format!("{percent}%"),
    }
}

pub(super) fn bound(gate: &Gate) -> String {
    let value = match &gate.quantity {
        Quantity::Latency { .. }
        | Quantity::RecoveryTime
        | Quantity::ReassignmentTime
        | Quantity::Lag { field: LagField::MaxSeconds, .. } => write_duration(gate.bound),
        Quantity::Throughput { .. } => rate(Rate { micro_per_second: gate.bound }),
        Quantity::Lag { .. } => gate.bound.to_string(),
    };
    let sign = match gate.comparison {
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Greater => ">",
        Comparison::AtLeast => ">=",
        Comparison::Equal => "==",
    };
    format!("{sign} {value}")
}

/// What, to whom, when and for how long, as its file says it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind.name(), self.target)?;
        match &self.trigger {
            Trigger::At(at) => write!(f, " at {}", drawn(*at))?,
            Trigger::On { event, nth, after } if after.high == 0 => write!(f, " on {event}#{nth}")?,
            Trigger::On { event, nth, after } => {
                write!(f, " {} after {event}#{nth}", drawn(*after))?;
            }
        }
        match self.duration {
            Some(lasts) => write!(f, " for {}", drawn(lasts)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeaderOf { topic, partition } => write!(f, "leader-of:{topic}/{partition}"),
            Self::FollowerOf { topic, partition } => write!(f, "follower-of:{topic}/{partition}"),
            Self::Partition { topic, partition } => write!(f, "partition:{topic}/{partition}"),
            Self::Topic(topic) => write!(f, "topic:{topic}"),
            Self::GroupCoordinator(group) => write!(f, "coordinator-of:group/{group}"),
            Self::TransactionCoordinator(id) => write!(f, "coordinator-of:txn/{id}"),
            Self::Controller => f.write_str("controller"),
            Self::ControllerNumber(number) => write!(f, "controller:{number}"),
            Self::Broker(id) => write!(f, "broker:{id}"),
            Self::Rack(rack) => write!(f, "rack:{rack}"),
            Self::Service { name, instance: None } => write!(f, "service:{name}"),
            Self::Service { name, instance: Some(i) } => write!(f, "service:{name}/{i}"),
            Self::AllBrokers => f.write_str("all-brokers"),
            Self::RandomBroker => f.write_str("random-broker"),
        }
    }
}

impl fmt::Display for ProtocolEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append { topic, partition } => write!(f, "append:{topic}/{partition}"),
            Self::Roll { topic, partition } => write!(f, "roll:{topic}/{partition}"),
            Self::HighWatermark { topic, partition } => {
                write!(f, "high-watermark:{topic}/{partition}")
            }
            Self::TransactionPrepare { transactional_id: None } => {
                f.write_str("transaction-prepare")
            }
            Self::TransactionPrepare { transactional_id: Some(id) } => {
                write!(f, "transaction-prepare:{id}")
            }
            Self::Leader { topic, partition } => write!(f, "leader:{topic}/{partition}"),
            Self::PartitionChange { topic, partition } => {
                write!(f, "partition-change:{topic}/{partition}")
            }
            Self::Sent(kind) => f.write_str(&kind.name()),
            Self::ControllerElection => f.write_str("controller-election"),
            Self::Rebalance { group: None } => f.write_str("rebalance"),
            Self::Rebalance { group: Some(group) } => write!(f, "rebalance:{group}"),
        }
    }
}
