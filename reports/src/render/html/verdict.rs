//! The top of the page: the answer in plain words, the gates, the key figures.

use maud::{Markup, html};

use super::{badge, place};
use crate::checker::Verdict;
use crate::number;
use crate::render::Report;
use crate::summary::{SendErrors, Summary};

/// Joins names as a sentence does.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// What the passed checks on records say together. Only what was judged and held is named, and
/// what happened though nobody promised otherwise is told beside it.
fn proven(summary: &Summary) -> String {
    let passed = |name: &str| {
        summary.checks.iter().any(|one| one.name == name && one.verdict == Verdict::Pass)
    };
    let records = &summary.records;
    let (mut none, mut some) = (Vec::new(), Vec::new());
    for (check, count, word) in [
        ("no-duplicate", records.doubled, "doubled"),
        ("order-per-partition", records.reordered, "reordered"),
    ] {
        match (passed(check), count) {
            (false, _) => {}
            (true, 0) => none.push(word),
            (true, count) => some.push(format!("{} {word}", number::grouped(count))),
        }
    }
    let mut parts = Vec::new();
    match (passed("no-acknowledged-record-lost"), none.is_empty()) {
        (true, true) => parts.push("no acknowledged record was lost".to_owned()),
        (true, false) => {
            let none = none.join(" or ");
            parts.push(format!("no acknowledged record was lost and none was {none}"));
        }
        (false, false) => parts.push(format!("no record was {}", none.join(" or "))),
        (false, true) => {}
    }
    if !some.is_empty() {
        let some = some.join(" and ");
        parts.push(format!("{some}, against no promise that is checked"));
    }
    let mut text = parts.join("; ");
    if text.is_empty() {
        return text;
    }
    text[..1].make_ascii_uppercase();
    format!(" {text}.")
}

/// What is wrong, with the first evidence of each.
fn broken(summary: &Summary) -> Markup {
    let failed = summary.checks.iter().chain(&summary.invariants);
    let failed = failed.filter(|one| one.verdict == Verdict::Fail);
    html! {
        ul.broken {
            @for finding in failed {
                li {
                    code { (finding.name) }
                    (finding.detail)
                    @if let Some(first) = finding.evidence.first() {
                        "; first: " (first.text) (place(first))
                    }
                }
            }
        }
    }
}

/// How many checks held and gates were met, and how many nobody asked for.
fn held(summary: &Summary) -> String {
    let findings = summary.checks.iter().chain(&summary.invariants).map(|one| one.verdict);
    let verdicts: Vec<Verdict> = findings.collect();
    let of = |verdict| verdicts.iter().filter(|one| **one == verdict).count();
    let mut text = format!(" {}", count(of(Verdict::Pass), "check held", "checks held"));
    match summary.gates.iter().filter(|gate| gate.verdict == Verdict::Pass).count() {
        0 => {}
        gates => {
            text.push_str(&format!(" and {}", count(gates, "gate was met", "gates were met")));
        }
    }
    let gates_off = summary.gates.iter().filter(|gate| gate.verdict == Verdict::Off).count();
    match of(Verdict::Off) + gates_off {
        0 => {}
        off => text.push_str(&format!("; {off} switched off and not judged")),
    }
    text.push('.');
    text
}

/// What the scenario expects, where that is not plainly a pass that came.
fn expectation(summary: &Summary) -> String {
    let came = summary.as_expected() || summary.only_notes_are_missing();
    match (summary.expected, came) {
        (Verdict::Fail, _) => {
            let anomaly = summary.expected_anomaly.map_or("a failure", |one| one.name());
            if came {
                format!(" This scenario expects {anomaly}, and it came.")
            } else if summary.more_than_expected_came() {
                let more = summary.unexpected_anomalies().map(|one| one.name().to_owned());
                let more = list(&more.collect::<Vec<_>>());
                format!(
                    " This scenario expects {anomaly}, which came, and does not expect {more}, \
                     which came too."
                )
            } else {
                format!(
                    " An expected violation is missing: this scenario expects {anomaly}, and it \
                     did not come."
                )
            }
        }
        (Verdict::Inconclusive, true) => " This scenario expects to be inconclusive.".to_owned(),
        (expected, false) => format!(" This scenario expects: {}.", expected.name()),
        (_, true) => String::new(),
    }
}

/// The sends that failed or of which nobody knows, with their errors.
fn unsent(summary: &Summary) -> String {
    let records = &summary.records;
    let errors = |count: fn(&SendErrors) -> u64| {
        let found = summary.send_errors.iter().filter(|(_, one)| count(one) > 0);
        let each = found.map(|(why, one)| format!("{} {why}", number::grouped(count(one))));
        each.collect::<Vec<_>>().join(", ")
    };
    let mut text = String::new();
    if records.failed > 0 {
        let (failed, errors) = (number::grouped(records.failed), errors(|one| one.failed));
        text.push_str(&format!(" {failed} sends failed ({errors})."));
    }
    if records.unknown > 0 {
        let (unknown, errors) = (number::grouped(records.unknown), errors(|one| one.unknown));
        text.push_str(&format!(" {unknown} sends have an unknown outcome ({errors})."));
    }
    text
}

