//! What `programs::{produce, consume}` do, written as pure processes of the world: no futures and
//! no runtime. As async code they act behind events, in `settle`.

use std::collections::BTreeMap;
use std::rc::Rc;

use assize::client::Correlation;
use assize::client::consumer::{CommitId, Consumer, ConsumerEvent, Polled};
use assize::client::producer::{Producer, ProducerEvent, SendOutcome};
use assize::hosted::programs::Pace;
use assize::prng::Stream;
use assize::records::{Key, Lane};
use assize::service::{Part, ServiceSpec};
use assize::world::{Actor, ActorContext, LoadWindow, Port};
use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::protocol::group::CommittedOffset;
use broker_model::types::{Duration, Instant, NodeId, Offset, PartitionId};

/// Twin of `produce`.
#[derive(Debug)]
pub(super) struct Producing {
    spec: Rc<ServiceSpec>,
    number: u32,
    pace: Pace,
    machine: Option<(Producer, Stream)>,
    load: Option<LoadWindow>,
    sent: u32,
    flushing: bool,
    flushed: bool,
}

impl Producing {
    pub(super) fn new(part: Part, pace: Pace) -> Self {
        let (spec, number) = (part.spec, part.number);
        let (machine, load) = (None, None);
        Self { spec, number, pace, machine, load, sent: 0, flushing: false, flushed: false }
    }

    fn next_at(&self) -> Instant {
        match self.load {
            Some(load) if !self.flushing => load.from + (u64::from(self.sent) + 1) * self.pace.gap,
            _ => Instant::FAR,
        }
    }

    fn turn(&mut self, cx: &mut ActorContext<'_>) {
        let Some((producer, draws)) = &mut self.machine else { return };
        cx.client(Port::PRODUCER, draws, |cx| producer.turn(cx));
        while let Some(event) = producer.poll_event() {
            self.flushed |= event == ProducerEvent::Flushed;
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.machine.as_ref().is_some_and(|(p, _)| p.next_deadline() <= now)
    }

    fn send(&mut self, cx: &mut ActorContext<'_>, at: Instant, load: LoadWindow) {
        let topic = self.spec.output_topic(cx).expect("the scenario gives it an output");
        let Some((producer, draws)) = &mut self.machine else { return };
        let entity =
            cx.shared.records.push_entity(Lane::ANY, at, Key::new(self.sent % self.pace.keys));
        let record = cx.shared.records.push(Lane::ANY, entity, self.pace.size);
        let sent = cx.client(Port::PRODUCER, draws, |cx| producer.send_run(cx, topic, &[record]));
        assert_eq!(sent.stopped, SendOutcome::Accepted, "the load is small");
        self.sent += 1;
        if self.sent == self.pace.records || at + self.pace.gap >= load.until {
            producer.flush();
            self.flushing = true;
        }
        self.turn(cx);
    }
}

impl Actor for Producing {
    fn start(&mut self, cx: &mut ActorContext<'_>) {
        let name = format!("{}/{}/producer/1", self.spec.name, self.number);
        let mut draws = Stream::new(self.spec.seed, &name);
        let config = self.spec.producer_config(cx, self.number, 1);
        let mut producer = Producer::new(config, draws.bits()).expect("a sound configuration");
        producer.want_topic(self.spec.output.as_ref().expect("the scenario gives it an output"));
        self.machine = Some((producer, draws));
    }

    fn load_begins(&mut self, load: LoadWindow) -> bool {
        self.load = Some(load);
        false
    }

    fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        _port: Port,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        let Some((producer, draws)) = &mut self.machine else { return };
        cx.client(Port::PRODUCER, draws, |cx| producer.response(cx, from, correlation, result));
        self.turn(cx);
    }

    fn wake(&mut self, cx: &mut ActorContext<'_>) {
        if self.is_due(cx.now.instant) {
            self.turn(cx);
        }
    }

    fn is_hosted(&self) -> bool {
        true
    }

    fn settle(&mut self, cx: &mut ActorContext<'_>) -> bool {
        let at = self.next_at();
        if let Some(load) = self.load
            && at <= cx.now.instant
        {
            self.send(cx, at, load);
        }
        false
    }

