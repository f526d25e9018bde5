//! One fetch session: its partitions in Kafka's order and the list of those with news.

use alloc::vec::Vec;

use crate::io::Token;
use crate::protocol::fetch::{FetchPartition, FetchRequest, Isolation, ReplicaState};
use crate::types::{Instant, Offset, PartitionId, RackId};

/// What a fetch asks for beside its partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchParams {
    /// For the reply.
    pub(crate) token: Token,
    /// `min_bytes`.
    pub(crate) min_bytes: u32,
    /// `max_bytes`, bounded by the broker's `fetch.max.bytes`.
    pub(crate) max_bytes: u32,
    /// The isolation level.
    pub(crate) isolation: Isolation,
    /// When a fetch that waits is answered with what there is.
    pub(crate) deadline: Instant,
    /// Only the leader may answer: followers, and consumers before version 11.
    pub(crate) leader_only: bool,
    /// Who fetches, for quotas; `None` for a follower.
    pub(crate) client: Option<u32>,
    /// The rack of a consumer that may be sent to another replica (KIP-392).
    pub(crate) rack: Option<RackId>,
    /// It may be told the leader with an error (KIP-951).
    pub(crate) hints: bool,
    /// Every partition is in the answer, as in a first or sessionless fetch.
    pub(crate) full: bool,
}

/// A fetch that waits for data.
pub(crate) type Parked = FetchParams;

/// Whether the partition of a slot was there when the last fetch came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It never was.
    Unseen,
    /// It was.
    Present,
    /// It had been before.
    Gone,
}

/// A partition of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// What the client said last; its partition is the one that was found.
    pub(crate) asked: FetchPartition,
    /// The partition as the client names it.
    pub(crate) address: PartitionId,
    /// Whether it was there when a fetch came.
    pub(crate) standing: Standing,
    /// Place in the line: partitions that returned data go to the back.
    rank: u64,
    dirty: bool,
    live: bool,
    /// The high watermark of the last answer, -1 if there was none.
    pub(crate) sent_high_watermark: Offset,
    /// The log start offset of the last answer, -1 if there was none.
    pub(crate) sent_log_start: Offset,
}

/// A fetch session, or the partitions of one sessionless fetch while it is answered.
///
/// A slot that is not dirty would answer nothing new: no data, the same high watermark and log
/// start offset, no error. So a fetch looks at dirty slots only.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The session id, 0 for a sessionless fetch.
    pub(crate) id: u32,
    /// The epoch the next request must carry.
    pub(crate) epoch: i32,
    /// The follower that fetches, `None` for a consumer.
    pub(crate) follower: Option<ReplicaState>,
    /// It names topics by id (KIP-516), and so must all its fetches.
    pub(crate) topic_ids: bool,
    /// When the last request came.
    pub(crate) last_fetch: Instant,
    /// The fetch that waits.
    pub(crate) parked: Option<Parked>,
    /// Queued to be looked at again.
    pub(crate) woken: bool,
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_partition: Vec<(PartitionId, u32)>,
    dirty: Vec<u32>,
    /// Slots without news that the next fetch that comes looks at all the same.
    again: Vec<u32>,
    next_rank: u64,
}

impl Session {
    pub(crate) fn new(id: u32, request: &FetchRequest, topic_ids: bool, now: Instant) -> Self {
        Self {
            id,
            epoch: 1,
            follower: request.replica,
            topic_ids,
            last_fetch: now,
            parked: None,
            woken: false,
            slots: Vec::with_capacity(request.partitions.len()),
            free: Vec::new(),
            by_partition: Vec::with_capacity(request.partitions.len()),
            dirty: Vec::with_capacity(request.partitions.len()),
            again: Vec::new(),
            next_rank: 0,
        }
    }

