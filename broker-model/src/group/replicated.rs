//! What follows appends and markers, and how a shard ends.

use alloc::vec::Vec;

use super::answers::refuse_then;
use super::consumer_group::{Undo, apply};
use super::desk::{Desk, Parked, Then, Timer, refused_join, refused_sync};
use super::groups::{Group, Groups};
use super::{ClassicGroup, GroupCoordinator};
use crate::coordinator::{Effect, Effects, Waiter};
use crate::io::{Context, Token};
use crate::note::Note;
use crate::protocol::{ErrorCode, Request, Response};
use crate::records::{Content, GroupRecord};
use crate::types::{BatchId, GroupId, PartitionId, ProducerId};

impl GroupCoordinator {
    /// An append is replicated. Call in the order of the log; unknown waiters are ignored.
    pub fn committed(&mut self, cx: &mut Context<'_>, effects: &mut Effects, waiter: Waiter) {
        let Some(append) = self.appends.open.remove(&waiter) else { return };
        self.timers.cancel(Timer::Append(waiter));
        let Some((mut desk, groups)) = self.desk(cx, effects, append.partition) else { return };
        desk.log.in_flight.remove(&waiter);
        desk.log.tail.remove(&waiter);
        desk.replay(groups, append.batch, append.position);
        desk.succeed(groups, append.then);
        let parked = desk.log.parked.remove(&waiter).unwrap_or_default();
        desk.answer_parked(groups, parked);
    }

    /// An append was refused: nothing of it is in the log. Unknown waiters are ignored.
    pub fn failed(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        waiter: Waiter,
        error: ErrorCode,
    ) {
        let Some(append) = self.appends.open.remove(&waiter) else { return };
        self.timers.cancel(Timer::Append(waiter));
        let Some((mut desk, groups)) = self.desk(cx, effects, append.partition) else { return };
        desk.log.in_flight.remove(&waiter);
        desk.fail(groups, append.then, error);
        desk.take_back(groups, waiter, append.undo);
        // Writes before this one may still be on their way.
        let earlier = desk.log.in_flight.range(..waiter).next_back().copied();
        match (earlier, desk.log.parked.remove(&waiter)) {
            (Some(earlier), Some(parked)) => {
                let parked = desk.refuse_answers(groups, parked, error);
                desk.log.parked.entry(earlier).or_default().extend(parked);
            }
            (None, Some(parked)) => {
                let parked = desk.refuse_answers(groups, parked, error);
                desk.answer_parked(groups, parked);
            }
            (_, None) => {}
        }
    }

    /// A marker of `producer_id` on a partition of `__consumer_offsets` is replicated.
    pub fn marker(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        partition: PartitionId,
        producer_id: ProducerId,
        commit: bool,
    ) {
        if let Some((mut desk, groups)) = self.desk(cx, effects, partition) {
            desk.end_transaction(groups, producer_id, commit);
        }
    }

    /// The broker resigned: everything parked hears `NOT_COORDINATOR`.
    pub fn unload(&mut self, effects: &mut Effects, partition: PartitionId) {
        let Some(shard) = self.shards.remove(&partition) else { return };
        let error = ErrorCode::NotCoordinator;
        let mut reply = |token: Token, response: Response| {
            effects.push(Effect::Reply { token, response });
        };
        for waiter in shard.log.tail {
            self.appends.open.remove(&waiter);
        }
        for waiter in shard.log.in_flight {
            let append = self.appends.open.remove(&waiter).expect("in flight means open");
            self.timers.cancel(Timer::Append(waiter));
            refuse_then(append.then, error, &mut reply);
        }
        for parked in shard.log.parked.into_values().flatten() {
            match parked {
                Parked::Fetch(token, request) => {
                    reply(token, super::refusal(&Request::OffsetFetch(request), error));
                }
                Parked::Answer(_, then) => refuse_then(then, error, &mut reply),
            }
        }
        for group in shard.groups.into_values() {
            let Group::Classic(group) = group else { continue };
            for (id, member) in group.members {
                if let Some(token) = member.join {
                    reply(token, Response::JoinGroup(refused_join(error, id)));
                }
                if let Some(token) = member.sync {
                    reply(token, Response::SyncGroup(refused_sync(error)));
                }
            }
        }
        self.timers.retain(|timer| timer.partition() != Some(partition));
    }

    /// Topics were deleted: their offsets go. Call with partitions of the deleted topics.
    pub fn partitions_deleted(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        deleted: &[PartitionId],
    ) {
        let shards: Vec<PartitionId> = self.shards.keys().copied().collect();
        for shard in shards {
            let Some((mut desk, groups)) = self.desk(cx, effects, shard) else { continue };
            let mut records = Vec::new();
            for (&group, state) in groups.iter() {
                for partition in state.offsets().known(deleted) {
                    records.push(GroupRecord::Offset { group, partition, value: None });
                }
            }
            if !records.is_empty() {
                desk.append(records, None, Then::Nothing);
            }
        }
    }

