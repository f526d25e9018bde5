//! Messages as faults and events see them: how often each is sent, and by whom.

use scenarios::Scenario;
use scenarios::model::{Api, MessageKind, Service, Target};

use super::ground::{Focus, Ground};
use crate::prng::Stream;

/// One of so many late messages is looked for at anybody, whoever sends them.
const ANYBODY_SHARE: u64 = 8;

/// How many a run has of a kind, at most, to an order of magnitude: an event beyond it never comes.
pub(super) const fn how_many(api: Api) -> u64 {
    match api {
        Api::Produce
        | Api::Fetch
        | Api::MetadataFetch
        | Api::BrokerHeartbeat
        | Api::OffsetCommit
        | Api::ConsumerGroupHeartbeat => 256,
        Api::EndTxn | Api::WriteTxnMarkers | Api::AddPartitionsToTxn | Api::TxnOffsetCommit => 64,
        Api::OffsetForLeaderEpoch
        | Api::AlterPartition
        | Api::InitProducerId
        | Api::JoinGroup
        | Api::SyncGroup => 16,
    }
}

/// Who sends a message of this kind, about the focus where it is about a partition.
pub(super) fn sender(
    message: MessageKind,
    ground: &Ground<'_>,
    focus: &Focus,
    draws: &mut Stream,
) -> Target {
    if draws.chance(1, ANYBODY_SHARE) {
        return if draws.chance(1, 3) { ground.instance(draws) } else { ground.node(focus, draws) };
    }
    let (asks, answers) = parties(message.api);
    let party = if message.answer { answers } else { asks };
    let (topic, partition) = (focus.topic.clone(), focus.partition);
    match party {
        Party::Producer => ground.instance_that(draws, |service| service.writes().next().is_some()),
        Party::Member => ground.instance_that(draws, |service| service.group.is_some()),
        Party::Transactional => ground.instance_that(draws, |service| service.transactional),
        Party::Fetcher if draws.chance(1, 3) => {
            ground.instance_that(draws, |service| !service.inputs.is_empty())
        }
        Party::Fetcher => Target::FollowerOf { topic, partition },
        Party::Leader => Target::LeaderOf { topic, partition },
        Party::Broker => ground.broker(focus, draws),
        Party::GroupCoordinator => ground.group_coordinator(draws),
        Party::TransactionCoordinator => ground.transaction_coordinator(draws),
        Party::Controller => Target::Controller,
    }
}

/// Who takes part in an exchange of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Party {
    Producer,
    Member,
    Transactional,
    /// A follower, or a consumer.
    Fetcher,
    Leader,
    Broker,
    GroupCoordinator,
    TransactionCoordinator,
    Controller,
}

/// Who asks, and who answers.
const fn parties(api: Api) -> (Party, Party) {
    match api {
        Api::Produce => (Party::Producer, Party::Leader),
        Api::Fetch | Api::OffsetForLeaderEpoch => (Party::Fetcher, Party::Leader),
        Api::AlterPartition => (Party::Leader, Party::Controller),
        Api::MetadataFetch | Api::BrokerHeartbeat => (Party::Broker, Party::Controller),
        Api::OffsetCommit | Api::JoinGroup | Api::SyncGroup | Api::ConsumerGroupHeartbeat => {
            (Party::Member, Party::GroupCoordinator)
        }
        Api::TxnOffsetCommit => (Party::Transactional, Party::GroupCoordinator),
        Api::EndTxn | Api::InitProducerId | Api::AddPartitionsToTxn => {
            (Party::Transactional, Party::TransactionCoordinator)
        }
        Api::WriteTxnMarkers => (Party::TransactionCoordinator, Party::Leader),
    }
}

/// Whether a scenario has messages of a kind.
pub(super) fn has(scenario: &Scenario, api: Api) -> bool {
    let any = |is: fn(&Service) -> bool| scenario.services.iter().any(is);
    match parties(api).0 {
        Party::Member => any(|service| service.group.is_some()),
        Party::Transactional | Party::TransactionCoordinator => {
            any(|service| service.transactional)
                && (api != Api::TxnOffsetCommit || any(|service| service.group.is_some()))
        }
        _ => true,
    }
}
