//! One cleaning of a log: its segments below a border are written anew.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use super::super::Log;
use super::super::holes::Holes;
use super::super::producers::KeptBatch;
use super::super::segment::Segment;
use super::Cleanable;
use super::offset_map::{Key, OffsetMap, keyed};
use super::transactions::CleanedTransactions;
use crate::config::TimestampType;
use crate::records::{Batch, Batches, Content, LogEntry, RecordSource};
use crate::rules::{
    CleanControlByKey, CleanedProducers, CleanedVerdicts, DeleteHorizon, PartialCleanIndex, Rules,
};
use crate::types::{BatchId, MILLISECOND, Offset, ProducerEpoch, ProducerId, Timestamp};

/// What a cleaning did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cleaning {
    /// The border: the first offset of the first segment that was left alone.
    pub end: Offset,
    /// What was there before, below the border.
    pub before: Vec<LogEntry>,
    /// Bytes before.
    pub read: u64,
    /// Bytes that were written instead.
    pub written: u64,
    /// Records that went.
    pub removed: u64,
}

/// The last batch of a producer: its last offset, or its epoch if that holds markers only.
type LastRecords = BTreeMap<ProducerId, (Option<Offset>, ProducerEpoch)>;

/// A pass over the segments.
struct Pass<'a> {
    batches: &'a mut Batches,
    records: &'a dyn RecordSource,
    map: OffsetMap,
    transactions: CleanedTransactions,
    last_records: LastRecords,
    wall: Timestamp,
    /// `delete.retention.ms` from now.
    horizon: Timestamp,
    end: Offset,
    append_time: bool,
    removed: u64,
    rules: &'a Rules,
}

impl Log {
    /// Cleans everything below `what.end`, which must be what [`Log::cleanable`] said of this
    /// log, perhaps some time ago. Reads begin at the first segment again, since a key of the
    /// clean part may have a newer record in the dirty part. Where the dirty part has more keys
    /// than there is `room` for, the rest of the segment in which that shows is copied as it is.
    pub fn clean(
        &mut self,
        (what, room): (Cleanable, usize),
        wall: Timestamp,
        batches: &mut Batches,
        records: &dyn RecordSource,
        rules: &Rules,
    ) -> Cleaning {
        let stop = self.entries.partition_point(|e| e.base_offset < what.end);
        let from = self.index_of(what.first_dirty).min(stop);
        let aborted = |from, end| {
            CleanedTransactions::new(match rules.cleaned_verdicts {
                CleanedVerdicts::Known => self.aborted.within(from, end),
                CleanedVerdicts::Forgotten => Vec::new(),
            })
        };
        let dirty = (&self.entries[from..stop], (what.first_dirty, room));
        let mut met = aborted(what.first_dirty, what.end);
        let map = OffsetMap::build(dirty.0, dirty.1, &mut met, batches, records, rules);
        let known_to = map.full_at.unwrap_or(what.end);
        let segments = self.segments.partition_point(|s| s.base_offset < known_to);
        let end = self.segments[segments].base_offset;
        let transactions = aborted(
            self.log_start,
            match rules.partial_clean_index {
                PartialCleanIndex::Whole => end,
                PartialCleanIndex::CleanedPartOnly => known_to,
            },
        );
        let retention = i64::try_from(self.config.delete_retention / MILLISECOND);
        let horizon = Timestamp(wall.0.saturating_add(retention.unwrap_or(i64::MAX)));
        let mut pass = Pass {
            batches,
            records,
            map,
            transactions,
            last_records: self.last_records(),
            wall,
            horizon,
            end,
            append_time: self.config.timestamp_type == TimestampType::LogAppendTime,
            removed: 0,
            rules,
        };
        let read = self.segments[..segments].iter().map(|s| s.bytes).sum();
        let (cleaned, entries) = pass.rewrite(self, segments);
        let written = cleaned.iter().map(|s| s.bytes).sum();
        let removed = pass.removed;
        let kept_markers = pass.transactions.kept_markers();
        self.aborted.retain_before(end, |marker| kept_markers.binary_search(&marker).is_ok());
        let before = self.swap(end, segments, cleaned, entries, batches);
        self.size_bytes = self.size_bytes - read + written;
        self.cleaner_checkpoint = known_to;
        Cleaning { end, before, read, written, removed }
    }

    /// Of each producer that is known here, its last batch, which must not go.
    fn last_records(&self) -> LastRecords {
        let last = |p: &super::super::ProducerState| {
            let offset = p.kept().last().map(KeptBatch::last_offset);
            (p.id, (offset, p.epoch))
        };
        self.producers.iter().map(last).collect()
    }

    /// Puts cleaned segments in the place of the first `count`; returns what was there.
    fn swap(
        &mut self,
        end: Offset,
        count: usize,
        cleaned: Vec<Segment>,
        entries: Vec<LogEntry>,
        batches: &Batches,
    ) -> Vec<LogEntry> {
        let mut holes = Holes::default();
        let mut at = self.segments[0].base_offset;
        for entry in &entries {
            holes.push(at, entry.base_offset);
            at = entry.base_offset + i64::from(batches.get(entry.batch).count);
        }
        holes.push(at, end);
        self.holes.replace_before(end, holes);
        let before = self.segments[count].first_entry;
        let after = entries.len();
        for segment in &mut self.segments[count..] {
            segment.first_entry = segment.first_entry - before + after;
        }
        let gone = self.entries.splice(..before, entries).collect();
        self.segments.splice(..count, cleaned);
        let segments = &self.segments;
        self.snapshots.retain(|s| {
            s.offset >= end || segments.binary_search_by_key(&s.offset, |g| g.base_offset).is_ok()
        });
        gone
    }
}

