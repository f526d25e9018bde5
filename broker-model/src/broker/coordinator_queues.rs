//! What this broker asks transaction coordinators: one request under way to each node, and all that
//! comes meanwhile goes together when it is answered. Source: Kafka, `AddPartitionsToTxnManager`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::protocol::ErrorCode;
use crate::slab::Key;
use crate::types::{NodeId, ProducerEpoch, TransactionalId};

/// What goes to one coordinator.
#[derive(Clone, Debug, Default)]
struct Queue {
    /// What was asked without an answer.
    under_way: Vec<(TransactionalId, Key)>,
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

    /// What is to be asked now, in one request: all that waits, unless something is under way.
    pub(super) fn pop(&mut self, node: NodeId) -> Vec<Key> {
        let Some(queue) = self.of.get_mut(&node).filter(|q| q.under_way.is_empty()) else {
            return Vec::new();
        };
        let waiting = core::mem::take(&mut queue.waiting);
        queue.under_way = waiting.into_iter().map(|(id, (_, key))| (id, key)).collect();
        queue.under_way.iter().map(|&(_, key)| key).collect()
    }

    /// What was asked is answered.
    pub(super) fn answered(&mut self, node: NodeId) -> Vec<(TransactionalId, Key)> {
        self.of.get_mut(&node).map_or_else(Vec::new, |q| core::mem::take(&mut q.under_way))
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
        assert_eq!(queues.answered(NODE), [(X, 1)]);
        assert_eq!(queues.pop(NODE), [2, 3]);
        assert_eq!(queues.pop(NODE), []);
        assert_eq!(queues.answered(NODE), [(X, 2), (Y, 3)]);
        assert_eq!(queues.pop(NODE), []);
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
