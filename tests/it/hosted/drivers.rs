//! One world, two drivers, one trace.

use assize::plan::Plan;
use assize::run::world_of;

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
            let hosted = assize::hosted::drive(world(), || false).expect("nobody stops it");
            assert_eq!(bare.trace(), hosted.trace(), "{name} with seed {seed}");
        }
    }
}

#[test]
fn a_hosted_run_can_be_given_up() {
    let scenario = scenario("extends = \"smoke/produce-consume.toml\"\n");
    let world = world_of(Plan::new(&scenario, 0).expect("known rules"));
    assert!(assize::hosted::drive(world, || true).is_none());
}
