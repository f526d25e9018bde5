//! `send`: from a record to its place in a batch. Some tens of nanoseconds a record.

use broker_model::types::{Instant, PartitionId, RecordId, TopicId};

use super::super::io::ClientContext;
use super::super::murmur2::Spread;
use super::Producer;
use super::batch::{Appended, Batch, bound};
use super::event::{ProducerError, Refusal, RunOutcome, SendOutcome};
use super::partition::Membership;
use super::partitioner::{Sticky, TopicState, all_full, switches};
use super::ratio::RatioEstimate;
use super::transaction::ProducerState;
use crate::records::{NO_KEY, Record};

impl Producer {
    /// Sends one record. Without a partition its key decides, or the sticky partitioner.
    pub fn send(
        &mut self,
        cx: &mut ClientContext<'_>,
        topic: TopicId,
        partition: Option<PartitionId>,
        record: RecordId,
    ) -> SendOutcome {
        let now = cx.now.instant;
        let outcome = self.send_now(cx, topic, partition, record);
        self.judge_wait(now, outcome)
    }

    fn send_now(
        &mut self,
        cx: &mut ClientContext<'_>,
        topic: TopicId,
        partition: Option<PartitionId>,
        record: RecordId,
    ) -> SendOutcome {
        if self.is_closing() {
            return SendOutcome::Refused(Refusal::IllegalState);
        }
        if !self.know_topic(topic) {
            return SendOutcome::NoMetadata;
        }
        let slot = match partition {
            Some(id) => match self.partitions.find(id) {
                Some(slot) => Some(slot),
                None => return SendOutcome::NoMetadata,
            },
            None => None,
        };
        let (now, facts) = (cx.now.instant, cx.records.get(record));
        self.append(cx, topic, slot, (record, &facts), now)
    }

    /// Sends records in order, all now, until one is not accepted.
    pub fn send_run(
        &mut self,
        cx: &mut ClientContext<'_>,
        topic: TopicId,
        records: &[RecordId],
    ) -> RunOutcome {
        self.send_each(cx, topic, records, false)
    }

    /// As [`Self::send_run`], but each record counts as sent at its intended time, which must not
    /// be later than now and not go back: lingering starts then. For loads that hand over a
    /// slice of time at once.
    pub fn send_timed_run(
        &mut self,
        cx: &mut ClientContext<'_>,
        topic: TopicId,
        records: &[RecordId],
    ) -> RunOutcome {
        self.send_each(cx, topic, records, true)
    }

    fn send_each(
        &mut self,
        cx: &mut ClientContext<'_>,
        topic: TopicId,
        records: &[RecordId],
        timed: bool,
    ) -> RunOutcome {
        if records.is_empty() {
            return RunOutcome { accepted: 0, stopped: SendOutcome::Accepted };
        }
        let now = cx.now.instant;
        let run = self.send_each_now(cx, topic, records, timed);
        if run.accepted > 0 {
            self.blocked_until = Instant::FAR;
        }
        RunOutcome { stopped: self.judge_wait(now, run.stopped), ..run }
    }

    fn send_each_now(
        &mut self,
        cx: &mut ClientContext<'_>,
        topic: TopicId,
        records: &[RecordId],
        timed: bool,
    ) -> RunOutcome {
        let stopped = |accepted, stopped| RunOutcome { accepted, stopped };
        if self.is_closing() {
            return stopped(0, SendOutcome::Refused(Refusal::IllegalState));
        }
        if !self.know_topic(topic) {
            return stopped(0, SendOutcome::NoMetadata);
        }
        let now = cx.now.instant;
        for (accepted, &id) in records.iter().enumerate() {
            let record = cx.records.get(id);
            let at = if timed { record.intended.min(now) } else { now };
            match self.append(cx, topic, None, (id, &record), at) {
                SendOutcome::Accepted => {}
                other => return stopped(accepted, other),
            }
        }
        stopped(records.len(), SendOutcome::Accepted)
    }

    /// Whether the topic's partitions are known; brings the lists up to date.
    fn know_topic(&mut self, topic: TopicId) -> bool {
        if topic == TopicId::UNKNOWN {
            return false;
        }
        let version = self.metadata.version();
        let _ = self.topic_mut(topic);
        let state = &mut self.topics[topic.index()];
        if state.version != version {
            state.version = version;
            let ids = self.metadata.partitions(topic);
            state.slots.clear();
            state.slots.extend(ids.iter().map(|&id| self.partitions.slot(topic, id)));
            let count = u32::try_from(ids.len()).expect("partitions fit in u32");
            state.spread = Spread::over(count.max(1));
            let mut led: Vec<PartitionId> =
                ids.iter().copied().filter(|&id| self.metadata.leader(id).is_some()).collect();
            led.sort_unstable();
            state.available.clear();
            state.available.extend(led.iter().map(|&id| self.partitions.slot(topic, id)));
        }
        !state.slots.is_empty()
    }

