//! Names of groups, transactional ids and subscribed topics, interned once, with the hash that places them, and
//! partitions as clients name them that may not exist.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::protocol::group::{Assignor, ProtocolName, ProtocolType};
use crate::types::{GroupId, PartitionId, TextId, TopicId, TopicName, TransactionalId};

/// The kind of members that Kafka's consumers are.
const CONSUMER: &str = "consumer";

/// Interned names of a run. The topics that exist are not here: the metadata image names them.
#[derive(Clone, Debug, Default)]
pub struct Names {
    groups: Interner,
    transactional_ids: Interner,
    texts: Interner,
    topics: Interner,
    addresses: Vec<Address>,
}

/// A partition as a client names it, whether it exists or not: a session keeps it, and it is
/// looked up again with each fetch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// The topic.
    pub topic: AddressedTopic,
    /// Number within the topic.
    pub index: u32,
}

/// A topic as a client names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AddressedTopic {
    /// By its id.
    Id(TopicId),
    /// By its name, as before KIP-516.
    Name(String),
    /// By an id that no topic has; the name is the client's own.
    Unknown(String),
}

/// Kafka's longest topic name.
const TOPIC_NAME_LENGTH_MAX: usize = 249;

/// Whether there could be a topic of this name. Source: Kafka, `Topic.validate`.
pub(crate) fn is_topic_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= TOPIC_NAME_LENGTH_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[derive(Clone, Debug, Default)]
struct Interner {
    names: Vec<(String, u32)>,
    by_name: BTreeMap<String, u32>,
}

impl Interner {
    fn intern(&mut self, name: &str) -> u32 {
        if let Some(&id) = self.by_name.get(name) {
            return id;
        }
        let id = u32::try_from(self.names.len()).expect("fewer than 2^32 names");
        self.names.push((name.to_string(), java_hash_abs(name)));
        self.by_name.insert(name.to_string(), id);
        id
    }
}

impl Names {
    /// The id of a group name, new or known.
    pub fn group(&mut self, name: &str) -> GroupId {
        GroupId(self.groups.intern(name))
    }

    /// The id of a transactional id, new or known.
    pub fn transactional_id(&mut self, name: &str) -> TransactionalId {
        TransactionalId(self.transactional_ids.intern(name))
    }

    /// Whether anybody has used a transactional id.
    #[must_use]
    pub fn knows_transactional_id(&self, name: &str) -> bool {
        self.transactional_ids.by_name.contains_key(name)
    }

    /// The id of a text, new or known.
    pub fn text(&mut self, text: &str) -> TextId {
        if text.is_empty() { TextId::EMPTY } else { TextId(self.texts.intern(text) + 1) }
    }

    /// A text.
    #[must_use]
    pub fn text_of(&self, id: TextId) -> &str {
        match id.0.checked_sub(1) {
            None => "",
            Some(index) => &self.texts.names[index as usize].0,
        }
    }

    /// A protocol's name as a coordinator compares it.
    pub fn protocol(&mut self, name: &str) -> ProtocolName {
        match Assignor::ALL.into_iter().find(|a| a.name() == name) {
            Some(assignor) => ProtocolName::Assignor(assignor),
            None => ProtocolName::Other(self.text(name)),
        }
    }

    /// A protocol's name.
    #[must_use]
    pub fn protocol_name(&self, protocol: ProtocolName) -> &str {
        match protocol {
            ProtocolName::Assignor(assignor) => assignor.name(),
            ProtocolName::Other(text) => self.text_of(text),
        }
    }

    /// A kind of members as a coordinator compares it.
    pub fn protocol_type(&mut self, name: &str) -> ProtocolType {
        if name == CONSUMER { ProtocolType::Consumer } else { ProtocolType::Other(self.text(name)) }
    }

    /// The name of a kind of members.
    #[must_use]
    pub fn protocol_type_name(&self, protocol_type: ProtocolType) -> &str {
        match protocol_type {
            ProtocolType::Consumer => CONSUMER,
            ProtocolType::Other(text) => self.text_of(text),
        }
    }

    /// The id of the name of a topic to subscribe to, new or known.
    pub fn topic(&mut self, name: &str) -> TopicName {
        TopicName(self.topics.intern(name))
    }

    /// The id of the name of a topic, if anybody has subscribed to it by name.
    #[must_use]
    pub fn known_topic(&self, name: &str) -> Option<TopicName> {
        self.topics.by_name.get(name).copied().map(TopicName)
    }

    /// The name of a topic to subscribe to.
    #[must_use]
    pub fn topic_name(&self, id: TopicName) -> &str {
        &self.topics.names[id.0 as usize].0
    }

    /// Stands for a partition in a fetch, until a broker has looked it up.
    pub fn address(&mut self, address: Address) -> PartitionId {
        let known = self.addresses.iter().position(|a| *a == address);
        let index = known.unwrap_or_else(|| {
            self.addresses.push(address);
            self.addresses.len() - 1
        });
        let index = u32::try_from(index).expect("fewer than 2^31 addresses");
        PartitionId(PartitionId::FIRST_ADDRESS.0 + index)
    }

    /// What an id stands for, if it stands for an address.
    #[must_use]
    pub fn addressed(&self, id: PartitionId) -> Option<&Address> {
        let index = id.0.checked_sub(PartitionId::FIRST_ADDRESS.0)?;
        self.addresses.get(index as usize)
    }

    /// A group's name.
    #[must_use]
    pub fn group_name(&self, id: GroupId) -> &str {
        &self.groups.names[id.0 as usize].0
    }

    /// A transactional id's name.
    #[must_use]
    pub fn transactional_id_name(&self, id: TransactionalId) -> &str {
        &self.transactional_ids.names[id.0 as usize].0
    }

    /// Which partition of `__consumer_offsets` (of `partitions`) holds the group.
    #[must_use]
    pub fn group_partition(&self, id: GroupId, partitions: u32) -> u32 {
        self.groups.names[id.0 as usize].1 % partitions
    }

    /// Which partition of `__transaction_state` (of `partitions`) holds the transactional id.
    #[must_use]
    pub fn transaction_partition(&self, id: TransactionalId, partitions: u32) -> u32 {
        self.transactional_ids.names[id.0 as usize].1 % partitions
    }
}

/// `name.hashCode()` of Java.
#[must_use]
pub fn java_hash(name: &str) -> i32 {
    name.encode_utf16().fold(0_i32, |h, c| h.wrapping_mul(31).wrapping_add(i32::from(c)))
}

/// `Utils.abs(name.hashCode())` of Java: 0 for `i32::MIN`.
#[must_use]
pub fn java_hash_abs(name: &str) -> u32 {
    let hash = java_hash(name);
    if hash == i32::MIN { 0 } else { hash.unsigned_abs() }
}
