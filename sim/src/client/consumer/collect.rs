//! From the buffer to the application: errors of fetched partitions, positions, runs.

use broker_model::protocol::ErrorCode;
use broker_model::protocol::fetch::Isolation;
use broker_model::records::NewBatch;
use broker_model::rules::{ConsumerPosition, ConsumerRecords};
use broker_model::types::{Offset, PartitionId, Timestamp};

use super::buffer::CompletedFetch;
use super::config::OffsetReset;
use super::event::{ConsumerError, Polled, Run};
use super::subscription::{Phase, Position};
use super::{Consumer, ConsumerEvent};
use crate::client::ClientContext;
use crate::records::{Key, Lane};

/// The canaries of this file act once in so many polls with records.
const CANARY_PERIOD: u32 = 1_000;
/// ... beginning with this one.
const CANARY_FIRST: u32 = 20;

impl Consumer {
    /// Moves up to `max.poll.records` records from the buffer to `out`. Says whether a position
    /// moved, be it over records that are not given.
    pub(super) fn collect(&mut self, cx: &mut ClientContext<'_>, out: &mut Polled) -> bool {
        let mut moved = false;
        let max = self.config.max_poll_records;
        let mut paused = 0;
        while out.records < max && self.buffer.len() > paused {
            let Some(mut fetch) = self.buffer.pop() else { break };
            if !fetch.initialized && !self.initialize(&mut fetch) {
                self.discard(&fetch);
                continue;
            }
            let current = self.subscriptions.current(fetch.partition, fetch.stamp);
            if current.is_some_and(|a| a.paused) {
                paused += 1;
                self.buffer.put_back(fetch);
                continue;
            }
            let finished = self.give(cx, &mut fetch, max - out.records, out);
            moved |= fetch.next_offset > fetch.fetch_offset;
            if fetch.is_stuck {
                // Every poll throws until the application seeks; what came before is given first.
                if out.records == 0 {
                    self.throw(ConsumerError::Corrupt(fetch.partition, fetch.next_offset));
                }
                self.buffer.put_front(fetch);
                break;
            }
            if finished {
                self.discard(&fetch);
            } else {
                self.buffer.put_front(fetch);
            }
        }
        if out.records > 0 {
            self.apply_canaries(cx, out);
        }
        moved
    }

    /// Handles what was fetched without records, so that a waiting poll goes on fetching.
    pub(super) fn absorb_empty(&mut self) {
        for _ in 0..self.buffer.len() {
            let Some(mut fetch) = self.buffer.pop() else { break };
            if fetch.has_data() {
                self.buffer.put_back(fetch);
            } else {
                if !fetch.initialized {
                    self.initialize(&mut fetch);
                }
                self.discard(&fetch);
            }
        }
    }

    /// Whether a poll now would find data.
    pub(super) fn has_buffered(&self) -> bool {
        let with_data = self.buffer.with_data() > 0;
        if !with_data || self.subscriptions.paused() == 0 {
            return with_data;
        }
        self.buffer.iter().any(|fetch| {
            let current = self.subscriptions.current(fetch.partition, fetch.stamp);
            fetch.has_data() && !current.is_some_and(|a| a.paused)
        })
    }

    fn discard(&mut self, fetch: &CompletedFetch) {
        self.subscriptions.set_buffered(fetch.partition, fetch.stamp, false);
        self.buffer.drop_data(fetch);
    }

    /// The first look at an answer: errors, obsolete offsets, the end of the log. Says whether
    /// it may have records to give.
    fn initialize(&mut self, fetch: &mut CompletedFetch) -> bool {
        fetch.initialized = true;
        let Some(assigned) = self.subscriptions.current(fetch.partition, fetch.stamp) else {
            return false;
        };
        let Some(position) = assigned.position else { return false };
        if fetch.error != ErrorCode::None {
            self.handle_fetch_error(fetch, position);
            return false;
        }
        if assigned.phase != Phase::Fetching || position.offset != fetch.fetch_offset {
            return false;
        }
        let end = match self.config.isolation_level {
            Isolation::ReadUncommitted => fetch.high_watermark,
            Isolation::ReadCommitted => fetch.last_stable_offset,
        };
        if end >= Offset::ZERO && assigned.end_offset != Some(end) {
            self.subscriptions.set_end_offset(fetch.partition, end);
        }
        true
    }

