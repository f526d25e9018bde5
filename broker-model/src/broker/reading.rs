//! Reading one partition for a fetch: Kafka's checks in Kafka's order, then whole batches.
//!
//! Looking is apart from reading, because most fetches look, find nothing and wait.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::replicas::Replicas;
use crate::fetch::{FetchParams, Session, Slot, Standing};
use crate::io::Context;
use crate::metadata::Image;
use crate::names::AddressedTopic;
use crate::partition::{RemoteReplica, Replica};
use crate::protocol::ErrorCode;
use crate::protocol::fetch::{
    AbortedTransaction, EpochEnd, FetchPartition, FetchedPartition, Isolation, ReplicaState,
};
use crate::records::LogEntry;
use crate::rules::{AbortedList, FetchEpoch, Rules};
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId, RackId};

/// What reads of one fetch have in common.
pub(super) struct Reader<'a> {
    replicas: &'a Replicas,
    image: &'a Image,
    isolation: Isolation,
    follower: Option<ReplicaState>,
    leader_only: bool,
    rack: Option<RackId>,
    hints: bool,
    /// What the leader's throttle holds back from followers that are not in sync.
    withheld: Option<&'a BTreeSet<PartitionId>>,
}

/// What a partition has for a fetch, found without reading.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// An error, found before reading where the topic is unknown.
    Failed(ErrorCode),
    /// The follower's log parts from this one.
    Diverging(EpochEnd),
    /// The consumer shall fetch from this replica, which is in its rack.
    Elsewhere(NodeId),
    /// It may be read up to `bound`.
    Readable {
        /// The end of what this client may see.
        bound: Offset,
        /// As a response names it.
        high_watermark: Offset,
        /// As a response names it.
        log_start_offset: Offset,
        /// What there is to read is held back by the leader's throttle.
        withheld: bool,
    },
}

