//! Async programs against their pure twins.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use assize::hosted::programs::{Pace, consume, produce};
use assize::hosted::{Delivery, Hosting, HostingError, NewRecord};
use assize::plan::Plan;
use assize::run::{Run, world_with};
use assize::world::Actor;
use broker_model::types::{Duration, MILLISECOND};
use reports::checker::Verdict;
use scenarios::Scenario;

use super::twin;
use crate::small;

const PACE: Pace = Pace { records: 300, gap: 10 * MILLISECOND, keys: 17, size: 256 };
const COMMIT: Duration = 50 * MILLISECOND;

const BASE: &str = r#"
[scenario]
name = "async"
duration = "4s"

[cluster]
brokers = 3
racks = ["a", "b", "c"]
hardware = "test"

[cluster.config]
"min.insync.replicas" = 2
"offsets.topic.num.partitions" = 3
"group.initial.rebalance.delay.ms" = 0
"broker.heartbeat.interval.ms" = 500
"broker.session.timeout.ms" = 3000
"replica.lag.time.max.ms" = 3000

[topic.orders]
partitions = 3
replication = 3

[service.order]
kind = "ingress"
output = "orders"

[service.audit]
kind = "reader"
input = "orders"

[service.audit.consumer]
"auto.offset.reset" = "earliest"
"session.timeout.ms" = 6000
"heartbeat.interval.ms" = 2000

[load.nobody]
into = "order"
arrivals = { model = "open", rate = "1/s" }
"#;

const BROKER_KILL: &str = r#"
[[fault]]
kind = "broker-kill"
target = "leader-of:orders/0"
at = "500ms..2s"
for = "1s"
"#;

const SERVICE_KILL: &str = r#"
[[fault]]
kind = "service-kill"
target = "service:audit/0"
at = "500ms..2s"
for = "700ms"
"#;

const SERVICE_PAUSE: &str = r#"
[[fault]]
kind = "service-pause"
target = "service:audit/0"
at = "500ms..1s"
for = "2s"
"#;

fn scenario(faults: &str) -> Scenario {
    small::scenario(&format!("{BASE}{faults}"))
}

fn hosted(scenario: &Scenario, seed: u64) -> Run {
    Hosting::new(scenario, seed)
        .service("order", |process| produce(process, PACE))
        .service("audit", |process| consume(process, COMMIT))
        .run()
        .expect("the programs fit the scenario")
}

/// Trace and number of events of the twins under the bare driver.
fn pure(scenario: &Scenario, seed: u64) -> (u64, u64) {
    let plan = Plan::new(scenario, seed).expect("the scenario names known rules");
    let mut world = world_with(plan, &mut |part| {
        let actor: Box<dyn Actor> = match part.spec.name.as_str() {
            "order" => Box::new(twin::Producing::new(part, PACE)),
            _ => Box::new(twin::Consuming::new(part, COMMIT)),
        };
        Some(actor)
    });
    while world.step() {}
    (world.trace().digest(), world.trace().events())
}

fn equal_traces(faults: &str, seeds: u64) {
    let scenario = scenario(faults);
    let mut differ = Vec::new();
    for seed in 0..seeds {
        let run = hosted(&scenario, seed);
        let trace = (run.world.trace().digest(), run.world.trace().events());
        let twin = pure(&scenario, seed);
        if trace != twin {
            differ.push(format!("seed {seed}: {} events, its twin {}", trace.1, twin.1));
        }
        assert_eq!(
            run.summary.verdict,
            Verdict::Pass,
            "seed {seed}: {:?}",
            run.summary.checks.iter().filter(|c| c.verdict != Verdict::Pass).collect::<Vec<_>>()
        );
    }
    assert!(differ.is_empty(), "{} of {seeds}: {}", differ.len(), differ.join("; "));
}

#[test]
fn async_programs_leave_the_trace_of_their_pure_twins() {
    equal_traces(BROKER_KILL, 50);
}

