//! Idempotent and transactional producers.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::ErrorCode;
use super::group::CommittedOffset;
use crate::types::{
    CoordinatorEpoch, Duration, GenerationId, GroupId, MemberId, Offset, PartitionId,
    ProducerEpoch, ProducerId, Timestamp, TransactionalId,
};

/// A producer id with its epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProducerIdAndEpoch {
    /// The producer id.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
}

impl ProducerIdAndEpoch {
    /// No producer id.
    pub const NONE: Self = Self { id: ProducerId::NONE, epoch: ProducerEpoch::NONE };
}

/// `InitProducerId`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InitProducerIdRequest {
    /// `None` for a producer that is only idempotent.
    pub transactional_id: Option<TransactionalId>,
    /// `transaction.timeout.ms` in nanoseconds.
    pub transaction_timeout: Duration,
    /// What the producer has already (KIP-360), else `NONE`.
    pub producer: ProducerIdAndEpoch,
    /// From version 6 on: the transactions are those of an external coordinator (KIP-939).
    pub two_phase: bool,
    /// From version 6 on: a prepared transaction is to be kept (KIP-939).
    pub keep_prepared: bool,
}

/// Answer to `InitProducerId`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InitProducerIdResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The id and epoch to use.
    pub producer: ProducerIdAndEpoch,
}

/// `AddPartitionsToTxn`, of a client for its own transaction (v3) or of a broker for all that wait
/// there (v4 and later, KIP-890).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddPartitionsToTxnRequest {
    /// The transactions, each once.
    pub transactions: Vec<TransactionPartitions>,
}

impl From<TransactionPartitions> for AddPartitionsToTxnRequest {
    fn from(transaction: TransactionPartitions) -> Self {
        Self { transactions: vec![transaction] }
    }
}

/// Partitions that are added to one transaction, or asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionPartitions {
    /// Whose transaction.
    pub transactional_id: TransactionalId,
    /// The producer.
    pub producer: ProducerIdAndEpoch,
    /// Only ask whether the partitions belong to the transaction.
    pub verify_only: bool,
    /// The partitions.
    pub partitions: Vec<PartitionId>,
}

/// Answer to `AddPartitionsToTxn`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddPartitionsToTxnResponse {
    /// Each transaction of the request, in the order in which they were done.
    pub results: Vec<TransactionResult>,
}

impl AddPartitionsToTxnResponse {
    /// Every partition with its error: of a client's request, which is about one transaction, in
    /// order of the request.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionId, ErrorCode)> + '_ {
        self.results.iter().flat_map(|result| result.partitions.iter().copied())
    }
}

impl From<TransactionResult> for AddPartitionsToTxnResponse {
    fn from(result: TransactionResult) -> Self {
        Self { results: vec![result] }
    }
}

/// What became of the partitions of one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionResult {
    /// Whose transaction.
    pub transactional_id: TransactionalId,
    /// Each partition with its error, in order of the request.
    pub partitions: Vec<(PartitionId, ErrorCode)>,
}

/// `AddOffsetsToTxn` (protocol v1; v2 registers implicitly).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddOffsetsToTxnRequest {
    /// Whose transaction.
    pub transactional_id: TransactionalId,
    /// The producer.
    pub producer: ProducerIdAndEpoch,
    /// The group whose offsets will be committed.
    pub group: GroupId,
}

/// Answer to `AddOffsetsToTxn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddOffsetsToTxnResponse {
    /// The error, or none.
    pub error: ErrorCode,
}

/// `TxnOffsetCommit`, answered by the group coordinator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxnOffsetCommitRequest {
    /// Whose transaction.
    pub transactional_id: TransactionalId,
    /// The producer.
    pub producer: ProducerIdAndEpoch,
    /// The group.
    pub group: GroupId,
    /// The member (KIP-447), `MemberId(0)` if not said.
    pub member: MemberId,
    /// `group.instance.id` of a static member (KIP-447), if said.
    pub instance: Option<String>,
    /// The generation (KIP-447), -1 if not said.
    pub generation: GenerationId,
    /// What to commit.
    pub offsets: Vec<CommittedOffset>,
}

/// Answer to `TxnOffsetCommit`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TxnOffsetCommitResponse {
    /// Each partition with its error, in order of the request.
    pub partitions: Vec<(PartitionId, ErrorCode)>,
}

/// `EndTxn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndTxnRequest {
    /// Whose transaction.
    pub transactional_id: TransactionalId,
    /// The producer.
    pub producer: ProducerIdAndEpoch,
    /// Commit, else abort.
    pub commit: bool,
}

/// Answer to `EndTxn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndTxnResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The id and epoch for the next transaction (v5, KIP-890), else `NONE`.
    pub producer: ProducerIdAndEpoch,
}

/// `WriteTxnMarkers`, from a transaction coordinator to a partition leader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteTxnMarkersRequest {
    /// The markers to write.
    pub markers: Vec<TxnMarker>,
}

/// The end of one transaction on some partitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxnMarker {
    /// The producer, with the epoch the marker carries.
    pub producer: ProducerIdAndEpoch,
    /// Commit, else abort.
    pub commit: bool,
    /// The coordinator's epoch, which fences older coordinators.
    pub coordinator_epoch: CoordinatorEpoch,
    /// Whether the transaction ran under protocol v2.
    pub v2: bool,
    /// Where to write.
    pub partitions: Vec<PartitionId>,
}

/// Answer to `WriteTxnMarkers`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteTxnMarkersResponse {
    /// For each marker its producer, and each partition's error.
    pub markers: Vec<(ProducerId, Vec<(PartitionId, ErrorCode)>)>,
}

/// `DescribeProducers` of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DescribeProducersRequest {
    /// The partition.
    pub partition: PartitionId,
}

/// Answer to `DescribeProducers`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribeProducersResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// The producers the partition knows, in order of id.
    pub producers: Vec<ProducerDescription>,
}

/// A producer as its partition knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerDescription {
    /// Id and epoch.
    pub producer: ProducerIdAndEpoch,
    /// Last sequence, -1 if none.
    pub last_sequence: i32,
    /// Timestamp of its last batch, -1 if none.
    pub last_timestamp: Timestamp,
    /// Epoch of the coordinator that wrote its last marker, -1 if there was none.
    pub coordinator_epoch: CoordinatorEpoch,
    /// Start of the open transaction, -1 if none.
    pub txn_start_offset: Offset,
}

/// `DescribeTransactions` of one transactional id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DescribeTransactionsRequest {
    /// The transactional id.
    pub transactional_id: TransactionalId,
}

/// Answer to `DescribeTransactions`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribeTransactionsResponse {
    /// The error, or none.
    pub error: ErrorCode,
    /// Kafka's name of the state, empty with an error.
    pub state: &'static str,
    /// The producer.
    pub producer: ProducerIdAndEpoch,
    /// `transaction.timeout.ms` in nanoseconds.
    pub timeout: Duration,
    /// The partitions of the open transaction, in order.
    pub partitions: Vec<PartitionId>,
}
