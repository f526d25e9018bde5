//! Loading a shard from its log.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::classic_group::{ClassicGroup, GroupState, Member};
use super::consumer_group::apply;
use super::desk::{Append, Then, Timer};
use super::groups::{Group, Groups};
use super::offsets::GroupOffsets;
use super::{GroupCoordinator, Shard, ShardLog};
use crate::coordinator::{Effects, Waiter};
use crate::io::Context;
use crate::protocol::group::{MemberProtocol, Metadata, ProtocolName};
use crate::records::{Batch, Content, GroupMemberRecord, GroupRecord, LogEntry, OffsetRecord};
use crate::rules::{ExpireTsDefault, GroupLoad, Rules};
use crate::types::{CoordinatorEpoch, MemberId, PartitionId, Timestamp};

impl GroupCoordinator {
    /// Takes over a partition of `__consumer_offsets`, whose whole log is `entries` in order,
    /// all of it replicated.
    ///
    /// A shard that is loaded already is unloaded first.
    pub fn load(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        partition: PartitionId,
        epoch: CoordinatorEpoch,
        entries: &[LogEntry],
    ) {
        let tail = self.take_over(cx, effects, partition, epoch, entries, entries.len());
        assert!(tail.is_empty(), "nothing is left to wait for");
    }

    /// As [`Self::load`], where only so many entries are `replicated`. Members and rounds are
    /// those at the end of the log; offsets of the rest are read once they are replicated, for
    /// which each entry of the rest has its waiter, to be reported like an append.
    pub fn take_over(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        partition: PartitionId,
        epoch: CoordinatorEpoch,
        entries: &[LogEntry],
        replicated: usize,
    ) -> Vec<Waiter> {
        self.unload(effects, partition);
        let mut shard = Shard {
            groups: Groups::new(),
            log: ShardLog {
                epoch,
                position: 0,
                open: BTreeMap::new(),
                in_flight: BTreeSet::new(),
                tail: BTreeSet::new(),
                parked: BTreeMap::new(),
            },
        };
        let (replicated, rest) = entries.split_at(replicated);
        for entry in replicated {
            let batch = cx.batches.get(entry.batch);
            shard.replay(batch, cx.batches.group_records(entry.batch), cx.rules);
        }
        for entry in rest {
            let batch = cx.batches.get(entry.batch);
            shard.replay_rounds(batch, cx.batches.group_records(entry.batch), cx.rules);
            let waiter = self.appends.waiter();
            let position = shard.log.position;
            shard.log.position += 1;
            shard.log.tail.insert(waiter);
            let undo = Vec::new();
            let append =
                Append { partition, batch: entry.batch, position, then: Then::Nothing, undo };
            self.appends.open.insert(waiter, append);
        }
        let waiters = shard.log.tail.iter().copied().collect();
        self.shards.insert(partition, shard);
        self.start(cx, effects, partition);
        waiters
    }

    /// Sessions of loaded members begin; a group above the limit rebalances.
    fn start(&mut self, cx: &mut Context<'_>, effects: &mut Effects, partition: PartitionId) {
        let Some((mut desk, groups)) = self.desk(cx, effects, partition) else { return };
        let interval = desk.settings.offsets_retention_check_interval;
        desk.set_timer(Timer::Expire(partition), interval);
        for group in groups.values_mut() {
            let group = match group {
                Group::Classic(group) => group,
                Group::Consumer(group) => {
                    for (&id, member) in &group.members {
                        desk.keep_consumer_alive(group.id, id, member);
                        desk.time_revocation(group.id, id, member);
                    }
                    continue;
                }
            };
            let ids: Vec<MemberId> = group.members.keys().copied().collect();
            for id in &ids {
                desk.keep_alive(group, *id);
            }
            if ids.len() > desk.settings.max_size as usize {
                desk.prepare_rebalance(group);
            }
        }
    }
}

