//! Records that compaction and retention were allowed to remove before the audit.
//!
//! Source: Kafka documentation, "Log Compaction" (at least the last value of each key is
//! kept) and topic configs (`retention.ms`, `delete.retention.ms`).

use std::collections::BTreeMap;

use super::audit::Facts;
use super::record_state::RecordState;
use super::recorder::Recorder;
use super::transaction::Outcome;

/// What is known of the removals in each partition.
#[derive(Clone, Debug, Default)]
pub struct Removals {
    /// Compacted partitions.
    compacted: Vec<bool>,
    /// First offset that the audit could read, by partition, where it is not 0.
    starts: BTreeMap<u32, i64>,
    /// By partition: a `read_committed` reader was assigned it.
    read: Vec<bool>,
    /// What the audit has found in compacted partitions.
    newest: NewestOfKeys,
}

/// The newest record of a key in one partition.
#[derive(Clone, Copy, Default, Debug)]
struct Newest {
    /// That the audit found, plus one; 0 if it found none.
    audited_end: i64,
    /// That is in the log or was an acknowledged tombstone, plus one.
    end: i64,
}

/// By partition and key.
type NewestOfKeys = BTreeMap<(u32, u32), Newest>;

impl Removals {
    pub(super) fn reads(&mut self, partition: u32) {
        let index = partition as usize;
        if index >= self.read.len() {
            self.read.resize(index + 1, false);
        }
        self.read[index] = true;
    }

    /// Whether some `read_committed` reader was ever assigned a partition.
    pub(crate) fn is_read(&self, partition: u32) -> bool {
        self.read.get(partition as usize).copied().unwrap_or(false)
    }

    /// Whether a partition's topic is compacted.
    pub(super) fn is_compacted(&self, partition: u32) -> bool {
        self.compacted.get(partition as usize).copied().unwrap_or(false)
    }

    /// The audit found a record of this key in a compacted partition, whoever knows of it.
    pub(super) fn found(&mut self, partition: u32, key: u32, offset: i64) {
        let known = self.newest.entry((partition, key)).or_default();
        known.end = known.end.max(offset + 1);
        known.audited_end = known.end;
    }

    /// First offset of a partition's log at the end of the run.
    pub(crate) fn start(&self, partition: u32) -> i64 {
        self.starts.get(&partition).copied().unwrap_or(0)
    }
}

impl Recorder {
    /// The topic of this partition is compacted. Said before its audit.
    pub fn compacted(&mut self, partition: u32) {
        self.digest.word(28 << 56 | u64::from(partition));
        let index = partition as usize;
        if index >= self.removals.compacted.len() {
            self.removals.compacted.resize(index + 1, false);
        }
        self.removals.compacted[index] = true;
    }

    /// The log of this partition begins at `offset`: what was before is deleted. Said before its
    /// audit, where it is not 0.
    pub fn deleted_before(&mut self, partition: u32, offset: i64) {
        self.digest.word(29 << 56 | u64::from(partition));
        self.digest.word(offset.cast_unsigned());
        self.removals.starts.insert(partition, offset);
    }

    /// All partitions were audited: of the records that were not found, marks those that
    /// compaction may have removed, because the log has a newer record of their key or had a
    /// tombstone. What came of those, and of deleted ones, is not expected to be seen, nor wrong.
    pub fn audit_removals(&mut self, facts: &impl Facts) {
        if self.removals.compacted.is_empty() && self.removals.starts.is_empty() {
            return;
        }
        let newest = self.newest_of_keys(facts);
        self.excuse_superseded(&newest, facts);
        let mut removed = Vec::new();
        for (id, state, batch) in self.records.iter() {
            let told = state.any(RecordState::ACKNOWLEDGED | RecordState::POLLED);
            let (compacted, start) =
                (self.removals.is_compacted(batch.partition), self.removals.start(batch.partition));
            if !told || state.any(RecordState::AUDITED) || !(compacted || start > 0) {
                continue;
            }
            let offset = self.records.acknowledged_offset(id);
            let visible = batch.transaction().is_none_or(|number| self.is_visible(number));
            if offset.is_some_and(|offset| offset < start) && visible {
                removed.push((id, batch.partition, batch.transaction(), 0));
                continue;
            }
            if !compacted {
                continue;
            }
            let key = facts.key(id);
            let known = newest.get(&(batch.partition, key)).copied().unwrap_or_default();
            let superseded = match offset {
                // A tombstone goes some time after what it deletes, never before.
                Some(offset) if offset + 1 == known.end => known.audited_end == 0,
                Some(offset) => offset + 1 < known.end,
                // Where it was nobody knows.
                None => known.end > 0,
            };
            if superseded && visible {
                removed.push((id, batch.partition, batch.transaction(), RecordState::COMPACTED));
            }
        }
        for (id, partition, transaction, bits) in removed {
            let before = self.records.set(id, bits);
            if let Some(number) = transaction {
                let acknowledged = before.is_some_and(|b| b.any(RecordState::ACKNOWLEDGED));
                let transaction = self.transactions.get_mut(number);
                transaction.audited += 1;
                transaction.audited_acknowledged += u32::from(acknowledged);
            }
            self.not_expected(partition, facts.entity(id));
        }
    }

