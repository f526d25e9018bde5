//! Warnings about services.

use super::{Warning, mean, named, plural};
use crate::model::service::{Service, ServiceTime};
use crate::model::{ConfigValue, KafkaConfig, Keys, Load, Scenario};

/// Whether a producer with these keys ends up idempotent (KIP-679).
fn idempotent(producer: &KafkaConfig) -> bool {
    let all = producer.get_text("acks").is_none_or(|acks| acks == "all" || acks == "-1");
    let retries = producer.get_int("retries") != Some(0);
    producer.get_bool("enable.idempotence").unwrap_or(all && retries)
}

/// Exactly once is asked of records that one broker alone acknowledges.
pub(super) fn acknowledged_by_one(scenario: &Scenario) -> Option<Warning> {
    let ends = || scenario.checks.exactly_once.iter().flat_map(|pair| [&pair.from, &pair.to]);
    let weak = |s: &&Service| {
        let acks = s.producer.get_text("acks").is_some_and(|acks| acks == "0" || acks == "1");
        let asked = s.output.as_ref().is_some_and(|output| ends().any(|end| end == output));
        acks && asked && !s.transactional && !idempotent(&s.producer)
    };
    let found: Vec<&str> = scenario.services.iter().filter(weak).map(|s| s.name.as_str()).collect();
    let first = found.first()?;
    Some(Warning {
        name: "acks-1-under-exactly-once",
        text: format!(
            "{} {} {} to a topic under exactly_once without acks=all and without idempotence: \
             an election loses what was acknowledged, a retry writes it twice",
            plural("service", "services", &found),
            named(&found),
            plural("writes", "write", &found),
        ),
        source: "KIP-679",
        path: format!("service.{first}.producer.acks"),
    })
}

/// The mean time of a poll's records, nanoseconds.
fn poll_time(service: &Service) -> u64 {
    let record = match &service.time {
        ServiceTime::Same(time) => mean(*time),
        ServiceTime::PerInput(times) => times.iter().map(|time| mean(*time)).max().unwrap_or(0),
    };
    let records = u64::try_from(service.consumer.int_most("max.poll.records")).unwrap_or(0);
    record.saturating_mul(records)
}

/// A full poll takes longer than a member may stay away.
pub(super) fn poll_interval(scenario: &Scenario) -> Option<Warning> {
    let allowed = |s: &Service| {
        let ms = u64::try_from(s.consumer.int("max.poll.interval.ms")).unwrap_or(0);
        ms.saturating_mul(1_000_000)
    };
    let late = |s: &&Service| !s.inputs.is_empty() && poll_time(s) > allowed(s);
    let found: Vec<&Service> = scenario.services.iter().filter(late).collect();
    let first = found.first()?;
    let names: Vec<&str> = found.iter().map(|s| s.name.as_str()).collect();
    Some(Warning {
        name: "poll-interval-below-work",
        text: format!(
            "{} {}: max.poll.records at the mean service time take {} ms, more than \
             max.poll.interval.ms = {}: with full polls the member leaves its group in the \
             middle of its work, and another does it again",
            plural("service", "services", &names),
            named(&names),
            poll_time(first) / 1_000_000,
            allowed(first) / 1_000_000,
        ),
        source: "KIP-62",
        path: format!("service.{}.consumer.\"max.poll.interval.ms\"", first.name),
    })
}

/// Members of the new protocol, and brokers that serve groups of the classic one alone.
pub(super) fn protocol_not_served(scenario: &Scenario) -> Option<Warning> {
    let key = "group.coordinator.rebalance.protocols";
    let is_new = |name: &str| name.eq_ignore_ascii_case("consumer");
    if scenario.cluster.config.list(key).iter().any(|name| is_new(name)) {
        return None;
    }
    let asks = |s: &&Service| {
        !s.inputs.is_empty() && s.consumer.get_text("group.protocol").is_some_and(is_new)
    };
    let found: Vec<&str> = scenario.services.iter().filter(asks).map(|s| s.name.as_str()).collect();
    let first = found.first()?;
    Some(Warning {
        name: "group-protocol-not-served",
        text: format!(
            "{} {} {} \"group.protocol\" = \"consumer\", and {key} does not name it: the \
             coordinator answers UNSUPPORTED_VERSION, and the consumers end",
            plural("service", "services", &found),
            named(&found),
            plural("sets", "set", &found),
        ),
        source: "KIP-848",
        path: format!("service.{first}.consumer.\"group.protocol\""),
    })
}

/// Compaction goes by key, so that brokers refuse records without one.
pub(super) fn keyless_into_compacted(scenario: &Scenario) -> Option<Warning> {
    let key = "cleanup.policy";
    let compacts = |name: &str| {
        let topic = scenario.topic(name).map(|index| &scenario.topics[index].config);
        let policy = match topic.and_then(|config| config.get(key)) {
            Some(ConfigValue::List(own)) => own.clone(),
            _ => scenario.cluster.config.list("log.cleanup.policy"),
        };
        policy.iter().any(|one| one == "compact")
    };
    let keyless = |load: &&Load| {
        let service = scenario.service(&load.into).map(|index| &scenario.services[index]);
        load.keys == Keys::None && service.and_then(|s| s.output.as_deref()).is_some_and(compacts)
    };
    let found: Vec<&str> =
        scenario.loads.iter().filter(keyless).map(|load| load.name.as_str()).collect();
    let first = found.first()?;
    Some(Warning {
        name: "keyless-into-compacted",
        text: format!(
            "{} {} {} records without a key to a compacted topic: brokers refuse them with \
             INVALID_RECORD",
            plural("load", "loads", &found),
            named(&found),
            plural("sends", "send", &found),
        ),
        source: "KIP-135",
        path: format!("load.{first}.keys"),
    })
}