#[test]
fn a_killed_and_restarted_node_leaves_the_trace_of_a_killed_and_restarted_twin() {
    equal_traces(SERVICE_KILL, 20);
}

#[test]
fn a_paused_node_leaves_the_trace_of_a_paused_twin() {
    equal_traces(SERVICE_PAUSE, 10);
}

/// Counts what async code holds and lets go of.
struct Held(Arc<AtomicUsize>);

impl Held {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_run_leaves_nothing_behind() {
    let scenario = scenario(SERVICE_KILL);
    for seed in 0..3 {
        let (held, starts) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counter, started) = (Arc::clone(&held), Arc::clone(&starts));
        let run = Hosting::new(&scenario, seed)
            .service("order", |process| produce(process, PACE))
            .service("audit", move |process| {
                started.fetch_add(1, Ordering::Relaxed);
                let (mine, other) = (Held::new(&counter), Held::new(&counter));
                async move {
                    let _mine = mine;
                    process.spawn(async move {
                        let _other = other;
                        std::future::pending::<()>().await;
                    });
                    consume(process, COMMIT).await;
                }
            })
            .run()
            .expect("the programs fit the scenario");
        assert_eq!(run.summary.verdict, Verdict::Pass, "seed {seed}");
        assert_eq!(starts.load(Ordering::Relaxed), 2, "seed {seed}: it is killed once");
        assert_eq!(held.load(Ordering::Relaxed), 0, "seed {seed}: pending tasks are dropped");
    }
}

#[test]
fn deliveries_tell_where_records_are() {
    let scenario = scenario("");
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&acknowledged);
    let run = Hosting::new(&scenario, 1)
        .service("order", move |process| {
            let counter = Arc::clone(&counter);
            async move {
                let producer = process.producer();
                process.load().await;
                let mut next = None;
                for _ in 0..5 {
                    let before = process.now();
                    let record = NewRecord::keyed(7, 100);
                    let Delivery::Acknowledged { partition, offset } = producer.send(record).await
                    else {
                        panic!("nothing is broken");
                    };
                    assert!(process.now() > before, "an answer takes its time");
                    let offset = offset.expect("acks=all tells offsets");
                    assert_eq!((partition, offset), *next.get_or_insert((partition, offset)));
                    next = Some((partition, offset + 1));
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                let huge = producer.send(NewRecord::unkeyed(2_000_000)).await;
                assert!(matches!(huge, Delivery::Failed(_)), "{huge:?}");
            }
        })
        .run()
        .expect("the program fits the scenario");
    assert_eq!(acknowledged.load(Ordering::Relaxed), 5);
    assert_eq!(run.summary.verdict, Verdict::Pass);
}

#[test]
fn programs_must_fit_the_scenario() {
    let nobody = scenario("");
    let error = Hosting::new(&nobody, 0).service("payment", |_| async {}).run();
    let error = error.expect_err("there is no such service");
    assert_eq!(
        error.to_string(),
        "the scenario has no service `payment` for this program; it has: order, audit"
    );
    let transaction = small::scenario("extends = \"smoke/one-transaction.toml\"\n");
    let error = Hosting::new(&transaction, 0).service("order", |_| async {}).run();
    assert!(matches!(error, Err(HostingError::Beyond(name)) if name == "order"));
}

/// Two instances of a group that share nothing: the order in which madsim polls them, which the
/// seed of a run decides beside everything else, must not be seen.
#[test]
fn a_run_with_several_instances_repeats_itself_in_another_thread() {
    let two = format!("{BASE}{SERVICE_KILL}")
        .replace("kind = \"reader\"", "kind = \"reader\"\ninstances = 3");
    let all = move || -> Vec<(String, String)> {
        let scenario = small::scenario(&two);
        let runs = (0..5).map(|seed| hosted(&scenario, seed).summary);
        runs.map(|one| (one.digest, one.history_digest)).collect()
    };
    let there = std::thread::spawn(all.clone()).join().expect("no run panics");
    assert_eq!(all(), there);
}
