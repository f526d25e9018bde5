//! Version profiles: the releases differ in defaults and protocol, not in what they promise.

use crate::small::{digests, run, scenario};

const VERSIONS: [&str; 3] = ["3.9", "4.0", "4.1"];

/// Transactions, a static topic factor above the minimum ISR, and a leader that dies.
fn with(version: &str) -> String {
    format!(
        r#"
[scenario]
name = "versions"
duration = "3s"
kafka = "{version}"

[cluster]
brokers = 3
hardware = "test"
config = {{ "min.insync.replicas" = 2 }}

[topic.orders]
partitions = 3
replication = 3

[topic.invoices]
partitions = 3
replication = 3

[service.order]
kind = "ingress"
output = "orders"

[service.billing]
kind = "transform"
input = "orders"
output = "invoices"
instances = 2
transactional = true

[service.audit]
kind = "reader"
input = "invoices"
consumer = {{ "isolation.level" = "read_committed" }}

[load.calls]
into = "order"
arrivals = {{ model = "open", rate = "200/s" }}

[[fault]]
kind = "broker-kill"
target = "leader-of:invoices/0"
at = "500ms..1s"
for = "1s"

[check]
exactly_once = {{ from = "orders", to = "invoices" }}
"#
    )
}

#[test]
fn every_version_runs_with_the_same_verdict_and_twice_the_same() {
    let mut traces = Vec::new();
    for version in VERSIONS {
        let scenario = scenario(&with(version));
        for seed in 0..5 {
            let summary = run(&scenario, seed);
            assert_eq!(summary.exit, 0, "Kafka {version}, seed {seed}: {:?}", summary.anomalies);
            assert!(summary.records.acknowledged > 500);
            let again = digests(&scenario, seed);
            assert_eq!((summary.digest.clone(), summary.history_digest), again, "Kafka {version}");
            traces.push(summary.digest);
        }
    }
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 15, "each version has runs of its own");
}

#[test]
fn defaults_of_the_version_take_effect() {
    // Up to 3.9 a batch is sent at once, from 4.0 on it waits 5 ms for company.
    let [old, new] = ["3.9", "4.0"].map(|version| {
        let text = with(version);
        let (calm, _) = text.split_once("[[fault]]").expect("the fault comes last but one");
        let summary = run(&scenario(calm), 0);
        let produce = summary.latency.iter().find(|(name, _)| *name == "produce");
        produce.expect("an ingress produces").1.overall.p50_ms
    });
    assert!(new > old + 3.0, "{old} ms against {new} ms");
}
