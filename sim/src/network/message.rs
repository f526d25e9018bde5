//! Messages under way, in slots that are used again.

use broker_model::protocol::{ApiKey, Header, Request, Response};
use broker_model::types::Instant;

use super::connection::{ConnectionId, Direction};

/// The place of a message in [`Messages`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slot(pub u32);

/// What a message carries.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// A request on its way, waiting, or being read.
    Request(Request),
    /// The request has been given to the node, which owes the answer.
    Taken,
    /// A response on its way.
    Response(Response),
}

/// Where a message is, which decides who frees its slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageState {
    /// An event for it is in the queue.
    Scheduled,
    /// It has reached a host whose process stands still. No cut touches it any more, and an event
    /// for it is in the queue once the process goes on.
    Received,
    /// It waits in a socket, behind a cut, for one sent before it, or for a node's answer.
    Waiting,
    /// Its node is gone; the event that is still in the queue frees the slot.
    Dead,
}

/// A message.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    /// On this connection.
    pub connection: ConnectionId,
    /// In this life of the connection: a later life ignores it.
    pub life: u32,
    /// Towards the server or back.
    pub direction: Direction,
    /// How many were sent before it in that life and direction.
    pub number: u32,
    /// What the sender calls it.
    pub correlation: u64,
    /// Version and sender.
    pub header: Header,
    /// Its kind.
    pub api: ApiKey,
    /// When the request left the client.
    pub sent: Instant,
    /// What it carries.
    pub body: Body,
    /// Where it is.
    pub state: MessageState,
    /// The request is a produce with `acks=0`: no response will come.
    pub one_way: bool,
}

/// All messages under way.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    slots: Vec<Option<Message>>,
    free: Vec<u32>,
}

impl Messages {
    /// Puts a message into a slot.
    pub fn insert(&mut self, message: Message) -> Slot {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = Some(message);
            return Slot(index);
        }
        let index = u32::try_from(self.slots.len()).expect("fewer than 2^24 messages under way");
        self.slots.push(Some(message));
        Slot(index)
    }

    /// The message in a slot. Panics if the slot is empty: a bug in us.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &Message {
        self.slots[slot.0 as usize].as_ref().expect("a slot in use")
    }

    /// The message in a slot, to change.
    pub fn get_mut(&mut self, slot: Slot) -> &mut Message {
        self.slots[slot.0 as usize].as_mut().expect("a slot in use")
    }

    /// Takes a message out and frees its slot.
    pub fn remove(&mut self, slot: Slot) -> Message {
        let message = self.slots[slot.0 as usize].take().expect("a slot in use");
        self.free.push(slot.0);
        message
    }

    /// Slots in use, to change, in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Message> {
        self.slots.iter_mut().filter_map(Option::as_mut)
    }

    /// Slots in use, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Message)> {
        self.slots.iter().enumerate().filter_map(|(i, m)| m.as_ref().map(|m| (Slot(i as u32), m)))
    }
}
