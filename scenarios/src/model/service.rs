//! Services: kinds are Rust code in the simulator, a scenario selects and parametrizes.

use super::config::KafkaConfig;
use super::load::Payload;
use super::quantity::{Distribution, Ratio};

/// `[service.NAME]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// Its name, also the default of its consumer group and the prefix of its ids.
    pub name: String,
    /// `kind` with the kind's own parameters.
    pub kind: ServiceKind,
    /// `instances`, at least one, each with one poll loop.
    pub instances: u32,
    /// `time`: service time per record.
    pub time: ServiceTime,
    /// `input` / `inputs`: topics consumed, in file order. Empty for an ingress.
    pub inputs: Vec<String>,
    /// `output`: the topic produced to. None for sinks without output, readers, and an ingress
    /// with an outbox.
    pub output: Option<String>,
    /// `output_size`: bytes of an output record's value; none means as large as its input.
    pub output_size: Option<u64>,
    /// `output_payload`: what an output record's content is like; none means like its input's.
    pub output_payload: Option<Payload>,
    /// `group`: the consumer group, by default the service's name. None for an ingress.
    pub group: Option<String>,
    /// `transactional`: outputs and offsets go through transactions.
    pub transactional: bool,
    /// `transactional_id`.
    pub transactional_ids: TransactionalIds,
    /// `abort`: probability that the service itself aborts a transaction that it could commit.
    /// A consumer rewinds and processes again; an ingress reports failure to its caller.
    pub abort: Ratio,
    /// `commit`: when offsets are committed. Transactions send them themselves.
    pub commit: Commit,
    /// `commit_interval`: nanoseconds between commits (or transactions); 0: after each poll.
    pub commit_interval: u64,
    /// `effects`: name of the ledger of an external store with a commit of its own, in which
    /// each processed record applies one effect.
    pub effects: Option<String>,
    /// `rows` and what belongs to it, of an ingress or a relay.
    pub rows: Option<Rows>,
    /// `dedupe`: whether the store recognizes what it has applied.
    pub dedupe: Dedupe,
    /// `poison` and what belongs to it.
    pub poison: Option<Poison>,
    /// `restart`: nanoseconds from a kill to the restart of the instance.
    pub restart: u64,
    /// `producer`: Kafka's producer keys, verbatim.
    pub producer: KafkaConfig,
    /// `consumer`: Kafka's consumer keys, verbatim.
    pub consumer: KafkaConfig,
}

impl Service {
    /// Its retry topics, in the order in which a record goes through them.
    pub fn retries(&self) -> impl Iterator<Item = &Retry> {
        self.poison.iter().flat_map(|poison| &poison.retries)
    }

    /// Where it puts what it gives up.
    #[must_use]
    pub fn dead_letter(&self) -> Option<&String> {
        self.poison.as_ref()?.dead_letter.as_ref()
    }

    /// The table whose outbox it fills or, a relay, empties.
    #[must_use]
    pub fn outbox(&self) -> Option<&String> {
        let rows = self.rows.as_ref().filter(|rows| rows.publish == Publish::Outbox)?;
        Some(&rows.table)
    }

    /// Whether what this service makes goes to another: through a topic, or through an outbox.
    #[must_use]
    pub fn feeds(&self, other: &Self) -> bool {
        let by_topic = self.output.as_ref().is_some_and(|output| other.inputs.contains(output));
        let by_outbox = self.kind == ServiceKind::Ingress
            && other.is_relay()
            && self.outbox().is_some_and(|table| other.outbox() == Some(table));
        by_topic || by_outbox
    }

    /// Whether it publishes what is in the outbox of another service.
    #[must_use]
    pub const fn is_relay(&self) -> bool {
        matches!(self.kind, ServiceKind::Relay { .. })
    }

    /// Topics that it reads: its inputs and behind them its retry topics.
    pub fn reads(&self) -> impl Iterator<Item = &String> {
        self.inputs.iter().chain(self.retries().map(|retry| &retry.topic))
    }

    /// Topics that it writes: its output, its retry topics and its dead-letter topic.
    pub fn writes(&self) -> impl Iterator<Item = &String> {
        let retries = self.retries().map(|retry| &retry.topic);
        self.output.iter().chain(retries).chain(self.dead_letter())
    }
}

