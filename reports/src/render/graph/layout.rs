//! Places for nodes and lanes for edges.

use super::Pipeline;

/// Where everything goes.
pub(super) struct Layout {
    /// How many layers.
    pub(super) layers: usize,
    /// How many lanes the fullest layer needs.
    pub(super) height: f64,
    /// Layer and lane of each node.
    pub(super) places: Vec<(usize, f64)>,
    /// The places each edge passes, both ends included.
    pub(super) lanes: Vec<Vec<(usize, f64)>>,
}

/// A real node or the place where an edge crosses a layer.
struct Stop {
    layer: usize,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// How often layers are re-ordered by their neighbors; more changes nothing in practice. Odd,
/// so that the last sweep runs with the flow and ends lie beside what feeds them.
const SWEEPS: usize = 9;

/// Lays a pipeline out. An edge against the flow (a cycle) does not move nodes.
pub(super) fn of(pipeline: &Pipeline) -> Layout {
    let layer = layers(pipeline);
    let count = layer.iter().max().map_or(1, |last| last + 1);
    let mut stops: Vec<Stop> =
        layer.iter().map(|&layer| Stop { layer, before: Vec::new(), after: Vec::new() }).collect();
    let mut paths = Vec::new();
    for edge in &pipeline.edges {
        let mut path = vec![edge.from];
        for between in layer[edge.from] + 1..layer[edge.to] {
            stops.push(Stop { layer: between, before: Vec::new(), after: Vec::new() });
            path.push(stops.len() - 1);
        }
        path.push(edge.to);
        for pair in path.windows(2) {
            stops[pair[0]].after.push(pair[1]);
            stops[pair[1]].before.push(pair[0]);
        }
        paths.push(path);
    }
    let y = lanes(&stops, count, pipeline.nodes.len());
    let height = y.iter().copied().fold(0.0, f64::max) + 1.0;
    let place = |stop: usize| (stops[stop].layer, y[stop]);
    Layout {
        layers: count,
        height,
        places: (0..pipeline.nodes.len()).map(place).collect(),
        lanes: paths.iter().map(|path| path.iter().map(|&stop| place(stop)).collect()).collect(),
    }
}

/// The layer of each node: the longest path that leads to it.
fn layers(pipeline: &Pipeline) -> Vec<usize> {
    let mut layer = vec![0; pipeline.nodes.len()];
    // As many rounds as nodes settle every path; a cycle just stops there.
    for _ in 0..pipeline.nodes.len() {
        for edge in &pipeline.edges {
            let after = (layer[edge.from] + 1).min(pipeline.nodes.len() - 1);
            layer[edge.to] = layer[edge.to].max(after);
        }
    }
    layer
}

/// The lane of each stop.
fn lanes(stops: &[Stop], layers: usize, nodes: usize) -> Vec<f64> {
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); layers];
    for (index, stop) in stops.iter().enumerate() {
        order[stop.layer].push(index);
    }
    let mut y = vec![0.0; stops.len()];
    settle(&order, &mut y);
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        for step in 0..layers {
            let layer = if forward { step } else { layers - 1 - step };
            let mean = |stop: &usize| {
                let near = if forward { &stops[*stop].before } else { &stops[*stop].after };
                let sum: f64 = near.iter().map(|&other| y[other]).sum();
                if near.is_empty() { y[*stop] } else { sum / near.len() as f64 }
            };
            let mut keyed: Vec<(f64, usize)> =
                order[layer].iter().map(|stop| (mean(stop), *stop)).collect();
            // Nodes before crossings at the same height, so that the main line stays on top.
            keyed.sort_by(|one, two| {
                one.0.total_cmp(&two.0).then((one.1 >= nodes).cmp(&(two.1 >= nodes)))
            });
            order[layer] = keyed.into_iter().map(|(_, stop)| stop).collect();
            settle(&order[layer..=layer], &mut y);
        }
    }
    let most = order.iter().map(Vec::len).max().unwrap_or(1) as f64;
    for layer in &order {
        let shift = (most - layer.len() as f64) / 2.0;
        // Layers with one stop are centered, fuller ones keep whole lanes about the middle.
        for &stop in layer {
            y[stop] += shift;
        }
    }
    y
}

/// Numbers the stops of each layer from the top.
fn settle(order: &[Vec<usize>], y: &mut [f64]) {
    for layer in order {
        for (lane, &stop) in layer.iter().enumerate() {
            y[stop] = lane as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::render::{Edge, Node, NodeKind, Pipeline};

    fn pipeline(nodes: usize, edges: &[(usize, usize)]) -> Pipeline {
        let node = |index| Node {
            name: format!("n{index}"),
            kind: NodeKind::Service,
            detail: String::new(),
        };
        let edge = |&(from, to)| Edge { from, to, per_second: Some(1) };
        Pipeline { nodes: (0..nodes).map(node).collect(), edges: edges.iter().map(edge).collect() }
    }

    #[test]
    fn a_chain_is_level_and_a_detour_has_a_lane() {
        let layout = of(&pipeline(4, &[(0, 1), (1, 2), (2, 3), (0, 3)]));
        let layers: Vec<usize> = layout.places.iter().map(|place| place.0).collect();
        assert_eq!(layers, [0, 1, 2, 3]);
        let detour = &layout.lanes[3];
        assert_eq!(detour.len(), 4, "one place in each layer");
        for (place, node) in detour.iter().zip(&layout.places).skip(1).take(2) {
            assert!((place.1 - node.1).abs() >= 1.0, "the detour runs past the nodes");
        }
    }

    #[test]
    fn a_cycle_ends() {
        let layout = of(&pipeline(3, &[(0, 1), (1, 2), (2, 0)]));
        assert_eq!(layout.places.len(), 3);
        assert!(layout.lanes.iter().all(|lane| lane.len() >= 2));
    }

    #[test]
    fn nodes_of_one_layer_do_not_overlap() {
        let layout = of(&pipeline(6, &[(0, 2), (1, 2), (2, 3), (2, 4), (2, 5), (0, 5)]));
        for (index, one) in layout.places.iter().enumerate() {
            for other in &layout.places[index + 1..] {
                assert!(one.0 != other.0 || (one.1 - other.1).abs() >= 1.0);
            }
        }
    }
}