    fn next_deadline(&self) -> Instant {
        let machine = self.machine.as_ref().map_or(Instant::FAR, |(p, _)| p.next_deadline());
        machine.min(self.next_at())
    }

    fn kill(&mut self, _cx: &mut ActorContext<'_>) {
        unreachable!("no fault of this test kills it");
    }

    fn is_idle(&self) -> bool {
        self.flushed && self.machine.as_ref().is_some_and(|(p, _)| p.is_idle())
    }
}

/// Twin of `consume`.
#[derive(Debug)]
pub(super) struct Consuming {
    spec: Rc<ServiceSpec>,
    number: u32,
    interval: Duration,
    starts: u32,
    is_new: bool,
    machine: Option<(Consumer, Stream)>,
    /// Committed and polled.
    places: BTreeMap<PartitionId, (Offset, Offset)>,
    due: Instant,
    /// Inside a poll, until then.
    polling: Option<Instant>,
    committing: Option<(CommitId, Vec<(PartitionId, Offset)>)>,
    commit_ended: bool,
    revoked: Vec<PartitionId>,
    news: bool,
    /// The poll has returned, and the application has not acted on it.
    returned: bool,
    leaving: Vec<PartitionId>,
    polled: Polled,
}

impl Consuming {
    pub(super) fn new(part: Part, interval: Duration) -> Self {
        Self {
            spec: part.spec,
            number: part.number,
            interval,
            starts: 0,
            is_new: false,
            machine: None,
            places: BTreeMap::new(),
            due: Instant::FAR,
            polling: None,
            committing: None,
            commit_ended: false,
            revoked: Vec::new(),
            news: false,
            returned: false,
            leaving: Vec::new(),
            polled: Polled::default(),
        }
    }

    fn events(&mut self) -> bool {
        let Some((consumer, _)) = &mut self.machine else { return false };
        let mut any = false;
        while let Some(event) = consumer.poll_event() {
            any = true;
            match event {
                ConsumerEvent::Assigned(partitions) => {
                    self.places.retain(|p, _| !partitions.contains(p));
                }
                ConsumerEvent::Revoked(partitions) => {
                    self.news = true;
                    self.revoked.extend(partitions);
                }
                ConsumerEvent::Lost(partitions) => {
                    self.places.retain(|p, _| !partitions.contains(p));
                    self.leaving.retain(|p| !partitions.contains(p));
                    self.news = true;
                }
                ConsumerEvent::Committed { id, result } => {
                    if let Some((_, offsets)) = self.committing.take_if(|one| one.0 == id) {
                        self.commit_ended = true;
                        for (partition, offset) in offsets {
                            if let (Ok(()), Some(place)) =
                                (&result, self.places.get_mut(&partition))
                            {
                                place.0 = place.0.max(offset);
                            }
                        }
                    }
                }
                ConsumerEvent::Error(_) => self.news = true,
                ConsumerEvent::Closed => {}
            }
        }
        any
    }

    fn begin_poll(&mut self, cx: &mut ActorContext<'_>) {
        for partition in std::mem::take(&mut self.leaving) {
            self.places.remove(&partition);
        }
        self.polling = Some(self.due);
        if self.news {
            self.poll_returns();
        } else {
            self.ask(cx);
        }
    }

    fn poll_returns(&mut self) {
        self.polling = None;
        self.news = false;
        self.returned = true;
    }

    fn ask(&mut self, cx: &mut ActorContext<'_>) {
        let mut told = true;
        while told && self.polling.is_some() {
            let Some((consumer, draws)) = &mut self.machine else { return };
            let polled = &mut self.polled;
            cx.client(Port::CONSUMER, draws, |cx| consumer.poll(cx, polled));
            told = self.events();
            for run in &self.polled.runs {
                let first = run.first_offset();
                self.places.entry(run.partition).or_insert((first, first)).1 = run.end_offset();
            }
            if self.news || !self.polled.runs.is_empty() {
                self.poll_returns();
            }
        }
    }