    /// Each replica compacts by itself: what the audit found on one may have been gone from the one
    /// that a consumer read.
    fn excuse_superseded(&mut self, newest: &NewestOfKeys, facts: &impl Facts) {
        let mut superseded = Vec::new();
        for (id, state, batch) in self.records.iter() {
            if !state.any(RecordState::AUDITED) || !self.removals.is_compacted(batch.partition) {
                continue;
            }
            let Some(offset) = self.records.acknowledged_offset(id) else { continue };
            let known = newest.get(&(batch.partition, facts.key(id)));
            if known.is_some_and(|known| offset + 1 < known.end) {
                superseded.push((id, batch.partition, offset));
            }
        }
        for (id, partition, offset) in superseded {
            self.audited.excuse(partition, offset);
            self.not_expected(partition, facts.entity(id));
        }
    }

    /// What came of a record of this entity may be missing, and is not wrong if it is there.
    fn not_expected(&mut self, partition: u32, entity: u32) {
        let topic = self.topology.partition(partition).map_or(u32::MAX, |home| home.topic);
        self.effects.removed(topic, entity);
        self.terminals.removed(topic, entity);
        self.rows.removed(topic, entity);
    }

    /// Whether a transaction was committed, as its end says, or what is left of it, or that a
    /// reader of committed records was given a record of it.
    fn is_visible(&self, number: u32) -> bool {
        let transaction = self.transactions.get(number);
        match transaction.outcome {
            Outcome::Committed => true,
            Outcome::Aborted => false,
            Outcome::Open | Outcome::Unknown => {
                transaction.seen_committed || transaction.audited > 0
            }
        }
    }