    /// The write took too long: its client hears so, and the append is still awaited.
    pub(super) fn give_up_waiting(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        waiter: Waiter,
    ) {
        let Some(append) = self.appends.open.get_mut(&waiter) else { return };
        let then = core::mem::replace(&mut append.then, Then::Nothing);
        let partition = append.partition;
        if let Some((mut desk, groups)) = self.desk(cx, effects, partition) {
            desk.fail(groups, then, ErrorCode::RequestTimedOut);
        }
    }
}

impl Desk<'_, '_> {
    /// Applies a batch to replayed state. Rounds of groups are not replayed while leading.
    fn replay(&mut self, groups: &mut Groups, batch: BatchId, position: u64) {
        let found = self.cx.batches.get(batch);
        let (producer, at) = (found.producer_id, found.max_timestamp);
        if let Content::Marker { commit, .. } = found.content {
            return self.end_transaction(groups, producer, commit);
        }
        let makes_classic = |group: GroupId| {
            let made = |r: &GroupRecord| matches!(r, GroupRecord::Metadata { group: id, .. } if *id == group);
            self.cx.batches.group_records(batch).any(made)
        };
        for record in self.cx.batches.group_records(batch) {
            match record {
                GroupRecord::Offset { group, partition, value } => {
                    // A tombstone before it may have removed the group it was written for.
                    let state = groups.entry(*group).or_insert_with(|| Group::new(*group, at));
                    state.offsets_mut().replay(producer, *partition, *value, position);
                    if producer.is_some() {
                        self.log.open.entry(producer).or_default().insert(*group);
                    }
                }
                GroupRecord::Tombstone { group }
                | GroupRecord::ConsumerEpoch { group, value: None } => {
                    let unused = |g: &ClassicGroup| {
                        g.members.is_empty() && g.pending_join.is_empty() && g.offsets.is_empty()
                    };
                    let is_unused = groups.get(group).and_then(Group::classic).is_some_and(unused);
                    if is_unused && !makes_classic(*group) {
                        groups.remove(group);
                    }
                }
                // These changed the group when they were appended.
                _ => {}
            }
        }
    }

    pub(super) fn end_transaction(
        &mut self,
        groups: &mut Groups,
        producer: ProducerId,
        commit: bool,
    ) {
        for group in self.log.open.remove(&producer).unwrap_or_default() {
            let Some(state) = groups.get_mut(&group) else { continue };
            let offsets = state.offsets_mut();
            let partitions = offsets.pending.get(&producer).map_or(0, |o| o.len());
            offsets.end(producer, commit);
            if commit && partitions > 0 {
                self.note_committed(group, partitions);
            }
        }
    }

    pub(super) fn note_committed(&mut self, group: GroupId, partitions: usize) {
        let partitions = u32::try_from(partitions).expect("fewer partitions than 2^32");
        self.cx.note(Note::OffsetsCommitted { node: self.node, group, partitions });
    }

    /// Takes a failed append back out of its group; later ones of the group stay in force, since
    /// they may be in the log.
    fn take_back(&mut self, groups: &mut Groups, waiter: Waiter, undo: Vec<Undo>) {
        let Some(group) = undo.first().map(Undo::group) else { return };
        let (now, rules) = (self.cx.now.wall, self.cx.rules);
        let is_later = |w: &&Waiter| {
            let undo = self.appends.open.get(w).and_then(|append| append.undo.first());
            undo.is_some_and(|undo| undo.group() == group)
        };
        let later: Vec<Waiter> =
            self.log.in_flight.range(waiter..).filter(is_later).copied().collect();
        if undo.iter().any(|undo| matches!(undo, Undo::Downgrade(..))) {
            self.give_up_downgrade(groups, group);
        }
        for waiter in later.iter().rev() {
            let append = self.appends.open.get_mut(waiter).expect("found among them");
            let undo = core::mem::take(&mut append.undo);
            undo.into_iter().rev().for_each(|undo| undo.revert(groups, now, rules));
        }
        undo.into_iter().rev().for_each(|undo| undo.revert(groups, now, rules));
        for waiter in later {
            let append = self.appends.open.get_mut(&waiter).expect("found among them");
            let records = self.cx.batches.group_records(append.batch);
            append.undo = records.filter_map(|record| apply(groups, record, now, rules)).collect();
        }
        // Whoever is a member again may have no session running.
        match groups.get_mut(&group) {
            Some(Group::Consumer(group)) => {
                group.recount_owners();
                for (&id, member) in &group.members {
                    self.keep_consumer_alive(group.id, id, member);
                    self.time_revocation(group.id, id, member);
                }
            }
            Some(Group::Classic(group)) => {
                group.members.keys().for_each(|&id| self.keep_alive(group, id));
            }
            None => {}
        }
    }
}
