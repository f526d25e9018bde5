//! A chart over simulated time, with the fault windows shaded.
//!
//! All of them share one time axis and one left margin, so that a dip in one and a peak in
//! another can be read off one below the other.

use plotters::prelude::{
    AreaSeries, ChartBuilder, Color, IntoDrawingArea, LineSeries, PathElement, Rectangle,
    SVGBackend, Text,
};

use super::chart::{self, SCALE};
use super::palette;
use super::percentile_chart::phase_series;
use crate::history::{Phase, PhaseSpan};
use crate::metric::{FaultWindow, Grid};
use crate::number;

/// Most points of a line; longer series are folded.
const POINTS_MAX: usize = 500;

/// The time axis that charts share.
#[derive(Clone, Copy)]
pub(super) struct TimeAxis<'a> {
    /// Where it ends, simulated seconds.
    pub(super) end_s: f64,
    /// Fault windows in order of their start.
    pub(super) faults: &'a [FaultWindow],
    /// The phases.
    pub(super) phases: &'a [PhaseSpan],
    /// Until when the cluster formed and no load ran, simulated ns.
    pub(super) boot_end_ns: u64,
}

/// How cells are folded into fewer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// Their mean: for rates.
    Mean,
    /// The largest: for levels.
    Max,
}

/// A line: points in (simulated seconds, value).
pub(super) struct Line {
    /// Its name in the legend.
    pub(super) label: String,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// A series as a line, each value times `factor`, with few enough points.
    pub(super) fn new(label: &str, grid: &Grid, fold: Fold, factor: f64) -> Self {
        let per_point = grid.cells().len().div_ceil(POINTS_MAX).max(1);
        let step_s = grid.step_ns() as f64 / 1e9;
        let point = |(index, cells): (usize, &[u64])| {
            let value = match fold {
                Fold::Mean => cells.iter().sum::<u64>() as f64 / cells.len() as f64,
                Fold::Max => cells.iter().copied().max().unwrap_or(0) as f64,
            };
            let middle = (index * per_point) as f64 + cells.len() as f64 / 2.0;
            (middle * step_s, value * factor)
        };
        let points = grid.cells().chunks(per_point).enumerate().map(point).collect();
        Self { label: label.to_owned(), points }
    }

    /// A line through these points.
    pub(super) fn through(label: &str, points: Vec<(f64, f64)>) -> Self {
        Self { label: label.to_owned(), points }
    }

    /// Its smallest and its largest value.
    pub(super) fn range(&self) -> (f64, f64) {
        let values = self.points.iter().map(|&(_, value)| value);
        values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    }

    fn max(&self) -> f64 {
        self.points.iter().map(|&(_, value)| value).fold(0.0, f64::max)
    }
}

/// What the vertical axis says.
#[derive(Clone, Copy)]
pub(super) struct ValueAxis {
    /// Ticks as text.
    pub(super) tick: fn(f64) -> String,
    /// Where it begins.
    pub(super) from: f64,
    /// The top is at least this.
    pub(super) at_least: f64,
    /// Shade below the first line.
    pub(super) area: bool,
}

const DRAWN: &str = "drawing into a string cannot fail";

