//! Latency per stage and end to end: small charts side by side on one scale, and the table.

use maud::{Markup, PreEscaped, html};

use super::legend;
use crate::metric::END_TO_END;
use crate::number;
use crate::render::percentile_chart;
use crate::summary::{Quantiles, StageLatency, Summary};

/// A stage's name for people.
fn title(name: &str) -> String {
    if name == END_TO_END { "End to end".to_owned() } else { name.replace('_', " ") }
}

/// The whole pipeline first, then the stages as declared.
fn ordered(summary: &Summary) -> Vec<(&str, &StageLatency)> {
    let mut stages: Vec<_> = summary.latency.iter().collect();
    stages.sort_by_key(|(name, _)| *name != END_TO_END);
    stages
}

fn cells(one: &Quantiles) -> Markup {
    let times = percentile_chart::values(one);
    html! {
        td.n { (number::grouped(one.count)) }
        td.n { (number::duration_ms(one.mean_ms)) }
        @for ms in times { td.n { (number::duration_ms(ms)) } }
        td.n { (number::duration_ms(one.max_ms)) }
    }
}

fn table(stages: &[(&str, &StageLatency)]) -> Markup {
    html! {
        table.latency {
            thead {
                tr {
                    th { "Stage" } th { "Phase" } th.n { "Records" } th.n { "Mean" }
                    @for quantile in crate::metric::QUANTILES { th.n { (quantile.name) } }
                    th.n { "Max" }
                }
            }
            @for (name, stage) in stages {
                tbody {
                    tr.all {
                        th rowspan=(stage.phases.0.len() + 1) { (title(name)) }
                        td { "all" }
                        (cells(&stage.overall))
                    }
                    @for (phase, one) in stage.phases.iter() {
                        tr { td { (phase) } (cells(one)) }
                    }
                }
            }
        }
    }
}

pub(super) fn section(summary: &Summary) -> Markup {
    let stages = ordered(summary);
    if stages.is_empty() {
        return html! {};
    }
    let range = percentile_chart::range(stages.iter().map(|(_, stage)| *stage));
    let shown = percentile_chart::SHOWN
        .into_iter()
        .filter(|phase| stages.iter().any(|(_, stage)| stage.phases.get(phase.name()).is_some()));
    html! {
        section {
            h2 { "Latency" }
            p.note {
                "From the instant the load intended a record, so waiting before a send counts. A "
                "record that met a fault on its way counts for the fault phase. \u{201c}All\u{201d} leaves "
                "the warm-up out, and so do the charts. Logarithmic scale, the same for every stage."
            }
            (legend(shown.map(|phase| (percentile_chart::phase_series(phase), phase.name()))))
            div.grid {
                @for (name, stage) in &stages {
                    figure class=[(*name == END_TO_END).then_some("whole")] {
                        figcaption { (title(name)) }
                        (PreEscaped(percentile_chart::draw(
                            stage,
                            range,
                            if *name == END_TO_END { (1_000, 240) } else { (490, 200) },
                            &format!("Latency quantiles of {} by phase", title(name)),
                        )))
                    }
                }
            }
            (table(&stages))
        }
    }
}
