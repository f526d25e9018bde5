//! Fetch, `ListOffsets` and `OffsetForLeaderEpoch`.

use alloc::vec::Vec;

use super::ErrorCode;
use crate::records::LogEntry;
use crate::types::{
    BrokerEpoch, Duration, LeaderEpoch, NodeId, Offset, PartitionId, ProducerId, RackId, Timestamp,
};

/// `isolation.level`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Isolation {
    /// Up to the high watermark.
    #[default]
    ReadUncommitted,
    /// Up to the last stable offset, with the list of aborted transactions.
    ReadCommitted,
}

/// Who fetches as a follower (`replica_id`, `replica_epoch`, KIP-903).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplicaState {
    /// The follower's broker id.
    pub id: NodeId,
    /// The follower's broker epoch; -1 is "not checked".
    pub epoch: BrokerEpoch,
}

/// Fetch. With a session (KIP-227) `partitions` holds only what changed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FetchRequest {
    /// The follower that fetches, `None` for a consumer.
    pub replica: Option<ReplicaState>,
    /// `max_wait_ms` in nanoseconds.
    pub max_wait: Duration,
    /// `min_bytes`.
    pub min_bytes: u32,
    /// `max_bytes` of the whole response.
    pub max_bytes: u32,
    /// `isolation_level`.
    pub isolation: Isolation,
    /// `session_id`, 0 for none yet.
    pub session_id: u32,
    /// `session_epoch`: -1 is sessionless, 0 asks for a new session, then 1, 2, ...
    pub session_epoch: i32,
    /// Partitions to add or update, in order.
    pub partitions: Vec<FetchPartition>,
    /// Partitions to drop from the session.
    pub forgotten: Vec<PartitionId>,
    /// `rack_id` of a consumer (KIP-392).
    pub rack: Option<RackId>,
}

/// One partition of a fetch request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchPartition {
    /// The partition.
    pub partition: PartitionId,
    /// First offset wanted.
    pub fetch_offset: Offset,
    /// The leader epoch the client believes in (KIP-320), if it says.
    pub current_leader_epoch: Option<LeaderEpoch>,
    /// Epoch of the last record the replica holds (KIP-595), if it says.
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// The follower's log start offset, -1 from consumers.
    pub log_start_offset: Offset,
    /// `partition_max_bytes`.
    pub max_bytes: u32,
}

/// Answer to Fetch.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FetchResponse {
    /// For how long the client is throttled, 0 for not at all.
    pub throttle_time: Duration,
    /// Error of the whole request (sessions, throttling).
    pub error: ErrorCode,
    /// The session, 0 if there is none.
    pub session_id: u32,
    /// Partitions with data, news or errors, in Kafka's order.
    pub partitions: Vec<FetchedPartition>,
    /// The placements of all partitions, each partition a range.
    pub entries: Vec<LogEntry>,
    /// Bytes of all batches in `entries`, and of those that are cut.
    pub bytes: u64,
}

/// One partition of a fetch response.
#[derive(Clone, PartialEq, Debug)]
pub struct FetchedPartition {
    /// The partition.
    pub partition: PartitionId,
    /// The error, or none.
    pub error: ErrorCode,
    /// The leader's high watermark, -1 with some errors.
    pub high_watermark: Offset,
    /// The last stable offset, -1 with some errors.
    pub last_stable_offset: Offset,
    /// The log start offset, -1 with some errors.
    pub log_start_offset: Offset,
    /// Where the follower's log parts from the leader's (KIP-595).
    pub diverging: Option<EpochEnd>,
    /// The replica a consumer should fetch from instead (KIP-392).
    pub preferred_read_replica: Option<NodeId>,
    /// The leader the broker knows, with errors that say "not the leader" (KIP-951).
    pub current_leader: Option<(NodeId, LeaderEpoch)>,
    /// Aborted transactions that overlap the data, for `read_committed`.
    pub aborted: Vec<AbortedTransaction>,
    /// Bytes of a further batch that the limit cut; they come and cannot be read.
    pub cut_bytes: u32,
    /// Range of this partition's placements in [`FetchResponse::entries`].
    pub entries: core::ops::Range<u32>,
}

/// A leader epoch and the end of its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochEnd {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// First offset after it.
    pub end_offset: Offset,
}

/// An aborted transaction as the fetch response names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AbortedTransaction {
    /// Whose transaction.
    pub producer_id: ProducerId,
    /// Its first offset in the partition.
    pub first_offset: Offset,
}

/// What `ListOffsets` looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetSpec {
    /// `-1`: the high watermark or last stable offset.
    Latest,
    /// `-2`: the log start offset.
    Earliest,
    /// `-3`: the record with the largest timestamp (KIP-734).
    MaxTimestamp,
    /// `-4`: the local log start offset.
    LocalEarliest,
    /// The first record at or after this time.
    Timestamp(Timestamp),
}

/// `ListOffsets` of some partitions.
#[derive(Clone, PartialEq, Debug)]
pub struct ListOffsetsRequest {
    /// The isolation level, which bounds "latest".
    pub isolation: Isolation,
    /// The follower that asks, `None` for a client.
    pub replica: Option<NodeId>,
    /// The partitions with what each looks for.
    pub partitions: Vec<ListOffsetsPartition>,
}

/// One partition of a `ListOffsets` request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListOffsetsPartition {
    /// The partition.
    pub partition: PartitionId,
    /// The leader epoch the client believes in, if it says.
    pub current_leader_epoch: Option<LeaderEpoch>,
    /// What to look for.
    pub spec: OffsetSpec,
}

/// Answer to `ListOffsets`.
#[derive(Clone, PartialEq, Debug)]
pub struct ListOffsetsResponse {
    /// One entry for each partition, in order of the request.
    pub partitions: Vec<ListedOffset>,
}

/// One partition of a `ListOffsets` response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListedOffset {
    /// The partition.
    pub partition: PartitionId,
    /// The error, or none.
    pub error: ErrorCode,
    /// The offset, -1 if none was found.
    pub offset: Offset,
    /// The epoch at that offset, if known.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The timestamp of the record found, -1 where Kafka gives none.
    pub timestamp: Timestamp,
}

/// `OffsetForLeaderEpoch` of some partitions.
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetForLeaderEpochRequest {
    /// The follower that asks, `None` for a consumer.
    pub replica: Option<NodeId>,
    /// Partition, the leader epoch the client believes in, the epoch asked for.
    pub partitions: Vec<(PartitionId, Option<LeaderEpoch>, LeaderEpoch)>,
}

/// Answer to `OffsetForLeaderEpoch`.
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetForLeaderEpochResponse {
    /// Partition, error, and the end of the largest epoch at or below the asked one.
    pub partitions: Vec<(PartitionId, ErrorCode, Option<EpochEnd>)>,
}
