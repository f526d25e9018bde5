//! A whole pipeline runs under the rules of every era.

use broker_model::rules::Era;
use reports::checker::{Anomaly, Verdict};

use crate::small::{run, scenario};

/// Services that read, process and write in transactions, while a leader dies.
const PIPELINE: &str = "extends = \"faults/broker-kill.toml\"\n";

/// Under which eras it does not pass, and what is found.
const FAILS: &[(&str, Anomaly)] = &[
    // A follower cuts at its own high watermark, which lags behind (KIP-101).
    ("0.10", Anomaly::TruncationKeepsCommitted),
];

#[test]
fn a_pipeline_that_loses_a_leader_has_the_verdict_of_its_era() {
    let mut digests = Vec::new();
    for era in Era::ALL {
        let text = format!("{PIPELINE}[protocol]\nera = \"{}\"\n", era.name);
        let summary = run(&scenario(&text), 1);
        let found = FAILS.iter().filter(|(name, _)| *name == era.name).map(|&(_, what)| what);
        assert_eq!(summary.anomalies, found.collect::<Vec<_>>(), "{}", era.name);
        let fails = summary.verdict == Verdict::Fail;
        assert_eq!(fails, !summary.anomalies.is_empty(), "{}", era.name);
        assert!(summary.records.acknowledged > 100, "{}: {:?}", era.name, summary.records);
        digests.push(summary.digest);
    }
    digests.sort_unstable();
    digests.dedup();
    assert!(digests.len() > 2, "eras differ in what happens: {digests:?}");
}

#[test]
fn offsets_expire_in_a_rebalance_until_3_0() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../scenarios/zoo/kafka13636-offsets-expire-in-rebalance.toml"
    );
    let text = std::fs::read_to_string(file).expect("part of the repository");
    let text = text.replace("\"cluster.toml\"", "\"zoo/cluster.toml\"");
    for (era, loses) in [("3.4", false), ("2.6", true), ("1.1", true)] {
        let of_era = text.replace("expire_when_unstable = \"on\"", &format!("era = \"{era}\""));
        assert_ne!(text, of_era);
        let found = run(&scenario(&of_era), 0).anomalies;
        assert_eq!(found.contains(&Anomaly::OffsetsStay), loses, "{era}: {found:?}");
    }
}
