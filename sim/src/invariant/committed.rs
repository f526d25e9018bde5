//! What is truly committed: which leader epochs wrote the offsets below the high watermarks of
//! leaders. No process knows it; the invariants do.
//!
//! Equal offset and epoch mean an equal record, which log matching checks.

use broker_model::log::{LeaderEpochs, Log};
use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, Offset, PartitionId};

use super::View;
use super::by_partition::ByPartition;

/// What a log tells of its offsets.
pub(super) trait Held {
    /// The first offset and the one after the last.
    fn bounds(&self) -> (Offset, Offset);
    /// The epoch that an offset is in, by the leader-epoch cache.
    fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch>;
    /// Whether compaction took the record away, here or where it was copied from. Then the cache
    /// may put its offset into the epoch before: an epoch begins where its first record is kept.
    fn is_compacted_away(&self, offset: Offset) -> bool;

    /// Whether a record of this epoch is there, or was.
    fn has(&self, offset: Offset, epoch: LeaderEpoch) -> bool {
        self.epoch_at(offset) == Some(epoch) || self.is_compacted_away(offset)
    }
}

impl Held for Log {
    fn bounds(&self) -> (Offset, Offset) {
        (self.log_start_offset(), self.log_end_offset())
    }

    fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.leader_epochs().epoch_at(offset)
    }

    fn is_compacted_away(&self, offset: Offset) -> bool {
        self.is_compacted_away(offset)
    }
}

/// What is committed of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed {
    /// Epochs with the first offset after their committed records, both strictly rising.
    epochs: Vec<(LeaderEpoch, Offset)>,
    /// Nothing before this offset is kept here.
    floor: Offset,
    /// The newest leadership seen.
    pub(super) newest: Option<LeaderEpoch>,
    /// An unclean election whose leader has not been seen yet.
    pub(super) unclean: bool,
}

impl Committed {
    /// First offset after what is committed: the true high watermark.
    pub(super) fn end(&self) -> Offset {
        self.epochs.last().map_or(self.floor, |e| e.1)
    }

    /// A leader with this epoch cache has everything before `to` committed.
    pub(super) fn commit(&mut self, cache: &LeaderEpochs, to: Offset) {
        let mut at = self.end();
        while at < to {
            let Some(epoch) = cache.epoch_at(at) else { return };
            let after = cache.starts().partition_point(|s| s.1 <= at);
            let end = cache.starts().get(after).map_or(to, |s| s.1.min(to));
            match self.epochs.last_mut() {
                Some(last) if last.0 == epoch => last.1 = end,
                _ => self.epochs.push((epoch, end)),
            }
            at = end;
        }
    }

    /// The first committed offset that a log does not have, if any.
    pub(super) fn missing(&self, log: &impl Held) -> Option<Offset> {
        let (log_start, log_end) = log.bounds();
        let mut from = self.floor;
        for &(epoch, end) in &self.epochs {
            let first = from.max(log_start);
            from = end;
            if first >= end {
                continue;
            }
            if log_end < end {
                return Some(log_end.max(first));
            }
            // Epochs rise along a log, so both ends speak for what lies between.
            let mut ends = [first, end + -1].into_iter();
            if let Some(at) = ends.find(|&at| !log.has(at, epoch)) {
                return Some(at);
            }
        }
        None
    }

    /// The leader epoch of a committed record.
    pub(super) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        if offset < self.floor {
            return None;
        }
        self.epochs.iter().find(|(_, end)| offset < *end).map(|(epoch, _)| *epoch)
    }

    /// Whether a log lacks the newest committed record. Whoever has that has all before it, and so
    /// has who deleted it with all before it.
    pub(super) fn is_missing_the_last(&self, log: &impl Held) -> bool {
        let (log_start, log_end) = log.bounds();
        let newest = self.epochs.last().filter(|&&(_, end)| log_start < end);
        newest.is_some_and(|&(epoch, end)| log_end < end || !log.has(end + -1, epoch))
    }

    /// Whether a leadership that begins now is one of the past: its broker stood still when it was
    /// elected, another leads meanwhile, and it finds that out next. It can commit nothing.
    pub(super) fn is_of_the_past(&self, epoch: LeaderEpoch) -> bool {
        self.newest.is_some_and(|newest| epoch < newest)
    }

    /// An election was allowed to lose, or has lost: only what comes from `at` on counts.
    pub(super) fn begin_anew(&mut self, at: Offset) {
        self.epochs.clear();
        self.floor = at;
        self.unclean = false;
    }
}

