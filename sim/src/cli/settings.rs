//! The configuration of a run with where each value came from.

use std::collections::BTreeSet;

use reports::render::Setting;
use scenarios::Origin;
use scenarios::model::Scope;

use super::scene::Scene;
use crate::run::Run;

/// Kafka's keys that decide what a run shows, told even when nobody set them. In brackets what
/// a service starts from when that is not Kafka's default.
const TOLD: &[(Scope, &[&str])] = &[
    (
        Scope::Broker,
        &[
            "min.insync.replicas",
            "unclean.leader.election.enable",
            "replica.lag.time.max.ms",
            "num.network.threads",
            "num.io.threads",
            "broker.session.timeout.ms",
            "offsets.topic.replication.factor",
            "transaction.state.log.replication.factor",
            "transaction.state.log.min.isr",
        ],
    ),
    (
        Scope::Producer,
        &[
            "acks",
            "enable.idempotence",
            "linger.ms",
            "batch.size",
            "buffer.memory",
            "max.in.flight.requests.per.connection",
            "request.timeout.ms",
            "delivery.timeout.ms",
            "transaction.timeout.ms",
        ],
    ),
    (
        Scope::Consumer,
        &[
            "isolation.level",
            "auto.offset.reset",
            "enable.auto.commit",
            "max.poll.records",
            "fetch.min.bytes",
            "fetch.max.wait.ms",
            "max.partition.fetch.bytes",
            "session.timeout.ms",
            "max.poll.interval.ms",
            "partition.assignment.strategy",
        ],
    ),
];

/// Where services start from something else than Kafka's default.
const OWN: &[(&str, &str)] = &[("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")];

/// More characters of a value than this are left to the scenario file.
const VALUE_MAX: usize = 40;

/// What was given in order of the file, then Kafka's defaults, then what the seed decided.
pub(super) fn of(scene: &Scene, run: &Run) -> Vec<Setting> {
    let origins = scene.origins();
    let about = ["scenario.name", "scenario.description"];
    let told = origins.iter().filter(|origin| !about.contains(&origin.path.as_str()));
    let mut settings: Vec<Setting> = told.map(given).collect();
    // Settings of one scope follow each other; scopes keep the order of their first value.
    let mut scopes: Vec<String> = Vec::new();
    for setting in &settings {
        if !scopes.contains(&setting.scope) {
            scopes.push(setting.scope.clone());
        }
    }
    settings.sort_by_key(|setting| scopes.iter().position(|scope| *scope == setting.scope));
    defaults(scene, &mut settings);
    for fault in &run.summary.faults {
        settings.push(Setting {
            scope: "faults as they came".to_owned(),
            key: format!("{} {}", fault.kind, fault.target),
            value: format!("{} at {:.3} s", fault.resolved, fault.at_s),
            source: format!("drawn from seed {}", run.summary.seed),
        });
    }
    settings
}

/// The keys of a path; a quoted one may have dots.
fn keys(path: &str) -> Vec<String> {
    let mut keys = vec![String::new()];
    let mut quoted = false;
    for character in path.chars() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => keys.push(String::new()),
            other => keys.last_mut().expect("never empty").push(other),
        }
    }
    keys
}

fn given(origin: &Origin) -> Setting {
    let keys = keys(&origin.path);
    let named = ["topic", "service", "load", "fault", "hardware"];
    let depth = match keys.first() {
        Some(first) if named.contains(&first.as_str()) => 2.min(keys.len() - 1),
        _ => 1.min(keys.len() - 1),
    };
    let scope = if depth == 0 { "file".to_owned() } else { keys[..depth].join(" ") };
    let source = match origin.origin.as_str() {
        line if line.starts_with("line ") => format!("scenario {line}"),
        other => other.to_owned(),
    };
    Setting { scope, key: keys[depth..].join(" "), value: short(&origin.value), source }
}

/// A value fit for a cell: a text without its quotes, and not too long.
fn short(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = inner.unwrap_or(value).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text,
    }
}

fn defaults(scene: &Scene, settings: &mut Vec<Setting>) {
    let scenario = &scene.scenario;
    let producing = scenario.services.iter().filter(|service| service.writes().next().is_some());
    let consuming = scenario.services.iter().filter(|service| !service.inputs.is_empty());
    let set: [BTreeSet<&String>; 3] = [
        scenario.cluster.config.set.keys().collect(),
        common(producing.map(|service| service.producer.set.keys().collect())),
        common(consuming.map(|service| service.consumer.set.keys().collect())),
    ];
    for ((scope, keys), set) in TOLD.iter().zip(set) {
        let title = format!("{} keys that are not set", scope.name());
        for &key in keys.iter().filter(|key| !set.iter().any(|name| name == *key)) {
            let own = OWN.iter().find(|(name, _)| *name == key && *scope == Scope::Consumer);
            let (value, source) = match (own, scope.key(scenario.kafka, key)) {
                (Some((_, value)), _) => ((*value).to_owned(), "assize: services".to_owned()),
                (None, Some(known)) => {
                    (known.default.to_owned(), format!("Kafka {} default", scenario.kafka.name()))
                }
                (None, None) => continue,
            };
            settings.push(Setting { scope: title.clone(), key: key.to_owned(), value, source });
        }
    }
}

/// What all of many sets have.
fn common<'a>(mut sets: impl Iterator<Item = BTreeSet<&'a String>>) -> BTreeSet<&'a String> {
    let first = sets.next().unwrap_or_default();
    sets.fold(first, |all, one| all.intersection(&one).copied().collect())
}

#[cfg(test)]
mod tests {
    use scenarios::Origin;
    use scenarios::model::Version;

    use super::{TOLD, given, keys, short};

    #[test]
    fn every_told_key_is_a_key_of_kafka() {
        for (scope, names) in TOLD {
            for name in *names {
                assert!(scope.key(Version::default(), name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn values_are_told_shortly() {
        assert_eq!(short("\"open\""), "open");
        assert_eq!(short("[\"a\",\n  \"b\"]"), "[\"a\", \"b\"]");
        assert_eq!(short(&"ä".repeat(50)).chars().count(), 41);
    }

    #[test]
    fn paths_are_split_at_dots_outside_quotes() {
        assert_eq!(keys("topic.t.config.\"min.insync.replicas\"").len(), 4);
        let origin = Origin {
            path: "topic.t.config.\"min.insync.replicas\"".to_owned(),
            value: "2".to_owned(),
            origin: "line 7".to_owned(),
        };
        let setting = given(&origin);
        assert_eq!(
            (setting.scope.as_str(), setting.key.as_str()),
            ("topic t", "config min.insync.replicas")
        );
        assert_eq!(setting.source, "scenario line 7");
    }
}
