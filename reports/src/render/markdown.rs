//! A page of Markdown, for a merge request or a terminal.

use std::fmt::Write;

use crate::checker::Verdict;
use crate::number;
use crate::summary::{Quantiles, Summary};

const WRITTEN: &str = "writing into a string cannot fail";

/// A cell of a table: no line breaks, no column marks.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Off => "off",
        Verdict::Pass => "pass",
        Verdict::Fail => "**FAIL**",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// A run as Markdown.
#[must_use]
pub fn markdown(summary: &Summary) -> String {
    let mut text = String::new();
    let write = |text: &mut String, line: String| writeln!(text, "{line}").expect(WRITTEN);
    let headline = summary.headline();
    write(&mut text, format!("# {headline}: {} (seed {})\n", summary.scenario, summary.seed));
    write(&mut text, format!("{}\n", super::html::sentence(summary)));
    table(
        &mut text,
        &["Gate", "Verdict", "Measured", "Demanded"],
        summary.gates.iter().map(|gate| {
            vec![
                cell(&gate.name),
                mark(gate.verdict).into(),
                gate.actual.clone(),
                gate.limit.clone(),
            ]
        }),
    );
    story(&mut text, summary);
    let findings = summary.checks.iter().chain(&summary.invariants);
    table(
        &mut text,
        &["Check", "Verdict", "Detail"],
        findings
            .clone()
            .map(|one| vec![one.name.clone(), mark(one.verdict).into(), cell(&one.detail)]),
    );
    for finding in findings.filter(|one| !one.evidence.is_empty()) {
        write(
            &mut text,
            format!("Evidence for `{}` ({} in all):\n", finding.name, finding.violations),
        );
        for violation in &finding.evidence {
            let place = super::html::place(violation);
            write(&mut text, format!("- `{}` {}{place}", violation.anomaly.name(), violation.text));
        }
        text.push('\n');
    }
    table(
        &mut text,
        &["Hazard", "Times", "First"],
        summary
            .hazards
            .iter()
            .map(|one| vec![one.name.clone(), one.count.to_string(), cell(&one.first)]),
    );
    table(
        &mut text,
        &["Warning", "What Kafka accepts and hurts", "Value", "Source"],
        summary.warnings.iter().map(|one| {
            let path = format!("`{}`", cell(&one.path));
            vec![one.name.clone(), cell(&one.text), path, cell(&one.source)]
        }),
    );
    latency(&mut text, summary);
    table(
        &mut text,
        &["Topic", "Records/s", "MiB/s"],
        summary.throughput.iter().map(|(topic, rate)| {
            vec![
                topic.to_owned(),
                number::rate(rate.records_per_s),
                format!("{:.1}", rate.mib_per_s),
            ]
        }),
    );
    table(
        &mut text,
        &["Group", "Most records behind", "Oldest", "Behind at the end"],
        summary.lag.iter().map(|(group, lag)| {
            vec![
                group.to_owned(),
                number::grouped(lag.max_records),
                number::seconds(lag.max_s),
                number::grouped(lag.end_records),
            ]
        }),
    );
    faults(&mut text, summary);
    write(&mut text, format!("Again: `{}`\n", summary.replay));
    write(
        &mut text,
        format!("Digests: trace `{}`, history `{}`", summary.digest, summary.history_digest),
    );
    text
}

/// What happened in a run that failed.
fn story(text: &mut String, summary: &Summary) {
    let mut write = |line: String| writeln!(text, "{line}").expect(WRITTEN);
    if let Some(story) = &summary.story {
        write(format!(
            "## What happened\n\nWhy {}; times in seconds into the load.\n",
            story.about
        ));
        for moment in &story.moments {
            let (time, text) = (moment.time(), &moment.text);
            let line = if moment.is_loud() { format!("**{text}**") } else { text.clone() };
            write(format!("- {time}: {line}"));
        }
        write(String::new());
    } else if let Some(why) = &summary.untold {
        write(format!("## What happened\n\n{why}\n"));
    }
}

fn faults(text: &mut String, summary: &Summary) {
    table(
        text,
        &["Fault", "Target", "Resolved", "At", "Until", "Into the load", "Until", "End"],
        summary.faults.iter().map(|fault| {
            let or_nothing = |at: Option<f64>| at.map_or_else(String::new, number::seconds);
            vec![
                cell(&fault.kind),
                cell(&fault.target),
                cell(&fault.resolved),
                number::seconds(fault.at_s),
                or_nothing(fault.until_s),
                or_nothing(fault.load_s),
                or_nothing(fault.until_load_s),
                fault.end.map_or_else(String::new, |end| end.words().to_owned()),
            ]
        }),
    );
}

fn latency(text: &mut String, summary: &Summary) {
    let row = |stage: &str, phase: &str, one: &Quantiles| {
        let times = [one.p50_ms, one.p90_ms, one.p99_ms, one.p999_ms, one.p9999_ms, one.max_ms];
        let head = [stage.to_owned(), phase.to_owned(), number::grouped(one.count)];
        head.into_iter().chain(times.map(number::duration_ms)).collect::<Vec<_>>()
    };
    let rows = summary.latency.iter().flat_map(|(name, stage)| {
        let phases = stage.phases.iter().map(move |(phase, one)| row(name, phase, one));
        std::iter::once(row(name, "all", &stage.overall)).chain(phases)
    });
    let head = ["Stage", "Phase", "Records", "p50", "p90", "p99", "p99.9", "p99.99", "Max"];
    table(text, &head, rows);
}

/// A table, unless it has no rows.
fn table(text: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    writeln!(text, "| {} |", head.join(" | ")).expect(WRITTEN);
    writeln!(text, "|{}", " --- |".repeat(head.len())).expect(WRITTEN);
    for row in rows {
        writeln!(text, "| {} |", row.join(" | ")).expect(WRITTEN);
    }
    text.push('\n');
}
