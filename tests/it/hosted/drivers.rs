//! One world, two drivers, one trace.

use assize::plan::Plan;
use assize::run::{Driver, world_of};

use super::command;
use crate::small::scenario;

const SCENARIOS: [&str; 5] = [
    "smoke/produce-consume.toml",
    "smoke/one-transaction.toml",
    "smoke/temperature.toml",
    "faults/broker-kill.toml",
    "faults/service-kill.toml",
];
const SEEDS: u64 = 5;

#[test]
fn both_drivers_leave_the_same_trace() {
    for name in SCENARIOS {
        let scenario = scenario(&format!("extends = \"{name}\"\n"));
        for seed in 0..SEEDS {
            let world = || world_of(Plan::new(&scenario, seed).expect("known rules"));
            let mut bare = world();
            while bare.step() {}
            let hosted = Driver::Hosted.drive(world(), || false).expect("nobody stops it");
            assert_eq!(bare.trace(), hosted.trace(), "{name} with seed {seed}");
        }
    }
}

#[test]
fn a_hosted_run_can_be_given_up() {
    let scenario = scenario("extends = \"smoke/produce-consume.toml\"\n");
    let world = world_of(Plan::new(&scenario, 0).expect("known rules"));
    assert!(Driver::Hosted.drive(world, || true).is_none());
}

/// The digests in lines of JSON.
fn digests(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is an object"));
    lines.filter_map(|one| one["digest"].as_str().map(str::to_owned)).collect()
}

#[test]
fn every_command_that_runs_takes_either_driver() {
    let file = "../scenarios/smoke/produce-consume.toml";
    let commands: [&[&str]; 4] = [
        &["run", file, "--seed", "3"],
        &["sweep", file, "--seeds", "0..4", "--threads", "2"],
        &["meta", file, "--seeds", "0..2"],
        &["replay", file],
    ];
    for words in commands {
        let with = |driver: &str| {
            let mut all = words.to_vec();
            all.extend(["--format", "json", "--driver", driver]);
            let (exit, out, err) = command(&all);
            assert_eq!(exit, 0, "{all:?}: {err}");
            digests(&out)
        };
        let bare = with("bare");
        assert!(!bare.is_empty(), "{words:?}");
        assert_eq!(bare, with("hosted"), "{words:?}");
    }
}