/// A chart of these lines, `height` page pixels high.
pub(super) fn draw(
    lines: &[Line],
    axis: TimeAxis<'_>,
    values: ValueAxis,
    height: u32,
    description: &str,
) -> String {
    // Numbers of fault windows have a strip of their own above the lines.
    let room = if axis.faults.is_empty() { 1.08 } else { 1.22 };
    let bottom = values.from;
    let most = lines.iter().map(Line::max).fold(values.at_least, f64::max);
    let top = bottom + (most - bottom) * room;
    let end_s = axis.end_s.max(0.001);
    let mut svg = String::new();
    {
        let size = (chart::WIDTH, height * SCALE);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_right(chart::RIGHT)
            .margin_top(10 * SCALE)
            .x_label_area_size(22 * SCALE)
            .y_label_area_size(chart::LEFT)
            .build_cartesian_2d(0.0..end_s, bottom..top)
            .expect(DRAWN);
        for fault in axis.faults {
            let (from, to) = window(fault, end_s);
            let style = palette::WINDOW.filled();
            let shade = Rectangle::new([(from, bottom), (to, top)], style);
            chart.draw_series([shade]).expect(DRAWN);
        }
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(palette::GRID.mix(0.0))
            .bold_line_style(palette::GRID.stroke_width(SCALE))
            .axis_style(palette::AXIS.stroke_width(SCALE))
            .label_style(chart::text(11, palette::AXIS))
            .x_labels(11)
            .y_labels(5)
            .x_label_formatter(&|at| format!("{} s", number::tick(*at)))
            .y_label_formatter(&|value| (values.tick)(*value))
            .draw()
            .expect(DRAWN);
        for (number, fault) in (1..).zip(axis.faults) {
            let (from, to) = window(fault, end_s);
            let edge = palette::WINDOW_EDGE.stroke_width(SCALE);
            chart
                .draw_series([PathElement::new([(from, bottom), (from, top)], edge)])
                .expect(DRAWN);
            let style = chart::centered(11, palette::WINDOW_EDGE);
            let place = (f64::midpoint(from, to), bottom + (top - bottom) * 0.925);
            chart.draw_series([Text::new(format!("{number}"), place, style)]).expect(DRAWN);
        }
        for (index, line) in lines.iter().enumerate() {
            let color = palette::series(index);
            let points = || line.points.iter().copied();
            if values.area && index == 0 {
                let shade = AreaSeries::new(points(), bottom, color.mix(0.15));
                chart.draw_series(shade).expect(DRAWN);
            }
            // Each line is thinner than the one below it, and the style sheet breaks it into
            // shorter dashes, so that equal ones still show.
            let style = color.stroke_width(7_u32.saturating_sub(index as u32).max(3));
            chart.draw_series(LineSeries::new(points(), style)).expect(DRAWN);
        }
        area.present().expect(DRAWN);
    }
    chart::element(&svg, "chart over", description)
}

/// A window on the axis, at least wide enough to be seen.
fn window(fault: &FaultWindow, end_s: f64) -> (f64, f64) {
    let from = (fault.start_ns as f64 / 1e9).min(end_s);
    let to = (fault.end_ns as f64 / 1e9).clamp(from, end_s);
    (from, to.max((from + end_s / 500.0).min(end_s)))
}

/// The phases with their names; what comes before any load is the boot, not the warm-up.
fn bands(axis: TimeAxis<'_>) -> Vec<(PhaseSpan, &'static str)> {
    let mut bands = Vec::new();
    for span in axis.phases {
        let boot_end = axis.boot_end_ns.clamp(span.start_ns, span.end_ns);
        if span.phase != Phase::Warmup || boot_end == span.start_ns {
            bands.push((*span, span.phase.name()));
            continue;
        }
        bands.push((PhaseSpan { end_ns: boot_end, ..*span }, "boot"));
        if boot_end < span.end_ns {
            bands.push((PhaseSpan { start_ns: boot_end, ..*span }, span.phase.name()));
        }
    }
    bands
}

/// The phases as a strip on the same time axis.
pub(super) fn phase_strip(axis: TimeAxis<'_>) -> String {
    let end_s = axis.end_s.max(0.001);
    let mut svg = String::new();
    {
        let size = (chart::WIDTH, 24 * SCALE);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let width = chart::WIDTH - chart::LEFT - chart::RIGHT;
        let place = |ns: u64| {
            let share = (ns as f64 / 1e9 / end_s).clamp(0.0, 1.0);
            (f64::from(chart::LEFT) + share * f64::from(width)).round() as i32
        };
        let bottom = (22 * SCALE).cast_signed();
        for (span, name) in bands(axis) {
            let (from, to) = (place(span.start_ns), place(span.end_ns));
            let style = palette::series(phase_series(span.phase)).mix(0.22).filled();
            area.draw(&Rectangle::new([(from, 0), (to, bottom)], style)).expect(DRAWN);
            let edge = palette::series(phase_series(span.phase)).filled();
            let foot = [(from, bottom - 5), (to, bottom)];
            area.draw(&Rectangle::new(foot, edge)).expect(DRAWN);
            // A name of n letters is about 7 n page pixels wide.
            let room = (to - from) / SCALE.cast_signed();
            if room > 7 * i32::try_from(name.len()).expect("names are short") {
                let style = chart::centered(11, palette::INK);
                let middle = (i32::midpoint(from, to), bottom / 2 - 2);
                area.draw(&Text::new(name, middle, style)).expect(DRAWN);
            }
        }
        area.present().expect(DRAWN);
    }
    chart::element(&svg, "chart", "Phases of the run")
}
