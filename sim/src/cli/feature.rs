//! `assize explain` of features: levels that a whole cluster has finalized, which are no keys.

use scenarios::model::Version;
use serde_json::json;

use super::console::Console;

/// What a release has of a feature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Levels {
    release: Version,
    least: u8,
    most: u8,
    /// That of a new cluster.
    new: u8,
}

/// A feature. Source: KIP-584; `kafka-features.sh` and `kafka-storage.sh` of each release.
pub(super) struct Feature {
    pub(super) name: &'static str,
    /// Releases that know it, the oldest first.
    levels: &'static [Levels],
    /// What becomes of it here.
    about: &'static str,
}

const fn levels(release: Version, (least, most): (u8, u8), new: u8) -> Levels {
    Levels { release, least, most, new }
}

const FEATURES: &[Feature] = &[
    Feature {
        name: "eligible.leader.replicas.version",
        levels: &[levels(Version::V4_0, (0, 1), 0), levels(Version::V4_1, (0, 1), 1)],
        about: "that of a new cluster of the release: eligible leader replicas (KIP-966) from 4.1 \
                on, and `[protocol] elr = \"off\"` takes them away.",
    },
    Feature {
        name: "group.version",
        levels: &[levels(Version::V4_0, (0, 1), 1), levels(Version::V4_1, (0, 1), 1)],
        about: "told by the controller. Both protocols are modelled (KIP-848); which one a group \
                has, its members say by `group.protocol`.",
    },
    Feature {
        name: "metadata.version",
        levels: &[
            levels(Version::V3_9, (1, 21), 21),
            levels(Version::V4_0, (7, 25), 25),
            levels(Version::V4_1, (7, 27), 27),
        ],
        about: "that of a new cluster of the release.",
    },
    Feature {
        name: "transaction.version",
        levels: &[
            levels(Version::V3_9, (0, 0), 0),
            levels(Version::V4_0, (0, 2), 2),
            levels(Version::V4_1, (0, 2), 2),
        ],
        about: "that of a new cluster of the release: an epoch for each transaction (KIP-890) from \
                4.0 on; `[protocol] txn_protocol` takes it back.",
    },
];

/// The names of all.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FEATURES.iter().map(|feature| feature.name)
}

/// A feature by name.
pub(super) fn of(name: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.name == name)
}

impl Feature {
    /// What there is to say, below its name.
    pub(super) fn tell(&self, console: &mut Console<'_>) {
        let each = |of: &dyn Fn(&Levels) -> String| {
            let told = self.levels.iter().map(|l| format!("{} in {}", of(l), l.release.name()));
            told.collect::<Vec<_>>().join("; ")
        };
        console.line("  feature of a cluster, set with kafka-features.sh and not in a scenario");
        let range = each(&|l| format!("{} to {}", l.least, l.most));
        console.line(&format!("    levels    {range}"));
        console.line(&format!("    new ones  {}", each(&|l| l.new.to_string())));
        console.line(&format!("    here      {}", self.about));
    }

    /// The same as an object.
    pub(super) fn object(&self) -> serde_json::Value {
        let levels = self.levels.iter().map(|l| {
            json!({
                "kafka": l.release.name(),
                "least": l.least,
                "most": l.most,
                "new_cluster": l.new,
            })
        });
        json!({
            "feature": self.name,
            "levels": levels.collect::<Vec<_>>(),
            "about": self.about,
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::controller::finalized_features;
    use scenarios::model::Version;

    use super::FEATURES;
    use crate::plan::release_of;

    #[test]
    fn new_clusters_have_the_levels_of_the_model() {
        for version in [Version::V3_9, Version::V4_0, Version::V4_1] {
            let new = |levels: &[super::Levels]| {
                levels.iter().find(|l| l.release == version).map_or(0, |l| i16::from(l.new))
            };
            let told = FEATURES.iter().map(|f| (f.name, new(f.levels)));
            let told: Vec<_> = told.filter(|(_, level)| *level > 0).collect();
            assert_eq!(told, finalized_features(release_of(version)));
        }
        let known = FEATURES.iter().flat_map(|f| f.levels);
        assert!(known.clone().all(|l| (l.least..=l.most).contains(&l.new)));
    }
}
