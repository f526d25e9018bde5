//! What a pass over a log knows of the transactions it meets. Source: Kafka,
//! `CleanedTransactionMetadata`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::super::aborted::Aborted;
use crate::records::{Batch, Batches, Content, LogEntry};
use crate::types::{Offset, ProducerId};

/// Transactions met so far, in order of offset.
#[derive(Clone, Debug, Default)]
pub(super) struct CleanedTransactions {
    /// Aborted transactions not met yet, the next one last.
    waiting: Vec<Aborted>,
    /// Aborted transactions that have begun and not ended, with whether a batch of theirs is
    /// still there.
    aborted: BTreeMap<ProducerId, bool>,
    /// Producers with batches of a transaction that was not aborted.
    committed: BTreeSet<ProducerId>,
    /// Markers of aborted transactions of which batches are still there.
    kept_markers: Vec<Offset>,
}

impl CleanedTransactions {
    /// A pass that will meet these aborted transactions.
    pub(super) fn new(mut aborted: Vec<Aborted>) -> Self {
        aborted.sort_unstable_by_key(|a| core::cmp::Reverse((a.first, a.last)));
        Self { waiting: aborted, ..Self::default() }
    }

    fn meet(&mut self, up_to: Offset) {
        while self.waiting.last().is_some_and(|a| a.first <= up_to) {
            let met = self.waiting.pop().expect("just looked at");
            self.aborted.entry(met.producer).or_insert(false);
        }
    }

    /// A batch of records. Says whether its transaction was aborted.
    pub(super) fn data(&mut self, entry: &LogEntry, body: &Batch) -> bool {
        self.meet(entry.base_offset + (i64::from(body.count) - 1));
        if !body.transactional {
            return false;
        }
        match self.aborted.get_mut(&body.producer_id) {
            Some(seen) => {
                *seen = true;
                true
            }
            None => {
                self.committed.insert(body.producer_id);
                false
            }
        }
    }

    /// A marker. Says whether nothing of its transaction is left before it.
    pub(super) fn marker(&mut self, entry: &LogEntry, batches: &Batches) -> bool {
        let body = batches.get(entry.batch);
        self.meet(entry.base_offset);
        if batches.is_emptied(entry.batch) {
            return true;
        }
        match body.content {
            Content::Marker { commit: false, .. } => {
                let seen = self.aborted.remove(&body.producer_id) == Some(true);
                if seen {
                    self.kept_markers.push(entry.base_offset);
                }
                !seen
            }
            Content::Marker { commit: true, .. } => !self.committed.remove(&body.producer_id),
            Content::Records { .. } | Content::Group { .. } | Content::Transaction { .. } => false,
        }
    }

    /// Markers that the index of aborted transactions must still name, in order.
    pub(super) fn kept_markers(&self) -> &[Offset] {
        &self.kept_markers
    }
}
