//! The final audit: what a complete `read_committed` read of every topic returns, and would return
//! if no transaction were open.

use broker_model::records::{LogEntry, RecordSource};
use broker_model::types::{Offset, PartitionId, RecordId};
use reports::history::Facts;

use super::World;
use crate::records::RecordTable;

/// Batches of one partition that are audited before the next partition's turn.
const AUDIT_STRIDE: usize = 32;

struct TableFacts<'a>(&'a RecordTable);

impl Facts for TableFacts<'_> {
    fn key(&self, record: u32) -> u32 {
        self.0.get(RecordId(record)).key
    }

    fn entity(&self, record: u32) -> u32 {
        self.0.get(RecordId(record)).entity
    }

    fn is_tombstone(&self, record: u32) -> bool {
        self.0.is_tombstone(RecordId(record))
    }
}

impl World {
    /// Tells the checkers what the logs of all topics have for readers in the end.
    pub(super) fn audit(&mut self) {
        for &(partition, record) in &self.skipped_first {
            self.shared.recorder.come_home().first_sequence_skipped(partition.0, record.0);
        }
        for &batch in self.invariants.torn_by_undone() {
            if let Some(first) = self.shared.batches.records(batch).first() {
                self.shared.recorder.come_home().decision_undone(first.0);
            }
        }
        let names = self.plan.scenario.topics.iter().map(|t| t.name.clone());
        let mut names: Vec<String> = names.collect();
        // What others derive from comes first.
        names.sort_by_key(|name| self.depth_of(name));
        for name in names {
            let Some(id) = self.image().topic_by_name(&name) else { continue };
            let partitions =
                self.image().topic(id).map(|t| t.partitions.clone()).unwrap_or_default();
            let read = |&p: &PartitionId| Some((p, self.readable(p)?));
            let logs: Vec<_> = partitions.iter().filter_map(read).collect();
            for (partition, _) in &logs {
                self.tell_removals(*partition);
            }
            self.audit_topic(&logs);
        }
        self.shared.recorder.come_home().audit_removals(&TableFacts(&self.shared.records));
    }

    /// Tells the recorder what a log may lack: it is compacted, or does not begin at 0.
    fn tell_removals(&mut self, partition: PartitionId) {
        let leader = self.image().partition(partition).and_then(|p| p.leader);
        let node = leader.and_then(|id| self.node_of(id));
        let Some(replica) = node.and_then(|n| n.broker()?.replica(partition)) else { return };
        let log = replica.log();
        let (compact, start) = (log.config().cleanup_policy.compact, log.log_start_offset());
        if compact {
            self.shared.recorder.come_home().compacted(partition.0);
        }
        if start > Offset::ZERO {
            self.shared.recorder.come_home().deleted_before(partition.0, start.0);
        }
    }

    /// How many services stand between the load and a topic.
    fn depth_of(&self, topic: &str) -> usize {
        let most = self.plan.scenario.topics.len();
        let mut at = topic.to_owned();
        for depth in 0..most {
            match self.source_of(&at) {
                Some(source) => at = source,
                None => return depth,
            }
        }
        most
    }

    /// Reads the logs of a topic side by side, some batches of each in turn: records that were
    /// made together are judged together, which is kind to the cache.
    fn audit_topic(&mut self, logs: &[(PartitionId, Vec<LogEntry>)]) {
        let facts = TableFacts(&self.shared.records);
        let recorder = self.shared.recorder.come_home();
        for (partition, _) in logs {
            recorder.audit_partition(partition.0);
        }
        let longest = logs.iter().map(|(_, entries)| entries.len()).max().unwrap_or(0);
        for from in (0..longest).step_by(AUDIT_STRIDE) {
            for (partition, entries) in logs {
                let Some(entries) = entries.get(from..) else { continue };
                recorder.audit_partition(partition.0);
                for entry in entries.iter().take(AUDIT_STRIDE) {
                    let all = self.shared.batches.records(entry.batch);
                    if all.is_empty() {
                        recorder.audit(entry.base_offset.0, [].into_iter(), &facts);
                        continue;
                    }
                    for run in self.shared.batches.runs(entry.batch) {
                        let base = entry.base_offset + i64::from(run.start);
                        let ids = all[run.start as usize..run.end as usize].iter().map(|id| id.0);
                        recorder.audit(base.0, ids, &facts);
                    }
                }
            }
        }
    }

    /// What a partition's leader has for a complete `read_committed` read; `None` when nobody can
    /// be asked, which proves nothing about its records.
    fn readable(&self, partition: PartitionId) -> Option<Vec<LogEntry>> {
        let leader = self.image().partition(partition)?.leader?;
        let node = self.node_of(leader)?;
        let replica = node.broker().filter(|_| node.state.is_running())?.replica(partition)?;
        replica.leader()?;
        // A new leader learns what is committed from its followers; until then it may know less
        // than was acknowledged.
        if replica.high_watermark() < replica.log().log_end_offset() {
            return None;
        }
        let log = replica.log();
        let end = log.log_end_offset();
        let aborted = log.aborted_transactions(log.log_start_offset(), end);
        let body = |entry: &LogEntry| self.shared.batches.get(entry.batch);
        let visible = visible_entries(log.entries().iter(), end, &aborted, body);
        // What a transaction that never ends holds up is not lost, only late for ever; its own
        // records nobody is ever given.
        let unstable = log.first_unstable_offset().unwrap_or(end);
        let is_open = |entry: &LogEntry| {
            let batch = body(entry);
            let open = log.producer(batch.producer_id).and_then(|producer| producer.txn_start);
            batch.transactional && open.is_some_and(|first| first <= entry.base_offset)
        };
        Some(visible.filter(|entry| entry.base_offset < unstable || !is_open(entry)).collect())
    }
}

/// Entries below `end` that a `read_committed` reader is given, in order.
pub(super) fn visible_entries<'a>(
    entries: impl Iterator<Item = &'a LogEntry>,
    end: Offset,
    aborted: &[broker_model::protocol::fetch::AbortedTransaction],
    body: impl Fn(&LogEntry) -> &'a broker_model::records::Batch,
) -> impl Iterator<Item = LogEntry> {
    use broker_model::records::Content;
    let mut waiting = aborted.to_vec();
    waiting.sort_unstable_by_key(|a| (a.first_offset, a.producer_id));
    waiting.reverse();
    let mut running = Vec::new();
    entries.take_while(move |e| e.base_offset < end).copied().filter(move |entry| {
        while waiting.last().is_some_and(|a| a.first_offset <= entry.base_offset) {
            running.extend(waiting.pop().map(|a| a.producer_id));
        }
        let batch = body(entry);
        if let Content::Marker { .. } = batch.content {
            running.retain(|&id| id != batch.producer_id);
            return false;
        }
        !(batch.transactional && running.contains(&batch.producer_id))
    })
}
