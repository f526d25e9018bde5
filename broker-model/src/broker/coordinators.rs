//! The broker around its group and transaction coordinators: shards come and go with the
//! leadership of their partitions, effects are carried out, appends reported back.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Broker;
use super::add_partitions::Gatherings;
use super::client_metadata::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC};
use super::linger::Lingering;
use super::produce_purgatory::Waiting;
use super::producer_ids::ProducerIdBlocks;
use crate::config::BrokerConfig;
use crate::coordinator::{Effect, Effects, Waiter};
use crate::group::{self, GroupCoordinator, GroupSettings};
use crate::io::{Context, Token};
use crate::log::{Origin, Verification};
use crate::note::Note;
use crate::protocol::coordinator::CoordinatorKey;
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::{LogEntry, PartitionRecord};
use crate::rules::CoordinatorLoad;
use crate::txn::{self, TransactionCoordinator, TransactionSettings};
use crate::types::{BatchId, CoordinatorEpoch, Instant, NodeId, Offset, PartitionId};

/// Whose log a partition is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Group,
    Transaction,
}

/// Both coordinators with what their broker keeps for them.
#[derive(Clone, Debug)]
pub(super) struct Coordinators {
    pub(super) groups: GroupCoordinator,
    pub(super) transactions: TransactionCoordinator,
    group_effects: Effects,
    pub(super) transaction_effects: Effects,
    /// `AddPartitionsToTxn` without answer.
    pub(super) adding: Gatherings,
    /// Appends of groups that wait for more of their shard.
    pub(super) lingering: Lingering,
    /// The shards whose partitions this broker leads.
    led: BTreeMap<PartitionId, Kind>,
    /// Creation of the offsets topic and of the transaction topic was asked for.
    pub(super) creating: [bool; 2],
    /// Partitions of deleted topics whose offsets go.
    pub(super) deleted: Vec<PartitionId>,
    /// The next block of producer ids.
    pub(super) producer_ids: ProducerIdBlocks,
}

impl Coordinators {
    pub(super) fn new(node: NodeId, config: &BrokerConfig) -> Self {
        let groups = GroupSettings {
            initial_rebalance_delay: config.group_initial_rebalance_delay,
            min_session_timeout: config.group_min_session_timeout,
            max_session_timeout: config.group_max_session_timeout,
            max_size: config.group_max_size,
            offset_metadata_max_bytes: config.offset_metadata_max_bytes as usize,
            serves_consumer_protocol: config.serves_consumer_groups(),
            consumer_session_timeout: config.group_consumer_session_timeout,
            consumer_heartbeat_interval: config.group_consumer_heartbeat_interval,
            pattern_refresh_interval: config.group_consumer_regex_refresh_interval,
            consumer_max_size: config.group_consumer_max_size,
            migration: config.group_migration(),
            assignors: config.group_consumer_assignors,
            offsets_retention: config.offsets_retention,
            offsets_retention_check_interval: config.offsets_retention_check_interval,
            offsets_commit_timeout: config.offsets_commit_timeout,
        };
        let transactions = TransactionSettings {
            max_timeout: config.transaction_max_timeout,
            abort_timed_out_interval: config.transaction_abort_timed_out_interval,
            id_expiration: config.transactional_id_expiration,
            id_expiration_interval: config.transactional_id_expiration_interval,
            max_batch_bytes: config.message_max_bytes,
            transaction_version: config.transaction_version(),
        };
        Self {
            groups: GroupCoordinator::new(node, &groups),
            transactions: TransactionCoordinator::new(node, &transactions),
            group_effects: Vec::new(),
            transaction_effects: Vec::new(),
            adding: Gatherings::default(),
            lingering: Lingering::default(),
            led: BTreeMap::new(),
            creating: [false; 2],
            deleted: Vec::new(),
            producer_ids: ProducerIdBlocks::default(),
        }
    }

    pub(super) fn has_effects(&self) -> bool {
        !self.group_effects.is_empty()
            || !self.transaction_effects.is_empty()
            || !self.deleted.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.groups
            .next_deadline()
            .min(self.transactions.next_deadline())
            .min(self.producer_ids.ask_at)
            .min(self.lingering.next_deadline())
    }

    /// The process ends; everything a coordinator knows beside its log is gone.
    pub(super) fn stop(&mut self, node: NodeId, config: &BrokerConfig) {
        *self = Self::new(node, config);
    }

    /// Why a request about a shard cannot be answered.
    pub(super) fn refuses(&self, partition: Option<PartitionId>) -> Option<ErrorCode> {
        let led = partition.is_some_and(|p| self.led.contains_key(&p));
        if led { None } else { Some(ErrorCode::NotCoordinator) }
    }

