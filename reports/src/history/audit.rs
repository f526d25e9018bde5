//! The final audit: what one complete read_committed read from the beginning returns.

use super::record_state::{Batch, RecordState, Walk};
use super::recorder::Recorder;
use super::send::Ids;
use super::topology::Session;

/// What the audit asks of a record; the caller's record table answers.
pub trait Facts {
    /// A dense number of its key within the run; equal numbers are equal keys.
    fn key(&self, record: u32) -> u32;
    /// The business entity it belongs to, dense.
    fn entity(&self, record: u32) -> u32;
    /// Whether its value is null, which deletes its key from a compacted topic.
    fn is_tombstone(&self, _record: u32) -> bool {
        false
    }
}

/// What the records of one sent batch have in common, and how many of them were found.
#[derive(Clone, Copy)]
struct Shared {
    batch: Batch,
    session: Session,
    misplaced: bool,
    audited: u32,
    audited_acknowledged: u32,
}

impl Recorder {
    /// The audit turns to a partition, for the first time or again. Audit the topics that others
    /// derive from first; turning between the partitions of a topic every few thousand records
    /// finds the tables of neighboring records in the cache.
    pub fn audit_partition(&mut self, partition: u32) {
        self.digest.word(24 << 56 | u64::from(partition));
        self.audited.turn_to(partition);
        self.partition_order.turn_to(partition);
    }

    /// Records of the partition that the audit turned to last, at contiguous offsets, in log order.
    /// Markers and records of transactions that were aborted or are open are not part of it.
    pub fn audit(&mut self, base_offset: i64, ids: impl Ids, facts: &impl Facts) {
        self.digest.word(base_offset.cast_unsigned());
        self.digest.ids(ids.clone());
        let partition = self.audited.current();
        self.audited.visible(base_offset, ids.len());
        let topic = self.topology.partition(partition).map_or(u32::MAX, |home| home.topic);
        let keys = self.key_order.watches(topic);
        let (effects, ends) = (self.effects.watches(topic), self.terminals.watches(topic));
        let rows = self.rows.watches(topic);
        let compacted = self.removals.is_compacted(partition);
        let mut entities = std::mem::take(&mut self.audited_entities);
        entities.clear();
        let (mut walk, mut shared) = (Walk::default(), None::<Shared>);
        for (offset, id) in (base_offset..).zip(ids) {
            let Some(before) = self.records.set(id, RecordState::AUDITED) else {
                self.invented.audited(id, partition, offset);
                continue;
            };
            if compacted {
                self.removals.found(partition, facts.key(id), offset);
            }
            let mut of = match (self.records.next_batch(id, &mut walk), shared) {
                (None, Some(shared)) => shared,
                (Some(index), before) => self.share(before, index, partition),
                (None, None) => unreachable!("a walk begins with a batch"),
            };
            if before.any(RecordState::AUDITED) {
                let resent = before.any(RecordState::RENUMBERED);
                if resent {
                    self.resent_entities.insert(facts.entity(id));
                }
                self.duplicates.found(id, partition, offset, of.session.idempotent, resent);
                shared = Some(of);
                continue;
            }
            let acknowledged = before.any(RecordState::ACKNOWLEDGED);
            if before.any(RecordState::FAILED) && !acknowledged {
                self.invented.failed_but_there(id, partition, offset);
            }
            if of.misplaced {
                self.invented.in_other_log(id, partition, offset, of.batch.partition);
            }
            of.audited += 1;
            of.audited_acknowledged += u32::from(acknowledged);
            shared = Some(of);
            let (session, ordinal) = (of.batch.session, self.records.ordinal(id));
            let known_open = || {
                let before = self.skipped_before.get(&(partition, session));
                before.is_some_and(|&before| ordinal < before)
            };
            let promised = of.session.ordered;
            self.partition_order.found((id, offset), (session, ordinal), promised, known_open);
            if keys {
                self.key_order.found(topic, id, (partition, offset), (session, ordinal), facts);
            }
            if effects || ends || rows {
                entities.push((facts.entity(id), offset));
            }
        }
        if let Some(shared) = shared {
            self.count(&shared);
        }
        if effects {
            self.effects.expected(topic, &entities);
        }
        if rows {
            self.rows.found(topic, &entities);
        }
        if ends {
            self.terminals.found(topic, &entities);
        }
        self.audited_entities = entities;
    }

    /// Looks up what the records of a batch share, after counting what was found of the one
    /// before.
    fn share(&mut self, before: Option<Shared>, index: u32, partition: u32) -> Shared {
        if let Some(before) = before {
            self.count(&before);
        }
        let batch = *self.records.batch_at(index);
        let session = self.topology.session_of(batch.session);
        let misplaced = batch.partition != partition;
        Shared { batch, session, misplaced, audited: 0, audited_acknowledged: 0 }
    }

    fn count(&mut self, shared: &Shared) {
        if let Some(number) = shared.batch.transaction() {
            let transaction = self.transactions.get_mut(number);
            transaction.audited += shared.audited;
            transaction.audited_acknowledged += shared.audited_acknowledged;
        }
    }
}
