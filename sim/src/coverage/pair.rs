//! Pairs of a state and an event that meets it, area by area.

use broker_model::protocol::{ApiKey, ErrorCode};

use super::named::named;
use super::situation::Situation;

named! {
    /// A partition, as its ISR stands.
    PartitionState {
        Full => "full-isr",
        Short => "short-isr",
        BelowMin => "isr-below-min",
        Leaderless => "without-leader",
    }
}

named! {
    /// What happens to a partition.
    PartitionEvent {
        LeaderAppends => "leader-appends",
        FollowerAppends => "follower-appends",
        LeaderHighWatermark => "leader-high-watermark",
        FollowerHighWatermark => "follower-high-watermark",
        Acknowledged => "acknowledged",
        Repeated => "repeated",
        ReadCommitted => "read-committed",
        ReadUncommitted => "read-uncommitted",
        Truncated => "truncated",
        Rolled => "rolled",
        LogStart => "log-start",
        Compacted => "compacted",
        BecameLeader => "became-leader",
        BecameFollower => "became-follower",
        LeaderChanged => "leader-changed",
        IsrShrank => "isr-shrank",
        IsrGrew => "isr-grew",
        ElrGrew => "elr-grew",
        ElrShrank => "elr-shrank",
        CommitMarker => "commit-marker",
        AbortMarker => "abort-marker",
    }
}

named! {
    /// The quorum of controllers, and the brokers as it knows them.
    ClusterState {
        Whole => "all-run",
        BrokerFenced => "broker-fenced",
        BrokersFenced => "brokers-fenced",
        VoterDown => "voter-down",
        VoterDownBrokerFenced => "voter-down-and-broker-fenced",
    }
}

named! {
    /// What happens to the cluster.
    ClusterEvent {
        Fenced => "broker-fenced",
        Unfenced => "broker-unfenced",
        Registered => "broker-registered",
        Elected => "controller-elected",
        Voted => "quorum-voted",
        PartitionChanged => "partition-changed",
        ProducerIds => "producer-ids",
        CoordinatorLoaded => "coordinator-loaded",
    }
}

named! {
    /// A group.
    GroupState {
        New => "new",
        Rebalancing => "rebalancing",
        Stable => "stable",
    }
}

named! {
    /// What happens to a group.
    GroupEvent {
        RebalanceStarted => "rebalance-started",
        Stable => "group-stable",
        MemberFenced => "member-fenced",
        CommitAccepted => "commit-accepted",
        OffsetsCommitted => "offsets-committed",
        CoordinatorChanged => "coordinator-changed",
    }
}

named! {
    /// A transaction as its coordinator has told it last, with what may come next.
    Step {
        BeginsFirst => "Empty: Ongoing",
        InitializedAgain => "Empty: Empty",
        Grows => "Ongoing: Ongoing",
        Commits => "Ongoing: PrepareCommit",
        Aborts => "Ongoing: PrepareAbort",
        Committed => "PrepareCommit: CompleteCommit",
        Aborted => "PrepareAbort: CompleteAbort",
        BeginsAfterCommit => "CompleteCommit: Ongoing",
        BeginsAfterAbort => "CompleteAbort: Ongoing",
        InitializedAfterCommit => "CompleteCommit: Empty",
        InitializedAfterAbort => "CompleteAbort: Empty",
        EmptyAborts => "CompleteCommit: PrepareAbort",
        EmptyAbortsAgain => "CompleteAbort: PrepareAbort",
        ChangedWhileOngoing => "Ongoing: coordinator-changed",
        ChangedWhileCommitting => "PrepareCommit: coordinator-changed",
        ChangedWhileAborting => "PrepareAbort: coordinator-changed",
        FencedWhileOngoing => "Ongoing: producer-fenced",
        FencedWhileCommitting => "PrepareCommit: producer-fenced",
        FencedWhileAborting => "PrepareAbort: producer-fenced",
    }
}

