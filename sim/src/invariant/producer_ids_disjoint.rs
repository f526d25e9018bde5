//! No producer id is given to two brokers, or twice to one.
//!
//! Source: KIP-730; KAFKA-15552 (blocks that were given out again).

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::types::NodeId;

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ProducerIdsDisjoint {
    /// Blocks by their first id, with the first behind them and who has them.
    blocks: BTreeMap<i64, (i64, NodeId)>,
}

impl Invariant for ProducerIdsDisjoint {
    fn name(&self) -> &'static str {
        "producer-ids-disjoint"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::ProducerIds]
    }

    fn on_note(&mut self, _view: &View<'_>, note: &Note) -> Option<String> {
        let Note::ProducerIds { node, first, count } = *note else { return None };
        let (first, end) = (first.0, first.0 + i64::from(count));
        let below = self.blocks.range(..end).next_back();
        let other = below.filter(|(_, (behind, _))| *behind > first).map(|(_, (_, other))| *other);
        self.blocks.insert(first, (end, node));
        other.map(|other| {
            format!("broker {node} is given producer ids [{first}, {end}), and broker {other} has some of them")
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{NodeId, ProducerId};

    use super::super::tests::violations;
    use super::ProducerIdsDisjoint;

    fn count(blocks: &[(u32, i64, u32)]) -> usize {
        let given = |&(node, first, count): &_| {
            let (node, first) = (NodeId(node), ProducerId(first));
            Note::ProducerIds { node, first, count }
        };
        let notes: Vec<Note> = blocks.iter().map(given).collect();
        violations(&mut ProducerIdsDisjoint::default(), &Batches::new(), &notes)
    }

    #[test]
    fn rejects_blocks_that_overlap() {
        assert_eq!(count(&[(1, 0, 10), (2, 9, 10)]), 1, "one id");
        assert_eq!(count(&[(2, 9, 10), (1, 0, 10)]), 1, "from below");
        assert_eq!(count(&[(1, 0, 10), (1, 0, 10)]), 1, "the same broker");
        assert_eq!(count(&[(1, 0, 30), (2, 10, 10)]), 1, "within");
    }

    #[test]
    fn accepts_blocks_side_by_side_in_any_order() {
        assert_eq!(count(&[(1, 0, 10), (2, 10, 10), (3, 30, 10), (1, 20, 10)]), 0);
    }
}
