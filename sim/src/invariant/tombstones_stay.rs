//! A tombstone stays until every older record of its key is gone, a transaction's marker until
//! every record of the transaction is, and both until their time is over.
//!
//! Source: Kafka documentation, "Log Compaction" (`delete.retention.ms`); KIP-534; KAFKA-4529,
//! KAFKA-14055.

use std::collections::BTreeMap;

use broker_model::log::{Key, keyed};
use broker_model::note::Note;
use broker_model::records::{LogEntry, RecordSource};
use broker_model::types::{Offset, ProducerId, Timestamp};

use super::cleaning::Cleaning;
use super::{Interest, Invariant, View};
use crate::plan::wall_at;

/// See the module.
#[derive(Debug)]
pub(super) struct TombstonesStay;

/// Whether the time of what may go from a batch is over.
fn is_over(cleaning: &Cleaning<'_>, entry: &LogEntry, wall: Timestamp) -> bool {
    let horizon =
        cleaning.batches.cleaned(entry.batch).map_or(Timestamp::NONE, |c| c.delete_horizon);
    horizon != Timestamp::NONE && horizon <= wall
}

/// The first tombstone, newest of its key, that went too early.
fn tombstone(
    cleaning: &Cleaning<'_>,
    records: &dyn RecordSource,
    wall: Timestamp,
) -> Option<Offset> {
    let aborted = cleaning.aborted();
    // Of each key: the newest record before, and whether any is left.
    let mut keys: BTreeMap<Key, (usize, u32, bool, bool)> = BTreeMap::new();
    for (index, entry) in cleaning.before.iter().enumerate().filter(|(i, _)| !aborted[*i]) {
        for at in cleaning.batches.positions(entry.batch) {
            if let Some((key, dead)) = keyed(cleaning.batches, records, entry.batch, at) {
                let now = cleaning.now_at(entry.base_offset);
                let stays = now.is_some_and(|now| cleaning.batches.keeps(now.batch, at));
                let known = keys.entry(key).or_insert((index, at, dead, false));
                *known = (index, at, dead, known.3 || stays);
            }
        }
    }
    let went = keys.values().filter(|&&(index, at, dead, left)| {
        let entry = &cleaning.before[index];
        let now = cleaning.now_at(entry.base_offset);
        let gone = now.is_none_or(|now| !cleaning.batches.keeps(now.batch, at));
        dead && gone && (left || !is_over(cleaning, entry, wall))
    });
    went.map(|&(index, at, ..)| cleaning.before[index].base_offset + i64::from(at)).min()
}

/// The first marker that went too early.
fn marker(cleaning: &Cleaning<'_>, wall: Timestamp) -> Option<Offset> {
    // Producers with records, since their last marker, that are left.
    let mut open: BTreeMap<ProducerId, bool> = BTreeMap::new();
    for entry in cleaning.before {
        let body = cleaning.batches.get(entry.batch);
        let now = cleaning.now_at(entry.base_offset);
        let stays = now.is_some_and(|now| !cleaning.batches.is_emptied(now.batch));
        if !body.control {
            if body.transactional && stays {
                open.insert(body.producer_id, true);
            }
            continue;
        }
        let records_left = open.remove(&body.producer_id).unwrap_or(false);
        let went = !stays && !cleaning.batches.is_emptied(entry.batch);
        if went && (records_left || !is_over(cleaning, entry, wall)) {
            return Some(entry.base_offset);
        }
    }
    None
}

impl Invariant for TombstonesStay {
    fn name(&self) -> &'static str {
        "tombstones-stay"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Compacted]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let (node, partition, _, cleaning) = Cleaning::of(view, note)?;
        let wall = wall_at(view.now);
        let (what, offset) = match marker(&cleaning, wall) {
            Some(offset) => ("marker", offset),
            None => ("tombstone", tombstone(&cleaning, view.records?, wall)?),
        };
        Some(format!(
            "broker {node} cleaned partition {partition} and removed the {what} at offset {offset} \
             before its time",
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::Timestamp;

    use super::super::cleaning::tests::{Bench, KEYS};
    use super::{marker, tombstone};

    const NOW: Timestamp = Timestamp(100);

    #[test]
    fn rejects_what_goes_before_its_time_or_before_what_it_shadows() {
        let mut b = Bench::default();
        let (old, dead) = (b.keyed(0, 1), b.tombstone(1, 1));
        assert!(tombstone(&b.cleaning(&[old, dead], &[]), &KEYS, NOW).is_some(), "no time yet");
        let late = b.with_horizon(dead, 101);
        assert!(tombstone(&b.cleaning(&[late], &[]), &KEYS, NOW).is_some(), "not yet");
        let over = b.with_horizon(dead, 100);
        assert!(tombstone(&b.cleaning(&[old, over], &[old]), &KEYS, NOW).is_some());
        let (data, end) = (b.transactional(2, 5, 7), b.marker(3, 7, true));
        assert!(marker(&b.cleaning(&[data, end], &[data]), NOW).is_some());
        let end = b.with_horizon(end, 100);
        assert!(marker(&b.cleaning(&[data, end], &[data]), NOW).is_some());
    }

    #[test]
    fn accepts_what_goes_in_its_time_or_was_replaced() {
        let mut b = Bench::default();
        let (dead, newer) = (b.tombstone(1, 1), b.keyed(2, 1));
        assert_eq!(tombstone(&b.cleaning(&[dead, newer], &[newer]), &KEYS, NOW), None);
        let over = b.with_horizon(dead, 100);
        assert_eq!(tombstone(&b.cleaning(&[over], &[]), &KEYS, NOW), None);
        let end = b.marker(3, 7, true);
        let end = b.with_horizon(end, 100);
        assert_eq!(marker(&b.cleaning(&[end], &[]), NOW), None);
    }
}
