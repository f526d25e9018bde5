//! Hanging transactions that an operator ends by hand.

use reports::checker::{Anomaly, Verdict};
use reports::summary::Summary;

use crate::small::{run, scenario};

/// `services/hanging-transaction-aborted.toml` with another idea of what is old.
fn aborted(older_than: &str) -> Summary {
    let text = format!(
        "extends = \"services/hanging-transaction-aborted.toml\"\n\
         [[fault]]\nkind = \"delay\"\nmessage = \"produce\"\ntarget = \"service:order\"\n\
         latency = \"5s\"\nat = \"2700ms\"\nfor = \"3s\"\n\
         [[fault]]\nkind = \"abort-hanging\"\ntarget = \"partition:orders/0\"\nat = \"15s\"\n\
         {older_than}"
    );
    run(&scenario(&text), 0)
}

fn hangs(summary: &Summary) -> bool {
    summary.anomalies.contains(&Anomaly::HangingTransaction)
}

#[test]
fn what_is_old_enough_and_unknown_to_coordinators_is_aborted() {
    let summary = aborted("max_transaction_timeout = \"6s\"");
    assert_eq!(summary.verdict, Verdict::Fail, "how it began is a finding");
    assert!(!hangs(&summary), "{:?}", summary.anomalies);
    assert!(!summary.anomalies.contains(&Anomaly::MarkerOfItsTransaction), "nobody need decide");
    assert_eq!(summary.missing_notes, [""; 0]);
}

#[test]
fn what_is_younger_than_a_quarter_of_an_hour_is_left_alone() {
    let summary = aborted("");
    assert!(hangs(&summary));
    assert_eq!(summary.missing_notes, ["abort-hanging"]);
}

/// The longest way from end to end, in milliseconds, of `services/transactional-id-per-process.toml`.
fn slowest(ids: &str) -> f64 {
    let file = "extends = \"services/transactional-id-per-process.toml\"\n[service.payment]\n";
    let summary = run(&scenario(&format!("{file}transactional_id = \"{ids}\"\n")), 0);
    assert_eq!(summary.verdict, Verdict::Pass);
    let found = summary.latency.0.iter().find(|(name, _)| *name == "end_to_end");
    found.expect("records reached the reader").1.overall.max_ms
}

#[test]
fn what_a_process_with_another_id_had_begun_is_ended_by_its_timeout() {
    assert!(slowest("per-process") >= 4_000.0, "the timeout of the transaction");
    assert!(slowest("per-instance") < 2_000.0, "the same id ends it at once");
}
