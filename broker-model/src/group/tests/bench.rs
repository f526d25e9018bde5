//! A coordinator with one shard on a log that replicates at once, or when told.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::coordinator::{Effect, Effects, Waiter};
use crate::group::{GroupCoordinator, GroupSettings, GroupView};
use crate::io::{Context, Token};
use crate::metadata::Image;
use crate::names::Names;
use crate::note::Note;
use crate::protocol::group::{
    Assignor, CommittedOffset, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, LeavingMember, MemberProtocol, OffsetCommitRequest, OffsetFetchRequest,
    ProtocolType, Subscription, SyncGroupRequest,
};
use crate::protocol::txn::{ProducerIdAndEpoch, TxnOffsetCommitRequest};
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::{Batches, LogEntry, NoRecords};
use crate::rules::Rules;
use crate::types::{
    CoordinatorEpoch, Duration, GenerationId, GroupId, Instant, LeaderEpoch, MILLISECOND, MemberId,
    NodeId, Now, Offset, PartitionId, ProducerEpoch, ProducerId, SECOND, Timestamp, TopicId,
    TransactionalId,
};

/// The shard of every test.
pub(super) const SHARD: PartitionId = PartitionId(100);
/// The group of most tests.
pub(super) const G: GroupId = GroupId(0);
/// Another group.
pub(super) const H: GroupId = GroupId(1);
pub(super) const NOBODY: MemberId = MemberId(0);

