//! The topics a group subscribes to, and the targets made of them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{ConsumerGroup, ConsumerMember};
use crate::group::assignor::{Candidate, Lists, TopicPartitions, assign_targets};
use crate::metadata::Image;
use crate::names::Names;
use crate::protocol::consumer_group::ServerAssignor;
use crate::records::PatternRecord;
use crate::types::{MemberId, PartitionId, TextId, TopicId, TopicName};

/// The members of a group as they will be.
pub(super) type Roster<'a> = Vec<(MemberId, &'a ConsumerMember)>;

/// The subscribed topics that exist, in order of id.
pub(super) struct Topics {
    ids: Vec<TopicId>,
    by_name: BTreeMap<TopicName, Option<TopicId>>,
    by_pattern: BTreeMap<TextId, Vec<TopicId>>,
}

impl Topics {
    /// Those that a roster subscribes to, of regular expressions what they were found to match.
    pub(super) fn of(
        roster: &Roster<'_>,
        patterns: &BTreeMap<TextId, PatternRecord>,
        image: &Image,
        names: &Names,
    ) -> Self {
        let mut by_name = BTreeMap::new();
        let mut by_pattern = BTreeMap::new();
        let mut before: &[TopicName] = &[];
        for (_, member) in roster {
            // Most subscribe to what the one before them does.
            let subscribed = &member.said.topics[..];
            let new = if subscribed == before { &[][..] } else { subscribed };
            for &name in new {
                by_name.entry(name).or_insert_with(|| image.topic_by_name(names.topic_name(name)));
            }
            before = subscribed;
            let pattern = member.said.pattern;
            if let Some(found) = patterns.get(&pattern) {
                by_pattern.entry(pattern).or_insert_with(|| {
                    found.topics.iter().filter_map(|name| image.topic_by_name(name)).collect()
                });
            }
        }
        let named = by_name.values().flatten();
        let mut ids: Vec<TopicId> = named.chain(by_pattern.values().flatten()).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        Self { ids, by_name, by_pattern }
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
        let alike = are_alike(roster);
        let different = if alike { 1 } else { roster.len() };
        let mut subscribed = Lists::empty(0);
        for (_, member) in roster.iter().take(different) {
            subscribed.push(self.places(member));
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

    /// Each once, in order.
    fn places(&self, member: &ConsumerMember) -> Vec<usize> {
        let named = member.said.topics.iter().filter_map(|name| *self.by_name.get(name)?);
        let found = self.by_pattern.get(&member.said.pattern).into_iter().flatten().copied();
        let place = |id| self.ids.binary_search(&id).ok();
        let mut places: Vec<usize> = named.chain(found).filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        places
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

/// All subscribe to the same names, or all by the same regular expression and nothing else.
/// Source: Kafka 4.1, `ConsumerGroup.subscriptionType`.
fn are_alike(roster: &Roster<'_>) -> bool {
    roster.windows(2).all(|w| {
        let (a, b) = (&w[0].1.said, &w[1].1.said);
        let has_pattern = a.pattern != TextId::EMPTY;
        a.pattern == b.pattern && a.topics == b.topics && (!has_pattern || a.topics.is_empty())
    })
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