    fn poll_returned(&mut self, cx: &mut ActorContext<'_>) {
        let revoked = std::mem::take(&mut self.revoked);
        let early = !revoked.is_empty();
        self.leaving.extend(revoked);
        if cx.now.instant < self.due && !early {
            self.begin_poll(cx);
            return;
        }
        let fresh = self.places.iter().filter(|(_, place)| place.1 > place.0);
        let offsets: Vec<(PartitionId, Offset)> = fresh.map(|(&p, place)| (p, place.1)).collect();
        if offsets.is_empty() {
            self.commit_returned(cx);
            return;
        }
        let Some((consumer, draws)) = &mut self.machine else { return };
        let asked = offsets
            .iter()
            .map(|&(partition, offset)| CommittedOffset::new(partition, offset, None));
        let asked = asked.collect();
        let id = cx.client(Port::CONSUMER, draws, |cx| consumer.commit_sync(cx, asked));
        self.committing = Some((id, offsets));
        self.events();
    }

    fn commit_returned(&mut self, cx: &mut ActorContext<'_>) {
        self.due = cx.now.instant + self.interval;
        self.begin_poll(cx);
    }

    fn drive(&mut self, cx: &mut ActorContext<'_>) {
        let now = cx.now.instant;
        let Some((consumer, draws)) = &mut self.machine else { return };
        if consumer.next_deadline() <= now {
            cx.client(Port::CONSUMER, draws, |cx| consumer.turn(cx));
        }
        let events = self.events();
        if self.polling.is_none() {
            return;
        }
        if self.news {
            self.poll_returns();
        } else if events || self.machine.as_ref().is_some_and(|(c, _)| c.has_records()) {
            self.ask(cx);
        }
        if self.polling.is_some_and(|until| until <= now) {
            if let Some((consumer, _)) = &mut self.machine {
                consumer.leave_poll();
            }
            self.poll_returns();
        }
    }
}

impl Actor for Consuming {
    fn start(&mut self, cx: &mut ActorContext<'_>) {
        self.starts += 1;
        let name = format!("{}/{}/consumer/{}", self.spec.name, self.number, self.starts);
        let mut draws = Stream::new(self.spec.seed, &name);
        let (group, config, _) = self.spec.consumer_config(cx, self.number);
        let mut consumer = Consumer::new(config, Some(group), &self.spec.brokers, draws.bits());
        let topics: Vec<&str> = self.spec.inputs.iter().map(String::as_str).collect();
        consumer.subscribe(&topics);
        self.machine = Some((consumer, draws));
        self.due = cx.now.instant + self.interval;
        self.is_new = true;
    }

    fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        _port: Port,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        let Some((consumer, draws)) = &mut self.machine else { return };
        let result = result.map_err(|_| assize::client::Disconnected);
        cx.client(Port::CONSUMER, draws, |cx| consumer.response(cx, from, correlation, result));
        self.drive(cx);
    }

    fn wake(&mut self, cx: &mut ActorContext<'_>) {
        self.drive(cx);
    }

    fn is_hosted(&self) -> bool {
        true
    }

    fn settle(&mut self, cx: &mut ActorContext<'_>) -> bool {
        loop {
            if std::mem::take(&mut self.commit_ended) {
                self.commit_returned(cx);
            } else if std::mem::take(&mut self.returned) {
                self.poll_returned(cx);
            } else if self.is_new {
                self.is_new = false;
                self.begin_poll(cx);
            } else {
                return false;
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        let machine = self.machine.as_ref().map_or(Instant::FAR, |(c, _)| c.next_deadline());
        machine.min(self.polling.unwrap_or(Instant::FAR))
    }

    fn kill(&mut self, _cx: &mut ActorContext<'_>) {
        self.machine = None;
        self.places.clear();
        self.polling = None;
        self.committing = None;
        self.commit_ended = false;
        self.revoked.clear();
        self.news = false;
        self.returned = false;
        self.is_new = false;
        self.leaving.clear();
    }

    fn is_idle(&self) -> bool {
        self.polling.is_some() && self.committing.is_none()
    }
}
