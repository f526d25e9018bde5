//! Who owns what in each group, by what its coordinator has logged: a fold of the log of our own,
//! not what the coordinator remembers.
//!
//! After a failover the log is what the new leader has.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::records::{ConsumerAssignmentRecord, GroupRecord, LogEntry};
use broker_model::types::{GenerationId, GroupEpoch, GroupId, MemberId, NodeId, PartitionId};

use super::View;
use super::ledger::{is_of_the_past, leads_in_the_past, taken_over};

/// A group.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    /// The generation of a classic group.
    pub(super) generation: Option<GenerationId>,
    /// The epoch that each member of a group of the new protocol has reached.
    pub(super) epochs: BTreeMap<MemberId, GroupEpoch>,
    owners: BTreeMap<PartitionId, MemberId>,
}

impl Round {
    /// Whether a member is known not to be in the group.
    pub(super) fn lacks(&self, member: MemberId) -> bool {
        !self.epochs.is_empty() && !self.epochs.contains_key(&member)
    }

    /// Who owns a partition.
    pub(super) fn owner(&self, partition: PartitionId) -> Option<MemberId> {
        self.owners.get(&partition).copied()
    }

    /// Takes in what is logged of the group.
    pub(super) fn take(&mut self, record: &GroupRecord) {
        match record {
            GroupRecord::Metadata { generation, members, .. } => {
                let owned = members.iter().flat_map(|m| {
                    m.assignment.partitions().iter().map(|partition| (*partition, m.member))
                });
                let (generation, owners) = (Some(*generation), owned.collect());
                *self = Self { generation, owners, ..Self::default() };
            }
            GroupRecord::ConsumerAssignment { member, value, .. } => {
                self.replace(*member, value.as_deref());
            }
            GroupRecord::Tombstone { .. } | GroupRecord::ConsumerEpoch { value: None, .. } => {
                *self = Self::default();
            }
            GroupRecord::ConsumerEpoch { .. } => self.generation = None,
            _ => {}
        }
    }

    fn replace(&mut self, member: MemberId, now: Option<&ConsumerAssignmentRecord>) {
        self.owners.retain(|_, owner| *owner != member);
        self.epochs.remove(&member);
        if let Some(now) = now {
            self.epochs.insert(member, now.epoch);
            let owned = now.assigned.iter().chain(&now.revoking);
            self.owners.extend(owned.map(|&partition| (partition, member)));
        }
    }
}

/// What a coordinator's log tells of a group.
#[derive(Clone, Debug)]
struct Told {
    /// Whose log it is: who leads it, of all who may believe so.
    coordinator: NodeId,
    round: Round,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    rounds: Vec<Option<Told>>,
    /// The groups that each partition of the coordinators' topic has told of.
    logs: BTreeMap<PartitionId, Vec<GroupId>>,
}

const fn place(group: GroupId) -> usize {
    group.0 as usize
}

impl Ownership {
    /// What is known of a group.
    pub(super) fn round(&self, group: GroupId) -> Option<&Round> {
        self.rounds.get(place(group))?.as_ref().map(|told| &told.round)
    }

    /// What is known of a group, if that comes from the log of this coordinator. One that has not
    /// heard of its successor cannot know what that one has logged, and what it accepts itself is
    /// truncated before anybody is told that it is there.
    pub(super) fn round_of(&self, coordinator: NodeId, group: GroupId) -> Option<&Round> {
        let told = self.rounds.get(place(group))?.as_ref()?;
        (told.coordinator == coordinator).then_some(&told.round)
    }

    /// Takes in what is new, after the invariants have looked.
    pub(super) fn after(&mut self, view: &View<'_>, note: &Note) {
        match *note {
            Note::Appended { node, partition, entry, leader: true, .. }
                if !is_of_the_past(view, partition, entry) =>
            {
                self.logged(view, (node, partition), entry);
            }
            Note::BecameLeader { node, partition, leader_epoch, start } => {
                let past = leads_in_the_past(view, partition, leader_epoch);
                if !past && let Some(groups) = self.logs.remove(&partition) {
                    groups.into_iter().for_each(|group| self.rounds[place(group)] = None);
                    let entries = taken_over(view, node, partition, start).unwrap_or_default();
                    let log = (node, partition);
                    entries.iter().for_each(|&entry| self.logged(view, log, entry));
                }
            }
            _ => {}
        }
    }

