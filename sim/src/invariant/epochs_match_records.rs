//! The leader epochs of a log are those of its records.
//!
//! Source: KIP-101, KIP-279; KAFKA-7415, KAFKA-10432 (an epoch cache that was not cut, or not
//! rebuilt, parts logs later). Records that came back below a log start offset that was
//! forgotten have no epoch in the cache, as with Kafka, which cuts the cache of a log whose start
//! moved and does not put back what it cut (`LogLoader`, `LogSegment.recover`): what a leader
//! deleted is not looked at.

use broker_model::log::LeaderEpochs;
use broker_model::note::Note;
use broker_model::records::LogEntry;
use broker_model::types::{NodeId, Offset, PartitionId};

use super::committed::Committed;
use super::words::listed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct EpochsMatchRecords;

/// Where records and cache part, among these entries.
fn differs(cache: &LeaderEpochs, entries: &[LogEntry], log_end: Offset) -> Option<Offset> {
    let start = cache.starts().last().map(|&(_, start)| start);
    if let Some(behind) = start.filter(|&start| start > log_end) {
        return Some(behind);
    }
    if let (None, Some(first)) = (start, entries.first()) {
        return Some(first.base_offset);
    }
    let wrong =
        |e: &&LogEntry| cache.epoch_at(e.base_offset).is_some_and(|epoch| epoch != e.leader_epoch);
    entries.iter().find(wrong).map(|e| e.base_offset)
}

fn look(view: &View<'_>, node: NodeId, partition: PartitionId, whole: bool) -> Option<String> {
    let log = view.replica(node, partition)?.log();
    let entries = log.entries();
    let deleted = view.committed(partition).map_or(Offset(0), Committed::deleted);
    let start = log.log_start_offset().max(deleted);
    let first = entries.partition_point(|e| e.base_offset < start);
    let from = if whole { first } else { first.max(entries.len().saturating_sub(1)) };
    let at = differs(log.leader_epochs(), &entries[from..], log.log_end_offset())?;
    let epochs = log.leader_epochs().starts();
    Some(format!(
        "the leader epochs of partition {partition} on broker {node} are not those of its records \
         at offset {at}: {}",
        listed(epochs.iter().map(|(epoch, start)| format!("{epoch} from {start}"))),
        partition = view.partition(partition)
    ))
}

impl Invariant for EpochsMatchRecords {
    fn name(&self) -> &'static str {
        "epochs-match-records"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Truncated, Interest::Role]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::Truncated { node, partition, .. }
            | Note::BecameLeader { node, partition, .. }
            | Note::BecameFollower { node, partition, .. } => look(view, node, partition, false),
            _ => None,
        }
    }

    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        let brokers = view.nodes.iter().filter_map(|node| Some((node.id, node.broker()?)));
        brokers
            .flat_map(|(id, broker)| broker.replicas().map(move |(partition, _)| (id, partition)))
            .find_map(|(id, partition)| look(view, id, partition, true))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::log::LeaderEpochs;
    use broker_model::records::LogEntry;
    use broker_model::types::{BatchId, LeaderEpoch, Offset};

    use super::differs;

    fn log(epochs: &[(i32, i64)], records: &[(i64, i32)], end: i64) -> Option<i64> {
        let mut cache = LeaderEpochs::default();
        for &(epoch, start) in epochs {
            cache.assign(LeaderEpoch(epoch), Offset(start));
        }
        let entry = |&(base, epoch): &(i64, i32)| LogEntry {
            base_offset: Offset(base),
            batch: BatchId(0),
            leader_epoch: LeaderEpoch(epoch),
        };
        let entries: Vec<LogEntry> = records.iter().map(entry).collect();
        differs(&cache, &entries, Offset(end)).map(|offset| offset.0)
    }

    #[test]
    fn rejects_an_epoch_behind_the_end_and_one_that_no_record_has() {
        assert_eq!(log(&[(0, 0), (3, 9)], &[(0, 0), (4, 0)], 6), Some(9));
        assert_eq!(log(&[(0, 0), (3, 4)], &[(0, 0), (4, 2)], 6), Some(4));
        assert_eq!(log(&[], &[(0, 0), (4, 0)], 6), Some(0), "records without any");
    }

    #[test]
    fn accepts_an_epoch_that_begins_at_the_end_and_records_before_the_first() {
        assert_eq!(log(&[(0, 0), (3, 6)], &[(0, 0), (4, 0)], 6), None);
        assert_eq!(log(&[(2, 5)], &[(0, 1), (5, 2)], 6), None);
    }
}
