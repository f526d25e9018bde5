use super::warnings;
use crate::Scenario;

/// A sound pipeline, with these values over it.
fn names(set: &[(&str, &str)]) -> Vec<&'static str> {
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
    let scenario = Scenario::parse(text, &set).expect("Kafka accepts this");
    warnings(&scenario).iter().map(|warning| warning.name).collect()
}

#[test]
fn a_sound_configuration_has_none() {
    assert!(names(&[]).is_empty());
    // Near misses: one below, one apart.
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
        ("even-quorum", "cluster.controllers", "2"),
        ("even-quorum", "cluster.controllers", "4"),
        ("acks-1-under-exactly-once", "service.order.producer.acks", "1"),
        ("poll-interval-below-work", "service.billing.consumer.max.poll.interval.ms", "499ms"),
    ] {
        assert_eq!(names(&[(path, value)]), [name], "{path} = {value}");
    }
}
