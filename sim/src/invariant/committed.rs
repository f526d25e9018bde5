//! What is truly committed: which leader epochs wrote the offsets below the high watermarks of
//! leaders. No process knows it; the invariants do.
//!
//! Equal offset and epoch mean an equal record, which log matching checks.

use broker_model::log::{LeaderEpochs, Log};
use broker_model::note::Note;
use broker_model::partition::{Replica, Role};
use broker_model::types::{LeaderEpoch, Offset, PartitionId};

use super::View;
use super::by_partition::ByPartition;

/// What a log tells of its offsets.
pub(super) trait Held {
    /// The first offset and the one after the last.
    fn bounds(&self) -> (Offset, Offset);
    /// The epoch that an offset is in, by the leader-epoch cache.
    fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch>;
    /// Whether compaction took the record away, here or where it was copied from. Then the cache
    /// may put its offset into the epoch before: an epoch begins where its first record is kept.
    fn is_compacted_away(&self, offset: Offset) -> bool;

    /// Whether a record of this epoch is there, or was.
    fn has(&self, offset: Offset, epoch: LeaderEpoch) -> bool {
        self.epoch_at(offset) == Some(epoch) || self.is_compacted_away(offset)
    }
}

impl Held for Log {
    fn bounds(&self) -> (Offset, Offset) {
        (self.log_start_offset(), self.log_end_offset())
    }

    fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.leader_epochs().epoch_at(offset)
    }

    fn is_compacted_away(&self, offset: Offset) -> bool {
        self.is_compacted_away(offset)
    }
}

/// What is committed of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed {
    /// Epochs with the first offset after their committed records, both strictly rising.
    epochs: Vec<(LeaderEpoch, Offset)>,
    /// Nothing before this offset is kept here.
    floor: Offset,
    /// See [`Self::deleted`].
    deleted: Offset,
    /// The newest leadership seen.
    pub(super) newest: Option<LeaderEpoch>,
    /// An unclean election whose leader has not been seen yet.
    pub(super) unclean: bool,
}

impl Committed {
    /// First offset after what is committed: the true high watermark.
    pub(super) fn end(&self) -> Offset {
        self.epochs.last().map_or(self.floor, |e| e.1)
    }

    /// A leader deleted what is before this offset, by retention or because it was asked to. A
    /// replica that has been away, or forgot its log start offset in a crash, may still have
    /// something there, which it deletes with its leader's next answer.
    pub(super) const fn deleted(&self) -> Offset {
        self.deleted
    }

    /// A leader with this epoch cache has everything before `to` committed. What is before the first
    /// epoch of the cache was deleted before it was seen committed.
    pub(super) fn commit(&mut self, cache: &LeaderEpochs, to: Offset) {
        let first = cache.starts().first().map_or(Offset(0), |&(_, first)| first);
        if self.epochs.is_empty() && first < to {
            self.floor = self.floor.max(first);
        }
        let mut at = self.end().max(first);
        while at < to {
            let Some(epoch) = cache.epoch_at(at) else { return };
            let after = cache.starts().partition_point(|s| s.1 <= at);
            let end = cache.starts().get(after).map_or(to, |s| s.1.min(to));
            match self.epochs.last_mut() {
                Some(last) if last.0 == epoch => last.1 = end,
                _ => self.epochs.push((epoch, end)),
            }
            at = end;
        }
    }

    /// The first committed offset that a log does not have, if any.
    pub(super) fn missing(&self, log: &impl Held) -> Option<Offset> {
        let (log_start, log_end) = log.bounds();
        let mut from = self.floor.max(self.deleted);
        for &(epoch, end) in &self.epochs {
            let first = from.max(log_start);
            from = from.max(end);
            if first >= end {
                continue;
            }
            if log_end < end {
                return Some(log_end.max(first));
            }
            // Epochs rise along a log, so both ends speak for what lies between.
            let mut ends = [first, end + -1].into_iter();
            if let Some(at) = ends.find(|&at| !log.has(at, epoch)) {
                return Some(at);
            }
        }
        None
    }

