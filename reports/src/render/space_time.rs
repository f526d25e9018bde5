//! A space-time diagram: a lane for each node, time from top to bottom, messages as arrows.
//!
//! Time is not to scale: whatever has a label has a row of its own, quiet spans are short and
//! marked. Everything is told by shapes and words too, so that it can be read without color.

use std::fmt::Write;

use crate::number;
use crate::story::{Arrow, Line, Mark, MarkKind, Picture, Span, SpanKind};

const WIDTH: f64 = 1_080.0;
/// Left of the lanes: times.
const MARGIN: f64 = 92.0;
const HEAD: f64 = 34.0;
const ROW: f64 = 21.0;
/// Between ends of arrows, which have no label.
const STEP: f64 = 4.0;
/// Nothing happens for so long: the axis is broken.
const QUIET_NS: u64 = 200_000_000;
const QUIET_HEIGHT: f64 = 18.0;
/// Mean width of a character of a label.
const CHARACTER: f64 = 6.1;

/// What takes a place on the time axis.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum What {
    Arrival(usize),
    Edge,
    Mark(usize),
    Departure(usize),
    Line(usize),
}

struct Place {
    at: u64,
    what: What,
    y: f64,
}

struct Layout {
    places: Vec<Place>,
    /// Middles of quiet spans with their lengths.
    quiet: Vec<(f64, u64)>,
    height: f64,
    pitch: f64,
}

impl Layout {
    fn of(picture: &Picture) -> Self {
        let mut places: Vec<(u64, What)> = Vec::new();
        for (index, arrow) in picture.arrows.iter().enumerate() {
            places.push((arrow.sent, What::Departure(index)));
            places.extend(arrow.arrived.map(|at| (at, What::Arrival(index))));
        }
        let marks = picture.marks.iter().enumerate();
        places.extend(marks.map(|(index, mark)| (mark.at, What::Mark(index))));
        let lines = picture.lines.iter().enumerate();
        places.extend(lines.map(|(index, line)| (line.at, What::Line(index))));
        for span in &picture.spans {
            places.push((span.from, What::Edge));
            places.extend(span.until.map(|at| (at, What::Edge)));
        }
        places.sort_unstable();
        let (mut y, mut quiet, mut before) = (HEAD, Vec::new(), None);
        let mut placed = Vec::with_capacity(places.len());
        for (at, what) in places {
            // Where a bar begins or ends is no event of its own.
            if what == What::Edge {
                placed.push(Place { at, what, y });
                continue;
            }
            let gap = before.map_or(0, |before: u64| at - before);
            if gap > QUIET_NS {
                quiet.push((y + QUIET_HEIGHT / 2.0 + 4.0, gap));
                y += QUIET_HEIGHT;
            }
            y += match what {
                What::Mark(_) | What::Departure(_) | What::Line(_) => ROW,
                What::Arrival(_) | What::Edge => STEP,
            };
            placed.push(Place { at, what, y });
            before = Some(at);
        }
        let pitch = (WIDTH - MARGIN) / picture.lanes.len().max(1) as f64;
        Self { places: placed, quiet, height: y + ROW, pitch }
    }

    fn x(&self, lane: usize) -> f64 {
        MARGIN + (lane as f64 + 0.5) * self.pitch
    }

    fn y(&self, what: What) -> f64 {
        self.places.iter().find(|place| place.what == what).map_or(HEAD, |place| place.y)
    }

    /// Where a time is on the axis.
    fn y_at(&self, at: u64) -> f64 {
        let mut events = self.places.iter().filter(|place| place.what != What::Edge);
        let next = events.find(|place| place.at >= at);
        next.map_or(self.height, |place| place.y)
    }
}

/// Draws it; `about` is what the story explains. Empty for an empty picture.
pub(super) fn draw(picture: &Picture, about: &str) -> String {
    if picture.lanes.is_empty() {
        return String::new();
    }
    let layout = Layout::of(picture);
    let height = layout.height;
    let mut svg = format!(
        "<svg class=\"map\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\">\
         <title>Space-time diagram: {}</title><desc>{}</desc>",
        escape(about),
        escape(&described(picture))
    );
    svg.push_str(
        "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M0 0V6\"/></pattern></defs>",
    );
    draw_lanes(&mut svg, picture, &layout);
    for span in &picture.spans {
        draw_span(&mut svg, span, &layout);
    }
    // Words stand above everything that is drawn.
    let mut words = String::new();
    for (index, line) in picture.lines.iter().enumerate() {
        draw_line(&mut svg, &mut words, line, layout.y(What::Line(index)));
    }
    for (index, arrow) in picture.arrows.iter().enumerate() {
        draw_arrow(&mut svg, &mut words, arrow, index, &layout);
    }
    for (index, mark) in picture.marks.iter().enumerate() {
        draw_mark(&mut svg, &mut words, mark, index, &layout);
    }
    draw_times(&mut svg, picture, &layout);
    svg.push_str(&words);
    svg.push_str("</svg>");
    svg
}

