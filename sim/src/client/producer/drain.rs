//! From queues to produce requests (`RecordAccumulator.ready` and `drain`).

use broker_model::protocol::ErrorCode;
use broker_model::protocol::Request;
use broker_model::protocol::produce::{Acks, ProducePartition, ProduceRequest, ProducedPartition};
use broker_model::records::{Codec, NewBatch};
use broker_model::types::{BatchId, Instant, Offset, ProducerEpoch, ProducerId, Timestamp};

use super::super::io::{ClientContext, ClientOutput};
use super::batch::{BatchRef, Identity};
use super::nodes::{InFlight, Kind};
use super::partition::Membership;
use super::transaction::ProducerState;
use super::{Producer, Sent};

impl Producer {
    /// Drains what is ready, expires what is too old, sends what was drained, in this order: a
    /// batch can expire and be sent in the same turn.
    pub(super) fn send_produce(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        self.check_ready(now);
        let drained = self.drain_nodes(cx, now);
        self.expire(cx, now);
        self.deadline = self.deadline.min(self.next_expiry);
        for (node, batches) in drained {
            self.send_batches(cx, node, batches);
            if !self.active.is_empty() {
                self.wake();
            }
        }
    }

    /// Nothing waits for `linger.ms`.
    pub(super) const fn must_not_linger(&self) -> bool {
        self.starved || self.is_closing() || self.flush.is_some() || self.txn.is_completing()
    }

    /// Finds the nodes that have something to be sent, and when the others will.
    fn check_ready(&mut self, now: Instant) {
        self.checks += 1;
        for node in &mut self.nodes.list {
            node.candidates.clear();
            node.ready = false;
        }
        let partitions = &mut self.partitions;
        self.active.retain(|&slot| {
            let partition = partitions.get_mut(slot);
            partition.active = !partition.queue.is_empty();
            partition.active
        });
        let hurry = self.must_not_linger();
        let mut leaderless = false;
        for &slot in &self.active {
            let partition = self.partitions.get_mut(slot);
            let length = partition.queue.len();
            partition.seen = (self.checks, u32::try_from(length).unwrap_or(u32::MAX));
            let Some((leader, epoch)) = self.metadata.leader(partition.id) else {
                leaderless = true;
                continue;
            };
            let batch = self.pool.get_mut(partition.queue[0]);
            batch.update_leader_epoch(epoch);
            let at = self.nodes.at(leader);
            let node = &mut self.nodes.list[at];
            node.candidates.push(slot);
            if node.ready || partition.muted {
                continue;
            }
            let backoff = batch
                .backing_off(&self.config.retry_backoff, self.jitter)
                .map(|wait| batch.last_attempt + wait)
                .filter(|&until| until > now);
            let lingers_until = batch.last_attempt + self.config.linger;
            let full = length > 1 || batch.is_full(&self.config);
            match backoff {
                Some(until) => self.deadline = self.deadline.min(until),
                None if full || hurry || lingers_until <= now => node.ready = true,
                None => self.deadline = self.deadline.min(lingers_until),
            }
        }
        if leaderless {
            self.metadata.request_update();
        }
    }

    fn drain_nodes(
        &mut self,
        cx: &mut ClientContext<'_>,
        now: Instant,
    ) -> Vec<(usize, Vec<BatchRef>)> {
        // A client whose metadata is due asks for that first.
        let metadata_due = self.metadata.needs_request(now) <= now;
        let mut drained = Vec::new();
        for at in 0..self.nodes.list.len() {
            if !self.nodes.list[at].ready {
                continue;
            }
            let open = self.nodes.can_send(at, self.config.max_in_flight, now);
            let node = &mut self.nodes.list[at];
            if self.config.availability_timeout > 0 {
                let drained_at = node.latency.map_or(now, |(_, drained)| drained);
                let takes = open && !metadata_due;
                node.latency = Some((now, if takes { now } else { drained_at }));
            }
            if !open {
                self.connect(cx, at);
            } else if !metadata_due {
                let batches = self.drain_node(cx, at, now);
                if !batches.is_empty() {
                    drained.push((at, batches));
                }
            }
        }
        drained
    }

