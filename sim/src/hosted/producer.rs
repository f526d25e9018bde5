//! The producer as async code sees it.

use std::sync::Arc;

use broker_model::types::{Instant, Offset, PartitionId};

use super::answer::{Pending, question};
use super::board::{Call, Life};
use super::consumer::Message;
use crate::client::producer::ProducerError;
use crate::records::NO_KEY;

/// A record to be produced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewRecord {
    pub(super) origin: Origin,
    pub(super) size: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// A new business entity.
    Fresh { key: u32, intended: Option<Instant> },
    /// One that a record read belongs to.
    Entity(u32),
}

impl NewRecord {
    /// A record with a key: equal numbers are equal keys. `size` is key and value bytes together.
    #[must_use]
    pub const fn keyed(key: u32, size: u32) -> Self {
        Self { origin: Origin::Fresh { key, intended: None }, size }
    }

    /// A record without a key.
    #[must_use]
    pub const fn unkeyed(size: u32) -> Self {
        Self::keyed(NO_KEY, size)
    }

    /// A record that was made of one that was read: it has its key, its intended time, and
    /// belongs to the same business entity.
    #[must_use]
    pub const fn made_of(message: &Message, size: u32) -> Self {
        Self { origin: Origin::Entity(message.entity), size }
    }

    /// When the load intended it, which latencies are counted from; else when it is sent.
    #[must_use]
    pub const fn intended(mut self, at: Instant) -> Self {
        if let Origin::Fresh { intended, .. } = &mut self.origin {
            *intended = Some(at);
        }
        self
    }
}

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The broker has it.
    Acknowledged {
        /// On this partition.
        partition: PartitionId,
        /// At this offset; none with `acks=0`, and for a duplicate whose offset the broker no
        /// longer knows.
        offset: Option<Offset>,
    },
    /// Certainly not in the log, and it will not come there any more.
    Failed(ProducerError),
    /// Given up after it was sent: it may be in the log or still get there.
    Unknown(ProducerError),
}

/// A producer. Clones are the same producer.
#[derive(Clone, Debug)]
pub struct AsyncProducer {
    life: Arc<Life>,
}

impl AsyncProducer {
    pub(super) const fn new(life: Arc<Life>) -> Self {
        Self { life }
    }

    /// Hands a record to the producer at this instant, whether the answer is awaited or not.
    ///
    /// Records that find `buffer.memory` used up wait in line in front of the producer.
    pub fn send(&self, record: NewRecord) -> Pending<Delivery> {
        let (answer, pending) = question();
        self.life.call(Call::Send(record, answer));
        pending
    }

    /// Sends what lingers, and waits until every record handed over before has an outcome.
    pub fn flush(&self) -> Pending<()> {
        let (answer, pending) = question();
        self.life.call(Call::Flush(answer));
        pending
    }
}