/// Errors that an answer may carry and that a client or broker has to act upon. Source: Apache
/// Kafka 4.1, what the clients and brokers handle by name for each of these answers.
pub(super) const ANSWERS: &[(ApiKey, &[ErrorCode])] = {
    use ErrorCode as E;
    &[
        (
            ApiKey::Produce,
            &[
                E::NotLeaderOrFollower,
                E::NotEnoughReplicas,
                E::NotEnoughReplicasAfterAppend,
                E::RequestTimedOut,
                E::OutOfOrderSequenceNumber,
                E::InvalidProducerEpoch,
                E::InvalidTxnState,
                E::UnknownTopicOrPartition,
                E::KafkaStorageError,
            ],
        ),
        (
            ApiKey::Fetch,
            &[
                E::NotLeaderOrFollower,
                E::FencedLeaderEpoch,
                E::UnknownLeaderEpoch,
                E::OffsetOutOfRange,
                E::FetchSessionIdNotFound,
                E::InvalidFetchSessionEpoch,
                E::UnknownTopicOrPartition,
                E::KafkaStorageError,
            ],
        ),
        (
            ApiKey::OffsetForLeaderEpoch,
            &[E::NotLeaderOrFollower, E::FencedLeaderEpoch, E::UnknownLeaderEpoch],
        ),
        (ApiKey::FindCoordinator, &[E::CoordinatorNotAvailable]),
        (
            ApiKey::JoinGroup,
            &[
                E::MemberIdRequired,
                E::UnknownMemberId,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
                E::FencedInstanceId,
            ],
        ),
        (
            ApiKey::SyncGroup,
            &[E::RebalanceInProgress, E::UnknownMemberId, E::IllegalGeneration, E::NotCoordinator],
        ),
        (
            ApiKey::Heartbeat,
            &[
                E::RebalanceInProgress,
                E::UnknownMemberId,
                E::IllegalGeneration,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
                E::FencedInstanceId,
            ],
        ),
        (
            ApiKey::ConsumerGroupHeartbeat,
            &[
                E::FencedMemberEpoch,
                E::UnknownMemberId,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
                E::UnreleasedInstanceId,
            ],
        ),
        (
            ApiKey::OffsetCommit,
            &[
                E::IllegalGeneration,
                E::StaleMemberEpoch,
                E::UnknownMemberId,
                E::RebalanceInProgress,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
            ],
        ),
        (
            ApiKey::OffsetFetch,
            &[E::NotCoordinator, E::CoordinatorLoadInProgress, E::UnstableOffsetCommit],
        ),
        (
            ApiKey::InitProducerId,
            &[
                E::ConcurrentTransactions,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
                E::ProducerFenced,
            ],
        ),
        (
            ApiKey::AddPartitionsToTxn,
            &[
                E::ConcurrentTransactions,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
                E::ProducerFenced,
                E::InvalidTxnState,
            ],
        ),
        (
            ApiKey::TxnOffsetCommit,
            &[
                E::IllegalGeneration,
                E::UnknownMemberId,
                E::StaleMemberEpoch,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
                E::InvalidProducerEpoch,
            ],
        ),
        (
            ApiKey::EndTxn,
            &[
                E::InvalidTxnState,
                E::ConcurrentTransactions,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
                E::ProducerFenced,
                E::InvalidProducerEpoch,
            ],
        ),
        (ApiKey::WriteTxnMarkers, &[E::NotLeaderOrFollower, E::UnknownTopicOrPartition]),
        (
            ApiKey::AlterPartition,
            &[
                E::InvalidUpdateVersion,
                E::FencedLeaderEpoch,
                E::IneligibleReplica,
                E::StaleBrokerEpoch,
                E::NotController,
            ],
        ),
        (ApiKey::BrokerHeartbeat, &[E::StaleBrokerEpoch, E::NotController]),
    ]
};

const PARTITION_PAIRS: usize = PartitionState::NAMES.len() * PartitionEvent::NAMES.len();
const OWN: usize = Situation::NAMES.len();
const INTERNAL: usize = OWN + PARTITION_PAIRS;
const CLUSTER: usize = INTERNAL + PARTITION_PAIRS;
const GROUP: usize = CLUSTER + ClusterState::NAMES.len() * ClusterEvent::NAMES.len();
const TRANSACTION: usize = GROUP + GroupState::NAMES.len() * GroupEvent::NAMES.len();
const ANSWER: usize = TRANSACTION + Step::NAMES.len();

