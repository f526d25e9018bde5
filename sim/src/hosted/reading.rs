//! The consuming side of a hosted process: a poll at a time, commits beside it.

use std::collections::BTreeMap;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::protocol::group::CommittedOffset;
use broker_model::types::{GroupId, Instant, NodeId, Offset, PartitionId, RecordId};
use reports::history::CallKind;
use reports::history::Poll;

use super::answer::Answer;
use super::consumer::{Message, MessageRun, Polled, Position};
use crate::client::Correlation;
use crate::client::consumer::{
    self as machine, CommitError, CommitId, Consumer, ConsumerError, ConsumerEvent,
};
use crate::prng::Stream;
use crate::service::ServiceSpec;
use crate::world::{ActorContext, Port};

type PollAnswer = Answer<Result<Polled, ConsumerError>>;
type CommitAnswer = Answer<Result<(), CommitError>>;

#[derive(Clone, Copy, Debug)]
struct Place {
    /// First offset not committed as far as this process knows.
    committed: Offset,
    /// Behind the last record handed to the program.
    polled: Offset,
}

/// A consumer and who waits for its answers.
#[derive(Debug)]
pub(super) struct Reading {
    consumer: Consumer,
    draws: Stream,
    id: u32,
    group: GroupId,
    places: BTreeMap<PartitionId, Place>,
    waiting: Option<(Instant, PollAnswer)>,
    commits: Vec<(CommitId, Vec<Position>, CommitAnswer)>,
    /// What the next answer to a poll tells beside records.
    news: Polled,
    error: Option<ConsumerError>,
    /// Handed to the program, which has not asked for more yet.
    in_work: Vec<(PartitionId, Vec<RecordId>)>,
    /// Revoked partitions the program was told of.
    leaving: Vec<PartitionId>,
    room: machine::Polled,
}

impl Reading {
    pub(super) fn new(consumer: Consumer, draws: Stream, id: u32, group: GroupId) -> Self {
        Self {
            consumer,
            draws,
            id,
            group,
            places: BTreeMap::new(),
            waiting: None,
            commits: Vec::new(),
            news: Polled::default(),
            error: None,
            in_work: Vec::new(),
            leaving: Vec::new(),
            room: machine::Polled::default(),
        }
    }

    /// The program polls.
    pub(super) fn poll(
        &mut self,
        cx: &mut ActorContext<'_>,
        spec: &ServiceSpec,
        until: Instant,
        answer: PollAnswer,
    ) {
        self.processed(cx, spec);
        for partition in std::mem::take(&mut self.leaving) {
            self.places.remove(&partition);
            cx.shared.recorder.revoked(self.id, partition.0, cx.now.instant.0);
        }
        if let Some((_, earlier)) = self.waiting.take() {
            earlier.give(Ok(Polled::default()));
        }
        self.waiting = Some((until, answer));
        if !self.answer_news() {
            self.ask(cx);
        }
    }

    /// Asks the machine for records. What a poll told makes it come back without any: unless
    /// that is news for the program, it is asked again.
    fn ask(&mut self, cx: &mut ActorContext<'_>) {
        loop {
            let (consumer, room) = (&mut self.consumer, &mut self.room);
            cx.client(Port::CONSUMER, &mut self.draws, |cx| consumer.poll(cx, room));
            let told = self.take_events(cx);
            if !self.room.runs.is_empty() {
                self.hand_over(cx);
                return;
            }
            if self.answer_news() || !told {
                return;
            }
        }
    }

    /// Answers a poll with what was fetched.
    fn hand_over(&mut self, cx: &mut ActorContext<'_>) {
        let mut polled = std::mem::take(&mut self.news);
        self.leaving.extend(&polled.revoked);
        for run in std::mem::take(&mut self.room.runs) {
            let ids: Vec<RecordId> =
                cx.shared.batches.records(run.batch)[run.from as usize..run.to as usize].to_vec();
            self.account(cx, &run, &ids);
            let messages = (0..).zip(&ids).map(|(at, &id)| {
                let record = cx.shared.records.get(id);
                let offset = run.first_offset() + at;
                let (key, entity, size) = (record.key, record.entity, record.size);
                Message { id, offset, key, entity, size, intended: record.intended }
            });
            polled.runs.push(MessageRun { partition: run.partition, messages: messages.collect() });
            self.in_work.push((run.partition, ids));
        }
        let (_, answer) = self.waiting.take().expect("records are asked for by a poll");
        answer.give(Ok(polled));
    }

    fn account(&mut self, cx: &mut ActorContext<'_>, run: &machine::Run, ids: &[RecordId]) {
        let (first, at_ns) = (run.first_offset(), cx.now.instant.0);
        let place = self.places.entry(run.partition).or_insert_with(|| {
            cx.shared.recorder.assigned(self.id, run.partition.0, first.0, at_ns);
            Place { committed: first, polled: first }
        });
        place.polled = run.end_offset();
        let poll =
            Poll { consumer: self.id, partition: run.partition.0, base_offset: first.0, at_ns };
        cx.shared.recorder.polled(ids.iter().map(|id| id.0), poll);
    }

    /// The program asks for more, or commits: what it had is processed.
    fn processed(&mut self, cx: &mut ActorContext<'_>, spec: &ServiceSpec) {
        let now = cx.now.instant;
        for (partition, ids) in std::mem::take(&mut self.in_work) {
            let input = spec.input_of(cx, partition);
            spec.account(cx, input, &ids, &vec![now; ids.len()]);
        }
    }