    /// What the audit found, and acknowledged tombstones, which may be gone.
    fn newest_of_keys(&mut self, facts: &impl Facts) -> NewestOfKeys {
        let mut newest = std::mem::take(&mut self.removals.newest);
        for (id, _, batch) in self.records.iter() {
            let Some(offset) = self.records.acknowledged_offset(id) else { continue };
            let committed = batch.transaction().is_none_or(|number| self.is_visible(number));
            if committed && facts.is_tombstone(id) && self.removals.is_compacted(batch.partition) {
                let known = newest.entry((batch.partition, facts.key(id))).or_default();
                known.end = known.end.max(offset + 1);
            }
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{COMMITTED, History, ORDERS, Table};
    use crate::checker::{Claim, Verdict};

    /// Records 0, 2, 4 and 1, 3, 5 have one key each; 7, 17, ... are tombstones of the second.
    fn judged(sent: &[(u32, u32)], found: &[(i64, &[u32])]) -> Verdict {
        let mut history = History::new();
        let mut at = 0;
        for &(from, to) in sent {
            history.send(from..to, None).acknowledge(from..to, at);
            at += i64::from(to - from);
        }
        history.recorder.compacted(0);
        history.audit(found);
        history.recorder.audit_removals(&Table);
        history.judge(Claim::NoAcknowledgedRecordLost).verdict
    }

    #[test]
    fn accepts_older_records_of_a_key_that_are_gone() {
        assert_eq!(judged(&[(0, 6)], &[(4, &[4, 5])]), Verdict::Pass);
    }

    #[test]
    fn rejects_a_key_whose_newest_record_is_gone() {
        assert_eq!(judged(&[(0, 6)], &[(3, &[3, 4])]), Verdict::Fail);
        assert_eq!(judged(&[(0, 6)], &[(5, &[5])]), Verdict::Fail, "of one key nothing is left");
    }

    #[test]
    fn accepts_a_tombstone_that_went_after_what_it_deletes() {
        assert_eq!(judged(&[(0, 2), (7, 8)], &[(0, &[0])]), Verdict::Pass);
        assert_eq!(judged(&[(0, 2), (7, 8)], &[(0, &[0, 1])]), Verdict::Fail, "it came back");
    }

    /// The effects of records 0 and 2 of a transaction nobody heard the end of, of which
    /// compaction left nothing, when those that a reader of committed records saw are polled.
    fn effects_of_an_unheard_end(polled: &[u32]) -> Verdict {
        let mut history = History::new();
        let ledger = history.recorder.ledger("stock", ORDERS);
        history.recorder.assigned(COMMITTED, 0, 0, 1);
        let unheard = history.begin();
        history.send(0..1, Some(unheard)).acknowledge(0..1, 0);
        history.send(2..3, Some(unheard)).acknowledge(2..3, 1);
        history.send(4..5, None).acknowledge(4..5, 3).poll(COMMITTED, 0, polled);
        for entity in [0, 2, 4] {
            history.recorder.effect_applied(ledger, entity, 70);
        }
        history.recorder.compacted(0);
        history.audit(&[(3, &[4])]).audit_log(1, &[]);
        history.recorder.audit_removals(&Table);
        history.judge(Claim::EffectsAppliedOnce).verdict
    }

    #[test]
    fn a_reader_of_committed_records_says_that_a_transaction_was_committed() {
        assert_eq!(effects_of_an_unheard_end(&[0, 2]), Verdict::Pass);
        assert_eq!(effects_of_an_unheard_end(&[]), Verdict::Fail, "it may have been aborted");
    }

    /// A reader that was given nothing of key 0 but one record, when the audit found all three.
    fn given_only(record: u32) -> [Verdict; 2] {
        let mut history = History::new();
        let ledger = history.recorder.ledger("stock", ORDERS);
        history.recorder.assigned(COMMITTED, 0, 0, 1);
        for (at, id) in [0, 2, 4].into_iter().enumerate() {
            history.send(id..id + 1, None).acknowledge(id..id + 1, at as i64);
        }
        history.poll(COMMITTED, i64::from(record / 2), &[record]);
        history.poll(COMMITTED, 3, &[]);
        history.recorder.effect_applied(ledger, record, 70);
        history.recorder.compacted(0);
        history.audit(&[(0, &[0, 2, 4])]).audit_log(1, &[]);
        history.recorder.audit_removals(&Table);
        [Claim::PollInOrder, Claim::EffectsAppliedOnce].map(|claim| history.judge(claim).verdict)
    }

    #[test]
    fn a_reader_need_not_be_given_what_compaction_may_have_taken_elsewhere() {
        assert_eq!(given_only(4), [Verdict::Pass; 2]);
        assert_eq!(given_only(2)[1], Verdict::Fail, "the newest of the key is missing");
    }

    /// Records 0, 2 and 1, 3, of one key each, in a transaction nobody heard the end of, of which
    /// this one was read, compaction left nothing, and the log has newer records of these keys.
    fn torn_by_compaction(read: Option<u32>, newer: &[u32]) -> Verdict {
        let mut history = History::new();
        history.recorder.assigned(COMMITTED, 0, 0, 1);
        let unheard = history.begin();
        history.send(0..4, Some(unheard)).acknowledge(0..4, 0);
        history.recorder.transaction_unknown(unheard, 50);
        history.send(4..6, None).acknowledge(4..6, 5);
        if let Some(record) = read {
            history.poll(COMMITTED, i64::from(record), &[record]);
        }
        history.recorder.compacted(0);
        history.audit(&[(5, newer)]).audit_log(1, &[]).audit_log(2, &[]);
        history.recorder.audit_removals(&Table);
        history.judge(Claim::NoTornTransaction).verdict
    }

    #[test]
    fn a_transaction_of_which_a_record_was_read_may_be_gone_where_it_was_not_read() {
        assert_eq!(torn_by_compaction(Some(0), &[4, 5]), Verdict::Pass);
        assert_eq!(torn_by_compaction(None, &[4, 5]), Verdict::Pass);
        assert_eq!(torn_by_compaction(Some(0), &[4]), Verdict::Fail, "of key 1 nothing is left");
    }

    /// Three records of one key, the last of which its producer never heard of, and what the audit
    /// finds of them.
    fn behind_one_of_unknown_fate(found: &[(i64, &[u32])]) -> Verdict {
        let mut history = History::new();
        history.send(0..1, None).acknowledge(0..1, 0);
        history.send(2..3, None).acknowledge(2..3, 1);
        history.send(4..5, None).give_up(4..5);
        history.recorder.compacted(0);
        history.audit(found);
        history.recorder.audit_removals(&Table);
        history.judge(Claim::NoAcknowledgedRecordLost).verdict
    }

    #[test]
    fn a_record_of_unknown_fate_that_is_there_takes_the_place_of_older_ones() {
        assert_eq!(behind_one_of_unknown_fate(&[(2, &[4])]), Verdict::Pass);
        assert_eq!(behind_one_of_unknown_fate(&[(0, &[0])]), Verdict::Fail);
    }

    #[test]
    fn retention_may_remove_what_a_reader_was_given() {
        let mut history = History::new();
        history.recorder.assigned(COMMITTED, 0, 0, 1);
        history.send(0..4, None).acknowledge(0..4, 0).poll(COMMITTED, 0, &[0, 1]);
        history.recorder.deleted_before(0, 2);
        history.audit(&[(2, &[2, 3])]);
        assert_eq!(history.judge(Claim::NoAcknowledgedRecordLost).verdict, Verdict::Pass);
        let mut history = History::new();
        history.recorder.assigned(COMMITTED, 0, 0, 1);
        history.send(0..4, None).acknowledge(0..4, 0).poll(COMMITTED, 0, &[0]);
        history.recorder.deleted_before(0, 2);
        history.audit(&[(2, &[2, 3])]);
        let finding = history.judge(Claim::NoAcknowledgedRecordLost);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert!(finding.evidence[0].text.contains("before anybody read it"), "{finding:?}");
    }
}
