//! Small histories for the tests of checks: one producer, two readers, three partitions.

use std::ops::Range;

use super::{Claim, Finding};
use crate::history::{Acknowledged, Facts, Isolation, Poll, Recorder, Sent, Session};

/// The topic with partitions 0 and 1.
pub(crate) const ORDERS: u32 = 0;
/// The topic with partition 2.
pub(crate) const PAYMENTS: u32 = 1;
/// A read_committed consumer.
pub(crate) const COMMITTED: u32 = 0;
/// A read_uncommitted consumer.
pub(crate) const UNCOMMITTED: u32 = 1;

/// Record n belongs to entity n modulo ten; its key is the entity modulo two. Records of entity
/// 7 are tombstones.
pub(crate) struct Table;

impl Facts for Table {
    fn key(&self, record: u32) -> u32 {
        record % 10 % 2
    }

    fn entity(&self, record: u32) -> u32 {
        record % 10
    }

    fn is_tombstone(&self, record: u32) -> bool {
        record % 10 == 7
    }
}

/// A history being told.
pub(crate) struct History {
    /// What it is told to.
    pub(crate) recorder: Recorder,
    session: u32,
    clock: u64,
    idempotent: bool,
}

impl History {
    /// With an idempotent producer.
    pub(crate) fn new() -> Self {
        Self::with(true)
    }

    /// With a producer that promises neither order nor uniqueness.
    pub(crate) fn plain() -> Self {
        Self::with(false)
    }

    fn with(idempotent: bool) -> Self {
        let mut recorder = Recorder::new(1_000);
        recorder.topic(ORDERS, "orders", [0, 1]);
        recorder.topic(PAYMENTS, "payments", [2]);
        recorder.group(0, "audit-group");
        recorder.service_instance(0, "audit-0");
        recorder.consumer(0, 0, Isolation::ReadCommitted);
        recorder.consumer(0, 0, Isolation::ReadUncommitted);
        let mut history = Self { recorder, session: 0, clock: 0, idempotent };
        history.restart_producer();
        history
    }

    fn tick(&mut self) -> u64 {
        self.clock += 10;
        self.clock
    }

    pub(crate) fn restart_producer(&mut self) {
        let (idempotent, ordered) = (self.idempotent, self.idempotent);
        self.session = self.recorder.session(Session { instance: 0, idempotent, ordered });
    }

    pub(crate) fn begin(&mut self) -> u32 {
        let at_ns = self.tick();
        self.recorder.transaction_begun(self.session, at_ns)
    }

    pub(crate) fn send(&mut self, ids: Range<u32>, transaction: Option<u32>) -> &mut Self {
        self.send_to(0, ids, transaction)
    }

    pub(crate) fn send_to(
        &mut self,
        partition: u32,
        ids: Range<u32>,
        transaction: Option<u32>,
    ) -> &mut Self {
        let (session, at_ns) = (self.session, self.tick());
        let ids: Vec<u32> = ids.collect();
        let sent = Sent { partition, session, transaction, at_ns };
        self.recorder.sent(ids.iter().copied(), sent);
        self
    }

    pub(crate) fn acknowledge(&mut self, ids: Range<u32>, base_offset: i64) -> &mut Self {
        self.acknowledge_in(0, ids, base_offset)
    }

    pub(crate) fn acknowledge_in(
        &mut self,
        partition: u32,
        ids: Range<u32>,
        base_offset: i64,
    ) -> &mut Self {
        let at_ns = self.tick();
        let ids: Vec<u32> = ids.collect();
        let answer = Acknowledged { partition, base_offset, bytes: 100, at_ns };
        self.recorder.acknowledged(ids.iter().copied(), answer);
        self
    }

    pub(crate) fn give_up(&mut self, ids: Range<u32>) -> &mut Self {
        let at_ns = self.tick();
        let ids: Vec<u32> = ids.collect();
        self.recorder.unknown(ids.iter().copied(), "TimeoutException", at_ns);
        self
    }

    pub(crate) fn poll(&mut self, consumer: u32, base_offset: i64, ids: &[u32]) -> &mut Self {
        let at_ns = self.tick();
        let poll = Poll { consumer, partition: 0, base_offset, at_ns };
        self.recorder.polled(ids.iter().copied(), poll);
        self
    }

    /// The audit of partition 0.
    pub(crate) fn audit(&mut self, batches: &[(i64, &[u32])]) -> &mut Self {
        self.audit_log(0, batches)
    }

    pub(crate) fn audit_log(&mut self, partition: u32, batches: &[(i64, &[u32])]) -> &mut Self {
        self.recorder.audit_partition(partition);
        for &(base_offset, ids) in batches {
            self.recorder.audit(base_offset, ids.iter().copied(), &Table);
        }
        self
    }

    pub(crate) fn judge(&self, claim: Claim) -> Finding {
        self.recorder.judge(&[claim]).remove(0)
    }
}
