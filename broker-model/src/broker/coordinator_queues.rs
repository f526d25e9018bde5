//! What this broker asks transaction coordinators: one message under way to each node, and what
//! comes meanwhile waits for its answer. Source: Kafka, `AddPartitionsToTxnManager`.
//!
//! A message of Kafka's has all transactions that waited. Here each has a message of its own; they
//! go together, and none of the answers counts before the last is there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::io::Disconnected;
use crate::protocol::ErrorCode;
use crate::protocol::txn::AddPartitionsToTxnResponse;
use crate::slab::Key;
use crate::types::{NodeId, ProducerEpoch, TransactionalId};

/// What a coordinator said of a parked request.
pub(super) type Answer = (Key, Result<AddPartitionsToTxnResponse, Disconnected>);

/// What goes to one coordinator.
#[derive(Clone, Debug, Default)]
struct Queue {
    /// Messages without an answer.
    under_way: usize,
    answers: Vec<Answer>,
    /// One request for each transaction.
    waiting: BTreeMap<TransactionalId, (ProducerEpoch, Key)>,
}

/// The queues of all coordinators that were ever asked.
#[derive(Clone, Debug, Default)]
pub(super) struct CoordinatorQueues {
    of: BTreeMap<NodeId, Queue>,
}

impl CoordinatorQueues {
    /// A request waits. If another of the same transaction waits already, one of the two is out:
    /// that of the lower epoch is fenced, and of the same epoch the older one, whose client sends
    /// again as it seems.
    pub(super) fn push(
        &mut self,
        node: NodeId,
        id: TransactionalId,
        epoch: ProducerEpoch,
        key: Key,
    ) -> Option<(Key, ErrorCode)> {
        let waiting = &mut self.of.entry(node).or_default().waiting;
        let (other, old) = match waiting.get(&id) {
            Some(&(other, _)) if other > epoch => {
                return Some((key, ErrorCode::InvalidProducerEpoch));
            }
            Some(&found) => found,
            None => {
                waiting.insert(id, (epoch, key));
                return None;
            }
        };
        waiting.insert(id, (epoch, key));
        let fenced = other < epoch;
        let error =
            if fenced { ErrorCode::InvalidProducerEpoch } else { ErrorCode::NetworkException };
        Some((old, error))
    }

    /// What is to be sent now: all that waits, unless something is under way.
    pub(super) fn pop(&mut self, node: NodeId) -> Vec<Key> {
        let Some(queue) = self.of.get_mut(&node).filter(|q| q.under_way == 0) else {
            return Vec::new();
        };
        let keys: Vec<Key> =
            core::mem::take(&mut queue.waiting).into_values().map(|(_, key)| key).collect();
        queue.under_way = keys.len();
        keys
    }

    /// An answer came: all of those that went together, if it is the last.
    pub(super) fn answered(&mut self, node: NodeId, answer: Answer) -> Vec<Answer> {
        let Some(queue) = self.of.get_mut(&node) else { return Vec::new() };
        queue.answers.push(answer);
        queue.under_way = queue.under_way.saturating_sub(1);
        if queue.under_way > 0 {
            return Vec::new();
        }
        core::mem::take(&mut queue.answers)
    }

    pub(super) fn clear(&mut self) {
        self.of.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(2);
    const X: TransactionalId = TransactionalId(0);
    const Y: TransactionalId = TransactionalId(1);

    fn answer(key: Key) -> Answer {
        (key, Err(Disconnected))
    }

    fn keys(answers: Vec<Answer>) -> Vec<Key> {
        answers.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn what_comes_while_something_is_under_way_waits_and_goes_together() {
        let mut queues = CoordinatorQueues::default();
        let epoch = ProducerEpoch(0);
        assert_eq!(queues.push(NODE, X, epoch, 1), None);
        assert_eq!(queues.pop(NODE), [1]);
        for (id, key) in [(X, 2), (Y, 3)] {
            assert_eq!(queues.push(NODE, id, epoch, key), None);
            assert_eq!(queues.pop(NODE), []);
        }
        assert_eq!(queues.push(NodeId(3), X, epoch, 4), None, "another coordinator");
        assert_eq!(queues.pop(NodeId(3)), [4]);
        assert_eq!(keys(queues.answered(NODE, answer(1))), [1]);
        assert_eq!(queues.pop(NODE), [2, 3]);
        assert_eq!(keys(queues.answered(NODE, answer(3))), []);
        assert_eq!(queues.pop(NODE), []);
        assert_eq!(keys(queues.answered(NODE, answer(2))), [3, 2]);
    }

    #[test]
    fn of_one_transaction_the_higher_epoch_waits_and_of_one_epoch_the_newer_request() {
        let mut queues = CoordinatorQueues::default();
        let mut push = |epoch, key| queues.push(NODE, X, ProducerEpoch(epoch), key);
        assert_eq!(push(1, 1), None);
        assert_eq!(push(1, 2), Some((1, ErrorCode::NetworkException)));
        assert_eq!(push(0, 3), Some((3, ErrorCode::InvalidProducerEpoch)));
        assert_eq!(push(2, 4), Some((2, ErrorCode::InvalidProducerEpoch)));
        assert_eq!(queues.pop(NODE), [4]);
    }
}
