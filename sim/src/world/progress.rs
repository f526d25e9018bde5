//! How far groups have read.

use broker_model::protocol::group::OffsetCommitRequest;
use broker_model::types::{GroupId, Offset, PartitionId};

/// Committed positions of every group, as its coordinator last held them.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub(super) groups: Vec<GroupProgress>,
}

#[derive(Clone, Debug)]
pub(super) struct GroupProgress {
    pub(super) group: GroupId,
    /// It begins with what there is (`auto.offset.reset=earliest`), not with what comes.
    pub(super) from_earliest: bool,
    /// By partition; none before its first commit.
    pub(super) committed: Vec<(PartitionId, Option<Offset>)>,
    /// Commits that came late and put the group back.
    put_back: Vec<PutBack>,
}

/// A commit that came late.
#[derive(Clone, Copy, Debug)]
struct PutBack {
    partition: PartitionId,
    /// What the coordinator holds until the commit is replicated, and then.
    held: Offset,
    to: Offset,
    /// How far the group has read.
    reached: Offset,
}

impl GroupProgress {
    /// How far the group has read a partition of which its coordinator holds an offset.
    fn reached(&self, partition: PartitionId, held: Offset) -> Offset {
        let of = self.put_back.iter().filter(|b| (b.partition, b.to) == (partition, held));
        of.map(|b| b.reached).max().unwrap_or(held)
    }
}

impl Progress {
    /// A group that reads these partitions, maybe among others, and where it begins.
    pub fn watch(
        &mut self,
        group: GroupId,
        from_earliest: bool,
        partitions: impl Iterator<Item = PartitionId>,
    ) {
        let index = self.groups.iter().position(|g| g.group == group);
        let index = index.unwrap_or_else(|| {
            let (committed, put_back) = (Vec::new(), Vec::new());
            self.groups.push(GroupProgress { group, from_earliest, committed, put_back });
            self.groups.len() - 1
        });
        let group = &mut self.groups[index];
        group.from_earliest &= from_earliest;
        group.committed.extend(partitions.map(|p| (p, None)));
        group.committed.sort_unstable_by_key(|&(partition, _)| partition);
        group.committed.dedup_by_key(|&mut (partition, _)| partition);
    }

    /// What a coordinator holds as committed.
    pub(super) fn take(&mut self, group: GroupId, offsets: &[(PartitionId, Offset)]) {
        let Some(group) = self.groups.iter_mut().find(|g| g.group == group) else { return };
        for &(partition, offset) in offsets {
            // Until it is replicated the coordinator holds what it held before.
            group.put_back.retain(|b| b.partition != partition || [b.to, b.held].contains(&offset));
            let reached = group.reached(partition, offset);
            if let Ok(index) = group.committed.binary_search_by_key(&partition, |&(p, _)| p) {
                group.committed[index].1 = Some(reached);
            }
        }
    }

    /// A group that keeps its offsets elsewhere has read a partition up to here.
    pub(crate) fn read_to(&mut self, group: GroupId, partition: PartitionId, offset: Offset) {
        self.take(group, &[(partition, offset)]);
    }

    /// A member's commit that it gave up long ago arrives at a coordinator that holds `offsets`.
    /// Kafka takes it, since nothing tells it from a member that goes back; but the group has read
    /// what lies between.
    pub(super) fn late_commit(
        &mut self,
        late: &OffsetCommitRequest,
        held: &[(PartitionId, Offset)],
    ) {
        let Some(group) = self.groups.iter_mut().find(|g| g.group == late.group) else { return };
        for commit in &late.offsets {
            let Some(&(partition, held)) = held.iter().find(|&&(p, _)| p == commit.partition)
            else {
                continue;
            };
            if held > commit.offset {
                let (to, reached) = (commit.offset, group.reached(partition, held));
                group.put_back.push(PutBack { partition, held, to, reached });
            }
        }
    }

    /// Groups that are to read a partition from its first record, and of which no commit of it has
    /// been seen.
    pub(crate) fn yet_to_begin(&self, partition: PartitionId) -> impl Iterator<Item = GroupId> {
        let fresh = move |group: &&GroupProgress| {
            let at = group.committed.binary_search_by_key(&partition, |&(p, _)| p);
            group.from_earliest && at.is_ok_and(|at| group.committed[at].1.is_none())
        };
        self.groups.iter().filter(fresh).map(|group| group.group)
    }
}

#[cfg(test)]
mod tests {
    use broker_model::protocol::group::{CommittedOffset, OffsetCommitRequest};
    use broker_model::types::{GenerationId, GroupId, MemberId, Offset, PartitionId};

    use super::Progress;

    const PARTITION: PartitionId = PartitionId(3);
    const GROUP: GroupId = GroupId(1);

    fn late(offset: i64) -> OffsetCommitRequest {
        let offset = CommittedOffset::new(PARTITION, Offset(offset), None);
        OffsetCommitRequest {
            offsets: vec![offset],
            group: GROUP,
            member: MemberId(9),
            instance: None,
            generation: GenerationId(1),
            retention: None,
        }
    }

    /// What a group is thought to have read when its coordinator holds an offset.
    fn read(progress: &mut Progress, held: i64) -> i64 {
        progress.take(GROUP, &[(PARTITION, Offset(held))]);
        progress.groups[0].committed[0].1.expect("taken").0
    }

    #[test]
    fn a_commit_that_comes_late_does_not_put_back_what_was_read() {
        let mut progress = Progress::default();
        progress.watch(GROUP, true, [PARTITION].into_iter());
        assert_eq!(read(&mut progress, 109), 109);
        progress.late_commit(&late(99), &[(PARTITION, Offset(109))]);
        assert_eq!(
            [109, 99, 99].map(|held| read(&mut progress, held)),
            [109; 3],
            "replicated later"
        );
        progress.late_commit(&late(95), &[(PARTITION, Offset(99))]);
        assert_eq!([99, 95].map(|held| read(&mut progress, held)), [109; 2], "one after the other");
        assert_eq!(read(&mut progress, 97), 97, "whoever commits now reads there");
        assert_eq!(read(&mut progress, 95), 95, "and goes back if it wants to");
        progress.late_commit(&late(120), &[(PARTITION, Offset(95))]);
        assert_eq!(read(&mut progress, 120), 120, "forward it is believed");
    }
}
