use super::{Warning, warnings};
use crate::Scenario;

/// A sound pipeline, with these values over it.
fn told(set: &[(&str, &str)]) -> Vec<Warning> {
    told_with("", set)
}

/// The same, with more of the file.
fn told_with(more: &str, set: &[(&str, &str)]) -> Vec<Warning> {
    let text = r#"
[scenario]
name = "w"
duration = "1s"
[cluster]
hardware = "test"
config = { "min.insync.replicas" = 2 }
[topic.orders]
replication = 3
[topic.invoices]
replication = 3
[service.order]
kind = "ingress"
output = "orders"
[service.billing]
kind = "transform"
input = "orders"
output = "invoices"
transactional = true
time = "1ms"
[load.calls]
into = "order"
arrivals = { model = "open", rate = "10/s" }
[check]
exactly_once = { from = "orders", to = "invoices" }
"#;
    let set: Vec<(String, String)> =
        set.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    let scenario = Scenario::parse(&format!("{text}{more}"), &set).expect("Kafka accepts this");
    warnings(&scenario)
}

/// The names of its warnings.
fn names(set: &[(&str, &str)]) -> Vec<&'static str> {
    told(set).iter().map(|warning| warning.name).collect()
}

#[test]
fn a_sound_configuration_has_none() {
    assert!(names(&[]).is_empty());
    // Near misses: one below, one apart.
    for set in [
        ("topic.orders.config.max.message.bytes", "16384"),
        ("cluster.config.message.max.bytes", "16384"),
        ("service.order.producer.batch.size", "1048588"),
        ("topic.orders.config.flush.messages", "9223372036854775807"),
        ("cluster.config.transaction.state.log.min.isr", "1"),
        ("cluster.config.controller.quorum.fetch.timeout.ms", "500"),
        ("cluster.config.broker.heartbeat.interval.ms", "4500"),
        // 84 bytes, and 3 for the length of the value: 1048576 in all.
        ("load.calls.size", "1048489B"),
        ("load.calls.size", "exponential(100KiB)"),
        ("load.calls.size", "lognormal(100KiB, 0.5)"),
        ("service.billing.output_size", "1048489B"),
    ] {
        assert!(names(&[set]).is_empty(), "{set:?}");
    }
    assert!(names(&[("cluster.config.offsets.topic.replication.factor", "3")]).is_empty());
    assert!(names(&[("service.order.producer.acks", "all")]).is_empty());
    assert!(names(&[("cluster.controllers", "3")]).is_empty());
    assert!(names(&[("service.billing.consumer.max.poll.interval.ms", "500ms")]).is_empty());
    assert!(names(&[("topic.orders.config.unclean.leader.election.enable", "false")]).is_empty());
}

#[test]
fn records_without_a_key_do_not_go_with_compaction() {
    let (keys, policy) = (("load.calls.keys", "none"), "topic.orders.config.cleanup.policy");
    assert_eq!(names(&[keys, (policy, "compact")]), ["keyless-into-compacted"]);
    let cluster = ("cluster.config.log.cleanup.policy", "compact,delete");
    assert_eq!(names(&[keys, cluster]), ["keyless-into-compacted"]);
    assert!(names(&[keys, cluster, (policy, "delete")]).is_empty(), "the topic's own");
    assert!(names(&[(policy, "compact")]).is_empty(), "with keys");
    assert!(names(&[keys]).is_empty(), "not compacted");
}

#[test]
fn flushes_by_time_need_the_scheduler() {
    let (topic, cluster) = ("topic.orders.config.flush.ms", "cluster.config.log.flush.interval.ms");
    let scheduler = "cluster.config.log.flush.scheduler.interval.ms";
    let never = "9223372036854775807";
    for set in [(topic, "1000"), (topic, "0"), (cluster, "1000")] {
        assert_eq!(names(&[set]), ["flush-ms-without-scheduler"], "{set:?}");
        assert_eq!(names(&[set, (scheduler, never)]), ["flush-ms-without-scheduler"], "{set:?}");
        assert!(names(&[set, (scheduler, "1000")]).is_empty(), "{set:?}");
    }
    for key in [topic, cluster] {
        assert!(names(&[(key, never)]).is_empty(), "{key} says never itself");
    }
    assert!(names(&[(scheduler, "1000")]).is_empty());
}

/// What is told of a sound pipeline with these values over it, by name.
fn text_of(name: &str, set: &[(&str, &str)]) -> String {
    let found = told(set).into_iter().find(|warning| warning.name == name);
    found.expect("the warning").text
}

