//! Produce and `DeleteRecords`.

use alloc::vec::Vec;

use super::ErrorCode;
use crate::types::{
    BatchId, Duration, LeaderEpoch, NodeId, Offset, PartitionId, Timestamp, TransactionalId,
};

/// The `acks` of a produce request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Acks {
    /// `0`: no reply is sent, ever.
    None,
    /// `1`: the leader's append is enough.
    Leader,
    /// `all` (-1): the high watermark must pass the batch.
    #[default]
    All,
}

/// Produce: at most one batch for each partition.
#[derive(Clone, PartialEq, Debug)]
pub struct ProduceRequest {
    /// `transactional_id`, if the batches are transactional.
    pub transactional_id: Option<TransactionalId>,
    /// `acks`.
    pub acks: Acks,
    /// `timeout_ms`: how long the leader waits for replication, in nanoseconds.
    pub timeout: Duration,
    /// The batches.
    pub partitions: Vec<ProducePartition>,
}

/// One partition of a produce request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducePartition {
    /// Where to append; [`PartitionId::UNKNOWN`] for a topic nobody created.
    pub partition: PartitionId,
    /// What to append.
    pub batch: BatchId,
}

/// Answer to Produce.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProduceResponse {
    /// For how long the client is throttled, 0 for not at all.
    pub throttle_time: Duration,
    /// One entry for each partition of the request, in its order.
    pub partitions: Vec<ProducedPartition>,
}

/// One partition of a produce response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducedPartition {
    /// The partition.
    pub partition: PartitionId,
    /// The error, or none.
    pub error: ErrorCode,
    /// First offset of the batch, -1 if not appended.
    pub base_offset: Offset,
    /// Set for a duplicate batch and for topics with `LogAppendTime`, else -1.
    pub log_append_time: Timestamp,
    /// The log start offset, -1 where Kafka does not fill it.
    pub log_start_offset: Offset,
    /// The leader the broker knows, with errors that say "not the leader" (KIP-951).
    pub current_leader: Option<(NodeId, LeaderEpoch)>,
}

/// `DeleteRecords`: move the log start offset of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeleteRecordsRequest {
    /// The partition.
    pub partition: PartitionId,
    /// Everything before goes; [`Offset::NONE`] is the high watermark.
    pub before: Offset,
    /// How long to wait for the followers, in nanoseconds.
    pub timeout: Duration,
}

/// Answer to `DeleteRecords`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeleteRecordsResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The new log start offset, -1 with an error.
    pub low_watermark: Offset,
}
