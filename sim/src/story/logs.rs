//! What every replica has, as the notes tell it: a story says what was lost with a cut.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::note::Note;
use broker_model::records::LogEntry;
use broker_model::types::{BatchId, NodeId, Offset, PartitionId};

use crate::world::{Heard, Party};

/// A batch on a log: where it is, and the first offset behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) entry: LogEntry,
    pub(super) end: Offset,
}

/// The replicas of the partitions that a story is about.
#[derive(Default, Debug)]
pub(super) struct Logs {
    replicas: BTreeMap<(PartitionId, NodeId), Vec<Placed>>,
    acknowledged: BTreeSet<(PartitionId, BatchId)>,
}

/// What went with the end of a log.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Cut {
    /// Batches that went.
    pub(super) batches: Vec<BatchId>,
    /// How many offsets.
    pub(super) count: i64,
    /// How many of them were acknowledged to a client.
    pub(super) acknowledged: i64,
    /// How many are on no other log now.
    pub(super) nowhere: i64,
    /// Batches that are on no other log now, and were acknowledged.
    pub(super) lost: Vec<BatchId>,
}

impl Logs {
    /// Follows what happened. What went from the end of a log is told.
    pub(super) fn hear(&mut self, heard: &Heard) -> Vec<(PartitionId, NodeId, Cut)> {
        match heard {
            Heard::Note(Note::Appended { node, partition, entry, end, .. }) => {
                let cut = self.cut(*partition, *node, entry.base_offset);
                let placed = Placed { entry: *entry, end: *end };
                self.replicas.entry((*partition, *node)).or_default().push(placed);
                // A new disk is empty without a word.
                cut.into_iter().collect()
            }
            Heard::Note(
                Note::Truncated { node, partition, end, .. }
                | Note::CorruptTail { node, partition, end, .. },
            ) => self.cut(*partition, *node, *end).into_iter().collect(),
            Heard::Note(Note::Acknowledged { node, partition, base_offset, end }) => {
                let log = self.replicas.get(&(*partition, *node)).into_iter().flatten();
                let within =
                    log.filter(|one| one.entry.base_offset >= *base_offset && one.end <= *end);
                self.acknowledged.extend(within.map(|one| (*partition, one.entry.batch)));
                Vec::new()
            }
            Heard::Stopped { node: Party::Broker(node), lost, .. } => {
                let cuts = lost.iter().filter_map(|&(p, end, _)| self.cut(p, *node, end));
                cuts.collect()
            }
            Heard::Started(Party::Broker(node), ends) => {
                let known = self.replicas.keys().filter(|(_, of)| of == node);
                let known: Vec<PartitionId> = known.map(|(partition, _)| *partition).collect();
                let end = |partition| {
                    let found = ends.iter().find(|(of, _)| *of == partition);
                    found.map_or(Offset(0), |(_, end)| *end)
                };
                known.into_iter().filter_map(|p| self.cut(p, *node, end(p))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn cut(
        &mut self,
        partition: PartitionId,
        node: NodeId,
        end: Offset,
    ) -> Option<(PartitionId, NodeId, Cut)> {
        let log = self.replicas.get_mut(&(partition, node))?;
        let keep = log.partition_point(|one| one.end <= end);
        let gone = log.split_off(keep);
        if gone.is_empty() {
            return None;
        }
        let mut cut = Cut::default();
        for one in gone {
            let count = one.end - one.entry.base_offset;
            let batch = one.entry.batch;
            cut.batches.push(batch);
            cut.count += count;
            let acknowledged = self.is_acknowledged(partition, batch);
            if acknowledged {
                cut.acknowledged += count;
            }
            if self.holders(partition, batch).is_empty() {
                cut.nowhere += count;
                if acknowledged {
                    cut.lost.push(batch);
                }
            }
        }
        Some((partition, node, cut))
    }

    /// The brokers that have a batch.
    pub(super) fn holders(&self, partition: PartitionId, batch: BatchId) -> Vec<NodeId> {
        let logs = self.of(partition);
        let has = |log: &[Placed]| log.iter().any(|one| one.entry.batch == batch);
        logs.filter(|(_, log)| has(log)).map(|(node, _)| node).collect()
    }

    /// The brokers that have all of these batches.
    pub(super) fn holders_of_all(
        &self,
        partition: PartitionId,
        batches: &[BatchId],
    ) -> Vec<NodeId> {
        let all = self.of(partition).map(|(node, _)| node);
        let has_all = |node: &NodeId| {
            batches.iter().all(|batch| self.holders(partition, *batch).contains(node))
        };
        all.filter(has_all).collect()
    }

    /// The logs of a partition by broker.
    pub(super) fn of(&self, partition: PartitionId) -> impl Iterator<Item = (NodeId, &[Placed])> {
        let logs = self.replicas.iter().filter(move |((of, _), _)| *of == partition);
        logs.map(|((_, node), log)| (*node, &log[..]))
    }

    /// The log end offset of a replica.
    pub(super) fn end(&self, partition: PartitionId, node: NodeId) -> Offset {
        let log = self.replicas.get(&(partition, node));
        log.and_then(|log| log.last()).map_or(Offset(0), |one| one.end)
    }

    /// What a log has at an offset.
    pub(super) fn at(
        &self,
        partition: PartitionId,
        node: NodeId,
        offset: Offset,
    ) -> Option<Placed> {
        let log = self.replicas.get(&(partition, node))?;
        let one = log.iter().find(|one| one.entry.base_offset <= offset && offset < one.end)?;
        Some(*one)
    }

    /// Whether a batch was acknowledged to whoever sent it.
    pub(super) fn is_acknowledged(&self, partition: PartitionId, batch: BatchId) -> bool {
        self.acknowledged.contains(&(partition, batch))
    }
}
