//! Words that must not be in the repository.

use super::{Source, assert_none, sources};

/// Unfinished work. In two parts, so that this file does not contain them.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("db", "g!("),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
];

/// Unordered collections of the standard library: their order differs between runs.
const UNORDERED: &[&str] = &["collections::HashMap", "collections::HashSet", "RandomState"];

/// What reads the machine's clock or lets real time pass.
const CLOCKS: &[&str] = &["Instant::now", "SystemTime", "thread::sleep"];

fn places(source: &Source, words: &[&str]) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    lines
        .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
        .map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
        .collect()
}

/// A `std` collection named directly or in a braced import.
fn unordered(source: &Source) -> Vec<String> {
    let mut found = places(source, UNORDERED);
    let lines = source.text.lines().enumerate();
    found.extend(
        lines
            .filter(|(_, line)| line.contains("std::collections::{") && (line.contains("Hash")))
            .map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim())),
    );
    found
}

#[test]
fn nothing_is_left_unfinished() {
    let found: Vec<String> = sources().iter().flat_map(|s| places(s, UNFINISHED)).collect();
    assert_none("finish these, or write down what is left out as a fact", &found);
}

#[test]
fn nothing_is_decided_by_the_order_of_a_hash_map() {
    let inside = ["broker-model/", "scenarios/src/", "sim/src/", "reports/src/"];
    let found: Vec<String> = sources()
        .iter()
        .filter(|s| s.is_rust() && inside.iter().any(|folder| s.path.starts_with(folder)))
        .flat_map(unordered)
        .collect();
    assert_none("use ordered collections or tables by dense id", &found);
}

#[test]
fn only_the_command_line_reads_a_clock() {
    let inside = ["broker-model/src/", "scenarios/src/", "sim/src/", "reports/src/"];
    let may = |path: &str| path.starts_with("sim/src/cli") || path == "sim/src/main.rs";
    let found: Vec<String> = sources()
        .iter()
        .filter(|s| s.is_rust() && inside.iter().any(|folder| s.path.starts_with(folder)))
        .filter(|s| !may(&s.path))
        .flat_map(|s| places(s, CLOCKS))
        .collect();
    assert_none("simulated code never reads a real clock", &found);
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let source = |text: &str| Source { path: "a.rs".to_owned(), text: text.to_owned() };
    assert_eq!(places(&source(concat!("// TO", "DO later\n")), UNFINISHED).len(), 1);
    assert_eq!(unordered(&source("use std::collections::{BTreeMap, HashMap};\n")).len(), 1);
    assert_eq!(unordered(&source("use std::collections::BTreeMap;\n")).len(), 0);
    assert_eq!(
        places(&source("let t = Instant::now();"), CLOCKS),
        ["a.rs:1: let t = Instant::now();"]
    );
}