    /// The leader epoch of a committed record.
    pub(super) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        if offset < self.floor {
            return None;
        }
        self.epochs.iter().find(|(_, end)| offset < *end).map(|(epoch, _)| *epoch)
    }

    /// Whether a log lacks the newest committed record. Whoever has that has all before it, and so
    /// has who deleted it with all before it.
    pub(super) fn is_missing_the_last(&self, log: &impl Held) -> bool {
        let (log_start, log_end) = log.bounds();
        let owed = log_start.max(self.deleted);
        let newest = self.epochs.last().filter(|&&(_, end)| owed < end);
        newest.is_some_and(|&(epoch, end)| log_end < end || !log.has(end + -1, epoch))
    }

    /// Whether a leadership that begins now is one of the past: its broker stood still when it was
    /// elected, another leads meanwhile, and it finds that out next. It can commit nothing.
    pub(super) fn is_of_the_past(&self, epoch: LeaderEpoch) -> bool {
        self.newest.is_some_and(|newest| epoch < newest)
    }

    /// An election was allowed to lose, or has lost: only what comes from `at` on counts.
    pub(super) fn begin_anew(&mut self, at: Offset) {
        self.epochs.clear();
        self.floor = at;
        self.deleted = Offset(0);
        self.unclean = false;
    }
}

/// What is committed of every partition, kept once for all invariants that ask.
#[derive(Debug, Default)]
pub(super) struct Truth {
    partitions: ByPartition<Committed>,
}

impl Truth {
    /// What is known of a partition.
    pub(super) fn of(&self, partition: PartitionId) -> Option<&Committed> {
        self.partitions.get(partition)
    }

    /// What is known of one partition, for tests.
    #[cfg(test)]
    pub(super) fn of_one(partition: PartitionId, committed: Committed) -> Self {
        let mut truth = Self::default();
        *truth.partitions.of(partition) = committed;
        truth
    }

    /// Takes in what makes more records committed, and what is deleted, before the invariants look.
    pub(super) fn before(&mut self, view: &View<'_>, note: &Note) {
        match *note {
            Note::HighWatermark {
                node,
                partition,
                leader_epoch,
                high_watermark,
                leader: true,
                ..
            } => {
                let committed = self.partitions.of(partition);
                if !committed.is_of_the_past(leader_epoch)
                    && !committed.unclean
                    && high_watermark > committed.end()
                    && let Some(replica) = view.replica(node, partition)
                {
                    committed.commit(replica.log().leader_epochs(), high_watermark);
                }
            }
            Note::LogStart { node, partition, log_start_offset } => {
                let committed = self.partitions.of(partition);
                let leads = |replica: &Replica| {
                    matches!(replica.role(), Role::Leader(_))
                        && replica.leader_epoch().is_some_and(|e| !committed.is_of_the_past(e))
                };
                if view.replica(node, partition).is_some_and(leads) {
                    committed.deleted = committed.deleted.max(log_start_offset);
                }
            }
            _ => {}
        }
    }

    /// Takes in what makes fewer records count, after the invariants have looked.
    pub(super) fn after(&mut self, view: &View<'_>, note: &Note) {
        match *note {
            Note::BecameLeader { node, partition, leader_epoch, start } => {
                let committed = self.partitions.of(partition);
                if committed.is_of_the_past(leader_epoch) {
                    return;
                }
                committed.newest = Some(leader_epoch);
                let Some(replica) = view.replica(node, partition) else { return };
                let log = replica.log();
                if committed.unclean || committed.missing(log).is_some() {
                    committed.begin_anew(start);
                }
                // What a leader of the past counted is true when its count leads again.
                let counted = replica.high_watermark().min(log.log_end_offset());
                committed.commit(log.leader_epochs(), counted);
                // What it deleted when it followed.
                committed.deleted = committed.deleted.max(log.log_start_offset());
            }
            Note::PartitionChanged { partition, leader, unclean: true, .. }
                if view.allows_unclean_election(leader, partition) =>
            {
                self.partitions.of(partition).unclean = true;
            }
            _ => {}
        }
    }
}

/// A log for tests.
#[cfg(test)]
pub(super) mod fixture {
    use broker_model::log::LeaderEpochs;
    use broker_model::types::{LeaderEpoch, Offset};

    use super::Held;

    pub(crate) struct TestLog {
        cache: LeaderEpochs,
        start: Offset,
        pub(crate) end: Offset,
        pub(crate) compacted: Vec<Offset>,
    }

    impl Held for TestLog {
        fn bounds(&self) -> (Offset, Offset) {
            (self.start, self.end)
        }

        fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
            self.cache.epoch_at(offset)
        }

