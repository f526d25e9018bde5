//! The aborted-transaction index. Source: KIP-98.

use alloc::vec::Vec;

use crate::protocol::fetch::AbortedTransaction;
use crate::types::{Offset, ProducerId};

/// Aborted transactions of a log, in order of their markers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AbortedIndex {
    entries: Vec<Aborted>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Aborted {
    pub(super) producer: ProducerId,
    pub(super) first: Offset,
    /// Offset of the marker.
    pub(super) last: Offset,
    /// The last stable offset after the marker: no later entry begins before it.
    last_stable: Offset,
}

impl AbortedIndex {
    pub(super) fn push(
        &mut self,
        producer: ProducerId,
        first: Offset,
        last: Offset,
        last_stable: Offset,
    ) {
        self.entries.push(Aborted { producer, first, last, last_stable });
    }

    /// Transactions that overlap `from..upper`, appended to `out` in order of their markers.
    pub fn collect(&self, from: Offset, upper: Offset, out: &mut Vec<AbortedTransaction>) {
        let first = self.entries.partition_point(|a| a.last < from);
        for aborted in &self.entries[first..] {
            if aborted.first < upper {
                out.push(AbortedTransaction {
                    producer_id: aborted.producer,
                    first_offset: aborted.first,
                });
            }
            if aborted.last_stable >= upper {
                break;
            }
        }
    }

    /// Every transaction that begins below `end` and has its marker at `from` or behind.
    pub(super) fn within(&self, from: Offset, end: Offset) -> Vec<Aborted> {
        self.entries.iter().filter(|a| a.first < end && a.last >= from).copied().collect()
    }

    /// Of transactions whose markers are below `end`, keeps those whose marker is told to stay.
    pub(super) fn retain_before(&mut self, end: Offset, stays: impl Fn(Offset) -> bool) {
        self.entries.retain(|a| a.last >= end || stays(a.last));
    }

    /// Offset of the last marker in the index.
    pub(super) fn last_marker(&self) -> Option<Offset> {
        self.entries.last().map(|a| a.last)
    }

    pub(super) fn truncate_from_end(&mut self, end: Offset) {
        let keep = self.entries.partition_point(|a| a.last < end);
        self.entries.truncate(keep);
    }

    pub(super) fn truncate_from_start(&mut self, start: Offset) {
        let gone = self.entries.partition_point(|a| a.last < start);
        self.entries.drain(..gone);
    }

    /// How many transactions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
