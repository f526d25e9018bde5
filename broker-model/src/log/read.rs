//! Reads of whole batches.

use alloc::vec::Vec;

use super::Log;
use crate::protocol::fetch::{AbortedTransaction, EpochEnd};
use crate::records::{Batches, LogEntry};
use crate::types::{LeaderEpoch, Offset};

/// What a read gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Read {
    /// Bytes of the batches.
    pub bytes: u64,
    /// How many batches.
    pub count: u32,
    /// Bytes of the next batch up to the limit: Kafka sends them, and nobody can use them.
    pub cut: u32,
}

impl Log {
    /// Reads whole batches from the one that holds `from`, below `bound`, of at most
    /// `max_bytes` together, appended to `out`. With `minimum_one` the first batch comes
    /// even if it is larger. One read stays within one segment, as Kafka's does.
    ///
    /// `from` must be within the log; at its end nothing comes.
    pub fn read(
        &self,
        from: Offset,
        bound: Offset,
        max_bytes: u32,
        minimum_one: bool,
        batches: &Batches,
        out: &mut Vec<LogEntry>,
    ) -> Read {
        assert!(self.log_start <= from && from <= self.log_end, "reads are within the log");
        let first = self.index_of(from);
        let stop = self.segment_end(first);
        let mut read = Read::default();
        for (index, entry) in self.entries[first..stop].iter().enumerate() {
            let bytes = read.bytes + u64::from(batches.get(entry.batch).bytes);
            let fits = bytes <= u64::from(max_bytes) || (minimum_one && index == 0);
            if self.end_of(first + index) > bound {
                break;
            }
            if !fits {
                // A batch that does not fit at all is left out instead.
                let left = u64::from(max_bytes).saturating_sub(read.bytes);
                read.cut = if index == 0 { 0 } else { u32::try_from(left).unwrap_or(u32::MAX) };
                break;
            }
            read.bytes = bytes;
            read.count += 1;
            out.push(*entry);
        }
        read
    }

    /// Bytes between `from` and `bound`, for `min_bytes` of a waiting fetch; stops counting
    /// at `enough`.
    #[must_use]
    pub fn bytes_between(
        &self,
        from: Offset,
        bound: Offset,
        enough: u64,
        batches: &Batches,
    ) -> u64 {
        let mut bytes = 0;
        for index in self.index_of(from.max(self.log_start))..self.entries.len() {
            if bytes >= enough || self.end_of(index) > bound {
                break;
            }
            bytes += u64::from(batches.get(self.entries[index].batch).bytes);
        }
        bytes
    }

    /// Up to where the aborted list of a fetch reaches whose data ends at `end`: to the next
    /// entry of Kafka's offset index, which has one every 4,096 bytes, or to the segment's end.
    #[must_use]
    pub fn aborted_upper_bound(&self, end: Offset, batches: &Batches) -> Offset {
        const INDEX_INTERVAL_BYTES: u64 = 4_096;
        if self.aborted.is_empty() || end >= self.log_end {
            return end;
        }
        let first = self.index_of(end);
        // `end` may open the next segment: then the list ends with the one that was read.
        if self.segments.iter().rev().any(|s| s.first_entry == first) {
            return end;
        }
        let mut bytes = 0;
        let stop = self.segment_end(first);
        for index in first..stop {
            if bytes > INDEX_INTERVAL_BYTES {
                return self.entries[index].base_offset;
            }
            bytes += u64::from(batches.get(self.entries[index].batch).bytes);
        }
        self.end_of(stop - 1)
    }

    /// Aborted transactions that overlap `from..upper`, in order of their markers. Names may
    /// begin before the range; the consumer skips what it does not meet.
    #[must_use]
    pub fn aborted_transactions(&self, from: Offset, upper: Offset) -> Vec<AbortedTransaction> {
        let mut out = Vec::new();
        if !self.aborted.is_empty() {
            self.aborted.collect(from, upper, &mut out);
        }
        out
    }

    /// Where the log of a follower that wants `fetch_offset` after a record of
    /// `last_fetched_epoch` parts from this one, if it does (KIP-595).
    ///
    /// # Errors
    /// [`UnknownEpoch`] when this log cannot tell: the fetch is out of range.
    pub fn diverging_epoch(
        &self,
        fetch_offset: Offset,
        last_fetched_epoch: LeaderEpoch,
    ) -> Result<Option<EpochEnd>, UnknownEpoch> {
        let end = self.end_offset_for_epoch(last_fetched_epoch).ok_or(UnknownEpoch)?;
        let parts = end.epoch < last_fetched_epoch || end.end_offset < fetch_offset;
        Ok(parts.then_some(end))
    }

    /// Position after the last placement of the segment that holds the one at `index`.
    fn segment_end(&self, index: usize) -> usize {
        if self.segments.last().is_some_and(|s| s.first_entry <= index) {
            return self.entries.len();
        }
        let next = self.segments.partition_point(|s| s.first_entry <= index);
        self.segments[next].first_entry
    }
}

/// The log does not know the epoch asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownEpoch;