        fn is_compacted_away(&self, offset: Offset) -> bool {
            self.compacted.contains(&offset)
        }
    }

    pub(crate) fn cache(starts: &[(i32, i64)]) -> LeaderEpochs {
        let mut cache = LeaderEpochs::default();
        for &(epoch, start) in starts {
            cache.assign(LeaderEpoch(epoch), Offset(start));
        }
        cache
    }

    /// A log with these epochs that holds the offsets from `start` to before `end`.
    pub(crate) fn log(starts: &[(i32, i64)], start: i64, end: i64) -> TestLog {
        let (start, end) = (Offset(start), Offset(end));
        TestLog { cache: cache(starts), start, end, compacted: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::types::{LeaderEpoch, Offset};

    use super::super::living::Living;
    use super::fixture::{cache, log};
    use super::{Committed, Truth};

    fn committed(epochs: &[(i32, i64)], to: i64) -> Committed {
        let mut committed = Committed::default();
        committed.commit(&cache(epochs), Offset(to));
        committed
    }

    #[test]
    fn each_offset_has_the_epoch_that_wrote_it() {
        let mut known = committed(&[(1, 0), (3, 10)], 15);
        let epochs = [0, 9, 10, 14, 15].map(|at| known.epoch_at(Offset(at)).map(|e| e.0));
        assert_eq!(epochs, [Some(1), Some(1), Some(3), Some(3), None]);
        known.commit(&cache(&[(1, 0), (3, 10)]), Offset(20));
        assert_eq!((known.end(), known.epochs.len()), (Offset(20), 2), "the epoch goes on");
        known.commit(&cache(&[(1, 0), (3, 10)]), Offset(12));
        assert_eq!(known.end(), Offset(20), "nothing is taken back");
        known.unclean = true;
        known.begin_anew(Offset(17));
        assert_eq!((known.end(), known.unclean), (Offset(17), false));
        known.commit(&cache(&[(1, 0), (3, 10)]), Offset(18));
        assert_eq!([16, 17].map(|at| known.epoch_at(Offset(at)).map(|e| e.0)), [None, Some(3)]);
    }

    #[test]
    fn the_newest_record_stands_for_all_before_it() {
        let known = committed(&[(1, 0), (3, 10)], 15);
        let is_missing =
            |starts: &[(i32, i64)], from, to| known.is_missing_the_last(&log(starts, from, to));
        assert!(!is_missing(&[(1, 0), (3, 10)], 0, 15));
        assert!(is_missing(&[(1, 0), (3, 10)], 0, 14));
        assert!(is_missing(&[(1, 0), (4, 10)], 0, 15));
        assert!(!is_missing(&[(4, 15)], 15, 15), "deleted with all before it");
        assert!(is_missing(&[(4, 14)], 14, 14));
        let mut compacted = log(&[(1, 0)], 0, 15);
        compacted.compacted = vec![Offset(14)];
        assert!(!known.is_missing_the_last(&compacted));
        assert!(!Committed::default().is_missing_the_last(&log(&[], 0, 0)));
    }

    fn watermark(living: &Living, epoch: i32, to: i64, leader: bool) -> Note {
        Note::HighWatermark {
            node: living.leader,
            partition: living.partition,
            leader_epoch: LeaderEpoch(epoch),
            high_watermark: Offset(to),
            last_stable_offset: Offset(to),
            leader,
        }
    }

    #[test]
    fn what_a_leader_deleted_is_owed_by_nobody_and_what_is_behind_it_is() {
        let mut known = committed(&[(1, 0), (3, 10)], 15);
        let other = |to| log(&[(1, 0)], 0, to);
        known.deleted = Offset(14);
        assert!(known.is_missing_the_last(&other(15)));
        assert_eq!(known.missing(&other(15)), Some(Offset(14)));
        known.deleted = Offset(15);
        assert!(!known.is_missing_the_last(&other(15)));
        assert!(!known.is_missing_the_last(&other(9)));
        assert_eq!(known.missing(&other(9)), None);
        known.begin_anew(Offset(8));
        known.commit(&cache(&[(1, 0), (3, 10)]), Offset(15));
        assert_eq!(known.missing(&other(9)), Some(Offset(9)), "the next log is another one");
    }

    #[test]
    fn what_was_deleted_before_it_was_seen_committed_is_passed_over() {
        let mut known = committed(&[(3, 4)], 6);
        assert_eq!((known.end(), known.epoch_at(Offset(3))), (Offset(6), None));
        assert_eq!(known.epoch_at(Offset(4)), Some(LeaderEpoch(3)));
        known.commit(&cache(&[(5, 9)]), Offset(12));
        assert_eq!((known.end(), known.epoch_at(Offset(11))), (Offset(12), Some(LeaderEpoch(5))));
        known.commit(&cache(&[(5, 20)]), Offset(15));
        assert_eq!(known.end(), Offset(12), "nothing that is kept is below");
    }

    #[test]
    fn only_who_leads_now_deletes_for_all() {
        let living = Living::new();
        let view = living.view();
        let mut truth = Truth::default();
        let mut deleted = |node, newest| {
            truth.partitions.of(living.partition).newest = Some(newest);
            let (partition, log_start_offset) = (living.partition, Offset(3));
            truth.before(&view, &Note::LogStart { node, partition, log_start_offset });
            truth.of(living.partition).expect("it is known").deleted
        };
        let next = LeaderEpoch(living.epoch.0 + 1);
        assert_eq!(deleted(living.follower, living.epoch), Offset(0));
        assert_eq!(deleted(living.leader, next), Offset(0), "a leader of the past");
        assert_eq!(deleted(living.leader, living.epoch), Offset(3));
    }

    #[test]
    fn what_the_newest_leader_counts_is_committed_and_nothing_else() {
        let living = Living::new();
        let (view, epoch) = (living.view(), living.epoch.0);
        let mut truth = Truth::default();
        let end = |truth: &Truth| truth.of(living.partition).map_or(Offset(-1), Committed::end);
        truth.before(&view, &watermark(&living, epoch, 3, false));
        assert_eq!(end(&truth), Offset(-1), "a follower counts nothing");
        for (to, expected) in [(3, 3), (5, 5), (4, 5)] {
            truth.before(&view, &watermark(&living, epoch, to, true));
            assert_eq!(end(&truth), Offset(expected));
        }
        truth.partitions.of(living.partition).unclean = true;
        truth.before(&view, &watermark(&living, epoch, 6, true));
        assert_eq!(end(&truth), Offset(5), "until the leader is seen");
        truth.partitions.of(living.partition).unclean = false;
        truth.partitions.of(living.partition).newest = Some(LeaderEpoch(epoch + 1));
        truth.before(&view, &watermark(&living, epoch, 6, true));
        assert_eq!(end(&truth), Offset(5), "a leader of the past");
        truth.before(&view, &watermark(&living, epoch + 1, 6, true));
        assert_eq!(end(&truth), Offset(6));
    }

    #[test]
    fn a_leader_that_may_lack_something_begins_anew() {
        let living = Living::new();
        let (view, epoch, leader) = (living.view(), living.epoch.0, living.leader);
        let log_end = living.end(leader);
        let known = |truth: &Truth| truth.of(living.partition).expect("told").clone();
        let mut truth = Truth::default();
        truth.after(&view, &living.leads(epoch, 0));
        assert_eq!(known(&truth).newest, Some(living.epoch));
        let counted = view.replica(leader, living.partition).expect("there").high_watermark();
        assert_eq!(known(&truth).end(), counted, "what it has counted");
        // It lacks what another had committed.
        truth.partitions.of(living.partition).commit(&cache(&[(epoch, 0)]), log_end + 5);
        truth.after(&view, &living.leads(epoch - 1, 2));
        assert_eq!(known(&truth).end(), log_end + 5, "a leader of the past");
        assert_eq!(known(&truth).newest, Some(living.epoch));
        truth.after(&view, &living.leads(epoch + 1, 2));
        assert_eq!(known(&truth).end(), counted);
        assert_eq!(known(&truth).epoch_at(Offset(1)), None, "only what comes from 2 on counts");
        assert!(known(&truth).epoch_at(Offset(2)).is_some());
    }

    #[test]
    fn an_unclean_election_counts_where_the_topic_allows_it() {
        let living = Living::new();
        let (view, epoch) = (living.view(), living.epoch.0);
        let mut truth = Truth::default();
        truth.after(&view, &living.leads(epoch, 0));
        let unclean = |truth: &Truth| truth.of(living.partition).is_some_and(|c| c.unclean);
        truth.after(&view, &living.elected(Some(living.leader), true));
        assert!(!unclean(&truth), "the topic does not allow it");
        truth.after(&view, &living.elected(None, false));
        assert!(!unclean(&truth), "it was clean");
        truth.after(&view, &living.elected(None, true));
        assert!(unclean(&truth));
        truth.after(&view, &living.leads(epoch, 4));
        assert!(!unclean(&truth));
        let known = truth.of(living.partition).expect("told");
        assert_eq!([3, 4].map(|at| known.epoch_at(Offset(at)).is_some()), [false, true]);
    }
}
