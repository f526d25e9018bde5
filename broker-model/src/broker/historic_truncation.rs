//! How a follower made its log fit a new leader's before the answers to fetches said where logs
//! part, for rules other than today's.
//!
//! Source: KIP-101 (cut where the leader says that the epoch ended, not at one's own high
//! watermark), KIP-279 (the leader names the epoch too, and the follower asks on); Kafka 0.10,
//! 1.1 and 2.6, `ReplicaFetcherThread`.

use alloc::vec;

use super::Broker;
use super::calls::Call;
use crate::io::{Context, Disconnected};
use crate::partition::Replica;
use crate::protocol::fetch::{EpochEnd, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use crate::protocol::{ErrorCode, Request};
use crate::rules::Truncate;
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId};

/// What the answer of a leader means for the follower's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fit {
    /// Cut there, and fetch.
    At(Offset),
    /// Cut there, and ask about the epoch before.
    AskOn(Offset),
}

/// KIP-101: the start of the first epoch after the one that is asked for, however far that lies
/// behind what the asking follower has of its own.
pub(super) fn start_of_next_larger(replica: &Replica, wanted: LeaderEpoch) -> Option<EpochEnd> {
    let log = replica.log();
    if log.latest_epoch() == Some(wanted) {
        return Some(EpochEnd { epoch: wanted, end_offset: log.log_end_offset() });
    }
    let starts = log.leader_epochs().starts();
    let known = starts.first().is_some_and(|first| first.0 <= wanted);
    let next = starts.iter().find(|(epoch, _)| *epoch > wanted).filter(|_| known)?;
    Some(EpochEnd { epoch: wanted, end_offset: next.1 })
}

/// Where a follower cuts. Without a usable answer at its own high watermark, as before KIP-101.
fn fit(replica: &Replica, told: Option<EpochEnd>, rule: Truncate) -> Fit {
    let end = replica.log().log_end_offset();
    let Some(told) = told else { return Fit::At(replica.high_watermark()) };
    match (rule, replica.log().end_offset_for_epoch(told.epoch)) {
        (Truncate::Epoch101, _) | (_, None) => Fit::At(told.end_offset.min(end)),
        (_, Some(own)) if own.epoch == told.epoch => {
            Fit::At(own.end_offset.min(told.end_offset).min(end))
        }
        // This log lacks the epoch that the leader named.
        (_, Some(own)) => Fit::AskOn(own.end_offset.min(end)),
    }
}

impl Broker {
    /// A partition has another leader or leader epoch, and is followed under an old rule.
    pub(super) fn fit_before_fetching(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        partition: PartitionId,
        rule: Truncate,
    ) {
        let Some((fetcher, index)) = self.fetchers.followed(leader, partition) else { return };
        fetcher.slot_mut(index).hides_epoch = true;
        if rule == Truncate::LocalHw {
            let replica = self.replicas.get(partition).expect("followed means hosted");
            self.cut_to(cx, partition, replica.high_watermark());
        } else {
            fetcher.cut_first(index, rule);
        }
    }

    /// Asks a leader about the partitions that wait for it.
    pub(super) fn ask_epoch_ends(&mut self, cx: &mut Context<'_>, leader: NodeId) {
        let Some(fetcher) = self.fetchers.get_mut(leader) else { return };
        for (partition, rule) in fetcher.take_untruncated() {
            self.ask_epoch_end(cx, leader, partition, rule);
        }
    }

    fn ask_epoch_end(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        partition: PartitionId,
        rule: Truncate,
    ) {
        let replica = self.replicas.get(partition).expect("followed means hosted");
        let Some(leader_epoch) = replica.leader_epoch() else { return };
        let Some(latest) = replica.log().latest_epoch() else {
            // An empty log fits every other.
            self.cut_to(cx, partition, replica.high_watermark());
            self.fetchers.resume(leader, partition);
            return;
        };
        let request = OffsetForLeaderEpochRequest {
            replica: Some(self.node),
            partitions: vec![(partition, Some(leader_epoch), latest)],
        };
        let call = Call::EpochEnd { partition, leader_epoch, rule };
        self.calls.send(cx, leader, call, Request::OffsetForLeaderEpoch(request));
    }

    pub(super) fn epoch_end_told(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        (partition, leader_epoch, rule): (PartitionId, LeaderEpoch, Truncate),
        result: Result<OffsetForLeaderEpochResponse, Disconnected>,
    ) {
        let Some(replica) = self.replicas.get(partition) else { return };
        if replica.leader_epoch() != Some(leader_epoch) || replica.following() != Some(leader) {
            return;
        }
        let answer = result.ok().and_then(|r| r.partitions.first().copied());
        let Some((_, ErrorCode::None, told)) = answer else {
            let until = cx.now.instant + self.config.replica_fetch_backoff;
            if let Some((fetcher, index)) = self.fetchers.followed(leader, partition) {
                fetcher.cut_first(index, rule);
            }
            self.fetchers.delay(leader, partition, until);
            return;
        };
        match fit(replica, told, rule) {
            Fit::At(offset) => {
                self.cut_to(cx, partition, offset);
                self.fetchers.resume(leader, partition);
            }
            Fit::AskOn(offset) => {
                self.cut_to(cx, partition, offset);
                self.ask_epoch_end(cx, leader, partition, rule);
            }
        }
    }

    fn cut_to(&mut self, cx: &mut Context<'_>, partition: PartitionId, offset: Offset) {
        let replica = self.replicas.get_mut(partition).expect("checked by the caller");
        if let Some(cut) = replica.truncate(offset, cx.batches) {
            self.truncated(cx, partition, cut);
        }
    }
}
