//! The event loop by itself, and whole small runs with every check on.

use std::path::Path;

use assize::prng::mix;
use assize::run;
use assize::world::{Event, EventQueue};
use broker_model::types::{Instant, MICROSECOND};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use scenarios::Scenario;

const EVENTS: u64 = 100_000;

fn main() {
    divan::main();
}

/// When the event after this one is due, as far as a run goes: most are a message away, some a
/// timer.
const fn gap(draw: u64) -> u64 {
    let bits = mix(draw);
    if bits & 7 == 0 { bits % (50_000 * MICROSECOND) } else { bits % (200 * MICROSECOND) }
}

/// Pop, dispatch by kind, push the next: with so many events waiting. An item is an event.
#[divan::bench(args = [100, 1_000, 10_000, 100_000])]
fn event_loop(bencher: Bencher<'_, '_>, pending: u64) {
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(|| {
            let mut queue = EventQueue::default();
            for i in 0..pending {
                queue.push(Instant(gap(i)), Event::Node(i as u32));
            }
            queue
        })
        .bench_local_values(|mut queue| {
            let mut kinds = [0u64; 8];
            for i in 0..EVENTS {
                let (at, event) = queue.pop().expect("one is pushed for each that is taken");
                let next = match event {
                    Event::Arrive(id) => (0, Event::Handle(id)),
                    Event::Handle(id) => (1, Event::Node(id)),
                    Event::Node(id) => (2, Event::Client(id)),
                    Event::Connection(id) => (3, Event::Disk(id)),
                    Event::Client(id) => (4, Event::Arrive(id)),
                    Event::Disk(id) => (5, Event::Fault(id)),
                    Event::Fault(id) => (6, Event::Run(id)),
                    Event::Answer(id) | Event::Restart(id) | Event::Run(id) => {
                        (7, Event::Connection(id))
                    }
                };
                kinds[next.0] += 1;
                queue.push(at + gap(pending + i), next.1);
            }
            black_box(kinds)
        });
}

fn shipped(name: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios").join(name);
    let text = std::fs::read_to_string(&path).expect("a shipped scenario");
    let folder = path.parent().expect("a file is in a folder");
    let loader = |base: &str| std::fs::read_to_string(folder.join(base)).map_err(|e| e.to_string());
    Scenario::load(&text, &[], &loader).expect("shipped scenarios parse")
}

/// A run from scenario to verdict. An item is an event.
#[divan::bench(args = ["smoke/produce-consume.toml", "faults/broker-kill.toml", "faults/restart-all.toml"])]
fn small_run(bencher: Bencher<'_, '_>, name: &str) {
    let scenario = shipped(name);
    let once = || run::run(&scenario, Path::new(name), 0, || 0.0).expect("known rules");
    let events = once().summary.events;
    bencher.counter(ItemsCount::new(events)).bench_local(|| black_box(once().summary.exit));
}
