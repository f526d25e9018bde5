//! What answers say: errors that somebody has to act upon.

use broker_model::protocol::{ApiKey, ErrorCode, Response};

use super::{Coverage, Point, Situation};

impl Coverage {
    /// An answer is sent.
    pub(crate) fn answer(&mut self, response: &Response) {
        let api = response.api_key();
        let mut one = |error: ErrorCode| self.error(api, error);
        match response {
            Response::Produce(r) => r.partitions.iter().for_each(|p| one(p.error)),
            Response::Fetch(r) => {
                one(r.error);
                r.partitions.iter().for_each(|p| one(p.error));
                if r.partitions.iter().any(|p| p.diverging.is_some()) {
                    self.met(Situation::DivergingEpoch);
                }
            }
            Response::OffsetForLeaderEpoch(r) => r.partitions.iter().for_each(|p| one(p.1)),
            Response::FindCoordinator(r) => one(r.error),
            Response::JoinGroup(r) => one(r.error),
            Response::SyncGroup(r) => one(r.error),
            Response::Heartbeat(r) => one(r.error),
            Response::ConsumerGroupHeartbeat(r) => one(r.error),
            Response::OffsetCommit(r) => r.partitions.iter().for_each(|p| one(p.1)),
            Response::OffsetFetch(r) => {
                one(r.error);
                r.partitions.iter().for_each(|p| one(p.0));
            }
            Response::InitProducerId(r) => one(r.error),
            Response::AddPartitionsToTxn(r) => r.partitions().for_each(|p| one(p.1)),
            Response::TxnOffsetCommit(r) => r.partitions.iter().for_each(|p| one(p.1)),
            Response::EndTxn(r) => one(r.error),
            Response::WriteTxnMarkers(r) => {
                r.markers.iter().flat_map(|(_, partitions)| partitions).for_each(|p| one(p.1));
            }
            Response::AlterPartition(r) => {
                one(r.error);
                r.partitions.iter().for_each(|p| one(p.error));
            }
            Response::BrokerHeartbeat(r) => one(r.error),
            _ => {}
        }
    }

    fn error(&mut self, api: ApiKey, error: ErrorCode) {
        if error == ErrorCode::None {
            return;
        }
        if let Some(point) = Point::answer(api, error) {
            self.reached.add(point);
        }
        if let Some(situation) = situation(api, error) {
            self.met(situation);
        }
    }
}

/// The situation that an answer tells of.
const fn situation(api: ApiKey, error: ErrorCode) -> Option<Situation> {
    use ErrorCode as E;
    Some(match (api, error) {
        (ApiKey::Fetch, E::OffsetOutOfRange) => Situation::FetchOutOfRange,
        (ApiKey::Fetch, E::FetchSessionIdNotFound | E::InvalidFetchSessionEpoch) => {
            Situation::FetchSessionLost
        }
        (ApiKey::Fetch, E::FencedLeaderEpoch) => Situation::FencedLeaderEpoch,
        (ApiKey::Fetch, E::UnknownLeaderEpoch) => Situation::UnknownLeaderEpoch,
        (ApiKey::Produce, E::NotEnoughReplicasAfterAppend) => Situation::NotEnoughAfterAppend,
        (ApiKey::Produce, E::OutOfOrderSequenceNumber) => Situation::OutOfOrder,
        (ApiKey::EndTxn, E::InvalidTxnState) => Situation::EndAfterEnd,
        (ApiKey::EndTxn, E::ConcurrentTransactions) => Situation::EndWhilePending,
        (ApiKey::EndTxn, E::ProducerFenced | E::InvalidProducerEpoch) => Situation::EndOfFenced,
        (
            ApiKey::TxnOffsetCommit,
            E::IllegalGeneration | E::UnknownMemberId | E::StaleMemberEpoch,
        ) => Situation::OffsetsRefusedInTransaction,
        (ApiKey::OffsetCommit, E::IllegalGeneration | E::UnknownMemberId | E::StaleMemberEpoch) => {
            Situation::CommitRefused
        }
        (ApiKey::AlterPartition, _) => Situation::AlterPartitionRefused,
        (ApiKey::BrokerHeartbeat, E::StaleBrokerEpoch) => Situation::StaleBrokerEpoch,
        (_, E::CoordinatorLoadInProgress) => Situation::CoordinatorLoading,
        (_, E::FencedInstanceId) => Situation::StaticMemberFenced,
        _ => return None,
    })
}
