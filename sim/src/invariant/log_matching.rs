//! Two replicas hold the same batches below both their high watermarks.
//!
//! Source: Raft's log matching; `LogMatchingProperty` of the published TLA+ model of KIP-966; KIP-101, KIP-279 (logs that parted and were read on);
//! KAFKA-18991, KAFKA-10527.
//!
//! The logs of the run are compared as they are, so that no copy is kept: each replica is
//! compared with the last leader that moved its high watermark, from where the previous
//! comparison ended.

use broker_model::note::Note;
use broker_model::partition::Replica;
use broker_model::records::{Batches, LogEntry};
use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};

/// What of a replica has been compared.
#[derive(Clone, Copy, Debug)]
struct Compared {
    node: NodeId,
    incarnation: u64,
    up_to: Offset,
}

#[derive(Clone, Debug, Default)]
struct State {
    reference: Option<NodeId>,
    compared: Vec<Compared>,
    /// An unclean election happened: what older epochs had committed does not count.
    unclean_since: Option<LeaderEpoch>,
}

impl State {
    /// Where to begin with a replica; a process that started anew is compared as a whole.
    fn compared(&mut self, node: NodeId, incarnation: u64) -> &mut Compared {
        let fresh = Compared { node, incarnation, up_to: Offset::ZERO };
        let index = self.compared.iter().position(|c| c.node == node).unwrap_or_else(|| {
            self.compared.push(fresh);
            self.compared.len() - 1
        });
        let compared = &mut self.compared[index];
        if compared.incarnation != incarnation {
            *compared = fresh;
        }
        compared
    }

    fn truncated(&mut self, node: NodeId, end: Offset) {
        if let Some(compared) = self.compared.iter_mut().find(|c| c.node == node) {
            compared.up_to = compared.up_to.min(end);
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LogMatching {
    states: ByPartition<State>,
    partitions: u32,
}

/// Position of the first entry at or behind `offset`. Gallops from the end, where most looks go.
fn position(entries: &[LogEntry], offset: Offset) -> usize {
    let n = entries.len();
    let mut step = 1;
    while step <= n && entries[n - step].base_offset >= offset {
        step *= 2;
    }
    let low = n.saturating_sub(step);
    low + entries[low..].partition_point(|e| e.base_offset < offset)
}

/// How two logs are compared where compaction may have been.
struct Compaction<'a> {
    batches: &'a Batches,
    /// Below this offset some replica was cleaned: batches and records may be missing there.
    cleaned_to: Offset,
}

impl Compaction<'_> {
    fn is_same(&self, l: &LogEntry, r: &LogEntry) -> bool {
        // Bit rot is no fault of the protocol: who finds it is another question.
        let spoiled = || [l, r].iter().any(|e| self.batches.is_spoiled(e.batch));
        let of = |e: &LogEntry| (e.base_offset, e.leader_epoch, self.batches.origin(e.batch));
        (l.base_offset < self.cleaned_to || spoiled()) && of(l) == of(r)
    }

    /// The first offset in `from..to` at which two logs hold different entries.
    fn first_difference(
        &self,
        a: &[LogEntry],
        b: &[LogEntry],
        from: Offset,
        to: Offset,
    ) -> Option<Offset> {
        let below = |e: &&LogEntry| e.base_offset < to;
        let mut left = a[position(a, from)..].iter().take_while(below);
        let mut right = b[position(b, from)..].iter().take_while(below);
        let (mut l, mut r) = (left.next(), right.next());
        loop {
            if l == r {
                l?;
                (l, r) = (left.next(), right.next());
                continue;
            }
            let at = l.into_iter().chain(r).map(|e| e.base_offset).min()?;
            let is_there = |e: Option<&LogEntry>| e.is_some_and(|e| e.base_offset == at);
            let same = match (l, r) {
                (Some(l), Some(r)) if l.base_offset == r.base_offset => self.is_same(l, r),
                _ => at < self.cleaned_to,
            };
            if !same {
                return Some(at);
            }
            l = if is_there(l) { left.next() } else { l };
            r = if is_there(r) { right.next() } else { r };
        }
    }

    /// Compares two replicas below both high watermarks from `from` on; where they part, and up
    /// to where they were compared.
    fn compare(&self, a: &Replica, b: &Replica, from: Offset) -> (Option<Offset>, Offset) {
        let start = a.log().log_start_offset().max(b.log().log_start_offset());
        let to = a.high_watermark().min(b.high_watermark());
        let from = from.max(start);
        if from >= to {
            return (None, to);
        }
        (self.first_difference(a.log().entries(), b.log().entries(), from, to), to)
    }
}

/// Up to where any replica of a partition was cleaned.
fn cleaned_to(view: &View<'_>, partition: PartitionId, replica: &Replica) -> Offset {
    if !replica.log().config().cleanup_policy.compact {
        return Offset::ZERO;
    }
    let brokers = view.nodes.iter().filter_map(|node| node.broker()?.replica(partition));
    brokers.map(|r| r.log().cleaner_checkpoint()).max().unwrap_or(Offset::ZERO)
}

impl LogMatching {
    fn against(
        &mut self,
        view: &View<'_>,
        partition: PartitionId,
        node: NodeId,
        other: NodeId,
    ) -> Option<String> {
        let incarnation = view.node(node)?.incarnation;
        let replica = view.replica(node, partition)?;
        let reference = view.replica(other, partition)?;
        let cleaned_to = cleaned_to(view, partition, replica);
        let compaction = Compaction { batches: view.batches, cleaned_to };
        let compared = self.states.of(partition).compared(node, incarnation);
        let (difference, to) = compaction.compare(replica, reference, compared.up_to);
        compared.up_to = compared.up_to.max(to);
        let at = difference?;
        Some(format!(
            "the logs of brokers {node} and {other} for partition {partition} differ at offset \
             {at}, below both high watermarks",
            partition = view.partition(partition)
        ))
    }

