//! What a producer tells its application.

use broker_model::protocol::ErrorCode;
use broker_model::types::{BatchId, Offset, PartitionId};

/// Why the producer could not do what was asked. Java's exceptions by their cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProducerError {
    /// A broker said so.
    #[error("{0}")]
    Code(ErrorCode),
    /// Retries of a transaction's request or batch ran out, or its state was found to be wrong: as
    /// [`Self::Code`], to be aborted.
    #[error("transaction must be aborted after {0}")]
    AbortableCode(ErrorCode),
    /// `delivery.timeout.ms` has passed.
    #[error("delivery.timeout.ms has passed")]
    DeliveryTimeout,
    /// `delivery.timeout.ms` or `max.block.ms` has passed, as the reason of a transaction to be
    /// aborted.
    #[error("transaction must be aborted: a timeout has passed")]
    AbortableTimeout,
    /// As [`Self::BufferExhausted`], as the reason of a transaction to be aborted.
    #[error("transaction must be aborted: no memory within max.block.ms")]
    AbortableBufferExhausted,
    /// The transaction was aborted before the batch was sent.
    #[error("transaction aborted before the batch was sent")]
    TransactionAborted,
    /// The producer was closed with the batch incomplete.
    #[error("producer closed")]
    Closed,
    /// Sent batches were given up with their outcome unknown (`maybeResolveSequences`).
    #[error("the outcome of earlier batches is unknown")]
    UnresolvedSequences,
    /// A consumer's group metadata is stale (`CommitFailedException`).
    #[error("offsets refused: the group has moved on")]
    CommitFailed,
    /// Some partitions could not be added to the transaction.
    #[error("could not add partitions to the transaction")]
    PartitionsNotAdded,
    /// A call or transition that the state does not allow.
    #[error("illegal state")]
    IllegalState,
    /// `max.block.ms` has passed.
    #[error("max.block.ms has passed")]
    BlockTimeout,
    /// `buffer.memory` was used up for `max.block.ms`.
    #[error("no memory within max.block.ms")]
    BufferExhausted,
    /// A record larger than `max.request.size` or `buffer.memory`.
    #[error("record too large")]
    RecordTooLarge,
}

impl ProducerError {
    /// Its name for reports: the code of a broker, else the exception of the Java client.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code(code) | Self::AbortableCode(code) => code.name(),
            Self::DeliveryTimeout | Self::AbortableTimeout | Self::BlockTimeout => {
                "TimeoutException"
            }
            Self::BufferExhausted | Self::AbortableBufferExhausted => "BufferExhaustedException",
            Self::TransactionAborted => "TransactionAbortedException",
            Self::Closed | Self::UnresolvedSequences | Self::PartitionsNotAdded => "KafkaException",
            Self::CommitFailed => "CommitFailedException",
            Self::IllegalState => "IllegalStateException",
            Self::RecordTooLarge => "RecordTooLargeException",
        }
    }
}

/// Why a call was refused at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The state does not allow the call (Java's `IllegalStateException`).
    #[error("the state of the producer does not allow this call")]
    IllegalState,
    /// The producer is in an error state.
    #[error("the producer is in an error state: {0}")]
    Failed(ProducerError),
}

/// What became of a send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendOutcome {
    /// Taken; a [`ProducerEvent::Completed`] will tell.
    Accepted,
    /// `buffer.memory` is used up, and the `send` waits: offer the same record again when a batch
    /// has completed or [`next_deadline`](super::Producer::next_deadline) has come.
    BufferFull,
    /// Nothing is known of the topic or partition yet, and the `send` waits likewise.
    NoMetadata,
    /// The record is too large, or its `send` has waited for `max.block.ms`. A transaction can only
    /// be aborted then; else the next record may be sent.
    NotTaken(ProducerError),
    /// Refused. As in the Java client the record may have been queued all the same, and may be
    /// sent with a later transaction.
    Refused(Refusal),
}

/// How far [`send_run`](super::Producer::send_run) came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunOutcome {
    /// So many records were accepted, from the front.
    pub accepted: usize,
    /// What stopped it, [`SendOutcome::Accepted`] if nothing.
    pub stopped: SendOutcome,
}

/// What is known of a batch when the producer is done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The broker has it.
    Acknowledged {
        /// Offset of its first record; [`Offset::NONE`] with `acks=0`, and for a duplicate the
        /// broker no longer knows the offset of.
        base_offset: Offset,
    },
    /// Certainly not in the log, and it will not come there any more.
    Failed(ProducerError),
    /// Given up after it was sent at least once without a clear refusal: it may be in the log or
    /// still get there.
    Unknown(ProducerError),
}

/// A call that waits, at most `max.block.ms`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// `initTransactions`.
    Initialize,
    /// `commitTransaction`.
    Commit,
    /// `abortTransaction`.
    Abort,
    /// `sendOffsetsToTransaction`.
    SendOffsets,
}

/// Something the application waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProducerEvent {
    /// A batch is done with.
    Completed {
        /// The partition.
        partition: PartitionId,
        /// The body, which names the records. After an epoch bump several bodies share their
        /// records: this is the one answered, or else the last one.
        batch: BatchId,
        /// What is known.
        outcome: Outcome,
        /// It was given another producer epoch before it was known whether it is in the log, so
        /// that it may be there twice (KAFKA-14034).
        renumbered: bool,
    },
    /// `initTransactions` returned.
    Initialized,
    /// `sendOffsetsToTransaction` returned.
    OffsetsSent(Result<(), ProducerError>),
    /// `commitTransaction` returned.
    Committed,
    /// `abortTransaction` returned.
    Aborted,
    /// The transaction can only be aborted.
    Abortable(ProducerError),
    /// The producer can only be closed.
    Fatal(ProducerError),
    /// A waiting call ended with an error.
    OperationFailed(Operation, ProducerError),
    /// `flush` returned.
    Flushed,
    /// `close` returned.
    Closed,
}
