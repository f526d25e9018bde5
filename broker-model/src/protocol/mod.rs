//! Requests and responses as plain values: Kafka's fields, without bytes.
//!
//! Sizes on the wire are computed, see [`Request::wire_bytes`].

pub mod consumer_group;
pub mod controller;
pub mod coordinator;
mod error_code;
mod error_names;
pub mod fetch;
pub mod group;
pub mod group_admin;
mod group_protocol;
pub mod metadata;
pub mod produce;
pub mod quorum;
pub mod refusal;
pub mod txn;
pub mod versions;

pub use error_code::ErrorCode;

use alloc::boxed::Box;
use alloc::rc::Rc;

use crate::records::Batches;
use crate::types::Duration;

/// What travels beside every request. Source: protocol guide, "Request Header".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// `request_api_version`. Rules that differ by version read it (transactions v2, KIP-890).
    pub api_version: i16,
    /// The host that sends, for quotas, fetch sessions and member ids.
    pub client: u32,
}

macro_rules! protocol {
    ($($(#[$doc:meta])* $name:ident($request:ty, $response:ty)),* $(,)?) => {
        /// A request to a broker or a controller.
        #[derive(Clone, PartialEq, Debug)]
        #[expect(missing_docs, reason = "each variant carries a documented struct of its own name")]
        pub enum Request { $($name($request)),* }

        /// The answer to the request of the same name.
        #[derive(Clone, PartialEq, Debug)]
        #[expect(missing_docs, reason = "each variant carries a documented struct of its own name")]
        pub enum Response { $($name($response)),* }

        /// A request's kind, for costs, counters and notes.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[expect(missing_docs, reason = "named as the request")]
        pub enum ApiKey { $($name),* }

        impl Request {
            /// The kind of this request.
            #[must_use]
            pub const fn api_key(&self) -> ApiKey {
                match self { $(Self::$name(_) => ApiKey::$name),* }
            }
        }

        impl Response {
            /// The kind of request this answers.
            #[must_use]
            pub const fn api_key(&self) -> ApiKey {
                match self { $(Self::$name(_) => ApiKey::$name),* }
            }
        }

        impl ApiKey {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// Kafka's name of this API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

protocol! {
    Produce(produce::ProduceRequest, produce::ProduceResponse),
    Fetch(fetch::FetchRequest, fetch::FetchResponse),
    ListOffsets(fetch::ListOffsetsRequest, fetch::ListOffsetsResponse),
    OffsetForLeaderEpoch(fetch::OffsetForLeaderEpochRequest, fetch::OffsetForLeaderEpochResponse),
    DeleteRecords(produce::DeleteRecordsRequest, produce::DeleteRecordsResponse),
    Metadata(metadata::MetadataRequest, Rc<metadata::MetadataResponse>),
    FindCoordinator(coordinator::FindCoordinatorRequest, coordinator::FindCoordinatorResponse),
    // Boxed, because it is large and rare: what every request takes is moved from hand to hand.
    JoinGroup(Box<group::JoinGroupRequest>, group::JoinGroupResponse),
    SyncGroup(group::SyncGroupRequest, group::SyncGroupResponse),
    Heartbeat(group::HeartbeatRequest, group::HeartbeatResponse),
    LeaveGroup(group::LeaveGroupRequest, group::LeaveGroupResponse),
    OffsetCommit(group::OffsetCommitRequest, group::OffsetCommitResponse),
    OffsetFetch(group::OffsetFetchRequest, group::OffsetFetchResponse),
    DescribeGroups(group_admin::DescribeGroupsRequest, Box<group_admin::DescribeGroupsResponse>),
    ListGroups(group_admin::ListGroupsRequest, group_admin::ListGroupsResponse),
    DeleteGroups(group_admin::DeleteGroupsRequest, group_admin::DeleteGroupsResponse),
    OffsetDelete(group_admin::OffsetDeleteRequest, group_admin::OffsetDeleteResponse),
    ConsumerGroupHeartbeat(Box<consumer_group::ConsumerGroupHeartbeatRequest>, consumer_group::ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(consumer_group::ConsumerGroupDescribeRequest, consumer_group::ConsumerGroupDescribeResponse),
    InitProducerId(txn::InitProducerIdRequest, txn::InitProducerIdResponse),
    AddPartitionsToTxn(txn::AddPartitionsToTxnRequest, txn::AddPartitionsToTxnResponse),
    AddOffsetsToTxn(txn::AddOffsetsToTxnRequest, txn::AddOffsetsToTxnResponse),
    TxnOffsetCommit(txn::TxnOffsetCommitRequest, txn::TxnOffsetCommitResponse),
    EndTxn(txn::EndTxnRequest, txn::EndTxnResponse),
    WriteTxnMarkers(txn::WriteTxnMarkersRequest, txn::WriteTxnMarkersResponse),
    DescribeProducers(txn::DescribeProducersRequest, txn::DescribeProducersResponse),
    DescribeTransactions(txn::DescribeTransactionsRequest, txn::DescribeTransactionsResponse),
    BrokerRegistration(controller::BrokerRegistrationRequest, controller::BrokerRegistrationResponse),
    BrokerHeartbeat(controller::BrokerHeartbeatRequest, controller::BrokerHeartbeatResponse),
    AlterPartition(controller::AlterPartitionRequest, controller::AlterPartitionResponse),
    FetchMetadata(controller::FetchMetadataRequest, controller::FetchMetadataResponse),
    AllocateProducerIds(controller::AllocateProducerIdsRequest, controller::AllocateProducerIdsResponse),
    AssignReplicasToDirs(controller::AssignReplicasToDirsRequest, controller::AssignReplicasToDirsResponse),
    CreateTopics(controller::CreateTopicRequest, controller::CreateTopicResponse),
    ElectLeaders(controller::ElectLeadersRequest, controller::ElectLeadersResponse),
    AlterPartitionReassignments(controller::AlterPartitionReassignmentsRequest, controller::AlterPartitionReassignmentsResponse),
    DeleteTopics(controller::DeleteTopicRequest, controller::DeleteTopicResponse),
    CreatePartitions(controller::CreatePartitionsRequest, controller::CreatePartitionsResponse),
    AlterClientQuotas(controller::AlterClientQuotasRequest, controller::AlterClientQuotasResponse),
    IncrementalAlterConfigs(controller::AlterConfigsRequest, controller::AlterConfigsResponse),
    Vote(quorum::VoteRequest, quorum::VoteResponse),
    BeginQuorumEpoch(quorum::BeginQuorumEpochRequest, quorum::BeginQuorumEpochResponse),
    EndQuorumEpoch(quorum::EndQuorumEpochRequest, quorum::EndQuorumEpochResponse),
    FetchQuorum(quorum::FetchQuorumRequest, quorum::FetchQuorumResponse),
    FetchSnapshot(quorum::FetchSnapshotRequest, quorum::FetchSnapshotResponse),
}

/// Larger ones are moved by a call of `memcpy`, some ten times on their way.
const _: () = assert!(size_of::<Request>() <= 112 && size_of::<Response>() <= 80);

/// Bytes of a request or response beside its batches: headers and small fields. An estimate
/// for the bandwidth of links, not a wire format.
const FRAME_BYTES: u64 = 64;
/// Bytes of a partition's entry in a produce or fetch message. An estimate, as above.
pub(crate) const PARTITION_BYTES: u64 = 48;

/// Bytes of a transaction beside its partitions. An estimate, as above.
const fn per_transaction(count: usize) -> u64 {
    64 * count as u64
}

/// Bytes of the partitions of a request or response.
const fn per_partition(count: usize) -> u64 {
    PARTITION_BYTES * count as u64
}

impl Request {
    /// Estimated bytes on the wire, batches included.
    #[must_use]
    pub fn wire_bytes(&self, batches: &Batches) -> u64 {
        match self {
            Self::Produce(r) => produce_bytes(r, batches),
            Self::Fetch(r) => FRAME_BYTES + per_partition(r.partitions.len() + r.forgotten.len()),
            Self::OffsetCommit(r) => FRAME_BYTES + per_partition(r.offsets.len()),
            Self::TxnOffsetCommit(r) => FRAME_BYTES + per_partition(r.offsets.len()),
            Self::AddPartitionsToTxn(r) => {
                let partitions = r.transactions.iter().map(|t| t.partitions.len());
                FRAME_BYTES
                    + per_transaction(r.transactions.len())
                    + per_partition(partitions.sum())
            }
            _ => FRAME_BYTES * 2,
        }
    }
}

/// Estimated bytes of a produce on the wire, batches included.
#[must_use]
pub fn produce_bytes(request: &produce::ProduceRequest, batches: &Batches) -> u64 {
    let partitions = &request.partitions;
    let data: u64 = partitions.iter().map(|p| u64::from(batches.get(p.batch).bytes)).sum();
    FRAME_BYTES + PARTITION_BYTES * partitions.len() as u64 + data
}

/// Estimated bytes of the answer to a fetch, batches included.
#[must_use]
pub fn fetch_bytes(response: &fetch::FetchResponse) -> u64 {
    FRAME_BYTES + PARTITION_BYTES * response.partitions.len() as u64 + response.bytes
}

impl Response {
    /// For how long the connection is not read after this answer (KIP-219).
    #[must_use]
    pub const fn throttle_time(&self) -> Duration {
        match self {
            Self::Produce(r) => r.throttle_time,
            Self::Fetch(r) => r.throttle_time,
            Self::CreateTopics(r) => r.throttle_time,
            _ => 0,
        }
    }

    /// Estimated bytes on the wire, batches included.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        match self {
            Self::Fetch(r) => fetch_bytes(r),
            Self::Produce(r) => FRAME_BYTES + per_partition(r.partitions.len()),
            Self::AddPartitionsToTxn(r) => {
                let partitions = r.partitions().count();
                FRAME_BYTES + per_transaction(r.results.len()) + per_partition(partitions)
            }
            Self::Metadata(r) => FRAME_BYTES + per_partition(r.partitions.len()),
            Self::FetchQuorum(r) => FRAME_BYTES * 2 + quorum::RECORD_BYTES * r.records.len() as u64,
            Self::FetchSnapshot(r) => FRAME_BYTES * 2 + r.piece.as_ref().map_or(0, |p| p.bytes),
            _ => FRAME_BYTES * 2,
        }
    }
}
