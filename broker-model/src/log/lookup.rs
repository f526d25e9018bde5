//! Offsets by timestamp. Source: KIP-79, KIP-734.

use super::Log;
use crate::config::TimestampType;
use crate::records::{Batches, Content, LogEntry, RecordSource};
use crate::types::{LeaderEpoch, Offset, Timestamp};

/// A record found by its timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FoundOffset {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// The epoch it was appended in.
    pub leader_epoch: LeaderEpoch,
}

impl Log {
    /// The first record at or after the log start offset whose timestamp is at least
    /// `target`. Markers count.
    #[must_use]
    pub fn offset_for_timestamp(
        &self,
        target: Timestamp,
        batches: &Batches,
        records: &dyn RecordSource,
    ) -> Option<FoundOffset> {
        let first = self.index_of(self.log_start);
        for (i, segment) in self.segments.iter().enumerate() {
            let next = self.segments.get(i + 1);
            let stop = next.map_or(self.entries.len(), |s| s.first_entry);
            if segment.bytes == 0 && next.is_some_and(|s| s.base_offset > self.log_start) {
                // Kafka looks into the first segment that is young enough and into no other,
                // and one that compaction emptied is as young as its file.
                if segment.largest_timestamp() >= target {
                    return None;
                }
                continue;
            }
            if stop <= first || segment.max_timestamp < target {
                continue;
            }
            let found = self.entries[segment.first_entry.max(first)..stop]
                .iter()
                .filter(|e| batches.get(e.batch).max_timestamp >= target)
                .find_map(|e| self.first_at(e, self.log_start, target, batches, records));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The first of the records with the largest timestamp. Kafka knows it by its segments,
    /// so it may lie below the log start offset.
    #[must_use]
    pub fn max_timestamp_offset(
        &self,
        batches: &Batches,
        records: &dyn RecordSource,
    ) -> Option<FoundOffset> {
        let mut best = self.segments.first()?;
        for segment in &self.segments {
            if segment.max_timestamp > best.max_timestamp {
                best = segment;
            }
        }
        if best.max_timestamp == Timestamp::NONE {
            return None;
        }
        let entry = self.entries.get(self.index_of(best.max_timestamp_batch))?;
        self.first_at(entry, entry.base_offset, best.max_timestamp, batches, records)
    }

    /// The first record of a batch at or after `start` with a timestamp of at least `target`.
    fn first_at(
        &self,
        entry: &LogEntry,
        start: Offset,
        target: Timestamp,
        batches: &Batches,
        records: &dyn RecordSource,
    ) -> Option<FoundOffset> {
        let body = batches.get(entry.batch);
        let found = |offset: Offset, timestamp: Timestamp| FoundOffset {
            offset,
            timestamp,
            leader_epoch: entry.leader_epoch,
        };
        if self.config.timestamp_type == TimestampType::LogAppendTime
            || !matches!(body.content, Content::Records { .. })
        {
            // Markers hold one record; leaders and coordinators stamp all of a batch alike.
            let offset = entry.base_offset.max(start);
            return (body.max_timestamp >= target).then(|| found(offset, body.max_timestamp));
        }
        let sent = batches.records(entry.batch);
        let time = |at: u32| records.timestamp(sent[at as usize]);
        batches
            .positions(entry.batch)
            .map(|at| found(entry.base_offset + i64::from(at), time(at)))
            .find(|f| f.offset >= start && f.timestamp >= target)
    }
}
