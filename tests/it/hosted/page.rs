//! The page for people who write async services shows code that runs.

#[path = "../../../sim/examples/async_service/payment.rs"]
mod payment;

use assize_tests::root;
use reports::checker::Verdict;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_example_passes_and_repeats_itself() {
    for seed in 0..5 {
        let run = || payment::run(seed).expect("the program fits its scenario").summary;
        let (one, two) = (run(), run());
        assert_eq!(one.verdict, Verdict::Pass, "seed {seed}: {:?}", one.anomalies);
        assert_eq!(one.faults.len(), 2, "seed {seed}");
        assert_eq!(
            (one.digest, one.history_digest),
            (two.digest, two.history_digest),
            "seed {seed}"
        );
    }
}

#[test]
fn the_page_shows_the_whole_example() {
    let page = read("docs/async.md");
    let example = read("sim/examples/async_service/payment.rs");
    let block = format!("```rust\n{example}```\n");
    assert!(page.contains(&block), "docs/async.md must show {example}");
}
