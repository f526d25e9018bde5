//! The event queue: `(time, sequence) -> Event`, packed into one integer without payload.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use broker_model::types::Instant;

/// What happens next. Ids name a slot, a node, a connection: the event itself carries nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A message reaches the socket of its destination.
    Arrive(u32),
    /// A node has spent the CPU time of a message and acts on it.
    Handle(u32),
    /// A deadline of a node may have come.
    Node(u32),
    /// A connection is reset, or its oldest request has waited long enough.
    Connection(u32),
    /// A client (a service instance) has something to do.
    Client(u32),
    /// A disk has finished a job.
    Disk(u32),
    /// A fault begins or ends.
    Fault(u32),
    /// The run itself: phases, samples, the end.
    Run(u32),
    /// A node has spent the CPU time of an answer it was waiting for.
    Answer(u32),
    /// A killed client starts again.
    Restart(u32),
}

const ID_BITS: u32 = 24;
const ID_MASK: u128 = (1 << ID_BITS) - 1;

impl Event {
    const fn pack(self) -> u32 {
        let (kind, id) = match self {
            Self::Arrive(id) => (0, id),
            Self::Handle(id) => (1, id),
            Self::Node(id) => (2, id),
            Self::Connection(id) => (3, id),
            Self::Client(id) => (4, id),
            Self::Disk(id) => (5, id),
            Self::Fault(id) => (6, id),
            Self::Run(id) => (7, id),
            Self::Answer(id) => (8, id),
            Self::Restart(id) => (9, id),
        };
        assert!(id < 1 << ID_BITS, "an event's id fits 24 bits");
        (kind << ID_BITS) | id
    }

    fn unpack(packed: u128) -> Self {
        let id = (packed & ID_MASK) as u32;
        match (packed >> ID_BITS) & 0xff {
            0 => Self::Arrive(id),
            1 => Self::Handle(id),
            2 => Self::Node(id),
            3 => Self::Connection(id),
            4 => Self::Client(id),
            5 => Self::Disk(id),
            6 => Self::Fault(id),
            7 => Self::Run(id),
            8 => Self::Answer(id),
            _ => Self::Restart(id),
        }
    }

    /// The event as a number, for the trace.
    #[must_use]
    pub const fn code(self) -> u32 {
        self.pack()
    }
}

/// Events in order of time, and of arrival among equal times.
///
/// The first of them may stand outside of the heap: what is pushed as the very next event, as a
/// handler's few microseconds often are, never enters it.
#[derive(Clone, Debug, Default)]
pub struct EventQueue {
    /// Comes before everything in the heap.
    first: Option<u128>,
    heap: BinaryHeap<Reverse<u128>>,
    sequence: u32,
}

impl EventQueue {
    /// Adds an event.
    pub fn push(&mut self, at: Instant, event: Event) {
        let key =
            (u128::from(at.0) << 64) | (u128::from(self.sequence) << 32) | u128::from(event.pack());
        self.sequence = self.sequence.checked_add(1).expect("a run has fewer than 2^32 events");
        match self.first {
            Some(first) if key < first => {
                self.first = Some(key);
                self.heap.push(Reverse(first));
            }
            None if self.heap.peek().is_none_or(|next| key < next.0) => self.first = Some(key),
            _ => self.heap.push(Reverse(key)),
        }
    }

    fn next(&self) -> Option<u128> {
        self.first.or_else(|| self.heap.peek().map(|&Reverse(key)| key))
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Instant, Event)> {
        let key = match self.first.take() {
            Some(key) => key,
            None => self.heap.pop()?.0,
        };
        Some((Instant((key >> 64) as u64), Event::unpack(key)))
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.next().map(|key| Instant((key >> 64) as u64))
    }

    /// The next event, left where it is.
    #[must_use]
    pub fn peek(&self) -> Option<(Instant, Event)> {
        self.next().map(|key| (Instant((key >> 64) as u64), Event::unpack(key)))
    }

    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len() + usize::from(self.first.is_some())
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none() && self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::Instant;
    use proptest::prelude::*;

    use super::{Event, EventQueue};

    proptest! {
        /// The naive twin sorts all that was pushed, and looks for what is there.
        #[test]
        fn events_come_in_order_whatever_is_pushed_between(
            steps in prop::collection::vec(prop::option::weighted(0.6, 0_u64..9), 1..80),
        ) {
            let (mut queue, mut naive) = (EventQueue::default(), Vec::new());
            for (number, step) in (0_u32..).zip(steps) {
                if let Some(at) = step {
                    queue.push(Instant(at), Event::Node(number));
                    naive.push((Instant(at), number));
                } else {
                    let least = naive.iter().copied().min();
                    naive.retain(|&one| Some(one) != least);
                    let expected = least.map(|(at, number)| (at, Event::Node(number)));
                    prop_assert_eq!(queue.peek(), expected);
                    prop_assert_eq!(queue.pop(), expected);
                }
                prop_assert_eq!((queue.len(), queue.is_empty()), (naive.len(), naive.is_empty()));
                prop_assert_eq!(queue.next_at(), naive.iter().map(|&(at, _)| at).min());
            }
        }
    }

    #[test]
    fn equal_times_keep_their_order() {
        let mut queue = EventQueue::default();
        queue.push(Instant(5), Event::Node(1));
        queue.push(Instant(3), Event::Fault(9));
        queue.push(Instant(5), Event::Arrive(7));
        queue.push(Instant(5), Event::Handle(0));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(
            order,
            [
                (Instant(3), Event::Fault(9)),
                (Instant(5), Event::Node(1)),
                (Instant(5), Event::Arrive(7)),
                (Instant(5), Event::Handle(0)),
            ]
        );
    }
}
