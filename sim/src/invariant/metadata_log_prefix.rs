//! What is committed in the metadata log stays, and what every controller knows to be committed,
//! and every broker's metadata, is a prefix of it.
//!
//! Source: Raft's leader completeness and state machine safety; `MetadataLogMatchingProperty` of the
//! published TLA+ model of KIP-966.

use std::hash::{Hash, Hasher};

use broker_model::broker::Broker;
use broker_model::controller::Controller;
use broker_model::metadata::Image;
use broker_model::note::Note;
use broker_model::records::MetadataRecord;
use broker_model::types::NodeId;

use super::words::kind;
use super::{Interest, Invariant, View};
use crate::world::{Node, deciding, index_of};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct MetadataLogPrefix {
    truth: Truth,
}

/// Fingerprints of the committed records, as they were first known.
#[derive(Debug, Default)]
struct Truth {
    prints: Vec<u64>,
    /// How far each controller has been compared, by its place among them.
    compared: Vec<usize>,
}

impl Truth {
    /// The controller at a place knows `committed` records from `start` on; what came before is
    /// in its snapshot. Says at which offset they are others than were known before. A
    /// controller that starts again knows fewer, for a while.
    fn compare(
        &mut self,
        place: usize,
        start: usize,
        committed: &[MetadataRecord],
    ) -> Option<usize> {
        if self.compared.len() <= place {
            self.compared.resize(place + 1, 0);
        }
        let end = start + committed.len();
        let before = self.compared[place];
        let from = if before > end { start } else { before.max(start) };
        self.compared[place] = end;
        for (offset, record) in (start..).zip(committed).skip(from - start) {
            let print = fingerprint(record);
            match self.prints.get(offset) {
                Some(known) if *known != print => return Some(offset),
                Some(_) => {}
                None => self.prints.push(print),
            }
        }
        None
    }
}

/// FNV-1a, which is the same on every machine.
struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn fingerprint(record: &MetadataRecord) -> u64 {
    let mut hasher = Fingerprint(0xcbf2_9ce4_8422_2325);
    record.hash(&mut hasher);
    hasher.finish()
}

/// Whether an image shows a record that was just applied: the state that it tells of a partition,
/// or a later one.
fn shows(image: &Image, record: &MetadataRecord) -> bool {
    let MetadataRecord::Partition(told) = record else { return true };
    image.partition(told.partition).is_none_or(|known| {
        known.partition_epoch > told.partition_epoch
            // Mostly the very record of the log.
            || std::ptr::eq(known, told.as_ref())
            || (known.partition_epoch == told.partition_epoch && known == told.as_ref())
    })
}

impl MetadataLogPrefix {
    fn controller_knows(&mut self, view: &View<'_>, node: NodeId) -> Option<String> {
        let place = index_of(view.nodes, node)?;
        let controller = view.nodes[place].controller()?;
        let start = controller.quorum().log_start();
        let committed = controller.quorum().committed_from(start);
        let start = start as usize;
        let place = view.nodes.len() - 1 - place;
        self.truth.compare(place, start, committed).map(|offset| {
            format!(
                "controller {node} takes a record of kind {} for the committed record {offset}, \
                 which is another",
                kind(&committed[offset - start])
            )
        })
    }

    fn broker_applied(&self, view: &View<'_>, node: NodeId, range: (u64, u64)) -> Option<String> {
        let (from, end) = range;
        if end > self.truth.prints.len() as u64 {
            return Some(format!("broker {node} applies metadata up to {end}, not committed yet"));
        }
        let broker = view.node(node)?.broker()?;
        let controllers = view.nodes.iter().rev().map_while(Node::controller);
        // A log may begin behind what was applied: then that came as a snapshot.
        let first = |c: &Controller| from.max(c.quorum().log_start());
        let known = controllers.map(|c| (first(c), c.quorum().committed_from(first(c))));
        let (from, known) = known.max_by_key(|(_, records)| records.len())?;
        let records = known.iter().take(end.saturating_sub(from) as usize);
        let wrong = records.zip(from..).find(|(record, _)| !shows(broker.image(), record));
        wrong.map(|(record, offset)| {
            format!(
                "broker {node} has applied metadata {offset}, but not the record there, of kind {}",
                kind(record)
            )
        })
    }
}

impl Invariant for MetadataLogPrefix {
    fn name(&self) -> &'static str {
        "metadata-log-prefix"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::QuorumHighWatermark, Interest::MetadataApplied]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::QuorumHighWatermark { node, .. } => self.controller_knows(view, node),
            Note::MetadataApplied { node, from, end } => {
                self.broker_applied(view, node, (from, end))
            }
            _ => None,
        }
    }

    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        let image = deciding(view.nodes)?.image();
        let same = |broker: &Broker| broker.image().end() != image.end() || broker.image() == image;
        let brokers = view.nodes.iter().filter_map(Node::broker);
        let other = brokers.filter(|b| b.is_running()).find(|broker| !same(broker))?;
        Some(format!("broker {} has other metadata at {}", other.node(), image.end()))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::records::{MetadataRecord, PartitionRecord};
    use broker_model::types::{
        LeaderEpoch, NodeId, PartitionEpoch, PartitionId, ProducerId, TopicId,
    };

    use super::{Image, Truth, shows};

    fn records(values: &[i64]) -> Vec<MetadataRecord> {
        let record = |&n: &i64| MetadataRecord::ProducerIds { next: ProducerId(n) };
        values.iter().map(record).collect()
    }

    #[test]
    fn rejects_another_record_where_one_was_committed() {
        let mut truth = Truth::default();
        assert_eq!(truth.compare(0, 0, &records(&[1, 2, 3])), None);
        assert_eq!(truth.compare(1, 0, &records(&[1, 7])), Some(1));
    }

    #[test]
    fn accepts_controllers_that_know_less_and_one_that_starts_again() {
        let mut truth = Truth::default();
        assert_eq!(truth.compare(0, 0, &records(&[1, 2, 3])), None);
        assert_eq!(truth.compare(1, 0, &records(&[1])), None);
        assert_eq!(truth.compare(0, 0, &records(&[1, 2])), None, "after a restart");
        assert_eq!(truth.compare(0, 0, &records(&[1, 2, 3, 4])), None);
        assert_eq!(truth.prints.len(), 4);
    }

    #[test]
    fn rejects_a_broker_whose_partition_is_not_as_told() {
        let partition = |isr: &[u32], epoch| {
            let record = PartitionRecord {
                partition: PartitionId(0),
                topic: TopicId(0),
                index: 0,
                replicas: vec![NodeId(1), NodeId(2)],
                isr: isr.iter().map(|n| NodeId(*n)).collect(),
                eligible_leader_replicas: Vec::new(),
                last_known_elr: Vec::new(),
                leader: Some(NodeId(1)),
                leader_epoch: LeaderEpoch(0),
                partition_epoch: PartitionEpoch(epoch),
                recovering: false,
                adding: Vec::new(),
                removing: Vec::new(),
                directories: Vec::new(),
            };
            MetadataRecord::of_partition(record)
        };
        let mut image = Image::new();
        let topic = MetadataRecord::Topic {
            topic: TopicId(0),
            name: "t".to_owned(),
            internal: false,
            config: Vec::new(),
        };
        image.apply(0, &topic);
        image.apply(1, &partition(&[1, 2], 4));
        assert!(shows(&image, &partition(&[1, 2], 4)));
        assert!(shows(&image, &partition(&[1], 3)), "a later state replaced it");
        assert!(!shows(&image, &partition(&[1], 4)), "another history");
        assert!(!shows(&image, &partition(&[1], 5)), "it was not applied");
    }
}
