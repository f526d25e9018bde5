//! Verification of transactional appends. Source: KIP-890, KAFKA-14920.
//!
//! Before a producer's first batch of a transaction in a partition the leader asks the
//! transaction coordinator. Meanwhile it keeps an entry with the lowest sequence tried.

use alloc::vec::Vec;

use crate::protocol::txn::ProducerIdAndEpoch;
use crate::records::Batch;
use crate::types::{ProducerEpoch, ProducerId};

/// Names one verification; a later one of the same producer does not answer for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerificationGuard(u64);

/// What the broker knows of a transactional batch when it appends it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verification {
    /// `transaction.partition.verification.enable` is off, or the batch needs none.
    #[default]
    Off,
    /// The transaction was open when the request came in, so nobody was asked.
    Ongoing,
    /// The coordinator confirmed under this guard.
    Confirmed(VerificationGuard),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    producer: ProducerId,
    epoch: ProducerEpoch,
    pub(super) lowest_sequence: i32,
    /// The request was of transactions v2 (Produce v12).
    pub(super) v2: bool,
    pub(super) guard: VerificationGuard,
}

/// Entries of producers that wait for their first batch, few at any time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Verifications {
    entries: Vec<Entry>,
    next: u64,
}

impl Verifications {
    pub(super) fn get(&self, producer: ProducerId) -> Option<&Entry> {
        self.entries.iter().find(|e| e.producer == producer)
    }

    /// The producer's entry, new or with its lowest sequence and epoch brought up to date.
    pub(super) fn start(
        &mut self,
        producer: ProducerId,
        epoch: ProducerEpoch,
        sequence: i32,
        v2: bool,
    ) -> VerificationGuard {
        if let Some(entry) = self.entries.iter_mut().find(|e| e.producer == producer) {
            if epoch == entry.epoch {
                entry.lowest_sequence = entry.lowest_sequence.min(sequence);
            } else if epoch > entry.epoch {
                entry.epoch = epoch;
                entry.lowest_sequence = sequence;
            }
            return entry.guard;
        }
        let guard = VerificationGuard(self.next);
        self.next += 1;
        self.entries.push(Entry { producer, epoch, lowest_sequence: sequence, v2, guard });
        guard
    }

    /// A transactional batch or a marker was taken in. A marker of the previous transaction,
    /// which carries the epoch of the next one under v2, must not clear the next one's entry.
    pub(super) fn settle(&mut self, body: &Batch) {
        if !self.entries.is_empty() {
            self.entries.retain(|e| {
                e.producer != body.producer_id
                    || body.control && e.v2 && e.epoch >= body.producer_epoch
            });
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

impl super::Log {
    /// Whether a newer epoch of the producer has written here: a batch of this one is refused
    /// before the coordinator is asked. Source: Kafka,
    /// `UnifiedLog.maybeStartTransactionVerification`.
    #[must_use]
    pub fn has_newer_epoch(&self, producer: ProducerIdAndEpoch) -> bool {
        self.producers.get(producer.id).is_some_and(|known| producer.epoch < known.epoch)
    }

    /// Starts the verification of a transactional batch, before the coordinator is asked.
    /// `None`: the transaction is open here already, nobody needs to be asked.
    pub fn start_verification(&mut self, body: &Batch, v2: bool) -> Option<VerificationGuard> {
        let open = self
            .producers
            .get(body.producer_id)
            .is_some_and(|p| p.epoch == body.producer_epoch && p.txn_start.is_some());
        if open {
            return None;
        }
        Some(self.verifications.start(
            body.producer_id,
            body.producer_epoch,
            body.base_sequence,
            v2,
        ))
    }
}