    /// Tells a waiting poll what happened to the assignment. False if there is nothing to tell.
    fn answer_news(&mut self) -> bool {
        if self.news.is_empty() && self.error.is_none() {
            return false;
        }
        let Some((_, answer)) = self.waiting.take() else { return false };
        if let Some(error) = self.error.take() {
            answer.give(Err(error));
        } else {
            let news = std::mem::take(&mut self.news);
            self.leaving.extend(&news.revoked);
            answer.give(Ok(news));
        }
        true
    }

    /// What the consumer has to tell. Says whether there was anything.
    fn take_events(&mut self, cx: &mut ActorContext<'_>) -> bool {
        let told = self.consumer.has_events();
        while let Some(event) = self.consumer.poll_event() {
            match event {
                ConsumerEvent::Assigned(partitions) => {
                    for partition in partitions {
                        self.places.remove(&partition);
                    }
                }
                ConsumerEvent::Revoked(partitions) => self.news.revoked.extend(partitions),
                ConsumerEvent::Lost(partitions) => self.lost_partitions(cx, partitions),
                ConsumerEvent::Committed { id, result } => self.committed(cx, id, result),
                ConsumerEvent::Error(error) => self.error = Some(error),
                ConsumerEvent::Closed => {}
            }
        }
        told
    }

    fn lost_partitions(&mut self, cx: &mut ActorContext<'_>, partitions: Vec<PartitionId>) {
        for partition in &partitions {
            self.places.remove(partition);
            cx.shared.recorder.revoked(self.id, partition.0, cx.now.instant.0);
        }
        self.leaving.retain(|p| !partitions.contains(p));
        self.news.lost.extend(partitions);
    }

    fn committed(
        &mut self,
        cx: &mut ActorContext<'_>,
        id: CommitId,
        result: Result<(), CommitError>,
    ) {
        // An automatic commit has nobody waiting for it.
        let Some(at) = self.commits.iter().position(|one| one.0 == id) else { return };
        let (_, positions, answer) = self.commits.remove(at);
        cx.shared.recorder.calls_ended(CallKind::CommitOffsets, 1);
        if result.is_ok() {
            let at_ns = cx.now.instant.0;
            for Position { partition, offset } in positions {
                if let Some(place) = self.places.get_mut(&partition) {
                    place.committed = place.committed.max(offset);
                }
                cx.shared.recorder.committed_offset(self.group.0, partition.0, offset.0, at_ns);
            }
        }
        answer.give(result);
    }

    /// The program commits.
    pub(super) fn commit(
        &mut self,
        cx: &mut ActorContext<'_>,
        spec: &ServiceSpec,
        positions: Option<Vec<Position>>,
        answer: CommitAnswer,
    ) {
        self.processed(cx, spec);
        let behind_all = || {
            let news = self.places.iter().filter(|(_, place)| place.polled > place.committed);
            news.map(|(&partition, place)| Position { partition, offset: place.polled }).collect()
        };
        let positions: Vec<Position> = positions.unwrap_or_else(behind_all);
        if positions.is_empty() {
            answer.give(Ok(()));
            return;
        }
        let offsets = positions
            .iter()
            .map(|&Position { partition, offset }| CommittedOffset::new(partition, offset, None));
        let (consumer, offsets) = (&mut self.consumer, offsets.collect());
        cx.shared.recorder.calls_started(CallKind::CommitOffsets, 1);
        let id = cx.client(Port::CONSUMER, &mut self.draws, |cx| consumer.commit_sync(cx, offsets));
        self.commits.push((id, positions, answer));
        self.take_events(cx);
    }

    /// The program goes to another offset. Partitions it does not own stay where they are.
    pub(super) fn seek(&mut self, cx: &mut ActorContext<'_>, partition: PartitionId, to: Offset) {
        if !self.consumer.assignment().contains(&partition) {
            return;
        }
        self.consumer.seek(partition, to);
        if let Some(place) = self.places.get_mut(&partition) {
            place.polled = to;
            let at_ns = cx.now.instant.0;
            cx.shared.recorder.position_reset(self.id, partition.0, to.0, at_ns);
        }
    }

    pub(super) fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        let consumer = &mut self.consumer;
        cx.client(Port::CONSUMER, &mut self.draws, |cx| {
            let result = result.map_err(|_| crate::client::Disconnected);
            consumer.response(cx, from, correlation, result);
        });
    }

    /// Lets the consumer work, and answers the poll that waits if it can be.
    pub(super) fn drive(&mut self, cx: &mut ActorContext<'_>) {
        let now = cx.now.instant;
        if self.consumer.next_deadline() <= now {
            let consumer = &mut self.consumer;
            cx.client(Port::CONSUMER, &mut self.draws, |cx| consumer.turn(cx));
        }
        let told = self.take_events(cx);
        let Some((until, answer)) = &self.waiting else { return };
        let (until, wanted) = (*until, answer.is_wanted());
        if !wanted {
            self.consumer.leave_poll();
            self.waiting = None;
        } else if !self.answer_news() {
            if told || self.consumer.has_records() {
                self.ask(cx);
            }
            if until <= now
                && let Some((_, answer)) = self.waiting.take()
            {
                self.consumer.leave_poll();
                answer.give(Ok(Polled::default()));
            }
        }
    }

    /// The process is killed.
    pub(super) fn lost(&mut self, cx: &mut ActorContext<'_>) {
        let commits = self.commits.len() as u64;
        if commits > 0 {
            cx.shared.recorder.calls_ended(CallKind::CommitOffsets, commits);
        }
        for partition in self.places.keys() {
            cx.shared.recorder.revoked(self.id, partition.0, cx.now.instant.0);
        }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        let until = self.waiting.as_ref().map_or(Instant::FAR, |(until, _)| *until);
        self.consumer.next_deadline().min(until)
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next_deadline() <= now
    }

    /// The program waits in `poll`, and nothing else is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_some() && self.commits.is_empty()
    }
}
