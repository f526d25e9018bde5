//! Checks and invariants, worst first, with the evidence of those that failed.

use maud::{Markup, html};

use super::badge;
use crate::checker::{Finding, Verdict, Violation};
use crate::number;
use crate::summary::Summary;

/// Where and when a violation was seen: ` (orders-3, offset 7, at 12.4 s)`, or nothing.
#[must_use]
pub(in crate::render) fn place(violation: &Violation) -> String {
    let offset = violation.offset.map(|offset| format!("offset {offset}"));
    let at = violation.at_ns.map(|ns| format!("at {:.6} s", ns as f64 / 1e9));
    let parts: Vec<String> =
        [violation.partition.clone(), offset, at].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn evidence(finding: &Finding) -> Markup {
    let hidden = finding.violations.saturating_sub(finding.evidence.len() as u64);
    html! {
        table.evidence {
            thead { tr { th { "Anomaly" } th { "What" } th { "Partition" } th.n { "Offset" } th.n { "Time" } } }
            tbody {
                @for one in &finding.evidence {
                    tr {
                        td { code { (one.anomaly.name()) } }
                        td { (one.text) }
                        td { (one.partition.as_deref().unwrap_or("")) }
                        td.n { @if let Some(offset) = one.offset { (offset) } }
                        td.n { @if let Some(ns) = one.at_ns { (format!("{:.6} s", ns as f64 / 1e9)) } }
                    }
                }
            }
        }
        @if hidden > 0 { p.note { "and " (number::grouped(hidden)) " more" } }
    }
}

fn findings(findings: &[Finding]) -> Markup {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    html! {
        table.checks {
            tbody {
                @for finding in sorted {
                    tr {
                        td.verdict { (badge(finding.verdict)) }
                        td.name { code { (finding.name) } }
                        td { (finding.detail) }
                    }
                    @if !finding.evidence.is_empty() {
                        tr.more { td colspan="3" { (evidence(finding)) } }
                    }
                }
            }
        }
    }
}

fn counted(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|one| one.verdict == verdict).count();
    let (held, off) = (count(Verdict::Pass), count(Verdict::Off));
    let judged = findings.len() - off;
    if off == 0 {
        format!("{held} of {judged} hold")
    } else {
        format!("{held} of {judged} hold, {off} switched off")
    }
}

pub(super) fn section(summary: &Summary) -> Markup {
    html! {
        section {
            h2 { "Checks " small { (counted(&summary.checks)) } }
            p.note { "Judged by what clients saw; an unknown outcome is neither success nor failure." }
            (findings(&summary.checks))
            @if !summary.invariants.is_empty() {
                h3 { "Invariants inside the cluster " small { (counted(&summary.invariants)) } }
                (findings(&summary.invariants))
            }
            @if !summary.hazards.is_empty() {
                h3 { "Hazards " small { "no failure, but look at them" } }
                table.checks {
                    tbody {
                        @for hazard in &summary.hazards {
                            tr {
                                td.n { (hazard.count) " times" }
                                td.name { code { (hazard.name) } }
                                td { (hazard.first) (format!(" (first at {:.6} s)", hazard.at_s)) }
                            }
                        }
                    }
                }
            }
            @if !summary.warnings.is_empty() {
                h3 { "Warnings " small { "what Kafka accepts of the configuration and hurts" } }
                table.checks {
                    tbody {
                        @for warning in &summary.warnings {
                            tr {
                                td.name { code { (warning.name) } }
                                td { (warning.text) " (" code { (warning.path) } ", " (warning.source) ")" }
                            }
                        }
                    }
                }
            }
        }
    }
}
