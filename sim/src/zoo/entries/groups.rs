//! Consumer groups and their offsets.

use reports::checker::Anomaly;

use crate::zoo::{Entry, Kind, Today, Universe};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "kafka16147-848-double-owner",
        title: "A partition of the new group protocol is given to two members",
        source: "KAFKA-16147",
        kind: Kind::ReEnacted,
        universe: Universe::Membership,
        set: &[("protocol.partition_epoch_bookkeeping", "list_by_list")],
        seen: &[Anomaly::OneOwner, Anomaly::CommitByOwner, Anomaly::CoordinatorKnowsItsLog],
        today: Today::Mended("what a member had is taken out before what it has is put in"),
    },
    Entry {
        id: "kafka5600-group-load-stale",
        title: "A coordinator that takes over believes older offsets",
        source: "KAFKA-5600, without its condition that the log takes more than one read",
        kind: Kind::Injected,
        universe: Universe::Membership,
        set: &[("protocol.group_load", "first_wins")],
        seen: &[Anomaly::CoordinatorKnowsItsLog, Anomaly::OffsetsStay, Anomaly::EffectDoubled],
        today: Today::Mended("what was committed last counts"),
    },
    Entry {
        id: "kafka8069-offsets-expire-after-load",
        title: "Offsets expire as soon as another coordinator has read them",
        source: "KAFKA-8069",
        kind: Kind::ReEnacted,
        universe: Universe::Membership,
        set: &[("protocol.expire_ts_default", "commit_ts")],
        seen: &[Anomaly::CoordinatorKnowsItsLog, Anomaly::OffsetsStay, Anomaly::EffectDoubled],
        today: Today::Mended(
            "without a time of their own they expire by offsets.retention.minutes",
        ),
    },
    Entry {
        id: "kip211-active-group-expiry",
        title: "Offsets of a group that is alive and idle expire by the time of their commit",
        source: "KIP-211, KAFKA-4682",
        kind: Kind::ReEnacted,
        universe: Universe::Idle,
        set: &[("protocol.offset_expiry", "from_commit")],
        seen: &[Anomaly::OffsetsStay],
        today: Today::Mended("what a group has subscribed to does not expire"),
    },
    Entry {
        id: "kafka13636-offsets-expire-while-rebalancing",
        title: "Offsets of a group expire while it rebalances",
        source: "KAFKA-13636",
        kind: Kind::ReEnacted,
        universe: Universe::Idle,
        set: &[
            ("protocol.expire_when_unstable", "on"),
            ("cluster.config.group.initial.rebalance.delay.ms", "3000"),
        ],
        seen: &[Anomaly::OffsetsStay],
        today: Today::Mended("nothing of a group expires while it rebalances"),
    },
    Entry {
        id: "cfg-commit-before-process",
        title: "A consumer commits before it has done the work, and dies",
        source: "Kafka's documentation of delivery semantics",
        kind: Kind::ClientBehaviour,
        universe: Universe::Membership,
        set: &[("service.parcel.commit", "before-processing")],
        seen: &[Anomaly::EffectLost],
        today: Today::Chosen(
            "an application commits when it has done the work, as services do here by default",
        ),
    },
    Entry {
        id: "cfg-reset-latest",
        title: "A group without an offset begins at the end and never sees what was before",
        source: "Kafka's documentation of auto.offset.reset",
        kind: Kind::Configuration,
        universe: Universe::Membership,
        set: &[("service.letter.consumer.auto.offset.reset", "latest")],
        seen: &[Anomaly::EffectLost, Anomaly::SkippedPoll],
        today: Today::Chosen("auto.offset.reset is latest unless somebody sets it"),
    },
];
