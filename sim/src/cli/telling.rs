//! A run told to a person at a terminal.

use reports::checker::{Finding, Verdict};
use reports::number::{duration_ms, grouped};
use reports::summary::{FaultEnd, Quantiles, Summary};

use super::console::{Console, Paint};
use super::folder::Folder;
use super::scene::Scene;
use super::table::Columns;
use crate::run::Run;

/// Characters of a line of a story.
const STORY_WIDTH: usize = 110;

/// The paint of a verdict.
pub(super) const fn paint_of(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Pass => Paint::Good,
        Verdict::Fail => Paint::Bad,
        Verdict::Inconclusive | Verdict::Off => Paint::Doubtful,
    }
}

/// The paint of a verdict that nobody expected: a pass is bad news then.
pub(super) const fn paint_of_surprise(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Inconclusive => Paint::Doubtful,
        Verdict::Pass | Verdict::Fail | Verdict::Off => Paint::Bad,
    }
}

/// Tells all of it.
pub(super) fn tell(scene: &Scene, run: &Run, folder: Option<&Folder>, console: &mut Console<'_>) {
    let summary = &run.summary;
    let version = env!("CARGO_PKG_VERSION");
    let name = scene.path.display();
    let digest = scene.scenario.digest();
    let head = format!("assize {version}  {name}  scenario {digest:016x}  seed {}", summary.seed);
    let head = console.paint(Paint::Faint, &head);
    console.line(&head);
    faults(summary, console);
    verdict(summary, console);
    findings("checks", &summary.checks, console);
    findings("invariants", &summary.invariants, console);
    hazards(summary, console);
    story(summary, console);
    gates(summary, console);
    latency(summary, console);
    flows(summary, console);
    resources(summary, console);
    costs(summary, console);
    if let Some(folder) = folder {
        console.line("");
        console.line(&format!("report: {}", folder.path().join("report.html").display()));
    }
    console.line("");
    if !summary.as_expected() {
        let rest = summary.replay.strip_prefix("assize ").unwrap_or(&summary.replay);
        let cargo = format!("in a checkout: cargo run --release -- {rest}");
        let cargo = console.paint(Paint::Faint, &cargo);
        console.line(&cargo);
    }
    let again = console.paint(Paint::Strong, &summary.replay);
    console.line(&format!("again with: {again}"));
}

fn block(title: &str, columns: &Columns, console: &mut Console<'_>) {
    if columns.is_empty() {
        return;
    }
    console.line("");
    let title = console.paint(Paint::Strong, title);
    console.line(&title);
    for (index, line) in columns.lines().iter().enumerate() {
        let line = if index == 0 { console.paint(Paint::Faint, line) } else { line.clone() };
        console.line(&format!("  {line}"));
    }
}

fn faults(summary: &Summary, console: &mut Console<'_>) {
    let mut columns =
        Columns::new(&["since boot", "into the load", "fault", "target", "was", "end"]);
    // From when to when; what had no end, and what has no such time, is a dash.
    let span = |from: Option<f64>, until: Option<f64>| match (from, until) {
        (Some(from), Some(until)) => format!("{from:.3} to {until:.3} s"),
        (Some(from), None) => format!("{from:.3} s"),
        (None, _) => "-".to_owned(),
    };
    for fault in &summary.faults {
        let at = span(Some(fault.at_s), fault.until_s);
        let load = span(fault.load_s, fault.until_load_s);
        let (kind, target) = (fault.kind.clone(), fault.target.clone());
        let end = fault.end.map_or("under way when the run ended", FaultEnd::words).to_owned();
        columns.row([at, load, kind, target, fault.resolved.clone(), end]);
    }
    let title = match summary.load_from_s {
        Some(from) => format!("faults (the load phase begins {from:.3} s after boot)"),
        None => "faults".to_owned(),
    };
    block(&title, &columns, console);
}

fn verdict(summary: &Summary, console: &mut Console<'_>) {
    console.line("");
    let word = summary.headline();
    let met = if summary.as_expected() { Paint::Good } else { paint_of_surprise(summary.verdict) };
    let word = console.paint(met, &word);
    console.line(&format!("{word}  {}", reports::render::sentence(summary)));
}

/// Counts when everything held; what did not hold with its evidence.
fn findings(title: &str, findings: &[Finding], console: &mut Console<'_>) {
    let passed = findings.iter().filter(|one| one.verdict == Verdict::Pass).count();
    console.line("");
    let shown = console.paint(Paint::Strong, title);
    let off = findings.iter().filter(|one| one.verdict == Verdict::Off).count();
    let aside = if off == 0 { String::new() } else { format!(", {off} switched off") };
    console.line(&format!("{shown}  {passed} of {} held{aside}", findings.len() - off));
    for finding in findings.iter().filter(|one| one.verdict != Verdict::Pass) {
        let word = console.paint(paint_of(finding.verdict), finding.verdict.name());
        console.line(&format!("  {word}  {}: {}", finding.name, finding.detail));
        for violation in &finding.evidence {
            let mut place = Vec::new();
            place.extend(violation.partition.clone());
            place.extend(violation.offset.map(|offset| format!("offset {offset}")));
            place.extend(violation.at_ns.map(|ns| format!("at {:.6} s", ns as f64 / 1e9)));
            let place =
                if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
            console.line(&format!(
                "        {}: {}{place}",
                violation.anomaly.name(),
                violation.text
            ));
        }
        let more = finding.violations.saturating_sub(finding.evidence.len() as u64);
        if more > 0 {
            console.line(&format!("        and {} more", grouped(more)));
        }
    }
}

