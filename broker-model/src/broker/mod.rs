//! The broker: one machine that leads, follows and coordinates.
//!
//! Use: `start`, then `handle` every input, carry out the outputs, and wake it with
//! `Input::Tick` at `next_deadline`. `stop` ends the process and leaves in place what
//! survives, so that `start` works again.
//!
//! Work per input is in proportion to what the input touches: partitions named by a request
//! or with news since the last one, never all partitions.

mod add_partitions;
mod append;
mod calls;
mod cleaner;
mod client_metadata;
mod coordinator_queues;
mod coordinators;
mod delete_records;
mod describe_producers;
mod directories;
mod dynamic;
mod fetch;
mod forward;
mod historic_truncation;
mod isr;
mod lifecycle;
mod linger;
mod list_offsets;
mod locate;
mod log_tasks;
mod markers;
mod produce;
mod produce_purgatory;
mod producer_ids;
mod quotas;
mod rate;
mod reading;
mod recovery;
mod replica_fetcher;
mod replicas;
mod replication_throttles;
mod roles;
mod snapshot;
mod stop;
mod verification;

pub use client_metadata::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC, internal_topic};

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::config::BrokerConfig;
use crate::fetch::Sessions;
use crate::io::{Context, Disconnected, Input, Output, Tag, Token};
use crate::metadata::Image;
use crate::partition::Replica;
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::replication::Fetchers;
use crate::types::{BrokerEpoch, Instant, NodeId, PartitionId, RackId};
use calls::{Call, Calls};
use coordinators::Coordinators;
use delete_records::Deletes;
use fetch::Pass;
use forward::Forwards;
use isr::IsrChanges;
use lifecycle::{Lifecycle, Phase};
use markers::Markers;
use produce_purgatory::Acks;
use quotas::Quotas;
use replicas::Replicas;
use replication_throttles::ReplicationThrottles;
use verification::Verifications;

/// Unwraps the answer to a request of this kind. Another kind is a bug in the world.
macro_rules! expected {
    ($result:expr, $kind:ident) => {
        match $result {
            Ok(Response::$kind(response)) => Ok(response),
            Ok(other) => panic!("{} answered by {:?}", stringify!($kind), other.api_key()),
            Err(disconnected) => Err(disconnected),
        }
    };
}

/// Tokens with this bit are the broker's own: answers to requests it asked itself.
/// The world's tokens stay below.
const OWN_TOKEN: u64 = 1 << 63;

/// A Kafka broker.
#[derive(Clone, Debug)]
pub struct Broker {
    node: NodeId,
    rack: Option<RackId>,
    config: BrokerConfig,
    life: Lifecycle,
    image: Image,
    /// What clients were told of it.
    told: client_metadata::Told,
    /// Next offset of the metadata log.
    metadata_offset: u64,
    replicas: Replicas,
    calls: Calls,
    forwards: Forwards,
    sessions: Sessions,
    acks: Acks,
    fetchers: Fetchers,
    isr: IsrChanges,
    coordinators: Coordinators,
    markers: Markers,
    verifications: Verifications,
    deletes: Deletes,
    quotas: Quotas,
    replication_throttles: ReplicationThrottles,
    /// Partitions whose high watermark or last stable offset moved during this input.
    moved: VecDeque<PartitionId>,
    /// What the fetch in hand found.
    pass: Pass,
    /// Partitions whose follower told its log start offset, while deletions wait for it.
    told_starts: Vec<PartitionId>,
}

impl Broker {
    /// A broker that has never run. `node` is not the id of any other node.
    #[must_use]
    pub fn new(node: NodeId, rack: Option<RackId>, config: BrokerConfig) -> Self {
        Self {
            node,
            rack,
            coordinators: Coordinators::new(node, &config),
            replicas: Replicas::new(node, &config),
            replication_throttles: ReplicationThrottles::new(&config),
            config,
            life: Lifecycle::new(),
            image: Image::default(),
            told: client_metadata::Told::default(),
            metadata_offset: 0,
            calls: Calls::default(),
            forwards: Forwards::default(),
            sessions: Sessions::default(),
            acks: Acks::default(),
            fetchers: Fetchers::default(),
            isr: IsrChanges::default(),
            markers: Markers::default(),
            verifications: Verifications::default(),
            deletes: Deletes::default(),
            quotas: Quotas::default(),
            moved: VecDeque::new(),
            pass: Pass::default(),
            told_starts: Vec::new(),
        }
    }

    /// Names the controllers (`controller.quorum.voters`), tried in order.
    #[must_use]
    pub fn with_controllers(mut self, controllers: Vec<NodeId>) -> Self {
        self.life.controllers = controllers;
        self
    }

