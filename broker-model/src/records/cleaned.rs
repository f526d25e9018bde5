//! Bodies that compaction wrote anew: the same offsets, fewer records.
//!
//! A cleaned body keeps its predecessor's place in every column and its `count` of offsets;
//! which of them still hold a record stands here. So whoever asks only for offsets need not
//! know, and a body that was never cleaned costs nothing.

use alloc::vec::Vec;
use core::ops::Range;

use super::{BATCH_OVERHEAD_BYTES, Batch, Batches, Compression};
use crate::types::{BatchId, Timestamp};

/// What a cleaning left of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cleaned {
    pub(super) id: BatchId,
    /// The body as its writer sent it.
    pub origin: BatchId,
    /// Positions that still hold a record, as ascending ranges that do not touch.
    pub kept: Vec<Range<u32>>,
    /// From here on tombstones and markers in it may go, `NONE` while no cleaning has met one
    /// that is the last of its kind. Source: KIP-534.
    pub delete_horizon: Timestamp,
}

impl Cleaned {
    /// How many records are left.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.kept.iter().map(|run| run.end - run.start).sum()
    }

    /// Whether no record is left: the batch only tells of its producer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

impl Batches {
    /// What cleanings left of a body; `None` if none has touched it.
    #[must_use]
    pub fn cleaned(&self, id: BatchId) -> Option<&Cleaned> {
        let first = self.cleaned.first()?;
        if id < first.id {
            return None;
        }
        let at = self.cleaned.binary_search_by_key(&id, |c| c.id).ok()?;
        Some(&self.cleaned[at])
    }

    /// The body as its writer sent it: equal origins hold equal records at equal offsets,
    /// where they hold one.
    #[must_use]
    pub fn origin(&self, id: BatchId) -> BatchId {
        self.unspoiled(self.cleaned(id).map_or(id, |c| c.origin))
    }

    /// Whether a body still holds the record at this position.
    #[must_use]
    pub fn keeps(&self, id: BatchId, position: u32) -> bool {
        self.cleaned(id).is_none_or(|c| c.kept.iter().any(|run| run.contains(&position)))
    }

    /// Whether compaction removed every record of a body, a marker's included.
    #[must_use]
    pub fn is_emptied(&self, id: BatchId) -> bool {
        self.cleaned(id).is_some_and(Cleaned::is_empty)
    }

    /// The stretches of positions that hold records, in order.
    pub fn runs(&self, id: BatchId) -> impl Iterator<Item = Range<u32>> + Clone + '_ {
        let cleaned = self.cleaned(id);
        let whole = cleaned.is_none().then(|| 0..self.get(id).count);
        whole.into_iter().chain(cleaned.map_or(&[][..], |c| &c.kept).iter().cloned())
    }

    /// Positions that hold records, in order.
    pub fn positions(&self, id: BatchId) -> impl Iterator<Item = u32> + Clone + '_ {
        self.runs(id).flatten()
    }

    /// A body with fewer records than `id`, or with a delete horizon. Its size shrinks in
    /// proportion, since what a single record takes is not known here.
    pub fn push_cleaned(
        &mut self,
        id: BatchId,
        kept: Vec<Range<u32>>,
        delete_horizon: Timestamp,
        max_timestamp: Timestamp,
    ) -> BatchId {
        let body = *self.get(id);
        let before = self.cleaned(id).map_or(body.count, Cleaned::len);
        let mut cleaned = Cleaned { id: BatchId(0), origin: self.origin(id), kept, delete_horizon };
        let bytes = shrunk(body.bytes, cleaned.len(), before);
        cleaned.id = self.push_existing(Batch { bytes, max_timestamp, ..body });
        if let Some(Compression { codec, content }) = self.compression(id) {
            let content = share(content, cleaned.len(), before);
            self.set_compression(cleaned.id, Compression { codec, content });
        }
        let id = cleaned.id;
        self.cleaned.push(cleaned);
        id
    }
}

/// Bytes of a batch of which `kept` of `before` records are left.
fn shrunk(bytes: u32, kept: u32, before: u32) -> u32 {
    if kept == before {
        return bytes;
    }
    BATCH_OVERHEAD_BYTES + share(bytes.saturating_sub(BATCH_OVERHEAD_BYTES), kept, before)
}

/// What `kept` of `before` records take of so many bytes.
fn share(bytes: u32, kept: u32, before: u32) -> u32 {
    let left = u64::from(bytes) * u64::from(kept) / u64::from(before.max(1));
    u32::try_from(left).expect("less than before")
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::{Batches, NewBatch};
    use crate::types::{RecordId, Timestamp};

    #[test]
    fn a_cleaned_body_keeps_its_offsets_and_loses_records() {
        let mut batches = Batches::new();
        let ids: Vec<RecordId> = (0..5).map(RecordId).collect();
        let sent = batches.push_records(NewBatch::plain(161, Timestamp(9)), &ids);
        assert_eq!(batches.runs(sent).next(), Some(0..5));
        let once = batches.push_cleaned(sent, vec![0..1, 3..5], Timestamp::NONE, Timestamp(9));
        assert_eq!(batches.get(once).count, 5);
        assert_eq!(batches.get(once).bytes, 121);
        assert_eq!(batches.positions(once).collect::<Vec<_>>(), [0, 3, 4]);
        assert_eq!(batches.records(once), &ids, "positions stay");
        assert!(batches.keeps(once, 3) && !batches.keeps(once, 1));
        let twice = batches.push_cleaned(once, vec![], Timestamp(70), Timestamp(9));
        assert_eq!((batches.get(twice).bytes, batches.origin(twice)), (61, sent));
        assert!(batches.is_emptied(twice) && !batches.is_emptied(once));
        assert!(batches.cleaned(sent).is_none(), "bodies never change");
    }
}