    /// Tells the group coordinator of a replicated marker on a partition of its topic.
    pub(super) fn marker(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        producer_id: crate::types::ProducerId,
        commit: bool,
    ) {
        if self.led.get(&partition).is_some_and(|k| *k == Kind::Group) {
            self.groups.marker(cx, &mut self.group_effects, partition, producer_id, commit);
        }
    }

    /// Tells the transaction coordinator of markers that their partitions answered.
    pub(super) fn markers_answered(
        &mut self,
        cx: &mut Context<'_>,
        waiter: Waiter,
        results: &[(PartitionId, ErrorCode)],
    ) {
        let effects = &mut self.transaction_effects;
        self.transactions.markers_written(cx, effects, waiter, results);
    }
}

impl Broker {
    /// This broker leads a partition in a new epoch: if it is a coordinator's log, the shard
    /// is loaded from all of it and active at once, as in Kafka (`CoordinatorLoaderImpl` and
    /// `TransactionStateManager` read up to the log end). What is not replicated yet counts
    /// for the group coordinator's readers when the high watermark passes it.
    pub(super) fn lead_coordinator(&mut self, cx: &mut Context<'_>, record: &PartitionRecord) {
        let Some(topic) = self.image.topic(record.topic) else { return };
        let kind = match topic.name.as_str() {
            OFFSETS_TOPIC => Kind::Group,
            TRANSACTIONS_TOPIC => Kind::Transaction,
            _ => return,
        };
        let partition = record.partition;
        let epoch = CoordinatorEpoch(record.leader_epoch.0);
        let Some(replica) = self.replicas.get(partition) else { return };
        let mut entries = replica.log().entries();
        if cx.rules.coordinator_load == CoordinatorLoad::AllButLast {
            entries = entries.split_last().map_or(entries, |(_, rest)| rest);
        }
        let c = &mut self.coordinators;
        c.led.insert(partition, kind);
        match kind {
            Kind::Group => {
                let high_watermark = replica.high_watermark();
                let end = |e: &LogEntry| e.base_offset + i64::from(cx.batches.get(e.batch).count);
                let replicated = entries.partition_point(|e| end(e) <= high_watermark);
                let ends: Vec<Offset> = entries[replicated..].iter().map(end).collect();
                let effects = &mut c.group_effects;
                let tail = c.groups.take_over(cx, effects, partition, epoch, entries, replicated);
                for (end, waiter) in ends.into_iter().zip(tail) {
                    self.acks.wait(partition, end, Waiting::Group(waiter));
                }
            }
            Kind::Transaction => {
                let offsets = self.image.topic_by_name(OFFSETS_TOPIC);
                if let Some(topic) = offsets.and_then(|id| self.image.topic(id)) {
                    c.transactions.set_offsets_partitions(topic.partitions.clone());
                }
                c.transactions.load(cx, &mut c.transaction_effects, partition, epoch, entries);
                c.transactions.follow_names(|p| self.image.current(p));
            }
        }
        cx.note(Note::CoordinatorLoaded { node: self.node, partition });
    }

    /// This broker leads a partition no longer, or in another epoch.
    pub(super) fn resign_coordinator(&mut self, partition: PartitionId) {
        let c = &mut self.coordinators;
        match c.led.remove(&partition) {
            Some(Kind::Group) => {
                c.lingering.take(partition);
                c.groups.unload(&mut c.group_effects, partition);
            }
            Some(Kind::Transaction) => {
                c.transactions.unload(&mut c.transaction_effects, partition);
            }
            None => {}
        }
    }

    pub(super) fn group_request(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: Request,
    ) {
        let group = match &request {
            Request::JoinGroup(r) => r.group,
            Request::SyncGroup(r) => r.group,
            Request::Heartbeat(r) => r.group,
            Request::LeaveGroup(r) => r.group,
            Request::OffsetCommit(r) => r.group,
            Request::TxnOffsetCommit(r) => r.group,
            Request::OffsetFetch(r) => r.group,
            Request::DescribeGroups(r) => r.group,
            Request::DeleteGroups(r) => r.group,
            Request::OffsetDelete(r) => r.group,
            Request::ConsumerGroupHeartbeat(r) => r.group,
            Request::ConsumerGroupDescribe(r) => r.group,
            other => panic!("not a group's request: {:?}", other.api_key()),
        };
        let partition = self.coordinator_partition(cx, CoordinatorKey::Group(group));
        if let Some(error) = self.coordinators.refuses(partition) {
            let malformed = self.coordinators.groups.malformed(cx.names, &request);
            self.answer(cx, token, group::refusal(&request, malformed.unwrap_or(error)));
            return;
        }
        let partition = partition.expect("a shard has a partition");
        match request {
            Request::TxnOffsetCommit(r) => {
                self.transactional_commit(cx, token, header, partition, r);
            }
            request => self.hand_to_groups(cx, token, header, partition, request),
        }
    }

