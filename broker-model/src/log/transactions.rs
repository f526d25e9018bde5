//! Transactions that hold back the last stable offset.

use alloc::vec::Vec;

use crate::types::{Offset, ProducerId};

/// Open transactions, and ended ones whose marker is not yet below the high watermark.
/// Both lists are as short as there are concurrent producers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Transactions {
    /// First offset and producer, in order of first offset.
    ongoing: Vec<(Offset, ProducerId)>,
    /// First offset and offset of the marker, in order of the marker.
    unreplicated: Vec<(Offset, Offset)>,
}

impl Transactions {
    pub(super) fn begin(&mut self, producer: ProducerId, first: Offset) {
        assert!(
            self.ongoing.last().is_none_or(|o| o.0 < first),
            "transactions begin in order of offset"
        );
        self.ongoing.push((first, producer));
    }

    /// Ends the transaction that began at `first`. Gives the last stable offset that holds
    /// right after the marker, were all replicated.
    pub(super) fn end(&mut self, first: Offset, marker: Offset) -> Offset {
        let at = self
            .ongoing
            .binary_search_by_key(&first, |o| o.0)
            .expect("a transaction that ends has begun");
        self.ongoing.remove(at);
        self.unreplicated.push((first, marker));
        self.ongoing.first().map_or(marker + 1, |o| o.0)
    }

    pub(super) fn on_high_watermark(&mut self, high_watermark: Offset) {
        if !self.unreplicated.is_empty() {
            self.unreplicated.retain(|u| u.1 >= high_watermark);
        }
    }

    pub(super) fn first_unstable(&self) -> Option<Offset> {
        let ongoing = self.ongoing.first().map(|o| o.0);
        let unreplicated = self.unreplicated.iter().map(|u| u.0).min();
        match (ongoing, unreplicated) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Open transactions as a snapshot of producer states tells them.
    pub(super) fn reset(&mut self, mut ongoing: Vec<(Offset, ProducerId)>) {
        ongoing.sort_unstable();
        self.ongoing = ongoing;
        self.unreplicated.clear();
    }
}