/// What a service does with records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServiceKind {
    /// Takes calls of a load and produces one record each.
    Ingress,
    /// One output per input, same entity.
    Transform,
    /// Joins its two inputs by entity: one output when both sides came within the window.
    Join {
        /// `window` in nanoseconds of record time.
        window: u64,
    },
    /// Applies effects; an output is optional.
    Sink,
    /// Reads and measures.
    Reader,
    /// Publishes the rows of an outbox, in order, and marks those that are acknowledged.
    Relay {
        /// `poll_interval`: nanoseconds from one look at an outbox with little in it to the next.
        poll_interval: u64,
        /// `batch`: how many rows it takes at once, at least one.
        batch: u32,
        /// `claim`.
        claim: Claim,
    },
}

/// The rows that a service commits to a local database, one for each call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows {
    /// `rows`: the name of the table.
    pub table: String,
    /// `publish`.
    pub publish: Publish,
    /// `row_time`: nanoseconds that the database takes to commit.
    pub time: u64,
}

/// How the record of a row comes to its topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Publish {
    /// A second row says so, in the same database transaction, and a relay publishes it.
    Outbox,
    /// The service sends it when the row is committed.
    AfterCommit,
    /// The service sends it, and commits the row when it is acknowledged.
    BeforeCommit,
}

/// Which rows of an outbox an instance of a relay takes when there are several.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Claim {
    /// The oldest that no other one has locked (`FOR UPDATE SKIP LOCKED`).
    #[default]
    SkipLocked,
    /// The oldest of its own keys, which are divided among the instances.
    ByKey,
    /// The oldest, whoever else publishes them.
    None,
}

/// Service time per record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServiceTime {
    /// The same distribution for every record.
    Same(Distribution),
    /// One distribution per input, in the order of `inputs`.
    PerInput(Vec<Distribution>),
}

/// Where transactional ids come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransactionalIds {
    /// `SERVICE-INSTANCE`, one for each instance: who starts again ends what it had begun.
    PerInstance,
    /// `SERVICE-INSTANCE-START`, one for each process, as with Kafka Streams without a state directory:
    /// what a process that is gone had begun is ended by its timeout.
    PerProcess,
    /// One id for all instances, which is a mistake: they fence each other.
    Shared(String),
}

impl TransactionalIds {
    /// The transactional id of an instance of a service when it has started so often, 0 being the
    /// first time.
    #[must_use]
    pub fn of(&self, service: &str, instance: u32, start: u32) -> String {
        match self {
            Self::PerInstance => format!("{service}-{instance}"),
            Self::PerProcess => format!("{service}-{instance}-{start}"),
            Self::Shared(id) => id.clone(),
        }
    }

    /// Those of the first processes of so many instances of a service, each once.
    #[must_use]
    pub fn all(&self, service: &str, instances: u32) -> Vec<String> {
        let different = match self {
            Self::PerInstance | Self::PerProcess => instances,
            Self::Shared(_) => 1,
        };
        (0..different).map(|instance| self.of(service, instance, 0)).collect()
    }
}

/// When a consuming service commits its offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// After the records were processed and their outputs acknowledged (at least once).
    AfterProcessing,
    /// Before processing (at most once).
    BeforeProcessing,
    /// The consumer commits by itself in `poll` (`enable.auto.commit`).
    Auto,
    /// Not to Kafka: the store of the effects keeps each effect with its offset, in one
    /// transaction of its own, and instances begin where it says.
    WithEffects,
}

/// Records that the handler fails with, and what becomes of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Poison {
    /// `poison`: probability, per entity.
    pub share: Ratio,
    /// `failures`: how often the handler fails with such a record before it succeeds; none means
    /// every time.
    pub failures: Option<u32>,
    /// `attempts`: how often such a record is tried, from each topic that it is read from; none
    /// means that the first failure ends the process.
    pub attempts: Option<u32>,
    /// `backoff`: nanoseconds between attempts, in which nothing else is done.
    pub backoff: u64,
    /// `retry`: where such a record goes after its attempts, from one to the next. Only a service
    /// with one input has any.
    pub retries: Vec<Retry>,
    /// `dead_letter`: the topic for records that are given up; without it they are dropped.
    pub dead_letter: Option<String>,
}

/// A retry topic, which the service that fills it reads as well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retry {
    /// The topic.
    pub topic: String,
    /// Nanoseconds from the failure that brought a record here to its next attempt, at least.
    pub delay: u64,
}

/// Whether effects are applied once per entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dedupe {
    /// Every attempt is applied.
    None,
    /// The store remembers entities together with their effects, across crashes.
    ByEntity {
        /// `capacity`: how many entities it remembers; none means all.
        capacity: Option<u64>,
        /// `ttl`: for how many nanoseconds; none means for ever.
        ttl: Option<u64>,
    },
}
