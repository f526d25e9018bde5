//! A batch that a leader takes for one it has already is that one: the offset at which it is
//! acknowledged holds just the records that were sent.
//!
//! Source: KIP-98; a broker that takes new records for old ones acknowledges and drops them, as
//! clients that use a sequence twice have seen. What is appended is acknowledged where it is.
//!
//! Within a transaction it is wrong when that is committed. The Java producer gives the batches behind
//! one that failed the sequences before theirs (`adjustSequencesDueToFailedBatch` of its
//! `TransactionManager`), though the failed one may be in the log; then it can only abort.

use broker_model::note::Note;
use broker_model::records::Content;
use broker_model::types::{PartitionId, ProducerId};

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct RepeatedIsTheSame {
    /// What was taken for something else within transactions that are open.
    open: Vec<(PartitionId, ProducerId, String)>,
}

impl RepeatedIsTheSame {
    /// The transaction of a producer has ended on a partition: tells what was wrong in it, if that
    /// counts.
    fn ended(
        &mut self,
        partition: PartitionId,
        producer: ProducerId,
        commit: bool,
    ) -> Option<String> {
        let ends =
            |one: &(PartitionId, ProducerId, String)| (one.0, one.1) == (partition, producer);
        let first = self.open.iter().find(|one| ends(one)).map(|one| one.2.clone());
        self.open.retain(|one| !ends(one));
        first.filter(|_| commit)
    }
}

impl Invariant for RepeatedIsTheSame {
    fn name(&self) -> &'static str {
        "repeated-is-the-same"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Repeated, Interest::Transactional]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::Repeated { partition, batch, .. } => {
                let wrong = is_another(view, note)?;
                let body = view.batches.get(batch);
                if body.transactional {
                    self.open.push((partition, body.producer_id, wrong));
                    return None;
                }
                Some(wrong)
            }
            Note::Appended { partition, entry, .. } if !self.open.is_empty() => {
                let body = view.batches.get(entry.batch);
                let Content::Marker { commit, .. } = body.content else { return None };
                self.ended(partition, body.producer_id, commit)
            }
            _ => None,
        }
    }
}

/// Says how what was sent differs from what the log has in its place, if it does.
fn is_another(view: &View<'_>, note: &Note) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::types::{BatchId, Offset, PartitionId, ProducerId};

    use super::super::living::Living;
    use super::super::{Invariant, View};
    use super::RepeatedIsTheSame;

    /// The leader answers `sent` as if it were at `base_offset`.
    fn is_wrong(living: &Living, sent: BatchId, base_offset: Offset) -> bool {
        let (node, partition) = (living.leader, living.partition);
        let note = Note::Repeated { node, partition, batch: sent, base_offset };
        let view: View<'_> = living.view();
        RepeatedIsTheSame::default().on_note(&view, &note).is_some()
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

    #[test]
    fn within_a_transaction_it_is_wrong_when_that_is_committed() {
        let ended = |partition, producer, commit| {
            let wrong = (PartitionId(1), ProducerId(7), "another".to_owned());
            let mut invariant = RepeatedIsTheSame { open: vec![wrong] };
            let said = invariant.ended(PartitionId(partition), ProducerId(producer), commit);
            (said.is_some(), invariant.open.len())
        };
        assert_eq!(ended(1, 7, true), (true, 0));
        assert_eq!(ended(1, 7, false), (false, 0), "nobody is given any of it");
        assert_eq!(ended(2, 7, true), (false, 1), "it may end otherwise there");
        assert_eq!(ended(1, 8, true), (false, 1));
    }
}
