//! Code that does what the page for its writers advises against still repeats itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker_model::types::{Instant, MILLISECOND};
use scenarios::Scenario;

use super::{Delivery, Hosting, NewRecord, Process};

const SCENARIO: &str = "[scenario]\nname = \"s\"\nduration = \"1s\"\n\
    [cluster]\nbrokers = 1\nhardware = \"test\"\n[topic.t]\nreplication = 1\n\
    [service.s]\nkind = \"ingress\"\noutput = \"t\"\n\
    [load.l]\ninto = \"s\"\narrivals = { model = \"open\", rate = \"10/s\" }\n";

type Times = Arc<Mutex<Vec<(Instant, Instant)>>>;

/// Sends five records on madsim's timers, and notes when they were sent and acknowledged.
async fn send_five(process: Process, told: Times) {
    let producer = process.producer();
    for _ in 0..5 {
        madsim::time::sleep(Duration::from_millis(20)).await;
        let at = process.now();
        let delivery = producer.send(NewRecord::keyed(1, 100)).await;
        assert!(matches!(delivery, Delivery::Acknowledged { .. }), "{delivery:?}");
        told.lock().expect("one thread").push((at, process.now()));
    }
}

/// `foreign` is a task that only madsim knows.
fn times(foreign: bool) -> Vec<(Instant, Instant)> {
    let scenario = Scenario::parse(SCENARIO, &[]).expect("a plain scenario");
    let times = Times::default();
    let told = Arc::clone(&times);
    let run = Hosting::new(&scenario, 3).service("s", move |process| {
        let told = Arc::clone(&told);
        async move {
            process.load().await;
            if foreign {
                let task = madsim::task::spawn_local(send_five(process, told));
                task.await.expect("nobody stops it");
            } else {
                send_five(process, told).await;
            }
        }
    });
    run.run().expect("the program fits");
    times.lock().expect("one thread").clone()
}

#[test]
fn timers_of_madsim_follow_the_clock_of_the_world() {
    let times = times(false);
    assert_eq!(times.len(), 5);
    assert!(times.iter().all(|(sent, acknowledged)| acknowledged > sent));
    for pair in times.windows(2) {
        let pause = pair[1].0.since(pair[0].1);
        assert!(pause >= 18 * MILLISECOND, "{pause} ns");
    }
}

#[test]
fn tasks_that_only_madsim_knows_repeat_themselves() {
    let one = times(true);
    assert_eq!(one.len(), 5);
    assert_eq!(one, times(true));
}

const READER: &str = "[scenario]\nname = \"s\"\nduration = \"20s\"\n\
    [cluster]\nbrokers = 1\nhardware = \"test\"\n\
    [cluster.config]\n\"group.initial.rebalance.delay.ms\" = 0\n\
    \"offsets.topic.replication.factor\" = 1\n\
    [topic.t]\nreplication = 1\n\
    [service.s]\nkind = \"ingress\"\noutput = \"t\"\n\
    [service.r]\nkind = \"reader\"\ninput = \"t\"\n\
    [load.l]\ninto = \"s\"\narrivals = { model = \"open\", rate = \"10/s\" }\n";

/// What a poll of ten seconds took after so many that did not wait.
fn long_poll_after(short: u32) -> u64 {
    let scenario = Scenario::parse(READER, &[]).expect("a plain scenario");
    let took = Arc::new(Mutex::new(None));
    let told = Arc::clone(&took);
    let run = Hosting::new(&scenario, 3)
        .service("s", |process| async move {
            process.load().await;
            for _ in 0..150 {
                process.producer().send(NewRecord::keyed(1, 100)).await;
                process.sleep(100 * MILLISECOND).await;
            }
        })
        .service("r", move |process| {
            let told = Arc::clone(&told);
            async move {
                let mut consumer = process.consumer();
                process.load().await;
                for _ in 0..short {
                    let _ = consumer.poll_for(0).await;
                    process.sleep(200 * MILLISECOND).await;
                }
                let from = process.now();
                let until = from + 10_000 * MILLISECOND;
                while process.now() < until {
                    let polled = consumer.poll_until(until).await.expect("nothing fails");
                    if !polled.runs.is_empty() {
                        break;
                    }
                }
                told.lock().expect("one thread").replace(process.now().since(from));
                while consumer.poll().await.is_ok() {}
            }
        });
    run.run().expect("the programs fit");
    let took = took.lock().expect("one thread");
    took.expect("the load is longer than the polls")
}

#[test]
fn a_poll_goes_on_when_it_was_told_of_partitions() {
    for short in 0..8 {
        let took = long_poll_after(short);
        assert!(took < 1_000 * MILLISECOND, "after {short}: {took} ns");
    }
}
