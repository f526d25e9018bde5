//! The metadata log of one controller: records with their epochs, what of it is durable, and
//! what of it is committed.

use alloc::vec::Vec;

use crate::records::MetadataRecord;
use crate::types::LeaderEpoch;

/// The epoch before the first record.
pub(super) const NO_EPOCH: LeaderEpoch = LeaderEpoch(-1);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplicatedLog {
    /// Offset of the first record that is kept; what came before is in a snapshot.
    start: u64,
    records: Vec<MetadataRecord>,
    /// Each epoch with the offset of its first record, in order.
    epochs: Vec<(LeaderEpoch, u64)>,
    /// Durable up to here.
    flushed: u64,
    /// Committed up to here, as far as this process knows.
    high_watermark: u64,
}

impl ReplicatedLog {
    pub(super) fn end(&self) -> u64 {
        self.start + self.records.len() as u64
    }

    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    /// Kept records of a range.
    pub(super) fn range(&self, from: u64, to: u64) -> &[MetadataRecord] {
        let place = |offset: u64| index(offset.clamp(self.start, self.end()) - self.start);
        &self.records[place(from.min(to))..place(to)]
    }

    /// Deletes what is before an offset, which a snapshot has.
    pub(super) fn delete_before(&mut self, offset: u64) {
        assert!(offset <= self.high_watermark, "a snapshot is of what is committed");
        if offset > self.start {
            self.records.drain(..index(offset - self.start));
            self.start = offset;
        }
    }

    /// Nothing is left but what a snapshot has, whose last record is of this epoch.
    pub(super) fn begin_at(&mut self, end: u64, epoch: LeaderEpoch) {
        self.records.clear();
        self.start = end;
        self.epochs = alloc::vec![(epoch, end.saturating_sub(1))];
        self.flushed = end;
        self.high_watermark = self.high_watermark.max(end);
    }

    pub(super) const fn flushed(&self) -> u64 {
        self.flushed
    }

    pub(super) const fn high_watermark(&self) -> u64 {
        self.high_watermark
    }

    pub(super) fn records(&self) -> &[MetadataRecord] {
        &self.records
    }

    /// Epoch of the last record.
    pub(super) fn last_epoch(&self) -> LeaderEpoch {
        self.epochs.last().map_or(NO_EPOCH, |(epoch, _)| *epoch)
    }

    /// Epoch of the record at an offset, if there is one.
    pub(super) fn epoch_at(&self, offset: u64) -> Option<LeaderEpoch> {
        let position = self.epochs.partition_point(|(_, start)| *start <= offset);
        let known = offset >= self.start && offset < self.end();
        known.then(|| self.epochs[position - 1].0)
    }

    /// The largest epoch up to `epoch`, and where it ends. Source: KIP-101, KIP-279.
    pub(super) fn end_of(&self, epoch: LeaderEpoch) -> (LeaderEpoch, u64) {
        let after = self.epochs.partition_point(|(e, _)| *e <= epoch);
        let end = self.epochs.get(after).map_or_else(|| self.end(), |(_, start)| *start);
        match after.checked_sub(1) {
            Some(last) => (self.epochs[last].0, end),
            None => (NO_EPOCH, 0),
        }
    }

    pub(super) fn append(&mut self, epoch: LeaderEpoch, record: MetadataRecord) {
        let last = self.last_epoch();
        assert!(epoch >= last, "epochs of a log do not go back: {epoch} after {last}");
        if epoch > last {
            self.epochs.push((epoch, self.end()));
        }
        self.records.push(record);
    }

    /// Records of a range, each with its epoch.
    pub(super) fn copy(&self, from: u64, to: u64) -> Vec<(LeaderEpoch, MetadataRecord)> {
        let offsets = from..to;
        let with_epoch = |(offset, record): (u64, &MetadataRecord)| {
            let epoch = self.epoch_at(offset).expect("the range lies within the log");
            (epoch, record.clone())
        };
        offsets.zip(self.range(from, to)).map(with_epoch).collect()
    }

    /// Cuts the end.
    pub(super) fn truncate(&mut self, end: u64) {
        self.records.truncate(index(end.saturating_sub(self.start)));
        self.epochs.retain(|(_, start)| *start < end);
        self.flushed = self.flushed.min(end);
        self.high_watermark = self.high_watermark.min(end);
    }

    /// The disk has it up to `end`.
    pub(super) fn set_flushed(&mut self, end: u64) {
        self.flushed = self.flushed.max(end.min(self.end()));
    }

    /// Committed up to `to`. Returns whether that is news.
    pub(super) fn commit(&mut self, to: u64) -> bool {
        let to = to.min(self.end());
        let news = to > self.high_watermark;
        self.high_watermark = self.high_watermark.max(to);
        news
    }

    /// A process that starts again knows its log, and not how much of it is committed.
    pub(super) fn forget_high_watermark(&mut self) {
        // What is in a snapshot is.
        self.high_watermark = self.start;
    }
}

pub(super) fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a log in memory has fewer than 2^64 records")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NodeId, ProducerId};

    fn log(epochs: &[i32]) -> ReplicatedLog {
        let mut log = ReplicatedLog::default();
        for (n, epoch) in (0..).zip(epochs) {
            log.append(LeaderEpoch(*epoch), MetadataRecord::ProducerIds { next: ProducerId(n) });
        }
        log
    }

    #[test]
    fn epochs_end_where_the_next_begins() {
        let log = log(&[1, 1, 4, 4, 4, 6]);
        let end = |epoch| log.end_of(LeaderEpoch(epoch));
        assert_eq!(end(0), (NO_EPOCH, 0));
        assert_eq!(end(1), (LeaderEpoch(1), 2));
        assert_eq!(end(3), (LeaderEpoch(1), 2), "the largest epoch up to the one asked for");
        assert_eq!(end(4), (LeaderEpoch(4), 5));
        assert_eq!(end(9), (LeaderEpoch(6), 6));
        assert_eq!(log.epoch_at(4), Some(LeaderEpoch(4)));
        assert_eq!(log.epoch_at(6), None);
    }

    #[test]
    fn a_cut_takes_epochs_and_durability_with_it() {
        let mut log = log(&[1, 4, 4, 6]);
        log.set_flushed(4);
        log.truncate(1);
        assert_eq!((log.end(), log.flushed(), log.last_epoch()), (1, 1, LeaderEpoch(1)));
        log.append(LeaderEpoch(7), MetadataRecord::LeaderChange { leader: NodeId(1) });
        assert_eq!(log.flushed(), 1, "what came after the cut is not durable");
        assert_eq!(log.copy(0, 2)[1].0, LeaderEpoch(7));
    }
}
