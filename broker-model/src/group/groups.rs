//! The groups of a shard, of either protocol.

use alloc::collections::BTreeMap;

use super::classic_group::ClassicGroup;
use super::consumer_group::ConsumerGroup;
use super::offsets::GroupOffsets;
use crate::metadata::Image;
use crate::names::Names;
use crate::types::{GroupId, Timestamp, TopicId};

/// The groups of one shard.
pub(super) type Groups = BTreeMap<GroupId, Group>;

/// A group. Its protocol is that of its members; an empty group changes it with the next that
/// joins, and keeps its offsets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Group {
    /// Of the classic protocol, and groups that only commit offsets.
    Classic(ClassicGroup),
    /// Of the new protocol (KIP-848).
    Consumer(ConsumerGroup),
}

impl Group {
    /// A group without members.
    pub(super) fn new(id: GroupId, now: Timestamp) -> Self {
        Self::Classic(ClassicGroup::new(id, now))
    }

    pub(super) const fn classic(&self) -> Option<&ClassicGroup> {
        match self {
            Self::Classic(group) => Some(group),
            Self::Consumer(_) => None,
        }
    }

    pub(super) const fn classic_mut(&mut self) -> Option<&mut ClassicGroup> {
        match self {
            Self::Classic(group) => Some(group),
            Self::Consumer(_) => None,
        }
    }

    pub(super) const fn consumer(&self) -> Option<&ConsumerGroup> {
        match self {
            Self::Classic(_) => None,
            Self::Consumer(group) => Some(group),
        }
    }

    pub(super) const fn offsets(&self) -> &GroupOffsets {
        match self {
            Self::Classic(group) => &group.offsets,
            Self::Consumer(group) => &group.offsets,
        }
    }

    pub(super) const fn offsets_mut(&mut self) -> &mut GroupOffsets {
        match self {
            Self::Classic(group) => &mut group.offsets,
            Self::Consumer(group) => &mut group.offsets,
        }
    }

    /// Whether a member subscribes to the topic, as far as the coordinator knows.
    pub(super) fn is_subscribed_to(&self, topic: TopicId, image: &Image, names: &Names) -> bool {
        match self {
            Self::Classic(group) => group.is_subscribed_to(topic),
            Self::Consumer(group) => {
                let name = image.topic(topic).map(|topic| topic.name.as_str());
                let subscribed = group.members.values().flat_map(|m| &m.said.topics);
                subscribed.into_iter().any(|&known| Some(names.topic_name(known)) == name)
            }
        }
    }

    pub(super) fn into_offsets(self) -> GroupOffsets {
        match self {
            Self::Classic(group) => group.offsets,
            Self::Consumer(group) => group.offsets,
        }
    }
}

/// The group of this id, if it is of the classic protocol.
pub(super) fn classic_group(groups: &mut Groups, id: GroupId) -> Option<&mut ClassicGroup> {
    groups.get_mut(&id)?.classic_mut()
}
