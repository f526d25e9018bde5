//! Fetched data that waits for the application, and its cutting into runs.
//!
//! Source: `CompletedFetch` and `FetchCollector` of the Java client. A buffered answer counts as
//! consumed only when a poll has met its end, so one that is cut exactly at its end by
//! `max.poll.records` still blocks its broker until the next poll.

use std::collections::VecDeque;

use broker_model::protocol::ErrorCode;
use broker_model::protocol::fetch::{AbortedTransaction, FetchedPartition, Isolation};
use broker_model::records::{Batch, Batches, Content, LogEntry};
use broker_model::types::{LeaderEpoch, Offset, PartitionId, ProducerId};

use super::event::{Polled, Run};

/// One partition of a fetch answer.
#[derive(Clone, Debug)]
pub(super) struct CompletedFetch {
    pub(super) partition: PartitionId,
    pub(super) stamp: u32,
    pub(super) fetch_offset: Offset,
    pub(super) error: ErrorCode,
    pub(super) high_watermark: Offset,
    pub(super) last_stable_offset: Offset,
    /// The next offset to give.
    pub(super) next_offset: Offset,
    /// Epoch of the last batch met.
    pub(super) last_epoch: Option<LeaderEpoch>,
    /// Its place in the buffer's answers, and the entries not yet passed.
    data: usize,
    cursor: u32,
    end: u32,
    /// Aborted transactions by first offset, and those already met.
    aborted: Vec<AbortedTransaction>,
    aborted_next: usize,
    aborting: Vec<ProducerId>,
    /// A poll has looked at it.
    pub(super) initialized: bool,
    /// The next batch is corrupt: nothing behind it is given.
    pub(super) is_stuck: bool,
}

impl CompletedFetch {
    pub(super) fn new(
        stamp: u32,
        fetch_offset: Offset,
        data: usize,
        fetched: FetchedPartition,
    ) -> Self {
        let mut aborted = fetched.aborted;
        if !aborted.is_sorted_by_key(|t| t.first_offset) {
            aborted.sort_by_key(|t| t.first_offset);
        }
        Self {
            partition: fetched.partition,
            stamp,
            fetch_offset,
            error: fetched.error,
            high_watermark: fetched.high_watermark,
            last_stable_offset: fetched.last_stable_offset,
            next_offset: fetch_offset,
            last_epoch: None,
            data,
            cursor: fetched.entries.start,
            end: fetched.entries.end,
            aborted,
            aborted_next: 0,
            aborting: Vec::new(),
            initialized: false,
            is_stuck: false,
        }
    }

    /// Whether batches are left in it.
    pub(super) const fn has_data(&self) -> bool {
        self.cursor < self.end
    }

    /// Whether the batch is of an aborted transaction; keeps account of those met.
    fn is_aborted(&mut self, batch: &Batch, last_offset: Offset) -> bool {
        while let Some(met) =
            self.aborted.get(self.aborted_next).filter(|t| t.first_offset <= last_offset)
        {
            self.aborting.push(met.producer_id);
            self.aborted_next += 1;
        }
        if matches!(batch.content, Content::Marker { commit: false, .. }) {
            self.aborting.retain(|&id| id != batch.producer_id);
            return false;
        }
        batch.transactional && self.aborting.contains(&batch.producer_id)
    }
}

#[derive(Clone, Debug, Default)]
struct Answer {
    entries: Vec<LogEntry>,
    users: u32,
}

/// Answers that wait, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffer {
    queue: VecDeque<CompletedFetch>,
    answers: Vec<Answer>,
    free: Vec<usize>,
    with_data: usize,
}

impl Buffer {
    /// Keeps the entries of an answer until [`Self::seal`]ed and no longer used.
    pub(super) fn store(&mut self, entries: Vec<LogEntry>) -> usize {
        let answer = Answer { entries, users: 1 };
        if let Some(at) = self.free.pop() {
            self.answers[at] = answer;
            return at;
        }
        self.answers.push(answer);
        self.answers.len() - 1
    }

    /// The answer has no further users than those pushed.
    pub(super) fn seal(&mut self, data: usize) {
        let answer = &mut self.answers[data];
        answer.users -= 1;
        if answer.users == 0 {
            answer.entries = Vec::new();
            self.free.push(data);
        }
    }

    pub(super) fn push(&mut self, fetch: CompletedFetch) {
        self.answers[fetch.data].users += 1;
        self.put_back(fetch);
    }

    /// Puts a taken one behind the others.
    pub(super) fn put_back(&mut self, fetch: CompletedFetch) {
        self.with_data += usize::from(fetch.has_data());
        self.queue.push_back(fetch);
    }

    /// Puts the one being read back to the front.
    pub(super) fn put_front(&mut self, fetch: CompletedFetch) {
        self.with_data += usize::from(fetch.has_data());
        self.queue.push_front(fetch);
    }

    /// Takes the oldest; it must be put back or [`Self::drop_data`]ed.
    pub(super) fn pop(&mut self) -> Option<CompletedFetch> {
        let fetch = self.queue.pop_front()?;
        self.with_data -= usize::from(fetch.has_data());
        Some(fetch)
    }

    /// A taken one is finished with.
    pub(super) fn drop_data(&mut self, fetch: &CompletedFetch) {
        self.seal(fetch.data);
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many answers hold batches.
    pub(super) const fn with_data(&self) -> usize {
        self.with_data
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &CompletedFetch> {
        self.queue.iter()
    }

    /// Cuts up to `room` records off an answer into `out`. Says whether its end was met.
    pub(super) fn cut(
        &self,
        fetch: &mut CompletedFetch,
        batches: &Batches,
        isolation: Isolation,
        mut room: u32,
        out: &mut Polled,
    ) -> bool {
        let entries = &self.answers[fetch.data].entries;
        while room > 0 {
            if fetch.cursor == fetch.end {
                return true;
            }
            let entry = entries[fetch.cursor as usize];
            if batches.is_spoiled(entry.batch) {
                fetch.is_stuck = true;
                return false;
            }
            let batch = batches.get(entry.batch);
            let end = entry.base_offset + i64::from(batch.count);
            fetch.last_epoch = Some(entry.leader_epoch);
            let committed_only =
                isolation == Isolation::ReadCommitted && batch.producer_id.is_some();
            let skipped = committed_only && fetch.is_aborted(batch, end + -1) || batch.control;
            let first = u32::try_from(fetch.next_offset - entry.base_offset).unwrap_or(0);
            if skipped || first >= batch.count {
                fetch.next_offset = fetch.next_offset.max(end);
                fetch.cursor += 1;
                continue;
            }
            // Compaction may have left holes in the batch; each stretch between them is a run.
            let run = if batches.cleaned(entry.batch).is_some() {
                batches.runs(entry.batch).find(|run| run.end > first)
            } else {
                Some(0..batch.count)
            };
            let Some(run) = run else {
                fetch.next_offset = end;
                fetch.cursor += 1;
                continue;
            };
            let first = first.max(run.start);
            let to = run.end.min(first.saturating_add(room));
            out.runs.push(Run {
                partition: fetch.partition,
                base_offset: entry.base_offset,
                batch: entry.batch,
                from: first,
                to,
                leader_epoch: entry.leader_epoch,
            });
            out.records += to - first;
            room -= to - first;
            fetch.next_offset = entry.base_offset + i64::from(to);
            if to == batch.count {
                fetch.cursor += 1;
            }
        }
        false
    }
}
