//! Snapshots of the metadata log, and how far the log is deleted behind them. Source: KIP-630;
//! Kafka, `KafkaRaftLog.maybeClean`.
//!
//! A snapshot is on the disk when it is taken.

use alloc::vec::Vec;

use super::Quorum;
use super::log::index;
use crate::io::Context;
use crate::note::Note;
use crate::protocol::quorum::{RECORD_BYTES, SnapshotId, SnapshotPiece};
use crate::records::{MetadataRecord, MetadataSnapshot};
use crate::types::{Duration, Instant, SECOND};

/// How often old snapshots are looked for. Source: Kafka, `KafkaRaftClient`.
const CLEAN_INTERVAL: Duration = 60 * SECOND;

/// A snapshot, which may go when there is a newer one.
#[derive(Clone, Debug)]
struct Kept {
    snapshot: MetadataSnapshot,
    at: Instant,
}

/// Bytes of a snapshot: its records between a header and a footer, which take as much as a record
/// each.
fn size(snapshot: &MetadataSnapshot) -> u64 {
    (snapshot.records.len() as u64 + 2) * RECORD_BYTES
}

/// The bytes of a snapshot from a position on, at most so many. `None` if there are none.
pub(super) fn piece(
    snapshot: &MetadataSnapshot,
    position: u64,
    max_bytes: u64,
) -> Option<SnapshotPiece> {
    let size = size(snapshot);
    let end = size.min(position.saturating_add(max_bytes));
    let all = snapshot.records.len();
    // Records that end up to there: the header is before the first.
    let before = |at: u64| index((at / RECORD_BYTES).saturating_sub(1)).min(all);
    (position < size).then(|| SnapshotPiece {
        snapshot: SnapshotId::of(snapshot),
        size,
        position,
        bytes: end - position,
        records: snapshot.records[before(position)..before(end)].to_vec(),
    })
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    /// The latest last.
    kept: Vec<Kept>,
    /// While there is more than one.
    clean_at: Option<Instant>,
}

impl Snapshots {
    pub(super) fn latest(&self) -> Option<&MetadataSnapshot> {
        self.kept.last().map(|kept| &kept.snapshot)
    }

    pub(super) fn oldest(&self) -> Option<&MetadataSnapshot> {
        self.kept.first().map(|kept| &kept.snapshot)
    }

    pub(super) fn find(&self, id: SnapshotId) -> Option<&MetadataSnapshot> {
        self.kept.iter().map(|kept| &kept.snapshot).find(|s| SnapshotId::of(s) == id)
    }

    pub(super) fn clean_at(&self) -> Instant {
        self.clean_at.unwrap_or(Instant::FAR)
    }

    fn push(&mut self, now: Instant, snapshot: MetadataSnapshot) {
        self.kept.push(Kept { snapshot, at: now });
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
        while let [first, second, ..] = self.kept.as_slice() {
            let from = start.unwrap_or(0);
            let all = self.kept.iter().map(|k| size(&k.snapshot)).sum::<u64>() + log_bytes(from);
            if all <= bytes_max && now.since(first.at) <= age_max {
                break;
            }
            start = Some(second.snapshot.end);
            self.kept.remove(0);
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
        assert_eq!(clean(&mut snapshots, 640), None, "all of it fits");
        assert_eq!(clean(&mut snapshots, 620), Some(20));
        assert_eq!(clean(&mut snapshots, 0), Some(30));
        assert_eq!(snapshots.latest().map(|s| s.end), Some(30));
        snapshots.push(Instant(4), at(40));
        let old = snapshots.clean(Instant(2_000), bytes, (1_000, 1_000));
        assert_eq!(old, Some(40), "the first is too old");
    }
}
