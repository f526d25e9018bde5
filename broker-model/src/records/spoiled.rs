//! Bodies that bit rot spoiled: the batch is where it was on one replica, and its checksum does
//! not match any more. Whoever checks it turns it away; whoever does not reads what was there.
//!
//! A run without bit rot pays for a look at an empty list.

use super::Batches;
use super::cleaned::Cleaned;
use crate::types::BatchId;

impl Batches {
    /// Whether any body of the run is spoiled.
    #[must_use]
    pub fn any_spoiled(&self) -> bool {
        !self.spoiled.is_empty()
    }

    /// Whether the checksum of a body does not match.
    #[must_use]
    pub fn is_spoiled(&self, id: BatchId) -> bool {
        self.any_spoiled() && self.spoiled.binary_search_by_key(&id, |s| s.0).is_ok()
    }

    /// The body as it was before bit rot.
    #[must_use]
    pub fn unspoiled(&self, id: BatchId) -> BatchId {
        if !self.any_spoiled() {
            return id;
        }
        let found = self.spoiled.binary_search_by_key(&id, |s| s.0);
        found.map_or(id, |at| self.spoiled[at].1)
    }

    /// The same body with a checksum that does not match.
    pub fn push_spoiled(&mut self, id: BatchId) -> BatchId {
        let was = self.unspoiled(id);
        let cleaned = self.cleaned(was).cloned();
        let spoiled = self.push_existing(*self.get(was));
        self.compressed_as(spoiled, was);
        self.spoiled.push((spoiled, was));
        self.cleaned.extend(cleaned.map(|cleaned| Cleaned { id: spoiled, ..cleaned }));
        spoiled
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Batches, NewBatch};
    use crate::types::{RecordId, Timestamp};

    #[test]
    fn a_spoiled_body_holds_what_it_held_and_is_known() {
        let mut batches = Batches::new();
        let sent = batches.push_records(NewBatch::plain(70, Timestamp(9)), &[RecordId(4)]);
        assert!(!batches.any_spoiled() && !batches.is_spoiled(sent));
        let spoiled = batches.push_spoiled(sent);
        assert!(batches.is_spoiled(spoiled) && !batches.is_spoiled(sent));
        assert_eq!(batches.records(spoiled), batches.records(sent));
        assert_eq!((batches.unspoiled(spoiled), batches.origin(spoiled)), (sent, sent));
        let twice = batches.push_spoiled(spoiled);
        assert_eq!(batches.unspoiled(twice), sent);
    }
}