    fn logged(&mut self, view: &View<'_>, log: (NodeId, PartitionId), entry: LogEntry) {
        for record in view.batches.group_records(entry.batch) {
            self.take(log, record);
        }
    }

    fn take(&mut self, log: (NodeId, PartitionId), record: &GroupRecord) {
        let tells = matches!(
            record,
            GroupRecord::Metadata { .. }
                | GroupRecord::ConsumerAssignment { .. }
                | GroupRecord::Tombstone { .. }
                | GroupRecord::ConsumerEpoch { .. }
        );
        if tells {
            self.entry(log, record.group()).take(record);
        }
    }

    fn entry(&mut self, (coordinator, log): (NodeId, PartitionId), group: GroupId) -> &mut Round {
        let place = place(group);
        if self.rounds.len() <= place {
            self.rounds.resize_with(place + 1, || None);
        }
        let told = self.rounds[place].get_or_insert_with(|| {
            self.logs.entry(log).or_default().push(group);
            Told { coordinator, round: Round::default() }
        });
        &mut told.round
    }
}

/// A coordinator's log, for tests.
#[cfg(test)]
pub(super) mod fixture {
    use broker_model::note::Note;
    use broker_model::protocol::group::{Assignment, Metadata};
    use broker_model::records::{
        Batches, ConsumerAssignmentRecord, GroupMemberRecord, GroupRecord, LogEntry, NewBatch,
        OffsetRecord,
    };
    use broker_model::types::{
        GenerationId, GroupEpoch, GroupId, Instant, LeaderEpoch, MemberId, NodeId, Offset,
        PartitionId, TextId, Timestamp,
    };

    use super::super::living::Living;
    use super::super::{Invariant, View};
    use super::Ownership;

    const GROUP: GroupId = GroupId(0);
    const LOG: PartitionId = PartitionId(1_000);

    /// A round of the classic protocol: members with what they own.
    pub(crate) fn round(generation: i32, members: &[(u64, &[u32])]) -> GroupRecord {
        let member = |&(member, owned): &(u64, &[u32])| GroupMemberRecord {
            member: MemberId(member),
            instance: None,
            session_timeout: 0,
            rebalance_timeout: 0,
            client: 0,
            metadata: Metadata::Opaque(TextId(0)),
            assignment: Assignment::Partitions(ids(owned)),
        };
        GroupRecord::Metadata {
            group: GROUP,
            generation: GenerationId(generation),
            protocol_type: None,
            protocol: None,
            leader: None,
            members: members.iter().map(member).collect(),
        }
    }

    /// How far a member of the new protocol has come.
    pub(crate) fn stands(
        member: u64,
        epoch: i32,
        assigned: &[u32],
        revoking: &[u32],
    ) -> GroupRecord {
        let value = ConsumerAssignmentRecord {
            epoch: GroupEpoch(epoch),
            assigned: ids(assigned),
            revoking: ids(revoking),
            ..ConsumerAssignmentRecord::default()
        };
        let value = Some(Box::new(value));
        GroupRecord::ConsumerAssignment { group: GROUP, member: MemberId(member), value }
    }

    pub(crate) fn left(member: u64) -> GroupRecord {
        GroupRecord::ConsumerAssignment { group: GROUP, member: MemberId(member), value: None }
    }

    pub(crate) fn epoch(epoch: i32) -> GroupRecord {
        GroupRecord::ConsumerEpoch { group: GROUP, value: Some((GroupEpoch(epoch), 0)) }
    }

    pub(crate) fn gone() -> GroupRecord {
        GroupRecord::Tombstone { group: GROUP }
    }

    pub(crate) fn offset(partition: u32, offset: Option<i64>) -> GroupRecord {
        let value = offset.map(|offset| OffsetRecord {
            offset: Offset(offset),
            leader_epoch: None,
            metadata: TextId(0),
            commit_timestamp: Timestamp(0),
            expire_timestamp: None,
        });
        GroupRecord::Offset { group: GROUP, partition: PartitionId(partition), value }
    }

    pub(crate) fn ids(partitions: &[u32]) -> Vec<PartitionId> {
        partitions.iter().map(|&partition| PartitionId(partition)).collect()
    }