impl Pass<'_> {
    /// Writes the first `count` segments of a log anew, neighbors together as long as they fit
    /// into one (`groupSegmentsBySize`).
    fn rewrite(&mut self, log: &Log, count: usize) -> (Vec<Segment>, Vec<LogEntry>) {
        let (mut segments, mut entries) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < count {
            let first = log.segments[at];
            let mut bytes = first.bytes;
            let mut next = at + 1;
            while next < count
                && bytes + log.segments[next].bytes <= u64::from(log.config.segment_bytes)
            {
                bytes += log.segments[next].bytes;
                next += 1;
            }
            let mut cleaned = Segment::new(first.base_offset, entries.len());
            cleaned.modified = self.wall;
            for entry in &log.entries[first.first_entry..log.segments[next].first_entry] {
                if let Some(kept) = self.filter(*entry) {
                    cleaned.push(kept.base_offset, self.batches.get(kept.batch));
                    entries.push(kept);
                }
            }
            segments.push(cleaned);
            at = next;
        }
        (segments, entries)
    }

    /// What is left of a batch, if it is. Source: `MemoryRecords.filterTo` with the filter of
    /// `Cleaner.cleanInto`.
    fn filter(&mut self, entry: LogEntry) -> Option<LogEntry> {
        let body = *self.batches.get(entry.batch);
        let over = if body.control {
            self.transactions.marker(&entry, self.batches)
        } else {
            self.transactions.data(&entry, &body)
        };
        let cleaned = self.batches.cleaned(entry.batch);
        let before = cleaned.map_or(body.count, |c| c.len());
        let horizon = cleaned.map_or(Timestamp::NONE, |c| c.delete_horizon);
        let passed = self.rules.delete_horizon == DeleteHorizon::Ignored
            || (horizon != Timestamp::NONE && horizon <= self.wall);
        let discard = over && (!body.control || passed);
        let end = entry.base_offset + i64::from(body.count);
        let mut tombstones = false;
        let kept = if discard || self.is_taken_for_data(entry, &body) {
            Vec::new()
        } else if body.control {
            self.batches.runs(entry.batch).collect()
        } else {
            self.kept(entry, passed, &mut tombstones)
        };
        let left: u32 = kept.iter().map(|run| run.end - run.start).sum();
        self.removed += u64::from(before - left);
        if kept.is_empty() {
            let last = self.rules.cleaned_producers == CleanedProducers::Kept
                && self.is_last_of_producer(end + -1, &body);
            let stays = last || end == self.end;
            return stays.then(|| self.emptied(entry, before, &body));
        }
        let set = (tombstones || (body.control && over)) && horizon == Timestamp::NONE;
        if left == before && !set {
            return Some(entry);
        }
        let horizon = if set { self.horizon } else { horizon };
        let max_timestamp = self.max_timestamp(entry.batch, &body, &kept, left == before);
        let batch = self.batches.push_cleaned(entry.batch, kept, horizon, max_timestamp);
        Some(LogEntry { batch, ..entry })
    }

    /// For a historic rule: a marker whose key is that of a newer record.
    fn is_taken_for_data(&self, entry: LogEntry, body: &Batch) -> bool {
        let Content::Marker { commit, .. } = body.content else { return false };
        self.rules.clean_control_by_key == CleanControlByKey::On
            && !self.map.is_newest(Key::Client(u64::from(commit)), entry.base_offset)
    }

    /// The batch without records: its offsets, its producer and its sequences.
    fn emptied(&mut self, entry: LogEntry, before: u32, body: &Batch) -> LogEntry {
        if before == 0 {
            return entry;
        }
        let (none, time) = (Timestamp::NONE, body.max_timestamp);
        let batch = self.batches.push_cleaned(entry.batch, Vec::new(), none, time);
        LogEntry { batch, ..entry }
    }

    /// Positions of records that stay: the newest of their keys, tombstones until their time.
    fn kept(&self, entry: LogEntry, passed: bool, tombstones: &mut bool) -> Vec<Range<u32>> {
        let mut kept: Vec<Range<u32>> = Vec::new();
        for position in self.batches.positions(entry.batch) {
            let offset = entry.base_offset + i64::from(position);
            if self.map.full_at.is_none_or(|end| offset < end) {
                let keyed = keyed(self.batches, self.records, entry.batch, position);
                let Some((key, tombstone)) = keyed else { continue };
                if !self.map.is_newest(key, offset) || (tombstone && passed) {
                    continue;
                }
                *tombstones |= tombstone;
            }
            match kept.last_mut() {
                Some(run) if run.end == position => run.end += 1,
                _ => kept.push(position..position + 1),
            }
        }
        kept
    }

    fn is_last_of_producer(&self, last_offset: Offset, body: &Batch) -> bool {
        self.last_records.get(&body.producer_id).is_some_and(|&(data, epoch)| match data {
            Some(offset) => last_offset == offset,
            None => body.control && body.producer_epoch == epoch,
        })
    }

    fn max_timestamp(
        &self,
        batch: BatchId,
        body: &Batch,
        kept: &[Range<u32>],
        whole: bool,
    ) -> Timestamp {
        if whole || self.append_time || !matches!(body.content, Content::Records { .. }) {
            return body.max_timestamp;
        }
        let ids = self.batches.records(batch);
        let times = kept.iter().cloned().flatten();
        times.map(|at| self.records.timestamp(ids[at as usize])).max().unwrap_or(body.max_timestamp)
    }
}
