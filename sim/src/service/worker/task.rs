//! Polling and working: slices of service time.

use std::collections::BTreeMap;

use broker_model::types::{BatchId, Duration, Instant, Offset, PartitionId, RecordId};
use reports::history::Poll;

use super::{Part, Position, SLICE, Step, Worker};
use crate::records::Lane;
use crate::service::kind::Slice;
use crate::world::{ActorContext, Port};
use scenarios::model::{Commit, Poison};

impl Worker {
    /// Says whether the consumer told something instead of giving records.
    pub(super) fn poll(&mut self, cx: &mut ActorContext<'_>) -> bool {
        let Some(consumer) = &mut self.consumer else { return false };
        let polled = &mut self.polled;
        polled.clear();
        self.run = 0;
        self.within = 0;
        cx.client(Port::CONSUMER, &mut self.consumer_draws, |cx| consumer.poll(cx, polled));
        let told = self.consumer_events(cx);
        if self.polled.runs.is_empty() || matches!(self.step, Step::Down(_)) {
            return told;
        }
        for index in 0..self.polled.runs.len() {
            self.account_poll(cx, index);
        }
        if self.plan.spec.commit == Commit::BeforeProcessing {
            let ends: BTreeMap<PartitionId, Offset> =
                self.polled.runs.iter().map(|r| (r.partition, r.end_offset())).collect();
            self.committing = ends.into_iter().collect();
            if let Some(id) = self.commit_sync(cx) {
                self.step = Step::CommittingFirst(id);
                return false;
            }
        }
        self.begin_slice(cx);
        false
    }

    fn account_poll(&mut self, cx: &mut ActorContext<'_>, index: usize) {
        let run = self.polled.runs[index];
        let first = run.first_offset();
        let at_ns = cx.now.instant.0;
        self.positions.entry(run.partition).or_insert_with(|| {
            cx.shared.recorder.assigned(self.consumer_id, run.partition.0, first.0, at_ns);
            self.plan.service.rewind(cx.shared, run.partition, first);
            Position { committed: first, processed: first }
        });
        let records = cx.shared.batches.records(run.batch);
        let ids = records[run.from as usize..run.to as usize].iter().map(|id| id.0);
        let poll = Poll {
            consumer: self.consumer_id,
            partition: run.partition.0,
            base_offset: first.0,
            at_ns,
        };
        cx.shared.recorder.polled(ids, poll);
    }

    /// Takes up to a slice of service time from what was polled, over as many runs as it spans.
    pub(super) fn begin_slice(&mut self, cx: &ActorContext<'_>) {
        let start = cx.now.instant;
        let mut at = start;
        self.finished.clear();
        self.parts.clear();
        while let Some(run) = self.polled.runs.get(self.run).copied()
            && at.since(start) < SLICE
        {
            let input = self.plan.spec.input_of(cx, run.partition);
            let times = &self.plan.spec.times[input.min(self.plan.spec.times.len() - 1)];
            let compression = cx.shared.batches.compression(run.batch);
            let coded = cx.shared.records.any_payload();
            let from = run.from + self.within;
            let (mut to, mut poison) = (from, None);
            while to < run.to && at.since(start) < SLICE {
                poison = self.poisoned(cx, run.batch, to);
                if poison.is_some() && to > from {
                    // It is a part of its own.
                    poison = None;
                    break;
                }
                let cost = times.at(self.draws.bits());
                at = at + poison.map_or(cost, |poison| spent_on(poison, cost));
                if coded {
                    let id = cx.shared.batches.records(run.batch)[to as usize];
                    let record = cx.shared.records.get(id);
                    at = at + self.plan.spec.coding_time(input, compression, &record);
                }
                self.finished.push(at);
                to += 1;
                if poison.is_some() {
                    break;
                }
            }
            self.parts.push(Part { run: self.run, input, from, to, poisoned: poison.is_some() });
            self.within += to - from;
            if to >= run.to {
                self.run += 1;
                self.within = 0;
            }
            if poison.is_some_and(|poison| poison.attempts.is_none()) {
                break;
            }
        }
        if !self.parts.is_empty() {
            self.busy += at.since(start);
            self.step = Step::Working(at);
        }
    }

