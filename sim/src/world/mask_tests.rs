use std::collections::BTreeSet;

use scenarios::Scenario;

use super::World;
use crate::plan::Plan;

const TEXT: &str = r#"
[scenario]
name = "masked"
duration = "2s"
[cluster]
brokers = 1
hardware = "test"
[cluster.config]
"offsets.topic.replication.factor" = 1
"transaction.state.log.replication.factor" = 1
"transaction.state.log.min.isr" = 1
[topic.orders]
partitions = 2
replication = 1
[service.order]
kind = "ingress"
instances = 2
time = "lognormal(1ms, 0.5)"
output = "orders"
[load.calls]
into = "order"
arrivals = { model = "open", rate = "200/s" }
keys = "uniform(1000)"
size = "uniform(100B, 900B)"
"#;

/// Intended time, key and size of every record of a run.
fn records(drop: &str) -> BTreeSet<(u64, u32, u32)> {
    let text = format!("{TEXT}drop = [{drop}]\n");
    let scenario = Scenario::parse(&text, &[]).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|e| e.render("masked", &text)).collect::<String>())
    });
    let mut world: World = crate::run::world_of(Plan::new(&scenario, 3).expect("known rules"));
    while world.step() {}
    let records = world.shared.records.made();
    records.map(|record| (record.intended.0, record.key, record.size)).collect()
}

#[test]
fn calls_that_stay_keep_what_they_drew() {
    let all = records("");
    assert!(all.len() > 300, "{} records", all.len());
    let some = records("\"7\", \"20..120\", \"301\"");
    assert!(some.is_subset(&all), "a call that stayed drew something else");
    assert_eq!(all.len() - some.len(), 102);
}

#[test]
fn a_run_without_calls_is_a_run() {
    assert_eq!(records("\"0..4000000000\"").len(), 0);
}
