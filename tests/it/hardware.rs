//! Keys of hardware and network that say how fast something is: each makes a run slower when it
//! says slower.

use crate::small::{run, scenario};

/// Records of 1 KiB at 2,000 a second through three brokers to a reader.
const BASE: &str = r#"
[scenario]
name = "hardware"
duration = "4s"
drain = "60s"
[cluster]
brokers = 3
hardware = "mine"
[cluster.config]
"min.insync.replicas" = 2
"offsets.topic.num.partitions" = 3
"transaction.state.log.num.partitions" = 3
"group.initial.rebalance.delay.ms" = 0
[topic.orders]
partitions = 3
replication = 3
[service.order]
kind = "ingress"
output = "orders"
[service.audit]
kind = "reader"
input = "orders"
consumer = { "auto.offset.reset" = "earliest" }
[load.calls]
into = "order"
arrivals = { model = "open", rate = "2000/s" }
size = "1KiB"
[hardware.mine]
like = "test"
"#;

/// Mean latency of a run from end to end, in milliseconds. `more` begins inside of
/// `[hardware.mine]`.
fn mean(more: &str) -> f64 {
    let summary = run(&scenario(&format!("{BASE}{more}")), 0);
    let found = summary.latency.0.iter().find(|(name, _)| *name == "end_to_end");
    found.expect("records reached the reader").1.overall.mean_ms
}

#[track_caller]
fn slower(than: &str, slow: &str) {
    let (fast, slow) = (mean(than), mean(slow));
    assert!(slow > fast * 1.5, "{slow} ms is not clearly slower than {fast} ms");
}

#[test]
fn fewer_hardware_threads() {
    slower(
        "cpu_produce = \"12ms\"\ncpu_fetch = \"6ms\"\nvcpus = 4\n",
        "cpu_produce = \"12ms\"\ncpu_fetch = \"6ms\"\nvcpus = 1\n",
    );
}

/// A reader that falls further behind than the memory lasts.
const BEHIND: &str = "memory = \"2MiB\"\n[service.slow]\nkind = \"reader\"\ninput = \"orders\"\n\
                      time = \"1ms\"\nconsumer = { \"auto.offset.reset\" = \"earliest\", \
                      \"max.partition.fetch.bytes\" = 65536 }\n";

#[test]
fn slower_reads_from_the_disk() {
    let quick = format!("disk_read = \"1us\"\n{BEHIND}");
    let slow = format!("disk_read = \"500ms\"\n{BEHIND}");
    slower(&quick, &slow);
}

#[test]
fn reads_from_memory_wait_for_no_disk() {
    let reads = |latency: &str| mean(&format!("disk_read = \"{latency}\"\n"));
    assert!((reads("1us") - reads("200ms")).abs() < f64::EPSILON);
}

#[test]
fn narrow_links() {
    slower("[network]\nbandwidth = \"10Gb/s\"\n", "[network]\nbandwidth = \"30Mb/s\"\n");
}

/// All links of the leader, narrower by a factor.
fn link(factor: u32) -> String {
    format!(
        "network_base = \"1Gb/s\"\nnetwork_burst = \"1Gb/s\"\n[[fault]]\nkind = \"slow-link\"\n\
         target = \"leader-of:orders/0\"\nlatency = \"1us\"\nfactor = {factor}\nat = \"100ms\"\n\
         for = \"3500ms\"\n"
    )
}

#[test]
fn links_narrower_by_a_factor() {
    slower(&link(1), &link(100));
}