    pub(super) fn hand_to_groups(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        partition: PartitionId,
        request: Request,
    ) {
        let c = &mut self.coordinators;
        let (effects, call) = (&mut c.group_effects, (token, header, request));
        c.groups.handle(cx, effects, &self.image, partition, call);
    }

    pub(super) fn transaction_request(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: Request,
    ) {
        let id = match &request {
            Request::InitProducerId(r) => r.transactional_id,
            Request::AddOffsetsToTxn(r) => Some(r.transactional_id),
            Request::EndTxn(r) => Some(r.transactional_id),
            Request::DescribeTransactions(r) => Some(r.transactional_id),
            other => panic!("not a transaction's request: {:?}", other.api_key()),
        };
        let partition = match id {
            None => PartitionId::UNKNOWN,
            Some(id) => {
                let found = self.coordinator_partition(cx, CoordinatorKey::Transaction(id));
                if let Some(error) = self.coordinators.refuses(found) {
                    self.answer(cx, token, txn::refusal(&request, header, error));
                    return;
                }
                found.expect("a shard has a partition")
            }
        };
        let c = &mut self.coordinators;
        c.transactions.handle(cx, &mut c.transaction_effects, partition, token, header, request);
        self.ask_for_producer_ids(cx);
    }

    pub(super) fn coordinator_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        let c = &mut self.coordinators;
        if c.groups.next_deadline() <= now {
            c.groups.tick(cx, &mut c.group_effects, &self.image);
        }
        if c.transactions.next_deadline() <= now {
            c.transactions.tick(cx, &mut c.transaction_effects);
        }
        if c.producer_ids.ask_at <= now {
            self.ask_for_producer_ids(cx);
        }
        while let Some(partition) = self.coordinators.lingering.due(now) {
            self.append_lingering(cx, partition);
        }
    }

    /// Carries out what the coordinators want done, in order.
    pub(super) fn carry_out(&mut self, cx: &mut Context<'_>) {
        let c = &mut self.coordinators;
        if !c.deleted.is_empty() {
            let deleted = core::mem::take(&mut c.deleted);
            c.groups.partitions_deleted(cx, &mut c.group_effects, &deleted);
        }
        for effect in core::mem::take(&mut self.coordinators.group_effects) {
            self.carry_out_one(cx, effect, Kind::Group);
        }
        for effect in core::mem::take(&mut self.coordinators.transaction_effects) {
            self.carry_out_one(cx, effect, Kind::Transaction);
        }
    }

    fn carry_out_one(&mut self, cx: &mut Context<'_>, effect: Effect, kind: Kind) {
        match effect {
            Effect::Reply { token, response: Response::AddPartitionsToTxn(done) } => {
                self.partitions_settled(cx, token, done);
            }
            Effect::Reply { token, response } => self.answer(cx, token, response),
            Effect::Append { partition, batch, waiter } => match kind {
                Kind::Group => self.group_append(cx, partition, (batch, waiter)),
                Kind::Transaction => self.coordinator_append(cx, partition, batch, waiter, kind),
            },
            Effect::Markers { waiter, marker } => self.enqueue_marker(cx, waiter, marker),
        }
    }

    pub(super) fn coordinator_append(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        batch: BatchId,
        waiter: Waiter,
        kind: Kind,
    ) {
        let origin = Origin::Coordinator(Verification::Off);
        let who = match kind {
            Kind::Group => Waiting::Group(waiter),
            Kind::Transaction => Waiting::Transaction(waiter),
        };
        match self.append_as_leader(cx, partition, batch, origin, true) {
            // Also where the high watermark is there already: reports keep the log's order.
            Ok(appended) => self.acks.wait(partition, appended.end, who),
            Err(refused) => self.settled(cx, partition, who, refused.error),
        }
    }

    /// An append of a coordinator is replicated, or was refused.
    pub(super) fn coordinator_append_settled(
        &mut self,
        cx: &mut Context<'_>,
        kind: Kind,
        waiter: Waiter,
        error: ErrorCode,
    ) {
        let c = &mut self.coordinators;
        let (groups, transactions) = (&mut c.group_effects, &mut c.transaction_effects);
        match (kind, error) {
            (Kind::Group, ErrorCode::None) => c.groups.committed(cx, groups, waiter),
            (Kind::Group, error) => c.groups.failed(cx, groups, waiter, error),
            (Kind::Transaction, ErrorCode::None) => {
                c.transactions.committed(cx, transactions, waiter);
            }
            (Kind::Transaction, error) => {
                c.transactions.failed(cx, transactions, waiter, error);
            }
        }
    }
}
