//! Laws of the assignors, and range against a naive twin.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::super::{Subscriber, TopicPartitions, assign};
use crate::protocol::group::{Assignor, Subscription};
use crate::types::{GenerationId, MemberId, PartitionId, TopicId};

type Owned = Vec<(MemberId, Vec<PartitionId>)>;

const ALL: [Assignor; 4] =
    [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky, Assignor::CooperativeSticky];

/// Topics with up to five partitions each.
fn topics() -> impl Strategy<Value = Vec<TopicPartitions>> {
    prop::collection::vec(0..5_usize, 1..4).prop_map(|counts| {
        let mut next = 0;
        let topic = |(i, count): (usize, usize)| {
            let partitions = (next..next + count).map(|p| PartitionId(index(p))).collect();
            next += count;
            TopicPartitions { topic: TopicId(index(i)), partitions }
        };
        counts.into_iter().enumerate().map(topic).collect()
    })
}

/// Members with subscriptions, equal or not, that own nothing yet.
fn members() -> impl Strategy<Value = Vec<Subscriber>> {
    let subscription = prop::collection::btree_set(0..4_u32, 0..4);
    (any::<bool>(), prop::collection::vec(subscription, 1..6)).prop_map(|(equal, all)| {
        let member = |(i, topics): (usize, &BTreeSet<u32>)| {
            let topics = if equal { &all[0] } else { topics };
            let topics = topics.iter().copied().map(TopicId).collect();
            let subscription =
                Subscription { topics, owned: Vec::new(), generation: GenerationId(-1) };
            (id(i), None, subscription)
        };
        all.iter().enumerate().map(member).collect()
    })
}

fn index(i: usize) -> u32 {
    u32::try_from(i).expect("small")
}

fn id(i: usize) -> MemberId {
    MemberId(u64::from(index(i)) + 1)
}

/// The members as they join the next round, owning what they were given.
fn rejoin(members: &[Subscriber], owned: &Owned, generation: i32) -> Vec<Subscriber> {
    let owned: BTreeMap<MemberId, &Vec<PartitionId>> = owned.iter().map(|(m, o)| (*m, o)).collect();
    let mut next = members.to_vec();
    for (member, _, subscription) in &mut next {
        if let Some(owned) = owned.get(member) {
            subscription.owned.clone_from(owned);
            subscription.generation = GenerationId(generation);
        }
    }
    next
}

fn flat(owned: &Owned) -> Vec<PartitionId> {
    let mut all: Vec<PartitionId> = owned.iter().flat_map(|(_, o)| o.iter().copied()).collect();
    all.sort_unstable();
    all
}

/// Partitions that somebody subscribes to.
fn wanted(members: &[Subscriber], topics: &[TopicPartitions]) -> Vec<PartitionId> {
    let subscribed = |t: &&TopicPartitions| members.iter().any(|m| m.2.topics.contains(&t.topic));
    topics.iter().filter(subscribed).flat_map(|t| t.partitions.iter().copied()).collect()
}

/// Partition by partition: the first `extra` members take one more.
fn naive_range(members: &[Subscriber], topics: &[TopicPartitions]) -> Owned {
    let mut owned: Owned = members.iter().map(|m| (m.0, Vec::new())).collect();
    for topic in topics {
        let takers: Vec<usize> =
            (0..members.len()).filter(|&m| members[m].2.topics.contains(&topic.topic)).collect();
        let mut quotas = vec![0; takers.len()];
        for i in 0..topic.partitions.len() {
            if let Some(quota) = quotas.get_mut(i % takers.len().max(1)) {
                *quota += 1;
            }
        }
        let mut partitions = topic.partitions.iter();
        for (taker, quota) in takers.into_iter().zip(quotas) {
            owned[taker].1.extend(partitions.by_ref().take(quota));
        }
    }
    owned
}

fn loads_differ_by_at_most_one(owned: &Owned) -> bool {
    let loads = || owned.iter().map(|(_, o)| o.len());
    loads().max().unwrap_or(0) - loads().min().unwrap_or(0) <= 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_wanted_partition_has_one_owner_who_subscribes(topics in topics(), members in members()) {
        for assignor in ALL {
            let owned = assign(assignor, &members, &topics);
            prop_assert_eq!(flat(&owned), wanted(&members, &topics), "{:?}", assignor);
            for ((member, owned), (id, _, subscription)) in owned.iter().zip(&members) {
                prop_assert_eq!(member, id);
                for topic in &topics {
                    let has = owned.iter().any(|p| topic.partitions.contains(p));
                    prop_assert!(!has || subscription.topics.contains(&topic.topic));
                }
            }
        }
    }

    #[test]
    fn range_equals_its_naive_twin(topics in topics(), members in members()) {
        prop_assert_eq!(assign(Assignor::Range, &members, &topics), naive_range(&members, &topics));
    }

    #[test]
    fn the_order_of_members_in_the_request_does_not_matter(topics in topics(), members in members()) {
        let mut reversed = members.clone();
        reversed.reverse();
        for assignor in ALL {
            prop_assert_eq!(assign(assignor, &members, &topics), assign(assignor, &reversed, &topics));
        }
    }

    #[test]
    fn a_sticky_assignment_stays_when_nothing_changes(topics in topics(), members in members()) {
        for assignor in [Assignor::Sticky, Assignor::CooperativeSticky] {
            let first = assign(assignor, &members, &topics);
            let again = assign(assignor, &rejoin(&members, &first, 1), &topics);
            prop_assert_eq!(again, first);
        }
    }

    /// Kafka's promise for incremental rebalancing: nobody is given what another still owns,
    /// and a second round gives away what was revoked in the first.
    #[test]
    fn cooperative_rounds_never_double_own_and_end(
        topics in topics(),
        members in members(),
        leaver in 0..6_usize,
        newcomer: bool,
    ) {
        let settled = assign(Assignor::CooperativeSticky, &members, &topics);
        let mut changed = rejoin(&members, &settled, 1);
        if changed.len() > 1 && leaver < changed.len() {
            changed.remove(leaver);
        }
        if newcomer {
            let subscription =
                Subscription { owned: Vec::new(), generation: GenerationId(-1), ..changed[0].2.clone() };
            changed.push((MemberId(99), None, subscription));
        }
        let first = assign(Assignor::CooperativeSticky, &changed, &topics);
        for ((member, owned), (_, _, before)) in first.iter().zip(&changed) {
            for partition in owned.iter().filter(|p| !before.owned.contains(p)) {
                let taken = changed.iter().any(|m| m.2.owned.contains(partition));
                prop_assert!(!taken, "{:?} is given to {:?} too early", partition, member);
            }
        }
        // Owners give up at once and join again; the eager form says where it should end.
        let second = assign(Assignor::CooperativeSticky, &rejoin(&changed, &first, 2), &topics);
        prop_assert_eq!(flat(&second), wanted(&changed, &topics));
        let equal = changed.iter().all(|m| m.2.topics == changed[0].2.topics);
        prop_assert!(!equal || loads_differ_by_at_most_one(&second));
        let third = assign(Assignor::CooperativeSticky, &rejoin(&changed, &second, 3), &topics);
        prop_assert_eq!(third, second);
    }
}