    /// What is known of a topic, perhaps nothing yet.
    pub(super) fn topic_mut(&mut self, topic: TopicId) -> &mut TopicState {
        if self.topics.len() <= topic.index() {
            self.topics.resize_with(topic.index() + 1, Default::default);
        }
        &mut self.topics[topic.index()]
    }

    fn append(
        &mut self,
        cx: &mut ClientContext<'_>,
        topic: TopicId,
        fixed: Option<u32>,
        (id, record): (RecordId, &Record),
        at: Instant,
    ) -> SendOutcome {
        if self.is_too_large(record) {
            self.send_failed(ProducerError::RecordTooLarge);
            return SendOutcome::NotTaken(ProducerError::RecordTooLarge);
        }
        let fixed = match fixed {
            None if record.key != NO_KEY && !self.config.ignore_keys => {
                let topic = &self.topics[topic.index()];
                Some(topic.slots[topic.spread.partition_for(record.key_hash) as usize])
            }
            fixed => fixed,
        };
        loop {
            let slot = match fixed {
                Some(slot) => slot,
                None => self.sticky_slot(cx, topic),
            };
            if let Some(&last) = self.partitions.get(slot).queue.back() {
                let batch = self.pool.get_mut(last);
                if let Some(Appended { bytes, full }) = batch.try_append(&self.config, id, record) {
                    if full {
                        self.wake();
                    }
                    if fixed.is_none() {
                        self.sticky_used(cx, topic, bytes, full);
                    }
                    return self.join_transaction(slot);
                }
                batch.closed = true;
                self.wake();
            }
            match self.room_for(record) {
                Ok(()) if fixed.is_none() && self.sticky_slot(cx, topic) != slot => {
                    // The partition was left the moment its last batch closed: the new batch goes
                    // to the next one.
                }
                Ok(()) => {
                    let bytes = self.start_batch(slot, id, record, at);
                    if fixed.is_none() {
                        let full = all_full(&self.partitions, &self.pool, &self.config, slot);
                        self.sticky_used(cx, topic, bytes, full);
                    }
                    return self.join_transaction(slot);
                }
                Err(outcome) => return outcome,
            }
        }
    }

    /// Whether a batch of this record alone may be above `max.request.size` or `buffer.memory`
    /// (`ensureValidRecordSize`): then it goes nowhere, not even into a batch with room.
    #[inline]
    fn is_too_large(&self, record: &Record) -> bool {
        let bound = bound(record);
        bound > self.config.max_request_size || u64::from(bound) > self.config.buffer_memory
    }

    /// Whether there is room for a new batch with this record.
    fn room_for(&mut self, record: &Record) -> Result<(), SendOutcome> {
        let bound = bound(record);
        if u64::from(bound.max(self.batch_size())) > self.memory {
            self.starved = self.send_wait > 0;
            self.wake();
            return Err(SendOutcome::BufferFull);
        }
        Ok(())
    }

    /// Makes a new batch with this record; returns its bytes so far.
    fn start_batch(&mut self, slot: u32, id: RecordId, record: &Record, at: Instant) -> u32 {
        let limit = bound(record).max(self.batch_size());
        self.starved = false;
        self.memory -= u64::from(limit);
        self.serial += 1;
        let estimate = *self.estimate(slot);
        let mut batch = Batch::new(slot, self.serial, (limit, estimate), at);
        batch.held = limit;
        let at_ref = self.pool.insert(batch);
        let batch = self.pool.get_mut(at_ref);
        let first = batch.try_append(&self.config, id, record);
        let Appended { bytes, .. } = first.expect("the first record of a batch always fits");
        // Records of a topic are mostly of one size.
        batch.records.reserve((limit / bytes.max(1)).min(1_024) as usize);
        let (bytes, full) = (batch.expected_bytes(&self.config), batch.is_full(&self.config));
        self.incomplete += 1;
        let partition = self.partitions.get_mut(slot);
        if partition.started_at == u64::MAX {
            partition.started_at = self.checks;
        }
        partition.queue.push_back(at_ref);
        if partition.queue.len() > 1 || full || self.must_not_linger() {
            self.wake();
        }
        self.deadline = self.deadline.min(at + self.config.linger);
        self.next_expiry = self.next_expiry.min(at + self.config.delivery_timeout);
        self.activate(slot);
        bytes
    }