impl Shard {
    /// Replays one batch of the log.
    fn replay<'r>(
        &mut self,
        batch: &Batch,
        records: impl Iterator<Item = &'r GroupRecord>,
        rules: &Rules,
    ) {
        let position = self.log.position;
        self.log.position += 1;
        if let Content::Marker { commit, .. } = batch.content {
            for group in self.log.open.remove(&batch.producer_id).unwrap_or_default() {
                if let Some(state) = self.groups.get_mut(&group) {
                    state.offsets_mut().end(batch.producer_id, commit);
                }
            }
            return;
        }
        for record in records {
            match record {
                GroupRecord::Offset { group, partition, value } => {
                    let state = self
                        .groups
                        .entry(*group)
                        .or_insert_with(|| Group::new(*group, batch.max_timestamp));
                    let offsets = state.offsets_mut();
                    let value = as_loaded(offsets, *partition, *value, rules);
                    offsets.replay(batch.producer_id, *partition, value, position);
                    if batch.producer_id.is_some() {
                        self.log.open.entry(batch.producer_id).or_default().insert(*group);
                    }
                }
                GroupRecord::Metadata { .. } => self.replay_round(record, batch.max_timestamp),
                record => {
                    apply(&mut self.groups, record, batch.max_timestamp, rules);
                    self.forget_if_gone(record);
                }
            }
        }
    }

    /// Of a batch that is not replicated: which groups there are, and what they were doing.
    fn replay_rounds<'r>(
        &mut self,
        batch: &Batch,
        records: impl Iterator<Item = &'r GroupRecord>,
        rules: &Rules,
    ) {
        for record in records {
            if let GroupRecord::Offset { group, .. } = record {
                let new = || Group::new(*group, batch.max_timestamp);
                self.groups.entry(*group).or_insert_with(new);
            }
            self.replay_round(record, batch.max_timestamp);
            apply(&mut self.groups, record, batch.max_timestamp, rules);
        }
    }

    fn replay_round(&mut self, record: &GroupRecord, at: Timestamp) {
        let GroupRecord::Metadata { group, generation, protocol_type, protocol, leader, members } =
            record
        else {
            return;
        };
        let state = self.groups.entry(*group).or_insert_with(|| Group::new(*group, at));
        let Some(state) = state.classic_mut() else { return };
        state.generation = *generation;
        state.protocol_type = *protocol_type;
        state.protocol = *protocol;
        state.leader = *leader;
        state.replay_members(members, at);
    }

    /// A group without offsets has none that a transaction has pending.
    fn forget_if_gone(&mut self, record: &GroupRecord) {
        let group = record.group();
        if !self.groups.contains_key(&group) {
            for groups in self.log.open.values_mut() {
                groups.remove(&group);
            }
        }
    }
}

impl ClassicGroup {
    fn replay_members(&mut self, members: &[GroupMemberRecord], at: Timestamp) {
        self.members.clear();
        self.instances.clear();
        for m in members {
            let member = Member {
                instance: m.instance.clone(),
                session_timeout: m.session_timeout,
                rebalance_timeout: m.rebalance_timeout,
                client: m.client,
                // The log keeps the chosen protocol only.
                protocols: protocols(self.protocol, &m.metadata),
                assignment: m.assignment.clone(),
                is_new: false,
                join: None,
                sync: None,
            };
            self.add(m.member, member);
        }
        let state = if members.is_empty() { GroupState::Empty } else { GroupState::Stable };
        self.transition(state, at);
        self.subscribed = self.subscribed_topics();
    }
}

/// What a coordinator makes of an offset that it finds in its log.
fn as_loaded(
    offsets: &GroupOffsets,
    partition: PartitionId,
    value: Option<OffsetRecord>,
    rules: &Rules,
) -> Option<OffsetRecord> {
    let mut found = value?;
    if let (GroupLoad::FirstWins, Some(first)) =
        (rules.group_load, offsets.committed.get(&partition))
    {
        found = first.record;
    }
    if rules.expire_ts_default == ExpireTsDefault::CommitTs {
        found.expire_timestamp = found.expire_timestamp.or(Some(found.commit_timestamp));
    }
    Some(found)
}

fn protocols(chosen: Option<ProtocolName>, metadata: &Metadata) -> Vec<MemberProtocol> {
    let protocol = |name| MemberProtocol { name, metadata: metadata.clone() };
    chosen.map(protocol).into_iter().collect()
}
