//! The consumer as async code sees it.

use std::sync::Arc;

use broker_model::types::{Duration, Instant, Offset, PartitionId, RecordId};

use super::answer::{Pending, question};
use super::board::{Call, Life};
use crate::client::consumer::{CommitError, ConsumerError};

/// A record that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its id in the run.
    pub id: RecordId,
    /// Its offset.
    pub offset: Offset,
    /// A number for its key; [`NO_KEY`](crate::records::NO_KEY) is a null key.
    pub key: u32,
    /// The business entity it belongs to.
    pub entity: u32,
    /// Key and value bytes together.
    pub size: u32,
    /// When the load intended the entity behind it.
    pub intended: Instant,
}

/// Consecutive records of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageRun {
    /// The partition.
    pub partition: PartitionId,
    /// The records in order of offset, at least one.
    pub messages: Vec<Message>,
}

/// What one poll gave.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Polled {
    /// Runs of records, of one partition in order of offset; at most `max.poll.records` records.
    pub runs: Vec<MessageRun>,
    /// Partitions that the group takes away: still owned until the next poll, so commit first.
    pub revoked: Vec<PartitionId>,
    /// Partitions that are gone already, perhaps owned by others.
    pub lost: Vec<PartitionId>,
}

impl Polled {
    /// All records, run by run.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.runs.iter().flat_map(|run| &run.messages)
    }

    /// Whether the poll gave nothing before its time was up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.revoked.is_empty() && self.lost.is_empty()
    }
}

/// A position to commit: the offset of the next record to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The partition.
    pub partition: PartitionId,
    /// The offset.
    pub offset: Offset,
}

/// A consumer of the service's group.
///
/// A service is at rest when its tasks wait in `poll` or have ended; a run ends when everything
/// is at rest after its load.
#[derive(Debug)]
pub struct AsyncConsumer {
    life: Arc<Life>,
}

impl AsyncConsumer {
    pub(super) const fn new(life: Arc<Life>) -> Self {
        Self { life }
    }

    /// Waits for records, or for news of the assignment, however long it takes.
    ///
    /// Asking again says that what the last poll gave has been processed. Dropping the future
    /// before it has its answer takes the question back; an answer that came at the same instant
    /// is lost with it, so bound a poll with [`Self::poll_until`] rather than racing it.
    pub fn poll(&mut self) -> Pending<Result<Polled, ConsumerError>> {
        self.poll_until(Instant::FAR)
    }

    /// As [`Self::poll`], but comes back empty when so many nanoseconds have passed.
    pub fn poll_for(&mut self, timeout: Duration) -> Pending<Result<Polled, ConsumerError>> {
        self.poll_until(Instant(self.life.board.now().0.saturating_add(timeout)))
    }

    /// As [`Self::poll`], but comes back empty at this time.
    pub fn poll_until(&mut self, until: Instant) -> Pending<Result<Polled, ConsumerError>> {
        let (answer, pending) = question();
        self.life.call(Call::Poll(until, answer));
        pending
    }

    /// Commits the positions behind everything polled so far and waits for the answer
    /// (`commitSync`).
    pub fn commit(&mut self) -> Pending<Result<(), CommitError>> {
        let (answer, pending) = question();
        self.life.call(Call::Commit(None, answer));
        pending
    }

    /// Commits these positions and waits for the answer.
    pub fn commit_positions(
        &mut self,
        positions: Vec<Position>,
    ) -> Pending<Result<(), CommitError>> {
        let (answer, pending) = question();
        self.life.call(Call::Commit(Some(positions), answer));
        pending
    }

    /// The next poll reads the partition from this offset.
    pub fn seek(&mut self, partition: PartitionId, offset: Offset) {
        self.life.call(Call::Seek(partition, offset));
    }
}
