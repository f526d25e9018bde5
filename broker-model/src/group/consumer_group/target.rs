//! The topics a group subscribes to, and the targets made of them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{ConsumerGroup, ConsumerMember};
use crate::group::assignor::{Candidate, Lists, TopicPartitions, assign_targets};
use crate::metadata::Image;
use crate::names::Names;
use crate::protocol::consumer_group::ServerAssignor;
use crate::types::{MemberId, PartitionId, TopicId, TopicName};

/// The members of a group as they will be.
pub(super) type Roster<'a> = Vec<(MemberId, &'a ConsumerMember)>;

/// The subscribed topics that exist, in order of id.
pub(super) struct Topics {
    ids: Vec<TopicId>,
    by_name: BTreeMap<TopicName, Option<TopicId>>,
}

impl Topics {
    /// Those that a roster subscribes to.
    pub(super) fn of(roster: &Roster<'_>, image: &Image, names: &Names) -> Self {
        let mut by_name = BTreeMap::new();
        let mut before: &[TopicName] = &[];
        for (_, member) in roster {
            // Most subscribe to what the one before them does.
            let subscribed = &member.said.topics[..];
            let new = if subscribed == before { &[][..] } else { subscribed };
            for &name in new {
                by_name.entry(name).or_insert_with(|| image.topic_by_name(names.topic_name(name)));
            }
            before = subscribed;
        }
        let mut ids: Vec<TopicId> = by_name.values().flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        Self { ids, by_name }
    }

    /// Their ids, in order.
    pub(super) fn ids(&self) -> &[TopicId] {
        &self.ids
    }

    /// What the topics look like: another value whenever one is made, deleted or made anew, gets
    /// partitions, or has a replica in another rack. Source: Kafka 4.1, `Utils.computeTopicHash`.
    pub(super) fn hash(&self, image: &Image) -> u64 {
        let mut hash = Hash::new();
        for &id in &self.ids {
            let partitions = image.topic(id).map_or(&[][..], |topic| &topic.partitions);
            hash.add(id.0);
            hash.add(u32::try_from(partitions.len()).expect("fewer than 2^32 partitions"));
            for partition in partitions.iter().filter_map(|&p| image.partition(p)) {
                let mut racks: Vec<u32> = partition
                    .replicas
                    .iter()
                    .filter_map(|&node| Some(image.broker(node)?.rack?.0))
                    .collect();
                racks.sort_unstable();
                racks.iter().for_each(|&rack| hash.add(rack));
                hash.add(u32::MAX);
            }
        }
        hash.value
    }

    /// What each of the roster shall own in the end.
    pub(super) fn assign(
        &self,
        assignor: ServerAssignor,
        roster: &Roster<'_>,
        image: &Image,
    ) -> Lists<PartitionId> {
        let partitions = |&topic: &TopicId| TopicPartitions {
            topic,
            partitions: image.topic(topic).map(|t| t.partitions.clone()).unwrap_or_default(),
        };
        let topics: Vec<TopicPartitions> = self.ids.iter().map(partitions).collect();
        let alike = roster.windows(2).all(|w| w[0].1.said.topics == w[1].1.said.topics);
        let different = if alike { 1 } else { roster.len() };
        let mut subscribed = Lists::empty(0);
        for (_, member) in roster.iter().take(different) {
            subscribed.push_sorted(self.places(member));
        }
        let candidates: Vec<Candidate<'_>> = roster
            .iter()
            .enumerate()
            .map(|(i, (_, member))| Candidate {
                instance: member.said.instance.as_deref(),
                topics: subscribed.get(if alike { 0 } else { i }),
                target: &member.target,
            })
            .collect();
        assign_targets(assignor, &candidates, &topics, alike)
    }

    fn places(&self, member: &ConsumerMember) -> impl Iterator<Item = usize> {
        member.said.topics.iter().filter_map(|name| {
            let id = (*self.by_name.get(name)?)?;
            self.ids.binary_search(&id).ok()
        })
    }
}

impl ConsumerGroup {
    /// The members without some, and with one that is new or changed.
    pub(super) fn roster<'a>(
        &'a self,
        without: &[MemberId],
        with: Option<(MemberId, &'a ConsumerMember)>,
    ) -> Roster<'a> {
        let changed = with.map(|(id, _)| id);
        let mut roster: Roster<'a> = self
            .members
            .iter()
            .map(|(&id, member)| (id, member))
            .filter(|(id, _)| !without.contains(id) && Some(*id) != changed)
            .collect();
        if let Some((id, member)) = with {
            let place = roster.partition_point(|(other, _)| *other < id);
            roster.insert(place, (id, member));
        }
        roster
    }
}

/// FNV-1a over numbers.
struct Hash {
    value: u64,
}

impl Hash {
    const fn new() -> Self {
        Self { value: 0xcbf2_9ce4_8422_2325 }
    }

    fn add(&mut self, number: u32) {
        for byte in number.to_le_bytes() {
            self.value = (self.value ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}