#[test]
fn internal_topics_need_their_replicas_too() {
    let name = "min-isr-is-replication";
    let (offsets, log) = ("offsets.topic.replication.factor", "transaction.state.log.min.isr");
    let offsets = format!("cluster.config.{offsets}");
    let log = format!("cluster.config.{log}");
    for (key, topic, stopped) in [
        ((offsets.as_str(), "2"), "`__consumer_offsets`", "no group commits offsets"),
        ((log.as_str(), "3"), "`__transaction_state`", "no transaction begins or ends"),
    ] {
        assert_eq!(names(&[key]), [name]);
        let text = text_of(name, &[key]);
        assert!(text.starts_with(&format!("topic {topic} needs as many")), "{text}");
        assert!(text.ends_with(stopped), "{text}");
    }
    let all = [(offsets.as_str(), "2"), (log.as_str(), "3"), ("topic.orders.replication", "2")];
    let text = text_of(name, &all);
    let topics = "topics `orders`, `__consumer_offsets` and `__transaction_state` need";
    assert!(text.starts_with(topics), "{text}");
    // One replica needs itself only; a topic that is never created has its own warning.
    assert!(names(&[(offsets.as_str(), "1")]).is_empty());
    let four = [(offsets.as_str(), "4"), ("cluster.config.min.insync.replicas", "2")];
    assert_eq!(names(&four), ["internal-topic-factor"]);
}

/// Kafka bounds `min.insync.replicas` by the replicas there are: such a topic can be written to.
#[test]
fn more_in_sync_replicas_than_there_are_is_no_error() {
    let name = "min-isr-above-replication";
    let one = ("topic.orders.replication", "1");
    assert_eq!(names(&[one]), [name]);
    let text = text_of(name, &[one]);
    assert!(
        text.starts_with("topic `orders` asks for more in-sync replicas than it has"),
        "{text}"
    );
    let own = ("topic.orders.config.min.insync.replicas", "4");
    assert_eq!(names(&[own]), ["min-isr-is-replication", name]);
    let minimum = ("cluster.config.transaction.state.log.min.isr", "4");
    let factor = ("cluster.config.transaction.state.log.replication.factor", "1");
    assert_eq!(names(&[minimum]), ["min-isr-is-replication", name]);
    assert!(text_of(name, &[minimum]).contains("`__transaction_state`"));
    // The default of two is more than one, and one is not more than one.
    assert_eq!(names(&[factor]), [name]);
    let least = ("cluster.config.transaction.state.log.min.isr", "1");
    assert!(names(&[factor, least]).is_empty());
    assert!(names(&[one, ("topic.orders.config.min.insync.replicas", "1")]).is_empty());
}

#[test]
fn flushes_of_a_topic_with_one_replica_are_not_for_nothing() {
    let name = "flush-by-messages";
    let key = ("topic.orders.config.flush.messages", "1");
    let one = ("topic.orders.replication", "1");
    let low = ("cluster.config.min.insync.replicas", "1");
    let (kept, alone) = ("replication already keeps", "but `orders` has one replica");
    let texts = [
        text_of(name, &[key]),
        text_of(name, &[key, one, low]),
        text_of(name, &[("cluster.config.log.flush.interval.messages", "1"), one, low]),
    ];
    let told = |part: &str| texts.each_ref().map(|text| text.contains(part));
    assert_eq!(told(kept), [true, false, true]);
    assert_eq!(told(alone), [false, true, true]);
}

#[test]
fn quorum_followers_wait_longer_than_their_fetch() {
    let (name, key) =
        ("quorum-fetch-timeout-near-wait", "cluster.config.controller.quorum.fetch.timeout.ms");
    let three = ("cluster.controllers", "3");
    let near = ("network.cross_rack", "1ms");
    let of = |timeout| names(&[three, near, ("network.jitter", "0ms"), (key, timeout)]);
    assert_eq!(of("500"), [name]);
    assert_eq!(of("601"), [name]);
    assert!(of("602").is_empty());
    let far = [three, ("network.cross_rack", "100ms"), (key, "700")];
    assert_eq!(names(&far), [name]);
}

