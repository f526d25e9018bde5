//! Texts of configuration values, read as Kafka reads them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::{CleanupPolicy, TimestampType};
use crate::protocol::consumer_group::ServerAssignor;
use crate::records::Codec;
use crate::types::{Duration, MILLISECOND};

/// A value, or what should have been there instead.
pub(super) type Parsed<T> = Result<T, &'static str>;

/// `int`, at least 0.
pub(super) fn int_from_zero(text: &str) -> Parsed<u32> {
    bounded(text, 0, "an integer from 0 to 2147483647")
}

/// Which replica a consumer fetches from (KIP-392).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplicaSelector {
    /// The leader.
    Leader,
    /// The one in the consumer's rack with most records, the leader if there is none.
    RackAware,
}

/// `replica.selector.class`: only the classes that come with Kafka.
pub(super) fn replica_selector(text: &str) -> Parsed<ReplicaSelector> {
    match text.rsplit('.').next() {
        Some("RackAwareReplicaSelector") => Ok(ReplicaSelector::RackAware),
        Some("" | "LeaderSelector") => Ok(ReplicaSelector::Leader),
        _ => Err("empty, LeaderSelector or RackAwareReplicaSelector"),
    }
}

/// Most log directories of a broker: as many as bits say which of them failed.
const DIRECTORIES_MAX: usize = 64;

/// A list of paths, no two of them equal.
pub(super) fn directories(text: &str) -> Parsed<Vec<String>> {
    let expected = "a list of 1 to 64 different paths";
    let paths: Vec<&str> = text.split(',').map(str::trim).collect();
    let twice = (1..paths.len()).any(|i| paths[..i].contains(&paths[i]));
    if twice || paths.len() > DIRECTORIES_MAX || paths.contains(&"") {
        return Err(expected);
    }
    Ok(paths.into_iter().map(String::from).collect())
}

/// A path.
pub(super) fn path(text: &str) -> Parsed<Option<String>> {
    let path = text.trim();
    if path.is_empty() { Err("a path") } else { Ok(Some(String::from(path))) }
}

/// `int`, at least 1.
pub(super) fn int_from_one(text: &str) -> Parsed<u32> {
    bounded(text, 1, "an integer from 1 to 2147483647")
}

/// `segment.bytes`: Kafka 4.1 wants a mebibyte at least. Tests want small segments, and
/// Kafka has `internal.segment.bytes` for them; here the one key takes both.
pub(super) fn segment_bytes(text: &str) -> Parsed<u32> {
    bounded(text, 14, "an integer from 14 to 2147483647")
}

/// `short` replication factor, at least 1.
pub(super) fn factor(text: &str) -> Parsed<u32> {
    let expected = "an integer from 1 to 32767";
    let n = bounded(text, 1, expected)?;
    if n > 32_767 { Err(expected) } else { Ok(n) }
}

/// `long` count, at least 1; the largest stands for "never".
pub(super) fn long_from_one(text: &str) -> Parsed<u64> {
    let expected = "an integer from 1 to 9223372036854775807";
    let n: i64 = text.parse().map_err(|_| expected)?;
    if n < 1 { Err(expected) } else { u64::try_from(n).map_err(|_| expected) }
}

/// `long`, at least 0.
pub(super) fn long_from_zero(text: &str) -> Parsed<u64> {
    let expected = "an integer from 0 to 9223372036854775807";
    let n: i64 = text.parse().map_err(|_| expected)?;
    u64::try_from(n).map_err(|_| expected)
}

/// `long` milliseconds where 0 means never.
pub(super) fn some_millis_unless_zero(text: &str) -> Parsed<Option<Duration>> {
    millis(text).map(|interval| (interval > 0).then_some(interval))
}

/// A size where -1 means unlimited, as the largest.
pub(super) fn bytes_or_all(text: &str) -> Parsed<u64> {
    bytes_or_unlimited(text).map(|bytes| bytes.unwrap_or(u64::MAX))
}

/// Milliseconds where -1 means never.
pub(super) fn millis_or_never(text: &str) -> Parsed<Duration> {
    some_millis_or_unlimited(text).map(|age| age.flatten().unwrap_or(u64::MAX))
}

/// A size where -1 means unlimited, and in Kafka any other number below 0 too.
pub(super) fn bytes_or_unlimited(text: &str) -> Parsed<Option<u64>> {
    let n: i64 = text.parse().map_err(|_| "-1 (unlimited) or a number of bytes")?;
    Ok(u64::try_from(n).ok())
}

