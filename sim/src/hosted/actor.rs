//! A process whose application is async code: the same clients as any other's, and between them
//! and the code a list of calls in one direction and answers in the other.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::types::{Instant, NodeId};

use super::answer::Answer;
use super::board::{Board, Call, Fate, Life};
use super::process::{Facts, Process};
use super::reading::Reading;
use super::sending::Sending;
use crate::client::Correlation;
use crate::client::consumer::Consumer;
use crate::prng::Stream;
use crate::service::{Part, Publisher, ServiceSpec};
use crate::world::{Actor, ActorContext, LoadWindow, Port};

const SLEEPS_ROOM: usize = 64;

/// A hosted process.
#[derive(Debug)]
pub(super) struct HostedActor {
    spec: Rc<ServiceSpec>,
    number: u32,
    instance: u32,
    board: Arc<Board>,
    starts: u32,
    /// None while the process is down.
    life: Option<Arc<Life>>,
    sending: Option<Sending>,
    reading: Option<Reading>,
    sleeps: BTreeMap<(Instant, u64), Answer<()>>,
    sleeps_so_far: u64,
    /// At so many sleeps those whose future is gone are looked for.
    sleeps_room: usize,
    load: Option<LoadWindow>,
    load_wanted: Vec<Answer<LoadWindow>>,
}

impl HostedActor {
    pub(super) fn new(part: Part, board: Arc<Board>) -> Self {
        Self {
            spec: part.spec,
            number: part.number,
            instance: part.instance,
            board,
            starts: 0,
            life: None,
            sending: None,
            reading: None,
            sleeps: BTreeMap::new(),
            sleeps_so_far: 0,
            sleeps_room: SLEEPS_ROOM,
            load: None,
            load_wanted: Vec::new(),
        }
    }

    fn make_reading(&self, cx: &mut ActorContext<'_>, name: &str) -> Option<Reading> {
        if self.spec.inputs.is_empty() {
            return None;
        }
        let mut draws = Stream::new(self.spec.seed, &format!("{name}/consumer/{}", self.starts));
        let (group, config, isolation) = self.spec.consumer_config(cx, self.number);
        let id = cx.shared.recorder.consumer(self.instance, group.0, isolation);
        let seed = draws.bits();
        let mut consumer = Consumer::new(config, Some(group), &self.spec.brokers, seed);
        let topics: Vec<&str> = self.spec.inputs.iter().map(String::as_str).collect();
        consumer.subscribe(&topics);
        Some(Reading::new(consumer, draws, id, group))
    }

    fn make_sending(&self, cx: &mut ActorContext<'_>, name: &str) -> Option<Sending> {
        let (topic, output) = (self.spec.output_topic(cx)?, self.spec.output.as_ref()?);
        let config = self.spec.producer_config(cx, self.number, self.starts);
        let draws = Stream::new(self.spec.seed, &format!("{name}/producer/{}", self.starts));
        let topic = (output.as_str(), topic);
        let stage = self.spec.produce_stage;
        Some(Sending::new(Publisher::new(cx, config, draws, self.instance, topic, stage)))
    }

    fn drive(&mut self, cx: &mut ActorContext<'_>) {
        let now = cx.now.instant;
        if let Some(sending) = &mut self.sending
            && sending.is_due(now)
        {
            sending.drive(cx);
        }
        if let Some(reading) = &mut self.reading
            && reading.is_due(now)
        {
            reading.drive(cx);
        }
        self.end_sleeps(now);
    }

    /// Wakes those who slept until now, and forgets those whose future is gone.
    fn end_sleeps(&mut self, now: Instant) {
        while let Some(first) = self.sleeps.first_entry() {
            if first.key().0 > now && first.get().is_wanted() {
                break;
            }
            first.remove().give(());
        }
    }

    fn sleep(&mut self, at: Instant, answer: Answer<()>) {
        if self.sleeps.len() >= self.sleeps_room {
            self.sleeps.retain(|_, answer| answer.is_wanted());
            self.sleeps_room = SLEEPS_ROOM.max(2 * self.sleeps.len());
        }
        self.sleeps_so_far += 1;
        self.sleeps.insert((at, self.sleeps_so_far), answer);
    }