#[test]
fn each_configuration_that_hurts_has_its_warning() {
    for (name, path, value) in [
        ("internal-topic-factor", "cluster.config.offsets.topic.replication.factor", "4"),
        ("internal-topic-factor", "cluster.config.transaction.state.log.replication.factor", "4"),
        ("flush-by-messages", "cluster.config.log.flush.interval.messages", "1"),
        ("flush-by-messages", "topic.orders.config.flush.messages", "1"),
        ("flush-ms-without-scheduler", "cluster.config.log.flush.interval.ms", "1000"),
        ("flush-ms-without-scheduler", "topic.orders.config.flush.ms", "1000"),
        ("min-isr-is-replication", "topic.orders.config.min.insync.replicas", "3"),
        ("min-isr-is-replication", "cluster.config.min.insync.replicas", "3"),
        (
            "unclean-election-with-transactions",
            "topic.invoices.config.unclean.leader.election.enable",
            "true",
        ),
        (
            "unclean-election-with-transactions",
            "cluster.config.unclean.leader.election.enable",
            "true",
        ),
        ("min-isr-is-replication", "cluster.config.offsets.topic.replication.factor", "2"),
        ("min-isr-is-replication", "cluster.config.transaction.state.log.min.isr", "3"),
        ("batch-above-max-message", "topic.orders.config.max.message.bytes", "16383"),
        ("batch-above-max-message", "cluster.config.message.max.bytes", "16383"),
        ("batch-above-max-message", "service.order.producer.batch.size", "1048589"),
        ("record-above-max-request", "load.calls.size", "1048490B"),
        ("record-above-max-request", "load.calls.size", "1KiB..2MiB"),
        ("record-above-max-request", "load.calls.size", "uniform(1KiB, 2MiB)"),
        ("record-above-max-request", "load.calls.size", "exponential(128KiB)"),
        ("record-above-max-request", "load.calls.size", "lognormal(128KiB, 1)"),
        ("record-above-max-request", "service.billing.output_size", "2MiB"),
        ("record-above-max-request", "service.billing.producer.max.request.size", "200..2000"),
        // Of what is drawn per seed the end that hurts.
        ("internal-topic-factor", "cluster.config.offsets.topic.replication.factor", "3..4"),
        ("min-isr-is-replication", "cluster.config.min.insync.replicas", "2..3"),
        ("min-isr-is-replication", "cluster.config.transaction.state.log.min.isr", "2..3"),
        ("batch-above-max-message", "service.order.producer.batch.size", "16384..1048589"),
        ("batch-above-max-message", "topic.orders.config.max.message.bytes", "16383..20000"),
        ("poll-interval-below-work", "service.billing.time", "1ms..1s"),
        ("broker-heartbeat-near-session", "cluster.config.broker.heartbeat.interval.ms", "4501"),
        ("broker-heartbeat-near-session", "cluster.config.broker.heartbeat.interval.ms", "2s..9s"),
        ("broker-heartbeat-near-session", "cluster.config.broker.session.timeout.ms", "3999"),
        ("even-quorum", "cluster.controllers", "2"),
        ("even-quorum", "cluster.controllers", "4"),
        ("acks-1-under-exactly-once", "service.order.producer.acks", "1"),
        ("poll-interval-below-work", "service.billing.consumer.max.poll.interval.ms", "499ms"),
    ] {
        assert_eq!(names(&[(path, value)]), [name], "{path} = {value}");
    }
}

#[test]
fn reassignments_need_somewhere_to_go() {
    let name = "reassignment-can-only-permute";
    let told = |more: &str, set: &[(&str, &str)]| {
        let fault = format!("[[fault]]\nkind = \"reassign\"\nat = \"0s\"\n{more}");
        told_with(&fault, set).iter().map(|warning| warning.name).collect::<Vec<_>>()
    };
    let (topic, partition) = ("target = \"topic:orders\"\n", "target = \"partition:orders/0\"\n");
    let list = "replicas = [\"broker:2\", \"broker:3\", \"broker:1\"]\n";
    for more in [topic, partition, &format!("{partition}{list}")] {
        assert_eq!(told(more, &[]), [name], "{more}");
        assert!(told(more, &[("cluster.brokers", "4")]).is_empty(), "there is one more: {more}");
    }
    let fewer = format!("{topic}replicas = [\"broker:2\", \"broker:3\"]\n");
    assert!(told(&fewer, &[]).is_empty(), "one goes");
}

#[test]
fn members_of_a_protocol_that_brokers_do_not_serve() {
    let new = ("service.billing.consumer.group.protocol", "consumer");
    assert!(names(&[new]).is_empty());
    assert_eq!(names(&[new, ("scenario.kafka", "\"3.9\"")]), ["group-protocol-not-served"]);
    let protocols = "cluster.config.group.coordinator.rebalance.protocols";
    assert_eq!(names(&[new, (protocols, "classic")]), ["group-protocol-not-served"]);
    assert!(
        names(&[new, ("scenario.kafka", "\"3.9\""), (protocols, "classic,consumer")]).is_empty()
    );
}
