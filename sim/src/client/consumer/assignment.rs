//! What the leader of a classic group assigns to its members.

use broker_model::protocol::group::{Assignor, Subscription};
use broker_model::types::{GenerationId, MemberId, PartitionId, TopicId};

use crate::client::ClientMetadata;

/// A member as the coordinator described it to the leader.
pub(super) type Member = (MemberId, Option<String>, Subscription);

/// Partitions for every member, under the assignor that the coordinator chose.
pub(super) fn assign(
    assignor: Assignor,
    members: &[Member],
    metadata: &ClientMetadata,
) -> Vec<(MemberId, Vec<PartitionId>)> {
    let mut order: Vec<&Member> = members.iter().collect();
    // Static members by instance id come first, then dynamic ones by member id.
    order.sort_by_key(|(id, instance, _)| (instance.is_none(), instance.clone(), *id));
    let mut topics: Vec<TopicId> =
        members.iter().flat_map(|(_, _, s)| s.topics.iter().copied()).collect();
    topics.sort_unstable();
    topics.dedup();
    let mut owned: Vec<Vec<PartitionId>> = vec![Vec::new(); order.len()];
    match assignor {
        Assignor::Range => range(&order, &topics, metadata, &mut owned),
        Assignor::RoundRobin => round_robin(&order, &topics, metadata, &mut owned),
        Assignor::Sticky => sticky(&order, &topics, metadata, &mut owned),
        Assignor::CooperativeSticky => {
            sticky(&order, &topics, metadata, &mut owned);
            withhold_moving(&order, &mut owned);
        }
    }
    order.iter().map(|(id, _, _)| *id).zip(owned).collect()
}

fn subscribers(order: &[&Member], topic: TopicId) -> Vec<usize> {
    let subscribed = |i: &usize| order[*i].2.topics.contains(&topic);
    (0..order.len()).filter(subscribed).collect()
}

/// `RangeAssignor`: of each topic a contiguous range for each subscriber, the first ones one more.
fn range(
    order: &[&Member],
    topics: &[TopicId],
    metadata: &ClientMetadata,
    owned: &mut [Vec<PartitionId>],
) {
    for &topic in topics {
        let members = subscribers(order, topic);
        let partitions = metadata.partitions(topic);
        let (each, extra) = (partitions.len() / members.len(), partitions.len() % members.len());
        let mut start = 0;
        for (i, &member) in members.iter().enumerate() {
            let end = start + each + usize::from(i < extra);
            owned[member].extend_from_slice(&partitions[start..end]);
            start = end;
        }
    }
}

/// `RoundRobinAssignor`: all partitions in order, in turn to the next subscriber.
fn round_robin(
    order: &[&Member],
    topics: &[TopicId],
    metadata: &ClientMetadata,
    owned: &mut [Vec<PartitionId>],
) {
    let mut next = 0;
    for &topic in topics {
        for &partition in metadata.partitions(topic) {
            while !order[next % order.len()].2.topics.contains(&topic) {
                next += 1;
            }
            owned[next % order.len()].push(partition);
            next += 1;
        }
    }
}

/// Balanced, and as many partitions as possible stay where they are.
fn sticky(
    order: &[&Member],
    topics: &[TopicId],
    metadata: &ClientMetadata,
    owned: &mut [Vec<PartitionId>],
) {
    let all: Vec<(TopicId, PartitionId)> =
        topics.iter().flat_map(|&t| metadata.partitions(t).iter().map(move |&p| (t, p))).collect();
    let (least, extra) = (all.len() / order.len(), all.len() % order.len());
    let mut over = 0;
    let mut free = Vec::new();
    let owners = owners(order);
    for &(topic, partition) in &all {
        let owner = owners.iter().find(|(p, _, _)| *p == partition).map(|&(_, i, _)| i);
        match owner {
            Some(i)
                if order[i].2.topics.contains(&topic)
                    && (owned[i].len() < least || (owned[i].len() == least && over < extra)) =>
            {
                over += usize::from(owned[i].len() == least);
                owned[i].push(partition);
            }
            _ => free.push((topic, partition)),
        }
    }
    for (topic, partition) in free {
        let members = subscribers(order, topic);
        let poorest = members.into_iter().min_by_key(|&i| (owned[i].len(), i));
        owned[poorest.expect("a topic is here because someone subscribes")].push(partition);
    }
}

/// Who owns what, by the claim of the highest generation; equal claims cancel each other.
fn owners(order: &[&Member]) -> Vec<(PartitionId, usize, GenerationId)> {
    let mut owners: Vec<(PartitionId, usize, GenerationId)> = Vec::new();
    for (i, (_, _, subscription)) in order.iter().enumerate() {
        for &partition in &subscription.owned {
            let claim = (partition, i, subscription.generation);
            match owners.iter_mut().find(|(p, _, _)| *p == partition) {
                Some(known) if known.2 < claim.2 => *known = claim,
                Some(_) => {}
                None => owners.push(claim),
            }
        }
    }
    owners
}

/// Cooperative (KIP-429): a partition that another member still owns waits for the next round.
fn withhold_moving(order: &[&Member], owned: &mut [Vec<PartitionId>]) {
    let owners = owners(order);
    for (i, partitions) in owned.iter_mut().enumerate() {
        partitions.retain(|p| owners.iter().all(|&(q, owner, _)| q != *p || owner == i));
    }
}
