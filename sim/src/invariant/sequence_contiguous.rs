//! On a leader's log the sequences of a producer id and epoch follow each other without gap
//! or repetition, no older epoch follows a newer one, and the batches of an epoch stand in the
//! order in which their producer closed them, which their sequences do not show.
//!
//! After healing an idempotent producer goes on where its leader has it: what expired left no gap,
//! behind which everything would be refused.
//!
//! Source: KIP-98, KIP-360; KAFKA-6119, KAFKA-9600 (appends of a fenced epoch).

use broker_model::note::Note;
use broker_model::records::{Batch, Batches, Content, LogEntry};
use broker_model::types::{BatchId, LeaderEpoch, NodeId, Offset, PartitionId};
use broker_model::types::{ProducerEpoch, ProducerId};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};
use crate::client::producer::NextBatch;

/// The last batch of a producer.
#[derive(Clone, Copy, Debug)]
struct Last {
    producer: ProducerId,
    epoch: ProducerEpoch,
    /// -1 when a marker raised the epoch and nothing of it has come yet.
    sequence: i32,
    /// Where its records stand among all that were ever sent.
    closed: Option<u32>,
    base_offset: Offset,
    batch: BatchId,
    leader_epoch: LeaderEpoch,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SequenceContiguous {
    /// The producers of a partition, in order of id.
    producers: ByPartition<Vec<Last>>,
}

/// What is wrong with a batch after what came before it.
fn wrong(last: &Last, body: &Batch) -> Option<String> {
    if body.producer_epoch < last.epoch {
        return Some(format!("epoch {} after epoch {}", body.producer_epoch, last.epoch));
    }
    let next = if body.producer_epoch > last.epoch || last.sequence == i32::MAX {
        0
    } else {
        last.sequence + 1
    };
    (body.base_sequence != next)
        .then(|| format!("sequence {} where {next} was next", body.base_sequence))
}

/// Whether a batch was closed before the one before it, by its body and by its records. What a
/// service makes once more has older records. The parts of a batch that was split keep its place.
fn is_older(batches: &Batches, last: &Last, (body, batch): (&Batch, BatchId)) -> bool {
    let went_back = body.producer_epoch == last.epoch
        && closed(body).is_some_and(|now| last.closed.is_some_and(|before| now <= before));
    went_back && batches.records(batch).first() <= batches.records(last.batch).last()
}

/// Where a client's records stand among all that were ever sent; a batch that is sent again under
/// another sequence keeps its place.
const fn closed(body: &Batch) -> Option<u32> {
    match body.content {
        Content::Records { first } => Some(first),
        Content::Marker { .. } | Content::Group { .. } | Content::Transaction { .. } => None,
    }
}

/// Whether a leader of a later epoch has the producer's last batch, and not a second try of it
/// in its place; if not, the log was cut and what is known of the producer went with it.
fn survives(view: &View<'_>, node: NodeId, partition: PartitionId, last: &Last) -> bool {
    let Some(replica) = view.replica(node, partition) else { return false };
    let entries = replica.log().entries();
    entries.binary_search_by_key(&last.base_offset, |e| e.base_offset).is_ok_and(|index| {
        let entry = entries[index];
        (view.batches.origin(entry.batch), entry.leader_epoch) == (last.batch, last.leader_epoch)
    })
}

/// What a leader takes next of a producer of which it has this epoch and last sequence, if that is
/// not what comes. The first batch of a new epoch is always taken.
fn expected_instead((epoch, last): (ProducerEpoch, i32), next: &NextBatch) -> Option<i32> {
    let expected = if last == i32::MAX { 0 } else { last + 1 };
    (epoch == next.producer.epoch && expected != next.sequence).then_some(expected)
}

impl SequenceContiguous {
    fn appended(
        &mut self,
        view: &View<'_>,
        batches: &Batches,
        node: NodeId,
        partition: PartitionId,
        entry: LogEntry,
    ) -> Option<String> {
        let body = batches.get(entry.batch);
        let marker = matches!(body.content, Content::Marker { .. });
        if !body.producer_id.is_some() || body.base_sequence < 0 && !marker {
            return None;
        }
        let producers = self.producers.of(partition);
        let new = Last {
            producer: body.producer_id,
            epoch: body.producer_epoch,
            sequence: body.last_sequence(),
            closed: closed(body),
            base_offset: entry.base_offset,
            batch: entry.batch,
            leader_epoch: entry.leader_epoch,
        };
        let index = match producers.binary_search_by_key(&body.producer_id, |l| l.producer) {
            Ok(index) => index,
            Err(index) => {
                if !marker {
                    producers.insert(index, new);
                }
                return None;
            }
        };
        let last = producers[index];
        if entry.leader_epoch < last.leader_epoch {
            // A leader that has not heard of its successor writes what will be cut.
            return None;
        }
        let known =
            last.leader_epoch == entry.leader_epoch || survives(view, node, partition, &last);
        if marker {
            if body.producer_epoch > last.epoch {
                producers[index] = new;
            }
            return None;
        }
        producers[index] = new;
        if !known {
            return None;
        }
        let older = || {
            is_older(batches, &last, (body, entry.batch))
                .then(|| "records that were sent before those that are before them".to_owned())
        };
        let wrong = wrong(&last, body).or_else(older)?;
        Some(format!(
            "partition {partition} has at offset {} a batch of producer {} with {wrong}",
            entry.base_offset,
            body.producer_id,
            partition = view.partition(partition)
        ))
    }
}

impl Invariant for SequenceContiguous {
    fn name(&self) -> &'static str {
        "sequence-contiguous"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Appended]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { node, partition, entry, leader: true, .. } = *note else {
            return None;
        };
        self.appended(view, view.batches, node, partition, entry)
    }

    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        view.next_batches.iter().find_map(|next| {
            let leader = view.image()?.partition(next.partition)?.leader?;
            let known = view.replica(leader, next.partition)?.log().producer(next.producer.id)?;
            let expected = expected_instead((known.epoch, known.last_sequence()), next)?;
            Some(format!(
                "producer {} goes on with sequence {} on partition {}, where its leader has {expected} \
                 next",
                next.producer.id,
                next.sequence,
                view.partition(next.partition)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::protocol::txn::ProducerIdAndEpoch;
    use broker_model::records::{Batches, LogEntry, NewBatch};
    use broker_model::types::{
        CoordinatorEpoch, LeaderEpoch, NodeId, Offset, PartitionId, ProducerEpoch, ProducerId,
        RecordId, Timestamp,
    };

    use super::super::tests::violations;
    use super::{NextBatch, SequenceContiguous, expected_instead};

    /// Batches of producer 7 as (leader epoch, producer epoch, first sequence, records); no
    /// records is a marker.
    fn count(appends: &[(i32, i16, i32, usize)]) -> usize {
        let mut batches = Batches::new();
        let mut notes = Vec::new();
        let mut end = Offset(0);
        for &(leader_epoch, epoch, base_sequence, records) in appends {
            let (producer_id, producer_epoch) = (ProducerId(7), ProducerEpoch(epoch));
            let timestamp = Timestamp(0);
            let batch = if records == 0 {
                let by = CoordinatorEpoch(0);
                batches.push_marker(producer_id, producer_epoch, true, by, timestamp)
            } else {
                let new = NewBatch {
                    producer_id,
                    producer_epoch,
                    base_sequence,
                    ..NewBatch::plain(100, timestamp)
                };
                batches.push_records(new, &vec![RecordId(0); records])
            };
            let leader_epoch = LeaderEpoch(leader_epoch);
            let entry = LogEntry { base_offset: end, batch, leader_epoch };
            end += i64::from(batches.get(batch).count);
            let (node, partition) = (NodeId(leader_epoch.0 as u32), PartitionId(0));
            notes.push(Note::Appended { node, partition, entry, end, leader: true });
        }
        violations(&mut SequenceContiguous::default(), &batches, &notes)
    }

    #[test]
    fn rejects_gaps_repetitions_and_old_epochs() {
        assert_eq!(count(&[(0, 0, 0, 3), (0, 0, 4, 1)]), 1, "a gap");
        assert_eq!(count(&[(0, 0, 0, 3), (0, 0, 0, 3)]), 1, "a repetition");
        assert_eq!(count(&[(0, 1, 0, 3), (0, 0, 3, 1)]), 1, "a fenced epoch");
        assert_eq!(count(&[(0, 0, 0, 3), (0, 1, 3, 1)]), 1, "a new epoch begins at 0");
        assert_eq!(count(&[(0, 0, 0, 3), (0, 1, -1, 0), (0, 0, 3, 1)]), 1, "after its marker");
    }

    #[test]
    fn rejects_an_older_batch_with_a_fresh_sequence() {
        let mut batches = Batches::new();
        let new = NewBatch {
            producer_id: ProducerId(7),
            producer_epoch: ProducerEpoch(0),
            base_sequence: 0,
            ..NewBatch::plain(100, Timestamp(0))
        };
        let fresh = NewBatch { base_sequence: 1, ..new };
        let older = batches.push_records(new, &[RecordId(0)]);
        let newer = batches.push_records(new, &[RecordId(1)]);
        let (older_again, newer_again) =
            (batches.restamp(older, fresh), batches.restamp(newer, fresh));
        for (order, found) in [([newer, older_again], 1), ([older, newer_again], 0)] {
            let append = |(at, batch)| Note::Appended {
                node: NodeId(1),
                partition: PartitionId(0),
                entry: LogEntry { base_offset: Offset(at), batch, leader_epoch: LeaderEpoch(0) },
                end: Offset(at + 1),
                leader: true,
            };
            let notes: Vec<Note> = (0..).zip(order).map(append).collect();
            let mut invariant = SequenceContiguous::default();
            assert_eq!(violations(&mut invariant, &batches, &notes), found);
        }
    }

    #[test]
    fn accepts_a_wrap_a_new_epoch_and_a_retry_on_a_leader_without_the_first_try() {
        assert_eq!(count(&[(0, 0, i32::MAX - 1, 2), (0, 0, 0, 1)]), 0);
        assert_eq!(count(&[(0, 0, 0, 3), (0, 1, -1, 0), (0, 1, 0, 2)]), 0);
        assert_eq!(count(&[(0, 0, 0, 3), (0, 0, -1, 0), (0, 0, 3, 2)]), 0, "one epoch for two");
        assert_eq!(count(&[(0, 0, 0, 3), (1, 0, 0, 3)]), 0, "the first try was cut");
    }

    /// What a leader that has epoch 1 up to a sequence expects instead of the next one.
    fn instead(last: i32, epoch: i16, sequence: i32) -> Option<i32> {
        let producer = ProducerIdAndEpoch { id: ProducerId(7), epoch: ProducerEpoch(epoch) };
        let next = NextBatch { partition: PartitionId(0), producer, sequence };
        expected_instead((ProducerEpoch(1), last), &next)
    }

    #[test]
    fn rejects_a_producer_that_goes_on_behind_a_gap() {
        assert_eq!(instead(4, 1, 7), Some(5), "what expired was never written");
        assert_eq!(instead(-1, 1, 2), Some(0));
        assert_eq!(instead(4, 1, 3), Some(5), "what is there would come again");
    }

    #[test]
    fn accepts_what_comes_next_and_a_new_epoch() {
        assert_eq!(instead(4, 1, 5), None);
        assert_eq!(instead(i32::MAX, 1, 0), None);
        assert_eq!(instead(4, 2, 0), None, "the gap ended with its epoch");
    }
}
