//! A `send` that waits: for memory or for metadata, at most `max.block.ms`.

use broker_model::types::Instant;

use super::Producer;
use super::event::{ProducerError, SendOutcome};
use super::transaction::ProducerState;

impl Producer {
    /// What a `send` comes to: one that found no memory or no metadata waits from its first try
    /// on, and is not taken when `max.block.ms` has passed. Source: Java, `KafkaProducer.doSend`,
    /// `BufferPool.allocate`.
    pub(super) fn judge_wait(&mut self, now: Instant, outcome: SendOutcome) -> SendOutcome {
        let error = match outcome {
            SendOutcome::BufferFull => ProducerError::BufferExhausted,
            SendOutcome::NoMetadata => ProducerError::BlockTimeout,
            _ => {
                self.blocked_until = Instant::FAR;
                return outcome;
            }
        };
        if self.blocked_until == Instant::FAR {
            self.blocked_until = now + self.send_wait;
        }
        if now < self.blocked_until {
            return outcome;
        }
        self.blocked_until = Instant::FAR;
        self.starved = false;
        self.send_failed(error);
        SendOutcome::NotTaken(error)
    }

    /// An exception of `send` itself. Outside of a transaction there is nothing to abort, and
    /// nothing comes of it.
    pub(super) fn send_failed(&mut self, error: ProducerError) {
        if ProducerState::AbortableError.follows(self.txn.state) {
            self.batch_failed(error);
        }
    }
}
