//! What lag counts: how far groups are behind, as Kafka's tools have it.

use broker_model::records::{Batches, LogEntry};
use broker_model::types::{Duration, GroupId, Offset, PartitionId, RecordId};

use super::World;
use super::audit::visible_entries;

/// How far a group, or several, are behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Behind {
    /// In records, as [`World::unread`] counts them.
    pub(super) records: u64,
    /// How many of them are behind an open transaction, which who reads committed records waits for.
    pub(super) held_up: u64,
    /// The age of the oldest.
    pub(super) age: Duration,
}

impl Behind {
    fn and(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            held_up: self.held_up + other.held_up,
            age: self.age.max(other.age),
        }
    }
}

impl World {
    /// How far all groups together are behind, by the committed positions that were read last.
    pub(super) fn known_lag(&self) -> Behind {
        let groups = 0..self.shared.progress.groups.len();
        groups.map(|index| self.group_lag(index).1).fold(Behind::default(), Behind::and)
    }

    /// How far a group is behind.
    pub(super) fn group_lag(&self, index: usize) -> (GroupId, Behind) {
        let progress = &self.shared.progress.groups[index];
        let mut behind = Behind::default();
        for &(partition, committed) in &progress.committed {
            let committed = committed.unwrap_or(Offset::ZERO);
            behind = behind.and(self.unread(partition, committed).unwrap_or_default());
        }
        (progress.group, behind)
    }

    /// Tells the recorder what groups cannot read because a transaction is open before it.
    pub(super) fn tell_held_up(&mut self) {
        for index in 0..self.shared.progress.groups.len() {
            let (group, behind) = self.group_lag(index);
            self.shared.recorder.come_home().held_up(group.0, behind.held_up);
        }
    }

    /// Offsets from `from`, or where the log begins if that is later, to the high watermark, as Kafka's
    /// tools count. Markers, aborted records and what compaction took count; but 0 when no record is
    /// left: a position behind the last marker is committed with the next record, which may never come.
    fn unread(&self, partition: PartitionId, from: Offset) -> Option<Behind> {
        let leader = self.image().partition(partition)?.leader?;
        let node = self.node_of(leader)?;
        let replica = node.broker()?.replica(partition)?;
        let end = replica.high_watermark();
        let stable = replica.last_stable_offset(&self.shared.rules).min(end);
        let from = from.max(replica.log().log_start_offset());
        if from >= end {
            return None;
        }
        let batches = &self.shared.batches;
        let entries = entries_from(replica.log().entries(), from, batches);
        let aborted = replica.log().aborted_transactions(from, stable);
        let body = |entry: &LogEntry| batches.get(entry.batch);
        let visible = visible_entries(entries.iter(), stable, &aborted, body);
        let held_up = entries.iter().copied();
        let held_up = held_up.filter(|e| stable <= e.base_offset && e.base_offset < end);
        let first = visible.chain(held_up).find_map(|entry| first_from(batches, entry, from))?;
        let age = self.now.since(self.shared.records.get(first).intended);
        let held_up = (end - from.max(stable)) as u64;
        Some(Behind { records: (end - from) as u64, held_up, age })
    }
}

/// The entries that hold something from an offset on.
fn entries_from<'a>(entries: &'a [LogEntry], from: Offset, batches: &Batches) -> &'a [LogEntry] {
    let later = entries.partition_point(|e| e.base_offset <= from);
    let holds = |e: &LogEntry| e.base_offset + i64::from(batches.get(e.batch).count) > from;
    &entries[later - usize::from(later > 0 && holds(&entries[later - 1]))..]
}

/// The first record of an entry from an offset on.
fn first_from(batches: &Batches, entry: LogEntry, from: Offset) -> Option<RecordId> {
    let records = batches.records(entry.batch);
    let skip = from.0.saturating_sub(entry.base_offset.0).max(0) as usize;
    batches.runs(entry.batch).find_map(|run| {
        let run = (run.start as usize).max(skip)..(run.end as usize).min(records.len());
        records.get(run)?.first().copied()
    })
}