pub(super) struct Bench {
    pub(super) now: Now,
    pub(super) batches: Batches,
    pub(super) names: Names,
    pub(super) image: Image,
    pub(super) rules: Rules,
    pub(super) notes: Vec<Note>,
    pub(super) coordinator: GroupCoordinator,
    pub(super) log: Vec<LogEntry>,
    /// Appends wait for [`Bench::replicate`].
    pub(super) hold: bool,
    pub(super) waiting: VecDeque<Waiter>,
    pub(super) replies: BTreeMap<Token, Response>,
    pub(super) version: i16,
    next_token: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        let settings = GroupSettings { initial_rebalance_delay: 0, ..GroupSettings::default() };
        Self::with(settings)
    }

    pub(super) fn with(settings: GroupSettings) -> Self {
        let mut names = Names::default();
        for name in ["g", "h", "i", "j"] {
            names.group(name);
        }
        let mut bench = Self {
            now: Now { instant: Instant(SECOND), wall: Timestamp(1_700_000_000_000) },
            batches: Batches::new(),
            names,
            image: Image::default(),
            rules: Rules::default(),
            notes: Vec::new(),
            coordinator: GroupCoordinator::new(NodeId(1), &settings),
            log: Vec::new(),
            hold: false,
            waiting: VecDeque::new(),
            replies: BTreeMap::new(),
            version: 9,
            next_token: 0,
        };
        bench.load();
        bench
    }

    fn call(&mut self, f: impl FnOnce(&mut GroupCoordinator, &mut Context<'_>, &mut Effects)) {
        let mut effects = Effects::new();
        let mut outputs = Vec::new();
        let mut cx = Context {
            now: self.now,
            batches: &mut self.batches,
            names: &self.names,
            records: &NoRecords,
            rules: &self.rules,
            outputs: &mut outputs,
            notes: &mut self.notes,
        };
        f(&mut self.coordinator, &mut cx, &mut effects);
        assert!(outputs.is_empty(), "a coordinator speaks by effects");
        for effect in effects {
            match effect {
                Effect::Reply { token, response } => {
                    let earlier = self.replies.insert(token, response);
                    assert_eq!(earlier, None, "one answer for each request");
                }
                Effect::Append { partition, batch, waiter } => {
                    assert_eq!(partition, SHARD);
                    let base_offset = Offset(i64::try_from(self.log.len()).expect("short"));
                    self.log.push(LogEntry { base_offset, batch, leader_epoch: LeaderEpoch(0) });
                    self.waiting.push_back(waiter);
                }
                Effect::Markers { .. } => panic!("groups write no markers"),
            }
        }
        if !self.hold {
            self.replicate();
        }
    }

    /// The high watermark passes everything.
    pub(super) fn replicate(&mut self) {
        while let Some(waiter) = self.waiting.pop_front() {
            self.call(|c, cx, effects| c.committed(cx, effects, waiter));
        }
    }

    /// The only append on its way is refused and never was in the log.
    pub(super) fn refuse(&mut self, error: ErrorCode) {
        assert_eq!(self.waiting.len(), 1, "an append waits");
        self.refuse_newest(error);
    }

    /// The oldest append is refused and never was in the log; those behind it are.
    pub(super) fn refuse_oldest(&mut self, error: ErrorCode) {
        let place = self.log.len() - self.waiting.len();
        let waiter = self.waiting.pop_front().expect("an append waits");
        self.log.remove(place);
        self.call(|c, cx, effects| c.failed(cx, effects, waiter, error));
    }

    /// The newest append is refused and never was in the log.
    pub(super) fn refuse_newest(&mut self, error: ErrorCode) {
        let waiter = self.waiting.pop_back().expect("an append waits");
        self.log.pop();
        self.call(|c, cx, effects| c.failed(cx, effects, waiter, error));
    }

    /// The shard is taken over from its log, by this or the next coordinator.
    pub(super) fn load(&mut self) {
        let log = self.log.clone();
        self.waiting.clear();
        self.call(|c, cx, effects| c.load(cx, effects, SHARD, CoordinatorEpoch(1), &log));
    }

    pub(super) fn unload(&mut self) {
        self.call(|c, _, effects| c.unload(effects, SHARD));
    }

    pub(super) fn marker(&mut self, producer: ProducerIdAndEpoch, commit: bool) {
        let (epoch, wall) = (CoordinatorEpoch(1), self.now.wall);
        let batch = self.batches.push_marker(producer.id, producer.epoch, commit, epoch, wall);
        let base_offset = Offset(i64::try_from(self.log.len()).expect("short"));
        self.log.push(LogEntry { base_offset, batch, leader_epoch: LeaderEpoch(0) });
        self.call(|c, cx, effects| c.marker(cx, effects, SHARD, producer.id, commit));
    }

    pub(super) fn delete_partitions(&mut self, partitions: &[PartitionId]) {
        self.call(|c, cx, effects| c.partitions_deleted(cx, effects, partitions));
    }

    pub(super) fn tick(&mut self) {
        let image = self.image.clone();
        self.call(|c, cx, effects| c.tick(cx, effects, &image));
    }

    /// Time passes; every timer fires at its own instant.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now.instant + time;
        while self.coordinator.next_deadline() <= end {
            self.go_to(self.coordinator.next_deadline());
            self.tick();
        }
        self.go_to(end);
    }

    fn go_to(&mut self, instant: Instant) {
        let passed = instant.since(self.now.instant) / MILLISECOND;
        self.now.wall.0 += i64::try_from(passed).expect("short");
        self.now.instant = instant.max(self.now.instant);
    }

    pub(super) fn ask(&mut self, request: Request) -> Token {
        let token = Token(self.next_token);
        self.next_token += 1;
        let header = Header { api_version: self.version, client: 0 };
        let image = self.image.clone();
        let call = (token, header, request);
        self.call(|c, cx, effects| c.handle(cx, effects, &image, SHARD, call));
        token
    }

    pub(super) fn group(&self, group: GroupId) -> GroupView {
        self.coordinator.group(SHARD, group).expect("the group exists")
    }

    pub(super) fn state(&self, group: GroupId) -> &'static str {
        self.group(group).state.name()
    }

    // Joins.

    pub(super) fn start_join(&mut self, request: JoinGroupRequest) -> Token {
        let token = self.ask(Request::JoinGroup(request.into()));
        self.wait(0);
        token
    }

    pub(super) fn joined(&mut self, token: Token) -> JoinGroupResponse {
        match self.replies.get(&token) {
            Some(Response::JoinGroup(response)) => response.clone(),
            other => panic!("no answer to a join: {other:?}"),
        }
    }

    pub(super) fn join(&mut self, request: JoinGroupRequest) -> JoinGroupResponse {
        let token = self.start_join(request);
        self.joined(token)
    }

    pub(super) fn is_pending(&self, token: Token) -> bool {
        !self.replies.contains_key(&token)
    }

    /// A fresh member id.
    pub(super) fn new_member(&mut self, group: GroupId) -> MemberId {
        let response = self.join(joining(group, NOBODY));
        assert_eq!(response.error, ErrorCode::MemberIdRequired);
        response.member
    }

    /// A stable group of one.
    pub(super) fn stable_one(&mut self, group: GroupId) -> MemberId {
        let m = self.new_member(group);
        let response = self.join(joining(group, m));
        assert_eq!((response.error, response.leader), (ErrorCode::None, m));
        assert_eq!(self.sync(group, m, 1, &[(m, &[0])]), Ok(p(&[0])));
        m
    }

    // Syncs.

    pub(super) fn start_sync(&mut self, request: SyncGroupRequest) -> Token {
        self.ask(Request::SyncGroup(request))
    }

    pub(super) fn synced(&self, token: Token) -> Result<Vec<PartitionId>, ErrorCode> {
        match self.replies.get(&token) {
            Some(Response::SyncGroup(r)) if r.error == ErrorCode::None => {
                Ok(r.assignment.partitions().to_vec())
            }
            Some(Response::SyncGroup(r)) => Err(r.error),
            other => panic!("no answer to a sync: {other:?}"),
        }
    }

    pub(super) fn sync(
        &mut self,
        group: GroupId,
        member: MemberId,
        generation: i32,
        assignments: &[(MemberId, &[u32])],
    ) -> Result<Vec<PartitionId>, ErrorCode> {
        let token = self.start_sync(syncing(group, member, generation, assignments));
        self.synced(token)
    }

    // The rest.

    pub(super) fn heartbeat(&mut self, group: GroupId, member: MemberId, g: i32) -> ErrorCode {
        self.heartbeat_as(group, member, g, None)
    }

    pub(super) fn heartbeat_as(
        &mut self,
        group: GroupId,
        member: MemberId,
        generation: i32,
        instance: Option<&str>,
    ) -> ErrorCode {
        let token = self.ask(Request::Heartbeat(HeartbeatRequest {
            group,
            member,
            instance: instance.map(ToString::to_string),
            generation: GenerationId(generation),
        }));
        match &self.replies[&token] {
            Response::Heartbeat(r) => r.error,
            other => panic!("not a heartbeat: {other:?}"),
        }
    }

    pub(super) fn leave(
        &mut self,
        group: GroupId,
        member: MemberId,
        instance: Option<&str>,
    ) -> ErrorCode {
        let instance = instance.map(ToString::to_string);
        let members = Vec::from([LeavingMember { member, instance }]);
        let token = self.ask(Request::LeaveGroup(LeaveGroupRequest { group, members }));
        match &self.replies[&token] {
            Response::LeaveGroup(r) => r.members.first().map_or(r.error, |m| m.1),
            other => panic!("not a leave: {other:?}"),
        }
    }

    pub(super) fn start_commit(
        &mut self,
        group: GroupId,
        member: MemberId,
        generation: i32,
        offsets: &[(u32, i64)],
    ) -> Token {
        self.ask(Request::OffsetCommit(OffsetCommitRequest {
            group,
            member,
            instance: None,
            generation: GenerationId(generation),
            retention: None,
            offsets: offsets.iter().map(|&o| committed(o)).collect(),
        }))
    }

    pub(super) fn committed(&self, token: Token) -> Vec<ErrorCode> {
        match &self.replies[&token] {
            Response::OffsetCommit(r) => r.partitions.iter().map(|p| p.1).collect(),
            Response::TxnOffsetCommit(r) => r.partitions.iter().map(|p| p.1).collect(),
            other => panic!("not a commit: {other:?}"),
        }
    }

    pub(super) fn commit(
        &mut self,
        group: GroupId,
        member: MemberId,
        generation: i32,
        offsets: &[(u32, i64)],
    ) -> ErrorCode {
        let token = self.start_commit(group, member, generation, offsets);
        self.committed(token)[0]
    }

    pub(super) fn start_txn_commit(
        &mut self,
        producer: ProducerIdAndEpoch,
        group: GroupId,
        member: MemberId,
        generation: i32,
        offsets: &[(u32, i64)],
    ) -> Token {
        self.ask(Request::TxnOffsetCommit(TxnOffsetCommitRequest {
            transactional_id: TransactionalId(0),
            producer,
            group,
            member,
            instance: None,
            generation: GenerationId(generation),
            offsets: offsets.iter().map(|&o| committed(o)).collect(),
        }))
    }

    pub(super) fn txn_commit(
        &mut self,
        producer: ProducerIdAndEpoch,
        group: GroupId,
        offsets: &[(u32, i64)],
    ) -> ErrorCode {
        let token = self.start_txn_commit(producer, group, NOBODY, -1, offsets);
        self.committed(token)[0]
    }

    pub(super) fn start_fetch(
        &mut self,
        group: GroupId,
        partitions: Option<&[u32]>,
        require_stable: bool,
    ) -> Token {
        let partitions = partitions.map(p);
        self.ask(Request::OffsetFetch(OffsetFetchRequest {
            group,
            partitions,
            who: None,
            require_stable,
        }))
    }

    pub(super) fn fetched(&self, token: Token) -> Vec<(u32, Result<i64, ErrorCode>)> {
        let Response::OffsetFetch(r) = &self.replies[&token] else { panic!("not a fetch") };
        assert_eq!(r.error, ErrorCode::None);
        let one = |(error, offset): &(ErrorCode, CommittedOffset)| {
            let result = if *error == ErrorCode::None { Ok(offset.offset.0) } else { Err(*error) };
            (offset.partition.0, result)
        };
        r.partitions.iter().map(one).collect()
    }

    pub(super) fn fetch_all(&mut self, group: GroupId) -> Vec<(u32, Result<i64, ErrorCode>)> {
        let token = self.start_fetch(group, None, false);
        self.fetched(token)
    }

    pub(super) fn fetch(
        &mut self,
        group: GroupId,
        partition: u32,
        stable: bool,
    ) -> Result<i64, ErrorCode> {
        let token = self.start_fetch(group, Some(&[partition]), stable);
        self.fetched(token)[0].1
    }
}

