//! A batch that a leader takes for one it has already is that one: the offset at which it is
//! acknowledged holds just the records that were sent.
//!
//! Source: KIP-98; a broker that takes new records for old ones acknowledges and drops them, as
//! clients that use a sequence twice have seen. What is appended is acknowledged where it is.

use broker_model::note::Note;

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct RepeatedIsTheSame;

impl Invariant for RepeatedIsTheSame {
    fn name(&self) -> &'static str {
        "repeated-is-the-same"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Repeated]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Repeated { node, partition, batch, base_offset } = *note else { return None };
        let entries = view.replica(node, partition)?.log().entries();
        // What retention or compaction took away nobody can compare.
        let index = entries.binary_search_by_key(&base_offset, |e| e.base_offset).ok()?;
        let kept = view.batches.origin(entries[index].batch);
        // The body may be another one, with another epoch or the leader's time: records tell.
        let (sent, kept) = (view.batches.records(batch), view.batches.records(kept));
        (sent != kept).then(|| {
            let (lost, first) = (sent.len(), sent.first().map_or(0, |record| record.0));
            format!(
                "broker {node} takes {lost} records from record {first} on for what partition \
                 {partition} has at offset {base_offset}, which is something else",
                partition = view.partition(partition)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::types::{BatchId, Offset};

    use super::super::living::Living;
    use super::super::{Invariant, View};
    use super::RepeatedIsTheSame;

    /// The leader answers `sent` as if it were at `base_offset`.
    fn is_wrong(living: &Living, sent: BatchId, base_offset: Offset) -> bool {
        let (node, partition) = (living.leader, living.partition);
        let note = Note::Repeated { node, partition, batch: sent, base_offset };
        let view: View<'_> = living.view();
        RepeatedIsTheSame.on_note(&view, &note).is_some()
    }

    #[test]
    fn rejects_other_records_and_accepts_the_same() {
        let living = Living::new();
        let view = living.view();
        let replica = view.replica(living.leader, living.partition).expect("it leads");
        let entries = replica.log().entries();
        let (first, second) = (entries[0], entries[1]);
        assert!(is_wrong(&living, second.batch, first.base_offset));
        assert!(!is_wrong(&living, first.batch, first.base_offset));
        assert!(!is_wrong(&living, second.batch, second.base_offset));
        assert!(!is_wrong(&living, first.batch, Offset(-1)), "it is not there to be compared");
    }
}
