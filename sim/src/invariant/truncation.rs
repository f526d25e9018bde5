//! A cut never takes a committed record away, seen at the cut.
//!
//! Source: KAFKA-12460, KAFKA-18991. The first record that is cut decides: if it is another
//! one than what is committed at its offset, so are all behind it.

use broker_model::note::Note;

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct TruncationKeepsCommitted;

impl Invariant for TruncationKeepsCommitted {
    fn name(&self) -> &'static str {
        "truncation-keeps-committed"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Truncated]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Truncated { node, partition, end, from, epoch: Some(epoch) } = *note else {
            return None;
        };
        let committed = view.committed(partition)?;
        (committed.epoch_at(end) == Some(epoch)).then(|| {
            format!(
                "broker {node} cut partition {partition} from {from} to {end}, and with it \
                 records that are committed up to {}",
                committed.end(),
                partition = view.partition(partition)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::log::LeaderEpochs;
    use broker_model::types::{LeaderEpoch, Offset};

    use super::super::committed::Committed;

    fn epoch_at(offset: i64) -> Option<i32> {
        let mut cache = LeaderEpochs::default();
        cache.assign(LeaderEpoch(0), Offset(0));
        cache.assign(LeaderEpoch(2), Offset(10));
        let mut committed = Committed::default();
        committed.commit(&cache, Offset(15));
        committed.epoch_at(Offset(offset)).map(|epoch| epoch.0)
    }

    #[test]
    fn rejects_a_cut_at_a_committed_record_of_the_same_epoch() {
        assert_eq!(epoch_at(9), Some(0));
        assert_eq!(epoch_at(10), Some(2));
        assert_eq!(epoch_at(14), Some(2));
    }

    #[test]
    fn accepts_a_cut_behind_what_is_committed_and_one_of_foreign_records() {
        assert_eq!(epoch_at(15), None);
        assert_ne!(epoch_at(12), Some(1), "a record of epoch 1 there was never committed");
    }
}
