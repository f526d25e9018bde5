//! The final audit: what one complete read_committed read from the beginning returns.

use super::record_state::RecordState;
use super::recorder::Recorder;
use super::send::Ids;

/// What the audit asks of a record; the caller's record table answers.
pub trait Facts {
    /// A dense number of its key within the run; equal numbers are equal keys.
    fn key(&self, record: u32) -> u32;
    /// The business entity it belongs to, dense.
    fn entity(&self, record: u32) -> u32;
}

impl Recorder {
    /// A partition's audit begins. Audit the topics that others derive from first.
    pub fn audit_partition(&mut self, partition: u32) {
        self.digest.word(24 << 56 | u64::from(partition));
        self.audited.begin(partition);
        self.partition_order.begin(partition);
    }

    /// Records of the partition whose audit began last, at contiguous offsets, in log order.
    /// Aborted records, markers and whatever is at or above the last stable offset are not
    /// part of it.
    pub fn audit(&mut self, base_offset: i64, ids: impl Ids, facts: &impl Facts) {
        self.digest.word(base_offset.cast_unsigned());
        self.digest.ids(ids.clone());
        let partition = self.audited.current();
        let topic = self.topology.partition(partition).map(|partition| partition.topic);
        self.audited.visible(base_offset, ids.len());
        for (offset, id) in (base_offset..).zip(ids) {
            let Some(before) = self.records.set(id, RecordState::AUDITED) else {
                self.invented.audited(id, partition, offset);
                continue;
            };
            let batch = self.records.batch(id);
            let session = self.topology.session_of(batch.session);
            if before.any(RecordState::AUDITED) {
                self.duplicates.found(id, partition, offset, session.idempotent);
                continue;
            }
            if before.any(RecordState::FAILED) && !before.any(RecordState::ACKNOWLEDGED) {
                self.invented.failed_but_there(id, partition, offset);
            }
            if batch.partition != partition {
                self.invented.in_other_log(id, partition, offset, batch.partition);
            }
            if let Some(number) = batch.transaction() {
                let transaction = self.transactions.get_mut(number);
                transaction.audited += 1;
                let acknowledged = before.any(RecordState::ACKNOWLEDGED);
                transaction.audited_acknowledged += u32::from(acknowledged);
            }
            let ordinal = self.records.ordinal(id);
            self.partition_order.found(id, offset, batch.session, ordinal, session.ordered);
            let Some(topic) = topic else { continue };
            if self.key_order.watches(topic) {
                let place = (partition, offset);
                self.key_order.found(topic, id, place, (batch.session, ordinal), facts);
            }
            if self.effects.watches(topic) {
                self.effects.expected(topic, facts.entity(id));
            }
            if self.terminals.watches(topic) {
                self.terminals.found(topic, facts.entity(id), offset);
            }
        }
    }
}
