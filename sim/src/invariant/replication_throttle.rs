//! What a leader gives of throttled replicas to followers outside of its ISR stays within its rate,
//! over all windows of it and but for what was asked for before it was exceeded.
//!
//! Source: KIP-73. A throttle is looked at before a fetch is answered, so each follower may be given
//! one answer too many, and another may be under way when the windows begin.

use std::collections::VecDeque;

use broker_model::broker::Broker;
use broker_model::config::ThrottledReplicas;
use broker_model::note::Note;
use broker_model::partition::Replica;
use broker_model::types::{Duration, Instant, NodeId, PartitionId, SECOND};

use super::{Interest, Invariant, View};

const RATE: &str = "leader.replication.throttled.rate";

/// What a leader gave lately.
#[derive(Clone, Debug, Default)]
struct Given {
    /// When, and how many bytes.
    lately: VecDeque<(Instant, u64)>,
    sum: u64,
    /// The bound that was in force.
    bound: u64,
}

/// How much may be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Limit {
    /// Bytes a second.
    bound: u64,
    /// The length of all windows.
    span: Duration,
    /// Bytes that may come on top.
    more: u64,
}

impl Limit {
    fn bytes(self) -> u64 {
        let in_time = u128::from(self.bound) * u128::from(self.span) / u128::from(SECOND);
        u64::try_from(in_time).unwrap_or(u64::MAX).saturating_add(self.more)
    }
}

impl Given {
    /// Counts an append. What is too much, if it is.
    fn count(&mut self, now: Instant, bytes: u64, limit: Limit) -> Option<u64> {
        if self.bound != limit.bound {
            *self = Self { bound: limit.bound, ..Self::default() };
        }
        self.lately.push_back((now, bytes));
        self.sum += bytes;
        while let Some(&(at, old)) = self.lately.front().filter(|w| now.since(w.0) >= limit.span) {
            debug_assert!(at <= now, "in order of time");
            self.lately.pop_front();
            self.sum -= old;
        }
        (self.sum > limit.bytes()).then_some(self.sum)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ReplicationThrottled {
    /// By number of the leader.
    given: Vec<Given>,
}

/// The bound of a broker as itself has it, if it has any.
fn bound(broker: &Broker) -> Option<u64> {
    let dynamic = broker.image().broker_config(broker.node(), RATE);
    let dynamic = dynamic.and_then(|value| value.trim().parse().ok());
    let bound = dynamic.unwrap_or(broker.config().leader_replication_throttled_rate);
    (bound != i64::MAX as u64).then_some(bound)
}

/// Whether this replica leads, is throttled, and does not have the follower in its ISR.
fn gives_throttled(
    broker: &Broker,
    (partition, replica): (PartitionId, &Replica),
    follower: NodeId,
) -> bool {
    let throttled = &replica.log().config().leader_throttled_replicas;
    let outside = replica.leader().is_some_and(|leader| !leader.isr.contains(&follower));
    let index = || broker.image().partition(partition).map(|record| record.index);
    outside && index().is_some_and(|index| throttled.contains(index, broker.node()))
}

impl ReplicationThrottled {
    fn copied(
        &mut self,
        view: &View<'_>,
        follower: NodeId,
        partition: PartitionId,
        bytes: u64,
    ) -> Option<String> {
        let copy = view.replica(follower, partition)?;
        if copy.log().config().leader_throttled_replicas == ThrottledReplicas::None {
            return None;
        }
        let leader = view.node(copy.following()?)?.broker()?;
        let replica = leader.replica(partition)?;
        if !gives_throttled(leader, (partition, replica), follower) {
            return None;
        }
        let config = leader.config();
        let answer = config.replica_fetch_response_max_bytes.max(config.message_max_bytes);
        let limit = Limit {
            bound: bound(leader)?,
            span: config.replication_quota_window_size
                * u64::from(config.replication_quota_window_num),
            more: 2 * view.nodes.len() as u64 * u64::from(answer),
        };
        let place = leader.node().0 as usize;
        if self.given.len() <= place {
            self.given.resize_with(place + 1, Given::default);
        }
        let sum = self.given[place].count(view.now, bytes, limit)?;
        Some(format!(
            "broker {} gave {sum} bytes of throttled replicas to followers that are not in sync \
             within {} s, at {} a second at most",
            leader.node(),
            limit.span / SECOND,
            limit.bound
        ))
    }
}

impl Invariant for ReplicationThrottled {
    fn name(&self) -> &'static str {
        "replication-throttle"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Appended, Interest::BrokerRegistered]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::Appended { node, partition, entry, leader: false, .. } => {
                let bytes = u64::from(view.batches.get(entry.batch).bytes);
                self.copied(view, node, partition, bytes)
            }
            Note::BrokerRegistered { node, .. } => {
                // A new process has measured nothing.
                if let Some(given) = self.given.get_mut(node.0 as usize) {
                    *given = Given::default();
                }
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { bound: 100, span: 10 * SECOND, more: 50 };

    fn sums(of: &[(u64, u64)]) -> Vec<Option<u64>> {
        let mut given = Given::default();
        of.iter().map(|&(s, bytes)| given.count(Instant(s * SECOND), bytes, LIMIT)).collect()
    }

    #[test]
    fn rejects_what_is_above_the_rate_of_all_windows_and_one_answer_each() {
        assert_eq!(sums(&[(0, 1_000), (9, 50), (9, 1)]), [None, None, Some(1_051)]);
    }

    #[test]
    fn accepts_a_burst_that_the_windows_make_up_for() {
        assert_eq!(sums(&[(0, 1_050), (10, 1_050)]), [None, None]);
        let mut given = Given::default();
        assert_eq!(given.count(Instant(0), 1_000, LIMIT), None);
        let lower = Limit { bound: 10, ..LIMIT };
        assert_eq!(given.count(Instant(1), 150, lower), None, "counted anew from a change on");
    }
}
