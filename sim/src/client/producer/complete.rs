//! What becomes of a batch: acknowledged, tried again, split, failed, expired, aborted.

use broker_model::protocol::ErrorCode;
use broker_model::protocol::produce::ProducedPartition;
use broker_model::rules::RetryPosition;
use broker_model::types::{BatchId, Instant, Offset, RecordId};

use super::super::io::ClientContext;
use super::batch::{Batch, BatchRef, Identity, bound, increment};
use super::event::{Outcome, ProducerError, ProducerEvent};
use super::{Producer, Sent};

/// Whether a broker that answers this has certainly not kept the batch. Errors that a leader may
/// answer after its append, for losing its leadership or its followers, do not count.
const fn refuses(error: ErrorCode) -> bool {
    use ErrorCode as E;
    matches!(
        error,
        E::CorruptMessage
            | E::MessageTooLarge
            | E::RecordListTooLarge
            | E::NotEnoughReplicas
            | E::InvalidRequiredAcks
            | E::InvalidTopicException
            | E::TopicAuthorizationFailed
            | E::ClusterAuthorizationFailed
            | E::TransactionalIdAuthorizationFailed
            | E::InvalidTimestamp
            | E::InvalidRecord
            | E::UnsupportedForMessageFormat
            | E::UnsupportedCompressionType
            | E::OutOfOrderSequenceNumber
            | E::InvalidProducerEpoch
            | E::ProducerFenced
            | E::UnknownProducerId
            | E::InvalidProducerIdMapping
            | E::InvalidTxnState
            | E::ConcurrentTransactions
            | E::CoordinatorLoadInProgress
            | E::CoordinatorNotAvailable
            | E::NotCoordinator
            | E::TransactionAbortable
            | E::PolicyViolation
    )
}

impl Producer {
    /// A broker's answer to one batch of a request (`Sender.completeBatch`).
    pub(super) fn answer_batch(
        &mut self,
        cx: &mut ClientContext<'_>,
        (at, body): Sent,
        answer: &ProducedPartition,
    ) {
        let error = answer.error;
        let batch = self.pool.get_mut(at);
        batch.in_flight = false;
        batch.maybe_written |= error != ErrorCode::None && !refuses(error);
        let (slot, done, count) = (batch.partition, batch.done, batch.count);
        let partition = self.partitions.get_mut(slot);
        partition.in_flight.retain(|&b| b != at);
        partition.muted = false;
        match error {
            ErrorCode::MessageTooLarge if count > 1 && !done => self.split(cx, at, body),
            ErrorCode::None | ErrorCode::DuplicateSequenceNumber => {
                if self.idempotent {
                    self.note_acked(at, answer);
                }
                let known = error == ErrorCode::None;
                let base_offset = if known { answer.base_offset } else { Offset::NONE };
                if !done {
                    self.finish(at, body, Outcome::Acknowledged { base_offset });
                }
            }
            _ if done => {}
            _ if self.can_retry(cx, at, answer) => self.requeue(cx, at),
            _ => {
                let refused = self.pool.get(at).attempts < self.config.retries;
                self.fail(cx, at, ProducerError::Code(error), refused);
            }
        }
        if error.refreshes_metadata() {
            self.metadata.request_update();
        }
        if done {
            self.release(at);
        }
        self.wake();
    }

    fn can_retry(
        &mut self,
        cx: &ClientContext<'_>,
        at: BatchRef,
        answer: &ProducedPartition,
    ) -> bool {
        let batch = self.pool.get(at);
        let expired = cx.now.instant.since(batch.created) >= self.config.delivery_timeout;
        if expired || batch.attempts >= self.config.retries {
            return false;
        }
        if self.idempotent {
            self.may_retry(at, answer, cx.rules)
        } else {
            answer.error.is_retriable()
        }
    }

    /// Puts a batch back in its queue.
    fn requeue(&mut self, cx: &mut ClientContext<'_>, at: BatchRef) {
        let batch = self.pool.get_mut(at);
        batch.attempts += 1;
        batch.last_attempt = cx.now.instant;
        batch.in_retry = true;
        let slot = batch.partition;
        match cx.rules.retry_position {
            RetryPosition::Head => self.insert_in_order(at),
            RetryPosition::Tail => {
                batch.identity = None;
                let partition = self.partitions.get_mut(slot);
                if let Some(&last) = partition.queue.back() {
                    self.pool.get_mut(last).closed = true;
                }
                partition.queue.push_back(at);
                partition.sequences.untrack(at);
                if partition.sequences.outstanding.is_empty() {
                    partition.sequences.next = increment(partition.sequences.last_acked, 1);
                }
            }
        }
        self.activate(slot);
    }

    /// At the head of the queue, behind retries with a lower sequence.
    fn insert_in_order(&mut self, at: BatchRef) {
        let batch = self.pool.get(at);
        let (slot, sequence) = (batch.partition, batch.base_sequence());
        let pool = &self.pool;
        let queue = &mut self.partitions.get_mut(slot).queue;
        let behind = queue
            .iter()
            .take_while(|&&b| {
                let other = pool.get(b);
                sequence >= 0 && other.identity.is_some() && other.base_sequence() < sequence
            })
            .count();
        queue.insert(behind, at);
    }

