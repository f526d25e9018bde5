//! The pipeline as a graph, left to right: services and topics, with rates.
//!
//! Layers by longest path, places within a layer by the mean place of the neighbors, and an
//! invisible node wherever an edge crosses a layer, so that long edges get lanes of their own.

mod layout;

use std::fmt::Write;

use crate::number;

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeKind {
    /// A service, or a load.
    Service,
    /// A topic.
    Topic,
    /// A store outside Kafka.
    Store,
}

/// A service, a topic or a store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// A few words below the name: `4 instances`, `12 partitions`.
    pub detail: String,
}

/// A flow from one node to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Index of its start.
    pub from: usize,
    /// Index of its end.
    pub to: usize,
    /// Records or calls per simulated second; none when nobody counted them apart.
    pub per_second: Option<u64>,
}

/// Services, topics, and what flows between them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Pipeline {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The flows.
    pub edges: Vec<Edge>,
}

/// Page pixels from one layer to the next.
const PITCH_X: f64 = 172.0;
/// Page pixels from one lane to the next.
const PITCH_Y: f64 = 74.0;
const NODE_WIDTH: f64 = 124.0;
const NODE_HEIGHT: f64 = 46.0;
const MARGIN: f64 = 8.0;

/// Draws it. Empty for an empty pipeline.
pub(super) fn draw(pipeline: &Pipeline) -> String {
    if pipeline.nodes.is_empty() {
        return String::new();
    }
    let layout = layout::of(pipeline);
    let width = (layout.layers as f64 - 1.0) * PITCH_X + NODE_WIDTH + 2.0 * MARGIN;
    let height = (layout.height - 1.0) * PITCH_Y + NODE_HEIGHT + 2.0 * MARGIN + 12.0;
    let most = pipeline.edges.iter().filter_map(|edge| edge.per_second).max().unwrap_or(0).max(1);
    // Short pipelines keep their natural size instead of being blown up to the page's width.
    let mut svg = format!(
        "<svg class=\"graph\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         style=\"max-width:{width:.0}px\" role=\"img\"><title>The pipeline: services and topics \
         from left to right</title>"
    );
    for (edge, lane) in pipeline.edges.iter().zip(&layout.lanes) {
        draw_edge(&mut svg, edge, lane, most);
    }
    for (edge, lane) in pipeline.edges.iter().zip(&layout.lanes) {
        draw_rate(&mut svg, edge, lane);
    }
    for (node, &(layer, y)) in pipeline.nodes.iter().zip(&layout.places) {
        draw_node(&mut svg, node, x_of(layer), y_of(y));
    }
    svg.push_str("</svg>");
    svg
}

fn x_of(layer: usize) -> f64 {
    MARGIN + layer as f64 * PITCH_X
}

fn y_of(lane: f64) -> f64 {
    MARGIN + 12.0 + lane * PITCH_Y + NODE_HEIGHT / 2.0
}

/// A curve through the lane's places; it runs level past the nodes of the layers it crosses.
fn draw_edge(svg: &mut String, edge: &Edge, lane: &[(usize, f64)], most: u64) {
    let (first, rest) = lane.split_first().expect("an edge has two ends");
    let mut x = x_of(first.0) + NODE_WIDTH;
    let mut y = y_of(first.1);
    let mut path = format!("M{x:.1} {y:.1}");
    for (index, &(layer, place)) in rest.iter().enumerate() {
        let (next_x, next_y) = (x_of(layer), y_of(place));
        let (one, two) = (x + (next_x - x) * 0.5, x + (next_x - x) * 0.5);
        let arrow = if index + 1 == rest.len() { 7.0 } else { 0.0 };
        let end = next_x - arrow;
        let _ = write!(path, " C{one:.1} {y:.1} {two:.1} {next_y:.1} {end:.1} {next_y:.1}");
        (x, y) = (next_x, next_y);
        if index + 1 < rest.len() {
            x += NODE_WIDTH;
            let _ = write!(path, " H{x:.1}");
        }
    }
    let share = edge.per_second.unwrap_or(0) as f64 / most as f64;
    let stroke = 1.2 + 2.6 * share;
    let _ = write!(svg, "<path class=\"edge\" d=\"{path}\" stroke-width=\"{stroke:.1}\"/>");
    let (tip, half) = (x, 4.5);
    let _ =
        write!(svg, "<path class=\"tip\" d=\"M{tip:.1} {y:.1} l-9 -{half} v{} z\"/>", 2.0 * half);
}

/// The rate, above the edge before it meets others.
fn draw_rate(svg: &mut String, edge: &Edge, lane: &[(usize, f64)]) {
    let Some(per_second) = edge.per_second else { return };
    let (layer, place) = lane[lane.len() - 1];
    let before = lane[lane.len() - 2].1;
    // An edge that crosses a layer runs level there, with nothing above it; else its label stands
    // between the two nodes.
    let (x, y) = if lane.len() > 2 {
        (x_of(layer) - PITCH_X + NODE_WIDTH / 2.0, y_of(before) - 7.0)
    } else {
        let middle = f64::midpoint(y_of(place), y_of(before));
        (x_of(layer) - (PITCH_X - NODE_WIDTH) / 2.0, middle - 7.0)
    };
    let rate = number::short(per_second as f64).replace(' ', "\u{a0}");
    let _ = write!(svg, "<text class=\"rate\" x=\"{x:.1}\" y=\"{y:.1}\">{rate}</text>");
}

fn draw_node(svg: &mut String, node: &Node, x: f64, y: f64) {
    let (class, round) = match node.kind {
        NodeKind::Service => ("service", 6.0),
        NodeKind::Topic => ("topic", NODE_HEIGHT / 2.0),
        NodeKind::Store => ("store", 0.0),
    };
    let (top, middle) = (y - NODE_HEIGHT / 2.0, x + NODE_WIDTH / 2.0);
    let _ = write!(
        svg,
        "<g class=\"node {class}\"><rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{NODE_WIDTH}\" \
         height=\"{NODE_HEIGHT}\" rx=\"{round}\"/>"
    );
    let name = escape(&node.name);
    // Long names are squeezed rather than cut: they are what a reader looks for.
    let fit = if node.name.chars().count() > 14 {
        format!(" textLength=\"{:.0}\" lengthAdjust=\"spacingAndGlyphs\"", NODE_WIDTH - 16.0)
    } else {
        String::new()
    };
    let (line, below) = (y - 3.0, y + 13.0);
    let _ = write!(
        svg,
        "<text class=\"name\" x=\"{middle:.1}\" y=\"{line:.1}\"{fit}>{name}</text>\
         <text class=\"detail\" x=\"{middle:.1}\" y=\"{below:.1}\">{}</text></g>",
        escape(&node.detail)
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
