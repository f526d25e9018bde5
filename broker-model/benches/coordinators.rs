//! What transactions and offset commits cost at their coordinators:
//! `cargo bench -p broker-model --bench coordinators`.
//!
//! Each figure is for 1,000 of them by sixteen clients, on a log that replicates at once; of joins
//! for as many as there are members.

use std::collections::VecDeque;

use broker_model::coordinator::{Effect, Effects};
use broker_model::group::{GroupCoordinator, GroupSettings};
use broker_model::io::{Context, Token};
use broker_model::metadata::Image;
use broker_model::names::Names;
use broker_model::protocol::consumer_group::{AssignorChoice, ConsumerGroupHeartbeatRequest};
use broker_model::protocol::group::{CommittedOffset, OffsetCommitRequest};
use broker_model::protocol::txn::{
    EndTxnRequest, InitProducerIdRequest, ProducerIdAndEpoch, TransactionPartitions,
};
use broker_model::protocol::{ErrorCode, Header, Request};
use broker_model::records::{Batches, MetadataRecord, NoRecords, PartitionRecord};
use broker_model::rules::Rules;
use broker_model::txn::{TransactionCoordinator, TransactionSettings};
use broker_model::types::{
    CoordinatorEpoch, GenerationId, GroupEpoch, GroupId, Instant, LeaderEpoch, MemberId, NodeId,
    Now, Offset, PartitionEpoch, PartitionId, ProducerId, SECOND, Timestamp, TopicId, TopicName,
};

const COUNT: u64 = 1_000;
const CLIENTS: u64 = 16;
const SHARD: PartitionId = PartitionId(0);

fn main() {
    divan::main();
}

/// What a context borrows.
struct World {
    now: Now,
    batches: Batches,
    names: Names,
    rules: Rules,
}

impl World {
    fn new() -> Self {
        let mut names = Names::default();
        for i in 0..CLIENTS {
            names.group(&format!("group-{i}"));
            names.transactional_id(&format!("transactional-id-{i}"));
        }
        let now = Now { instant: Instant(0), wall: Timestamp(0) };
        Self { now, batches: Batches::new(), names, rules: Rules::default() }
    }