    fn handle_fetch_error(&mut self, fetch: &CompletedFetch, position: Position) {
        let partition = fetch.partition;
        match fetch.error {
            ErrorCode::OffsetOutOfRange => {
                if position.offset != fetch.fetch_offset {
                    return;
                }
                if !self.request_reset(partition) {
                    let error = ConsumerError::OffsetOutOfRange(partition, position.offset);
                    self.throw(error);
                }
            }
            ErrorCode::CorruptMessage => {
                self.throw(ConsumerError::Corrupt(partition, fetch.fetch_offset));
            }
            // The broker is behind the client: fetching again is enough.
            ErrorCode::UnknownLeaderEpoch => {}
            _ => self.metadata.request_update(),
        }
    }

    /// Gives records of one answer. Says whether it is finished with.
    fn give(
        &mut self,
        cx: &ClientContext<'_>,
        fetch: &mut CompletedFetch,
        room: u32,
        out: &mut Polled,
    ) -> bool {
        let Some(assigned) = self.subscriptions.current(fetch.partition, fetch.stamp) else {
            return true;
        };
        let position = match assigned.position {
            Some(position) if assigned.is_fetchable() => position,
            _ => return true,
        };
        if position.offset != fetch.next_offset {
            // Not next in line: a seek came between.
            return true;
        }
        let isolation = self.config.isolation_level;
        let finished = self.buffer.cut(fetch, cx.batches, isolation, room, out);
        if fetch.next_offset > position.offset {
            let moved = Position {
                offset: fetch.next_offset,
                offset_epoch: fetch.last_epoch,
                leader: position.leader,
            };
            self.subscriptions.change(fetch.partition, |a| a.position = Some(moved));
        }
        finished
    }

    /// Sets a partition to be reset by policy; false if there is none.
    pub(super) fn request_reset(&mut self, partition: PartitionId) -> bool {
        if self.config.auto_offset_reset == OffsetReset::None {
            return false;
        }
        let spec = self.reset_spec();
        self.subscriptions.change(partition, |a| {
            a.phase = Phase::AwaitReset(spec);
            a.position = None;
            a.retry_at = broker_model::types::Instant(0);
        });
        true
    }

    pub(super) fn throw(&mut self, error: ConsumerError) {
        self.events.push_back(ConsumerEvent::Error(error));
        self.polling = false;
    }

    fn apply_canaries(&mut self, cx: &mut ClientContext<'_>, out: &mut Polled) {
        self.polls_with_records = self.polls_with_records.wrapping_add(1);
        let due = self.polls_with_records % CANARY_PERIOD == CANARY_FIRST;
        match cx.rules.consumer_position {
            ConsumerPosition::Next => {}
            ConsumerPosition::Skip if due => skip_one(out),
            ConsumerPosition::Back if due => self.go_back(out),
            ConsumerPosition::Skip | ConsumerPosition::Back => {}
        }
        match cx.rules.consumer_records {
            ConsumerRecords::Exact => {}
            ConsumerRecords::Invent if due => invent(cx, out),
            ConsumerRecords::Invent => {}
        }
    }

    /// The position returns to the first record of the last run, which will be given again.
    fn go_back(&mut self, out: &Polled) {
        let Some(run) = out.runs.last() else { return };
        let offset = run.first_offset();
        self.subscriptions.change(run.partition, |a| {
            a.position = a.position.map(|p| Position { offset, ..p });
        });
    }
}

/// The first record of the poll is passed over.
fn skip_one(out: &mut Polled) {
    out.records -= 1;
    out.runs[0].from += 1;
    if out.runs[0].count() == 0 {
        out.runs.remove(0);
    }
}

/// A record that nobody sent, at the offset behind the last run.
fn invent(cx: &mut ClientContext<'_>, out: &mut Polled) {
    let Some(&last) = out.runs.last() else { return };
    let entity = cx.records.push_entity(Lane::ANY, cx.now.instant, Key::new(0));
    let record = cx.records.push(Lane::ANY, entity, 1);
    let batch = cx.batches.push_records(NewBatch::plain(70, Timestamp(cx.now.wall.0)), &[record]);
    let base_offset = last.end_offset();
    out.runs.push(Run { base_offset, batch, from: 0, to: 1, ..last });
    out.records += 1;
}