/// Something that can be reached, by its place among all such.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Point(pub(super) usize);

impl Point {
    pub(super) const fn situation(situation: Situation) -> Self {
        Self(situation as usize)
    }

    /// Of a partition of the file's topics, or of Kafka's own.
    pub(super) const fn partition(
        internal: bool,
        state: PartitionState,
        event: PartitionEvent,
    ) -> Self {
        let area = if internal { INTERNAL } else { OWN };
        Self(area + state as usize * PartitionEvent::NAMES.len() + event as usize)
    }

    pub(super) const fn cluster(state: ClusterState, event: ClusterEvent) -> Self {
        Self(CLUSTER + state as usize * ClusterEvent::NAMES.len() + event as usize)
    }

    pub(super) const fn group(state: GroupState, event: GroupEvent) -> Self {
        Self(GROUP + state as usize * GroupEvent::NAMES.len() + event as usize)
    }

    pub(super) const fn transaction(step: Step) -> Self {
        Self(TRANSACTION + step as usize)
    }

    /// Of an answer with an error; none where nobody need act upon it.
    pub(super) fn answer(api: ApiKey, error: ErrorCode) -> Option<Self> {
        let mut place = ANSWER;
        for (one, errors) in ANSWERS {
            if *one == api {
                let within = errors.iter().position(|known| *known == error)?;
                return Some(Self(place + within));
            }
            place += errors.len();
        }
        None
    }

    /// Whether it is a situation and no pair.
    pub(crate) const fn is_situation(self) -> bool {
        self.0 < OWN
    }
}

/// All points with their names, in order: situations first.
pub(crate) fn points() -> impl Iterator<Item = (Point, String)> {
    names().into_iter().enumerate().map(|(place, name)| (Point(place), name))
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = Situation::NAMES.iter().map(|&name| name.to_owned()).collect();
    let mut area = |name: &str, states: &[&str], events: &[&str]| {
        for state in states {
            names.extend(events.iter().map(|event| format!("{name} {state}: {event}")));
        }
    };
    area("partition", PartitionState::NAMES, PartitionEvent::NAMES);
    area("internal-partition", PartitionState::NAMES, PartitionEvent::NAMES);
    area("cluster", ClusterState::NAMES, ClusterEvent::NAMES);
    area("group", GroupState::NAMES, GroupEvent::NAMES);
    names.extend(Step::NAMES.iter().map(|step| format!("transaction {step}")));
    for (api, errors) in ANSWERS {
        names.extend(errors.iter().map(|error| format!("{}: {}", api.name(), error.name())));
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_point_has_a_name_of_its_own() {
        let names = names();
        let unique: BTreeSet<&String> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        let name = |point: Point| names[point.0].as_str();
        assert_eq!(name(Point::situation(Situation::SnapshotLoaded)), "metadata-snapshot-loaded");
        let (state, event) = (PartitionState::Leaderless, PartitionEvent::AbortMarker);
        assert_eq!(
            name(Point::partition(false, state, event)),
            "partition without-leader: abort-marker"
        );
        assert_eq!(
            name(Point::partition(true, state, event)),
            "internal-partition without-leader: abort-marker"
        );
        let cluster = Point::cluster(ClusterState::VoterDown, ClusterEvent::Voted);
        assert_eq!(name(cluster), "cluster voter-down: quorum-voted");
        let group = Point::group(GroupState::Stable, GroupEvent::CoordinatorChanged);
        assert_eq!(name(group), "group stable: coordinator-changed");
        let last = Point::transaction(Step::FencedWhileAborting);
        assert_eq!(name(last), "transaction PrepareAbort: producer-fenced");
        let answer = Point::answer(ApiKey::BrokerHeartbeat, ErrorCode::NotController);
        assert_eq!(answer.map(|point| point.0), Some(names.len() - 1));
        assert_eq!(names.last().map(String::as_str), Some("BrokerHeartbeat: NOT_CONTROLLER"));
        assert_eq!(Point::answer(ApiKey::Produce, ErrorCode::NotController), None);
    }
}
