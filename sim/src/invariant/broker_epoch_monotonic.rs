//! A broker's epoch rises with every registration of a new process.
//!
//! Source: KIP-380, KIP-903.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::types::{BrokerEpoch, NodeId};

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct BrokerEpochMonotonic {
    /// The latest epoch of each broker.
    latest: BTreeMap<NodeId, BrokerEpoch>,
}

impl Invariant for BrokerEpochMonotonic {
    fn name(&self) -> &'static str {
        "broker-epoch-monotonic"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::BrokerRegistered]
    }

    fn on_note(&mut self, _view: &View<'_>, note: &Note) -> Option<String> {
        let Note::BrokerRegistered { node, epoch, incarnation } = *note else { return None };
        let old = self.latest.insert(node, epoch)?;
        (epoch <= old).then(|| {
            format!("incarnation {incarnation} of broker {node} has epoch {epoch}, after {old}")
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{BrokerEpoch, NodeId};

    use super::super::tests::violations;
    use super::BrokerEpochMonotonic;

    fn registered(node: u32, epoch: i64) -> Note {
        Note::BrokerRegistered { node: NodeId(node), epoch: BrokerEpoch(epoch), incarnation: 1 }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut BrokerEpochMonotonic::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_an_epoch_that_stays_or_falls() {
        assert_eq!(count(&[registered(1, 7), registered(1, 7)]), 1);
        assert_eq!(count(&[registered(1, 7), registered(1, 6)]), 1);
    }

    #[test]
    fn accepts_another_broker_below() {
        assert_eq!(count(&[registered(1, 7), registered(2, 4), registered(1, 9)]), 0);
    }
}