/// What is committed of every partition, kept once for all invariants that ask.
#[derive(Debug, Default)]
pub(super) struct Truth {
    partitions: ByPartition<Committed>,
}

impl Truth {
    /// What is known of a partition.
    pub(super) fn of(&self, partition: PartitionId) -> Option<&Committed> {
        self.partitions.get(partition)
    }

    /// What is known of one partition, for tests.
    #[cfg(test)]
    pub(super) fn of_one(partition: PartitionId, committed: Committed) -> Self {
        let mut truth = Self::default();
        *truth.partitions.of(partition) = committed;
        truth
    }

    /// Takes in what makes more records committed, before the invariants look.
    pub(super) fn before(&mut self, view: &View<'_>, note: &Note) {
        let Note::HighWatermark {
            node, partition, leader_epoch, high_watermark, leader: true, ..
        } = *note
        else {
            return;
        };
        let committed = self.partitions.of(partition);
        if !committed.is_of_the_past(leader_epoch)
            && !committed.unclean
            && high_watermark > committed.end()
            && let Some(replica) = view.replica(node, partition)
        {
            committed.commit(replica.log().leader_epochs(), high_watermark);
        }
    }

    /// Takes in what makes fewer records count, after the invariants have looked.
    pub(super) fn after(&mut self, view: &View<'_>, note: &Note) {
        match *note {
            Note::BecameLeader { node, partition, leader_epoch, start } => {
                let committed = self.partitions.of(partition);
                if committed.is_of_the_past(leader_epoch) {
                    return;
                }
                committed.newest = Some(leader_epoch);
                let Some(replica) = view.replica(node, partition) else { return };
                let log = replica.log();
                if committed.unclean || committed.missing(log).is_some() {
                    committed.begin_anew(start);
                }
                // What a leader of the past counted is true when its count leads again.
                let counted = replica.high_watermark().min(log.log_end_offset());
                committed.commit(log.leader_epochs(), counted);
            }
            Note::PartitionChanged { partition, leader, unclean: true, .. }
                if view.allows_unclean_election(leader, partition) =>
            {
                self.partitions.of(partition).unclean = true;
            }
            _ => {}
        }
    }
}

/// A log for tests.
#[cfg(test)]
pub(super) mod fixture {
    use broker_model::log::LeaderEpochs;
    use broker_model::types::{LeaderEpoch, Offset};

    use super::Held;

    pub(crate) struct TestLog {
        cache: LeaderEpochs,
        start: Offset,
        pub(crate) end: Offset,
        pub(crate) compacted: Vec<Offset>,
    }

    impl Held for TestLog {
        fn bounds(&self) -> (Offset, Offset) {
            (self.start, self.end)
        }

        fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
            self.cache.epoch_at(offset)
        }

        fn is_compacted_away(&self, offset: Offset) -> bool {
            self.compacted.contains(&offset)
        }
    }

    pub(crate) fn cache(starts: &[(i32, i64)]) -> LeaderEpochs {
        let mut cache = LeaderEpochs::default();
        for &(epoch, start) in starts {
            cache.assign(LeaderEpoch(epoch), Offset(start));
        }
        cache
    }

    /// A log with these epochs that holds the offsets from `start` to before `end`.
    pub(crate) fn log(starts: &[(i32, i64)], start: i64, end: i64) -> TestLog {
        let (start, end) = (Offset(start), Offset(end));
        TestLog { cache: cache(starts), start, end, compacted: Vec::new() }
    }
}
