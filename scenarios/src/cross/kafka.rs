//! Client configuration that Kafka's own clients and brokers would refuse.

use super::Cross;
use crate::decoder::Problem;
use crate::model::Version;
use crate::model::config::KafkaConfig;
use crate::model::service::{Commit, Service};

pub(super) fn check(cross: &mut Cross<'_>) {
    for service in &cross.scenario.services {
        idempotence(cross, service);
        delivery_timeout(cross, service);
        transaction_timeout(cross, service);
        auto_commit(cross, service);
        session(cross, service);
    }
}

/// A problem about one key of a service's client, with a second label.
fn refuse(
    cross: &mut Cross<'_>,
    service: &Service,
    (client, key): (&str, &str),
    other: &[&str],
    (code, message, help): (&'static str, String, &str),
) {
    let nodes = [
        (cross.at(&["service", &service.name, client, key]), "this"),
        (cross.given(other), "does not go with this"),
    ];
    let message = format!("service `{}`: {message}", service.name);
    cross.raise(Problem::new(code, message).help(help), &nodes);
}

/// Idempotence needs `acks=all`, retries, and at most five requests in flight. It is on by
/// default and then yields silently; asked for, or needed by transactions, it does not.
fn idempotence(cross: &mut Cross<'_>, service: &Service) {
    let producer = &service.producer;
    let asked = producer.get_bool("enable.idempotence");
    let transactional = ["service", &service.name, "transactional"];
    if service.transactional && asked == Some(false) {
        let what = (
            "scenario::transactional-without-idempotence",
            "transactions need an idempotent producer".to_owned(),
            "remove \"enable.idempotence\" = false",
        );
        refuse(cross, service, ("producer", "enable.idempotence"), &transactional, what);
        return;
    }
    if !service.transactional && asked != Some(true) {
        if asked.is_none() && cross.scenario.kafka > Version::V3_9 {
            in_flight(cross, service);
        }
        return;
    }
    let explicit = ["service", &service.name, "producer", "enable.idempotence"];
    let other: &[&str] = if service.transactional { &transactional } else { &explicit };
    let acks = producer.get_text("acks").is_some_and(|a| a != "all" && a != "-1");
    let retries = producer.get_int("retries") == Some(0);
    let in_flight = "max.in.flight.requests.per.connection";
    let crowded = producer.get_int(in_flight).is_some_and(|n| n > 5);
    for (bad, key, needs) in [
        (acks, "acks", "acks = \"all\""),
        (retries, "retries", "retries above 0"),
        (crowded, in_flight, "at most five requests in flight"),
    ] {
        if bad {
            let message = format!("an idempotent producer needs {needs}");
            let what = (
                "scenario::idempotence",
                message,
                "Kafka's producer refuses this configuration: change one of the two",
            );
            refuse(cross, service, ("producer", key), other, what);
        }
    }
}

/// Idempotence that nobody asked for yields to `acks` and `retries`, but since Kafka 4.0 no more
/// to requests in flight.
fn in_flight(cross: &mut Cross<'_>, service: &Service) {
    let (producer, key) = (&service.producer, "max.in.flight.requests.per.connection");
    let yields = producer.get_text("acks").is_some_and(|a| a != "all" && a != "-1")
        || producer.get_int("retries") == Some(0);
    let Some(n) = producer.get_int(key).filter(|&n| n > 5 && !yields) else { return };
    let what = (
        "scenario::idempotence",
        format!("{key:?} = {n} is above the five of an idempotent producer"),
        "idempotence is on by default and Kafka's producer refuses this: lower it, or set \
         \"enable.idempotence\" = false",
    );
    refuse(
        cross,
        service,
        ("producer", key),
        &["service", &service.name, "producer", "acks"],
        what,
    );
}

/// `delivery.timeout.ms >= linger.ms + request.timeout.ms`, or the producer does not start.
fn delivery_timeout(cross: &mut Cross<'_>, service: &Service) {
    let producer = &service.producer;
    let Some(delivery) = producer.get_int("delivery.timeout.ms") else { return };
    let (linger, request) = (producer.int("linger.ms"), producer.int("request.timeout.ms"));
    if delivery >= linger.saturating_add(request) {
        return;
    }
    let path = ["service", &service.name, "producer", "request.timeout.ms"];
    let what = (
        "scenario::delivery-timeout",
        format!(
            "\"delivery.timeout.ms\" = {delivery} is below linger.ms + request.timeout.ms = {}",
            linger.saturating_add(request)
        ),
        "Kafka's producer refuses this: lower \"request.timeout.ms\" or raise \
         \"delivery.timeout.ms\"",
    );
    refuse(cross, service, ("producer", "delivery.timeout.ms"), &path, what);
}

/// The coordinator refuses timeouts above `transaction.max.timeout.ms`.
fn transaction_timeout(cross: &mut Cross<'_>, service: &Service) {
    if !service.transactional {
        return;
    }
    let timeout = service.producer.int("transaction.timeout.ms");
    let max = cross.scenario.cluster.config.int("transaction.max.timeout.ms");
    if timeout > max {
        let path = ["cluster", "config", "transaction.max.timeout.ms"];
        let what = (
            "scenario::transaction-timeout",
            format!("\"transaction.timeout.ms\" = {timeout} is above the brokers' maximum {max}"),
            "the coordinator answers INVALID_TRANSACTION_TIMEOUT: lower it",
        );
        refuse(cross, service, ("producer", "transaction.timeout.ms"), &path, what);
    }
}

/// `commit` says who commits; the consumer's own switch may only agree.
fn auto_commit(cross: &mut Cross<'_>, service: &Service) {
    let Some(own) = service.consumer.get_bool("enable.auto.commit") else { return };
    if own == (service.commit == Commit::Auto) {
        return;
    }
    let path = ["service", &service.name, "commit"];
    let what = (
        "scenario::commit",
        format!("\"enable.auto.commit\" = {own} contradicts how the service commits"),
        "say it with `commit = \"auto\"` or another value of `commit` alone",
    );
    refuse(cross, service, ("consumer", "enable.auto.commit"), &path, what);
}

/// Heartbeats below the session timeout, the session timeout within the brokers' bounds; with
/// the protocol of KIP-848 all of them are the brokers' to set.
fn session(cross: &mut Cross<'_>, service: &Service) {
    if service.group.is_none() {
        return;
    }
    let consumer = &service.consumer;
    let (session_key, heartbeat_key) = ("session.timeout.ms", "heartbeat.interval.ms");
    let modern =
        consumer.get_text("group.protocol").is_some_and(|p| p.eq_ignore_ascii_case("consumer"));
    if modern {
        let path = ["service", &service.name, "consumer", "group.protocol"];
        for key in [session_key, heartbeat_key, "partition.assignment.strategy"] {
            if consumer.get(key).is_some() {
                let what = (
                    "scenario::group-protocol",
                    format!("{key:?} cannot be set with \"group.protocol\" = \"consumer\""),
                    "Kafka's consumer refuses this: the brokers decide it in that protocol",
                );
                refuse(cross, service, ("consumer", key), &path, what);
            }
        }
        return;
    }
    let assignor_key = "group.remote.assignor";
    if consumer.get(assignor_key).is_some() {
        let path = ["service", &service.name, "consumer", "group.protocol"];
        let what = (
            "scenario::group-protocol",
            format!("{assignor_key:?} cannot be set with \"group.protocol\" = \"classic\""),
            "Kafka's consumer refuses this: in that protocol the members deal partitions, by \
             \"partition.assignment.strategy\"",
        );
        refuse(cross, service, ("consumer", assignor_key), &path, what);
    }
    let (session, heartbeat) = (consumer.int(session_key), consumer.int(heartbeat_key));
    if heartbeat >= session {
        let given = if consumer.get(heartbeat_key).is_some() { heartbeat_key } else { session_key };
        let other = if given == heartbeat_key { session_key } else { heartbeat_key };
        let path = ["service", &service.name, "consumer", other];
        let what = (
            "scenario::session",
            format!("heartbeats every {heartbeat} ms with a session timeout of {session} ms"),
            "Kafka's consumer refuses this: a third of the session timeout is usual",
        );
        refuse(cross, service, ("consumer", given), &path, what);
    }
    let brokers: &KafkaConfig = &cross.scenario.cluster.config;
    for (key, bad) in [
        ("group.min.session.timeout.ms", session < brokers.int("group.min.session.timeout.ms")),
        ("group.max.session.timeout.ms", session > brokers.int("group.max.session.timeout.ms")),
    ] {
        if bad {
            let bound = brokers.int(key);
            let path = ["cluster", "config", key];
            let what = (
                "scenario::session",
                format!("a session timeout of {session} ms is outside {key:?} = {bound}"),
                "the coordinator answers INVALID_SESSION_TIMEOUT: set the bound in \
                 `cluster.config`, or change the timeout",
            );
            refuse(cross, service, ("consumer", session_key), &path, what);
        }
    }
}
