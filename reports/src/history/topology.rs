//! The declared cast of a run: topics and partitions, groups, instances, consumers, producer
//! sessions. Names are kept once, here; everything else speaks in dense ids.

use super::reader::Isolation;

/// A topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its partitions' dense ids, in partition order.
    pub partitions: Vec<u32>,
}

/// Where a partition belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partition {
    /// Its topic.
    pub topic: u32,
    /// Its number within the topic.
    pub index: u32,
}

/// A consumer group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// `group.id`.
    pub name: String,
}

/// An instance of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// Its name, for people.
    pub name: String,
}

/// One incarnation of one consumer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Consumer {
    /// The instance it runs in.
    pub instance: u32,
    /// Its group.
    pub group: u32,
    /// What it asked to see.
    pub isolation: Isolation,
}

/// One incarnation of one producer: from its construction to its close or crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    /// The instance it runs in.
    pub instance: u32,
    /// `enable.idempotence`: its records neither double nor change order.
    pub idempotent: bool,
    /// Whether its configuration keeps order: idempotent, or one request in flight.
    pub ordered: bool,
}

/// All of them by id.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    topics: Vec<Option<Topic>>,
    partitions: Vec<Option<Partition>>,
    groups: Vec<Option<Group>>,
    instances: Vec<Option<Instance>>,
    consumers: Vec<Consumer>,
    sessions: Vec<Session>,
}

fn put<T>(table: &mut Vec<Option<T>>, id: u32, value: T) {
    let index = id as usize;
    if index >= table.len() {
        table.resize_with(index + 1, || None);
    }
    assert!(table[index].is_none(), "id {id} is declared twice");
    table[index] = Some(value);
}

impl Topology {
    pub(super) fn topic(&mut self, id: u32, name: &str, partitions: Vec<u32>) {
        for (index, &partition) in (0..).zip(&partitions) {
            put(&mut self.partitions, partition, Partition { topic: id, index });
        }
        put(&mut self.topics, id, Topic { name: name.to_owned(), partitions });
    }

    pub(super) fn group(&mut self, id: u32, name: &str) {
        put(&mut self.groups, id, Group { name: name.to_owned() });
    }

    pub(super) fn instance(&mut self, id: u32, name: &str) {
        put(&mut self.instances, id, Instance { name: name.to_owned() });
    }

    pub(super) fn consumer(&mut self, consumer: Consumer) -> u32 {
        self.consumers.push(consumer);
        u32::try_from(self.consumers.len() - 1).expect("consumers are few")
    }

    pub(super) fn session(&mut self, session: Session) -> u32 {
        self.sessions.push(session);
        u32::try_from(self.sessions.len() - 1).expect("sessions are few")
    }

    /// A topic by id.
    #[must_use]
    pub fn topic_of(&self, id: u32) -> Option<&Topic> {
        self.topics.get(id as usize)?.as_ref()
    }

    /// Every topic with its id, in id order.
    pub fn topics(&self) -> impl Iterator<Item = (u32, &Topic)> {
        (0..).zip(&self.topics).filter_map(|(id, topic)| Some((id, topic.as_ref()?)))
    }

    /// A partition by its dense id.
    #[must_use]
    #[inline]
    pub fn partition(&self, id: u32) -> Option<Partition> {
        *self.partitions.get(id as usize)?
    }

    /// Every group with its id, in id order.
    pub fn groups(&self) -> impl Iterator<Item = (u32, &Group)> {
        (0..).zip(&self.groups).filter_map(|(id, group)| Some((id, group.as_ref()?)))
    }

    /// A consumer by id. Panics on one never declared: a bug in the caller.
    #[must_use]
    #[inline]
    pub fn consumer_of(&self, id: u32) -> Consumer {
        self.consumers[id as usize]
    }

    /// How many consumer incarnations there were.
    #[must_use]
    pub const fn consumer_count(&self) -> usize {
        self.consumers.len()
    }

    /// A producer session by id. Panics on one never declared: a bug in the caller.
    #[must_use]
    #[inline]
    pub fn session_of(&self, id: u32) -> Session {
        self.sessions[id as usize]
    }

    /// How many producer incarnations there were.
    #[must_use]
    pub const fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// `orders-3`, or `partition 17` for one never declared.
    #[must_use]
    pub fn partition_name(&self, id: u32) -> String {
        self.partition(id)
            .and_then(|partition| {
                let topic = self.topic_of(partition.topic)?;
                Some(format!("{}-{}", topic.name, partition.index))
            })
            .unwrap_or_else(|| format!("partition {id}"))
    }

    /// The name of a topic, or `topic 4`.
    #[must_use]
    pub fn topic_name(&self, id: u32) -> String {
        self.topic_of(id).map_or_else(|| format!("topic {id}"), |topic| topic.name.clone())
    }

    /// The name of a group, or `group 4`.
    #[must_use]
    pub fn group_name(&self, id: u32) -> String {
        match self.groups.get(id as usize) {
            Some(Some(group)) => group.name.clone(),
            _ => format!("group {id}"),
        }
    }

    /// The name of an instance, or `instance 4`.
    #[must_use]
    pub fn instance_name(&self, id: u32) -> String {
        match self.instances.get(id as usize) {
            Some(Some(instance)) => instance.name.clone(),
            _ => format!("instance {id}"),
        }
    }

    /// A consumer for people: `payment-2 (group payment)`.
    #[must_use]
    pub fn consumer_name(&self, id: u32) -> String {
        let consumer = self.consumer_of(id);
        let instance = self.instance_name(consumer.instance);
        format!("{instance} (group {})", self.group_name(consumer.group))
    }
}
