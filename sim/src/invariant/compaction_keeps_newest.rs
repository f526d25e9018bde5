//! A cleaning keeps the newest committed record of each key, and of what it keeps the order and
//! the offsets.
//!
//! Source: Kafka documentation, "Log Compaction", its guarantees; KAFKA-13194 (cleaned beyond the
//! high watermark). A tombstone may go, see `tombstones-stay`.

use std::collections::BTreeMap;

use broker_model::log::{Key, keyed};
use broker_model::note::Note;
use broker_model::records::RecordSource;
use broker_model::types::Offset;

use super::cleaning::Cleaning;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct CompactionKeepsNewest;

/// What is wrong with the order of what is left: an entry that was not there before.
fn stranger(cleaning: &Cleaning<'_>) -> Option<Offset> {
    let mut before = cleaning.before.iter();
    let origin = |batch| cleaning.batches.origin(batch);
    let of = |e: &broker_model::records::LogEntry| (e.base_offset, e.leader_epoch, origin(e.batch));
    // Both in order of the log: each is found behind the one before.
    let mut is_known = |e| before.any(|b| of(b) == of(e));
    cleaning.after.iter().find(|e| !is_known(*e)).map(|e| e.base_offset)
}

/// The first offset with the newest record of a key that is gone.
fn lost(cleaning: &Cleaning<'_>, records: &dyn RecordSource) -> Option<Offset> {
    let mut newest: BTreeMap<Key, (Offset, u32, usize, bool)> = BTreeMap::new();
    let aborted = cleaning.aborted();
    for (index, entry) in cleaning.before.iter().enumerate().filter(|(i, _)| !aborted[*i]) {
        for at in cleaning.batches.positions(entry.batch) {
            let Some((key, tombstone)) = keyed(cleaning.batches, records, entry.batch, at) else {
                continue;
            };
            newest.insert(key, (entry.base_offset + i64::from(at), at, index, tombstone));
        }
    }
    let is_lost = |&&(_, at, index, tombstone): &&(Offset, u32, usize, bool)| {
        let now = cleaning.now_at(cleaning.before[index].base_offset);
        !tombstone && now.is_none_or(|now| !cleaning.batches.keeps(now.batch, at))
    };
    newest.values().filter(is_lost).map(|found| found.0).min()
}

impl Invariant for CompactionKeepsNewest {
    fn name(&self) -> &'static str {
        "compaction-keeps-newest"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Compacted]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let (node, partition, _, cleaning) = Cleaning::of(view, note)?;
        if let Some(offset) = stranger(&cleaning) {
            return Some(format!(
                "broker {node} cleaned partition {partition}: what is left at {offset} was not \
                 there, or not in that order",
                partition = view.partition(partition)
            ));
        }
        let offset = lost(&cleaning, view.records?)?;
        Some(format!(
            "broker {node} cleaned partition {partition} and removed the newest record of a key, \
             at offset {offset}",
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cleaning::tests::{Bench, KEYS};
    use super::{lost, stranger};

    #[test]
    fn rejects_a_newest_record_that_is_gone_and_one_that_moved() {
        let mut b = Bench::default();
        let (a, other) = (b.keyed(0, 1), b.keyed(1, 2));
        assert_eq!(lost(&b.cleaning(&[a, other], &[a]), &KEYS), Some(other.base_offset));
        assert_eq!(lost(&b.cleaning(&[a, other], &[other]), &KEYS), Some(a.base_offset));
        assert!(stranger(&b.cleaning(&[a, other], &[other, a])).is_some());
        let moved = broker_model::records::LogEntry { base_offset: other.base_offset, ..a };
        assert!(stranger(&b.cleaning(&[a, other], &[moved])).is_some());
    }

    #[test]
    fn accepts_that_older_records_aborted_ones_and_tombstones_go() {
        let mut b = Bench::default();
        let (old, new) = (b.keyed(0, 1), b.keyed(1, 1));
        assert_eq!(lost(&b.cleaning(&[old, new], &[new]), &KEYS), None);
        assert_eq!(stranger(&b.cleaning(&[old, new], &[new])), None);
        let (aborted, marker) = (b.transactional(2, 1, 7), b.marker(3, 7, false));
        assert_eq!(lost(&b.cleaning(&[new, aborted, marker], &[new, marker]), &KEYS), None);
        let tombstone = b.tombstone(4, 1);
        assert_eq!(lost(&b.cleaning(&[new, tombstone], &[]), &KEYS), None);
    }
}