    /// Its `node.id`.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Its configuration.
    #[must_use]
    pub const fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// Whether this process is registered with the controller.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        matches!(self.life.phase, Phase::Running | Phase::ShuttingDown)
    }

    /// Its replica of a partition, leader or follower.
    #[must_use]
    pub fn replica(&self, partition: PartitionId) -> Option<&Replica> {
        self.replicas.get(partition)
    }

    /// Its replicas in order of partition.
    pub fn replicas(&self) -> impl Iterator<Item = (PartitionId, &Replica)> {
        self.replicas.iter()
    }

    /// The cluster as it knows it.
    #[must_use]
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// How far it has applied the metadata log: the next offset it wants.
    #[must_use]
    pub const fn metadata_offset(&self) -> u64 {
        self.metadata_offset
    }

    /// The epoch of its registration, -1 before.
    #[must_use]
    pub const fn broker_epoch(&self) -> BrokerEpoch {
        self.life.broker_epoch
    }

    /// Whether the controller keeps clients and leaderships away from it, as it last heard.
    #[must_use]
    pub const fn is_fenced(&self) -> bool {
        self.life.fenced
    }

    /// Whether it accepts connections: from when it was first unfenced until its process ends.
    #[must_use]
    pub const fn is_listening(&self) -> bool {
        self.life.is_listening()
    }

    /// The broker epoch of which the last process that loaded the logs says that it ended in
    /// order; -1 if it did not.
    #[must_use]
    pub const fn clean_epoch(&self) -> BrokerEpoch {
        self.life.previous_epoch
    }

    /// Whether its process runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.life.phase != Phase::Stopped
    }

    /// The group coordinator.
    #[must_use]
    pub const fn groups(&self) -> &crate::group::GroupCoordinator {
        &self.coordinators.groups
    }

    /// The transaction coordinator.
    #[must_use]
    pub const fn transactions(&self) -> &crate::txn::TransactionCoordinator {
        &self.coordinators.transactions
    }

    /// When it wants [`Input::Tick`], at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        if self.life.phase == Phase::Stopped {
            return Instant::FAR;
        }
        self.life
            .next_deadline()
            .min(self.sessions.next_due().unwrap_or(Instant::FAR))
            .min(self.acks.next_deadline())
            .min(self.fetchers.next_due().unwrap_or(Instant::FAR))
            .min(self.isr.next_deadline())
            .min(self.forwards.next_deadline())
            .min(self.coordinators.next_deadline())
            .min(self.markers.next_deadline())
            .min(self.replicas.next_deadline())
            .min(self.deletes.next_deadline())
            .min(self.verifications.next_deadline())
    }

    /// Takes one input. Outputs and notes go to `cx`.
    pub fn handle(&mut self, cx: &mut Context<'_>, input: Input) {
        if self.life.phase == Phase::Stopped {
            return;
        }
        match input {
            Input::Request { token, header, request } => self.request(cx, token, header, request),
            Input::Response { tag, from, result } => self.response(cx, tag, from, result),
            Input::Flushed { partition, end } => self.flushed(cx.now.instant, partition, end),
            Input::Recovered => self.recovered(cx),
            Input::Cleaned { partition } => self.cleaned(cx, partition),
            Input::ControlledShutdown => self.controlled_shutdown(cx),
            Input::Tick => self.tick(cx),
        }
        self.settle(cx);
    }

    fn request(&mut self, cx: &mut Context<'_>, token: Token, header: Header, request: Request) {
        match request {
            Request::Produce(r) => {
                self.count_produce(cx, token, header, &r);
                self.produce(cx, token, header, r);
            }
            Request::Fetch(r) => self.fetch(cx, token, header, &r),
            Request::ListOffsets(r) => self.list_offsets(cx, token, header, &r),
            Request::OffsetForLeaderEpoch(r) => self.offset_for_leader_epoch(cx, token, &r),
            Request::DeleteRecords(r) => self.delete_records(cx, token, r),
            Request::Metadata(r) => self.client_metadata(cx, token, &r),
            Request::FindCoordinator(r) => self.find_coordinator(cx, token, r),
            Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(_)
            | Request::OffsetCommit(_)
            | Request::TxnOffsetCommit(_)
            | Request::OffsetFetch(_)
            | Request::ConsumerGroupHeartbeat(_)
            | Request::ConsumerGroupDescribe(_)
            | Request::DescribeGroups(_)
            | Request::DeleteGroups(_)
            | Request::OffsetDelete(_) => self.group_request(cx, token, header, request),
            Request::ListGroups(r) => {
                let response = self.coordinators.groups.list(&r);
                self.answer(cx, token, Response::ListGroups(response));
            }
            Request::InitProducerId(_)
            | Request::AddOffsetsToTxn(_)
            | Request::EndTxn(_)
            | Request::DescribeTransactions(_) => {
                self.transaction_request(cx, token, header, request);
            }
            Request::AddPartitionsToTxn(r) => self.add_partitions(cx, token, header, r),
            Request::WriteTxnMarkers(r) => self.write_markers(cx, token, &r),
            Request::DescribeProducers(r) => self.describe_producers(cx, token, r),
            Request::CreateTopics(_)
            | Request::DeleteTopics(_)
            | Request::CreatePartitions(_)
            | Request::IncrementalAlterConfigs(_)
            | Request::ElectLeaders(_)
            | Request::AlterPartitionReassignments(_)
            | Request::AlterClientQuotas(_) => self.forward(cx, token, header, request),
            Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::AlterPartition(_)
            | Request::FetchMetadata(_)
            | Request::AllocateProducerIds(_)
            | Request::AssignReplicasToDirs(_)
            | Request::Vote(_)
            | Request::BeginQuorumEpoch(_)
            | Request::EndQuorumEpoch(_)
            | Request::FetchQuorum(_)
            | Request::FetchSnapshot(_) => {
                cx.refuse(token, request.api_key(), ErrorCode::NotController);
            }
        }
    }

    fn response(
        &mut self,
        cx: &mut Context<'_>,
        tag: Tag,
        from: NodeId,
        result: Result<Response, Disconnected>,
    ) {
        let Some(call) = self.calls.close(tag) else { return };
        match call {
            Call::Register => {
                let result = expected!(result, BrokerRegistration);
                self.registered(cx, from, result);
            }
            Call::Heartbeat => {
                let result = expected!(result, BrokerHeartbeat);
                self.heartbeat_answered(cx, from, result);
            }
            Call::FetchMetadata => {
                let result = expected!(result, FetchMetadata);
                self.metadata_fetched(cx, from, result);
            }
            Call::FetchSnapshot => {
                let result = expected!(result, FetchSnapshot);
                self.snapshot_fetched(cx, from, result);
            }
            Call::Fetch => self.follower_fetched(cx, from, expected!(result, Fetch)),
            Call::Locate { partition, leader_epoch } => {
                let result = expected!(result, ListOffsets);
                self.located(cx, from, partition, leader_epoch, result);
            }
            Call::EpochEnd { partition, leader_epoch, rule } => {
                let result = expected!(result, OffsetForLeaderEpoch);
                self.epoch_end_told(cx, from, (partition, leader_epoch, rule), result);
            }
            Call::AlterPartition => {
                self.partitions_altered(cx, expected!(result, AlterPartition));
            }
            Call::AllocateProducerIds => {
                let result = expected!(result, AllocateProducerIds);
                self.producer_ids_allocated(cx, result);
            }
            Call::AssignReplicas => {
                self.replicas_assigned(cx, expected!(result, AssignReplicasToDirs));
            }
            Call::CreateTopic { transactions } => self.internal_topic_created(transactions),
            Call::Forward { forward } => self.forwarded(cx, forward, result),
            Call::AddPartitions => {
                self.partitions_added(cx, from, expected!(result, AddPartitionsToTxn));
            }
            Call::WriteMarkers => {
                self.markers_written(cx, from, expected!(result, WriteTxnMarkers));
            }
        }
    }

    fn tick(&mut self, cx: &mut Context<'_>) {
        self.lifecycle_tick(cx);
        self.forward_tick(cx);
        self.fetch_tick(cx);
        self.produce_tick(cx);
        self.fetchers.wake(cx.now.instant);
        self.isr_tick(cx);
        self.coordinator_tick(cx);
        self.marker_tick(cx);
        self.delete_tick(cx);
        self.verification_tick(cx);
        self.housekeeping_tick(cx);
        self.directory_tick(cx);
        self.cleaner_tick(cx);
    }

    /// Carries on whatever the input set off, until nothing is left to do.
    fn settle(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some(partition) = self.moved.pop_front() {
                self.watermark_moved(cx, partition);
            } else if self.coordinators.has_effects() {
                self.carry_out(cx);
            } else if let Some(key) = self.sessions.pop_woken() {
                self.retry_fetch(cx, key);
            } else if let Some(leader) = self.fetchers.pop_ready() {
                self.send_fetch(cx, leader);
            } else if let Some(leader) = self.markers.pop_ready() {
                self.send_markers(cx, leader);
            } else if let Some(directory) = self.replicas.directories.pop_found() {
                self.directory_failed(cx, directory);
            } else {
                break;
            }
        }
    }

    /// Asks another node, or this broker itself without a network between.
    fn ask(&mut self, cx: &mut Context<'_>, node: NodeId, call: Call, request: Request) {
        if node == self.node {
            let Tag(tag) = self.calls.open(call);
            let header = Header { api_version: i16::MAX, client: node.0 };
            self.request(cx, Token(OWN_TOKEN | tag), header, request);
        } else {
            self.calls.send(cx, node, call, request);
        }
    }

    /// Answers a request, the world's or this broker's own.
    fn answer(&mut self, cx: &mut Context<'_>, token: Token, mut response: Response) {
        if !self.quotas.produces.is_empty()
            && let Response::Produce(response) = &mut response
        {
            response.throttle_time = self.quotas.produces.remove(&token).unwrap_or(0);
        }
        if token.0 & OWN_TOKEN == 0 {
            cx.outputs.push(Output::Reply { token, response });
        } else {
            self.response(cx, Tag(token.0 & !OWN_TOKEN), self.node, Ok(response));
        }
    }
}

#[cfg(test)]
mod tests;
