//! The producing side of a hosted process: records in, deliveries out.

use std::collections::BTreeMap;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::types::{Instant, NodeId, Offset, RecordId};

use super::answer::Answer;
use super::producer::{Delivery, NewRecord, Origin};
use crate::client::Correlation;
use crate::client::producer::{Outcome, ProducerError};
use crate::records::{Key, Lane};
use crate::service::{Publisher, ServiceSpec, Signal, Told};
use crate::world::ActorContext;

/// A producer and who waits for its answers.
#[derive(Debug)]
pub(super) struct Sending {
    /// None once it can only be closed.
    publisher: Option<Publisher>,
    answers: BTreeMap<RecordId, Answer<Delivery>>,
    /// Calls of `flush` that the producer has not been told of.
    asked: Vec<Answer<()>>,
    /// Calls of `flush` it works on.
    flushing: Vec<Answer<()>>,
    signals: Vec<Signal>,
}

impl Sending {
    pub(super) fn new(mut publisher: Publisher) -> Self {
        publisher.tell_everything();
        Self {
            publisher: Some(publisher),
            answers: BTreeMap::new(),
            asked: Vec::new(),
            flushing: Vec::new(),
            signals: Vec::new(),
        }
    }

    /// The program hands over a record.
    pub(super) fn send(
        &mut self,
        cx: &mut ActorContext<'_>,
        spec: &ServiceSpec,
        record: NewRecord,
        answer: Answer<Delivery>,
    ) {
        let now = cx.now.instant;
        let Some(publisher) = &mut self.publisher else {
            answer.give(Delivery::Failed(ProducerError::Closed));
            return;
        };
        let entity = match record.origin {
            Origin::Entity(entity) => entity,
            Origin::Fresh { key, intended } => {
                cx.shared.recorder.record_intended(1);
                cx.shared.records.push_entity(Lane::ANY, intended.unwrap_or(now), Key::new(key))
            }
        };
        let id = cx.shared.records.push(Lane::ANY, entity, record.size);
        cx.shared.records.set_payload(id, spec.makes_like.payload.unwrap_or_default());
        if let (Origin::Fresh { .. }, Some(stage)) = (record.origin, spec.stage) {
            let intended = cx.shared.records.get(id).intended;
            let span = (intended.0.min(now.0), now.0);
            cx.shared.recorder.completed_all(stage, [span].into_iter());
        }
        self.answers.insert(id, answer);
        publisher.send(cx, &[id]);
    }

    /// The program calls `flush`.
    pub(super) fn flush(&mut self, answer: Answer<()>) {
        self.asked.push(answer);
    }

    pub(super) fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        if let Some(publisher) = &mut self.publisher {
            publisher.response(cx, from, correlation, result);
        }
    }

    /// Lets the producer work and answers what it is done with.
    pub(super) fn drive(&mut self, cx: &mut ActorContext<'_>) {
        let Some(publisher) = &mut self.publisher else {
            for answer in self.asked.drain(..).chain(self.flushing.drain(..)) {
                answer.give(());
            }
            return;
        };
        // What waits in line in front of the producer was handed over before the flush.
        if !self.asked.is_empty() && !publisher.is_blocked() {
            publisher.flush();
            self.flushing.append(&mut self.asked);
        }
        publisher.drive(cx, &mut self.signals);
        let told = publisher.take_told();
        publisher.take_completed();
        publisher.take_failed();
        for one in told {
            self.told(cx, one);
        }
        for signal in std::mem::take(&mut self.signals) {
            match signal {
                Signal::Flushed => {
                    for answer in self.flushing.drain(..) {
                        answer.give(());
                    }
                }
                Signal::Fatal(_) => self.fail(cx),
                // Without transactions there is nothing to initialize, commit or abort.
                _ => {}
            }
        }
    }

    fn told(&mut self, cx: &ActorContext<'_>, told: Told) {
        match told {
            Told::Refused(id, error) => {
                if let Some(answer) = self.answers.remove(&id) {
                    answer.give(Delivery::Failed(error));
                }
            }
            Told::Batch(partition, batch, outcome) => {
                for (at, id) in (0..).zip(cx.shared.batches.records(batch)) {
                    let Some(answer) = self.answers.remove(id) else { continue };
                    answer.give(match outcome {
                        Outcome::Acknowledged { base_offset } => {
                            let known = base_offset != Offset::NONE;
                            Delivery::Acknowledged {
                                partition,
                                offset: known.then(|| base_offset + at),
                            }
                        }
                        Outcome::Failed(error) => Delivery::Failed(error),
                        Outcome::Unknown(error) => Delivery::Unknown(error),
                    });
                }
            }
        }
    }

    /// The producer is of no more use: what it had is unknown.
    fn fail(&mut self, cx: &mut ActorContext<'_>) {
        if let Some(mut publisher) = self.publisher.take() {
            publisher.lost(cx);
        }
        for answer in std::mem::take(&mut self.answers).into_values() {
            answer.give(Delivery::Unknown(ProducerError::Closed));
        }
    }

    /// The process is killed.
    pub(super) fn lost(&mut self, cx: &mut ActorContext<'_>) {
        if let Some(mut publisher) = self.publisher.take() {
            publisher.lost(cx);
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next_deadline() <= now
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.publisher.as_ref().map_or(Instant::FAR, Publisher::next_deadline)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty()
            && self.flushing.is_empty()
            && self.publisher.as_ref().is_none_or(Publisher::is_idle)
    }
}
