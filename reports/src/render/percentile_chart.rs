//! Latency by quantile, one line a phase, on a logarithmic scale.

use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, IntoLogRange, LineSeries, SVGBackend,
};

use super::chart::{self, SCALE};
use super::palette;
use crate::history::Phase;
use crate::metric::QUANTILES;
use crate::number;
use crate::summary::{Quantiles, StageLatency};

const DRAWN: &str = "drawing into a string cannot fail";

/// The quantiles in the order of [`QUANTILES`].
pub(super) const fn values(quantiles: &Quantiles) -> [f64; QUANTILES.len()] {
    [quantiles.p50_ms, quantiles.p90_ms, quantiles.p99_ms, quantiles.p999_ms, quantiles.p9999_ms]
}

/// The color of a phase, the same wherever one appears.
pub(super) const fn phase_series(phase: Phase) -> usize {
    match phase {
        Phase::Warmup => 6,
        Phase::Steady => 0,
        Phase::Fault => 1,
        Phase::Recovery => 2,
        Phase::Drain => 3,
    }
}

/// The range of latencies that charts side by side share: whole decades, ms.
pub(super) fn range<'a>(stages: impl Iterator<Item = &'a StageLatency>) -> (f64, f64) {
    let (mut low, mut high) = (f64::MAX, 0.0_f64);
    for quantiles in stages.flat_map(|stage| stage.phases.iter().map(|(_, one)| one)) {
        for value in values(quantiles) {
            low = low.min(value.max(0.001));
            high = high.max(value);
        }
    }
    if low > high {
        return (0.1, 10.0);
    }
    let decade = |value: f64| value.log10();
    let (low, high) = (decade(low).floor(), decade(high * 1.05).ceil());
    (10_f64.powf(low), 10_f64.powf(high.max(low + 1.0)))
}

/// The phases that charts show: the warm-up is in the tables only.
pub(super) const SHOWN: [Phase; 4] = [Phase::Steady, Phase::Fault, Phase::Recovery, Phase::Drain];

/// A chart of one stage, `width` by `height` page pixels.
pub(super) fn draw(
    stage: &StageLatency,
    (low, high): (f64, f64),
    (width, height): (u32, u32),
    description: &str,
) -> String {
    let mut svg = String::new();
    {
        let size = (width * SCALE, height * SCALE);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let last = QUANTILES.len() as i32 - 1;
        let mut chart = ChartBuilder::on(&area)
            .margin_right(30 * SCALE)
            .margin_top(10 * SCALE)
            .x_label_area_size(22 * SCALE)
            .y_label_area_size(chart::LEFT)
            .build_cartesian_2d(0..last, (low..high).log_scale())
            .expect(DRAWN);
        let name = |index: &i32| {
            let index = usize::try_from(*index).unwrap_or(0);
            QUANTILES.get(index).map_or_else(String::new, |quantile| quantile.name.to_owned())
        };
        chart
            .configure_mesh()
            .light_line_style(palette::GRID.mix(0.0))
            .bold_line_style(palette::GRID.stroke_width(SCALE))
            .axis_style(palette::AXIS.stroke_width(SCALE))
            .label_style(chart::text(11, palette::AXIS))
            .x_labels(QUANTILES.len())
            .y_labels(6)
            .x_label_formatter(&name)
            .y_label_formatter(&|ms| tick(*ms))
            .draw()
            .expect(DRAWN);
        for (index, phase) in (0_u32..).zip(SHOWN) {
            let Some(quantiles) = stage.phases.get(phase.name()) else { continue };
            let color = palette::series(phase_series(phase));
            let points = (0..).zip(values(quantiles)).map(|(x, ms): (i32, f64)| (x, ms.max(low)));
            // As in charts over time: thinner above, so that equal ones still show.
            let style = color.stroke_width(7 - index);
            chart.draw_series(LineSeries::new(points.clone(), style)).expect(DRAWN);
            let dots = points.map(|point| Circle::new(point, 10 - 2 * index, color.filled()));
            chart.draw_series(dots).expect(DRAWN);
        }
        area.present().expect(DRAWN);
    }
    chart::element(&svg, "chart over", description)
}

/// A tick in the unit that fits: `1 ms`, `10 s`, `500 us`.
pub(super) fn tick(ms: f64) -> String {
    match ms {
        _ if ms >= 1_000.0 => format!("{} s", number::tick(ms / 1e3)),
        _ if ms >= 0.999 => format!("{} ms", number::tick(ms)),
        _ => format!("{} \u{b5}s", number::tick(ms * 1e3)),
    }
}
