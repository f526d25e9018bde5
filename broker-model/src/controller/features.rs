//! The features of a cluster that was formatted by a release.

use alloc::vec::Vec;

use crate::records::MetadataRecord;
use crate::types::Release;

/// In order of name. Source: KIP-584; a fresh cluster of each release.
const FINALIZED_4_1: &[(&str, i16)] = &[
    ("eligible.leader.replicas.version", 1),
    ("group.version", 1),
    ("metadata.version", 27),
    ("transaction.version", 2),
];
const FINALIZED_4_0: &[(&str, i16)] =
    &[("group.version", 1), ("metadata.version", 25), ("transaction.version", 2)];
const FINALIZED_3_9: &[(&str, i16)] = &[("metadata.version", 21)];

/// Finalized features of a new cluster of a release with their levels, in order of name; features
/// at level 0 are not there.
#[must_use]
pub const fn finalized(release: Release) -> &'static [(&'static str, i16)] {
    match release {
        Release::V3_9 => FINALIZED_3_9,
        Release::V4_0 => FINALIZED_4_0,
        Release::V4_1 => FINALIZED_4_1,
    }
}

/// What formatting the storage puts at the head of the metadata log. So the epoch of the first
/// broker, the offset of its registration, is above zero.
pub(super) fn bootstrap(release: Release, transaction_version: u8) -> Vec<MetadataRecord> {
    let levels = finalized(release).iter().map(|&(feature, level)| match feature {
        "transaction.version" => (feature, i16::from(transaction_version)),
        _ => (feature, level),
    });
    let levels = levels.filter(|&(_, level)| level > 0);
    levels.map(|(feature, level)| MetadataRecord::FeatureLevel { feature, level }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Release, finalized};

    #[test]
    fn levels_are_those_that_the_release_acts_by() {
        for release in [Release::V3_9, Release::V4_0, Release::V4_1] {
            let level = |name| {
                let found = finalized(release).iter().find(|(feature, _)| *feature == name);
                found.map_or(0, |(_, level)| *level)
            };
            assert_eq!(level("transaction.version"), i16::from(release.transaction_version()));
            let elr = level("eligible.leader.replicas.version") > 0;
            assert_eq!(elr, release.eligible_leader_replicas());
        }
    }
}
