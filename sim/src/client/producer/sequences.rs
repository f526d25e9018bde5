//! Sequences, and what an idempotent producer does when they no longer fit (KIP-360).

use broker_model::protocol::ErrorCode;
use broker_model::protocol::produce::ProducedPartition;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::rules::{Rules, UnknownPid};

use super::Producer;
use super::batch::BatchRef;
use super::event::ProducerError;
use super::requests::Ask;
use super::transaction::ProducerState;

impl Producer {
    pub(super) fn set_producer(&mut self, producer: ProducerIdAndEpoch) {
        self.txn.producer = producer;
        self.note_producer();
        self.wake();
    }

    /// Asks for a bump of the epoch; this partition's sequences then begin anew.
    fn request_bump(&mut self, slot: u32) {
        self.txn.bump_required = true;
        if !self.txn.rewrite.contains(&slot) {
            self.txn.rewrite.push(slot);
        }
        self.wake();
    }

    /// An idempotent producer bumps its own epoch and gets itself a producer id; a transactional
    /// one is told to by its application.
    pub(super) fn bump_or_initialize(&mut self) {
        if self.config.transactional_id.is_some() {
            return;
        }
        if self.txn.bump_required {
            self.bump_epoch();
        }
        if self.txn.state != ProducerState::Initializing && !self.txn.producer.id.is_some() {
            if !self.transition(ProducerState::Initializing) {
                return;
            }
            self.ask(Ask::InitProducerId { bump: false, producer: ProducerIdAndEpoch::NONE });
        }
    }

    fn bump_epoch(&mut self) {
        let before = self.txn.producer;
        if before.epoch.0 == i16::MAX {
            self.set_producer(ProducerIdAndEpoch::NONE);
            self.transition(ProducerState::Uninitialized);
        } else if before.id.is_some() {
            self.set_producer(ProducerIdAndEpoch { id: before.id, epoch: before.epoch.next() });
        }
        for slot in core::mem::take(&mut self.txn.rewrite) {
            let producer = self.txn.producer;
            let sequences = &mut self.partitions.get_mut(slot).sequences;
            sequences.start_at_beginning(&mut self.pool, producer);
            sequences.unresolved = None;
            self.txn.unresolved.retain(|&s| s != slot);
        }
        self.txn.bump_required = false;
    }

    /// Partitions whose batches are all done, some with unknown outcome: if later ones were
    /// acknowledged all is well, else the gap needs a new epoch.
    pub(super) fn resolve_sequences(&mut self) {
        if self.txn.unresolved.is_empty() {
            return;
        }
        for slot in core::mem::take(&mut self.txn.unresolved) {
            let sequences = &mut self.partitions.get_mut(slot).sequences;
            if !sequences.outstanding.is_empty() {
                self.txn.unresolved.push(slot);
                continue;
            }
            sequences.unresolved = None;
            if sequences.is_next(sequences.next) {
                continue;
            }
            if self.config.transactional_id.is_some() {
                self.txn.bump_required |= !self.txn.v2;
                self.abortable(ProducerError::UnresolvedSequences);
            } else {
                self.request_bump(slot);
            }
        }
    }

    /// A batch that was sent expired: nothing new is drained until it is known what follows it.
    pub(super) fn mark_unresolved(&mut self, at: BatchRef) {
        let batch = self.pool.get(at);
        let slot = batch.partition;
        let after = super::batch::increment(batch.last_sequence(), 1);
        let sequences = &mut self.partitions.get_mut(slot).sequences;
        sequences.unresolved = Some(sequences.unresolved.map_or(after, |old| old.max(after)));
        if !self.txn.unresolved.contains(&slot) {
            self.txn.unresolved.push(slot);
        }
        self.wake();
    }

    /// Whether a refused batch of an idempotent producer is sent again.
    pub(super) fn may_retry(
        &mut self,
        at: BatchRef,
        answer: &ProducedPartition,
        rules: &Rules,
    ) -> bool {
        let batch = self.pool.get(at);
        let slot = batch.partition;
        let sequences = &self.partitions.get(slot).sequences;
        let transactional = self.config.transactional_id.is_some();
        let sequence = batch.base_sequence();
        match answer.error {
            ErrorCode::UnknownProducerId => {
                if answer.log_start_offset.0 == -1 || batch.sequence_reset {
                    return true;
                }
                let truncated = sequences.last_acked_offset < answer.log_start_offset.0;
                let resets = transactional || rules.unknown_pid == UnknownPid::ResetSameEpoch;
                if resets && truncated {
                    let producer = self.txn.producer;
                    let sequences = &mut self.partitions.get_mut(slot).sequences;
                    sequences.start_at_beginning(&mut self.pool, producer);
                } else if !transactional {
                    self.request_bump(slot);
                }
                !transactional || truncated
            }
            ErrorCode::OutOfOrderSequenceNumber => {
                let unresolved = sequences.unresolved;
                if unresolved.is_none() && (batch.sequence_reset || !sequences.is_next(sequence)) {
                    return true;
                }
                if transactional {
                    return false;
                }
                if unresolved.is_none_or(|next| next == sequence) {
                    self.request_bump(slot);
                }
                true
            }
            error => error.is_retriable(),
        }
    }

    /// A batch was acknowledged (`handleCompletedBatch`).
    pub(super) fn note_acked(&mut self, at: BatchRef, answer: &ProducedPartition) {
        let batch = self.pool.get(at);
        let (last, count) = (batch.last_sequence(), i64::from(batch.count));
        let sequences = &mut self.partitions.get_mut(batch.partition).sequences;
        sequences.tracked = true;
        sequences.last_acked = sequences.last_acked.max(last);
        if answer.base_offset.0 >= 0 {
            let offset = answer.base_offset.0 + count - 1;
            sequences.last_acked_offset = sequences.last_acked_offset.max(offset);
        }
        sequences.untrack(at);
    }

    /// A batch failed (`handleFailedBatch`). `refused`: a broker refused it for good, so that its
    /// sequence can be used again.
    pub(super) fn note_failed(&mut self, at: BatchRef, error: ProducerError, refused: bool) {
        self.batch_failed(error);
        let batch = self.pool.get(at);
        let (slot, base, count) = (batch.partition, batch.base_sequence(), batch.count);
        let had_sequence = batch.identity.is_some();
        let transactional = self.config.transactional_id.is_some();
        self.partitions.get_mut(slot).sequences.untrack(at);
        if self.txn.state == ProducerState::FatalError || !had_sequence {
            return;
        }
        match error {
            ProducerError::Code(ErrorCode::OutOfOrderSequenceNumber) if !transactional => {
                self.request_bump(slot);
            }
            ProducerError::Code(ErrorCode::UnknownProducerId) => {
                let sequences = &mut self.partitions.get_mut(slot).sequences;
                sequences.next = 0;
                sequences.last_acked = -1;
            }
            _ if !refused => {}
            _ if transactional => {
                let sequences = &mut self.partitions.get_mut(slot).sequences;
                sequences.close_gap(&mut self.pool, base, count);
            }
            _ => self.request_bump(slot),
        }
    }
}
