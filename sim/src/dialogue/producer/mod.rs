//! Dialogues with the producer, in the language of the recordings of the Java client: one client
//! turn at a time, a scripted network, a clock that moves when told to.

mod answer;
mod commands;
mod render;
mod setup;
mod wire;

use broker_model::names::Names;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::records::Batches;
use broker_model::rules::Rules;
use broker_model::types::{
    Duration, Instant, MILLISECOND, NodeId, Now, ProducerEpoch, ProducerId, RecordId, Timestamp,
    TopicId,
};

use super::DialogueErrorKind;
use super::script::Script;
use crate::client::producer::{
    Journal, Outcome, Producer, ProducerError, ProducerEvent, ProducerState,
};
use crate::client::{ClientContext, ClientOutput};
use crate::prng::Stream;
use crate::records::RecordTable;
use render::Words;
use setup::{Cluster, Setup};
use wire::Wire;

/// When the clock of a dialogue starts.
const START: Instant = Instant(1_000_000 * MILLISECOND);

impl Script for Run {
    const OPENING: &'static str = "producer";

    fn begin(settings: &str) -> Result<Self, DialogueErrorKind> {
        let words: Vec<&str> = settings.split_whitespace().collect();
        Ok(Self::new(Setup::parse(&words)?))
    }

    fn command(&mut self, command: &str, reply: &mut Vec<String>) -> Result<(), DialogueErrorKind> {
        let words: Vec<&str> = command.split_whitespace().collect();
        self.act(&words)?;
        reply.append(&mut self.lines);
        Ok(())
    }
}

/// What became of a record, to be told with its neighbors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Ok(broker_model::types::PartitionId, i64),
    Error(ProducerError),
}

/// A dialogue under way.
pub(super) struct Run {
    producer: Producer,
    cluster: Cluster,
    wire: Wire,
    now: Instant,
    /// How long the last turn would have waited for the network, nanoseconds.
    waits: Duration,
    batches: Batches,
    names: Names,
    records: RecordTable,
    rules: Rules,
    draws: Stream,
    outputs: Vec<ClientOutput>,
    /// Outputs of the producer shown so far.
    shown: u64,
    lines: Vec<String>,
    state: (ProducerState, Option<ProducerError>),
    shown_state: String,
    producer_id: ProducerIdAndEpoch,
    shown_producer_id: ProducerIdAndEpoch,
    /// Calls that returned, told after everything else.
    returned: Vec<String>,
    /// Futures in a row with the same fate: first and last.
    futures: Option<(u32, u32, Told)>,
}

impl Run {
    fn new(setup: Setup) -> Self {
        let mut names = Names::default();
        let mut config = setup.config;
        config.transactional_id =
            setup.transactional_id.as_deref().map(|id| names.transactional_id(id));
        let mut producer = Producer::scripted(config);
        let metadata = producer.metadata_mut();
        for topic in &setup.cluster.topics {
            metadata.want(topic);
        }
        let _ = metadata.request();
        metadata.update(&setup.cluster.metadata(), START);
        let mut producer_id = ProducerIdAndEpoch::NONE;
        if let Some(id) = setup.producer_id
            && producer.config().idempotent()
        {
            producer_id =
                ProducerIdAndEpoch { id: ProducerId(id), epoch: ProducerEpoch(setup.epoch) };
            producer.assume_initialized(producer_id, NodeId(setup.coordinator));
        }
        if let Some(ratio) = setup.compression_ratio {
            for topic in (0..).map(TopicId).take(setup.cluster.topics.len()) {
                producer.assume_compression_ratio(topic, ratio);
            }
        }
        for node in (0..setup.cluster.brokers).map(NodeId).filter(|_| setup.connected) {
            producer.connected(node);
        }
        let state = producer.state();
        let _ = producer.take_journal();
        Self {
            wire: Wire::new(setup.cluster.brokers, setup.connected),
            cluster: setup.cluster,
            now: START,
            waits: producer.config().request_timeout,
            batches: Batches::new(),
            names,
            records: RecordTable::new(Timestamp(0)),
            rules: Rules::default(),
            draws: Stream::new(0, "dialogue"),
            outputs: Vec::new(),
            shown: 0,
            lines: Vec::new(),
            state,
            shown_state: render::state(state.0, state.1),
            producer_id,
            shown_producer_id: producer_id,
            returned: Vec::new(),
            futures: None,
            producer,
        }
    }

