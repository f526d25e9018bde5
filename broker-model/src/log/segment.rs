//! Segments as boundaries within the list of placements.

use crate::records::Batch;
use crate::types::{Offset, Timestamp};

/// One file of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// First offset; the file's name.
    pub base_offset: Offset,
    /// Position of its first placement in [`super::Log::entries`].
    pub first_entry: usize,
    /// Bytes in it.
    pub bytes: u64,
    /// Largest timestamp of its first batch, `NONE` while empty: its age counts from there.
    pub first_timestamp: Timestamp,
    /// Largest timestamp in it, `NONE` while empty.
    pub max_timestamp: Timestamp,
    /// Base offset of the first batch that has it.
    pub max_timestamp_batch: Offset,
    /// When a cleaning last wrote the file, else `NONE`.
    pub modified: Timestamp,
}

impl Segment {
    /// An empty segment.
    #[must_use]
    pub const fn new(base_offset: Offset, first_entry: usize) -> Self {
        Self {
            base_offset,
            first_entry,
            bytes: 0,
            first_timestamp: Timestamp::NONE,
            max_timestamp: Timestamp::NONE,
            max_timestamp_batch: Offset::NONE,
            modified: Timestamp::NONE,
        }
    }

    /// Its age counts from here: the largest timestamp in it, or, where compaction has emptied
    /// it, when the file was last written.
    #[must_use]
    pub const fn largest_timestamp(&self) -> Timestamp {
        if self.bytes == 0 { self.modified } else { self.max_timestamp }
    }

    /// Takes a batch in.
    pub(super) fn push(&mut self, base_offset: Offset, body: &Batch) {
        if self.bytes == 0 {
            self.first_timestamp = body.max_timestamp;
        }
        self.bytes += u64::from(body.bytes);
        if body.max_timestamp > self.max_timestamp {
            self.max_timestamp = body.max_timestamp;
            self.max_timestamp_batch = base_offset;
        }
    }

    /// Whether this batch must open a new segment: by size, or by time counted between the
    /// timestamps of the segment's first batch and of this one.
    pub(super) fn is_full(&self, body: &Batch, max_bytes: u32, max_age_ms: u64) -> bool {
        if self.bytes == 0 {
            return false;
        }
        let age = body.max_timestamp.0.saturating_sub(self.first_timestamp.0);
        self.bytes + u64::from(body.bytes) > u64::from(max_bytes)
            || u64::try_from(age).is_ok_and(|age| age > max_age_ms)
    }
}
