//! Transactions know partitions by name: when a topic is deleted and created again, what was of
//! the old one is of the new one. Source: Kafka, whose transaction log has names (KIP-98).

use alloc::vec::Vec;

use super::TransactionCoordinator;
use crate::types::PartitionId;

impl TransactionCoordinator {
    /// Puts in the place of each partition the one that has its name now, which `current` tells.
    pub fn follow_names(&mut self, current: impl Fn(PartitionId) -> PartitionId) {
        for transaction in self.shards.values_mut().flat_map(|s| s.transactions.values_mut()) {
            rename(&mut transaction.record.partitions, &current);
            let missing = transaction.ending.as_mut().map(|ending| &mut ending.missing);
            if let Some(missing) = missing
                && missing.iter().any(|&p| current(p) != p)
            {
                *missing = missing.iter().map(|&p| current(p)).collect();
            }
        }
        for append in self.appends.open.values_mut() {
            rename(&mut append.record.partitions, &current);
        }
    }
}

/// They stay in order, each once.
fn rename(partitions: &mut Vec<PartitionId>, current: impl Fn(PartitionId) -> PartitionId) {
    if partitions.iter().any(|&p| current(p) != p) {
        partitions.iter_mut().for_each(|p| *p = current(*p));
        partitions.sort();
        partitions.dedup();
    }
}