/// The text alternative.
fn described(picture: &Picture) -> String {
    let lost = picture.arrows.iter().filter(|arrow| arrow.arrived.is_none()).count();
    let late = picture.arrows.iter().filter(|arrow| arrow.late).count();
    format!(
        "Lanes from left to right: {}. Time runs from top to bottom and is not to scale. {} messages \
         are drawn, {late} late and {lost} that never arrived.",
        picture.lanes.join(", "),
        picture.arrows.len(),
    )
}

fn draw_lanes(svg: &mut String, picture: &Picture, layout: &Layout) {
    for (lane, name) in picture.lanes.iter().enumerate() {
        let x = layout.x(lane);
        let (top, bottom) = (HEAD - 8.0, layout.height);
        let _ = write!(
            svg,
            "<text class=\"lane\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>\
             <path class=\"life\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>",
            HEAD - 16.0,
            escape(name)
        );
    }
}

fn draw_span(svg: &mut String, span: &Span, layout: &Layout) {
    let x = layout.x(span.lane);
    let from = layout.y_at(span.from);
    let until = span.until.map_or(layout.height, |at| layout.y_at(at)).max(from + 3.0);
    let height = until - from;
    let (class, left, width) = match span.kind {
        SpanKind::Leads => ("leads", x - 4.0, 8.0),
        SpanKind::Down => ("down", x - 4.0, 8.0),
        SpanKind::Fault => ("fault", x - 13.0, 5.0),
    };
    let fill = if span.kind == SpanKind::Down { " fill=\"url(#hatch)\"" } else { "" };
    let _ = write!(
        svg,
        "<rect class=\"{class}\"{fill} x=\"{left:.1}\" y=\"{from:.1}\" width=\"{width}\" \
         height=\"{height:.1}\"><title>{}</title></rect>",
        escape(&span.label)
    );
}

fn draw_line(svg: &mut String, words: &mut String, line: &Line, y: f64) {
    let class = if line.parting { "parting" } else { "violated" };
    let at = y + 5.0;
    let _ = write!(svg, "<g class=\"{class}\"><path d=\"M{MARGIN:.1} {at:.1}H{WIDTH:.1}\"/></g>");
    let _ = write!(
        words,
        "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        MARGIN + 6.0,
        y + 1.0,
        escape(&fitted(&line.label, (WIDTH - MARGIN) * 0.85))
    );
}

fn draw_arrow(svg: &mut String, words: &mut String, arrow: &Arrow, index: usize, layout: &Layout) {
    let (from, y) = (layout.x(arrow.from), layout.y(What::Departure(index)));
    let to = layout.x(arrow.to);
    let way = if to >= from { 1.0 } else { -1.0 };
    let class = match (arrow.arrived, arrow.late) {
        (None, _) => "arrow lost",
        (Some(_), true) => "arrow late",
        (Some(_), false) => "arrow",
    };
    let _ = write!(svg, "<g class=\"{class}\">");
    match arrow.arrived {
        Some(_) => {
            let end = layout.y(What::Arrival(index)).max(y + 2.0);
            let tip = to - way * 5.0;
            let _ = write!(svg, "<path d=\"M{from:.1} {y:.1}L{tip:.1} {end:.1}\"/>");
            draw_tip(svg, (from, y), (tip, end));
        }
        None => {
            let (x, end) = (from + (to - from) * 0.6, y + 6.0);
            let _ = write!(
                svg,
                "<path d=\"M{from:.1} {y:.1}L{x:.1} {end:.1}\"/>\
                 <path class=\"cross\" d=\"M{:.1} {:.1}l8 8m0 -8l-8 8\"/>",
                x - 4.0,
                end - 4.0
            );
        }
    }
    let (x, anchor, room) = if way > 0.0 {
        (from + 8.0, "start", WIDTH - from - 12.0)
    } else {
        (from - 8.0, "end", from - MARGIN - 12.0)
    };
    svg.push_str("</g>");
    let _ = write!(
        words,
        "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
        y - 4.0,
        escape(&fitted(&arrow.label, room))
    );
}

/// The head of an arrow.
fn draw_tip(svg: &mut String, (from_x, from_y): (f64, f64), (x, y): (f64, f64)) {
    let (dx, dy) = (x - from_x, y - from_y);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    let (back_x, back_y) = (x - 8.0 * ux, y - 8.0 * uy);
    let _ = write!(
        svg,
        "<path class=\"tip\" d=\"M{x:.1} {y:.1}L{:.1} {:.1}L{:.1} {:.1}Z\"/>",
        back_x - 3.6 * uy,
        back_y + 3.6 * ux,
        back_x + 3.6 * uy,
        back_y - 3.6 * ux
    );
}

