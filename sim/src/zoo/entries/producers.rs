//! Producers: idempotence, sequences, producer ids.

use reports::checker::Anomaly;

use crate::zoo::{Entry, Kind, Today, Universe};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "pre98-retry-duplicate",
        title: "A batch whose answer was lost is sent again, and is there twice",
        source: "KIP-98",
        kind: Kind::Configuration,
        universe: Universe::Replication,
        set: &[
            ("service.order.producer.enable.idempotence", "false"),
            ("expect.verdict", "fail"),
            ("expect.anomaly", "duplicate"),
        ],
        seen: &[Anomaly::Duplicate],
        today: Today::Chosen("enable.idempotence is true unless somebody sets it"),
    },
    Entry {
        id: "kafka3197-inflight-reorder",
        title: "The first of two requests in flight fails and is sent again, behind the second",
        source: "KAFKA-3197",
        kind: Kind::Configuration,
        universe: Universe::Replication,
        set: &[
            ("service.order.producer.enable.idempotence", "false"),
            ("service.order.producer.max.in.flight.requests.per.connection", "5"),
            ("expect.verdict", "fail"),
            ("expect.anomaly", "reordered"),
        ],
        seen: &[Anomaly::Reordered],
        today: Today::Chosen("enable.idempotence is true unless somebody sets it"),
    },
    Entry {
        id: "kafka20554-acks-1",
        title: "With acks=1 what followers have not fetched is lost, by planned moves too",
        source: "KAFKA-20554",
        kind: Kind::Configuration,
        universe: Universe::Replication,
        set: &[
            ("service.order.producer.enable.idempotence", "false"),
            ("service.order.producer.acks", "1"),
        ],
        seen: &[Anomaly::LostAcknowledged],
        today: Today::Chosen("acks is all unless somebody sets it"),
    },
    Entry {
        id: "kafka14034-epoch-bump-rewrites-inflight",
        title: "Batches of unknown fate are sent again under a new epoch",
        source: "KAFKA-14034",
        kind: Kind::ClientBehaviour,
        universe: Universe::Replication,
        set: &[("check.resent-under-new-epoch", "true")],
        seen: &[Anomaly::ResentUnderNewEpoch],
        today: Today::Open("as it was"),
    },
    Entry {
        id: "kafka14359-first-sequence-skipped",
        title: "A leader that knows nothing of a producer takes a later sequence first",
        source: "KAFKA-14359",
        kind: Kind::ClientBehaviour,
        universe: Universe::Replication,
        set: &[("check.first-sequence-skipped", "true")],
        seen: &[Anomaly::FirstSequenceSkipped],
        today: Today::Open("as it was"),
    },
    Entry {
        id: "kafka15552-duplicate-pid-block",
        title: "A block of producer ids is given out twice",
        source: "KAFKA-15552",
        kind: Kind::Injected,
        universe: Universe::Replication,
        set: &[("protocol.producer_id_blocks", "reissued")],
        seen: &[Anomaly::ProducerIdsDisjoint, Anomaly::LostAcknowledged],
        today: Today::Mended("a block is given out once"),
    },
];
