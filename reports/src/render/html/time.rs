//! What happened over time: throughput, lag, replication and utilization on one time axis,
//! with the fault windows shaded.

use maud::{Markup, PreEscaped, html};

use super::legend;
use crate::metric::Resource;
use crate::number;
use crate::render::Report;
use crate::render::time_chart::{self, Fold, Line, TimeAxis, ValueAxis};

const COUNTS: ValueAxis = ValueAxis { tick: number::tick, at_least: 1.0, area: false };
const SECONDS: ValueAxis = ValueAxis { tick: seconds_tick, at_least: 0.1, area: false };
const SHARES: ValueAxis = ValueAxis { tick: share_tick, at_least: 1.0, area: false };

fn seconds_tick(value: f64) -> String {
    format!("{} s", number::tick(value))
}

fn share_tick(value: f64) -> String {
    if value > 1.001 { String::new() } else { number::percent(value) }
}

fn figure(title: &str, lines: &[Line], axis: TimeAxis<'_>, values: ValueAxis) -> Markup {
    html! {
        figure {
            div.head {
                figcaption { (title) }
                @if lines.len() > 1 {
                    (legend(lines.iter().map(|line| line.label.as_str()).enumerate()))
                }
            }
            (PreEscaped(time_chart::draw(lines, axis, values, 150, &format!("{title} over time"))))
        }
    }
}

fn throughput(report: &Report<'_>) -> Vec<Line> {
    let recorder = report.recorder;
    let topics = recorder.topology().topics().filter_map(|(id, topic)| {
        let series = &recorder.throughput().topic(id)?.series;
        let per_second = 1e9 / series.step_ns() as f64;
        Some(Line::new(&topic.name, series, Fold::Mean, per_second))
    });
    topics.collect()
}

/// Lag in records, and in seconds.
fn lag(report: &Report<'_>) -> (Vec<Line>, Vec<Line>) {
    let recorder = report.recorder;
    let groups = recorder.topology().groups().filter_map(|(id, group)| {
        let lag = recorder.group_lag().group(id)?;
        let records = Line::new(&group.name, &lag.records, Fold::Max, 1.0);
        Some((records, Line::new(&group.name, &lag.age_ms, Fold::Max, 1e-3)))
    });
    groups.unzip()
}

fn utilization(report: &Report<'_>, resource: Resource) -> Vec<Line> {
    let brokers = report.timeline.brokers.iter();
    brokers
        .map(|broker| {
            let ppm = &broker.utilization_ppm[resource as usize];
            Line::new(&broker.name, ppm, Fold::Mean, 1e-6)
        })
        .collect()
}

fn faults(report: &Report<'_>) -> Markup {
    html! {
        @if !report.timeline.faults.is_empty() {
            ol.faults {
                @for fault in &report.timeline.faults {
                    li {
                        (fault.label)
                        span.when {
                            (number::seconds(fault.start_ns as f64 / 1e9)) " to "
                            (number::seconds(fault.end_ns as f64 / 1e9))
                        }
                    }
                }
            }
        }
    }
}

const fn name(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "CPU",
        Resource::Network => "Network",
        Resource::Disk => "Disk",
    }
}

fn brokers(report: &Report<'_>, axis: TimeAxis<'_>) -> Markup {
    let summary = report.summary;
    html! {
        section {
            h2 { "Brokers" }
            @for resource in Resource::ALL {
                (figure(name(resource), &utilization(report, resource), axis, SHARES))
            }
            table {
                thead {
                    tr {
                        th { "Broker" }
                        @for resource in Resource::ALL {
                            th.n { (name(resource)) " mean" } th.n { (name(resource)) " peak" }
                        }
                    }
                }
                tbody {
                    @for (broker, uses) in summary.resources.iter() {
                        tr {
                            td { (broker) }
                            @for (_, one) in uses.iter() {
                                td.n { (number::percent(one.mean)) }
                                td.n { (number::percent(one.max)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn section(report: &Report<'_>) -> Markup {
    let end_ns = report.recorder.end_ns();
    let phases = report.recorder.phases().spans(end_ns);
    let faults_in_force = &report.timeline.faults;
    let axis = TimeAxis { end_s: end_ns as f64 / 1e9, faults: faults_in_force, phases: &phases };
    let (records, age) = lag(report);
    let replication = [
        Line::new("short of a replica", &report.timeline.under_replicated, Fold::Max, 1.0),
        Line::new("below min.insync.replicas", &report.timeline.under_min_isr, Fold::Max, 1.0),
    ];
    html! {
        section {
            h2 { "Over time" }
            p.note { "Simulated seconds since the start. Shaded: a fault is in force, numbered as listed." }
            (faults(report))
            figure { (PreEscaped(time_chart::phase_strip(axis))) }
            (figure("Acknowledged records per second", &throughput(report), axis, COUNTS))
            (figure("Lag in records", &records, axis, COUNTS))
            (figure("Lag in seconds", &age, axis, SECONDS))
            (figure(
                "Partitions without their full ISR",
                &replication,
                axis,
                ValueAxis { area: true, ..COUNTS },
            ))
        }
        @if !report.timeline.brokers.is_empty() {
            (brokers(report, axis))
        }
    }
}