    pub(super) fn activate(&mut self, slot: u32) {
        let partition = self.partitions.get_mut(slot);
        if partition.active {
            return;
        }
        partition.active = true;
        let id = partition.id;
        let partitions = &self.partitions;
        let at = self.active.partition_point(|&s| partitions.get(s).id < id);
        self.active.insert(at, slot);
    }

    /// The record's partition becomes part of the transaction; refused when the state is wrong,
    /// which the Java client notices only after it queued the record.
    fn join_transaction(&mut self, slot: u32) -> SendOutcome {
        if !self.idempotent {
            return SendOutcome::Accepted;
        }
        if self.txn.has_error()
            && let Err(refusal) = self.refuse_if_failed()
        {
            return SendOutcome::Refused(refusal);
        }
        if self.config.transactional_id.is_none() {
            return SendOutcome::Accepted;
        }
        if self.txn.state != ProducerState::InTransaction || self.refuse_if_pending().is_err() {
            return SendOutcome::Refused(Refusal::IllegalState);
        }
        let partition = self.partitions.get_mut(slot);
        if partition.membership == Membership::Outside {
            partition.sequences.tracked = true;
            self.txn.members.push(slot);
            if self.txn.v2 {
                partition.membership = Membership::Added;
                self.txn.started = true;
            } else {
                partition.membership = Membership::New;
                self.txn.new_members = true;
            }
            self.wake();
        }
        SendOutcome::Accepted
    }

    /// The partition for records without a key; moves on when it is time and nothing is open.
    fn sticky_slot(&mut self, cx: &mut ClientContext<'_>, topic: TopicId) -> u32 {
        let Some(sticky) = self.topics[topic.index()].sticky else {
            return self.choose_sticky(cx, topic);
        };
        if sticky.produced >= self.batch_size()
            && all_full(&self.partitions, &self.pool, &self.config, sticky.slot)
        {
            return self.choose_sticky(cx, topic);
        }
        sticky.slot
    }

    fn sticky_used(&mut self, cx: &mut ClientContext<'_>, topic: TopicId, bytes: u32, full: bool) {
        let batch_size = self.batch_size();
        let Some(sticky) = &mut self.topics[topic.index()].sticky else { return };
        sticky.produced = sticky.produced.saturating_add(bytes);
        if switches(sticky.produced, batch_size, full) {
            self.choose_sticky(cx, topic);
        }
    }

    fn choose_sticky(&mut self, cx: &mut ClientContext<'_>, topic: TopicId) -> u32 {
        let random = self.random(cx);
        let state = &self.topics[topic.index()];
        let load = if self.config.adaptive_partitioning {
            state.load(&self.partitions, self.checks, |slot| self.node_is_slow(slot))
        } else {
            None
        };
        let pick = |slots: &[u32]| slots[random as usize % slots.len()];
        let slot = match load {
            Some((table, slots)) => slots[table.choose(random)],
            None if state.available.is_empty() => pick(&state.slots),
            None => pick(&state.available),
        };
        self.topics[topic.index()].sticky = Some(Sticky { slot, produced: 0 });
        slot
    }

    /// Whether the partition's leader had data ready for longer than
    /// `partitioner.availability.timeout.ms` without taking any.
    fn node_is_slow(&self, slot: u32) -> bool {
        let timeout = self.config.availability_timeout;
        if timeout == 0 {
            return false;
        }
        let Some((leader, _)) = self.metadata.leader(self.partitions.get(slot).id) else {
            return false;
        };
        let node = self.nodes.list.iter().find(|node| node.id == leader);
        node.and_then(|node| node.latency)
            .is_some_and(|(ready, drained)| ready.since(drained) > timeout)
    }

    /// How well records of a partition's topic compress, as far as is known.
    pub(super) fn estimate(&mut self, slot: u32) -> &mut RatioEstimate {
        &mut self.topics[self.partitions.get(slot).topic.index()].ratio
    }

    /// `batch.size`, at least 1.
    pub(super) fn batch_size(&self) -> u32 {
        self.config.batch_size.max(1)
    }

    /// 31 random bits, or 0, 1, 2... for a script.
    fn random(&mut self, cx: &mut ClientContext<'_>) -> u32 {
        match &mut self.scripted_draws {
            Some(next) => {
                *next += 1;
                *next - 1
            }
            None => (cx.draws.bits() >> 33) as u32,
        }
    }
}