    fn poisoned(&self, cx: &ActorContext<'_>, batch: BatchId, place: u32) -> Option<Poison> {
        self.plan.spec.poison?;
        let id = cx.shared.batches.records(batch)[place as usize];
        self.plan.spec.poisoned(cx, id)
    }

    pub(super) fn end_slice(&mut self, cx: &mut ActorContext<'_>) {
        self.process(cx, self.finished.len(), true);
        self.step = Step::Ready;
        if self.broken {
            self.fail(cx);
        }
    }

    /// The first `count` records of the slice are finished.
    pub(super) fn process(&mut self, cx: &mut ActorContext<'_>, count: usize, alive: bool) {
        let parts = std::mem::take(&mut self.parts);
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.clear();
        let mut done = 0;
        for part in &parts {
            let here = ((part.to - part.from) as usize).min(count - done);
            if here == 0 {
                break;
            }
            self.process_part(cx, *part, done..done + here, &mut outputs);
            done += here;
        }
        if alive && done > 0 {
            self.hand_over(cx, &outputs);
        }
        self.parts = parts;
        self.outputs = outputs;
    }

    /// Some records of one run are finished; `times` are theirs in the slice.
    fn process_part(
        &mut self,
        cx: &mut ActorContext<'_>,
        part: Part,
        times: std::ops::Range<usize>,
        outputs: &mut Vec<RecordId>,
    ) {
        let run = self.polled.runs[part.run];
        let base_offset = run.base_offset + i64::from(part.from);
        let from = part.from as usize;
        // The records are copied out because the service may add records to the same arena.
        let mut records = std::mem::take(&mut self.records);
        records.clear();
        let all = cx.shared.batches.records(run.batch);
        records.extend_from_slice(&all[from..from + times.len()]);
        let finished = &self.finished[times];
        let (input, partition) = (part.input, run.partition);
        if part.poisoned {
            self.broken = !self.give_up(cx, records[0], partition, outputs);
        } else {
            let slice = Slice { input, partition, base_offset, records: &records, finished };
            self.plan.service.process(cx.shared, slice, outputs);
            self.plan.spec.account(cx, input, &records, finished);
        }
        if let Some(position) = self.positions.get_mut(&partition)
            && !self.broken
        {
            position.processed = base_offset + records.len() as i64;
        }
        let shared = &mut *cx.shared;
        let store = self.plan.spec.effects.map(|store| &shared.stores.effects[store]);
        if let (Some(store), Some(group)) = (store, self.plan.spec.group)
            && let Some(next) = store.next_offset(partition)
        {
            shared.progress.read_to(group, partition, next);
        }
        self.records = records;
    }

    /// All attempts with a record have failed. False if that ends the process.
    fn give_up(
        &self,
        cx: &mut ActorContext<'_>,
        record: RecordId,
        partition: PartitionId,
        outputs: &mut Vec<RecordId>,
    ) -> bool {
        let Some((poison, _)) = self.plan.spec.poison else { return true };
        if poison.dead_letter {
            let input = cx.shared.records.get(record);
            let lane = Lane::out_of(partition);
            let letter = cx.shared.records.push(lane, input.entity, input.size);
            cx.shared.records.set_payload(letter, input.payload);
            outputs.push(letter);
        }
        poison.attempts.is_some()
    }

    /// What was made of a slice goes to the producer, in a transaction if the service has them.
    fn hand_over(&mut self, cx: &mut ActorContext<'_>, outputs: &[RecordId]) {
        if self.commit_due == Instant::FAR && self.plan.spec.commits_itself() {
            self.commit_due = cx.now.instant + self.plan.spec.commit_interval;
        }
        let Some(publisher) = &mut self.publisher else { return };
        if self.plan.spec.transactional {
            publisher.begin(cx);
        }
        if !outputs.is_empty() {
            publisher.send(cx, outputs);
        }
    }
}

/// The time that the attempts with a record take, and the waits between them.
fn spent_on(poison: Poison, cost: Duration) -> Duration {
    let attempts = u64::from(poison.attempts.unwrap_or(1));
    cost * attempts + poison.backoff * (attempts - 1)
}
