//! Determinism first: a scenario and a seed decide a run, whoever runs it and beside whom.

use crate::small::{digests, scenario};

const SCENARIOS: [&str; 4] = [
    "smoke/temperature.toml",
    "faults/broker-kill.toml",
    "faults/connection-loss.toml",
    "faults/service-kill.toml",
];
const SEEDS: u64 = 20;

fn all(name: &str) -> Vec<(String, String)> {
    let scenario = scenario(&format!("extends = \"{name}\"\n"));
    (0..SEEDS).map(|seed| digests(&scenario, seed)).collect()
}

#[test]
fn the_same_seed_gives_the_same_run_in_another_thread() {
    for name in SCENARIOS {
        let other = std::thread::spawn(move || all(name));
        let here = all(name);
        let there = other.join().expect("no run panics");
        for (seed, (one, two)) in here.iter().zip(&there).enumerate() {
            assert_eq!(one, two, "{name} with seed {seed}");
        }
    }
}

#[test]
fn another_seed_gives_another_run() {
    for name in SCENARIOS {
        let mut traces: Vec<String> = all(name).into_iter().map(|(trace, _)| trace).collect();
        traces.sort_unstable();
        traces.dedup();
        assert_eq!(traces.len() as u64, SEEDS, "{name}");
    }
}