    #[derive(Default)]
    pub(crate) struct Bench {
        batches: Batches,
        ownership: Ownership,
        living: Option<Living>,
        end: i64,
        /// What the coordinator's clock says, in milliseconds.
        pub(crate) wall: Timestamp,
    }

    impl Bench {
        /// With a cluster of which partition 0 is a topic's.
        pub(crate) fn living() -> Self {
            Self { living: Some(Living::new()), ..Self::default() }
        }

        pub(crate) fn say(&mut self, invariant: &mut dyn Invariant, note: &Note) -> Option<String> {
            let nodes = self.living.as_ref().map_or(&[][..], |living| living.view().nodes);
            let view = View::new(Instant(0), nodes, &self.batches);
            let said = invariant.on_note(&View { ownership: Some(&self.ownership), ..view }, note);
            self.ownership.after(&view, note);
            said
        }

        /// The coordinator logs a record.
        pub(crate) fn logs(
            &mut self,
            invariant: &mut dyn Invariant,
            record: GroupRecord,
        ) -> Option<String> {
            self.logs_at_once(invariant, vec![record])
        }

        pub(crate) fn logs_at_once(
            &mut self,
            invariant: &mut dyn Invariant,
            records: Vec<GroupRecord>,
        ) -> Option<String> {
            let batch = self.batches.push_group(NewBatch::plain(100, self.wall), records);
            let (base_offset, leader_epoch) = (Offset(self.end), LeaderEpoch(0));
            self.end += 1;
            let (node, partition, end) = (NodeId(1), LOG, Offset(self.end));
            let entry = LogEntry { base_offset, batch, leader_epoch };
            self.say(invariant, &Note::Appended { node, partition, entry, end, leader: true })
        }

        pub(crate) fn commits(
            &mut self,
            invariant: &mut dyn Invariant,
            (member, generation): (u64, i32),
            partitions: &[u32],
        ) -> Option<String> {
            self.commits_at(NodeId(1), invariant, (member, generation), partitions)
        }

        fn commits_at(
            &mut self,
            node: NodeId,
            invariant: &mut dyn Invariant,
            (member, generation): (u64, i32),
            partitions: &[u32],
        ) -> Option<String> {
            let (group, member) = (GROUP, MemberId(member));
            let (generation, partitions) = (GenerationId(generation), ids(partitions));
            let note = Note::CommitAccepted { node, group, member, generation, partitions };
            self.say(invariant, &note)
        }

        /// A coordinator that was deposed accepts a commit.
        pub(crate) fn commits_at_a_deposed(
            &mut self,
            invariant: &mut dyn Invariant,
            (member, generation): (u64, i32),
            partitions: &[u32],
        ) -> Option<String> {
            self.commits_at(NodeId(9), invariant, (member, generation), partitions)
        }

        /// Another coordinator takes over.
        pub(crate) fn fails_over(&mut self, invariant: &mut dyn Invariant) {
            let (node, partition, leader_epoch) = (NodeId(2), LOG, LeaderEpoch(1));
            let note = Note::BecameLeader { node, partition, leader_epoch, start: Offset(0) };
            self.say(invariant, &note);
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::types::LeaderEpoch;

    use super::super::living::Living;
    use super::Ownership;

    #[test]
    fn after_a_failover_it_is_what_the_new_leader_has() {
        let living = Living::new();
        let view = living.view();
        let (partition, log) = living.log_of_groups();
        let mut ownership = Ownership::default();
        let (node, leader_epoch) = (living.leader, LeaderEpoch(0));
        let first = log[0];
        let end = first.base_offset + 1;
        let told = Note::Appended { node, partition, entry: first, end, leader: true };
        ownership.after(&view, &told);
        let group = view.batches.group_records(first.batch).next().expect("a record").group();
        let owned = |o: &Ownership| o.round(group).and_then(|round| round.owner(living.partition));
        assert_eq!(owned(&ownership), None, "not yet logged");
        let start = log[log.len() - 1].base_offset + 1;
        ownership.after(&view, &Note::BecameLeader { node, partition, leader_epoch, start });
        assert!(owned(&ownership).is_some(), "in the log since");
    }
}
