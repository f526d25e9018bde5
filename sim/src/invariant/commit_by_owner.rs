//! A commit that a coordinator accepts of a member comes from the present generation, or the
//! epoch that the member has reached, and is of no partition that another member owns.
//!
//! Source: KIP-447 (transactional commits of members that are gone), KIP-848. What nobody owns may
//! be committed: with cooperative assignors a member commits what it gives up in the round in which
//! it does. A coordinator that was deposed and has not heard of it may accept what it likes: it
//! answers when that is replicated, and it will not be.

use broker_model::note::Note;
use broker_model::types::{GenerationId, MemberId, PartitionId};

use super::ownership::Round;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct CommitByOwner;

fn wrong(
    view: &View<'_>,
    round: &Round,
    member: MemberId,
    generation: GenerationId,
    partitions: &[PartitionId],
) -> Option<String> {
    let epoch = round.epochs.get(&member).map(|epoch| epoch.0);
    let present = round.generation.map(|generation| generation.0).or(epoch);
    let Some(present) = present else {
        return round.lacks(member).then(|| format!("member {member}, which is not in it"));
    };
    if generation.0 < present {
        return Some(format!("generation {generation}, and {present} is the present one"));
    }
    if generation.0 > present {
        return None;
    }
    partitions.iter().find_map(|&partition| {
        let owner = round.owner(partition).filter(|owner| *owner != member)?;
        Some(format!(
            "member {member} of partition {partition}, which member {owner} owns",
            partition = view.partition(partition)
        ))
    })
}

impl Invariant for CommitByOwner {
    fn name(&self) -> &'static str {
        "commit-by-owner"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::CommitAccepted]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::CommitAccepted { node, group, member, generation, ref partitions } = *note else {
            return None;
        };
        let round = view.ownership?.round_of(node, group)?;
        let wrong = wrong(view, round, member, generation, partitions)?;
        Some(format!(
            "coordinator {node} accepts a commit to group {group} of {wrong}",
            group = view.group(group)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ownership::fixture::{Bench, epoch, gone, left, round, stands};
    use super::CommitByOwner;

    fn bench(generation: i32) -> Bench {
        let mut bench = Bench::default();
        bench.logs(&mut CommitByOwner, round(generation, &[(1, &[0, 1]), (2, &[2])]));
        bench
    }

    #[test]
    fn rejects_generations_of_the_past_and_partitions_of_others() {
        assert!(bench(4).commits(&mut CommitByOwner, (1, 3), &[0]).is_some());
        assert!(bench(4).commits(&mut CommitByOwner, (1, 4), &[0, 2]).is_some());
    }

    #[test]
    fn rejects_epochs_of_the_past_and_members_that_left() {
        let mut bench = Bench::default();
        for record in [epoch(5), stands(1, 5, &[0], &[1]), stands(2, 5, &[2], &[])] {
            bench.logs(&mut CommitByOwner, record);
        }
        assert_eq!(bench.commits(&mut CommitByOwner, (1, 5), &[0, 1]), None, "still its own");
        assert!(bench.commits(&mut CommitByOwner, (1, 5), &[2]).is_some());
        assert!(bench.commits(&mut CommitByOwner, (1, 4), &[0]).is_some());
        bench.logs(&mut CommitByOwner, left(1));
        assert!(bench.commits(&mut CommitByOwner, (1, 5), &[0]).is_some());
    }

    #[test]
    fn accepts_owners_what_nobody_owns_and_what_nobody_can_judge() {
        assert_eq!(bench(4).commits(&mut CommitByOwner, (1, 4), &[0, 1, 9]), None);
        assert_eq!(bench(4).commits(&mut CommitByOwner, (2, 5), &[0]), None, "not yet stored");
        let mut gone_since = bench(4);
        gone_since.logs(&mut CommitByOwner, gone());
        assert_eq!(gone_since.commits(&mut CommitByOwner, (1, 1), &[2]), None, "a new group");
        let mut failed_over = bench(4);
        failed_over.fails_over(&mut CommitByOwner);
        assert_eq!(failed_over.commits(&mut CommitByOwner, (1, 3), &[2]), None);
        let past = bench(4).commits_at_a_deposed(&mut CommitByOwner, (1, 3), &[2]);
        assert_eq!(past, None, "it has not heard of generation 4, and nobody hears of the commit");
    }
}
