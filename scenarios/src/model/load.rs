//! Loads: who calls the ingress services, how often, with which keys.

use super::quantity::{Distribution, Rate, Ratio};

/// `[load.NAME]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Load {
    /// Its name.
    pub name: String,
    /// `into`: an ingress service.
    pub into: String,
    /// `arrivals`.
    pub arrivals: Arrivals,
    /// `keys`.
    pub keys: Keys,
    /// `size`: bytes of a record's value.
    pub size: Distribution,
    /// `payload`: what the records' content is like for compression, if anything is said of it.
    pub payload: Option<Payload>,
    /// `tombstones`: probability that a record has no value.
    pub tombstones: Ratio,
    /// `limit`: at most so many records in the whole run (warm-up included).
    pub limit: Option<u64>,
    /// `drop`: calls taken out of the run by number, ascending and apart. The others keep what
    /// they drew.
    pub drop: Vec<CallRange>,
}

/// What the content of records is like, for compression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload {
    /// `"random"`: encrypted or compressed before.
    Random,
    /// `"json"`: JSON documents.
    Json,
    /// `"logs"`: log lines of HTTP requests.
    Logs,
    /// `"mixed"`: text, markup, tables and binaries.
    Mixed,
    /// A stated ratio: hundredths of its size that a codec makes of it, from 1 to 100.
    Percent(u8),
}

/// Calls by number, from `from` up to but not including `until`. Call `k` (from 0) of instance
/// `i` of `n` has the number `k * n + i`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CallRange {
    /// First number.
    pub from: u64,
    /// First number behind it.
    pub until: u64,
}

/// When calls arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrivals {
    /// `model = "open"`: at a rate, whatever the answers do.
    Open {
        /// `rate`: the mean over time.
        rate: Rate,
        /// `shape`.
        shape: Shape,
    },
    /// `model = "closed"`: so many callers, each waiting for its answer before it calls again.
    Closed {
        /// `callers`, at least one.
        callers: u32,
        /// `think`: nanoseconds from answer to next call.
        think: Distribution,
    },
}

/// How open arrivals are spaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Exponential gaps.
    Poisson,
    /// Equal gaps.
    Constant,
    /// `burst` calls at once, bursts spaced evenly so that the mean is the rate.
    Burst {
        /// `burst`: calls per burst, at least one.
        burst: u32,
    },
}

/// The keys (entities) of a load's records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keys {
    /// Each record its own.
    Unique,
    /// No key: the producer's sticky partitioner.
    None,
    /// Uniform over `0..n`.
    Uniform {
        /// How many keys, at least one.
        n: u64,
    },
    /// Zipf's law over `1..=n`: weight of rank `r` is `r^-s`.
    Zipf {
        /// How many keys, at least one.
        n: u64,
        /// The exponent `s` in millionths.
        s_millionths: u64,
    },
}
