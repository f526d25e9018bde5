//! Transactional ids that nobody has used for long are forgotten. Source: Kafka 4.1,
//! `TransactionStateManager.removeExpiredTransactionalIds`.

use alloc::vec::Vec;

use super::desk::Desk;
use super::{TransactionCoordinator, Transactions};
use crate::coordinator::{Effect, Effects, Waiter};
use crate::io::Context;
use crate::note::Note;
use crate::records::{BATCH_OVERHEAD_BYTES, NewBatch, TransactionState};
use crate::types::{Instant, MILLISECOND, Timestamp, TransactionalId};

/// Bytes of a tombstone beside the name. An estimate of Kafka's schema.
const TOMBSTONE_BYTES: u32 = 14;

impl TransactionCoordinator {
    /// The broker takes part from now on.
    pub fn begin(&mut self, now: Instant) {
        self.expire_at = now + self.settings.id_expiration_interval;
    }

    /// Looks for expired ids in all shards.
    pub(super) fn expire(&mut self, cx: &mut Context<'_>, effects: &mut Effects) {
        let interval = self.settings.id_expiration_interval;
        // Rounds that a paused process has missed it does once.
        let missed = cx.now.instant.since(self.expire_at) / interval;
        self.expire_at = self.expire_at + interval.saturating_mul(missed + 1);
        let partitions: Vec<_> = self.shards.keys().copied().collect();
        for partition in partitions {
            if let Some((mut desk, transactions)) = self.desk(cx, effects, partition) {
                desk.expire(transactions);
            }
        }
    }

    /// Tombstones are replicated, or were refused and the ids stay. Unknown waiters are ignored.
    pub(super) fn tombstones_settled(
        &mut self,
        cx: &mut Context<'_>,
        waiter: Waiter,
        written: bool,
    ) {
        let Some((partition, ids)) = self.appends.tombstones.remove(&waiter) else { return };
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        for id in ids {
            let Some(transaction) = shard.transactions.get_mut(&id) else { continue };
            transaction.in_transition = None;
            if !written {
                continue;
            }
            cx.note(Note::TransactionState {
                node: self.node,
                transactional_id: id,
                producer: transaction.record.producer,
                state: TransactionState::Dead,
            });
            shard.transactions.remove(&id);
        }
    }
}

impl Desk<'_, '_> {
    fn expire(&mut self, transactions: &mut Transactions) {
        let age = i64::try_from(self.settings.id_expiration / MILLISECOND).unwrap_or(i64::MAX);
        let limit = Timestamp(self.cx.now.wall.0.saturating_sub(age));
        let expired = transactions.iter().filter(|(_, t)| t.has_expired(limit));
        let expired: Vec<TransactionalId> = expired.map(|(&id, _)| id).collect();
        let mut batch = Vec::new();
        let mut bytes = BATCH_OVERHEAD_BYTES;
        for id in expired {
            let name = self.cx.names.transactional_id_name(id);
            let more = TOMBSTONE_BYTES + u32::try_from(name.len()).expect("below 4 GiB");
            if bytes.saturating_add(more) > self.settings.max_batch_bytes && !batch.is_empty() {
                self.bury(transactions, core::mem::take(&mut batch), bytes);
                bytes = BATCH_OVERHEAD_BYTES;
            }
            bytes = bytes.saturating_add(more);
            batch.push(id);
        }
        if !batch.is_empty() {
            self.bury(transactions, batch, bytes);
        }
    }

    /// Writes the tombstones of some ids; until they are replicated nothing else is done to these.
    fn bury(&mut self, transactions: &mut Transactions, ids: Vec<TransactionalId>, bytes: u32) {
        let waiter = self.appends.waiter();
        let mut records = Vec::with_capacity(ids.len());
        for id in &ids {
            let transaction = transactions.get_mut(id).expect("listed from the map");
            transaction.in_transition = Some(waiter);
            records.push(transaction.tombstone());
        }
        let new = NewBatch::plain(bytes, self.cx.now.wall);
        let batch = self.cx.batches.push_transaction(new, records);
        let partition = self.partition;
        self.appends.tombstones.insert(waiter, (partition, ids));
        self.effects.push(Effect::Append { partition, batch, waiter });
    }
}
