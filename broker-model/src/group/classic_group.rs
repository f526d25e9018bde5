//! A classic group: its members and state, without I/O. What Kafka keeps outside its log.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::offsets::GroupOffsets;
use crate::io::Token;
use crate::protocol::ErrorCode;
use crate::protocol::group::{Assignor, Subscription};
use crate::records::{GroupMemberRecord, GroupRecord};
use crate::types::{Duration, GenerationId, GroupId, MemberId, PartitionId, Timestamp};

/// States of a classic group. Source: Kafka, `ClassicGroupState`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum GroupState {
    /// No members; offsets may exist.
    Empty,
    /// Members are asked to join again.
    PreparingRebalance,
    /// The round has its members; the leader's assignment is awaited.
    CompletingRebalance,
    /// Everyone has an assignment.
    Stable,
    /// The group is being removed.
    Dead,
}

impl GroupState {
    /// Whether no rebalance is under way.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Stable | Self::Empty | Self::Dead)
    }

    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// A member of a classic group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Member {
    pub(super) instance: Option<String>,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    /// Assignors it supports, best first.
    pub(super) protocols: Vec<Assignor>,
    pub(super) subscription: Subscription,
    pub(super) assignment: Vec<PartitionId>,
    /// Has not seen the end of a round yet: it cannot heartbeat.
    pub(super) is_new: bool,
    /// Its join waits for the end of the round.
    pub(super) join: Option<Token>,
    /// Its sync waits for the leader's assignment.
    pub(super) sync: Option<Token>,
}

impl Member {
    /// Waiting members cannot heartbeat and need not; new ones are timed nevertheless.
    pub(super) const fn is_excused_from_heartbeats(&self) -> bool {
        !self.is_new && (self.join.is_some() || self.sync.is_some())
    }
}

/// A classic group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ClassicGroup {
    pub(super) id: GroupId,
    pub(super) state: GroupState,
    /// The state before this one: the first round of a group waits longer.
    pub(super) previous: GroupState,
    /// When the state was entered, for offset expiry.
    pub(super) since: Timestamp,
    pub(super) generation: GenerationId,
    pub(super) protocol: Option<Assignor>,
    /// It has had members (Kafka: the protocol type is set); simple groups have not.
    pub(super) managed: bool,
    pub(super) leader: Option<MemberId>,
    pub(super) members: BTreeMap<MemberId, Member>,
    pub(super) instances: BTreeMap<String, MemberId>,
    /// Ids that were given out and did not join yet (KIP-394).
    pub(super) pending_join: BTreeSet<MemberId>,
    /// Members of this round that did not sync yet.
    pub(super) pending_sync: BTreeSet<MemberId>,
    /// Somebody joined during the initial delay.
    pub(super) new_member_added: bool,
    /// The initial delay running, and what may be added to it.
    pub(super) initial_delay: Option<(Duration, Duration)>,
    pub(super) offsets: GroupOffsets,
}

impl ClassicGroup {
    pub(super) fn new(id: GroupId, now: Timestamp) -> Self {
        Self {
            id,
            state: GroupState::Empty,
            previous: GroupState::Dead,
            since: now,
            generation: GenerationId(0),
            protocol: None,
            managed: false,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending_join: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            new_member_added: false,
            initial_delay: None,
            offsets: GroupOffsets::default(),
        }
    }

    pub(super) fn transition(&mut self, state: GroupState, now: Timestamp) {
        self.previous = self.state;
        self.state = state;
        self.since = now;
    }

