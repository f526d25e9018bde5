//! Kafka's keys that a scenario sets and of which nothing comes here: told, once, with the reason.

use scenarios::Scenario;
use scenarios::model::{KafkaConfig, Service};
use scenarios::warning::Warning;

use super::effect::{Effect, effect};

/// Keys of one table that have no effect for one reason.
struct Idle<'a> {
    table: String,
    why: &'static str,
    keys: Vec<&'a str>,
}

/// One warning that names every such key with the table it stands in. A key that is set to its
/// default counts too: whoever writes it down expects that it is read.
pub(super) fn keys_without_effect(scenario: &Scenario) -> Option<Warning> {
    let mut found: Vec<Idle<'_>> = Vec::new();
    for (table, config) in tables(scenario) {
        for key in config.set.keys() {
            let why = match effect(config.scope, key) {
                Some(Effect::None { why }) => why,
                Some(Effect::Modelled { .. })
                    if key == COMPRESSION && !compresses(scenario, &table) =>
                {
                    NO_PAYLOAD
                }
                _ => continue,
            };
            match found.iter_mut().find(|idle| idle.table == table && idle.why == why) {
                Some(idle) => idle.keys.push(key),
                None => found.push(Idle { table: table.clone(), why, keys: vec![key] }),
            }
        }
    }
    let first = found.first()?;
    let path = format!("{}.{:?}", first.table, first.keys[0]);
    let told: Vec<String> = found.iter().map(Idle::told).collect();
    Some(Warning {
        name: "keys-without-effect",
        text: format!(
            "Kafka has these keys, and they make no difference here: {}",
            told.join("; ")
        ),
        source: "assize explain KEY; broker-model/DIVERGENCES.md",
        path,
    })
}

/// The key that acts only where something is said of what records are like.
const COMPRESSION: &str = "compression.type";
const NO_PAYLOAD: &str =
    "no `payload` says what the records are like, so codecs leave them as they are";

/// Whether codecs have anything to do with what goes through the clients or topics of a table.
fn compresses(scenario: &Scenario, table: &str) -> bool {
    let concerned = |service: &&Service| {
        table == "cluster.config"
            || table == format!("service.{}.producer", service.name)
            || service.writes().any(|topic| table == format!("topic.{topic}.config"))
    };
    scenario.services.iter().filter(concerned).any(|service| scenario.knows_payload(service))
}

impl Idle<'_> {
    fn told(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        format!("{} in `{}` ({})", keys.join(", "), self.table, self.why)
    }
}

/// Every table of Kafka's keys with its path, in the order of the language.
fn tables(scenario: &Scenario) -> Vec<(String, &KafkaConfig)> {
    let cluster = &scenario.cluster;
    let mut all = vec![
        ("cluster.config".to_owned(), &cluster.config),
        ("cluster.admin".to_owned(), &cluster.admin),
    ];
    all.extend(scenario.topics.iter().map(|t| (format!("topic.{}.config", t.name), &t.config)));
    for service in &scenario.services {
        all.push((format!("service.{}.producer", service.name), &service.producer));
        all.push((format!("service.{}.consumer", service.name), &service.consumer));
    }
    all
}

#[cfg(test)]
mod tests {
    use scenarios::Scenario;

    use super::keys_without_effect;
    use crate::world::small::cluster;

    const READER: &str = "[service.audit]\nkind = \"reader\"\ninput = \"orders\"";

    /// What is told of a scenario with these values over it.
    fn told(set: &[(&str, &str)]) -> Option<(String, String)> {
        let set: Vec<(String, String)> =
            set.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        let scenario =
            Scenario::parse(&cluster((1, 1), 1, 10, READER), &set).expect("Kafka accepts this");
        keys_without_effect(&scenario).map(|warning| (warning.text, warning.path))
    }

    #[test]
    fn keys_that_are_read_are_not_told() {
        assert_eq!(told(&[]), None);
        let read = [
            ("cluster.config.min.insync.replicas", "1"),
            ("cluster.admin.retry.backoff.ms", "100"),
            ("topic.orders.config.retention.ms", "1000"),
            ("service.order.producer.linger.ms", "1"),
            ("service.audit.consumer.fetch.min.bytes", "1"),
        ];
        assert_eq!(told(&read), None);
        let packed = [
            ("load.customers.payload", "json"),
            ("service.order.producer.compression.type", "zstd"),
            ("topic.orders.config.compression.type", "lz4"),
        ];
        assert_eq!(told(&packed), None, "something is said of what the records are like");
        assert!(told(&packed[1..]).is_some());
        let idle = told(&[("cluster.admin.metrics.num.samples", "3")]).map(|(_, path)| path);
        assert_eq!(idle.as_deref(), Some("cluster.admin.\"metrics.num.samples\""));
    }

    #[test]
    fn each_key_without_effect_is_told_with_its_table_and_reason() {
        let (text, path) = told(&[
            ("service.audit.consumer.check.crcs", "false"),
            ("service.order.producer.client.dns.lookup", "use_all_dns_ips"),
            ("topic.orders.config.compression.type", "lz4"),
            ("cluster.config.queued.max.requests", "500"),
            ("cluster.config.log.roll.jitter.ms", "5"),
            ("cluster.config.queued.max.request.bytes", "200000000"),
            ("cluster.config.num.io.threads", "5"),
        ])
        .expect("six of them");
        assert_eq!(path, "cluster.config.\"log.roll.jitter.ms\"");
        assert_eq!(
            text,
            "Kafka has these keys, and they make no difference here: \
             `log.roll.jitter.ms` in `cluster.config` (segments roll without jitter); \
             `queued.max.request.bytes`, `queued.max.requests` in `cluster.config` (the request \
             queue has no bound in the model); \
             `compression.type` in `topic.orders.config` (no `payload` says what the records \
             are like, so codecs leave them as they are); \
             `client.dns.lookup` in `service.order.producer` (connections of the simulator have \
             no DNS and no socket buffers); \
             `check.crcs` in `service.audit.consumer` (a consumer checks every batch)"
        );
    }
}
