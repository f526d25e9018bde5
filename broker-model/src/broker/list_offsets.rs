//! `ListOffsets` and `OffsetForLeaderEpoch`.

use alloc::vec::Vec;

use super::Broker;
use super::historic_truncation::start_of_next_larger;
use super::reading::check_epoch;
use crate::io::{Context, Token};
use crate::log::FoundOffset;
use crate::partition::Replica;
use crate::protocol::fetch::{
    EpochEnd, Isolation, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse,
    ListedOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetSpec,
};
use crate::protocol::{ErrorCode, Header, Response};
use crate::rules::{EpochAnswer, Rules};
use crate::types::{LeaderEpoch, Offset, PartitionId, Timestamp};

/// From this version on clients know `OFFSET_NOT_AVAILABLE` (KIP-207).
const OFFSET_NOT_AVAILABLE: i16 = 5;

/// From this version on the answer has a leader epoch (KIP-320).
const LEADER_EPOCH: i16 = 4;

/// An offset with epoch and timestamp, as far as they are known.
type Found = (Offset, Option<LeaderEpoch>, Timestamp);

impl Broker {
    pub(super) fn list_offsets(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: &ListOffsetsRequest,
    ) {
        let partitions: Vec<ListedOffset> = request
            .partitions
            .iter()
            .map(|asked| {
                let found = self
                    .leading_at(asked.partition, asked.current_leader_epoch, cx.rules)
                    .and_then(|replica| list(cx, replica, request, asked));
                let partition = asked.partition;
                match found {
                    Ok((offset, leader_epoch, timestamp)) => ListedOffset {
                        partition,
                        error: ErrorCode::None,
                        offset,
                        leader_epoch: leader_epoch.filter(|_| header.api_version >= LEADER_EPOCH),
                        timestamp,
                    },
                    Err(error) => ListedOffset {
                        partition,
                        error: known_to(error, header),
                        offset: Offset::NONE,
                        leader_epoch: None,
                        timestamp: Timestamp::NONE,
                    },
                }
            })
            .collect();
        cx.reply(token, Response::ListOffsets(ListOffsetsResponse { partitions }));
    }

    /// The replica of a partition this broker leads, if the client's epoch is the leader's.
    fn leading_at(
        &self,
        partition: PartitionId,
        epoch: Option<LeaderEpoch>,
        rules: &Rules,
    ) -> Result<&Replica, ErrorCode> {
        let replica = self.replicas.get(partition).ok_or_else(|| self.not_leading(partition))?;
        check_epoch(epoch, replica.leader_epoch(), rules)?;
        if replica.leader().is_none() {
            return Err(self.not_leading(partition));
        }
        Ok(replica)
    }

    pub(super) fn offset_for_leader_epoch(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: &OffsetForLeaderEpochRequest,
    ) {
        let answer = |&(partition, current, wanted): &(PartitionId, _, LeaderEpoch)| match self
            .leading_at(partition, current, cx.rules)
        {
            Ok(replica) => {
                let end = match cx.rules.epoch_answer {
                    EpochAnswer::Floor => epoch_end(replica, wanted),
                    EpochAnswer::NextLargerOnly => start_of_next_larger(replica, wanted),
                };
                (partition, ErrorCode::None, end)
            }
            Err(error) => (partition, error, None),
        };
        let partitions = request.partitions.iter().map(answer).collect();
        let response = OffsetForLeaderEpochResponse { partitions };
        cx.reply(token, Response::OffsetForLeaderEpoch(response));
    }
}

fn known_to(error: ErrorCode, header: Header) -> ErrorCode {
    match error {
        ErrorCode::OffsetNotAvailable if header.api_version < OFFSET_NOT_AVAILABLE => {
            ErrorCode::LeaderNotAvailable
        }
        other => other,
    }
}

/// The end of the largest epoch at or below `wanted`, which may be the leader's own though it
/// holds no record yet.
fn epoch_end(replica: &Replica, wanted: LeaderEpoch) -> Option<EpochEnd> {
    if replica.leader_epoch() == Some(wanted) {
        let end_offset = replica.log().log_end_offset();
        return Some(EpochEnd { epoch: wanted, end_offset });
    }
    replica.log().end_offset_for_epoch(wanted)
}

fn list(
    cx: &Context<'_>,
    replica: &Replica,
    request: &ListOffsetsRequest,
    asked: &ListOffsetsPartition,
) -> Result<Found, ErrorCode> {
    let log = replica.log();
    let start = || {
        let offset = log.log_start_offset();
        let earliest = log.leader_epochs().starts().first().filter(|e| e.1 <= offset);
        Ok((offset, earliest.map(|e| e.0), Timestamp::NONE))
    };
    let end = match (request.replica, request.isolation) {
        (Some(_), _) => log.log_end_offset(),
        (None, Isolation::ReadUncommitted) => replica.high_watermark(),
        (None, Isolation::ReadCommitted) => replica.last_stable_offset(cx.rules),
    };
    // A new leader does not know how far its predecessor had come until its followers have
    // fetched (KIP-207): what it finds below its high watermark is sure, all else is not.
    let starting = request.replica.is_none()
        && replica.leader().is_some_and(|l| replica.high_watermark() < l.epoch_start);
    let visible = |found: Option<FoundOffset>| match found {
        Some(f) if f.offset < end => Ok((f.offset, Some(f.leader_epoch), f.timestamp)),
        _ if starting => Err(ErrorCode::OffsetNotAvailable),
        _ => Ok((Offset::NONE, None, Timestamp::NONE)),
    };
    match asked.spec {
        OffsetSpec::Earliest | OffsetSpec::LocalEarliest => start(),
        OffsetSpec::Latest if starting => Err(ErrorCode::OffsetNotAvailable),
        OffsetSpec::Latest => Ok((end, log.latest_epoch(), Timestamp::NONE)),
        OffsetSpec::MaxTimestamp => visible(log.max_timestamp_offset(cx.batches, cx.records)),
        OffsetSpec::Timestamp(target) => {
            visible(log.offset_for_timestamp(target, cx.batches, cx.records))
        }
    }
}
