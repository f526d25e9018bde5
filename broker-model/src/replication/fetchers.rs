//! The fetchers of a broker, one for each leader it copies from (`num.replica.fetchers` 1).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::fetcher::{Fetcher, FollowedState};
use crate::types::{Instant, NodeId, PartitionId};

/// All fetchers, and which of them copies a partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetchers {
    by_leader: BTreeMap<NodeId, Fetcher>,
    place: Vec<Option<(NodeId, u32)>>,
    /// Leaders whose fetcher may have something to send.
    ready: Vec<NodeId>,
    /// Some fetcher or partition was told to wait, and may wait still: mostly none does, and a
    /// broker that follows a hundred others need not ask each of them after every input.
    waits: bool,
}

impl Fetchers {
    /// Copies a partition from `leader`, from now on. Starts afresh if it did already,
    /// because the leader epoch is another one.
    pub(crate) fn follow(&mut self, partition: PartitionId, leader: NodeId) {
        self.unfollow(partition);
        let index = self.by_leader.entry(leader).or_default().add(partition);
        if self.place.len() <= partition.index() {
            self.place.resize(partition.index() + 1, None);
        }
        self.place[partition.index()] = Some((leader, index));
        self.ready.push(leader);
    }

    /// Copies a partition no longer.
    pub(crate) fn unfollow(&mut self, partition: PartitionId) {
        let Some((leader, index)) = self.place.get_mut(partition.index()).and_then(Option::take)
        else {
            return;
        };
        let fetcher = self.by_leader.get_mut(&leader).expect("places name fetchers");
        fetcher.remove(index);
        if fetcher.is_unused() {
            self.by_leader.remove(&leader);
        }
    }

    /// Where a partition is copied from, with its slot there.
    pub(crate) fn place(&self, partition: PartitionId) -> Option<(NodeId, u32)> {
        self.place.get(partition.index()).copied().flatten()
    }

    /// Whether a partition had all that its leader knew to be replicated when it last took
    /// anything in; `None` when it is not copied, or has not heard.
    pub(crate) fn is_in_sync(&self, partition: PartitionId) -> Option<bool> {
        let (leader, index) = self.place(partition)?;
        self.by_leader.get(&leader)?.slot(index).is_in_sync()
    }

    pub(crate) fn get_mut(&mut self, leader: NodeId) -> Option<&mut Fetcher> {
        self.by_leader.get_mut(&leader)
    }

    /// The fetcher and slot of a partition that is copied from `leader`.
    pub(crate) fn followed(
        &mut self,
        leader: NodeId,
        partition: PartitionId,
    ) -> Option<(&mut Fetcher, u32)> {
        let (from, index) = self.place(partition)?;
        if from != leader {
            return None;
        }
        self.by_leader.get_mut(&leader).map(|f| (f, index))
    }

    /// A partition is not copied before `until`.
    pub(crate) fn delay(&mut self, leader: NodeId, partition: PartitionId, until: Instant) {
        self.waits = true;
        if let Some((fetcher, index)) = self.followed(leader, partition) {
            fetcher.set_state(index, FollowedState::Delayed(until));
        }
    }

    /// A partition is not copied before its offsets are known.
    pub(crate) fn locating(&mut self, leader: NodeId, partition: PartitionId) {
        if let Some((fetcher, index)) = self.followed(leader, partition) {
            fetcher.set_state(index, FollowedState::Locating);
        }
    }

    /// No answer came from a leader: it is not asked before `until`.
    pub(crate) fn failed(&mut self, leader: NodeId, until: Instant) {
        self.waits = true;
        if let Some(fetcher) = self.by_leader.get_mut(&leader) {
            fetcher.failed(until);
        }
    }

    /// Whether anything of a leader is held back.
    pub(crate) fn withholds(&self, leader: NodeId) -> bool {
        self.by_leader.get(&leader).is_some_and(Fetcher::withholds)
    }

    /// Before the next fetch: of these partitions those that are not in sync are held back, and
    /// nothing else. With nothing to fetch the leader's turn comes again at `until`.
    pub(crate) fn withhold(
        &mut self,
        leader: NodeId,
        partitions: Option<&BTreeSet<PartitionId>>,
        until: Instant,
    ) {
        let Some(fetcher) = self.by_leader.get_mut(&leader).filter(|f| f.may_send()) else {
            return;
        };
        fetcher.release();
        for partition in partitions.into_iter().flatten() {
            let place = self.place.get(partition.index()).copied().flatten();
            if let Some((_, index)) = place.filter(|(from, _)| *from == leader) {
                fetcher.withhold(index);
            }
        }
        if fetcher.withholds() {
            fetcher.rest(until);
            self.waits |= fetcher.waits();
        }
    }

    /// A partition's own position changed without a fetch (its log start moved).
    pub(crate) fn moved(&mut self, partition: PartitionId) {
        if let Some((leader, index)) = self.place(partition) {
            self.by_leader.get_mut(&leader).expect("places name fetchers").change(index);
        }
    }

    /// A leader's fetcher may send.
    pub(crate) fn ready(&mut self, leader: NodeId) {
        self.ready.push(leader);
    }

    /// The next leader whose fetcher may have something to send.
    pub(crate) fn pop_ready(&mut self) -> Option<NodeId> {
        self.ready.pop()
    }

    /// Drops a fetcher that copies nothing any more.
    pub(crate) fn sweep(&mut self, leader: NodeId) {
        if self.by_leader.get(&leader).is_some_and(Fetcher::is_unused) {
            self.by_leader.remove(&leader);
        }
    }

    /// When some delay ends.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        if !self.waits {
            return None;
        }
        self.by_leader.values().filter_map(Fetcher::due).min()
    }

    /// Ends delays that are over.
    pub(crate) fn wake(&mut self, now: Instant) {
        if !self.waits {
            return;
        }
        self.waits = false;
        for (&leader, fetcher) in &mut self.by_leader {
            if fetcher.due().is_some_and(|due| due <= now) {
                fetcher.wake(now);
                self.ready.push(leader);
            }
            self.waits |= fetcher.waits();
        }
    }

    /// The broker answered for a leader's offsets: the partition may go on.
    pub(crate) fn resume(&mut self, leader: NodeId, partition: PartitionId) {
        if let Some((fetcher, index)) = self.followed(leader, partition) {
            fetcher.set_state(index, FollowedState::Fetching);
            self.ready.push(leader);
        }
    }

    /// Forgets everything, as a process that ends.
    pub(crate) fn clear(&mut self) {
        self.by_leader.clear();
        self.place.clear();
        self.ready.clear();
        self.waits = false;
    }
}
