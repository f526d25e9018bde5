//! Compaction and retention.

use reports::checker::Anomaly;

use crate::zoo::{Entry, Kind, Today, Universe};

/// What a cleaning shows that took something for something else.
const CLEANING: &[Anomaly] = &[
    Anomaly::TombstonesStay,
    Anomaly::CompactionKeepsNewest,
    Anomaly::CompactionKeepsVerdicts,
    Anomaly::CompactionKeepsProducers,
    Anomaly::AbortedRead,
    Anomaly::TornTransaction,
    Anomaly::LostAcknowledged,
];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "kafka14055-marker-key-collision",
        title: "The cleaner takes a marker for a record with the same bytes as its key",
        source: "KAFKA-14055",
        kind: Kind::ReEnacted,
        universe: Universe::Cleaning,
        set: &[("protocol.clean_control_by_key", "on")],
        seen: CLEANING,
        today: Today::Mended("markers are no concern of the map of keys"),
    },
    Entry {
        id: "kafka13727-aborted-index-partial-clean",
        title: "A cleaning that ends within a segment makes what was aborted committed",
        source: "KAFKA-13727",
        kind: Kind::ReEnacted,
        universe: Universe::Cleaning,
        set: &[("protocol.partial_clean_index", "cleaned_part_only")],
        seen: CLEANING,
        today: Today::Mended("a cleaning knows of all that was aborted in what it writes anew"),
    },
    Entry {
        id: "kafka4529-tombstone-too-early",
        title: "A tombstone or a marker goes before its time",
        source: "KAFKA-4529, KIP-534",
        kind: Kind::Injected,
        universe: Universe::Cleaning,
        set: &[("protocol.delete_horizon", "ignored")],
        seen: CLEANING,
        today: Today::Mended("a batch keeps the horizon that its first cleaning gave it"),
    },
    Entry {
        id: "kafka5490-cleaner-sequence",
        title: "The cleaner takes away a producer's last batch, and with it its sequence",
        source: "KAFKA-5490",
        kind: Kind::Injected,
        universe: Universe::Cleaning,
        set: &[("protocol.cleaned_producers", "dropped")],
        seen: CLEANING,
        today: Today::Mended("it stays, if need be without records"),
    },
    Entry {
        id: "kafka5634-retention-above-hw",
        title: "Retention deletes what is not replicated yet",
        source: "KAFKA-5634",
        kind: Kind::Injected,
        universe: Universe::Retention,
        set: &[("protocol.retention_bound", "log-end")],
        seen: &[Anomaly::LogBounds, Anomaly::LostAcknowledged, Anomaly::LogMatching],
        today: Today::Mended("it ends at the high watermark"),
    },
];