/// Checks a client's leader epoch against a replica's. Source: KIP-320.
pub(super) fn check_epoch(
    asked: Option<LeaderEpoch>,
    current: Option<LeaderEpoch>,
    rules: &Rules,
) -> Result<(), ErrorCode> {
    match (asked, current) {
        _ if rules.fetch_epoch == FetchEpoch::Absent => Ok(()),
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
    rules: &Rules,
) -> Result<&'a Replica, ErrorCode> {
    let replica = replicas.get(asked.partition).ok_or_else(|| replicas.missing(asked.partition))?;
    let epoch = replica.leader_epoch().ok_or(ErrorCode::NotLeaderOrFollower)?;
    check_epoch(asked.current_leader_epoch, Some(epoch), rules)?;
    if leader_only && replica.leader().is_none() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    Ok(replica)
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        replicas: &'a Replicas,
        image: &'a Image,
        session: &Session,
        params: &FetchParams,
    ) -> Self {
        Self {
            replicas,
            image,
            isolation: params.isolation,
            follower: session.follower,
            leader_only: params.leader_only,
            rack: params.rack,
            hints: params.hints,
            withheld: None,
        }
    }

    /// Held back from followers that are not in sync.
    pub(super) fn withholding(self, withheld: Option<&'a BTreeSet<PartitionId>>) -> Self {
        Self { withheld: withheld.filter(|_| self.follower.is_some()), ..self }
    }

    /// Checks one partition in Kafka's order.
    pub(super) fn look(&self, cx: &Context<'_>, asked: &FetchPartition) -> Look {
        let replica = match answering(self.replicas, asked, self.leader_only, cx.rules) {
            Ok(replica) => replica,
            Err(_) if self.image.partition(asked.partition).is_none() => {
                return Look::Failed(ErrorCode::UnknownTopicOrPartition);
            }
            Err(error) => return Look::Failed(error),
        };
        if let (Some(follower), Some(leader)) = (self.follower, replica.leader())
            && leader.remote(follower.id).is_none()
        {
            // With an epoch this may be a replica whose adding has not been heard of here.
            return Look::Failed(match asked.current_leader_epoch {
                Some(_) => ErrorCode::UnknownLeaderEpoch,
                None => ErrorCode::NotLeaderOrFollower,
            });
        }
        if let Some(node) = self.rack.and_then(|rack| self.nearer(replica, rack, asked)) {
            return Look::Elsewhere(node);
        }
        let log = replica.log();
        if let Some(epoch) = asked.last_fetched_epoch {
            match log.diverging_epoch(asked.fetch_offset, epoch) {
                Ok(None) => {}
                Ok(Some(diverging)) => return Look::Diverging(diverging),
                Err(_) => return Look::Failed(ErrorCode::OffsetOutOfRange),
            }
        }
        let (from, log_start_offset) = (asked.fetch_offset, log.log_start_offset());
        if from < log_start_offset || from > log.log_end_offset() {
            return Look::Failed(ErrorCode::OffsetOutOfRange);
        }
        if self.follower.is_some_and(|f| self.is_stale(f)) {
            return Look::Failed(ErrorCode::NotLeaderOrFollower);
        }
        let high_watermark = replica.high_watermark();
        let bound = match self.follower {
            Some(_) => log.log_end_offset(),
            None if self.isolation == Isolation::ReadCommitted => {
                replica.last_stable_offset(cx.rules)
            }
            None => high_watermark,
        };
        let withheld = self.withheld.is_some_and(|throttled| {
            from < bound && throttled.contains(&asked.partition) && !self.is_in_sync(replica)
        });
        Look::Readable { bound, high_watermark, log_start_offset, withheld }
    }

    /// Whether the follower that asks is in the ISR.
    fn is_in_sync(&self, replica: &Replica) -> bool {
        let (Some(follower), Some(leader)) = (self.follower, replica.leader()) else { return true };
        leader.remote(follower.id).is_some_and(RemoteReplica::in_isr)
    }

    /// The error of a partition that is not there: by an id that is no topic's, by an id whose
    /// name another topic has taken since the session began, or else.
    pub(super) fn unknown(&self, cx: &Context<'_>, slot: &Slot, topic_ids: bool) -> ErrorCode {
        let by_id = match cx.names.addressed(slot.address) {
            Some(address) => matches!(address.topic, AddressedTopic::Unknown(_)),
            None => slot.standing == Standing::Unseen,
        };
        if topic_ids && by_id {
            return ErrorCode::UnknownTopicId;
        }
        let retaken = || {
            let removed = self.image.removed_topic_of(slot.asked.partition);
            removed.is_some_and(|topic| self.image.topic_by_name(&topic.name).is_some())
        };
        if topic_ids && slot.standing == Standing::Gone && retaken() {
            return ErrorCode::InconsistentTopicId;
        }
        ErrorCode::UnknownTopicOrPartition
    }

    /// Whether a follower's process has been followed by another one that is not fenced (KIP-903).
    fn is_stale(&self, follower: ReplicaState) -> bool {
        follower.epoch.0 >= 0 && self.image.alive_epoch(follower.id) > follower.epoch
    }

    /// The replica in the consumer's rack that a leader sends it to: in sync, alive, and with
    /// the offset that is asked for; of several the one with most records.
    fn nearer(&self, replica: &Replica, rack: RackId, asked: &FetchPartition) -> Option<NodeId> {
        let leader = replica.leader()?;
        let of_rack =
            |node| self.image.broker(node).is_some_and(|b| !b.fenced && b.rack == Some(rack));
        if of_rack(replica.node()) {
            return None;
        }
        let offset = asked.fetch_offset;
        let near = leader.remotes.iter().filter(|r| {
            let holds = r.log_end_offset >= offset && r.log_start_offset <= offset;
            r.in_isr() && holds && of_rack(r.node)
        });
        near.max_by_key(|r| (r.log_end_offset, r.last_caught_up, r.node)).map(|r| r.node)
    }

    /// Whether a fetch must not wait because of what it found. Above the last stable offset
    /// it is answered empty at once; at it, it waits. An unknown topic ends no wait.
    pub(super) fn ends_wait(&self, asked: &FetchPartition, look: &Look) -> bool {
        match *look {
            Look::Failed(error) => !is_unknown(error),
            Look::Diverging(_) | Look::Elsewhere(_) => true,
            Look::Readable { bound, .. } => {
                self.isolation == Isolation::ReadCommitted && asked.fetch_offset > bound
            }
        }
    }

    /// The answer for one partition, with the bytes read. Placements go to `entries`.
    pub(super) fn read(
        &self,
        cx: &Context<'_>,
        asked: &FetchPartition,
        look: &Look,
        (max_bytes, minimum_one): (u32, bool),
        entries: &mut Vec<LogEntry>,
    ) -> (FetchedPartition, u64) {
        let replica = match *look {
            Look::Failed(error) => return (self.failed(asked, error), 0),
            Look::Diverging(_) | Look::Elsewhere(_) | Look::Readable { .. } => {
                self.replicas.get(asked.partition)
            }
        };
        let replica = replica.expect("only a hosted replica is readable");
        let mut answer = FetchedPartition {
            partition: asked.partition,
            error: ErrorCode::None,
            high_watermark: replica.high_watermark(),
            last_stable_offset: replica.last_stable_offset(cx.rules),
            log_start_offset: replica.log().log_start_offset(),
            diverging: None,
            preferred_read_replica: None,
            current_leader: None,
            aborted: Vec::new(),
            cut_bytes: 0,
            entries: 0..0,
        };
        match *look {
            Look::Diverging(end) => answer.diverging = Some(end),
            Look::Elsewhere(node) => answer.preferred_read_replica = Some(node),
            Look::Readable { bound, withheld: false, .. } if asked.fetch_offset < bound => {
                let first = entries.len();
                let (from, limit) = (asked.fetch_offset, max_bytes.min(asked.max_bytes));
                let read = replica.log().read(from, bound, limit, minimum_one, cx.batches, entries);
                answer.entries = range(first, entries.len());
                let committed = self.isolation == Isolation::ReadCommitted;
                answer.cut_bytes = read.cut;
                if read.bytes > 0 && committed && self.follower.is_none() {
                    answer.aborted = aborted(cx, replica, from, &entries[first..]);
                }
                return (answer, read.bytes + u64::from(read.cut));
            }
            Look::Failed(_) | Look::Readable { .. } => {}
        }
        (answer, 0)
    }

    fn failed(&self, asked: &FetchPartition, error: ErrorCode) -> FetchedPartition {
        let hint = self.hints
            && matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
        let record = self.image.partition(asked.partition).filter(|_| hint);
        FetchedPartition {
            partition: asked.partition,
            error,
            high_watermark: Offset::NONE,
            last_stable_offset: Offset::NONE,
            log_start_offset: Offset::NONE,
            diverging: None,
            preferred_read_replica: None,
            current_leader: record.map(|r| (r.leader.unwrap_or(NodeId::NONE), r.leader_epoch)),
            aborted: Vec::new(),
            cut_bytes: 0,
            entries: 0..0,
        }
    }
}

/// Errors that Kafka finds before it reads: they end no wait and come last in the answer.
pub(super) const fn is_unknown(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId)
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
