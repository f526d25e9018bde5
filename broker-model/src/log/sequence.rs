//! The leader's checks of a producer's batch: epoch, duplicate, sequence, transaction.

use super::Log;
use super::append::Origin;
use super::producers::ProducerState;
use super::verification::Verification;
use crate::protocol::ErrorCode;
use crate::records::Batch;
use crate::rules::{Rules, SequenceCheck, UnknownPid};
use crate::types::{CoordinatorEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

/// What the checks found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Checked {
    /// It may be appended. `skips`: nothing is known of the producer and the batch is not its
    /// first, so what comes of the ones before is out of sequence (KAFKA-14359).
    Fine { skips: bool },
    /// It is here already.
    Duplicate { base_offset: Offset, timestamp: Timestamp },
    /// It is refused.
    Refused(ErrorCode),
}

impl Log {
    /// Checks a batch of a producer with an id, in Kafka's order: duplicate, verification,
    /// epoch, sequence, transactional state.
    pub(super) fn check_producer(&self, body: &Batch, origin: Origin, rules: &Rules) -> Checked {
        let state = self.known(body.producer_id);
        let client = matches!(origin, Origin::Client(_));
        let eats = rules.sequence_check == SequenceCheck::EatsNext;
        if client
            && rules.sequence_check != SequenceCheck::NoDuplicates
            && let Some(kept) = state.and_then(|s| {
                s.duplicate_of(body).or_else(|| if eats { s.lookalike_of(body) } else { None })
            })
        {
            return Checked::Duplicate { base_offset: kept.base_offset, timestamp: kept.timestamp };
        }
        if body.transactional && !self.is_verified(body, origin) {
            return Checked::Refused(ErrorCode::InvalidTxnState);
        }
        if state.is_some_and(|s| body.producer_epoch < s.epoch) {
            return Checked::Refused(ErrorCode::InvalidProducerEpoch);
        }
        let forgotten = state.is_none_or(|s| s.epoch == body.producer_epoch && s.kept().is_empty());
        if client
            && forgotten
            && body.base_sequence != 0
            && rules.unknown_pid == UnknownPid::ResetSameEpoch
        {
            return Checked::Refused(ErrorCode::UnknownProducerId);
        }
        if client && !self.is_in_sequence(body, rules.sequence_check) {
            return Checked::Refused(ErrorCode::OutOfOrderSequenceNumber);
        }
        if !body.transactional && state.is_some_and(|s| s.txn_start.is_some()) {
            return Checked::Refused(ErrorCode::InvalidTxnState);
        }
        Checked::Fine { skips: client && state.is_none() && body.base_sequence > 0 }
    }

    /// What is known of a producer, if that is more than that there is one.
    fn known(&self, id: ProducerId) -> Option<&ProducerState> {
        self.producers.get(id).filter(|state| state.epoch != ProducerEpoch::NONE)
    }

    fn is_verified(&self, body: &Batch, origin: Origin) -> bool {
        let (Origin::Client(verification) | Origin::Coordinator(verification)) = origin;
        let open = self
            .producers
            .get(body.producer_id)
            .is_some_and(|s| s.epoch == body.producer_epoch && s.txn_start.is_some());
        match verification {
            Verification::Off => true,
            Verification::Ongoing => open,
            Verification::Confirmed(guard) => {
                open || self.verifications.get(body.producer_id).is_some_and(|e| e.guard == guard)
            }
        }
    }

    fn is_in_sequence(&self, body: &Batch, rule: SequenceCheck) -> bool {
        let first = body.base_sequence;
        let entry = self.verifications.get(body.producer_id);
        if entry.is_some_and(|e| first > e.lowest_sequence) {
            return false;
        }
        let Some(state) = self.known(body.producer_id) else {
            // Nothing is known of it, perhaps because retention took its records: any
            // sequence will do, but a transaction of v2 always begins at 0.
            return first == 0 || entry.is_none_or(|e| !e.v2);
        };
        if body.producer_epoch != state.epoch {
            return first == 0;
        }
        let last = state.last_sequence();
        let next = if last == i32::MAX { 0 } else { last + 1 };
        match rule {
            SequenceCheck::Full | SequenceCheck::EatsNext => first == next,
            SequenceCheck::NoDuplicates => first == next || state.duplicate_of(body).is_some(),
            SequenceCheck::NoGaps => first >= next,
        }
    }

    /// Checks a marker: producer epoch, then coordinator epoch.
    pub(super) fn check_marker(
        &self,
        body: &Batch,
        coordinator_epoch: CoordinatorEpoch,
    ) -> Result<(), ErrorCode> {
        let Some(state) = self.producers.get(body.producer_id) else { return Ok(()) };
        if body.producer_epoch < state.epoch {
            Err(ErrorCode::InvalidProducerEpoch)
        } else if coordinator_epoch < state.coordinator_epoch {
            Err(ErrorCode::TransactionCoordinatorFenced)
        } else {
            Ok(())
        }
    }
}
