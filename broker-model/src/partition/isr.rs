//! Who is in sync. Source: Kafka documentation, `replica.lag.time.max.ms`; KIP-497.

use crate::types::{Duration, Instant, Offset};

/// Whether a follower may stay in the ISR: it lacks no record, or it had all records of the
/// leader within the last `lag_max`. A silent follower that lacks none stays for ever.
#[must_use]
pub fn is_caught_up(
    leader_end: Offset,
    follower_end: Offset,
    last_caught_up: Option<Instant>,
    now: Instant,
    lag_max: Duration,
) -> bool {
    follower_end == leader_end || last_caught_up.is_some_and(|then| now.since(then) <= lag_max)
}

/// Whether a follower outside the ISR may join: it has all that is committed, and its log
/// reaches the start of the leader's epoch.
#[must_use]
pub fn may_join(follower_end: Offset, high_watermark: Offset, leader_epoch_start: Offset) -> bool {
    follower_end >= high_watermark && follower_end >= leader_epoch_start
}

/// `min.insync.replicas`, capped at the number of replicas.
#[must_use]
pub fn effective_min_isr(min_insync_replicas: u32, replicas: usize) -> usize {
    usize::try_from(min_insync_replicas).map_or(replicas, |min| min.min(replicas))
}
