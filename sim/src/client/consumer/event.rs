//! What a consumer hands to the application: runs of records and events.

use broker_model::protocol::ErrorCode;
use broker_model::types::{BatchId, LeaderEpoch, Offset, PartitionId};

/// A run of consecutive records of one batch of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// The partition.
    pub partition: PartitionId,
    /// Offset of the batch's first record; record `i` of the batch is at `base_offset + i`.
    pub base_offset: Offset,
    /// The batch.
    pub batch: BatchId,
    /// Position in the batch of the first record of the run.
    pub from: u32,
    /// Position in the batch behind the last record of the run.
    pub to: u32,
    /// The leader epoch the batch was appended in.
    pub leader_epoch: LeaderEpoch,
}

impl Run {
    /// Offset of the first record of the run.
    #[must_use]
    pub fn first_offset(&self) -> Offset {
        self.base_offset + i64::from(self.from)
    }

    /// Offset behind the last record of the run.
    #[must_use]
    pub fn end_offset(&self) -> Offset {
        self.base_offset + i64::from(self.to)
    }

    /// Records in the run, at least one.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.to - self.from
    }
}

/// What one poll gave. Reuse it: the buffer keeps its room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Polled {
    /// Runs of records: of one partition in order of offset.
    pub runs: Vec<Run>,
    /// Records in all runs, at most `max.poll.records`.
    pub records: u32,
}

impl Polled {
    /// Forgets the runs and keeps the room.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.records = 0;
    }
}

/// Names a commit of one consumer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CommitId(pub u32);

/// Why a commit failed. A commit that timed out or whose answer was lost may have happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommitError {
    /// `CommitFailedException`: the member is no longer part of the group.
    #[error("the member is no longer part of the group")]
    CommitFailed,
    /// `RebalanceInProgressException`: poll to finish the rebalance, then commit again.
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    /// `RetriableCommitFailedException`: an asynchronous commit is not tried again.
    #[error("{0}: the commit may be tried again")]
    Retriable(ErrorCode),
    /// `TimeoutException` after `default.api.timeout.ms`.
    #[error("no success within default.api.timeout.ms")]
    Timeout,
    /// `FencedInstanceIdException`: another member took the `group.instance.id`.
    #[error("another member uses the same group.instance.id")]
    FencedInstance,
    /// Any other error of the broker.
    #[error("{0}")]
    Refused(ErrorCode),
}

/// What `poll` throws in Java.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConsumerError {
    /// `NoOffsetForPartitionException`: nothing committed and `auto.offset.reset=none`.
    #[error("no committed offset and auto.offset.reset is none")]
    NoOffset(Vec<PartitionId>),
    /// `OffsetOutOfRangeException` with `auto.offset.reset=none`.
    #[error("offset {1} of partition {0} is out of range and auto.offset.reset is none")]
    OffsetOutOfRange(PartitionId, Offset),
    /// `LogTruncationException` (KIP-320) with `auto.offset.reset=none`.
    #[error("the log of partition {0} was truncated below the position {1}")]
    LogTruncation(PartitionId, Offset),
    /// A batch was corrupt on the broker.
    #[error("a record of partition {0} at offset {1} is corrupt")]
    Corrupt(PartitionId, Offset),
    /// The group coordinator refused for good (`FENCED_INSTANCE_ID`, `INVALID_SESSION_TIMEOUT`,
    /// `INCONSISTENT_GROUP_PROTOCOL` and the like). The consumer joins no more.
    #[error("the group coordinator refused: {0}")]
    Group(ErrorCode),
}

/// Something the application must see, in order.
///
/// `Revoked`, `Lost` and `Assigned` stand for the calls of Java's `ConsumerRebalanceListener`:
/// the consumer goes on with the rebalance only when all events are taken and `poll` is called
/// again, so that the application can commit what it still owns first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsumerEvent {
    /// `onPartitionsRevoked`: still owned, may be committed; gone at the next poll.
    Revoked(Vec<PartitionId>),
    /// `onPartitionsLost`: perhaps owned by others already.
    Lost(Vec<PartitionId>),
    /// `onPartitionsAssigned`: what was added, with cooperative assignors perhaps nothing.
    Assigned(Vec<PartitionId>),
    /// A commit ended.
    Committed {
        /// Which.
        id: CommitId,
        /// How.
        result: Result<(), CommitError>,
    },
    /// What `poll` would have thrown. The next poll goes on.
    Error(ConsumerError),
    /// A close has ended.
    Closed,
}