    /// Splits a batch that a broker found too large into batches of `batch.size` with its
    /// sequences (KAFKA-3995). Those are new: they wait for nothing, and one that expires before
    /// it is tried again leaves no sequence unresolved.
    fn split(&mut self, cx: &mut ClientContext<'_>, at: BatchRef, body: BatchId) {
        let records: Vec<RecordId> = cx.batches.records(body).to_vec();
        let parent = self.pool.get(at).clone();
        let slot = parent.partition;
        self.partitions.get_mut(slot).sequences.untrack(at);
        let ratio = parent.ratio(&self.config);
        let estimate = self.estimate(slot);
        estimate.give_up(ratio);
        let estimate = *estimate;
        let mut parts: Vec<Batch> = Vec::new();
        for id in records {
            let record = cx.records.get(id);
            let fits =
                parts.last_mut().is_some_and(|b| b.try_append(&self.config, id, &record).is_some());
            if !fits {
                let limit = bound(&record).max(self.batch_size());
                let mut part = Batch::new(slot, parent.serial, (limit, estimate), parent.created);
                let first = part.try_append(&self.config, id, &record);
                assert!(first.is_some(), "the first record of a batch always fits");
                part.maybe_written = parent.maybe_written;
                parts.push(part);
            }
        }
        let mut sequence = parent.base_sequence();
        let mut from = 0;
        for part in &mut parts {
            part.closed = true;
            part.cut_from = Some((body, from));
            from += part.count;
            if let Some(Identity { producer, .. }) = parent.identity {
                part.identity = Some(Identity { producer, base_sequence: sequence });
                sequence = increment(sequence, part.count);
            }
        }
        let more = u32::try_from(parts.len()).expect("a batch has fewer than 2^32 records") - 1;
        self.incomplete += more;
        if let Some(flush) = &mut self.flush {
            flush.split(parent.serial, more);
        }
        for part in parts.into_iter().rev() {
            let part = self.pool.insert(part);
            if parent.identity.is_some() {
                let sequences = &mut self.partitions.get_mut(slot).sequences;
                sequences.track(&self.pool, part);
            }
            self.insert_in_order(part);
        }
        self.activate(slot);
        self.release(at);
    }

    /// Fails a batch. `refused`: its sequence is free again.
    fn fail(
        &mut self,
        cx: &mut ClientContext<'_>,
        at: BatchRef,
        error: ProducerError,
        refused: bool,
    ) {
        if self.idempotent {
            self.note_failed(at, error, refused);
        }
        self.fail_untold(cx, at, error);
    }

    /// Tells that a batch failed; what is kept of sequences does not change.
    fn fail_untold(&mut self, cx: &mut ClientContext<'_>, at: BatchRef, error: ProducerError) {
        let body = match self.pool.get(at).body {
            Some(body) => body,
            None => self.body_of(cx, at),
        };
        let batch = self.pool.get(at);
        let outcome = if batch.maybe_written || batch.in_flight {
            Outcome::Unknown(error)
        } else {
            Outcome::Failed(error)
        };
        self.finish(at, body, outcome);
    }

    fn finish(&mut self, at: BatchRef, body: BatchId, outcome: Outcome) {
        let batch = self.pool.get_mut(at);
        batch.done = true;
        let (slot, serial, in_flight) = (batch.partition, batch.serial, batch.in_flight);
        let renumbered = batch.renumbered;
        let partition = self.partitions.get(slot).id;
        self.incomplete -= 1;
        self.emit(ProducerEvent::Completed { partition, batch: body, outcome, renumbered });
        self.flushed(serial);
        if !in_flight {
            self.release(at);
        }
        self.wake();
    }

    /// Forgets a batch and gives its memory back; one in flight keeps it until its answer.
    fn release(&mut self, at: BatchRef) {
        self.memory += u64::from(self.pool.get(at).held);
        self.starved = false;
        self.pool.remove(at);
    }

    /// Fails batches older than `delivery.timeout.ms`, queued or in flight.
    pub(super) fn expire(&mut self, cx: &mut ClientContext<'_>, now: Instant) {
        if now < self.next_expiry {
            return;
        }
        let timeout = self.config.delivery_timeout;
        let mut next = Instant::FAR;
        let mut expired: Vec<BatchRef> = Vec::new();
        let mut in_flight: Vec<BatchRef> = Vec::new();
        for partition in self.partitions.iter_mut() {
            while let Some(&first) = partition.queue.front() {
                let until = self.pool.get(first).created + timeout;
                if until > now {
                    next = next.min(until);
                    break;
                }
                partition.queue.pop_front();
                expired.push(first);
            }
            while let Some(&first) = partition.in_flight.first() {
                let until = self.pool.get(first).created + timeout;
                if until > now {
                    next = next.min(until);
                    break;
                }
                partition.in_flight.remove(0);
                in_flight.push(first);
            }
        }
        self.next_expiry = next;
        expired.append(&mut in_flight);
        for at in expired {
            let batch = self.pool.get(at);
            if self.idempotent && batch.in_retry {
                self.mark_unresolved(at);
            } else if batch.identity.is_some() {
                self.partitions.get_mut(batch.partition).sequences.unexamined = true;
            }
            self.fail(cx, at, ProducerError::DeliveryTimeout, false);
        }
    }

    /// Aborts the batches that never got a sequence, or all that have no outcome.
    pub(super) fn abort_batches(
        &mut self,
        cx: &mut ClientContext<'_>,
        error: ProducerError,
        unsent_only: bool,
    ) {
        if self.incomplete == 0 || (unsent_only && self.active.is_empty()) {
            return;
        }
        let mut aborted: Vec<(u64, BatchRef)> = self
            .pool
            .refs()
            .map(|at| (at, self.pool.get(at)))
            .filter(|(_, b)| !(b.done || unsent_only && b.identity.is_some()))
            .map(|(at, b)| (b.serial, at))
            .collect();
        aborted.sort_by_key(|&(serial, _)| serial);
        for (_, at) in aborted {
            let slot = self.pool.get(at).partition;
            let partition = self.partitions.get_mut(slot);
            partition.queue.retain(|&b| b != at);
            partition.in_flight.retain(|&b| b != at);
            partition.sequences.untrack(at);
            self.fail_untold(cx, at, error);
        }
    }
}
