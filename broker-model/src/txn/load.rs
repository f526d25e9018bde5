//! Loading a shard from its log.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::transaction::Transaction;
use super::{Shard, TransactionCoordinator, Transactions};
use crate::coordinator::Effects;
use crate::io::Context;
use crate::records::{LogEntry, TransactionRecord, TransactionState};
use crate::types::{CoordinatorEpoch, PartitionId, ProducerEpoch, ProducerId, TransactionalId};

/// What a log keeps of a transaction. Who was told of the last epoch is not in it, so a request
/// that was repeated across coordinators is refused. Source: Kafka 4.1, `TransactionLog`.
pub(super) fn as_loaded(record: &TransactionRecord) -> TransactionRecord {
    TransactionRecord {
        last_producer_epoch: ProducerEpoch::NONE,
        previous_producer_id: ProducerId::NONE,
        next_producer_id: ProducerId::NONE,
        ..record.clone()
    }
}

impl TransactionCoordinator {
    /// Takes over a partition of `__transaction_state`, whose whole log is `entries` in order.
    /// All markers of prepared transactions are written again, under the new epoch.
    ///
    /// A shard that is loaded already is unloaded first.
    pub fn load(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        partition: PartitionId,
        epoch: CoordinatorEpoch,
        entries: &[LogEntry],
    ) {
        self.unload(effects, partition);
        // The last record of an id says everything; only that one is copied.
        let mut last = BTreeMap::new();
        for entry in entries {
            for record in cx.batches.transaction_records(entry.batch) {
                last.insert(record.transactional_id, record);
            }
        }
        let transactions: Transactions = last
            .into_iter()
            .filter(|(_, record)| record.state != TransactionState::Dead)
            .map(|(id, record)| {
                let record = as_loaded(record);
                (id, Transaction { record, in_transition: None, ending: None })
            })
            .collect();
        self.shards.insert(partition, Shard { epoch, transactions });
        self.resume(cx, effects, partition);
    }

    fn resume(&mut self, cx: &mut Context<'_>, effects: &mut Effects, partition: PartitionId) {
        let Some((mut desk, transactions)) = self.desk(cx, effects, partition) else { return };
        let ids: Vec<TransactionalId> = transactions.keys().copied().collect();
        for id in ids {
            let transaction = transactions.get_mut(&id).expect("listed from the map");
            if transaction.is_preparing() {
                desk.send_markers(transaction);
            } else if transaction.record.state == TransactionState::Ongoing {
                desk.watch(transaction);
            }
        }
    }
}
