//! Runs of small scenarios that build on the shipped ones.

use std::path::{Path, PathBuf};

use assize_tests::root;
use reports::summary::Summary;
use scenarios::Scenario;

fn folder() -> PathBuf {
    root().join("scenarios")
}

/// A scenario from its text, which may extend files of `scenarios/`.
pub(crate) fn scenario(text: &str) -> Scenario {
    let loader = |name: &str| -> Result<String, String> {
        std::fs::read_to_string(folder().join(name)).map_err(|e| e.to_string())
    };
    match Scenario::load(text, &[], &loader) {
        Ok(scenario) => scenario,
        Err(errors) => {
            let told: String = errors.iter().map(|e| e.render("inline", text)).collect();
            panic!("{told}\nin\n{text}");
        }
    }
}

/// A run's summary.
pub(crate) fn run(scenario: &Scenario, seed: u64) -> Summary {
    let run = assize::run::run(scenario, Path::new("inline"), seed, || 0.0);
    run.expect("the scenario names known rules").summary
}

#[test]
fn the_large_cluster_runs_when_it_is_made_small() {
    let text = "extends = \"load/brokers-100.toml\"\n[scenario]\nname = \"brokers-12\"\n\
                duration = \"500ms\"\n[cluster]\nbrokers = 12\n[topic.events]\npartitions = 240\n\
                [service.gateway]\ninstances = 6\n[service.archive]\ninstances = 6\n";
    let summary = run(&scenario(text), 0);
    assert!(summary.as_expected(), "{:?} {:?}", summary.verdict, summary.anomalies);
    assert!(summary.records.acknowledged > 20_000, "{:?}", summary.records);
}

/// The digests of a run's events and of what its clients saw.
pub(crate) fn digests(scenario: &Scenario, seed: u64) -> (String, String) {
    let summary = run(scenario, seed);
    (summary.digest, summary.history_digest)
}
