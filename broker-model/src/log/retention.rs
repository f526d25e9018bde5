//! Deletion of old segments by time, by size, and below the log start offset.

use super::Log;
use super::segment::Segment;
use crate::types::{MILLISECOND, Offset, Timestamp};

impl Log {
    /// Deletes segments that `retention.ms`, `retention.bytes` or the log start offset gave
    /// up, oldest first, none above the high watermark. The active segment may go too, if it
    /// is old enough: an empty one takes its place. Says whether the log start offset moved.
    pub fn delete_old_segments(&mut self, wall: Timestamp, high_watermark: Offset) -> bool {
        let start = self.log_start;
        if self.config.cleanup_policy.delete {
            let by_time = self.expired_by_time(wall, high_watermark);
            self.drop_segments(by_time);
            let by_size = self.expired_by_size(high_watermark);
            self.drop_segments(by_size);
        }
        let below = self.segments[1..].iter().take_while(|s| s.base_offset <= self.log_start);
        let below = below.count();
        self.drop_segments(below);
        self.log_start > start
    }

    fn expired_by_time(&self, wall: Timestamp, high_watermark: Offset) -> usize {
        let Some(retention) = self.config.retention else { return 0 };
        let limit = i64::try_from(retention / MILLISECOND).unwrap_or(i64::MAX);
        self.leading(high_watermark, |s| wall.0.saturating_sub(s.largest_timestamp().0) > limit)
    }

    fn expired_by_size(&self, high_watermark: Offset) -> usize {
        let Some(limit) = self.config.retention_bytes else { return 0 };
        let mut surplus = self.size_bytes.saturating_sub(limit);
        self.leading(high_watermark, |s| {
            let goes = surplus >= s.bytes && surplus > 0;
            surplus = surplus.saturating_sub(s.bytes);
            goes
        })
    }

    /// How many of the oldest segments may go; an empty active one never does.
    fn leading(&self, high_watermark: Offset, mut goes: impl FnMut(&Segment) -> bool) -> usize {
        let end_of = |i: usize| self.segments.get(i + 1).map_or(self.log_end, |s| s.base_offset);
        self.segments
            .iter()
            .enumerate()
            .take_while(|(i, s)| {
                let filled = s.bytes > 0 || i + 1 < self.segments.len();
                filled && end_of(*i) <= high_watermark && goes(s)
            })
            .count()
    }

    fn drop_segments(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        if count == self.segments.len() {
            self.roll();
        }
        self.segments.drain(..count);
        let first = self.segments[0];
        let bytes: u64 = self.segments.iter().map(|s| s.bytes).sum();
        self.entries.drain(..first.first_entry);
        for segment in &mut self.segments {
            segment.first_entry -= first.first_entry;
        }
        self.size_bytes = bytes;
        self.snapshots.retain(|s| s.offset >= first.base_offset);
        self.aborted.truncate_from_start(first.base_offset);
        self.holes.truncate_from_start(first.base_offset);
        if first.base_offset > self.log_start {
            self.log_start = first.base_offset;
            self.epochs.truncate_from_start(first.base_offset);
        }
    }
}
