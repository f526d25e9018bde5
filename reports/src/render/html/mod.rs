//! The page: one file, nothing loaded from elsewhere, fit for screen, dark screen and paper.
//!
//! From the answer to its reasons: verdict and gates, what happened in a run that failed, the
//! pipeline, what happened over time with
//! latency first, the brokers, latency by phase and stage, the checks with evidence, the configuration, the model's limits.

mod checks;
mod latency;
mod settings;
mod story;
mod time;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

pub(super) use checks::place;
pub use verdict::sentence;

use super::{Report, graph, palette};
use crate::checker::Verdict;

const STYLE: &str = include_str!("style.css");

/// The verdict as a colored word.
fn badge(verdict: Verdict) -> Markup {
    let word = match verdict {
        Verdict::Off => "Off",
        Verdict::Pass => "Pass",
        Verdict::Fail => "Fail",
        Verdict::Inconclusive => "Inconclusive",
    };
    markup! { span class={ "badge " (verdict.name()) } { (word) } }
}

/// A legend: a swatch and a name each, in the order and colors of the lines.
fn legend<'a>(entries: impl Iterator<Item = (usize, &'a str)>) -> Markup {
    markup! {
        ul.legend {
            @for (series, name) in entries {
                li { i style={ "background:var(--s" (series % palette::SERIES.len()) ")" } {} (name) }
            }
        }
    }
}

/// The page of a run.
#[must_use]
pub fn html(report: &Report<'_>) -> String {
    let summary = report.summary;
    let title = format!("{}: {}", summary.headline(), summary.scenario);
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(palette::style_rules())) }
            }
            body {
                main {
                    (verdict::section(report))
                    (story::section(summary))
                    @if !report.pipeline.nodes.is_empty() {
                        section {
                            h2 { "Pipeline" }
                            p.note {
                                "Services are boxes, topics are rounded. Figures are means per second "
                                "over the load after its warm-up: from a load the calls it offers, into a "
                                "topic the records acknowledged, from a topic the records that the service "
                                "was given. What is read after the load has ended is not in them."
                            }
                            figure.wide { (PreEscaped(graph::draw(report.pipeline))) }
                        }
                    }
                    (time::section(report))
                    (latency::section(summary))
                    (checks::section(summary))
                    (settings::section(report))
                    footer {
                        p { "Trace digest " code { (summary.digest) } ", history digest "
                            code { (summary.history_digest) } ". The same program, scenario and "
                            "seed give the same digests." }
                    }
                }
            }
        }
    };
    page.into_string()
}
