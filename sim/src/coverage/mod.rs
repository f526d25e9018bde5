//! What a run has reached: situations, pairs of a state and an event, and how near it came to what
//! must not be (`docs/search.md`).
//!
//! The world feeds it what it feeds the invariants, and answers as they are sent; it decides
//! nothing, and a run is the same with it and without.

mod answer;
mod named;
mod pair;
mod partition;
mod reached;
mod situation;

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::records::TransactionState;
use broker_model::types::{GroupId, NodeId, ProducerId, TransactionalId};

use self::pair::{ClusterEvent, ClusterState, GroupEvent, GroupState, Step};
pub(crate) use self::pair::{Point, points};
use self::partition::Partitions;
use self::reached::Slack;
pub(crate) use self::reached::{Reached, SLACKS};
use self::situation::Situation;
use crate::world::Node;

/// What a run has reached so far, with what must be remembered to see it.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    reached: Reached,
    partitions: Partitions,
    groups: BTreeMap<GroupId, (GroupState, Option<NodeId>)>,
    transactions: BTreeMap<TransactionalId, Transaction>,
    fenced: Vec<NodeId>,
    controllers_elected: u64,
}

/// A transaction as its coordinator told it last.
#[derive(Clone, Copy, Debug)]
struct Transaction {
    state: TransactionState,
    coordinator: NodeId,
    producer: ProducerId,
}

impl Coverage {
    /// What was reached.
    pub(crate) const fn reached(&self) -> &Reached {
        &self.reached
    }

    fn met(&mut self, situation: Situation) {
        self.reached.add(Point::situation(situation));
    }

    /// A machine said what happened.
    pub(crate) fn note(&mut self, nodes: &[Node], note: &Note) {
        self.partitions.note(nodes, note, &mut self.reached);
        self.plain(note);
        self.cluster(nodes, note);
        self.group(note);
        self.transaction(note);
    }

    /// What is a situation by itself.
    fn plain(&mut self, note: &Note) {
        let situation = match note {
            Note::Repeated { .. } => Situation::Repeated,
            Note::FirstSequenceSkipped { .. } => Situation::FirstSequenceSkipped,
            Note::Rolled { .. } => Situation::Rolled,
            Note::Compacted { removed, .. } if *removed > 0 => Situation::Compacted,
            Note::LogStart { .. } => Situation::LogStartMoved,
            Note::CorruptTail { .. } => Situation::CorruptTail,
            Note::DirectoryFailed { .. } => Situation::DirectoryFailed,
            Note::Truncated { .. } => Situation::FollowerTruncated,
            Note::ProducerFenced { .. } => Situation::ProducerFenced,
            Note::MemberFenced { .. } => Situation::MemberFenced,
            Note::BrokerFenced { .. } => Situation::BrokerFenced,
            Note::MetadataSnapshotLoaded { .. } => Situation::SnapshotLoaded,
            _ => return,
        };
        self.met(situation);
    }

    /// What happens to the cluster, in the state in which it meets it.
    fn cluster(&mut self, nodes: &[Node], note: &Note) {
        let event = match *note {
            Note::BrokerFenced { .. } => ClusterEvent::Fenced,
            Note::BrokerUnfenced { .. } => ClusterEvent::Unfenced,
            Note::BrokerRegistered { .. } => ClusterEvent::Registered,
            Note::QuorumLeader { .. } => ClusterEvent::Elected,
            Note::QuorumVoted { .. } => ClusterEvent::Voted,
            Note::PartitionChanged { .. } => ClusterEvent::PartitionChanged,
            Note::ProducerIds { .. } => ClusterEvent::ProducerIds,
            Note::CoordinatorLoaded { .. } => ClusterEvent::CoordinatorLoaded,
            Note::QuorumHighWatermark { leader: true, .. } => {
                let (running, all) = voters(nodes);
                let spare = running.saturating_sub(all / 2 + 1);
                return self.reached.came_near(Slack::Voters, spare);
            }
            _ => return,
        };
        let (running, all) = voters(nodes);
        let state = match (running == all, self.fenced.len()) {
            (true, 0) => ClusterState::Whole,
            (true, 1) => ClusterState::BrokerFenced,
            (true, _) => ClusterState::BrokersFenced,
            (false, 0) => ClusterState::VoterDown,
            (false, _) => ClusterState::VoterDownBrokerFenced,
        };
        self.reached.add(Point::cluster(state, event));
        self.follow_cluster(note);
    }

    /// Remembers who is fenced, and that there was a controller before.
    fn follow_cluster(&mut self, note: &Note) {
        match *note {
            Note::BrokerFenced { node } if !self.fenced.contains(&node) => self.fenced.push(node),
            Note::BrokerUnfenced { node } => self.fenced.retain(|fenced| *fenced != node),
            Note::QuorumLeader { .. } => {
                self.controllers_elected += 1;
                if self.controllers_elected > 1 {
                    self.met(Situation::ControllerElectedAnew);
                }
            }
            _ => {}
        }
    }

