//! Records become state, and can be taken back.

use alloc::boxed::Box;

use super::ConsumerGroup;
use crate::group::groups::{Group, Groups};
use crate::records::{ConsumerAssignmentRecord, ConsumerMemberRecord, GroupRecord, PatternRecord};
use crate::rules::{PartitionEpochBookkeeping, Rules};
use crate::types::{GroupEpoch, GroupId, MemberId, PartitionId, TextId, Timestamp};

/// What takes an applied record back.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::group) enum Undo {
    /// Another record of the same key.
    Record(GroupRecord),
    /// The group was another one, or there was none. It keeps the offsets it has got meanwhile.
    Group(GroupId, Option<Box<Group>>),
    /// The group was this one of the new protocol, and is a classic one with members.
    Downgrade(GroupId, Box<Group>),
}

impl Undo {
    /// The group it is about.
    pub(in crate::group) const fn group(&self) -> GroupId {
        match self {
            Self::Group(group, _) | Self::Downgrade(group, _) => *group,
            Self::Record(record) => record.group(),
        }
    }

    /// Takes it back. Those that were applied later are taken back before.
    pub(in crate::group) fn revert(self, groups: &mut Groups, now: Timestamp, rules: &Rules) {
        match self {
            Self::Record(record) => {
                apply(groups, &record, now, rules);
            }
            // Members of the classic protocol have joined since: the group is theirs.
            Self::Group(id, _) if is_in_use(groups.get(&id)) => {}
            Self::Downgrade(id, mut before) => {
                let offsets = groups.remove(&id).map(Group::into_offsets).unwrap_or_default();
                *before.offsets_mut() = offsets;
                groups.insert(id, *before);
            }
            Self::Group(id, before) => {
                let offsets = groups.remove(&id).map(Group::into_offsets).unwrap_or_default();
                let mut group = match before {
                    Some(group) => *group,
                    None if offsets.is_empty() => return,
                    None => Group::new(id, now),
                };
                *group.offsets_mut() = offsets;
                groups.insert(id, group);
            }
        }
    }
}

fn is_in_use(group: Option<&Group>) -> bool {
    let classic = group.and_then(Group::classic);
    classic.is_some_and(|group| !group.members.is_empty() || !group.pending_join.is_empty())
}

/// Applies a record of a group of the new protocol, or the tombstone of a classic group; others
/// change nothing.
pub(in crate::group) fn apply(
    groups: &mut Groups,
    record: &GroupRecord,
    now: Timestamp,
    rules: &Rules,
) -> Option<Undo> {
    let id = record.group();
    let is_removal = match record {
        GroupRecord::Tombstone { .. } => groups.get(&id)?.classic().is_some(),
        GroupRecord::ConsumerEpoch { value: None, .. } => groups.get(&id)?.consumer().is_some(),
        GroupRecord::Offset { .. } | GroupRecord::Metadata { .. } => return None,
        _ => false,
    };
    if is_removal {
        return remove(groups, id, now);
    }
    let is_tombstone = match record {
        GroupRecord::ConsumerMember { value, .. } => value.is_none(),
        GroupRecord::ConsumerTarget { value, .. } => value.is_none(),
        GroupRecord::ConsumerAssignment { value, .. } => value.is_none(),
        GroupRecord::ConsumerTargetEpoch { value, .. } => value.is_none(),
        GroupRecord::ConsumerEpoch { value, .. } => value.is_none(),
        GroupRecord::ConsumerPattern { value, .. } => value.is_none(),
        _ => true,
    };
    match groups.get_mut(&id) {
        Some(Group::Consumer(group)) => group.apply(record, rules).map(Undo::Record),
        _ if is_tombstone => None,
        // A simple group has no records of its own: it makes room.
        Some(Group::Classic(classic)) if !classic.members.is_empty() => None,
        _ => {
            let before = groups.remove(&id);
            let offsets = before.as_ref().map(|g| g.offsets().clone()).unwrap_or_default();
            let mut group = ConsumerGroup::new(id, offsets);
            group.apply(record, rules);
            groups.insert(id, Group::Consumer(group));
            Some(Undo::Group(id, before.map(Box::new)))
        }
    }
}

/// A group goes; its offsets stay until their own tombstones come.
fn remove(groups: &mut Groups, id: GroupId, now: Timestamp) -> Option<Undo> {
    let before = groups.remove(&id)?;
    if !before.offsets().is_empty() {
        let mut simple = Group::new(id, now);
        *simple.offsets_mut() = before.offsets().clone();
        groups.insert(id, simple);
    }
    Some(Undo::Group(id, Some(Box::new(before))))
}

impl ConsumerGroup {
    /// Applies records that make it; those of others change nothing.
    pub(super) fn apply_all(&mut self, records: &[GroupRecord], rules: &Rules) {
        for record in records {
            self.apply(record, rules);
        }
    }

