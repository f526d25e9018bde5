//! A classic group: its members and state, without I/O. What Kafka keeps outside its log.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::offsets::GroupOffsets;
use super::vote;
use crate::io::Token;
use crate::names::Names;
use crate::protocol::ErrorCode;
use crate::protocol::group::{Assignment, MemberProtocol, Metadata, ProtocolName, ProtocolType};
use crate::records::{GroupMemberRecord, GroupRecord};
use crate::types::{Duration, GenerationId, GroupId, MemberId, TextId, Timestamp, TopicId};

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
    /// The host it joined from at first; who takes its place as a static member does not
    /// change it.
    pub(super) client: u32,
    /// Protocols it supports, best first.
    pub(super) protocols: Vec<MemberProtocol>,
    pub(super) assignment: Assignment,
    /// Has not seen the end of a round yet: it cannot heartbeat.
    pub(super) is_new: bool,
    /// Its join waits for the end of the round.
    pub(super) join: Option<Token>,
    /// Its sync waits for the leader's assignment.
    pub(super) sync: Option<Token>,
}

impl Member {
    pub(super) fn knows(&self, protocol: ProtocolName) -> bool {
        self.protocols.iter().any(|p| p.name == protocol)
    }

    /// What it tells of itself in a protocol.
    pub(super) fn metadata(&self, protocol: Option<ProtocolName>) -> Metadata {
        let found = self.protocols.iter().find(|p| Some(p.name) == protocol);
        found.map_or(Metadata::Opaque(TextId::EMPTY), |p| p.metadata.clone())
    }

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
    /// The kind of its members, or of those it had; simple groups have none.
    pub(super) protocol_type: Option<ProtocolType>,
    pub(super) protocol: Option<ProtocolName>,
    /// The topics of this generation's subscriptions, in order; `None` before the first
    /// generation and where they cannot be read.
    pub(super) subscribed: Option<Vec<TopicId>>,
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
            protocol_type: None,
            protocol: None,
            subscribed: None,
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

    /// Whether a member of this kind with these protocols fits to the others. `kind` is `None`
    /// where the request names none.
    pub(super) fn supports(
        &self,
        kind: Option<ProtocolType>,
        protocols: &[MemberProtocol],
    ) -> bool {
        let Some(kind) = kind.filter(|_| !protocols.is_empty()) else { return false };
        let known = |p: &MemberProtocol| self.members.values().all(|m| m.knows(p.name));
        self.state == GroupState::Empty
            || (self.protocol_type == Some(kind) && protocols.iter().any(known))
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

    /// Whether its members are consumers, of which their subscriptions are known.
    pub(super) fn is_of_consumers(&self) -> bool {
        self.protocol_type == Some(ProtocolType::Consumer)
    }

    /// Whether offsets of a topic are in use. Consumers whose subscriptions cannot be read may
    /// subscribe to anything. Source: Kafka, `ClassicGroup.isSubscribedToTopic`.
    pub(super) fn is_subscribed_to(&self, topic: TopicId) -> bool {
        match &self.subscribed {
            Some(topics) => topics.binary_search(&topic).is_ok(),
            None => self.is_of_consumers(),
        }
    }

    /// The topics that the members subscribe to in the protocol chosen.
    pub(super) fn subscribed_topics(&self) -> Option<Vec<TopicId>> {
        if !self.is_of_consumers() {
            return None;
        }
        let mut topics = Vec::new();
        for member in self.members.values() {
            topics.extend_from_slice(&member.metadata(self.protocol).subscription()?.topics);
        }
        topics.sort_unstable();
        topics.dedup();
        Some(topics)
    }

    pub(super) fn add(&mut self, id: MemberId, member: Member) {
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), id);
        }
        self.leader.get_or_insert(id);
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

    /// The protocol that the members vote for.
    pub(super) fn select_protocol(&self, names: &Names) -> Option<ProtocolName> {
        let protocols: Vec<&[MemberProtocol]> =
            self.members.values().map(|m| &m.protocols[..]).collect();
        vote::elect(names, &protocols)
    }

    /// Begins the generation of those who are members now.
    pub(super) fn init_next_generation(&mut self, now: Timestamp, names: &Names) {
        self.generation = GenerationId(self.generation.0 + 1);
        if self.members.is_empty() {
            self.protocol = None;
            self.leader = None;
            self.transition(GroupState::Empty, now);
        } else {
            self.protocol = self.select_protocol(names);
            self.transition(GroupState::CompletingRebalance, now);
        }
        self.subscribed = self.subscribed_topics();
        self.pending_sync.clear();
    }

    /// The group's record with these assignments; members without one own nothing.
    pub(super) fn record(&self, assignment: &BTreeMap<MemberId, Assignment>) -> GroupRecord {
        let member = |(&id, m): (&MemberId, &Member)| GroupMemberRecord {
            member: id,
            instance: m.instance.clone(),
            session_timeout: m.session_timeout,
            rebalance_timeout: m.rebalance_timeout,
            client: m.client,
            metadata: m.metadata(self.protocol),
            assignment: assignment.get(&id).cloned().unwrap_or_default(),
        };
        GroupRecord::Metadata {
            group: self.id,
            generation: self.generation,
            protocol_type: self.protocol_type,
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
    pub(super) fn members_for_leader(&self) -> Vec<(MemberId, Option<String>, Metadata)> {
        self.members
            .iter()
            .map(|(&id, m)| (id, m.instance.clone(), m.metadata(self.protocol)))
            .collect()
    }
}