    fn drain_node(&mut self, cx: &mut ClientContext<'_>, at: usize, now: Instant) -> Vec<BatchRef> {
        let candidates = core::mem::take(&mut self.nodes.list[at].candidates);
        let drained_to = self.nodes.list[at].drained_to;
        let start = candidates.partition_point(|&slot| self.partitions.get(slot).id.0 < drained_to)
            % candidates.len();
        let mut size = 0_u32;
        let mut batches = Vec::new();
        for i in 0..candidates.len() {
            let slot = candidates[(start + i) % candidates.len()];
            let partition = self.partitions.get(slot);
            self.nodes.list[at].drained_to = partition.id.0;
            let Some(&first) = partition.queue.front() else { continue };
            let batch = self.pool.get(first);
            let wait = batch.backing_off(&self.config.retry_backoff, self.jitter);
            if partition.muted || wait.is_some_and(|wait| batch.last_attempt + wait > now) {
                continue;
            }
            let expected = match batch.body {
                Some(_) => batch.bytes(&self.config),
                None => batch.expected_bytes(&self.config),
            };
            let over = size.saturating_add(expected) > self.config.max_request_size;
            if (over && !batches.is_empty()) || self.must_hold(slot, first) {
                break;
            }
            size = size.saturating_add(self.take(cx, slot, first));
            batches.push(first);
        }
        self.nodes.list[at].candidates = candidates;
        batches
    }

    /// Whether the first batch of a queue must not be sent now
    /// (`shouldStopDrainBatchesForPartition`).
    fn must_hold(&self, slot: u32, first: BatchRef) -> bool {
        if !self.idempotent {
            return false;
        }
        let partition = self.partitions.get(slot);
        let outside =
            self.config.transactional_id.is_some() && partition.membership != Membership::Added;
        let fatal = self.txn.state == ProducerState::FatalError;
        if outside || fatal || !self.txn.producer.id.is_some() {
            return true;
        }
        let sequences = &partition.sequences;
        let batch = self.pool.get(first);
        if batch.identity.is_none() {
            // Batches of an older epoch finish first; so do those of unknown outcome.
            let stale = sequences.producer != self.txn.producer;
            return (stale && !sequences.outstanding.is_empty()) || sequences.unresolved.is_some();
        }
        // A retry waits until it is the oldest without an outcome.
        let oldest = sequences.outstanding.first();
        oldest.is_some_and(|&oldest| self.pool.get(oldest).base_sequence() != batch.base_sequence())
    }

    /// Takes a batch out of its queue, with its sequence and body; returns its bytes.
    fn take(&mut self, cx: &mut ClientContext<'_>, slot: u32, first: BatchRef) -> u32 {
        let partition = self.partitions.get_mut(slot);
        partition.queue.pop_front();
        if self.idempotent && self.pool.get(first).identity.is_none() {
            let producer = self.txn.producer;
            let sequences = &mut partition.sequences;
            if sequences.producer != producer && sequences.outstanding.is_empty() {
                sequences.start_at_beginning(&mut self.pool, producer);
            }
            sequences.tracked = true;
            let base_sequence = sequences.next;
            let batch = self.pool.get_mut(first);
            batch.identity = Some(Identity { producer, base_sequence });
            sequences.next = super::batch::increment(base_sequence, batch.count);
            sequences.track(&self.pool, first);
        }
        partition.in_flight.push(first);
        partition.muted = self.config.max_in_flight == 1;
        let batch = self.pool.get_mut(first);
        batch.in_flight = true;
        batch.closed = true;
        let _ = self.body_of(cx, first);
        let batch = self.pool.get(first);
        let (bytes, ratio) = (batch.bytes(&self.config), batch.ratio(&self.config));
        if self.config.compression != Codec::None {
            self.estimate(slot).observe(ratio);
        }
        bytes
    }

