//! An assignment to be made, with members, topics and partitions as small numbers.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Subscriber, TopicPartitions};
use crate::types::{MemberId, PartitionId, TopicId};

/// Members by id, topics as given, partitions by topic and index.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    members: Vec<MemberId>,
    partitions: Vec<PartitionId>,
    /// The partitions of each topic.
    pub(super) topics: Vec<Range<usize>>,
    /// The topic of each partition.
    pub(super) topic_of: Vec<usize>,
    /// The topics of each member that exist, in order.
    pub(super) subscribed: Vec<Vec<usize>>,
    /// What each member believes it owns, of topics somebody subscribes to, as it said it.
    pub(super) owned: Vec<Vec<usize>>,
    /// The generation of that belief, -1 for none.
    pub(super) generation: Vec<i32>,
    /// Everyone subscribes to the same, existing or not.
    pub(super) equal_subscriptions: bool,
    /// Members with static ones first, by instance, then by id: the order of range.
    pub(super) by_instance: Vec<usize>,
}

impl Problem {
    pub(super) fn new(members: &[Subscriber], topics: &[TopicPartitions]) -> Self {
        let mut sorted: Vec<&Subscriber> = members.iter().collect();
        sorted.sort_by_key(|m| m.0);
        let mut by_instance: Vec<usize> = (0..sorted.len()).collect();
        by_instance.sort_by_key(|&m| {
            let instance: Option<&String> = sorted[m].1.as_ref();
            (instance.is_none(), instance, m)
        });
        let topics: Vec<&TopicPartitions> = topics
            .iter()
            .filter(|t| sorted.iter().any(|m| m.2.topics.contains(&t.topic)))
            .collect();
        let number: BTreeMap<TopicId, usize> =
            topics.iter().enumerate().map(|(i, t)| (t.topic, i)).collect();
        let mut problem = Self {
            members: sorted.iter().map(|m| m.0).collect(),
            partitions: Vec::new(),
            topics: Vec::new(),
            topic_of: Vec::new(),
            subscribed: Vec::new(),
            owned: Vec::new(),
            generation: sorted.iter().map(|m| m.2.generation.0).collect(),
            equal_subscriptions: have_equal_topics(&sorted),
            by_instance,
        };
        for (i, topic) in topics.iter().enumerate() {
            let first = problem.partitions.len();
            problem.partitions.extend(&topic.partitions);
            problem.topics.push(first..problem.partitions.len());
            problem.topic_of.resize(problem.partitions.len(), i);
        }
        let places: BTreeMap<PartitionId, usize> =
            problem.partitions.iter().enumerate().map(|(i, &p)| (p, i)).collect();
        for (_, _, subscription) in sorted {
            let mut subscribed: Vec<usize> =
                subscription.topics.iter().filter_map(|t| number.get(t).copied()).collect();
            subscribed.sort_unstable();
            subscribed.dedup();
            problem.subscribed.push(subscribed);
            let owned = subscription.owned.iter().filter_map(|p| places.get(p).copied());
            problem.owned.push(owned.collect());
        }
        problem
    }

    pub(super) const fn member_count(&self) -> usize {
        self.members.len()
    }

    pub(super) const fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    pub(super) fn subscribes(&self, member: usize, topic: usize) -> bool {
        self.subscribed[member].binary_search(&topic).is_ok()
    }

    /// An assignment in the caller's terms.
    pub(super) fn named(&self, owned: Vec<Vec<usize>>) -> Vec<(MemberId, Vec<PartitionId>)> {
        let named = owned.into_iter().map(|o| o.into_iter().map(|p| self.partitions[p]).collect());
        self.members.iter().copied().zip(named).collect()
    }
}

fn have_equal_topics(members: &[&Subscriber]) -> bool {
    let mut sets = members.iter().map(|m| {
        let mut topics = m.2.topics.clone();
        topics.sort_unstable();
        topics.dedup();
        topics
    });
    let first = sets.next();
    sets.all(|set| Some(set) == first)
}