/// The run in two or three sentences.
#[must_use]
pub fn sentence(summary: &Summary) -> String {
    let records = &summary.records;
    let findings = || summary.checks.iter().chain(&summary.invariants);
    let named = |verdict: Verdict| -> Vec<String> {
        let findings = findings().filter(|one| one.verdict == verdict).map(|one| one.name.clone());
        let gates = summary.gates.iter().filter(|one| one.verdict == verdict);
        findings.chain(gates.map(|one| format!("gate {}", one.name))).collect()
    };
    let acknowledged = number::grouped(records.acknowledged);
    let length = number::seconds(summary.simulated_s);
    let faults = match summary.faults.len() {
        0 if summary.nothing_tried => {
            "no fault was injected: what those of the seed wait for did not happen".to_owned()
        }
        0 => "no fault was injected".to_owned(),
        1 => "1 fault was injected".to_owned(),
        faults => format!("{faults} faults were injected"),
    };
    let mut text = format!(
        "In {length} of simulated time {acknowledged} records were acknowledged and {faults}."
    );
    match summary.verdict {
        Verdict::Pass | Verdict::Off => {
            text.push_str(&proven(summary));
            text.push_str(&held(summary));
        }
        Verdict::Fail => {
            text.push_str(&format!(" Violated: {}.", list(&named(Verdict::Fail))));
        }
        Verdict::Inconclusive => {
            let open = list(&named(Verdict::Inconclusive));
            text.push_str(&format!(" The run did not show enough to judge {open}."));
        }
    }
    text.push_str(&unsent(summary));
    text.push_str(&given_up(summary));
    text.push_str(&expectation(summary));
    if !summary.missing_notes.is_empty() {
        let missing = list(&summary.missing_notes);
        text.push_str(&format!(" The scenario demands what did not happen: {missing}."));
    }
    text
}

/// What came into topics for what services give up.
fn given_up(summary: &Summary) -> String {
    let given_up = summary.dead_letters.iter().filter(|(_, records)| **records > 0);
    let told = given_up.map(|(topic, records)| format!("{} in {topic}", number::grouped(*records)));
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!(" Given up: {}.", list(&told)) }
}

fn card(value: &str, label: &str) -> Markup {
    html! { div.card { b { (value) } span { (label) } } }
}

fn cards(report: &Report<'_>) -> Markup {
    let summary = report.summary;
    let whole = summary.latency.get(crate::metric::END_TO_END);
    let steady = whole.and_then(|stage| stage.phases.get("steady"));
    let fault = whole.and_then(|stage| stage.phases.get("fault"));
    let fastest = summary.throughput.iter().map(|(_, rate)| rate.records_per_s);
    let first = fastest.fold(0.0, f64::max);
    let behind = summary.lag.iter().map(|(_, lag)| lag.max_s).fold(0.0, f64::max);
    let share = |resource: &str| {
        let uses = summary.resources.iter().filter_map(|(_, uses)| uses.get(resource));
        uses.map(|one| one.mean).fold(0.0, f64::max)
    };
    html! {
        div.cards {
            @if let Some(one) = steady {
                (card(&number::duration_ms(one.p50_ms), "median end to end, steady"))
                (card(&number::duration_ms(one.p99_ms), "p99 end to end, steady"))
            }
            @if let Some(one) = fault {
                (card(&number::duration_ms(one.p99_ms), "p99 end to end, under fault"))
            }
            (card(&format!("{}/s", number::grouped(first.round() as u64)), "records, busiest topic"))
            @if !summary.lag.is_empty() {
                (card(&number::seconds(behind), "furthest behind"))
            }
            @if !summary.resources.is_empty() {
                (card(&number::percent(share("cpu")), "CPU, busiest broker, mean"))
            }
        }
    }
}

/// The color: that of the verdict when it is as expected, else that of a failure.
fn standing(summary: &Summary) -> &'static str {
    if summary.as_expected() || summary.verdict == Verdict::Inconclusive {
        summary.verdict.name()
    } else {
        Verdict::Fail.name()
    }
}

/// The headline for a badge: only its first letter is large.
fn headline(summary: &Summary) -> String {
    let mut text = summary.headline().to_lowercase();
    text[..1].make_ascii_uppercase();
    text
}

pub(super) fn section(report: &Report<'_>) -> Markup {
    let summary = report.summary;
    html! {
        header class=(standing(summary)) {
            div.title {
                h1 { (summary.scenario) }
                span class={ "badge " (standing(summary)) } { (headline(summary)) }
            }
            p.lead { (sentence(summary)) }
            @if summary.verdict == Verdict::Fail { (broken(summary)) }
            p.facts {
                "Seed " b { (summary.seed) }
                " \u{b7} " (number::seconds(summary.simulated_s)) " simulated"
                " \u{b7} " (number::grouped(summary.events)) " events"
                " \u{b7} " (number::grouped(summary.records.sent)) " records sent"
            }
        }
        (cards(report))
        @if !summary.gates.is_empty() {
            section {
                h2 { "Gates" }
                table {
                    thead { tr { th { "Gate" } th { "Phase" } th.n { "Measured" } th.n { "Demanded" } th { "" } } }
                    tbody {
                        @for gate in &summary.gates {
                            tr {
                                td { (gate.name) }
                                td { (gate.phase.map_or("whole run", |phase| phase.name())) }
                                td.n { (gate.actual) }
                                td.n { (gate.limit) }
                                td.end { (badge(gate.verdict)) }
                            }
                        }
                    }
                }
            }
        }
        section.replay {
            h2 { "Again" }
            pre { (summary.replay) }
        }
    }
}
