//! The controllers' quorum.

use reports::checker::Anomaly;

use crate::zoo::{Entry, Kind, Today, Universe};

/// What the loss or the parting of metadata shows.
const METADATA: &[Anomaly] = &[
    Anomaly::MetadataHighWatermark,
    Anomaly::MetadataLogPrefix,
    Anomaly::OneControllerPerEpoch,
    Anomaly::OneVotePerEpoch,
    Anomaly::CommitInOwnEpoch,
    Anomaly::LeaderEpochMonotonic,
    Anomaly::BrokerEpochMonotonic,
];
/// What a cluster shows that does not come to rest.
const STUCK: &[Anomaly] = &[Anomaly::StuckLag, Anomaly::UnansweredCall, Anomaly::FullIsr];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "kafka10533-raft-no-fsync",
        title: "Controllers vote and acknowledge before it is on their disks",
        source: "KAFKA-10533",
        kind: Kind::ReEnacted,
        universe: Universe::Replication,
        set: &[("protocol.raft_fsync", "off")],
        seen: METADATA,
        today: Today::Mended("they answer after the flush"),
    },
    Entry {
        id: "kafka10527-same-epoch-leader-again",
        title: "A controller that led starts again and leads on in the same epoch",
        source: "KAFKA-10527",
        kind: Kind::ReEnacted,
        universe: Universe::Replication,
        set: &[("protocol.raft_resume_leader", "on")],
        seen: METADATA,
        today: Today::Mended("a leader that starts again has resigned"),
    },
    Entry {
        id: "kafka12619-hw-before-own-epoch",
        title: "Older records are committed before one of the leader's own epoch",
        source: "KAFKA-12619",
        kind: Kind::ReEnacted,
        universe: Universe::Replication,
        set: &[("protocol.raft_commit_requires_own_epoch", "off")],
        seen: METADATA,
        today: Today::Mended("only a record of its own epoch commits what is before it"),
    },
    Entry {
        id: "kafka12460-truncate-below-hw",
        title: "A controller cuts its log below what is committed, and nobody notices",
        source: "KAFKA-12460",
        kind: Kind::ReEnacted,
        universe: Universe::Replication,
        set: &[("protocol.raft_guard_hw", "off"), ("protocol.raft_resume_leader", "on")],
        seen: METADATA,
        today: Today::Mended("it ends itself instead"),
    },
    Entry {
        id: "kafka15489-no-check-quorum",
        title: "A leader of the quorum that nobody follows leads on",
        source: "KAFKA-15489",
        kind: Kind::ReEnacted,
        universe: Universe::Replication,
        set: &[("protocol.check_quorum", "off")],
        seen: STUCK,
        today: Today::Mended("it resigns without a majority's fetches"),
    },
    Entry {
        id: "kip996-no-prevote",
        title: "A controller that hears nobody raises the epoch again and again",
        source: "KIP-996, KAFKA-17642",
        kind: Kind::ReEnacted,
        universe: Universe::Replication,
        set: &[("protocol.prevote", "off")],
        seen: STUCK,
        today: Today::Mended("it asks first whether it would be elected"),
    },
    Entry {
        id: "kip853-wiped-disk-voter",
        title: "A voter with an empty disk votes as if it had never promised anything",
        source: "KIP-853, KAFKA-14077",
        kind: Kind::ReEnacted,
        universe: Universe::Replication,
        set: &[("protocol.voter_identity", "id_only")],
        seen: METADATA,
        today: Today::Mended("a voter is its node id and its directory"),
    },
];
