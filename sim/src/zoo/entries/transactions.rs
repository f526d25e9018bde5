//! Transactions and their coordinators.

use reports::checker::Anomaly;

use crate::zoo::{Entry, Kind, Today, Universe};

/// What a transaction shows that ended otherwise than it was decided, or not at all.
const VERDICT: &[Anomaly] = &[
    Anomaly::OpenWhenAppended,
    Anomaly::MarkerOfItsTransaction,
    Anomaly::OneVerdict,
    Anomaly::FencedEpoch,
    Anomaly::TransactionSteps,
    Anomaly::TornTransaction,
    Anomaly::AbortedRead,
    Anomaly::LostAcknowledged,
    Anomaly::HangingTransaction,
    Anomaly::UnfinishedOrder,
];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "kafka17754-delayed-end-txn",
        title: "A late EndTxn ends the next transaction of its producer",
        source: "KAFKA-17754, KIP-890, Jepsen on Bufstream 0.1.0",
        kind: Kind::ReEnacted,
        universe: Universe::ExactlyOnce,
        set: &[("protocol.txn_protocol", "v1_verified")],
        seen: VERDICT,
        today: Today::Mended("each transaction has an epoch of its own (transaction.version=2)"),
    },
    Entry {
        id: "kip890-late-produce",
        title: "A produce outlives the abort of its transaction and opens it for good",
        source: "KIP-890, KAFKA-14402",
        kind: Kind::ReEnacted,
        universe: Universe::ExactlyOnce,
        set: &[("protocol.txn_protocol", "v1")],
        seen: &[Anomaly::FencedEpoch, Anomaly::HangingTransaction, Anomaly::OpenWhenAppended],
        today: Today::Mended("leaders ask the coordinator, and each transaction has an epoch"),
    },
    Entry {
        id: "kafka6119-timeout-without-epoch-bump",
        title: "A transaction that timed out goes on and commits its second half",
        source: "KAFKA-6119",
        kind: Kind::ReEnacted,
        universe: Universe::ExactlyOnce,
        set: &[("protocol.txn_protocol", "v1"), ("protocol.abort_timeout_bumps_epoch", "off")],
        seen: VERDICT,
        today: Today::Mended("a timeout raises the epoch, which fences its producer"),
    },
    Entry {
        id: "kip447-zombie-commit",
        title: "A member that lost its partitions commits their offsets in its transaction",
        source: "KIP-447, KAFKA-9365",
        kind: Kind::ReEnacted,
        universe: Universe::ExactlyOnce,
        set: &[("protocol.txn_offset_commit_generation_check", "off")],
        seen: &[Anomaly::CommitByOwner, Anomaly::UnfinishedOrder],
        today: Today::Mended("the commit names its member and generation"),
    },
    Entry {
        id: "kafka19999-strict-marker-livelock",
        title: "A marker that is asked for twice is refused, and the transaction never ends",
        source: "KAFKA-19999",
        kind: Kind::ReEnacted,
        universe: Universe::ExactlyOnce,
        set: &[("protocol.marker_epoch_check", "gt_no_retry")],
        seen: &[Anomaly::HangingTransaction, Anomaly::StuckLag, Anomaly::UnansweredCall],
        today: Today::Mended("a marker of the same epoch is taken for the retry that it is"),
    },
    Entry {
        id: "kafka17582-abort-does-not-rewind",
        title: "After an abort the application goes on behind what it has not done",
        source: "KAFKA-17582, Jepsen on Bufstream 0.1.0",
        kind: Kind::ClientBehaviour,
        universe: Universe::ExactlyOnce,
        set: &[("protocol.app_rewinds_on_abort", "off")],
        seen: &[Anomaly::UnfinishedOrder],
        today: Today::Chosen("as it was: the application must seek, as it does here by default"),
    },
    Entry {
        id: "kafka5376-delayed-fetch-forgets-isolation",
        title: "An answer lacks the list of aborted transactions",
        source: "KAFKA-5355, KAFKA-5376",
        kind: Kind::Injected,
        universe: Universe::ExactlyOnce,
        set: &[("protocol.aborted_list", "forgotten")],
        seen: &[Anomaly::AbortedRead, Anomaly::UnfinishedOrder],
        today: Today::Mended("it has the list"),
    },
    Entry {
        id: "cfg-read-uncommitted",
        title: "A reader of uncommitted records sees what is aborted",
        source: "Kafka's documentation of isolation.level",
        kind: Kind::Configuration,
        universe: Universe::ExactlyOnce,
        set: &[
            ("service.audit.consumer.isolation.level", "read_uncommitted"),
            ("expect.verdict", "fail"),
            ("expect.anomaly", "aborted-read"),
        ],
        seen: &[Anomaly::AbortedRead],
        today: Today::Chosen("isolation.level is read_uncommitted unless somebody sets it"),
    },
];
