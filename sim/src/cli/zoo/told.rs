//! Entries and searches as text and JSON.

use std::path::Path;

use reports::number::counted;
use serde_json::{Value, json};

use super::super::console::{Console, Paint};
use super::super::scene::Scene;
use super::super::shrink::Small;
use super::hunt::Hunted;
use super::records::{Bias, Record};
use crate::zoo::Entry;

/// An entry, for programs.
pub(super) fn entry(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "title": entry.title,
        "source": entry.source,
        "kind": entry.kind.name(),
        "universe": Path::new("scenarios/search").join(entry.universe.file()),
        "set": entry.set.iter().map(|(path, value)| format!("{path}={value}")).collect::<Vec<_>>(),
        "seen": entry.seen.iter().map(|anomaly| anomaly.name()).collect::<Vec<_>>(),
        "today": entry.today.name(),
        "today_is": entry.today.words(),
    })
}

/// What came of a search, for programs.
pub(super) fn hunt(entry: &Entry, scene: &Scene, hunted: &Hunted, small: Option<&Small>) -> Value {
    let hit = hunted.hit.as_deref();
    json!({
        "id": entry.id,
        "found": hit.is_some(),
        "runs": hunted.runs,
        "wall_s": hunted.wall_s,
        "check": check(entry, hunted),
        "shrunk_faults": small.map(Small::faults),
        "shrunk_operations": small.map(Small::operations),
        "seed": hit.map(|(seed, _)| seed),
        "replay": hit.map(|(seed, _)| scene.command(*seed)),
        "bugs": hunted.bugs.len(),
    })
}

/// A search that has ended, in a line.
pub(super) fn progress(record: &Record) -> String {
    let Record { key, found, runs, wall_s, .. } = record;
    let word = if *found { "found by run" } else { "not found in" };
    let bias = match key.bias {
        Bias::Events => "",
        Bias::Blind => ", blind",
    };
    format!("{} {}{bias}: {word} {runs}, {wall_s:.1} s", key.id, key.restart + 1)
}

/// What the run that was found shows.
pub(super) fn check(entry: &Entry, hunted: &Hunted) -> Option<&'static str> {
    let (_, summary) = hunted.hit.as_deref()?;
    entry.found_in(summary).map(|anomaly| anomaly.name())
}

/// What came of a search, for people.
pub(super) fn hunt_in_words(
    entry: &Entry,
    scene: &Scene,
    (hunted, small): (&Hunted, Option<&Small>),
    console: &mut Console<'_>,
) {
    console.line(&format!("{}: {}", entry.id, entry.title));
    console.line(&format!("{}; {}; {}", entry.source, entry.kind.name(), scene.path.display()));
    for (path, value) in entry.set {
        console.line(&format!("  {path} = {value}"));
    }
    console.line(&format!("today: {}", entry.today.words()));
    console.line("");
    let rate = hunted.runs as f64 / hunted.wall_s.max(1e-6);
    let Some((seed, summary)) = hunted.hit.as_deref() else {
        let word = console.paint(Paint::Doubtful, "not found");
        let (runs, wall_s) = (hunted.runs, hunted.wall_s);
        let runs = counted(runs, "run");
        console.line(&format!("{word} in {runs}, {wall_s:.1} s, {rate:.0} a second"));
        return;
    };
    let word = console.paint(Paint::Good, "found");
    let (runs, wall_s) = (hunted.runs, hunted.wall_s);
    console.line(&format!("{word} by run {runs}, seed {seed}, after {wall_s:.1} s"));
    let findings = summary.invariants.iter().chain(&summary.checks);
    let evidence = findings.flat_map(|finding| &finding.evidence);
    for violation in evidence.filter(|one| entry.seen.contains(&one.anomaly)).take(EVIDENCE_MAX) {
        console.line(&format!("  {}: {}", violation.anomaly.name(), violation.text));
    }
    if let Some(small) = small {
        let (faults, calls) = (small.faults(), small.operations());
        let (faults, calls) = (counted(faults, "fault"), counted(calls, "call"));
        let colon = if small.faults() > 0 { ":" } else { "" };
        console.line(&format!("shrunk to {faults} and {calls}{colon}"));
        for fault in &small.shrunk.scenario.faults {
            console.line(&format!("  {fault}"));
        }
    }
    console.line(&format!("again with: {}", scene.command(*seed)));
}

/// Violations that are told of a run.
const EVIDENCE_MAX: usize = 5;
