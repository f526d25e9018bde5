//! Colors that a color-blind reader can tell apart, as stand-ins.
//!
//! Charts are drawn in these exact colors, which look right by themselves; the page's style
//! sheet maps each of them to a variable, so that one drawing serves light, dark and print.

use plotters::style::RGBColor;

/// Text.
pub(super) const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xe2, 0xe5, 0xe9);
/// Axes and tick labels.
pub(super) const AXIS: RGBColor = RGBColor(0x6a, 0x73, 0x7d);
/// Fault windows.
pub(super) const WINDOW: RGBColor = RGBColor(0xf6, 0xd9, 0xc4);
/// Edges and numbers of fault windows.
pub(super) const WINDOW_EDGE: RGBColor = RGBColor(0xb4, 0x53, 0x09);

/// Lines: after Okabe and Ito, darkened where the original is too light for a thin line.
pub(super) const SERIES: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xaa, 0x44, 0x99),
    RGBColor(0xc9, 0x8a, 0x00),
    RGBColor(0x3b, 0xa3, 0xd9),
    RGBColor(0x66, 0x66, 0x66),
    RGBColor(0x7a, 0x1f, 0x3d),
];

/// Color of the n-th line.
pub(super) const fn series(index: usize) -> RGBColor {
    SERIES[index % SERIES.len()]
}

/// `#0072B2`, as the SVG backend writes it.
pub(super) fn hex(color: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}

/// Style rules that map each stand-in to a variable: fills and strokes of charts.
pub(super) fn style_rules() -> String {
    let named = [
        (INK, "--ink".to_owned()),
        (GRID, "--grid".to_owned()),
        (AXIS, "--muted".to_owned()),
        (WINDOW, "--window".to_owned()),
        (WINDOW_EDGE, "--window-edge".to_owned()),
    ];
    let lines = (0..).zip(SERIES).map(|(index, color): (usize, _)| (color, format!("--s{index}")));
    let rule = |(color, variable): (RGBColor, String)| {
        let hex = hex(color);
        format!(
            ".chart [fill=\"{hex}\"]{{fill:var({variable})}}\
             .chart [stroke=\"{hex}\"]{{stroke:var({variable})}}\n"
        )
    };
    // Where lines lie on each other, what is below shows in the gaps of what is above.
    let dashes =
        SERIES.into_iter().zip(["", "30 9", "20 12", "10 10", "5 9", "16 8 3 8", "3 6", "8 4"]);
    let dash = |(color, dashes): (RGBColor, &str)| {
        let hex = hex(color);
        format!(".over polyline[stroke=\"{hex}\"]{{stroke-dasharray:{dashes}}}\n")
    };
    let dashes = dashes.filter(|(_, dashes)| !dashes.is_empty()).map(dash);
    named.into_iter().chain(lines).map(rule).chain(dashes).collect()
}
