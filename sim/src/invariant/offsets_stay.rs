//! A committed offset disappears only when it was asked for: not while a member owns its partition
//! and the topic exists, and not before a group of the classic protocol has been empty for
//! `offsets.retention.minutes`.
//!
//! Source: KIP-211; KAFKA-13636, KAFKA-8069 (offsets that expire under a group that reads). An
//! offset goes back only by a commit, and who may commit is `commit-by-owner`; what coordinators
//! make of their logs is `coordinator-knows-its-log`.
//!
//! A coordinator that loses the last member of a classic group logs an empty round; where that cannot
//! be written the group is empty all the same (Kafka, `GroupMetadataManager`: "Failed to write empty
//! metadata for group"), so a member that a coordinator has fenced owns nothing there.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::note::Note;
use broker_model::records::GroupRecord;
use broker_model::types::{GroupId, MILLISECOND, MemberId, NodeId, PartitionId, Timestamp};

use super::ledger::is_of_the_past;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OffsetsStay {
    /// Members that a coordinator's broker has fenced.
    fenced: BTreeSet<(NodeId, GroupId, MemberId)>,
    /// Since when classic groups are empty, by the clocks of their coordinators: a record may be
    /// appended later than it was made.
    empty: BTreeMap<GroupId, Timestamp>,
}

impl OffsetsStay {
    fn follow(&mut self, made: Timestamp, record: &GroupRecord) {
        match record {
            GroupRecord::Metadata { group, members, .. } if members.is_empty() => {
                self.empty.entry(*group).or_insert(made);
            }
            GroupRecord::Metadata { group, .. }
            | GroupRecord::Tombstone { group }
            | GroupRecord::ConsumerEpoch { group, .. } => {
                self.empty.remove(group);
            }
            _ => {}
        }
    }

    /// What is wrong with the removal of a group's offset by a coordinator.
    fn wrong(
        &self,
        view: &View<'_>,
        (node, made): (NodeId, Timestamp),
        (group, partition): (GroupId, PartitionId),
    ) -> Option<String> {
        let what = || {
            let (group, partition) = (view.group(group), view.partition(partition));
            format!(
                "coordinator {node} removes the offset of group {group} for partition {partition}"
            )
        };
        if let Some(owner) = view.ownership?.round(group)?.owner(partition) {
            let fenced = self.fenced.contains(&(node, group, owner));
            return (!fenced).then(|| format!("{}, which member {owner} owns", what()));
        }
        let since = *self.empty.get(&group)?;
        let retention = view.node(node)?.broker()?.config().offsets_retention;
        let (empty, least) = (made.0 - since.0, (retention / MILLISECOND) as i64);
        (empty < least)
            .then(|| format!("{}, which has been empty for {empty} ms of {least} ms", what()))
    }
}

impl Invariant for OffsetsStay {
    fn name(&self) -> &'static str {
        "offsets-stay"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::GroupLog, Interest::MemberFenced]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let (node, log, entry) = match *note {
            Note::Appended { node, partition, entry, .. } => (node, partition, entry),
            Note::MemberFenced { node, group, member } => {
                self.fenced.insert((node, group, member));
                return None;
            }
            _ => return None,
        };
        if is_of_the_past(view, log, entry) {
            return None;
        }
        let made = view.batches.get(entry.batch).max_timestamp;
        view.batches.group_records(entry.batch).find_map(|record| {
            let GroupRecord::Offset { group, partition, value: None } = *record else {
                self.follow(made, record);
                return None;
            };
            view.image()?.partition(partition)?;
            self.wrong(view, (node, made), (group, partition))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::ownership::fixture::{Bench, offset, round};
    use broker_model::note::Note;
    use broker_model::types::{GroupId, MemberId, NodeId, Timestamp};

    use super::OffsetsStay;

    #[test]
    fn rejects_a_removal_under_an_owner() {
        let mut bench = Bench::living();
        bench.logs(&mut OffsetsStay::default(), round(1, &[(1, &[0])]));
        assert_eq!(bench.logs(&mut OffsetsStay::default(), offset(0, Some(7))), None);
        assert!(bench.logs(&mut OffsetsStay::default(), offset(0, None)).is_some());
    }

    #[test]
    fn accepts_the_removal_of_what_nobody_owns_or_is_deleted() {
        let mut bench = Bench::living();
        bench.logs(&mut OffsetsStay::default(), round(1, &[(1, &[99])]));
        assert_eq!(bench.logs(&mut OffsetsStay::default(), offset(0, None)), None, "of nobody");
        assert_eq!(bench.logs(&mut OffsetsStay::default(), offset(99, None)), None, "deleted");
        bench.logs(&mut OffsetsStay::default(), round(1, &[(1, &[0])]));
        bench.logs(&mut OffsetsStay::default(), round(2, &[]));
        assert_eq!(bench.logs(&mut OffsetsStay::default(), offset(0, None)), None, "all have left");
    }

    /// The removal of an offset of an empty group after so many hours, of the seven days of the
    /// default.
    fn removed_after(hours: i64) -> Option<String> {
        let (mut bench, mut invariant) = (Bench::living(), OffsetsStay::default());
        bench.logs(&mut invariant, round(1, &[(1, &[0])]));
        bench.wall = Timestamp(1_000);
        bench.logs(&mut invariant, round(2, &[]));
        bench.wall = Timestamp(1_000 + hours * 3_600_000);
        bench.logs(&mut invariant, offset(0, None))
    }

    #[test]
    fn rejects_a_removal_from_a_group_that_was_not_empty_for_long_enough() {
        assert!(removed_after(167).is_some());
    }

    #[test]
    fn accepts_a_removal_from_a_group_that_was() {
        assert_eq!(removed_after(168), None);
    }

    #[test]
    fn accepts_the_removal_under_a_member_that_this_coordinator_has_fenced() {
        let removal = |by| {
            let mut bench = Bench::living();
            let mut invariant = OffsetsStay::default();
            bench.logs(&mut invariant, round(1, &[(1, &[0])]));
            let fenced =
                Note::MemberFenced { node: NodeId(by), group: GroupId(0), member: MemberId(1) };
            bench.say(&mut invariant, &fenced);
            bench.logs(&mut invariant, offset(0, None))
        };
        assert_eq!(removal(1), None);
        assert!(removal(2).is_some(), "another one has fenced it, before it came here");
    }
}
