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
        id: "cfg-inflight-reorder",
        title: "The first of two requests in flight fails and is sent again, behind the second",
        source: "Kafka's documentation of max.in.flight.requests.per.connection",
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
        today: Today::Open("as in Kafka 4.1; mended after it for empty partitions (KAFKA-15591)"),
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
    Entry {
        id: "kip360-unknown-producer-reset",
        title: "A producer that was forgotten with its records counts from 0 in the same epoch",
        source: "KIP-360, KAFKA-8710",
        kind: Kind::ReEnacted,
        universe: Universe::Retention,
        set: &[("protocol.unknown_pid", "reset_same_epoch")],
        seen: &[
            Anomaly::SequenceContiguous,
            Anomaly::RepeatedIsTheSame,
            Anomaly::Duplicate,
            Anomaly::LostAcknowledged,
        ],
        today: Today::Mended(
            "leaders remember a producer for a day, and who is told otherwise raises its epoch",
        ),
    },
    Entry {
        id: "cfg-pid-expired",
        title: "A producer is forgotten sooner than its retry arrives",
        source: "Kafka's documentation of producer.id.expiration.ms, KIP-854",
        kind: Kind::Configuration,
        universe: Universe::Replication,
        set: &[
            ("cluster.config.producer.id.expiration.ms", "100"),
            ("cluster.config.producer.id.expiration.check.interval.ms", "100"),
        ],
        seen: &[Anomaly::Duplicate, Anomaly::SequenceContiguous, Anomaly::Reordered],
        today: Today::Chosen("a day unless somebody sets it; the broker warns of nothing"),
    },
];