    fn moved(
        &mut self,
        view: &View<'_>,
        partition: PartitionId,
        node: NodeId,
        leader: bool,
    ) -> Option<String> {
        self.partitions = self.partitions.max(partition.0 + 1);
        let state = self.states.of(partition);
        let reference = match state.reference {
            Some(reference) if !leader => reference,
            before => {
                if leader {
                    state.reference = Some(node);
                }
                before?
            }
        };
        if reference == node {
            return None;
        }
        self.against(view, partition, node, reference)
    }
}

impl Invariant for LogMatching {
    fn name(&self) -> &'static str {
        "log-matching"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark, Interest::Truncated, Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::HighWatermark { node, partition, leader_epoch, leader, .. } => {
                let since = self.states.of(partition).unclean_since;
                if since.is_some_and(|epoch| leader_epoch < epoch) {
                    return None;
                }
                self.moved(view, partition, node, leader)
            }
            Note::Truncated { node, partition, end, .. } => {
                self.states.of(partition).truncated(node, end);
                None
            }
            Note::PartitionChanged { partition, leader, leader_epoch, unclean: true, .. } => {
                if !view.allows_unclean_election(leader, partition) {
                    return None;
                }
                let unclean_since = Some(leader_epoch);
                *self.states.of(partition) = State { unclean_since, ..State::default() };
                None
            }
            _ => None,
        }
    }

    /// Every replica in step with its leader, from where it was compared last.
    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        for partition in (0..self.partitions).map(PartitionId) {
            let Some(record) = view.record(partition) else { continue };
            let Some(leader) = record.leader else { continue };
            for &node in record.isr.iter().filter(|&&n| n != leader) {
                let difference = self.against(view, partition, node, leader);
                if difference.is_some() {
                    return difference;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use broker_model::records::{Batches, LogEntry};
    use broker_model::types::{BatchId, LeaderEpoch, NodeId, Offset};

    use super::{Compaction, State, position};

    fn first_difference(
        a: &[LogEntry],
        b: &[LogEntry],
        cleaned_to: i64,
        range: std::ops::Range<i64>,
    ) -> Option<Offset> {
        let (batches, cleaned_to) = (&Batches::new(), Offset(cleaned_to));
        let compaction = Compaction { batches, cleaned_to };
        compaction.first_difference(a, b, Offset(range.start), Offset(range.end))
    }

    fn entry(base: i64, batch: u32, epoch: i32) -> LogEntry {
        LogEntry {
            base_offset: Offset(base),
            batch: BatchId(batch),
            leader_epoch: LeaderEpoch(epoch),
        }
    }

    #[test]
    fn rejects_another_batch_another_epoch_and_another_border() {
        let log = [entry(0, 1, 0), entry(4, 2, 0), entry(6, 3, 1)];
        let difference = |other: &[LogEntry]| first_difference(&log, other, 0, 0..9);
        assert_eq!(difference(&[log[0], entry(4, 9, 0), log[2]]), Some(Offset(4)));
        assert_eq!(difference(&[log[0], log[1], entry(6, 3, 2)]), Some(Offset(6)));
        assert_eq!(difference(&[log[0], entry(5, 2, 0)]), Some(Offset(4)));
        assert_eq!(difference(&log[..2]), Some(Offset(6)));
    }

    #[test]
    fn accepts_logs_that_differ_above_a_high_watermark_or_below_what_is_kept() {
        let log = [entry(0, 1, 0), entry(4, 2, 0), entry(6, 3, 1)];
        let tail = [log[0], log[1], entry(6, 8, 0), entry(8, 9, 0)];
        assert_eq!(first_difference(&log, &tail, 0, 0..6), None);
        assert_eq!(first_difference(&log, &log[1..], 0, 4..9), None);
    }

    #[test]
    fn accepts_batches_that_only_one_log_has_where_compaction_has_been() {
        let log = [entry(0, 1, 0), entry(4, 2, 0), entry(6, 3, 1)];
        assert_eq!(first_difference(&log, &log[1..], 4, 0..9), None);
        assert_eq!(first_difference(&log, &[log[0], log[2]], 4, 0..9), Some(Offset(4)));
        let other = [entry(0, 7, 0), log[1], log[2]];
        assert_eq!(first_difference(&log, &other, 4, 0..9), Some(Offset(0)), "other records");
    }

    #[test]
    fn a_position_is_found_from_anywhere() {
        let log: Vec<LogEntry> = (0..20).map(|n| entry(n * 3, 0, 0)).collect();
        for offset in 0..70 {
            let naive = log.iter().take_while(|e| e.base_offset < Offset(offset)).count();
            assert_eq!(position(&log, Offset(offset)), naive, "offset {offset}");
        }
        assert_eq!(position(&[], Offset(3)), 0);
    }

    #[test]
    fn a_cut_and_a_restart_are_compared_again() {
        let mut state = State::default();
        state.compared(NodeId(1), 1).up_to = Offset(9);
        state.truncated(NodeId(1), Offset(5));
        assert_eq!(state.compared(NodeId(1), 1).up_to, Offset(5));
        assert_eq!(state.compared(NodeId(1), 3).up_to, Offset(0));
    }
}
