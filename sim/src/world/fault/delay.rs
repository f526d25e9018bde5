//! Messages that take longer.

use broker_model::protocol::ApiKey;
use broker_model::types::{Duration, NodeId};
use scenarios::model::{Api, FaultKind, MessageKind};

use crate::network::{Direction, HostId};
use crate::world::World;

/// A delay in force: each is small, and there are few.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    kind: Option<MessageKind>,
    from: Vec<HostId>,
    to: Option<HostId>,
    latency: Duration,
}

const fn api_key(api: Api) -> ApiKey {
    match api {
        Api::Produce => ApiKey::Produce,
        Api::Fetch => ApiKey::Fetch,
        Api::OffsetForLeaderEpoch => ApiKey::OffsetForLeaderEpoch,
        Api::AlterPartition => ApiKey::AlterPartition,
        Api::MetadataFetch => ApiKey::FetchMetadata,
        Api::BrokerHeartbeat => ApiKey::BrokerHeartbeat,
        Api::OffsetCommit => ApiKey::OffsetCommit,
        Api::EndTxn => ApiKey::EndTxn,
        Api::WriteTxnMarkers => ApiKey::WriteTxnMarkers,
        Api::InitProducerId => ApiKey::InitProducerId,
        Api::AddPartitionsToTxn => ApiKey::AddPartitionsToTxn,
        Api::TxnOffsetCommit => ApiKey::TxnOffsetCommit,
        Api::JoinGroup => ApiKey::JoinGroup,
        Api::SyncGroup => ApiKey::SyncGroup,
        Api::ConsumerGroupHeartbeat => ApiKey::ConsumerGroupHeartbeat,
    }
}

/// Whether a message is of a kind.
pub(super) fn is(kind: MessageKind, api: ApiKey, direction: Direction) -> bool {
    api_key(kind.api) == api && kind.answer == (direction == Direction::ToClient)
}

impl World {
    /// Puts the delays of the faults in force in place.
    pub(super) fn refresh_delays(&mut self) {
        let delays = self.in_force().filter_map(|(planned, active)| {
            let FaultKind::Delay { message, to, .. } = planned.fault.kind else { return None };
            let to = to.and_then(|id| self.node_of(NodeId(id)));
            Some(Delay {
                kind: message,
                from: self.hosts_of(active),
                to: to.map(|node| node.host),
                latency: planned.delay,
            })
        });
        self.faults.delays = delays.collect();
    }

    /// How much longer a message takes than its link has it.
    pub(in crate::world) fn delay_of(
        &self,
        api: ApiKey,
        direction: Direction,
        (from, to): (HostId, HostId),
    ) -> Duration {
        let delays = self.faults.delays.iter().filter(|delay| {
            delay.kind.is_none_or(|kind| is(kind, api, direction))
                && delay.from.contains(&from)
                && delay.to.is_none_or(|only| only == to)
        });
        delays.map(|delay| delay.latency).sum()
    }
}
