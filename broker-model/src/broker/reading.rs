//! Reading one partition for a fetch: Kafka's checks in Kafka's order, then whole batches.

use alloc::vec::Vec;

use super::replicas::Replicas;
use crate::io::Context;
use crate::metadata::Image;
use crate::partition::Replica;
use crate::protocol::ErrorCode;
use crate::protocol::fetch::{
    AbortedTransaction, EpochEnd, FetchPartition, FetchedPartition, Isolation,
};
use crate::records::LogEntry;
use crate::rules::AbortedList;
use crate::types::{LeaderEpoch, NodeId, Offset};

/// What reads of one fetch have in common.
pub(super) struct Reader<'a> {
    pub(super) replicas: &'a Replicas,
    pub(super) image: &'a Image,
    pub(super) isolation: Isolation,
    pub(super) follower: Option<NodeId>,
    pub(super) leader_only: bool,
}

/// What was found in one partition.
pub(super) struct SlotRead {
    pub(super) answer: FetchedPartition,
    pub(super) bytes: u64,
    /// There are records to read, taken or not.
    pub(super) more: bool,
    /// The fetch must not wait because of this partition.
    pub(super) ends_wait: bool,
    /// The topic does not exist: such an error was found before reading.
    pub(super) unknown: bool,
}

/// Checks a client's leader epoch against a replica's. Source: KIP-320.
pub(super) fn check_epoch(
    asked: Option<LeaderEpoch>,
    current: Option<LeaderEpoch>,
) -> Result<(), ErrorCode> {
    match (asked, current) {
        (Some(asked), Some(current)) if asked < current => Err(ErrorCode::FencedLeaderEpoch),
        (Some(asked), Some(current)) if asked > current => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}

/// A replica that may answer: the epoch is checked before the leadership.
pub(super) fn answering<'a>(
    replicas: &'a Replicas,
    asked: &FetchPartition,
    leader_only: bool,
) -> Result<&'a Replica, ErrorCode> {
    let replica = replicas.get(asked.partition).ok_or(ErrorCode::NotLeaderOrFollower)?;
    let epoch = replica.leader_epoch().ok_or(ErrorCode::NotLeaderOrFollower)?;
    check_epoch(asked.current_leader_epoch, Some(epoch))?;
    if leader_only && replica.leader().is_none() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    Ok(replica)
}

impl Reader<'_> {
    /// Reads one partition. Placements go to `entries`.
    pub(super) fn read(
        &self,
        cx: &Context<'_>,
        asked: &FetchPartition,
        max_bytes: u32,
        minimum_one: bool,
        entries: &mut Vec<LogEntry>,
    ) -> SlotRead {
        if self.image.partition(asked.partition).is_none() {
            let mut read = self.failed(asked, ErrorCode::UnknownTopicOrPartition);
            read.ends_wait = false;
            read.unknown = true;
            return read;
        }
        let replica = match answering(self.replicas, asked, self.leader_only) {
            Ok(replica) => replica,
            Err(error) => return self.failed(asked, error),
        };
        if let (Some(follower), Some(leader)) = (self.follower, replica.leader())
            && leader.remote(follower).is_none()
        {
            return self.failed(asked, ErrorCode::NotLeaderOrFollower);
        }
        let log = replica.log();
        if let Some(epoch) = asked.last_fetched_epoch {
            match log.diverging_epoch(asked.fetch_offset, epoch) {
                Ok(None) => {}
                Ok(Some(diverging)) => return self.diverging(cx, asked, replica, diverging),
                Err(_) => return self.failed(asked, ErrorCode::OffsetOutOfRange),
            }
        }
        let from = asked.fetch_offset;
        if from < log.log_start_offset() || from > log.log_end_offset() {
            return self.failed(asked, ErrorCode::OffsetOutOfRange);
        }
        self.read_within(cx, asked, replica, (max_bytes, minimum_one), entries)
    }

    fn read_within(
        &self,
        cx: &Context<'_>,
        asked: &FetchPartition,
        replica: &Replica,
        (max_bytes, minimum_one): (u32, bool),
        entries: &mut Vec<LogEntry>,
    ) -> SlotRead {
        let log = replica.log();
        let from = asked.fetch_offset;
        let committed = self.isolation == Isolation::ReadCommitted;
        let bound = match self.follower {
            Some(_) => log.log_end_offset(),
            None if committed => replica.last_stable_offset(cx.rules),
            None => replica.high_watermark(),
        };
        let mut answer = self.filled(cx, asked, replica);
        let first = entries.len();
        let mut bytes = 0;
        if from < bound {
            let limit = max_bytes.min(asked.max_bytes);
            bytes = log.read(from, bound, limit, minimum_one, cx.batches, entries).bytes;
        }
        answer.entries = range(first, entries.len());
        if bytes > 0 && committed && self.follower.is_none() {
            answer.aborted = aborted(cx, replica, from, &entries[first..]);
        }
        // Above the last stable offset a fetch is answered empty at once; at it, it waits.
        let beyond = committed && from > bound;
        SlotRead { answer, bytes, more: from < bound, ends_wait: beyond, unknown: false }
    }

    fn filled(
        &self,
        cx: &Context<'_>,
        asked: &FetchPartition,
        replica: &Replica,
    ) -> FetchedPartition {
        FetchedPartition {
            partition: asked.partition,
            error: ErrorCode::None,
            high_watermark: replica.high_watermark(),
            last_stable_offset: replica.last_stable_offset(cx.rules),
            log_start_offset: replica.log().log_start_offset(),
            diverging: None,
            preferred_read_replica: None,
            current_leader: None,
            aborted: Vec::new(),
            entries: 0..0,
        }
    }

    fn diverging(
        &self,
        cx: &Context<'_>,
        asked: &FetchPartition,
        replica: &Replica,
        diverging: EpochEnd,
    ) -> SlotRead {
        let mut answer = self.filled(cx, asked, replica);
        answer.diverging = Some(diverging);
        SlotRead { answer, bytes: 0, more: false, ends_wait: true, unknown: false }
    }

    fn failed(&self, asked: &FetchPartition, error: ErrorCode) -> SlotRead {
        let hint = matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
        let record = self.image.partition(asked.partition).filter(|_| hint);
        let current_leader = record.and_then(|r| Some((r.leader?, r.leader_epoch)));
        let answer = FetchedPartition {
            partition: asked.partition,
            error,
            high_watermark: Offset::NONE,
            last_stable_offset: Offset::NONE,
            log_start_offset: Offset::NONE,
            diverging: None,
            preferred_read_replica: None,
            current_leader,
            aborted: Vec::new(),
            entries: 0..0,
        };
        SlotRead { answer, bytes: 0, more: false, ends_wait: true, unknown: false }
    }
}

/// Aborted transactions that overlap what was read.
fn aborted(
    cx: &Context<'_>,
    replica: &Replica,
    from: Offset,
    entries: &[LogEntry],
) -> Vec<AbortedTransaction> {
    let Some(last) = entries.last() else { return Vec::new() };
    match cx.rules.aborted_list {
        AbortedList::Forgotten => Vec::new(),
        AbortedList::Given => {
            let end = last.base_offset + i64::from(cx.batches.get(last.batch).count);
            let log = replica.log();
            log.aborted_transactions(from, log.aborted_upper_bound(end, cx.batches))
        }
    }
}

fn range(from: usize, to: usize) -> core::ops::Range<u32> {
    let position = |n: usize| u32::try_from(n).expect("a response holds fewer than 2^32 batches");
    position(from)..position(to)
}
