//! The last stable offset is at or below the high watermark, does not fall while one leadership
//! lasts, and does not pass a transaction whose marker is not replicated.
//!
//! Source: KIP-98; KAFKA-9835 (reads above the high watermark). Only markers that a leader has
//! appended in its own leadership are looked at: one that it found in its log when it started may
//! be in a snapshot of producer states, from which Kafka does not learn that it is not replicated.

use broker_model::note::Note;
use broker_model::records::{Batches, Content, LogEntry};
use broker_model::types::{LeaderEpoch, NodeId, Offset};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};

#[derive(Clone, Debug, Default)]
struct Leadership {
    of: Option<(NodeId, LeaderEpoch)>,
    stable: Offset,
    /// Where transactions begin whose markers this leader has appended, and those markers.
    unreplicated: Vec<(Offset, Offset)>,
}

impl Leadership {
    /// A transaction that is told as ended, and whose marker is not replicated.
    fn ended_early(&mut self, high_watermark: Offset, stable: Offset) -> Option<(Offset, Offset)> {
        self.unreplicated.retain(|(_, marker)| *marker >= high_watermark);
        self.unreplicated.iter().find(|(began, _)| stable > *began).copied()
    }
}

/// Where the transaction begins that this marker ends, if it has records.
fn begin(batches: &Batches, entries: &[LogEntry], marker: LogEntry) -> Option<Offset> {
    let producer = batches.get(marker.batch).producer_id;
    let before = entries.partition_point(|entry| entry.base_offset < marker.base_offset);
    let own = entries[..before].iter().rev().filter_map(|entry| {
        let body = batches.get(entry.batch);
        (body.transactional && body.producer_id == producer).then_some((entry.base_offset, body))
    });
    let records = own.take_while(|(_, body)| !matches!(body.content, Content::Marker { .. }));
    records.last().map(|(offset, _)| offset)
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LastStableOffset {
    leaderships: ByPartition<Leadership>,
}

impl Invariant for LastStableOffset {
    fn name(&self) -> &'static str {
        "last-stable-offset"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark, Interest::Role, Interest::Transactional]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::BecameLeader { node, partition, leader_epoch, .. } => {
                let of = Some((node, leader_epoch));
                *self.leaderships.of(partition) = Leadership { of, ..Leadership::default() };
                None
            }
            Note::Appended { node, partition, entry, .. } => {
                let leadership = self.leaderships.of(partition);
                // Who has not heard of its successor writes what is cut.
                let leads = leadership.of == Some((node, entry.leader_epoch));
                let marker =
                    matches!(view.batches.get(entry.batch).content, Content::Marker { .. });
                if leads && marker {
                    let log = view.replica(node, partition)?.log();
                    let began = begin(view.batches, log.entries(), entry);
                    let ended = began.map(|began| (began, entry.base_offset));
                    leadership.unreplicated.extend(ended);
                }
                None
            }
            Note::HighWatermark {
                node,
                partition,
                leader_epoch,
                high_watermark,
                last_stable_offset: stable,
                leader,
            } => {
                if stable > high_watermark {
                    return Some(format!(
                        "last stable offset {stable} of partition {partition} on broker {node} \
                         is above its high watermark {high_watermark}",
                        partition = view.partition(partition)
                    ));
                }
                let leadership = self.leaderships.of(partition);
                if !leader || leadership.of != Some((node, leader_epoch)) {
                    return None;
                }
                if let Some((began, marker)) = leadership.ended_early(high_watermark, stable) {
                    return Some(format!(
                        "last stable offset {stable} of partition {partition} on broker {node} is \
                         above {began}, where a transaction begins whose marker at {marker} is \
                         not replicated, the high watermark being {high_watermark}",
                        partition = view.partition(partition)
                    ));
                }
                let before = std::mem::replace(&mut leadership.stable, stable);
                (stable < before).then(|| {
                    format!(
                        "last stable offset of partition {partition} fell from {before} to \
                         {stable} within leader epoch {leader_epoch}",
                        partition = view.partition(partition)
                    )
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

    use super::super::cleaning::tests::Bench;
    use super::super::tests::{leads, violations};
    use super::{LastStableOffset, Leadership, begin};

    fn moved(node: u32, epoch: i32, high_watermark: i64, stable: i64, leader: bool) -> Note {
        Note::HighWatermark {
            node: NodeId(node),
            partition: PartitionId(0),
            leader_epoch: LeaderEpoch(epoch),
            high_watermark: Offset(high_watermark),
            last_stable_offset: Offset(stable),
            leader,
        }
    }

    fn count(notes: &[Note]) -> usize {
        violations(&mut LastStableOffset::default(), &Batches::new(), notes)
    }

    #[test]
    fn rejects_stable_records_that_are_not_replicated() {
        assert_eq!(count(&[moved(1, 0, 5, 6, false)]), 1);
    }

    #[test]
    fn rejects_a_fall_within_a_leadership() {
        assert_eq!(count(&[leads(1, 0), moved(1, 0, 5, 5, true), moved(1, 0, 6, 4, true)]), 1);
    }

    #[test]
    fn a_transaction_begins_with_its_first_record_behind_the_marker_before() {
        let mut b = Bench::default();
        let older = [b.transactional(0, 1, 7), b.marker(1, 7, false)];
        let newer = [b.transactional(2, 1, 7), b.transactional(3, 1, 8), b.transactional(4, 1, 7)];
        let (marker, nothing) = (b.marker(5, 7, true), b.marker(6, 9, false));
        let log = [&older[..], &newer[..], &[marker, nothing]].concat();
        assert_eq!(begin(b.batches(), &log, marker), Some(Offset(2)));
        assert_eq!(begin(b.batches(), &log, nothing), None, "it has no records");
    }

    /// Whether a transaction from 0 on with its marker at 2 is told as ended too early.
    fn ended_early(high_watermark: i64, stable: i64) -> bool {
        let unreplicated = vec![(Offset(0), Offset(2))];
        let mut leadership = Leadership { unreplicated, ..Leadership::default() };
        leadership.ended_early(Offset(high_watermark), Offset(stable)).is_some()
    }

    #[test]
    fn rejects_a_transaction_that_ends_before_its_marker_is_replicated() {
        assert!(ended_early(2, 2) && ended_early(2, 1));
    }

    #[test]
    fn accepts_a_transaction_that_ends_with_its_marker_replicated() {
        assert!(!ended_early(2, 0) && !ended_early(3, 3));
    }

    #[test]
    fn accepts_a_new_leader_that_knows_less_and_a_follower_that_falls() {
        let notes = [
            leads(1, 0),
            moved(1, 0, 9, 9, true),
            leads(2, 1),
            moved(2, 1, 7, 6, true),
            moved(1, 1, 7, 6, false),
        ];
        assert_eq!(count(&notes), 0);
    }
}