    /// The body of a batch under its present identity, made if need be.
    pub(super) fn body_of(&mut self, cx: &mut ClientContext<'_>, at: BatchRef) -> BatchId {
        let bytes = self.pool.get(at).bytes(&self.config);
        let batch = self.pool.get_mut(at);
        let (producer_id, producer_epoch, base_sequence) = match batch.identity {
            Some(Identity { producer, base_sequence }) => {
                (producer.id, producer.epoch, base_sequence)
            }
            None => (ProducerId::NONE, ProducerEpoch::NONE, -1),
        };
        let mut new = NewBatch {
            producer_id,
            producer_epoch,
            base_sequence,
            transactional: self.config.transactional_id.is_some(),
            max_timestamp: Timestamp::NONE,
            bytes,
        };
        let body = match batch.body {
            Some(id) => {
                let old = *cx.batches.get(id);
                let same = old.producer_id == producer_id
                    && old.producer_epoch == producer_epoch
                    && old.base_sequence == base_sequence;
                if same {
                    return id;
                }
                new.max_timestamp = old.max_timestamp;
                cx.batches.restamp(id, new)
            }
            None => {
                use broker_model::records::RecordSource;
                new.max_timestamp = cx.records.timestamp(batch.latest_record);
                let records = core::mem::take(&mut batch.records);
                let body = match batch.cut_from {
                    Some((whole, from)) => cx.batches.push_part(whole, from, new, batch.count),
                    None => cx.batches.push_records(new, &records),
                };
                cx.batches.note_compression(body, self.config.compression, batch.packing());
                batch.body = Some(body);
                self.pool.recycle(records);
                return body;
            }
        };
        batch.body = Some(body);
        body
    }

    fn send_batches(&mut self, cx: &mut ClientContext<'_>, at: usize, batches: Vec<BatchRef>) {
        let sent: Vec<Sent> = batches
            .into_iter()
            .map(|batch| (batch, self.pool.get(batch).body.expect("drained batches have bodies")))
            .collect();
        let partition_of = |batch| self.partitions.get(self.pool.get(batch).partition).id;
        let partitions = sent
            .iter()
            .map(|&(batch, body)| ProducePartition { partition: partition_of(batch), batch: body })
            .collect();
        let transactional = self.config.transactional_id.is_some();
        let request = ProduceRequest {
            transactional_id: self.config.transactional_id,
            acks: self.config.acks,
            timeout: self.config.request_timeout,
            partitions,
        };
        let correlation = self.nodes.next_correlation();
        let node = &mut self.nodes.list[at];
        let to = node.id;
        if self.config.acks != Acks::None {
            node.in_flight.push_back(InFlight {
                correlation,
                sent_at: cx.now.instant,
                connection: node.connection,
                kind: Kind::Produce(sent.clone()),
            });
        }
        // Version 12 and later tell the broker to add the partition to the transaction by itself.
        let api_version = if transactional && !self.txn.v2 { 11 } else { 13 };
        let request = Request::Produce(request);
        self.push(cx.outputs, ClientOutput::Send { to, correlation, api_version, request });
        if self.config.acks == Acks::None {
            for batch in sent {
                let answer = written(partition_of_sent(self, batch), ErrorCode::None);
                self.answer_batch(cx, batch, &answer);
            }
        }
    }
}

fn partition_of_sent(producer: &Producer, (batch, _): Sent) -> broker_model::types::PartitionId {
    producer.partitions.get(producer.pool.get(batch).partition).id
}

/// What a broker that tells nothing but an error would answer.
pub(super) const fn written(
    partition: broker_model::types::PartitionId,
    error: ErrorCode,
) -> ProducedPartition {
    ProducedPartition {
        partition,
        error,
        base_offset: Offset::NONE,
        log_append_time: Timestamp::NONE,
        log_start_offset: Offset::NONE,
        current_leader: None,
    }
}