    /// Calls the producer, then shows what came of it.
    fn with<T>(&mut self, f: impl FnOnce(&mut Producer, &mut ClientContext<'_>) -> T) -> T {
        let wall = Timestamp((self.now.0 / MILLISECOND).cast_signed());
        let mut cx = ClientContext {
            now: Now { instant: self.now, wall },
            batches: &mut self.batches,
            names: &self.names,
            records: &mut self.records,
            rules: &self.rules,
            draws: &mut self.draws,
            outputs: &mut self.outputs,
        };
        let result = f(&mut self.producer, &mut cx);
        self.show();
        result
    }

    /// Turns the journal and the outputs into lines, in order.
    fn show(&mut self) {
        while self.producer.poll_event().is_some() {}
        let journal = self.producer.take_journal();
        let outputs = core::mem::take(&mut self.outputs);
        let mut outputs = outputs.into_iter();
        for (before, entry) in journal {
            while self.shown < before {
                let Some(output) = outputs.next() else { break };
                self.show_output(output);
            }
            match entry {
                Journal::State(state, error) => self.state = (state, error),
                Journal::Producer(producer) => self.producer_id = producer,
                Journal::Event(event) => self.show_event(event),
            }
        }
        for output in outputs {
            self.show_output(output);
        }
        self.show_futures();
    }

    /// Shows the state if it changed.
    fn show_state(&mut self) {
        self.show_futures();
        if self.producer_id != self.shown_producer_id {
            self.shown_producer_id = self.producer_id;
            let ProducerIdAndEpoch { id, epoch } = self.producer_id;
            self.lines.push(format!("pid={id} epoch={epoch}"));
        }
        let state = render::state(self.state.0, self.state.1);
        if state != self.shown_state {
            self.lines.push(format!("state {state}"));
            self.shown_state = state;
        }
    }

    fn show_output(&mut self, output: ClientOutput) {
        self.shown += 1;
        self.show_state();
        let words = Words { names: &self.names, batches: &self.batches, cluster: &self.cluster };
        self.wire.take(output, &words, &mut self.lines);
    }

    fn show_event(&mut self, event: ProducerEvent) {
        match event {
            ProducerEvent::Completed { partition, batch, outcome, .. } => {
                let records: Vec<RecordId> = self.batches.records(batch).to_vec();
                for (i, record) in (0_i64..).zip(records) {
                    let told = match outcome {
                        Outcome::Acknowledged { base_offset } if base_offset.0 < 0 => {
                            Told::Ok(partition, -1)
                        }
                        Outcome::Acknowledged { base_offset } => {
                            Told::Ok(partition, base_offset.0 + i)
                        }
                        Outcome::Failed(error) | Outcome::Unknown(error) => Told::Error(error),
                    };
                    self.tell(record.0 + 1, told);
                }
            }
            ProducerEvent::Initialized => self.returned.push("init-transactions returns".into()),
            ProducerEvent::Committed => self.returned.push("commit returns".into()),
            ProducerEvent::Aborted => self.returned.push("abort returns".into()),
            ProducerEvent::OffsetsSent(Ok(())) => {
                self.returned.push("send-offsets returns".into());
            }
            ProducerEvent::OffsetsSent(Err(error)) => {
                self.returned.push(format!("send-offsets throws {}", render::exception(error)));
            }
            ProducerEvent::OperationFailed(operation, error) => {
                let (call, error) = (render::call(operation), render::exception(error));
                self.returned.push(format!("{call} throws {error}"));
            }
            ProducerEvent::Flushed => self.returned.push("flush returns".into()),
            ProducerEvent::Closed => self.returned.push("closed".into()),
            ProducerEvent::Abortable(_) | ProducerEvent::Fatal(_) => {}
        }
    }

    /// Joins a future to those before it when their fates continue each other.
    fn tell(&mut self, future: u32, told: Told) {
        if let Some((first, last, before)) = self.futures {
            let length = i64::from(last - first) + 1;
            let continues = match (before, told) {
                (Told::Ok(p, -1), Told::Ok(q, -1)) => p == q,
                (Told::Ok(p, offset), Told::Ok(q, next)) => p == q && next == offset + length,
                (Told::Error(a), Told::Error(b)) => a == b,
                _ => false,
            };
            if continues && future == last + 1 {
                self.futures = Some((first, future, before));
                return;
            }
        }
        self.show_futures();
        self.futures = Some((future, future, told));
    }

    fn show_futures(&mut self) {
        let Some((first, last, told)) = self.futures.take() else { return };
        let who = commands::span(first, last);
        self.lines.push(match told {
            Told::Error(error) => format!("{who} error {}", render::exception(error)),
            Told::Ok(partition, offset) => {
                let name = self.cluster.name(partition);
                if offset < 0 || first == last {
                    format!("{who} ok {name}@{offset}")
                } else {
                    let end = offset + i64::from(last - first);
                    format!("{who} ok {name}@{offset}..{end}")
                }
            }
        });
    }

    fn show_returned(&mut self) {
        let mut returned = core::mem::take(&mut self.returned);
        self.lines.append(&mut returned);
    }
}