    fn group(&mut self, note: &Note) {
        let (node, group, event) = match *note {
            Note::RebalanceStarted { node, group } => (node, group, GroupEvent::RebalanceStarted),
            Note::GroupStable { node, group, .. } => (node, group, GroupEvent::Stable),
            Note::MemberFenced { node, group, .. } => (node, group, GroupEvent::MemberFenced),
            Note::CommitAccepted { node, group, .. } => (node, group, GroupEvent::CommitAccepted),
            Note::OffsetsCommitted { node, group, .. } => {
                (node, group, GroupEvent::OffsetsCommitted)
            }
            _ => return,
        };
        let (state, coordinator) =
            self.groups.get(&group).copied().unwrap_or((GroupState::New, None));
        if coordinator.is_some_and(|before| before != node) {
            self.reached.add(Point::group(state, GroupEvent::CoordinatorChanged));
        }
        self.reached.add(Point::group(state, event));
        let after = match event {
            GroupEvent::RebalanceStarted => GroupState::Rebalancing,
            GroupEvent::Stable => GroupState::Stable,
            _ => state,
        };
        self.groups.insert(group, (after, Some(node)));
        if (state, event) == (GroupState::Rebalancing, GroupEvent::RebalanceStarted) {
            self.met(Situation::RebalanceInRebalance);
        }
    }

    fn transaction(&mut self, note: &Note) {
        match *note {
            Note::TransactionState { node, transactional_id, producer, state } => {
                let now = Transaction { state, coordinator: node, producer: producer.id };
                let before = self.transactions.insert(transactional_id, now);
                let was = before.map_or(TransactionState::Empty, |before| before.state);
                if before.is_some_and(|before| before.coordinator != node) {
                    self.coordinator_changed(was);
                }
                if let Some(step) = step(was, state) {
                    self.reached.add(Point::transaction(step));
                }
            }
            Note::ProducerFenced { producer_id, .. } => {
                let mut known = self.transactions.values();
                let Some(one) = known.find(|one| one.producer == producer_id) else { return };
                let step = match one.state {
                    TransactionState::Ongoing => Step::FencedWhileOngoing,
                    TransactionState::PrepareCommit => Step::FencedWhileCommitting,
                    TransactionState::PrepareAbort => Step::FencedWhileAborting,
                    _ => return,
                };
                self.reached.add(Point::transaction(step));
            }
            Note::BecameLeader { leader_epoch, .. } if leader_epoch.0 > 0 => {
                let open = |one: &Transaction| one.state == TransactionState::Ongoing;
                if self.transactions.values().any(open) {
                    self.met(Situation::LeaderChangedInTransaction);
                }
            }
            _ => {}
        }
    }

    /// Another coordinator goes on with a transaction.
    fn coordinator_changed(&mut self, was: TransactionState) {
        let step = match was {
            TransactionState::Ongoing => Step::ChangedWhileOngoing,
            TransactionState::PrepareCommit => Step::ChangedWhileCommitting,
            TransactionState::PrepareAbort => Step::ChangedWhileAborting,
            _ => return,
        };
        self.reached.add(Point::transaction(step));
        if step != Step::ChangedWhileOngoing {
            self.met(Situation::CoordinatorChangedWithinEnd);
        }
    }
}

/// Controllers that run, and all of them.
fn voters(nodes: &[Node]) -> (usize, usize) {
    let all = || nodes.iter().filter(|node| node.controller().is_some());
    (all().filter(|node| node.state.is_running()).count(), all().count())
}

/// From one state of a transaction to the next.
const fn step(was: TransactionState, state: TransactionState) -> Option<Step> {
    use TransactionState as T;
    Some(match (was, state) {
        (T::Empty, T::Ongoing) => Step::BeginsFirst,
        (T::Empty, T::Empty) => Step::InitializedAgain,
        (T::Ongoing, T::Ongoing) => Step::Grows,
        (T::Ongoing, T::PrepareCommit) => Step::Commits,
        (T::Ongoing, T::PrepareAbort) => Step::Aborts,
        (T::PrepareCommit, T::CompleteCommit) => Step::Committed,
        (T::PrepareAbort, T::CompleteAbort) => Step::Aborted,
        (T::CompleteCommit, T::Ongoing) => Step::BeginsAfterCommit,
        (T::CompleteAbort, T::Ongoing) => Step::BeginsAfterAbort,
        (T::CompleteCommit, T::Empty) => Step::InitializedAfterCommit,
        (T::CompleteAbort, T::Empty) => Step::InitializedAfterAbort,
        (T::CompleteCommit, T::PrepareAbort) => Step::EmptyAborts,
        (T::CompleteAbort, T::PrepareAbort) => Step::EmptyAbortsAgain,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
