//! The producer, with the semantics of the Java client 4.1 (`KafkaProducer`,
//! `RecordAccumulator`, `Sender`, `TransactionManager`).
//!
//! Use: [`Producer::send_run`] and the transaction calls at any time; after them, after every
//! [`Producer::response`], and when [`Producer::next_deadline`] has come, call
//! [`Producer::poll`] and carry out what was pushed to `cx.outputs`; then read
//! [`Producer::poll_event`] until it is empty. [`Producer::turn`] is one turn of the Java sender
//! thread alone: it drains and sends; what an answer makes possible is sent in the next turn.
//!
//! Different from the Java client: but for scripts it does not see a connection come up, so that a
//! request waits in a connection that hangs instead of a batch in the accumulator; a flush while
//! another waits replaces it. Not there: telemetry, interceptors,
//! metadata rebootstrap, `metadata.max.idle.ms`, throttling by quotas.

mod append;
mod batch;
mod blocked;
mod calls;
mod complete;
mod config;
mod drain;
mod event;
mod inspect;
mod network;
mod nodes;
mod partition;
mod partitioner;
mod ratio;
mod requests;
mod responses;
mod sender;
mod sequences;
mod stop;
#[cfg(test)]
mod tests;
mod transaction;

use std::collections::VecDeque;

use broker_model::io::Disconnected;
use broker_model::protocol::Response;
use broker_model::types::{BatchId, Duration, Instant, NodeId};

pub(crate) use config::SETTINGS;
pub use config::{ConfigError, ProducerConfig};
pub use event::{
    Operation, Outcome, ProducerError, ProducerEvent, Refusal, RunOutcome, SendOutcome,
};
pub use inspect::{BatchView, Journal, NextBatch, PartitionView};
pub use partitioner::{LoadTable, switches};
pub use transaction::ProducerState;

use super::io::{ClientOutput, Correlation};
use super::metadata::{ClientMetadata, MetadataConfig};
use batch::BatchPool;
use nodes::Nodes;
use partition::Partitions;
use partitioner::TopicState;
use requests::TransactionalRequest;
use stop::{Close, Flush};
use transaction::Transactions;

type Answer = (NodeId, Correlation, Result<Response, Disconnected>);

/// A Kafka producer.
#[derive(Debug)]
pub struct Producer {
    config: ProducerConfig,
    idempotent: bool,
    metadata: ClientMetadata,
    partitions: Partitions,
    topics: Vec<TopicState>,
    pool: BatchPool,
    /// What is left of `buffer.memory`.
    memory: u64,
    /// A send was refused for want of memory and its caller waits: nothing lingers.
    starved: bool,
    /// How long a `send` waits for memory or metadata: `max.block.ms`.
    send_wait: Duration,
    /// When the `send` that waits has waited for so long; [`Instant::FAR`] if none does.
    blocked_until: Instant,
    /// Slots of partitions with a queue, in order of partition id.
    active: Vec<u32>,
    /// Batches without an outcome.
    incomplete: u32,
    serial: u64,
    /// Ready checks so far.
    checks: u64,
    txn: Transactions,
    nodes: Nodes,
    /// The sender thread sleeps until then, and then sends this to that node.
    sleep: Option<(Instant, NodeId, Box<TransactionalRequest>)>,
    /// Answers that came while it slept.
    inbox: VecDeque<Answer>,
    events: VecDeque<ProducerEvent>,
    journal: Option<Vec<(u64, Journal)>>,
    /// Outputs so far.
    outputs: u64,
    /// A turn has something to look at.
    dirty: bool,
    deadline: Instant,
    /// No batch expires before this.
    next_expiry: Instant,
    flush: Option<Flush>,
    close: Option<Close>,
    closed: bool,
    jitter: Option<u64>,
    jitter_draws: u64,
    scripted_draws: Option<u32>,
}