    /// Adds a partition or takes the new position of a known one. The slot, if it is new. An
    /// address that is new stays without a partition until it is looked up.
    pub(crate) fn ask(&mut self, asked: FetchPartition) -> Option<u32> {
        let address = asked.partition;
        match self.by_partition.binary_search_by_key(&address, |&(p, _)| p) {
            Ok(found) => {
                let index = self.by_partition[found].1;
                let follows = self.follower.is_some();
                let slot = &mut self.slots[index as usize];
                if follows && slot.asked.current_leader_epoch != asked.current_leader_epoch {
                    // A follower that begins anew wants to hear the high watermark again.
                    slot.sent_high_watermark = Offset::NONE;
                }
                let partition = slot.asked.partition;
                slot.asked = FetchPartition { partition, ..asked };
                self.mark(index);
                None
            }
            Err(place) => {
                let partition = if address.is_address() { PartitionId::UNKNOWN } else { address };
                let slot = Slot {
                    asked: FetchPartition { partition, ..asked },
                    address,
                    standing: Standing::Unseen,
                    rank: self.next_rank,
                    dirty: false,
                    live: true,
                    sent_high_watermark: Offset::NONE,
                    sent_log_start: Offset::NONE,
                };
                self.next_rank += 1;
                let index = self.take_slot(slot);
                self.by_partition.insert(place, (address, index));
                self.mark(index);
                Some(index)
            }
        }
    }

    fn take_slot(&mut self, slot: Slot) -> u32 {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = slot;
            return index;
        }
        self.slots.push(slot);
        u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 partitions")
    }

    /// Drops a partition. The slot it had, and the partition that had been found for it.
    pub(crate) fn forget(&mut self, address: PartitionId) -> Option<(u32, PartitionId)> {
        let found = self.by_partition.binary_search_by_key(&address, |&(p, _)| p).ok()?;
        let (_, index) = self.by_partition.remove(found);
        let slot = &mut self.slots[index as usize];
        slot.live = false;
        if slot.dirty {
            self.dirty.retain(|&d| d != index);
        }
        self.again.retain(|&a| a != index);
        self.free.push(index);
        Some((index, self.slots[index as usize].asked.partition))
    }

    /// Says that a slot may have news. Whether it was clean before.
    pub(crate) fn mark(&mut self, index: u32) -> bool {
        let slot = &mut self.slots[index as usize];
        debug_assert!(slot.live, "interest in a forgotten partition");
        let was_clean = !slot.dirty;
        if was_clean {
            slot.dirty = true;
            self.dirty.push(index);
        }
        was_clean
    }

    /// Has the next fetch that comes look at a slot, whatever a fetch that waits makes of it.
    pub(crate) fn look_again(&mut self, index: u32) {
        if !self.again.contains(&index) {
            self.again.push(index);
        }
    }

    /// A fetch came: what was to be looked at again counts as news.
    pub(crate) fn recall(&mut self) {
        while let Some(index) = self.again.pop() {
            self.mark(index);
        }
    }

    /// Puts the slots with news in the line's order.
    pub(crate) fn sort_dirty(&mut self) {
        let slots = &self.slots;
        self.dirty.sort_unstable_by_key(|&i| slots[i as usize].rank);
    }

    /// The slots with news.
    pub(crate) fn dirty(&self) -> &[u32] {
        &self.dirty
    }

    /// After a look: of the slots that [`Self::dirty`] gave, by place, only those that
    /// `still_news` names stay dirty.
    pub(crate) fn settle(&mut self, still_news: impl Fn(usize) -> bool) {
        let Self { dirty, slots, .. } = self;
        let mut place = 0;
        dirty.retain(|&index| {
            let keep = still_news(place);
            place += 1;
            slots[index as usize].dirty = keep;
            keep
        });
    }

    /// Sends a partition to the back of the line.
    pub(crate) fn send_to_the_back(&mut self, index: u32) {
        self.slots[index as usize].rank = self.next_rank;
        self.next_rank += 1;
    }

    /// The slot of a partition as the client names it.
    pub(crate) fn index_of(&self, address: PartitionId) -> Option<u32> {
        let found = self.by_partition.binary_search_by_key(&address, |&(p, _)| p).ok()?;
        Some(self.by_partition[found].1)
    }

    pub(crate) fn slot(&self, index: u32) -> &Slot {
        &self.slots[index as usize]
    }

    pub(crate) fn slot_mut(&mut self, index: u32) -> &mut Slot {
        &mut self.slots[index as usize]
    }

    /// How many partitions it has.
    pub(crate) fn len(&self) -> usize {
        self.by_partition.len()
    }

    /// Its partitions as they were found, with their slots.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (PartitionId, u32)> {
        self.by_partition.iter().map(|&(_, index)| (self.slot(index).asked.partition, index))
    }
}