    /// Calls a machine until nothing follows from its effects.
    fn settle<M>(
        &mut self,
        machine: &mut M,
        call: impl FnOnce(&mut M, &mut Context<'_>, &mut Effects),
        follow: impl Fn(&mut M, &mut Context<'_>, &mut Effects, Effect),
    ) {
        let (mut outputs, mut notes) = (Vec::new(), Vec::new());
        let mut cx = Context {
            now: self.now,
            batches: &mut self.batches,
            names: &self.names,
            records: &NoRecords,
            rules: &self.rules,
            outputs: &mut outputs,
            notes: &mut notes,
        };
        let mut effects = Effects::new();
        call(machine, &mut cx, &mut effects);
        let mut queue: VecDeque<Effect> = effects.drain(..).collect();
        while let Some(effect) = queue.pop_front() {
            follow(machine, &mut cx, &mut effects, effect);
            queue.extend(effects.drain(..));
        }
    }
}

fn follow_txn(
    c: &mut TransactionCoordinator,
    cx: &mut Context<'_>,
    effects: &mut Effects,
    effect: Effect,
) {
    match effect {
        Effect::Append { waiter, .. } => c.committed(cx, effects, waiter),
        Effect::Markers { waiter, marker } => {
            let results: Vec<_> = marker.partitions.iter().map(|&p| (p, ErrorCode::None)).collect();
            c.markers_written(cx, effects, waiter, &results);
        }
        Effect::Reply { .. } => {}
    }
}

/// Two requests that add partitions, the end, markers on thirteen partitions.
#[divan::bench]
fn transactions(bencher: divan::Bencher<'_, '_>) {
    bencher.counter(divan::counter::ItemsCount::new(COUNT)).bench(|| {
        let mut world = World::new();
        let mut c = TransactionCoordinator::new(NodeId(1), &TransactionSettings::default());
        c.add_producer_ids(ProducerId(0), 1_000);
        world.settle(&mut c, |c, cx, e| c.load(cx, e, SHARD, CoordinatorEpoch(0), &[]), follow_txn);
        let ask = |world: &mut World, c: &mut _, request: Request| {
            let header = Header { api_version: 5, client: 0 };
            world.settle(
                c,
                |c: &mut TransactionCoordinator, cx, e| {
                    c.handle(cx, e, SHARD, Token(0), header, request);
                },
                follow_txn,
            );
        };
        for i in 0..CLIENTS {
            let id = world.names.transactional_id(&format!("transactional-id-{i}"));
            let request = InitProducerIdRequest {
                transactional_id: Some(id),
                transaction_timeout: 60 * SECOND,
                producer: ProducerIdAndEpoch::NONE,
                two_phase: false,
                keep_prepared: false,
            };
            ask(&mut world, &mut c, Request::InitProducerId(request));
        }
        for i in 0..COUNT {
            world.now.instant.0 += 3_000_000;
            world.now.wall.0 += 3;
            let id = broker_model::types::TransactionalId((i % CLIENTS) as u32);
            let producer = c.transaction(SHARD, id).expect("initialized").producer;
            for partitions in [(1..13).map(PartitionId).collect(), vec![PartitionId(20)]] {
                let wanted = TransactionPartitions {
                    transactional_id: id,
                    producer,
                    verify_only: false,
                    partitions,
                };
                let header = Header { api_version: 5, client: 0 };
                world.settle(
                    &mut c,
                    |c, cx, e| c.add_partitions(cx, e, SHARD, Token(0), header, wanted),
                    follow_txn,
                );
            }
            let end = EndTxnRequest { transactional_id: id, producer, commit: true };
            ask(&mut world, &mut c, Request::EndTxn(end));
        }
        world.batches.len()
    });
}

fn follow_group(
    c: &mut GroupCoordinator,
    cx: &mut Context<'_>,
    effects: &mut Effects,
    effect: Effect,
) {
    if let Effect::Append { waiter, .. } = effect {
        c.committed(cx, effects, waiter);
    }
}

/// A topic, with partitions from 0 on.
fn topic(world: &mut World, partitions: u32) -> (TopicName, Image) {
    let mut image = Image::new();
    let (topic, node) = (TopicId(0), NodeId(1));
    let (name, config) = ("events".to_owned(), Vec::new());
    let record = MetadataRecord::Topic { topic, name, internal: false, config };
    image.apply(image.end(), &record);
    for index in 0..partitions {
        let record = MetadataRecord::of_partition(PartitionRecord {
            partition: PartitionId(index),
            topic,
            index,
            replicas: vec![node],
            isr: vec![node],
            eligible_leader_replicas: Vec::new(),
            last_known_elr: Vec::new(),
            leader: Some(node),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            recovering: false,
            adding: Vec::new(),
            removing: Vec::new(),
            directories: Vec::new(),
        });
        image.apply(image.end(), &record);
    }
    (world.names.topic("events"), image)
}

/// So many members join a group of the new protocol, one after the other, on as many partitions.
#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn joins(bencher: divan::Bencher<'_, '_>, members: u32) {
    bencher.counter(divan::counter::ItemsCount::new(members)).bench(|| {
        let mut world = World::new();
        let (topic, image) = topic(&mut world, members);
        let mut c = GroupCoordinator::new(NodeId(1), &GroupSettings::default());
        let load = CoordinatorEpoch(0);
        world.settle(&mut c, |c, cx, e| c.load(cx, e, SHARD, load, &[]), follow_group);
        for member in 1..=u64::from(members) {
            let request = ConsumerGroupHeartbeatRequest {
                group: GroupId(0),
                member: MemberId(member),
                epoch: GroupEpoch::JOINING,
                instance: None,
                rack: None,
                rebalance_timeout: Some(300 * SECOND),
                topics: Some(vec![topic]),
                pattern: None,
                assignor: AssignorChoice::Unnamed,
                owned: Some(Vec::new()),
            };
            let header = Header { api_version: 1, client: 0 };
            let call = (Token(0), header, Request::ConsumerGroupHeartbeat(request.into()));
            world.settle(&mut c, |c, cx, e| c.handle(cx, e, &image, SHARD, call), follow_group);
        }
        world.batches.len()
    });
}

/// Commits of three partitions each, from outside group management.
#[divan::bench]
fn offset_commits(bencher: divan::Bencher<'_, '_>) {
    bencher.counter(divan::counter::ItemsCount::new(COUNT)).bench(|| {
        let mut world = World::new();
        let image = Image::new();
        let mut c = GroupCoordinator::new(NodeId(1), &GroupSettings::default());
        world.settle(
            &mut c,
            |c, cx, e| c.load(cx, e, SHARD, CoordinatorEpoch(0), &[]),
            follow_group,
        );
        for i in 0..COUNT {
            world.now.instant.0 += 3_000_000;
            let offset = |p: u32| CommittedOffset::new(PartitionId(p), Offset(i as i64), None);
            let request = OffsetCommitRequest {
                group: GroupId((i % CLIENTS) as u32),
                member: MemberId(0),
                instance: None,
                generation: GenerationId(-1),
                retention: None,
                offsets: (0..3).map(offset).collect(),
            };
            let header = Header { api_version: 9, client: 0 };
            world.settle(
                &mut c,
                |c, cx, e| {
                    let call = (Token(0), header, Request::OffsetCommit(request));
                    c.handle(cx, e, &image, SHARD, call);
                },
                follow_group,
            );
        }
        world.batches.len()
    });
}