/// What may not have been wanted, though nothing failed by it.
fn hazards(summary: &Summary, console: &mut Console<'_>) {
    if summary.hazards.is_empty() {
        return;
    }
    console.line("");
    let shown = console.paint(Paint::Strong, "hazards");
    console.line(&shown);
    for hazard in &summary.hazards {
        let (name, first) = (&hazard.name, &hazard.first);
        console.line(&format!("  {name}: {first} (at {:.6} s)", hazard.at_s));
        if hazard.count > 1 {
            console.line(&format!("        and {} more", grouped(hazard.count - 1)));
        }
    }
}

/// What happened, in order of events.
pub(super) fn story(summary: &Summary, console: &mut Console<'_>) {
    let title = console.paint(Paint::Strong, "what happened");
    if let Some(story) = &summary.story {
        console.line("");
        console.line(&format!("{title}  (seconds into the load)"));
        for line in story.text(STORY_WIDTH).lines() {
            console.line(&format!("  {line}"));
        }
    } else if let Some(why) = &summary.untold {
        console.line("");
        console.line(&format!("{title}  {why}"));
    }
}

fn gates(summary: &Summary, console: &mut Console<'_>) {
    let mut columns = Columns::new(&["gate", "measured", "demanded", "verdict"]);
    for gate in &summary.gates {
        let verdict = gate.verdict.name().to_owned();
        columns.row([gate.name.clone(), gate.actual.clone(), gate.limit.clone(), verdict]);
    }
    block("gates", &columns, console);
}

fn latency(summary: &Summary, console: &mut Console<'_>) {
    let head = ["stage", "phase", "count", "mean", "p50", "p99", "p99.9", "max"];
    let mut columns = Columns::new(&head).numbers_from(2);
    let cells = |stage: &str, phase: &str, one: &Quantiles| {
        let mut cells = vec![stage.to_owned(), phase.to_owned(), grouped(one.count)];
        let times = [one.mean_ms, one.p50_ms, one.p99_ms, one.p999_ms, one.max_ms];
        cells.extend(times.map(duration_ms));
        cells
    };
    for (name, stage) in summary.latency.iter().filter(|(_, stage)| stage.overall.count > 0) {
        columns.row(cells(name, "all", &stage.overall));
        // A run with one phase has nothing to compare.
        for (phase, quantiles) in
            stage.phases.iter().filter(|(_, one)| one.count < stage.overall.count)
        {
            columns.row(cells("", phase, quantiles));
        }
    }
    block("latency, from the intended time", &columns, console);
}

fn flows(summary: &Summary, console: &mut Console<'_>) {
    let mut columns = Columns::new(&["topic", "records/s", "MiB/s"]).numbers_from(1);
    for (topic, rate) in summary.throughput.iter() {
        let records = reports::number::rate(rate.records_per_s);
        columns.row([topic.to_owned(), records, format!("{:.2}", rate.mib_per_s)]);
    }
    block("throughput", &columns, console);
    let mut columns =
        Columns::new(&["group", "most behind", "oldest", "at the end"]).numbers_from(1);
    for (group, lag) in summary.lag.iter() {
        let oldest = duration_ms(lag.max_s * 1e3);
        columns.row([group.to_owned(), grouped(lag.max_records), oldest, grouped(lag.end_records)]);
    }
    block("lag, records", &columns, console);
}

fn resources(summary: &Summary, console: &mut Console<'_>) {
    let Some((_, first)) = summary.resources.iter().next() else { return };
    let names: Vec<String> = first.iter().map(|(name, _)| format!("{name} mean/max")).collect();
    let head: Vec<&str> = ["broker"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut columns = Columns::new(&head).numbers_from(1);
    for (broker, uses) in summary.resources.iter() {
        let shares = uses
            .iter()
            .map(|(_, share)| format!("{:.0}% / {:.0}%", share.mean * 100.0, share.max * 100.0));
        columns.row([broker.to_owned()].into_iter().chain(shares));
    }
    block("utilization", &columns, console);
}

fn costs(summary: &Summary, console: &mut Console<'_>) {
    let speed = summary.simulated_s / summary.wall_s.max(0.001);
    let text = format!(
        "{:.1} simulated seconds in {:.2} s by the clock on the wall ({speed:.0} times real time), {} events, trace {}, history {}",
        summary.simulated_s,
        summary.wall_s,
        grouped(summary.events),
        summary.digest,
        summary.history_digest,
    );
    console.line("");
    let text = console.paint(Paint::Faint, &text);
    console.line(&text);
}
