//! What the controllers of a quorum ask each other. Source: KIP-595, KIP-853, KIP-996.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::ErrorCode;
use crate::records::{MetadataRecord, MetadataSnapshot};
use crate::types::{DirectoryId, LeaderEpoch, NodeId};

/// Bytes of a record of the metadata log. An estimate: Kafka's partition records take 60 to 150.
pub const RECORD_BYTES: u64 = 100;

/// A voter (KIP-853): a controller together with the directory that remembers its votes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct VoterKey {
    /// The controller.
    pub node: NodeId,
    /// Its metadata log directory.
    pub directory: DirectoryId,
}

/// Who leads the quorum in which epoch, as an answer tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuorumLeader {
    /// The epoch of the quorum.
    pub epoch: LeaderEpoch,
    /// Its leader, if known.
    pub leader: Option<NodeId>,
}

/// `Vote`: a controller asks for a vote, or whether it would be given one (KIP-996).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoteRequest {
    /// Who asks.
    pub candidate: VoterKey,
    /// Who is asked, with the directory that the candidate knows it by.
    pub voter: VoterKey,
    /// The epoch to lead in; of a pre-vote, the epoch before it.
    pub epoch: LeaderEpoch,
    /// Epoch of the candidate's last record.
    pub last_epoch: LeaderEpoch,
    /// End of the candidate's log.
    pub end: u64,
    /// A question only: nobody is bound by the answer.
    pub pre_vote: bool,
}

/// Answer to `Vote`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoteResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// What the voter knows.
    pub known: QuorumLeader,
    /// The vote.
    pub granted: bool,
}

/// `BeginQuorumEpoch`: a leader makes itself known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BeginQuorumEpochRequest {
    /// The leader.
    pub leader: NodeId,
    /// Its epoch.
    pub epoch: LeaderEpoch,
}

/// Answer to `BeginQuorumEpoch`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BeginQuorumEpochResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// What the voter knows.
    pub known: QuorumLeader,
}

/// `EndQuorumEpoch`: a leader resigns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndQuorumEpochRequest {
    /// Who led.
    pub leader: NodeId,
    /// The epoch that ends.
    pub epoch: LeaderEpoch,
    /// The others by the ends of their logs, the longest first: who shall try first.
    pub successors: Vec<NodeId>,
}

/// Answer to `EndQuorumEpoch`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndQuorumEpochResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// What the voter knows.
    pub known: QuorumLeader,
}

/// A controller's `Fetch` of the metadata log from the leader. Brokers ask by
/// [`super::controller::FetchMetadataRequest`] for what is committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchQuorumRequest {
    /// Who asks.
    pub replica: VoterKey,
    /// The epoch it knows.
    pub epoch: LeaderEpoch,
    /// First record wanted: the end of its log, which is durable up to there.
    pub from: u64,
    /// Epoch of the record before it, -1 at the head of the log.
    pub last_epoch: LeaderEpoch,
    /// The high watermark it knows (KIP-1166).
    pub high_watermark: u64,
}

/// Answer to a controller's `Fetch`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchQuorumResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// What the one asked knows.
    pub known: QuorumLeader,
    /// Offset of the first record.
    pub from: u64,
    /// The leader's high watermark, 0 while it knows none.
    pub high_watermark: u64,
    /// The logs part: the largest epoch up to the asked one, and where it ends at the leader.
    pub diverging: Option<Box<(LeaderEpoch, u64)>>,
    /// What to begin with instead, by [`FetchSnapshotRequest`].
    pub snapshot: Option<Box<SnapshotId>>,
    /// The records, each with its epoch.
    pub records: Vec<(LeaderEpoch, MetadataRecord)>,
}

/// Which snapshot of the metadata log (KIP-630).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotId {
    /// Everything before this offset is in it.
    pub end: u64,
    /// Epoch of the last record before that.
    pub epoch: LeaderEpoch,
}

impl SnapshotId {
    /// Which one it is.
    #[must_use]
    pub const fn of(snapshot: &MetadataSnapshot) -> Self {
        Self { end: snapshot.end, epoch: snapshot.epoch }
    }
}

/// `FetchSnapshot`: a controller or broker asks the leader for a piece of a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchSnapshotRequest {
    /// Who asks, if it is a controller: its leader hears from it.
    pub replica: Option<VoterKey>,
    /// The epoch it knows.
    pub epoch: LeaderEpoch,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Bytes that it has already.
    pub position: u64,
    /// Bytes wanted, at most; at least one.
    pub max_bytes: u64,
}

/// Answer to `FetchSnapshot`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchSnapshotResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// What the one asked knows.
    pub known: QuorumLeader,
    /// The piece, unless there is an error.
    pub piece: Option<Box<SnapshotPiece>>,
}

/// A stretch of a snapshot. Pieces are cut by bytes: a record comes with the piece that its last
/// byte is in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotPiece {
    /// Of this snapshot.
    pub snapshot: SnapshotId,
    /// Bytes of the whole snapshot.
    pub size: u64,
    /// Where the piece begins.
    pub position: u64,
    /// Bytes of the piece.
    pub bytes: u64,
    /// The records that end in it.
    pub records: Vec<MetadataRecord>,
}