fn draw_mark(svg: &mut String, words: &mut String, mark: &Mark, index: usize, layout: &Layout) {
    let (x, y) = (layout.x(mark.lane), layout.y(What::Mark(index)));
    let (class, shape) = match mark.kind {
        MarkKind::Fault => ("strike", format!("M{:.1} {:.1}l10 10m0 -10l-10 10", x - 5.0, y - 9.0)),
        MarkKind::Start => ("start", format!("M{x:.1} {:.1}l6 9h-12z", y - 9.0)),
        MarkKind::Event => {
            ("event", format!("M{:.1} {:.1}a4 4 0 1 1 8 0a4 4 0 1 1 -8 0", x - 4.0, y - 4.0))
        }
        MarkKind::Cut => ("cut", format!("M{:.1} {:.1}h16v4h-16z", x - 8.0, y - 6.0)),
    };
    let width = mark.label.chars().count() as f64 * CHARACTER;
    let right = WIDTH - x - 14.0;
    let (text_x, anchor, room) = if width <= right || right >= x - MARGIN {
        (x + 12.0, "start", right)
    } else {
        (x - 16.0, "end", x - MARGIN - 16.0)
    };
    let _ = write!(svg, "<g class=\"mark {class}\"><path d=\"{shape}\"/></g>");
    let _ = write!(
        words,
        "<text class=\"{class}\" x=\"{text_x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
        escape(&fitted(&mark.label, room))
    );
}

/// Times of what has a label, each once, and quiet spans.
fn draw_times(svg: &mut String, picture: &Picture, layout: &Layout) {
    let mut told = String::new();
    for place in layout.places.iter().filter(|p| !matches!(p.what, What::Arrival(_) | What::Edge)) {
        let into_load = place.at as f64 - picture.load_from.unwrap_or(0) as f64;
        let time = format!("{:.3} s", into_load / 1e9);
        if time != told {
            let _ = write!(
                svg,
                "<text class=\"time\" x=\"{:.1}\" y=\"{:.1}\">{time}</text>",
                MARGIN - 10.0,
                place.y
            );
            told = time;
        }
    }
    for (y, gap) in &layout.quiet {
        let text = number::duration_ms(*gap as f64 / 1e6);
        let _ = write!(
            svg,
            "<g class=\"quiet\"><path d=\"M{MARGIN:.1} {y:.1}H{WIDTH:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{text} later</text></g>",
            MARGIN - 10.0,
            y + 4.0
        );
    }
}

/// As much of a label as there is room for.
fn fitted(label: &str, room: f64) -> String {
    let most = (room / CHARACTER).max(8.0) as usize;
    if label.chars().count() <= most {
        return label.to_owned();
    }
    let mut text: String = label.chars().take(most.saturating_sub(1)).collect();
    text.push('\u{2026}');
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::story::{Arrow, Line, Mark, MarkKind, Picture, Span, SpanKind};

    /// A request that is answered late, after its sender was cut off.
    fn picture() -> Picture {
        let second = 1_000_000_000;
        let arrow = |from, to, sent: u64, arrived: Option<u64>, late, label: &str| Arrow {
            from,
            to,
            sent,
            arrived,
            late,
            label: label.to_owned(),
        };
        Picture {
            lanes: vec!["broker 1".to_owned(), "order/0 & co".to_owned()],
            arrows: vec![
                arrow(1, 0, second, Some(second + 1_000_000), false, "Produce record 7"),
                arrow(0, 1, second + 2_000_000, Some(3 * second), true, "stored at 7"),
                arrow(1, 0, second + 3_000_000, None, false, "Produce record 8"),
            ],
            marks: vec![Mark {
                lane: 0,
                at: second + 1_500_000,
                kind: MarkKind::Fault,
                label: "cut off".to_owned(),
            }],
            spans: vec![Span {
                lane: 0,
                from: 0,
                until: Some(2 * second),
                kind: SpanKind::Leads,
                label: "leads in epoch 0".to_owned(),
            }],
            lines: vec![Line { at: 3 * second, parting: true, label: "HERE".to_owned() }],
            load_from: Some(second / 2),
            ..Picture::default()
        }
    }

    #[test]
    fn a_drawing_has_its_parts_and_their_texts() {
        // One element a line.
        insta::assert_snapshot!("space_time", draw(&picture(), "lost <7>").replace("><", ">\n<"));
    }

    #[test]
    fn quiet_time_takes_little_room_and_is_marked() {
        let svg = draw(&picture(), "lost");
        assert_eq!(svg.matches("class=\"quiet\"").count(), 1);
        assert!(svg.contains("2.00 s later") && svg.contains("0.500 s"), "{svg}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(draw(&Picture::default(), "lost"), "");
    }
}
