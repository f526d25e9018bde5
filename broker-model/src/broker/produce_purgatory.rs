//! The produce purgatory: appends that wait for the high watermark.
//!
//! Waiters stand in a queue for each partition, in order of the offset they need, so that an
//! advance looks only at those it completes.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::coordinator::Waiter;
use crate::io::Token;
use crate::protocol::ErrorCode;
use crate::protocol::produce::ProduceResponse;
use crate::slab::{Key, Slab};
use crate::types::{Instant, Offset, PartitionId};

/// Who waits for an offset of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waiting {
    /// One partition of a delayed produce.
    Produce {
        /// The produce.
        key: Key,
        /// Position in its response.
        slot: u32,
    },
    /// One partition of a marker request.
    Marker {
        /// The request.
        key: Key,
        /// Position in its flat list of partitions.
        slot: u32,
    },
    /// An append of the group coordinator.
    Group(Waiter),
    /// An append of the transaction coordinator.
    Transaction(Waiter),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    end: Offset,
    who: Waiting,
}

/// A produce whose answer waits.
#[derive(Clone, Debug)]
pub(super) struct DelayedProduce {
    /// For the reply.
    pub(super) token: Token,
    /// It may name the leader with an error.
    pub(super) hints: bool,
    /// When it is answered with `REQUEST_TIMED_OUT`.
    pub(super) deadline: Instant,
    /// Partitions not settled yet. Theirs say `REQUEST_TIMED_OUT` until they are.
    pub(super) open: u32,
    /// The answer as far as it is known.
    pub(super) response: ProduceResponse,
    /// Ends of the appends, for the notes; same order as the response.
    pub(super) ends: Vec<Offset>,
}

/// All waiters of a broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Acks {
    queues: Vec<VecDeque<Entry>>,
    pub(super) produces: Slab<DelayedProduce>,
    next_due: Option<Instant>,
}

impl Acks {
    /// `who` waits until the partition's high watermark reaches `end`.
    pub(super) fn wait(&mut self, partition: PartitionId, end: Offset, who: Waiting) {
        if self.queues.len() <= partition.index() {
            self.queues.resize_with(partition.index() + 1, VecDeque::new);
        }
        let queue = &mut self.queues[partition.index()];
        // Only a duplicate batch waits for less than those before it.
        let behind = queue.iter().rev().take_while(|e| e.end > end).count();
        queue.insert(queue.len() - behind, Entry { end, who });
    }

    /// Whom the high watermark passed, one at a time.
    pub(super) fn pop_reached(
        &mut self,
        partition: PartitionId,
        high_watermark: Offset,
    ) -> Option<Waiting> {
        let queue = self.queues.get_mut(partition.index())?;
        if queue.front()?.end > high_watermark {
            return None;
        }
        queue.pop_front().map(|e| e.who)
    }

    /// Everybody who waits on a partition that this broker leads no longer.
    pub(super) fn take_all(&mut self, partition: PartitionId) -> Vec<Waiting> {
        match self.queues.get_mut(partition.index()) {
            Some(queue) => queue.drain(..).map(|e| e.who).collect(),
            None => Vec::new(),
        }
    }

    /// Parks a produce.
    pub(super) fn delay(&mut self, produce: DelayedProduce) -> Key {
        self.next_due =
            Some(self.next_due.map_or(produce.deadline, |due| due.min(produce.deadline)));
        self.produces.insert(produce)
    }

    /// Settles one partition of a parked produce. The produce, once nothing is open.
    pub(super) fn settle(
        &mut self,
        key: Key,
        slot: u32,
        error: ErrorCode,
    ) -> Option<DelayedProduce> {
        let produce = self.produces.get_mut(key)?;
        produce.response.partitions[slot as usize].error = error;
        produce.open -= 1;
        if produce.open == 0 { self.produces.remove(key) } else { None }
    }

    /// Produces whose time is up.
    pub(super) fn due_produces(&mut self, now: Instant) -> Vec<DelayedProduce> {
        if self.next_due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut next: Option<Instant> = None;
        let mut due = Vec::new();
        for (key, produce) in self.produces.iter() {
            if produce.deadline <= now {
                due.push(key);
            } else {
                next = Some(next.map_or(produce.deadline, |n| n.min(produce.deadline)));
            }
        }
        self.next_due = next;
        due.into_iter().filter_map(|key| self.produces.remove(key)).collect()
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.next_due.unwrap_or(Instant::FAR)
    }

    /// Forgets everything, as a process that ends.
    pub(super) fn clear(&mut self) {
        self.queues.clear();
        self.produces.clear();
        self.next_due = None;
    }
}