/// Milliseconds, at least 0, as nanoseconds. Kafka's largest `long` becomes "never".
pub(super) fn millis(text: &str) -> Parsed<Duration> {
    scaled(text, 0, MILLISECOND, "a number of milliseconds, 0 or more")
}

/// Milliseconds between two rounds of a task. Kafka takes 0 for some; here such a task runs once
/// a millisecond, because simulated time passes only between events.
pub(super) fn period(text: &str) -> Parsed<Duration> {
    millis(text).map(|time| time.max(MILLISECOND))
}

/// Milliseconds, at least 1.
pub(super) fn millis_from_one(text: &str) -> Parsed<Duration> {
    scaled(text, 1, MILLISECOND, "a number of milliseconds, 1 or more")
}

/// Milliseconds of a key that is unset by default.
pub(super) fn some_millis(text: &str) -> Parsed<Option<Duration>> {
    millis(text).map(Some)
}

/// Minutes, at least 1, of a key that always has a value.
pub(super) fn minutes(text: &str) -> Parsed<Duration> {
    scaled(text, 1, MILLISECOND * 60_000, "a number of minutes, 1 or more")
}

/// Hours, at least 1.
pub(super) fn hours(text: &str) -> Parsed<Duration> {
    scaled(text, 1, MILLISECOND * 3_600_000, "a number of hours, 1 or more")
}

/// Seconds, at least 1.
pub(super) fn seconds(text: &str) -> Parsed<Duration> {
    scaled(text, 1, MILLISECOND * 1_000, "a number of seconds, 1 or more")
}

/// Milliseconds where -1 means unlimited.
pub(super) fn millis_or_unlimited(text: &str) -> Parsed<Option<Duration>> {
    if text == "-1" { Ok(None) } else { some_millis(text) }
        .map_err(|_| "-1 (unlimited) or a number of milliseconds")
}

/// As [`millis_or_unlimited`], for a key that is unset by default.
pub(super) fn some_millis_or_unlimited(text: &str) -> Parsed<Option<Option<Duration>>> {
    millis_or_unlimited(text).map(Some)
}

/// Milliseconds, at least 1, of a key that is unset by default.
pub(super) fn some_millis_from_one(text: &str) -> Parsed<Option<Duration>> {
    millis_from_one(text).map(Some)
}

/// `log.retention.ms`: at least 1, or unlimited by any number below 0.
pub(super) fn some_retention(text: &str) -> Parsed<Option<Option<Duration>>> {
    let expected = "-1 (unlimited) or a number of milliseconds, 1 or more";
    if text.parse().is_ok_and(|n: i64| n < 0) {
        return Ok(Some(None));
    }
    millis_from_one(text).map(|age| Some(Some(age))).map_err(|_| expected)
}

/// Minutes where -1 means unlimited, for a key that is unset by default.
pub(super) fn some_minutes_or_unlimited(text: &str) -> Parsed<Option<Option<Duration>>> {
    if text == "-1" { Ok(Some(None)) } else { minutes(text).map(|d| Some(Some(d))) }
        .map_err(|_| "-1 (unlimited) or a number of minutes")
}

/// Hours where -1 means unlimited.
pub(super) fn hours_or_unlimited(text: &str) -> Parsed<Option<Duration>> {
    if text == "-1" { Ok(None) } else { hours(text).map(Some) }
        .map_err(|_| "-1 (unlimited) or a number of hours")
}

/// `log.cleaner.dedupe.buffer.size`: one thread wants more than a MiB.
pub(super) fn dedupe_buffer(text: &str) -> Parsed<u64> {
    let bytes = text.parse().ok().filter(|n| *n > 1 << 20 && i64::try_from(*n).is_ok());
    bytes.ok_or("a number of bytes above 1048576")
}

/// `double` from 0 to 1, as millionths.
pub(super) fn ratio(text: &str) -> Parsed<u32> {
    let expected = "a number from 0 to 1";
    let millionths = decimal(text, 6).ok_or(expected)?;
    u32::try_from(millionths).ok().filter(|n| *n <= 1_000_000).ok_or(expected)
}

/// `double` bytes per second, above 0. Kafka's default is the largest `double`.
pub(super) fn rate(text: &str) -> Parsed<u64> {
    let expected = "a number of bytes per second above 0";
    if text.contains(['e', 'E']) {
        // Nobody writes a bound that matters in this way.
        return text.parse::<f64>().map(|_| u64::MAX).map_err(|_| expected);
    }
    decimal(text, 0).filter(|n| *n > 0).ok_or(expected)
}