impl Producer {
    /// A producer that knows nothing yet. `seed` is the seed of its backoffs' jitter.
    ///
    /// # Errors
    /// When settings contradict each other.
    pub fn new(mut config: ProducerConfig, seed: u64) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self::assemble(config, Some(seed)))
    }

    /// A producer for scripts: no jitter, random numbers 0, 1, 2..., sends that wait for nothing,
    /// requests only on connections that [`Self::connected`] has told of, settings not checked
    /// against each other, and an account of its inner state in [`Self::take_journal`].
    #[must_use]
    pub fn scripted(config: ProducerConfig) -> Self {
        let mut producer = Self::assemble(config, None);
        producer.scripted_draws = Some(0);
        producer.send_wait = 0;
        producer.nodes.handshakes = true;
        producer.journal = Some(Vec::new());
        producer
    }

    fn assemble(config: ProducerConfig, jitter: Option<u64>) -> Self {
        let metadata = MetadataConfig {
            backoff: config.retry_backoff,
            max_age: config.metadata_max_age,
            jitter_seed: jitter,
        };
        let mut nodes = Nodes::default();
        for &node in &config.bootstrap_servers {
            let _ = nodes.at(node);
        }
        Self {
            idempotent: config.idempotent(),
            metadata: ClientMetadata::new(metadata, &config.bootstrap_servers),
            partitions: Partitions::default(),
            topics: Vec::new(),
            pool: BatchPool::default(),
            memory: config.buffer_memory,
            starved: false,
            send_wait: config.max_block,
            blocked_until: Instant::FAR,
            active: Vec::new(),
            incomplete: 0,
            serial: 0,
            checks: 0,
            txn: Transactions::new(config.transaction_version >= 2),
            nodes,
            sleep: None,
            inbox: VecDeque::new(),
            events: VecDeque::new(),
            journal: None,
            outputs: 0,
            dirty: true,
            deadline: Instant(0),
            next_expiry: Instant::FAR,
            flush: None,
            close: None,
            closed: false,
            jitter,
            jitter_draws: 0,
            scripted_draws: None,
            config,
        }
    }

    /// Adds a topic to those whose metadata it keeps. A send to a topic it has no metadata of is
    /// answered [`SendOutcome::NoMetadata`].
    pub fn want_topic(&mut self, name: &str) {
        self.metadata.want(name);
        self.wake();
    }

    /// Its view of the cluster.
    #[must_use]
    pub const fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// Its configuration.
    #[must_use]
    pub const fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// The brokers have finalized this level of `transaction.version`; taken over when the
    /// current transaction ends.
    pub fn finalized_transaction_version(&mut self, level: u32) {
        self.config.transaction_version = level;
    }

    /// When it wants to be driven, at once if that is not after now: what waits to be sent is to be
    /// offered again, and then [`Self::turn`] called.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.turn_due().min(self.blocked_until)
    }

    /// When [`Self::turn`] has something to do.
    const fn turn_due(&self) -> Instant {
        if self.closed {
            Instant::FAR
        } else if self.dirty && self.sleep.is_none() {
            Instant(0)
        } else {
            self.deadline
        }
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<ProducerEvent> {
        self.events.pop_front()
    }

    fn emit(&mut self, event: ProducerEvent) {
        if let Some(journal) = &mut self.journal {
            journal.push((self.outputs, Journal::Event(event)));
        }
        self.events.push_back(event);
    }

    fn push(&mut self, outputs: &mut Vec<ClientOutput>, output: ClientOutput) {
        self.outputs += 1;
        outputs.push(output);
    }

    const fn wake(&mut self) {
        self.dirty = true;
    }

    /// Random bits for one backoff, `None` without jitter.
    const fn jitter_bits(&mut self) -> Option<u64> {
        match self.jitter {
            Some(seed) => {
                self.jitter_draws = self.jitter_draws.wrapping_add(1);
                Some(crate::prng::mix(seed ^ crate::prng::mix(self.jitter_draws)))
            }
            None => None,
        }
    }
}

/// A batch that was sent with its body.
type Sent = (batch::BatchRef, BatchId);
