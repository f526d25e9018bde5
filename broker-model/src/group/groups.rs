//! The groups of a shard, of either protocol.

use alloc::collections::BTreeMap;

use super::classic_group::ClassicGroup;
use super::offsets::GroupOffsets;
use crate::types::{GroupId, Timestamp};

/// The groups of one shard.
pub(super) type Groups = BTreeMap<GroupId, Group>;

/// A group. Its protocol is that of its members; an empty group changes it with the next that
/// joins, and keeps its offsets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Group {
    /// Of the classic protocol, and groups that only commit offsets.
    Classic(ClassicGroup),
}

impl Group {
    /// A group without members.
    pub(super) fn new(id: GroupId, now: Timestamp) -> Self {
        Self::Classic(ClassicGroup::new(id, now))
    }

    pub(super) const fn classic(&self) -> Option<&ClassicGroup> {
        match self {
            Self::Classic(group) => Some(group),
        }
    }

    pub(super) const fn classic_mut(&mut self) -> Option<&mut ClassicGroup> {
        match self {
            Self::Classic(group) => Some(group),
        }
    }

    pub(super) const fn offsets(&self) -> &GroupOffsets {
        match self {
            Self::Classic(group) => &group.offsets,
        }
    }

    pub(super) const fn offsets_mut(&mut self) -> &mut GroupOffsets {
        match self {
            Self::Classic(group) => &mut group.offsets,
        }
    }
}

/// The group of this id, if it is of the classic protocol.
pub(super) fn classic_group(groups: &mut Groups, id: GroupId) -> Option<&mut ClassicGroup> {
    groups.get_mut(&id)?.classic_mut()
}
