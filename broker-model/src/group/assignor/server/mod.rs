//! Assignors of the new protocol, which the group coordinator runs itself (KIP-848).
//!
//! Racks are not looked at, as in Kafka. Where Kafka goes by the order of ids of topics and of
//! members in its tables, these go by the order of the ids given.

mod balancer;
mod mixed;
mod uniform;

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::TopicPartitions;
use super::lists::Lists;
use crate::protocol::consumer_group::ServerAssignor;
use crate::types::PartitionId;

/// A member as an assignor sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// `group.instance.id`, for static members.
    pub instance: Option<&'a str>,
    /// Which of the topics it subscribes to, by place, in order, each once.
    pub topics: &'a [usize],
    /// What it was to own before.
    pub target: &'a [PartitionId],
}

/// What each member shall own in the end, each list in order of partition id.
///
/// `members` come in order of id. `topics` are those that somebody subscribes to and that exist,
/// each with its partitions in order of index. `alike` says that all members subscribe to the
/// same, existing or not.
#[must_use]
pub fn assign_targets(
    assignor: ServerAssignor,
    members: &[Candidate<'_>],
    topics: &[TopicPartitions],
    alike: bool,
) -> Lists<PartitionId> {
    let problem = Problem::new(members, topics);
    let owned = match assignor {
        ServerAssignor::Range => problem.range().into_iter().collect(),
        ServerAssignor::Uniform if alike => uniform::assign(&problem),
        ServerAssignor::Uniform => mixed::assign(&problem).into_iter().collect(),
    };
    let mut named = Lists::with_capacity(members.len(), owned.items().len());
    for places in owned.iter() {
        named.push_sorted(places.iter().map(|&place| problem.partitions[place]));
    }
    named
}

/// An assignment to be made. Partitions are places: in order of topic and index.
struct Problem<'a> {
    members: &'a [Candidate<'a>],
    partitions: Vec<PartitionId>,
    /// The places of each topic.
    topics: Vec<Range<usize>>,
    /// What each member was to own, in order of place, of all topics that there are.
    targets: Lists<usize>,
}

impl<'a> Problem<'a> {
    fn new(members: &'a [Candidate<'a>], topics: &[TopicPartitions]) -> Self {
        let mut partitions = Vec::new();
        let mut ranges = Vec::new();
        for topic in topics {
            let first = partitions.len();
            partitions.extend(&topic.partitions);
            ranges.push(first..partitions.len());
        }
        let places = Places::new(&partitions);
        let mut targets = Lists::with_capacity(members.len(), partitions.len());
        for member in members {
            targets.push_sorted(member.target.iter().filter_map(|&p| places.of(p)));
        }
        Self { members, partitions, topics: ranges, targets }
    }

    /// `range`: each topic by itself, in contiguous runs; static members first, by instance.
    fn range(&self) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|&m| {
            let instance = self.members[m].instance;
            (instance.is_none(), instance, m)
        });
        let mut subscribers = vec![0; self.topics.len()];
        for topic in self.members.iter().flat_map(|m| m.topics) {
            subscribers[*topic] += 1;
        }
        let mut next: Vec<usize> = self.topics.iter().map(|t| t.start).collect();
        let mut served = vec![0; self.topics.len()];
        let mut owned = vec![Vec::new(); self.members.len()];
        for member in order {
            for &topic in self.members[member].topics {
                let (count, among) = (self.topics[topic].len(), subscribers[topic]);
                let share = count / among + usize::from(served[topic] < count % among);
                owned[member].extend(next[topic]..next[topic] + share);
                next[topic] += share;
                served[topic] += 1;
            }
        }
        owned
    }
}

/// From partition ids to places.
struct Places {
    place: Vec<u32>,
}

impl Places {
    const NONE: u32 = u32::MAX;

    fn new(partitions: &[PartitionId]) -> Self {
        let end = partitions.iter().map(|p| p.index() + 1).max().unwrap_or(0);
        let mut place = vec![Self::NONE; end];
        for (i, partition) in (0..).zip(partitions) {
            place[partition.index()] = i;
        }
        Self { place }
    }

    fn of(&self, partition: PartitionId) -> Option<usize> {
        let place = self.place.get(partition.index()).copied();
        place.filter(|&p| p != Self::NONE).map(|p| p as usize)
    }
}
