//! A snapshot that comes in pieces. Source: KIP-630; Kafka,
//! `KafkaRaftClient.handleFetchSnapshotResponse`.

use alloc::vec::Vec;

use crate::protocol::quorum::{FetchSnapshotRequest, SnapshotId, SnapshotPiece, VoterKey};
use crate::records::{MetadataRecord, MetadataSnapshot};
use crate::types::LeaderEpoch;

/// What has come of a snapshot. It counts when it is whole: until then it is in a file that the
/// end of the process leaves behind, and that the next one deletes.
#[derive(Clone, Debug)]
pub struct Download {
    snapshot: SnapshotId,
    bytes: u64,
    records: Vec<MetadataRecord>,
}

impl Download {
    /// Nothing has come yet.
    #[must_use]
    pub const fn new(snapshot: SnapshotId) -> Self {
        Self { snapshot, bytes: 0, records: Vec::new() }
    }

    /// Asks for the next piece, of at most so many bytes.
    #[must_use]
    pub const fn request(
        &self,
        replica: Option<VoterKey>,
        epoch: LeaderEpoch,
        max_bytes: u64,
    ) -> FetchSnapshotRequest {
        let (snapshot, position) = (self.snapshot, self.bytes);
        FetchSnapshotRequest { replica, epoch, snapshot, position, max_bytes }
    }

    /// Takes in a piece, unless it is another than the next. Gives the snapshot when it is whole.
    pub fn take(&mut self, piece: SnapshotPiece) -> Option<MetadataSnapshot> {
        if (piece.snapshot, piece.position) != (self.snapshot, self.bytes) {
            return None;
        }
        self.bytes += piece.bytes;
        self.records.extend(piece.records);
        (self.bytes == piece.size).then(|| MetadataSnapshot {
            end: self.snapshot.end,
            epoch: self.snapshot.epoch,
            records: core::mem::take(&mut self.records),
        })
    }
}
