//! What the members of a classic group speak among themselves: opaque to its coordinator.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::types::{GenerationId, PartitionId, TextId, TopicId};

/// A client-side assignor of the classic protocol, Kafka's protocol names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Assignor {
    /// `range`.
    Range,
    /// `roundrobin`.
    RoundRobin,
    /// `sticky`.
    Sticky,
    /// `cooperative-sticky`.
    CooperativeSticky,
}

impl Assignor {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }
}

/// The kind of a group's members (`protocol_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProtocolType {
    /// `consumer`.
    #[default]
    Consumer,
    /// Another one, as `connect`.
    Other(TextId),
}

/// A protocol's name: members agree on one that all of them know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolName {
    /// An assignor of the Java consumer.
    Assignor(Assignor),
    /// Any other name.
    Other(TextId),
}

impl ProtocolName {
    /// The assignor of this name.
    #[must_use]
    pub const fn assignor(self) -> Option<Assignor> {
        match self {
            Self::Assignor(assignor) => Some(assignor),
            Self::Other(_) => None,
        }
    }
}

/// A member's subscription (`ConsumerProtocolSubscription`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subscription {
    /// Topics subscribed to.
    pub topics: Vec<TopicId>,
    /// Partitions the member believes it owns.
    pub owned: Vec<PartitionId>,
    /// The generation in which it came to own them.
    pub generation: GenerationId,
}

/// What a member tells the others of itself, bytes to the coordinator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Metadata {
    /// The subscription of a consumer.
    Consumer(Arc<Subscription>),
    /// Anything else.
    Opaque(TextId),
}

impl Metadata {
    /// The subscription, if it is one.
    #[must_use]
    pub fn subscription(&self) -> Option<&Subscription> {
        match self {
            Self::Consumer(subscription) => Some(subscription),
            Self::Opaque(_) => None,
        }
    }
}

/// A protocol that a member can speak, with what it tells of itself in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberProtocol {
    /// The name.
    pub name: ProtocolName,
    /// The metadata.
    pub metadata: Metadata,
}

impl MemberProtocol {
    /// The protocols of a consumer, which tells the same of itself under each assignor.
    #[must_use]
    pub fn of_consumer(assignors: &[Assignor], subscription: Subscription) -> Vec<Self> {
        let subscription = Arc::new(subscription);
        let protocol = |&assignor: &Assignor| Self {
            name: ProtocolName::Assignor(assignor),
            metadata: Metadata::Consumer(Arc::clone(&subscription)),
        };
        assignors.iter().map(protocol).collect()
    }
}

/// What a leader gives to a member, bytes to the coordinator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Assignment {
    /// Partitions for a consumer.
    Partitions(Vec<PartitionId>),
    /// Anything else; the empty text is what a member without an assignment has.
    Opaque(TextId),
}

impl Assignment {
    /// The partitions, none if it is something else.
    #[must_use]
    pub fn partitions(&self) -> &[PartitionId] {
        match self {
            Self::Partitions(partitions) => partitions,
            Self::Opaque(_) => &[],
        }
    }

    /// The partitions by value, none if it is something else.
    #[must_use]
    pub fn into_partitions(self) -> Vec<PartitionId> {
        match self {
            Self::Partitions(partitions) => partitions,
            Self::Opaque(_) => Vec::new(),
        }
    }
}

impl Default for Assignment {
    fn default() -> Self {
        Self::Opaque(TextId::EMPTY)
    }
}

impl From<Vec<PartitionId>> for Assignment {
    fn from(partitions: Vec<PartitionId>) -> Self {
        Self::Partitions(partitions)
    }
}
