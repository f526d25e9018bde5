//! Polling and working: slices of service time.

use std::collections::BTreeMap;
use std::rc::Rc;

use broker_model::types::{Instant, Offset, PartitionId, RecordId};
use reports::history::Poll;

use super::{Part, Position, SLICE, Step, Worker};
use crate::client::consumer::Run;
use crate::records::Lane;
use crate::service::kind::Slice;
use crate::world::{ActorContext, Port};
use scenarios::model::Commit;

/// Why no more of a run was taken into a slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    /// The run or the time is over.
    Run,
    /// A record that is a slice of its own: the one taken, or the next one.
    Slice,
    /// The next record has to wait until then.
    Held(Instant),
}

impl Worker {
    /// Says whether to poll again: the consumer told something instead of giving records, or gave
    /// only records that have to wait.
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
        self.step == Step::Ready
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
    /// Nothing is taken if every record has to wait.
    pub(super) fn begin_slice(&mut self, cx: &mut ActorContext<'_>) {
        let start = cx.now.instant;
        self.finished.clear();
        self.parts.clear();
        let mut end = start;
        while let Some(run) = self.polled.runs.get(self.run).copied()
            && end.since(start) < SLICE
        {
            let stop = self.take(cx, run, end);
            end = self.finished.last().copied().unwrap_or(start);
            if stop == Stop::Slice {
                break;
            }
        }
        if !self.parts.is_empty() {
            self.busy += end.since(start);
            self.step = Step::Working(end);
        }
    }

    /// Takes what fits into the slice, which ends at `at` so far, from the run to go on with. A
    /// record that the handler fails with for good is a slice of its own: what becomes of it goes
    /// to a topic of its own.
    fn take(&mut self, cx: &mut ActorContext<'_>, run: Run, mut at: Instant) -> Stop {
        let start = cx.now.instant;
        let spec = Rc::clone(&self.plan.spec);
        let input = spec.input_of(cx, run.partition);
        let times = &spec.times[input.min(spec.times.len() - 1)];
        let compression = cx.shared.batches.compression(run.batch);
        let coded = cx.shared.records.any_payload();
        let records = cx.shared.batches.records(run.batch);
        let from = run.from + self.within;
        let (mut to, mut stop, mut failed) = (from, Stop::Run, None);
        while to < run.to && at.since(start) < SLICE && stop == Stop::Run {
            let id = records[to as usize];
            if let Some(until) = spec.held_until(cx, id, input).filter(|&until| until > at) {
                stop = Stop::Held(until);
                break;
            }
            let trial = spec.trial(cx, id, input);
            if trial.is_some_and(|trial| !trial.succeeds) {
                stop = Stop::Slice;
                if !self.finished.is_empty() {
                    break;
                }
                failed = trial;
            }
            let cost = times.at(self.draws.bits());
            at = at + trial.map_or(cost, |trial| spec.spent_on(trial, cost));
            if coded {
                let record = cx.shared.records.get(id);
                at = at + spec.coding_time(input, compression, &record);
            }
            self.finished.push(at);
            to += 1;
        }
        if to > from {
            self.parts.push(Part { run: self.run, input, from, to, failed });
        }
        self.within += to - from;
        if let Stop::Held(until) = stop {
            self.hold(cx, to, until);
        }
        if to >= run.to || matches!(stop, Stop::Held(_)) {
            self.run += 1;
            self.within = 0;
        }
        stop
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
            self.hand_over(cx, parts[0], &outputs);
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
        if let Some(trial) = part.failed {
            self.broken = trial.ends_process;
            self.pass_on(cx, (records[0], input), partition, outputs);
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

    /// All attempts with a record of an input have failed: a copy goes to the next topic, if there
    /// is one, and tells in a header until when it is to wait there.
    fn pass_on(
        &self,
        cx: &mut ActorContext<'_>,
        (record, input): (RecordId, usize),
        partition: PartitionId,
        outputs: &mut Vec<RecordId>,
    ) {
        let Some(next) = self.plan.spec.next_topic(input) else { return };
        let records = &mut cx.shared.records;
        let failed = records.get(record);
        let copy = records.push(Lane::out_of(partition), failed.entity, failed.size);
        records.set_payload(copy, failed.payload);
        if let Some(delay) = next.delay {
            records.set_not_before(copy, cx.now.instant + delay);
        }
        outputs.push(copy);
    }

    /// What was made of a slice goes to the producer, in a transaction if the service has them.
    /// The first part of the slice stands for all: one that failed is alone.
    fn hand_over(&mut self, cx: &mut ActorContext<'_>, part: Part, outputs: &[RecordId]) {
        if self.commit_due == Instant::FAR && self.plan.spec.commits_itself() {
            self.commit_due = cx.now.instant + self.plan.spec.commit_interval;
        }
        let Some(publisher) = &mut self.publisher else { return };
        if self.plan.spec.transactional {
            publisher.begin(cx);
        }
        let spec = &self.plan.spec;
        let topic = match part.failed {
            Some(_) => spec.next_topic(part.input).map(|next| next.topic),
            None => spec.output.as_deref(),
        };
        if let Some(name) = topic
            && let Some(topic) = cx.shared.topics.id(name)
            && !outputs.is_empty()
        {
            publisher.turn_to(name, topic);
            publisher.send(cx, outputs);
        }
    }
}
