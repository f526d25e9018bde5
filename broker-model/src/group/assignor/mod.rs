//! Assignors as pure functions: those of the classic protocol, which the group leader runs, and
//! in `server` those of the new one.
//!
//! Racks are not looked at. Where Kafka goes by the order of names, these go by the order of
//! the topics given and of member ids.

mod lists;
mod problem;
mod range;
mod round_robin;
mod server;
mod sticky;

use alloc::string::String;
use alloc::vec::Vec;

use crate::protocol::group::{Assignor, Subscription};
use crate::types::{MemberId, PartitionId, TopicId};
pub use lists::Lists;
use problem::Problem;
pub use server::{Candidate, assign_targets};

/// A member as the leader learns of it from its join: id, `group.instance.id`, subscription.
pub type Subscriber = (MemberId, Option<String>, Subscription);

/// A topic with its partitions in order of index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicPartitions {
    /// The topic.
    pub topic: TopicId,
    /// Its partitions.
    pub partitions: Vec<PartitionId>,
}

/// What each member shall own, in order of member id, each list in order of topic and index.
///
/// `topics` are those that exist, in order of name; others that members subscribe to are
/// left out of the assignment.
#[must_use]
pub fn assign(
    assignor: Assignor,
    members: &[Subscriber],
    topics: &[TopicPartitions],
) -> Vec<(MemberId, Vec<PartitionId>)> {
    let problem = Problem::new(members, topics);
    let mut owned = match assignor {
        Assignor::Range => range::assign(&problem),
        Assignor::RoundRobin => round_robin::assign(&problem),
        Assignor::Sticky => sticky::assign(&problem).owned,
        Assignor::CooperativeSticky => sticky::assign(&problem).without_transfers(),
    };
    for partitions in &mut owned {
        partitions.sort_unstable();
    }
    problem.named(owned)
}

#[cfg(test)]
mod tests;
