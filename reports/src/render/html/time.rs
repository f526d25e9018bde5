//! What happened over time: throughput, lag, replication and utilization on one time axis,
//! with the fault windows shaded.

use maud::{Markup, PreEscaped, html};

use super::legend;
use crate::metric::Resource;
use crate::number;
use crate::render::Report;
use crate::render::percentile_chart;
use crate::render::time_chart::{self, Fold, Line, TimeAxis, ValueAxis};

const LATENCY_TITLE: &str = "Latency end to end, at the time a record was intended";
const COUNTS: ValueAxis = ValueAxis { tick: number::tick, from: 0.0, at_least: 1.0, area: false };
const SECONDS: ValueAxis = ValueAxis { tick: seconds_tick, from: 0.0, at_least: 0.1, area: false };
const SHARES: ValueAxis = ValueAxis { tick: share_tick, from: 0.0, at_least: 1.0, area: false };

fn seconds_tick(value: f64) -> String {
    format!("{} s", number::tick(value))
}

fn share_tick(value: f64) -> String {
    if value > 1.001 { String::new() } else { number::percent(value) }
}

fn figure(title: &str, lines: &[Line], axis: TimeAxis<'_>, values: ValueAxis) -> Markup {
    figure_of(title, lines, axis, values, 150)
}

fn figure_of(
    title: &str,
    lines: &[Line],
    axis: TimeAxis<'_>,
    values: ValueAxis,
    height: u32,
) -> Markup {
    html! {
        figure {
            div.head {
                figcaption { (title) }
                @if lines.len() > 1 {
                    (legend(lines.iter().map(|line| line.label.as_str()).enumerate()))
                }
            }
            (PreEscaped(time_chart::draw(lines, axis, values, height, &format!("{title} over time"))))
        }
    }
}

/// A tick of an axis of powers of ten of milliseconds: only whole powers are told.
fn power_tick(value: f64) -> String {
    if (value - value.round()).abs() > 0.01 {
        return String::new();
    }
    percentile_chart::tick(10_f64.powf(value.round()))
}

/// Median and 99th percentile end to end in each cell, as powers of ten of milliseconds.
fn latency(report: &Report<'_>) -> Option<([Line; 2], ValueAxis)> {
    let series = report.recorder.latency().over_time();
    let step_s = series.step_ns() as f64 / 1e9;
    let line = |label: &str, parts: u32| {
        let points = (0..series.len()).filter_map(|cell| {
            let ms = series.quantile_ns(cell, parts)? as f64 / 1e6;
            Some(((cell as f64 + 0.5) * step_s, ms.max(0.001).log10()))
        });
        Line::through(label, points.collect())
    };
    let lines = [line("p50", 50_000), line("p99", 99_000)];
    let (low, _) = lines[0].range();
    let (_, high) = lines[1].range();
    if low > high {
        return None;
    }
    let (from, at_least) = (low.floor(), high.ceil().max(low.floor() + 1.0));
    Some((lines, ValueAxis { tick: power_tick, from, at_least, area: false }))
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
    brokers.map(|broker| Line::new(&broker.name, broker.of(resource), Fold::Mean, 1e-6)).collect()
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
                            @if let Some(from) = report.summary.load_from_s {
                                ", " (number::seconds(fault.start_ns as f64 / 1e9 - from)) " into the load"
                            }
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
    let boot_end_ns = report.timeline.boot_end_ns;
    let end_s = end_ns as f64 / 1e9;
    let axis = TimeAxis { end_s, faults: faults_in_force, phases: &phases, boot_end_ns };
    let latency = latency(report);
    let (records, age) = lag(report);
    let replication = [
        Line::new("short of a replica", &report.timeline.under_replicated, Fold::Max, 1.0),
        Line::new("below min.insync.replicas", &report.timeline.under_min_isr, Fold::Max, 1.0),
    ];
    html! {
        section {
            h2 { "Over time" }
            p.note {
                "Simulated seconds since boot"
                @if let Some(from) = report.summary.load_from_s {
                    "; the load phase, from which the scenario counts, begins at " (format!("{from:.3} s"))
                }
                ". Shaded: a fault is in force, numbered as listed."
            }
            (faults(report))
            figure { (PreEscaped(time_chart::phase_strip(axis))) }
            @if let Some((lines, values)) = &latency {
                (figure_of(LATENCY_TITLE, lines, axis, *values, 210))
            }
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
