//! What no client could see, and whoever knows tells: three reasons for what clients saw. A check
//! names what it has found by them, and never finds anything because of them.

use super::recorder::Recorder;

impl Recorder {
    /// Told before the audit: a leader that knew nothing of an idempotent producer took this
    /// record as its first.
    pub fn first_sequence_skipped(&mut self, partition: u32, record: u32) {
        let (session, ordinal) = (self.records.batch(record).session, self.records.ordinal(record));
        let before = self.skipped_before.entry((partition, session)).or_default();
        *before = ordinal.max(*before);
    }

    /// Told before the audit: the transaction of this record was given two verdicts, because a
    /// decision was lost upon which markers had been written.
    pub fn decision_undone(&mut self, record: u32) {
        self.undone.extend(self.records.batch(record).transaction());
    }

    /// Told at the end: so much of a group's lag is behind an open transaction.
    pub fn held_up(&mut self, group: u32, records: u64) {
        self.held_up.insert(group, records);
    }
}
