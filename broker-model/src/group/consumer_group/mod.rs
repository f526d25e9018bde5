//! A group of the new protocol (KIP-848): a target assignment that the coordinator makes, and
//! members on their way to it.
//!
//! All of it is replayed state. What a heartbeat decides is applied as its records are appended,
//! as in Kafka, so that the next heartbeat builds on it, and taken back if the append fails; its
//! answer waits until the records are replicated.

mod checks;
mod classic_member;
mod describe;
mod draft;
mod expression;
mod heartbeat;
mod leave;
mod migration;
mod patterns;
mod reconcile;
mod replay;
mod target;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) use classic_member::ClassicJoin;
pub(super) use describe::not_described;
pub(super) use leave::tombstones;
pub(super) use replay::{Undo, apply};

use super::classic_group::GroupState;
use super::offsets::GroupOffsets;
use crate::protocol::consumer_group::ServerAssignor;
use crate::records::{
    ConsumerAssignmentRecord, ConsumerMemberRecord, PatternRecord, Reconciliation,
};
use crate::types::{GroupEpoch, GroupId, MemberId, PartitionId, TextId, TopicId};

/// States of a group of the new protocol. Source: Kafka, `ConsumerGroupState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ConsumerGroupState {
    /// No members; offsets may exist.
    Empty,
    /// Members have changed, and targets are not made yet.
    Assigning,
    /// Members are on their way to their targets.
    Reconciling,
    /// Everyone has its target.
    Stable,
}

impl ConsumerGroupState {
    /// Kafka's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }

    /// The state of a classic group that it comes next to.
    const fn as_classic(self) -> GroupState {
        match self {
            Self::Empty => GroupState::Empty,
            Self::Assigning => GroupState::PreparingRebalance,
            Self::Reconciling => GroupState::CompletingRebalance,
            Self::Stable => GroupState::Stable,
        }
    }
}

/// A member of a group of the new protocol.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct ConsumerMember {
    /// What it said of itself.
    pub(super) said: ConsumerMemberRecord,
    /// How far it has come.
    pub(super) stands: ConsumerAssignmentRecord,
    /// What it shall own in the end, in order of id.
    pub(super) target: Vec<PartitionId>,
}

impl ConsumerMember {
    /// It has all that it shall own.
    pub(super) fn has_arrived(&self, target_epoch: GroupEpoch) -> bool {
        self.stands.state == Reconciliation::Stable && self.stands.epoch == target_epoch
    }
}

/// The topics a group subscribes to, as they were looked at: `topics_hash` is theirs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Looked {
    /// The end of the metadata.
    pub(super) at: u64,
    /// In order of id.
    pub(super) topics: Vec<TopicId>,
}

/// A group of the new protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ConsumerGroup {
    pub(super) id: GroupId,
    /// Raised when members, subscriptions or subscribed topics change.
    pub(super) epoch: GroupEpoch,
    /// What the subscribed topics looked like at that epoch.
    pub(super) topics_hash: u64,
    /// The group's epoch for which the targets were made.
    pub(super) target_epoch: GroupEpoch,
    pub(super) members: BTreeMap<MemberId, ConsumerMember>,
    pub(super) instances: BTreeMap<String, MemberId>,
    /// Who has a partition, or has not given it up yet.
    pub(super) owners: BTreeMap<PartitionId, MemberId>,
    /// How many members subscribe by each regular expression.
    pub(super) subscribers: BTreeMap<TextId, usize>,
    /// The topics of the regular expressions that were looked up.
    pub(super) patterns: BTreeMap<TextId, PatternRecord>,
    /// When the subscribed topics were last looked at.
    pub(super) looked: Option<Looked>,
    pub(super) offsets: GroupOffsets,
}

impl ConsumerGroup {
    pub(super) fn new(id: GroupId, offsets: GroupOffsets) -> Self {
        Self {
            id,
            epoch: GroupEpoch(0),
            topics_hash: 0,
            target_epoch: GroupEpoch(0),
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            owners: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            patterns: BTreeMap::new(),
            looked: None,
            offsets,
        }
    }

    /// Source: Kafka, `ConsumerGroup.maybeUpdateGroupState`.
    pub(super) fn state(&self) -> ConsumerGroupState {
        if self.members.is_empty() {
            ConsumerGroupState::Empty
        } else if self.epoch > self.target_epoch {
            ConsumerGroupState::Assigning
        } else if self.members.values().any(|m| !m.has_arrived(self.target_epoch)) {
            ConsumerGroupState::Reconciling
        } else {
            ConsumerGroupState::Stable
        }
    }

    /// The assignor that most of `members` ask for. A tie goes by the order of a Java `HashMap`
    /// with the names as keys: `uniform` in bucket 1 of 16, `range` in bucket 9.
    pub(super) fn preferred_assignor<'a>(
        members: impl Iterator<Item = &'a ConsumerMember>,
        default: ServerAssignor,
    ) -> ServerAssignor {
        let (mut uniform, mut range) = (0_usize, 0_usize);
        for member in members {
            match member.said.assignor {
                Some(ServerAssignor::Uniform) => uniform += 1,
                Some(ServerAssignor::Range) => range += 1,
                None => {}
            }
        }
        match (uniform, range) {
            (0, 0) => default,
            (uniform, range) if uniform >= range => ServerAssignor::Uniform,
            _ => ServerAssignor::Range,
        }
    }
}
