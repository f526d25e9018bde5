//! What all charts share: size, fonts, and the frame around the drawing.
//!
//! Charts are drawn at twice their size on the page, because the SVG backend rounds to whole
//! pixels.

use plotters::prelude::{IntoFont, RGBColor, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Drawn pixels for one on the page.
pub(super) const SCALE: u32 = 2;
/// Width of a full chart, drawn pixels.
pub(super) const WIDTH: u32 = 1_000 * SCALE;
/// Room for the labels left of a chart, drawn pixels; the same for all, so that time axes
/// line up.
pub(super) const LEFT: u32 = 62 * SCALE;
/// Room right of a chart, drawn pixels.
pub(super) const RIGHT: u32 = 12 * SCALE;

/// The style of text of this many pixels on the page, anchored at its left.
pub(super) fn text(size: u32, color: RGBColor) -> TextStyle<'static> {
    // The SVG backend divides sizes by 1.24.
    let size = f64::from(size * SCALE) * 1.24;
    ("sans-serif", size).into_font().color(&color)
}

/// The same, anchored at its middle.
pub(super) fn centered(size: u32, color: RGBColor) -> TextStyle<'static> {
    text(size, color).pos(Pos::new(HPos::Center, VPos::Center))
}

/// Turns a finished drawing into an element of the page: fixed sizes go, a role and a
/// description for screen readers come, and the classes for its style.
pub(super) fn element(svg: &str, class: &str, description: &str) -> String {
    let start = svg.find("<svg").unwrap_or(0);
    let end = svg[start..].find('>').map_or(svg.len(), |at| start + at + 1);
    let view_box = svg[start..end]
        .split_once("viewBox=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("0 0 100 100", |(view_box, _)| view_box);
    let description = description.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<svg class=\"{class}\" viewBox=\"{view_box}\" role=\"img\"><title>{description}</title>{}",
        &svg[end..]
    )
}
