//! Whoever rebuilds producer states from a cleaned log finds what was known before: of each
//! producer that the log knows, the last batch is there, though perhaps without records.
//!
//! What a marker was the last batch of does not count: of an emptied one Kafka takes nothing in.
//!
//! Source: KIP-98, KIP-360; KAFKA-5490, KAFKA-9144 (states forgotten with the batch).

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::types::{Offset, ProducerId};

use super::cleaning::Cleaning;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct CompactionKeepsProducers;

/// The first producer whose last batch is gone. `last` is where the log knows that to be.
fn forgotten(
    cleaning: &Cleaning<'_>,
    last: impl Fn(ProducerId) -> Option<Offset>,
) -> Option<(ProducerId, Offset)> {
    let mut batches: BTreeMap<ProducerId, Offset> = BTreeMap::new();
    for entry in cleaning.before {
        let body = cleaning.batches.get(entry.batch);
        if body.producer_id.is_some() && !body.control {
            batches.insert(body.producer_id, entry.base_offset);
        }
    }
    let mut live = batches.into_iter().filter(|&(id, at)| last(id) == Some(at));
    live.find(|&(_, at)| cleaning.now_at(at).is_none())
}

impl Invariant for CompactionKeepsProducers {
    fn name(&self) -> &'static str {
        "compaction-keeps-producers"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Compacted]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let (node, partition, log, cleaning) = Cleaning::of(view, note)?;
        let last = |id| Some(log.producer(id)?.kept().last()?.base_offset);
        let (id, offset) = forgotten(&cleaning, last)?;
        Some(format!(
            "broker {node} cleaned partition {partition} and removed the last batch of producer \
             {id}, at offset {offset}",
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Offset, ProducerId};

    use super::super::cleaning::tests::Bench;
    use super::forgotten;

    #[test]
    fn rejects_that_the_last_batch_of_a_known_producer_goes() {
        let mut b = Bench::default();
        let (first, last) = (b.transactional(0, 1, 7), b.transactional(1, 1, 7));
        let known = |_| Some(Offset(1));
        let found = forgotten(&b.cleaning(&[first, last], &[first]), known);
        assert_eq!(found, Some((ProducerId(7), Offset(1))));
    }

    #[test]
    fn accepts_that_an_earlier_one_goes_or_that_of_a_producer_who_is_forgotten() {
        let mut b = Bench::default();
        let (first, last) = (b.transactional(0, 1, 7), b.transactional(1, 1, 7));
        assert_eq!(forgotten(&b.cleaning(&[first, last], &[last]), |_| Some(Offset(1))), None);
        assert_eq!(forgotten(&b.cleaning(&[first, last], &[]), |_| None), None);
        assert_eq!(forgotten(&b.cleaning(&[first], &[]), |_| Some(Offset(9))), None);
    }
}
