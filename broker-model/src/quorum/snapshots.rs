//! Snapshots of the metadata log, and how far the log is deleted behind them. Source: KIP-630;
//! Kafka, `KafkaRaftLog.maybeClean`.
//!
//! A snapshot is on the disk when it is taken. Of older ones only the places are kept: they
//! bound what is deleted, and nobody is sent one.

use alloc::vec::Vec;

use super::Quorum;
use crate::io::Context;
use crate::note::Note;
use crate::protocol::quorum::RECORD_BYTES;
use crate::records::{MetadataRecord, MetadataSnapshot};
use crate::types::{Duration, Instant, SECOND};

/// How often old snapshots are looked for. Source: Kafka, `KafkaRaftClient`.
const CLEAN_INTERVAL: Duration = 60 * SECOND;

/// A snapshot that may go when there is a newer one.
#[derive(Clone, Copy, Debug)]
struct Kept {
    end: u64,
    bytes: u64,
    at: Instant,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    latest: Option<MetadataSnapshot>,
    /// All of them, the latest last.
    kept: Vec<Kept>,
    /// While there is more than one.
    clean_at: Option<Instant>,
}

impl Snapshots {
    pub(super) const fn latest(&self) -> Option<&MetadataSnapshot> {
        self.latest.as_ref()
    }

    pub(super) fn clean_at(&self) -> Instant {
        self.clean_at.unwrap_or(Instant::FAR)
    }

    fn push(&mut self, now: Instant, snapshot: MetadataSnapshot) {
        let bytes = snapshot.records.len() as u64 * RECORD_BYTES;
        self.kept.push(Kept { end: snapshot.end, bytes, at: now });
        self.latest = Some(snapshot);
        if self.kept.len() > 1 {
            self.clean_at.get_or_insert(now + CLEAN_INTERVAL);
        }
    }

    /// A snapshot of another takes the place of all.
    pub(super) fn replace(&mut self, now: Instant, snapshot: MetadataSnapshot) {
        *self = Self::default();
        self.push(now, snapshot);
    }

    /// Gives up the oldest while all of them with the log are too large, or it is too old. The
    /// latest stays. Returns where the log may begin.
    fn clean(
        &mut self,
        now: Instant,
        log_bytes: impl Fn(u64) -> u64,
        (bytes_max, age_max): (u64, Duration),
    ) -> Option<u64> {
        let mut start = None;
        while let [first, second, ..] = *self.kept.as_slice() {
            let from = start.unwrap_or(0);
            let all = self.kept.iter().map(|k| k.bytes).sum::<u64>() + log_bytes(from);
            if all <= bytes_max && now.since(first.at) <= age_max {
                break;
            }
            self.kept.remove(0);
            start = Some(second.end);
        }
        self.clean_at = (self.kept.len() > 1).then_some(now + CLEAN_INTERVAL);
        start
    }
}

impl Quorum {
    /// Bytes of committed records that its latest snapshot does not have.
    #[must_use]
    pub fn bytes_since_snapshot(&self) -> u64 {
        let end = self.snapshot().map_or(0, |snapshot| snapshot.end);
        self.log.high_watermark().saturating_sub(end) * RECORD_BYTES
    }

    /// Takes a snapshot: these records amount to what is committed.
    pub fn take_snapshot(&mut self, cx: &mut Context<'_>, records: Vec<MetadataRecord>) {
        let end = self.log.high_watermark();
        let Some(epoch) = end.checked_sub(1).and_then(|last| self.log.epoch_at(last)) else {
            return;
        };
        let count = records.len() as u64;
        self.snapshots.push(cx.now.instant, MetadataSnapshot { end, epoch, records });
        let node = self.key.node;
        cx.note(Note::MetadataSnapshot { node, end, records: count });
    }

    /// Deletes the head of the log that snapshots have made superfluous.
    pub(super) fn clean_log(&mut self, now: Instant) {
        if self.snapshots.clean_at() > now {
            return;
        }
        let end = self.log.end();
        let log_start = self.log.start();
        let bytes = |from: u64| (end - from.max(log_start)) * RECORD_BYTES;
        let bounds = (self.config.retention_bytes, self.config.retention);
        if let Some(start) = self.snapshots.clean(now, bytes, bounds) {
            self.log.delete_before(start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LeaderEpoch;

    fn at(end: u64) -> MetadataSnapshot {
        MetadataSnapshot { end, epoch: LeaderEpoch(1), records: Vec::new() }
    }

    #[test]
    fn the_log_begins_where_the_oldest_snapshot_that_is_kept_ends() {
        let mut snapshots = Snapshots::default();
        snapshots.push(Instant(0), at(10));
        assert_eq!(snapshots.clean_at(), Instant::FAR, "the only one stays");
        snapshots.push(Instant(1), at(20));
        snapshots.push(Instant(2), at(30));
        let bytes = |from: u64| 35 - from;
        let clean = |s: &mut Snapshots, max| s.clean(Instant(3), bytes, (max, 1_000));
        assert_eq!(clean(&mut snapshots, 40), None, "all of it fits");
        assert_eq!(clean(&mut snapshots, 20), Some(20));
        assert_eq!(clean(&mut snapshots, 0), Some(30));
        assert_eq!(snapshots.latest().map(|s| s.end), Some(30));
        snapshots.push(Instant(4), at(40));
        let old = snapshots.clean(Instant(2_000), bytes, (1_000, 1_000));
        assert_eq!(old, Some(40), "the first is too old");
    }
}
