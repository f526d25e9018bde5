//! The features of a cluster that was formatted by Kafka 4.1.

use alloc::vec::Vec;

use crate::records::MetadataRecord;

/// Finalized features with their levels, in order of name. Source: KIP-584; a fresh 4.1 cluster.
pub const FINALIZED: &[(&str, i16)] = &[
    ("eligible.leader.replicas.version", 1),
    ("group.version", 1),
    ("metadata.version", 27),
    ("transaction.version", 2),
];

/// What formatting the storage puts at the head of the metadata log. So the epoch of the first
/// broker, the offset of its registration, is above zero.
pub(super) fn bootstrap() -> Vec<MetadataRecord> {
    let record =
        |&(feature, level): &(&'static str, i16)| MetadataRecord::FeatureLevel { feature, level };
    FINALIZED.iter().map(record).collect()
}