    /// Applies one record and gives back the one that was there before.
    fn apply(&mut self, record: &GroupRecord, rules: &Rules) -> Option<GroupRecord> {
        let group = self.id;
        Some(match record {
            GroupRecord::ConsumerEpoch { value, .. } => {
                let before = Some((self.epoch, self.topics_hash));
                (self.epoch, self.topics_hash) = value.unwrap_or((GroupEpoch(0), 0));
                GroupRecord::ConsumerEpoch { group, value: before }
            }
            GroupRecord::ConsumerTargetEpoch { value, .. } => {
                let before = Some(self.target_epoch);
                self.target_epoch = value.unwrap_or(GroupEpoch(-1));
                GroupRecord::ConsumerTargetEpoch { group, value: before }
            }
            GroupRecord::ConsumerMember { member, value, .. } => {
                let value = self.apply_member(*member, value.as_deref()).map(Box::new);
                GroupRecord::ConsumerMember { group, member: *member, value }
            }
            GroupRecord::ConsumerTarget { member, value, .. } => {
                let state = self.members.get_mut(member)?;
                let target = value.clone().unwrap_or_default();
                let value = Some(core::mem::replace(&mut state.target, target));
                GroupRecord::ConsumerTarget { group, member: *member, value }
            }
            GroupRecord::ConsumerAssignment { member, value, .. } => {
                let before = self.apply_assignment(*member, value.as_deref().cloned(), rules)?;
                let value = Some(Box::new(before));
                GroupRecord::ConsumerAssignment { group, member: *member, value }
            }
            GroupRecord::ConsumerPattern { pattern, value, .. } => {
                let before = match value {
                    Some(value) => self.patterns.insert(*pattern, PatternRecord::clone(value)),
                    None => self.patterns.remove(pattern),
                };
                let value = before.map(Box::new);
                GroupRecord::ConsumerPattern { group, pattern: *pattern, value }
            }
            GroupRecord::Offset { .. }
            | GroupRecord::Metadata { .. }
            | GroupRecord::Tombstone { .. } => return None,
        })
    }

    fn apply_member(
        &mut self,
        id: MemberId,
        value: Option<&ConsumerMemberRecord>,
    ) -> Option<ConsumerMemberRecord> {
        let Some(said) = value else {
            // Its partitions are free already: the tombstone of its assignment comes first.
            let said = self.members.remove(&id)?.said;
            self.recount(said.pattern, TextId::EMPTY);
            if let Some(instance) = &said.instance {
                self.instances.remove(instance);
            }
            return Some(said);
        };
        if let Some(instance) = &said.instance {
            self.instances.insert(instance.clone(), id);
        }
        let is_new = !self.members.contains_key(&id);
        let member = self.members.entry(id).or_default();
        let before = core::mem::replace(&mut member.said, said.clone());
        self.recount(before.pattern, said.pattern);
        (!is_new).then_some(before)
    }

    fn apply_assignment(
        &mut self,
        id: MemberId,
        value: Option<ConsumerAssignmentRecord>,
        rules: &Rules,
    ) -> Option<ConsumerAssignmentRecord> {
        let left = || ConsumerAssignmentRecord {
            epoch: GroupEpoch::LEAVING,
            previous: GroupEpoch::LEAVING,
            ..ConsumerAssignmentRecord::default()
        };
        let member = self.members.get_mut(&id)?;
        let stands = value.unwrap_or_else(left);
        let before = core::mem::replace(&mut member.stands, stands.clone());
        match rules.partition_epoch_bookkeeping {
            PartitionEpochBookkeeping::Whole => {
                self.disown(id, &before.assigned);
                self.disown(id, &before.revoking);
                self.own(id, &stands.assigned);
                self.own(id, &stands.revoking);
            }
            PartitionEpochBookkeeping::ListByList => {
                let lists =
                    [(&before.assigned, &stands.assigned), (&before.revoking, &stands.revoking)];
                for (had, has) in lists.into_iter().filter(|(had, has)| had != has) {
                    self.disown(id, had);
                    self.own(id, has);
                }
            }
        }
        Some(before)
    }

    /// Who has each partition, by what the members have. A record that stays in force while the one
    /// before it is taken back may give away what is not free any more.
    pub(in crate::group) fn recount_owners(&mut self) {
        self.owners.clear();
        for (&id, member) in &self.members {
            let owned = member.stands.assigned.iter().chain(&member.stands.revoking);
            self.owners.extend(owned.map(|&partition| (partition, id)));
        }
    }

    fn disown(&mut self, member: MemberId, partitions: &[PartitionId]) {
        for partition in partitions {
            if self.owners.get(partition) == Some(&member) {
                self.owners.remove(partition);
            }
        }
    }

    fn own(&mut self, member: MemberId, partitions: &[PartitionId]) {
        self.owners.extend(partitions.iter().map(|partition| (*partition, member)));
    }
}
