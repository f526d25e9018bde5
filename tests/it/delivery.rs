//! Six canonical consumers, killed behind every single thing that they do, are what the books call
//! them; and what `assize steps` tells besides.

use crate::command::{Told, assize, json};
use crate::place::shipped;

fn path(file: &str) -> String {
    shipped(&format!("delivery/{file}"))
}

fn steps(file: &str, more: &[&str]) -> Told {
    let file = path(file);
    assize(&[&["steps", &file], more].concat())
}

/// The class of a file under a seed; every step was tried, and every crash struck.
fn class(file: &str, seed: &str, more: &[&str]) -> String {
    let told = steps(file, &[&["--seed", seed, "--format", "json"], more].concat());
    let line = json(&told.out);
    assert_eq!(told.code, 0, "{file}: {line}");
    assert!(line["runs"].as_u64().is_some_and(|runs| runs > 100), "{file}: {line}");
    assert_eq!(line["missed"], 0, "{file}");
    line["delivery"].as_str().expect("a class").to_owned()
}

#[test]
fn the_canonical_consumers_are_what_the_books_say() {
    for (file, expected) in [
        ("commit-before.toml", "at-most-once"),
        ("commit-after.toml", "at-least-once"),
        ("auto-commit.toml", "at-least-once"),
        ("commit-after-dedupe.toml", "effectively-once"),
        ("transactional.toml", "effectively-once"),
        ("with-effects.toml", "effectively-once"),
    ] {
        for seed in ["1", "2", "3"] {
            assert_eq!(class(file, seed, &[]), expected, "{file} seed {seed}");
        }
    }
}

#[test]
fn a_dual_write_loses_and_an_outbox_repeats() {
    let dedupe = ["--set", "service.shipping.dedupe=by-entity"];
    for (file, more, expected) in [
        ("dual-write.toml", &[][..], "at-most-once"),
        ("outbox.toml", &[], "at-least-once"),
        ("outbox.toml", &dedupe, "effectively-once"),
    ] {
        for seed in ["1", "2", "3"] {
            assert_eq!(class(file, seed, more), expected, "{file} {more:?} seed {seed}");
        }
    }
}

/// A fault's time counts from the end of the warm-up, and so do the steps.
#[test]
fn a_warm_up_hides_no_step() {
    let more = ["--set", "scenario.warmup=500ms"];
    assert_eq!(class("commit-after.toml", "1", &more), "at-least-once");
}

#[test]
fn no_class_rests_on_a_check_that_is_off() {
    let more = ["--set", "check.effect-doubled=false", "--format", "json", "--every", "9"];
    assert!(json(&steps("commit-after-dedupe.toml", &more).out)["delivery"].is_null());
}

/// A pause beyond the session makes a zombie: its partitions are another's when it goes on.
#[test]
fn a_zombie_changes_no_class() {
    let pause = |kind: &str| [format!("fault.1.kind={kind}"), "fault.1.for=8s".to_owned()];
    let [kind, long] = pause("service-pause");
    let more = ["--set", &kind, "--set", &long, "--set", "scenario.duration=12s", "--every", "2"];
    for (file, expected) in [
        ("commit-after-dedupe.toml", "effectively-once"),
        ("transactional.toml", "effectively-once"),
        ("with-effects.toml", "effectively-once"),
    ] {
        assert_eq!(class(file, "1", &more), expected, "{file}");
    }
}

#[test]
fn another_class_than_wanted_is_a_failure() {
    let told = steps("commit-after.toml", &["--delivery", "effectively-once"]);
    assert_eq!(told.code, 10, "{}", told.out);
    assert!(told.out.contains("not as wanted"), "{}", told.out);
    assert_eq!(steps("commit-after.toml", &["--delivery", "at-least-once"]).code, 0);
}

#[test]
fn what_it_prints_runs_the_same_again() {
    let told = steps("commit-after.toml", &[]);
    let token = told.out.split_whitespace().find(|word| word.starts_with("assize1:"));
    let token = token.expect("the first run that doubles an effect is named");
    let again = assize(&["replay", token, "--format", "json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(json(&again.out)["anomalies"][0], "effect-doubled");
}

#[test]
fn what_it_cannot_do_it_says() {
    for (more, code, part) in [
        (&["--fault", "boom"][..], 64, "there are crash"),
        (
            &["--set", "fault.1.target=random-broker", "--set", "fault.1.kind=broker-kill"],
            65,
            "a role",
        ),
        (&["--set", "fault.1.chance=0.5"], 65, "chance"),
        (&["--every", "0"], 64, "--every"),
    ] {
        let told = steps("commit-after.toml", more);
        assert_eq!(told.code, code, "{more:?}: {}", told.err);
        assert!(told.err.contains(part), "{more:?}: {}", told.err);
    }
    let told = assize(&["steps", &shipped("smoke/produce-consume.toml")]);
    assert_eq!(told.code, 64);
    assert!(told.err.contains("has no fault"), "{}", told.err);
}