    /// The longest `max.poll.interval.ms` of the members, zero without members.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|m| m.rebalance_timeout).max().unwrap_or(0)
    }

    pub(super) fn awaiting_join(&self) -> usize {
        self.members.values().filter(|m| m.join.is_some()).count()
    }

    pub(super) fn has_all_members_joined(&self) -> bool {
        self.pending_join.is_empty() && self.members.values().all(|m| m.join.is_some())
    }

    pub(super) fn is_leader(&self, member: MemberId) -> bool {
        self.leader == Some(member)
    }

    /// Whether a member with these assignors fits to the others.
    pub(super) fn supports(&self, protocols: &[Assignor]) -> bool {
        if self.state == GroupState::Empty {
            return !protocols.is_empty();
        }
        protocols.iter().any(|p| self.members.values().all(|m| m.protocols.contains(p)))
    }

    /// Source: Kafka, `ClassicGroup.acceptJoiningMember`: while preparing only those who wait
    /// in their join count.
    pub(super) fn accepts(&self, member: MemberId, max_size: u32) -> bool {
        let max = max_size as usize;
        match self.state {
            GroupState::Empty | GroupState::Dead => true,
            GroupState::PreparingRebalance => {
                self.members.get(&member).is_some_and(|m| m.join.is_some())
                    || self.awaiting_join() < max
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.members.contains_key(&member) || self.members.len() < max
            }
        }
    }

    /// Unknown instance, fenced instance, unknown member: in this order (KIP-345).
    pub(super) fn validate_member(&self, member: MemberId, instance: Option<&str>) -> ErrorCode {
        if let Some(instance) = instance {
            match self.instances.get(instance) {
                None => return ErrorCode::UnknownMemberId,
                Some(&holder) if holder != member => return ErrorCode::FencedInstanceId,
                Some(_) => {}
            }
        }
        if self.members.contains_key(&member) {
            ErrorCode::None
        } else {
            ErrorCode::UnknownMemberId
        }
    }

    pub(super) fn add(&mut self, id: MemberId, member: Member) {
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), id);
        }
        self.leader.get_or_insert(id);
        self.managed = true;
        self.pending_join.remove(&id);
        self.members.insert(id, member);
    }

    /// Takes a member or a pending id out. Its parked requests are the caller's to answer.
    pub(super) fn remove(&mut self, id: MemberId) -> Option<Member> {
        self.pending_join.remove(&id);
        self.pending_sync.remove(&id);
        let member = self.members.remove(&id)?;
        if let Some(instance) = &member.instance
            && self.instances.get(instance) == Some(&id)
        {
            self.instances.remove(instance);
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().copied();
        }
        Some(member)
    }

    /// Gives a static member's place to a new id. The old one's parked requests come back.
    pub(super) fn replace_static(
        &mut self,
        old: MemberId,
        new: MemberId,
    ) -> (Option<Token>, Option<Token>) {
        let mut member = self.members.remove(&old).expect("the instance maps to a member");
        let parked = (member.join.take(), member.sync.take());
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), new);
        }
        self.members.insert(new, member);
        if self.is_leader(old) {
            self.leader = Some(new);
        }
        if self.pending_sync.remove(&old) {
            self.pending_sync.insert(new);
        }
        parked
    }

    /// A leader that joined again stays; otherwise the first that did takes over. False when
    /// nobody joined.
    pub(super) fn elect_joined_leader(&mut self) -> bool {
        let joined = |m: MemberId| self.members.get(&m).is_some_and(|m| m.join.is_some());
        if self.leader.is_some_and(joined) {
            return true;
        }
        let first = self.members.iter().find(|(_, m)| m.join.is_some()).map(|(&id, _)| id);
        if first.is_some() && self.leader.is_some() {
            self.leader = first;
            return true;
        }
        false
    }

    /// The assignor most members put first among those that all support. A tie goes by the
    /// order of a Java `HashMap` with the names as keys, as recorded from Kafka 4.1.
    pub(super) fn select_protocol(&self) -> Option<Assignor> {
        let candidate = |p: &Assignor| self.members.values().all(|m| m.protocols.contains(p));
        let mut votes = [0_u32; JAVA_HASH_ORDER.len()];
        for member in self.members.values() {
            let vote = member.protocols.iter().copied().find(candidate)?;
            let place = JAVA_HASH_ORDER.iter().position(|&p| p == vote);
            votes[place.expect("every assignor has a place")] += 1;
        }
        let most = votes.iter().copied().max().filter(|&n| n > 0)?;
        votes.iter().position(|&n| n == most).map(|place| JAVA_HASH_ORDER[place])
    }

    /// Begins the generation of those who are members now.
    pub(super) fn init_next_generation(&mut self, now: Timestamp) {
        self.generation = GenerationId(self.generation.0 + 1);
        if self.members.is_empty() {
            self.protocol = None;
            self.leader = None;
            self.transition(GroupState::Empty, now);
        } else {
            self.protocol = self.select_protocol();
            self.transition(GroupState::CompletingRebalance, now);
        }
        self.pending_sync.clear();
    }

    /// The group's record with these assignments; members without one own nothing.
    pub(super) fn record(&self, assignment: &BTreeMap<MemberId, Vec<PartitionId>>) -> GroupRecord {
        let member = |(&id, m): (&MemberId, &Member)| GroupMemberRecord {
            member: id,
            instance: m.instance.clone(),
            session_timeout: m.session_timeout,
            rebalance_timeout: m.rebalance_timeout,
            subscription: m.subscription.clone(),
            assignment: assignment.get(&id).cloned().unwrap_or_default(),
        };
        GroupRecord::Metadata {
            group: self.id,
            generation: self.generation,
            protocol: self.protocol,
            leader: self.leader,
            members: self.members.iter().map(member).collect(),
        }
    }

    /// The group's record as it stands.
    pub(super) fn current_record(&self) -> GroupRecord {
        let owned = self.members.iter().map(|(&id, m)| (id, m.assignment.clone())).collect();
        self.record(&owned)
    }

    /// Members as a leader sees them.
    pub(super) fn members_for_leader(&self) -> Vec<(MemberId, Option<String>, Subscription)> {
        self.members
            .iter()
            .map(|(&id, m)| (id, m.instance.clone(), m.subscription.clone()))
            .collect()
    }
}

/// Buckets 8, 9, 10 and 15 of a Java hash table of 16. Recorded: `sticky` before `range` before
/// `roundrobin`; the place of `cooperative-sticky` follows from its hash.
const JAVA_HASH_ORDER: [Assignor; 4] =
    [Assignor::Sticky, Assignor::Range, Assignor::RoundRobin, Assignor::CooperativeSticky];
