//! Compaction: the newest record of each key stays, older ones go, offsets stay as they are.
//!
//! Source: Kafka documentation, "Log Compaction"; `LogCleaner`, `Cleaner` and
//! `LogCleanerManager`; KIP-58 (min lag), KIP-354 (max lag), KIP-534 (delete horizon),
//! KIP-98 (transactions).

mod cleaning;
mod offset_map;
mod transactions;

pub use cleaning::Cleaning;
pub use offset_map::{Key, keyed};

use super::Log;
use super::segment::Segment;
use crate::types::{Duration, MILLISECOND, Offset, Timestamp};

/// The scale of [`crate::config::TopicConfig::min_cleanable_dirty_ratio`].
const RATIO_ONE: u128 = 1_000_000;

/// What a cleaning of a log would work on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleanable {
    /// The first offset that no cleaning has taken in.
    pub first_dirty: Offset,
    /// The first offset that this cleaning leaves alone.
    pub end: Offset,
    /// Bytes that were cleaned before.
    pub clean_bytes: u64,
    /// Bytes that were not, below `end`.
    pub dirty_bytes: u64,
    /// `max.compaction.lag.ms` has passed for something in it.
    pub overdue: bool,
}

impl Cleanable {
    /// Whether a cleaner takes it: dirty enough, or overdue.
    #[must_use]
    pub fn is_due(&self, min_ratio: u32) -> bool {
        let total = u128::from(self.clean_bytes) + u128::from(self.dirty_bytes);
        let dirty = u128::from(self.dirty_bytes);
        dirty > 0 && (self.overdue || dirty * RATIO_ONE > u128::from(min_ratio) * total)
    }

    /// Whether its share of dirty bytes is larger than another's.
    #[must_use]
    pub fn is_filthier_than(&self, other: &Self) -> bool {
        let total = |c: &Self| u128::from(c.clean_bytes) + u128::from(c.dirty_bytes);
        u128::from(self.dirty_bytes) * total(other) > u128::from(other.dirty_bytes) * total(self)
    }
}

impl Log {
    /// The first offset that no cleaning has taken in, as the cleaner's checkpoint file has it.
    #[must_use]
    pub fn cleaner_checkpoint(&self) -> Offset {
        self.cleaner_checkpoint
    }

    /// Whether the topic is compacted and there is more than the active segment, which is never
    /// cleaned.
    #[must_use]
    pub fn may_be_cleaned(&self) -> bool {
        self.config.cleanup_policy.compact && self.segments.len() > 1
    }

    /// What a cleaning would work on now, if anything: whole segments below the last stable
    /// offset and the active segment, and older than `min.compaction.lag.ms`.
    #[must_use]
    pub fn cleanable(&self, wall: Timestamp, last_stable: Offset) -> Option<Cleanable> {
        if !self.may_be_cleaned() {
            return None;
        }
        let checkpoint = self.cleaner_checkpoint;
        let known = (self.log_start..=self.log_end).contains(&checkpoint);
        // Where the checkpoint names no offset of this log, all of it counts as dirty.
        let first_dirty = if known { checkpoint } else { self.log_start };
        let active = self.segments.last()?.base_offset;
        let from = self.segment_of(first_dirty);
        let dirty = &self.segments[from.min(self.segments.len() - 1)..self.segments.len() - 1];
        let young = self.first_within(dirty, wall, self.config.min_compaction_lag);
        let limit = [last_stable, active].into_iter().chain(young).min()?.max(first_dirty);
        let end = self.segments[self.segment_of(limit)].base_offset;
        let bytes = |segments: &[Segment]| segments.iter().map(|s| s.bytes).sum::<u64>();
        let stop = self.segments.partition_point(|s| s.base_offset < end);
        let clean = self.segments.partition_point(|s| s.base_offset < first_dirty);
        Some(Cleanable {
            first_dirty,
            end,
            clean_bytes: bytes(&self.segments[..clean]),
            dirty_bytes: bytes(&self.segments[from.min(stop)..stop]),
            overdue: is_overdue(dirty, wall, self.config.max_compaction_lag),
        })
    }

    /// Base offset of the first of these segments that has a record younger than `lag`.
    fn first_within(&self, segments: &[Segment], wall: Timestamp, lag: Duration) -> Option<Offset> {
        let limit = wall.0.saturating_sub(i64::try_from(lag / MILLISECOND).unwrap_or(i64::MAX));
        let young = |s: &&Segment| lag > 0 && s.largest_timestamp().0 > limit;
        segments.iter().find(young).map(|s| s.base_offset)
    }

    /// Position of the segment that `offset` lies in, the first one if it is before all.
    fn segment_of(&self, offset: Offset) -> usize {
        self.segments.partition_point(|s| s.base_offset <= offset).saturating_sub(1)
    }
}

/// Whether something in these segments is older than `max.compaction.lag.ms`.
fn is_overdue(segments: &[Segment], wall: Timestamp, lag: Duration) -> bool {
    let Ok(lag) = i64::try_from(lag / MILLISECOND) else { return false };
    let firsts = segments.iter().map(|s| s.first_timestamp.0).filter(|&first| first > 0);
    firsts.min().is_some_and(|first| first < wall.0.saturating_sub(lag))
}
