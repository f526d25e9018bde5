//! In a group of the new protocol no partition is given to a member before the one that had it
//! has given it up, and the epoch of a member does not fall.
//!
//! Source: KIP-848, "Rebalance process"; KAFKA-16147 (partition epochs that are forgotten). In a
//! classic group the leader of a round assigns; there no partition may have two members in one
//! round.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::records::{ConsumerAssignmentRecord, GroupMemberRecord, GroupRecord};
use broker_model::types::{GroupEpoch, GroupId, MemberId, PartitionId};

use super::ledger::is_of_the_past;
use super::ownership::{Ownership, Round};
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct OneOwner;

fn taken(view: &View<'_>, partition: PartitionId, owner: MemberId, member: MemberId) -> String {
    format!(
        "gives partition {partition} of member {owner} to member {member}",
        partition = view.partition(partition)
    )
}

fn wrong_step(
    view: &View<'_>,
    round: &Round,
    member: MemberId,
    now: &ConsumerAssignmentRecord,
) -> Option<String> {
    let mut owned = now.assigned.iter().chain(&now.revoking);
    let other = owned.find_map(|&partition| {
        let owner = round.owner(partition).filter(|owner| *owner != member)?;
        Some(taken(view, partition, owner, member))
    });
    // A static member that leaves for now keeps what it has.
    let stays = now.epoch != GroupEpoch::LEAVING_FOR_NOW;
    let before = round.epochs.get(&member).filter(|before| stays && now.epoch < **before);
    let fell = before
        .map(|before| format!("takes member {member} from epoch {before} back to {}", now.epoch));
    other.or(fell)
}

fn wrong_round(view: &View<'_>, members: &[GroupMemberRecord]) -> Option<String> {
    let mut owners: BTreeMap<PartitionId, MemberId> = BTreeMap::new();
    let all = members.iter().flat_map(|m| m.assignment.partitions().iter().map(|p| (*p, m.member)));
    all.filter_map(|(partition, member)| {
        let owner = owners.insert(partition, member)?;
        Some(taken(view, partition, owner, member))
    })
    .next()
}

impl Invariant for OneOwner {
    fn name(&self) -> &'static str {
        "one-owner"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::GroupLog]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { node, partition, entry, .. } = *note else { return None };
        let ownership = view.ownership?;
        let mut draft = Draft(None);
        view.batches.group_records(entry.batch).find_map(|record| {
            let group = record.group();
            let wrong = match record {
                GroupRecord::ConsumerAssignment { member, value: Some(now), .. } => draft
                    .round(ownership, group)
                    .and_then(|round| wrong_step(view, round, *member, now)),
                GroupRecord::Metadata { members, .. } => wrong_round(view, members),
                _ => None,
            };
            draft.take(ownership, record);
            let wrong = wrong.filter(|_| !is_of_the_past(view, partition, entry))?;
            Some(format!("coordinator {node} of group {} {wrong}", view.group(group)))
        })
    }
}

/// A group as a batch makes it anew, from the first record in it that takes something away: what
/// was logged of a classic group before its first member of the new protocol may never have
/// reached its members.
struct Draft(Option<(GroupId, Round)>);

impl Draft {
    fn round<'a>(&'a self, ownership: &'a Ownership, group: GroupId) -> Option<&'a Round> {
        match &self.0 {
            Some((drafted, round)) if *drafted == group => Some(round),
            _ => ownership.round(group),
        }
    }

    fn take(&mut self, ownership: &Ownership, record: &GroupRecord) {
        let group = record.group();
        let removes = matches!(
            record,
            GroupRecord::Tombstone { .. } | GroupRecord::ConsumerAssignment { value: None, .. }
        );
        if removes && self.0.as_ref().is_none_or(|(drafted, _)| *drafted != group) {
            self.0 = ownership.round(group).map(|round| (group, round.clone()));
        }
        if let Some((_, round)) = self.0.as_mut().filter(|(drafted, _)| *drafted == group) {
            round.take(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ownership::fixture::{Bench, gone, left, round, stands};
    use super::OneOwner;

    #[test]
    fn rejects_what_another_has_not_given_up() {
        let mut bench = Bench::default();
        bench.logs(&mut OneOwner, stands(1, 5, &[0], &[1]));
        assert!(bench.logs(&mut OneOwner, stands(2, 5, &[0], &[])).is_some(), "assigned");
        assert!(bench.logs(&mut OneOwner, stands(3, 5, &[1], &[])).is_some(), "being revoked");
        assert!(bench.logs(&mut OneOwner, round(1, &[(1, &[0]), (2, &[0])])).is_some());
    }

    #[test]
    fn rejects_epochs_that_fall() {
        let mut bench = Bench::default();
        bench.logs(&mut OneOwner, stands(1, 5, &[0], &[]));
        assert!(bench.logs(&mut OneOwner, stands(1, 4, &[0], &[])).is_some());
    }

    #[test]
    fn accepts_what_was_given_up_and_members_that_begin_anew() {
        let mut bench = Bench::default();
        let mut says = |record| bench.logs(&mut OneOwner, record);
        let steps = [
            stands(1, 5, &[0], &[1]),
            stands(1, 6, &[0], &[]),
            stands(2, 6, &[1], &[]),
            left(1),
            stands(2, 7, &[0, 1], &[]),
            stands(1, 0, &[], &[]),
            round(1, &[(1, &[0]), (2, &[1])]),
            round(2, &[(1, &[1]), (2, &[0])]),
        ];
        assert!(steps.into_iter().filter_map(&mut says).next().is_none());
    }

    #[test]
    fn a_group_that_is_made_anew_is_judged_by_its_own_records() {
        let anew = |second| {
            let mut bench = Bench::default();
            bench.logs(&mut OneOwner, round(1, &[(1, &[0, 1])]));
            let records = vec![gone(), stands(1, 2, &[0], &[]), second];
            bench.logs_at_once(&mut OneOwner, records)
        };
        assert_eq!(anew(stands(2, 2, &[1], &[])), None, "the round before never reached anybody");
        assert!(anew(stands(2, 2, &[0], &[])).is_some());
    }

    #[test]
    fn a_static_member_leaves_for_now_and_its_successor_has_what_it_had() {
        let mut bench = Bench::default();
        bench.logs(&mut OneOwner, stands(1, 5, &[0], &[]));
        assert_eq!(bench.logs(&mut OneOwner, stands(1, -2, &[0], &[])), None);
        let mut other = |records| bench.logs_at_once(&mut OneOwner, records);
        assert!(other(vec![stands(2, 5, &[0], &[])]).is_some());
        assert_eq!(other(vec![left(2), stands(3, 5, &[0], &[])]), None);
    }
}