    fn call(&mut self, cx: &mut ActorContext<'_>, call: Call) {
        let spec = Rc::clone(&self.spec);
        match call {
            Call::Send(record, answer) => {
                if let Some(sending) = &mut self.sending {
                    sending.send(cx, &spec, record, answer);
                }
            }
            Call::Flush(answer) => {
                if let Some(sending) = &mut self.sending {
                    sending.flush(answer);
                }
            }
            Call::Poll(until, answer) => {
                if let Some(reading) = &mut self.reading {
                    reading.poll(cx, &spec, until, answer);
                }
            }
            Call::Commit(positions, answer) => {
                if let Some(reading) = &mut self.reading {
                    reading.commit(cx, &spec, positions, answer);
                }
            }
            Call::Seek(partition, to) => {
                if let Some(reading) = &mut self.reading {
                    reading.seek(cx, partition, to);
                }
            }
            Call::Sleep(at, answer) if at <= cx.now.instant => answer.give(()),
            Call::Sleep(at, answer) => self.sleep(at, answer),
            Call::Load(answer) => match self.load {
                Some(load) => answer.give(load),
                None => self.load_wanted.push(answer),
            },
        }
    }
}

impl Actor for HostedActor {
    fn start(&mut self, cx: &mut ActorContext<'_>) {
        assert!(self.board.is_driven(), "async services need the hosted driver");
        self.starts += 1;
        let name = format!("{}/{}", self.spec.name, self.number);
        self.reading = self.make_reading(cx, &name);
        self.sending = self.make_sending(cx, &name);
        let life = Arc::new(Life::new(&self.board, self.instance));
        let facts = Facts {
            service: self.spec.name.clone(),
            number: self.number,
            instances: self.spec.instances,
            start: self.starts,
            seed: self.spec.seed,
            produces: self.sending.is_some(),
            consumes: self.reading.is_some(),
        };
        let process = Process::new(Arc::clone(&life), facts);
        self.life = Some(life);
        self.board.tell(self.instance, Fate::Started(process));
    }

    fn load_begins(&mut self, load: LoadWindow) -> bool {
        self.load = Some(load);
        for answer in self.load_wanted.drain(..) {
            answer.give(load);
        }
        false
    }

    fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        port: Port,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        if port == Port::PRODUCER {
            if let Some(sending) = &mut self.sending {
                sending.response(cx, from, correlation, result);
                sending.drive(cx);
            }
        } else if let Some(reading) = &mut self.reading {
            reading.response(cx, from, correlation, result);
            reading.drive(cx);
        }
    }

    fn wake(&mut self, cx: &mut ActorContext<'_>) {
        self.drive(cx);
    }

    fn next_deadline(&self) -> Instant {
        let sending = self.sending.as_ref().map_or(Instant::FAR, Sending::next_deadline);
        let reading = self.reading.as_ref().map_or(Instant::FAR, Reading::next_deadline);
        let sleep = self.sleeps.first_key_value().map_or(Instant::FAR, |((at, _), _)| *at);
        sending.min(reading).min(sleep)
    }

    fn kill(&mut self, cx: &mut ActorContext<'_>) {
        if let Some(mut sending) = self.sending.take() {
            sending.lost(cx);
        }
        if let Some(mut reading) = self.reading.take() {
            reading.lost(cx);
        }
        self.sleeps.clear();
        self.load_wanted.clear();
        if self.life.take().is_some() {
            self.board.tell(self.instance, Fate::Killed);
        }
    }

    fn is_idle(&self) -> bool {
        let Some(life) = &self.life else { return false };
        let over = life.gauge.alive() == 0;
        !self.sleeps.values().any(Answer::is_wanted)
            && self.sending.as_ref().is_none_or(Sending::is_idle)
            && (over || self.reading.as_ref().is_none_or(Reading::is_idle))
    }

    fn is_hosted(&self) -> bool {
        true
    }

    fn settle(&mut self, cx: &mut ActorContext<'_>) -> bool {
        let Some(life) = self.life.clone() else { return false };
        let mut sent = false;
        for call in life.take_calls() {
            sent |= matches!(call, Call::Send(..) | Call::Flush(_));
            self.call(cx, call);
        }
        if sent && let Some(sending) = &mut self.sending {
            sending.drive(cx);
        }
        self.end_sleeps(cx.now.instant);
        life.gauge.woken() > 0
    }
}