/// A decimal number times a power of ten, rounded down.
fn decimal(text: &str, digits: usize) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + part.len() == 0 || !is_number(whole) || !is_number(part) {
        return None;
    }
    let shown = part.bytes().map(|b| u64::from(b - b'0')).chain(core::iter::repeat(0)).take(digits);
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    shown.into_iter().try_fold(whole, |n, digit| n.checked_mul(10)?.checked_add(digit))
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Parsed<bool> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err("true or false")
    }
}

/// `group.coordinator.rebalance.protocols`: whether the new one of consumers is among them.
pub(super) fn names_consumer_protocol(text: &str) -> Parsed<Option<bool>> {
    let mut names = [false; 2];
    for part in text.split(',') {
        match part.trim().to_ascii_lowercase().as_str() {
            "classic" => names[0] = true,
            "consumer" => names[1] = true,
            "share" | "streams" => {}
            _ => return Err("classic, consumer, share and streams, with commas"),
        }
    }
    if names[0] { Ok(Some(names[1])) } else { Err("a list with classic in it") }
}

/// Which groups with members change their protocol (KIP-848).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MigrationPolicy {
    /// A classic group does when a member of the new protocol joins.
    pub upgrades: bool,
    /// A group of the new protocol does when only classic members are left.
    pub downgrades: bool,
}

impl MigrationPolicy {
    /// Both.
    pub const BIDIRECTIONAL: Self = Self { upgrades: true, downgrades: true };
    /// None.
    pub const DISABLED: Self = Self { upgrades: false, downgrades: false };
}

/// `group.consumer.migration.policy`.
pub(super) fn migration_policy(text: &str) -> Parsed<Option<MigrationPolicy>> {
    match text.to_ascii_lowercase().as_str() {
        "bidirectional" => Ok(Some(MigrationPolicy::BIDIRECTIONAL)),
        "upgrade" => Ok(Some(MigrationPolicy { upgrades: true, downgrades: false })),
        "downgrade" => Ok(Some(MigrationPolicy { upgrades: false, downgrades: true })),
        "disabled" => Ok(Some(MigrationPolicy::DISABLED)),
        _ => Err("bidirectional, upgrade, downgrade or disabled"),
    }
}

/// `group.consumer.assignors`: names or classes, the default first.
pub(super) fn server_assignors(text: &str) -> Parsed<[Option<ServerAssignor>; 2]> {
    let expected = "uniform, range, or both with a comma";
    let mut assignors = [None; 2];
    for (place, part) in text.split(',').enumerate() {
        let assignor = match part.trim().rsplit('.').next() {
            Some("uniform" | "UniformAssignor") => ServerAssignor::Uniform,
            Some("range" | "RangeAssignor") => ServerAssignor::Range,
            _ => return Err(expected),
        };
        if assignors.contains(&Some(assignor)) {
            return Err(expected);
        }
        assignors[place] = Some(assignor);
    }
    Ok(assignors)
}

/// `cleanup.policy`; empty is neither.
pub(super) fn cleanup_policy(text: &str) -> Parsed<CleanupPolicy> {
    let mut policy = CleanupPolicy { delete: false, compact: false };
    if text.is_empty() {
        return Ok(policy);
    }
    for part in text.split(',') {
        match part.trim() {
            "delete" => policy.delete = true,
            "compact" => policy.compact = true,
            _ => return Err("delete, compact, or both with a comma"),
        }
    }
    Ok(policy)
}

/// `message.timestamp.type`.
pub(super) fn timestamp_type(text: &str) -> Parsed<TimestampType> {
    match text {
        "CreateTime" => Ok(TimestampType::CreateTime),
        "LogAppendTime" => Ok(TimestampType::LogAppendTime),
        _ => Err("CreateTime or LogAppendTime"),
    }
}

/// `compression.type` of a topic: a codec, or `None` for that of the producer.
pub(super) fn compression_type(text: &str) -> Parsed<Option<Codec>> {
    match text {
        "producer" => Ok(None),
        "uncompressed" => Ok(Some(Codec::None)),
        "none" => Err(CODECS),
        _ => Codec::named(text).map(Some).ok_or(CODECS),
    }
}

const CODECS: &str = "uncompressed, zstd, lz4, snappy, gzip or producer";

fn bounded(text: &str, min: i32, expected: &'static str) -> Parsed<u32> {
    let n: i32 = text.parse().map_err(|_| expected)?;
    if n < min { Err(expected) } else { u32::try_from(n).map_err(|_| expected) }
}

fn scaled(text: &str, min: i64, unit: Duration, expected: &'static str) -> Parsed<Duration> {
    let n: i64 = text.parse().map_err(|_| expected)?;
    if n < min {
        return Err(expected);
    }
    u64::try_from(n).map(|n| n.saturating_mul(unit)).map_err(|_| expected)
}