pub(super) fn p(ids: &[u32]) -> Vec<PartitionId> {
    ids.iter().copied().map(PartitionId).collect()
}

pub(super) fn committed((partition, offset): (u32, i64)) -> CommittedOffset {
    CommittedOffset::new(PartitionId(partition), Offset(offset), None)
}

pub(super) fn producer(id: i64, epoch: i16) -> ProducerIdAndEpoch {
    ProducerIdAndEpoch { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
}

/// A join with the defaults of the Java consumer.
pub(super) fn joining(group: GroupId, member: MemberId) -> JoinGroupRequest {
    JoinGroupRequest {
        group,
        member,
        instance: None,
        session_timeout: 45 * SECOND,
        rebalance_timeout: 300 * SECOND,
        protocol_type: ProtocolType::Consumer,
        protocols: MemberProtocol::of_consumer(&[Assignor::Range], subscription(&[])),
    }
}

pub(super) fn static_joining(group: GroupId, member: MemberId, instance: &str) -> JoinGroupRequest {
    JoinGroupRequest { instance: Some(instance.to_string()), ..joining(group, member) }
}

pub(super) fn subscription(owned: &[u32]) -> Subscription {
    Subscription { topics: Vec::from([TopicId(0)]), owned: p(owned), generation: GenerationId(-1) }
}

/// A join by a member that owns these partitions already.
pub(super) fn owning(request: JoinGroupRequest, owned: &[u32]) -> JoinGroupRequest {
    let protocols = MemberProtocol::of_consumer(&[Assignor::Range], subscription(owned));
    JoinGroupRequest { protocols, ..request }
}

/// A join by a member with these assignors.
pub(super) fn supporting(request: JoinGroupRequest, assignors: &[Assignor]) -> JoinGroupRequest {
    let protocols = MemberProtocol::of_consumer(assignors, subscription(&[]));
    JoinGroupRequest { protocols, ..request }
}

pub(super) fn syncing(
    group: GroupId,
    member: MemberId,
    generation: i32,
    assignments: &[(MemberId, &[u32])],
) -> SyncGroupRequest {
    SyncGroupRequest {
        group,
        member,
        instance: None,
        generation: GenerationId(generation),
        protocol_type: None,
        protocol: None,
        assignments: assignments.iter().map(|&(m, owned)| (m, p(owned).into())).collect(),
    }
}
