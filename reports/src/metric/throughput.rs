//! Throughput per topic: what was acknowledged, per phase and on the grid.

use super::grid::Grid;
use crate::history::{PHASES, Phase};

/// One topic's.
#[derive(Clone, Debug)]
pub struct TopicThroughput {
    /// Acknowledged records by [`Phase::index`].
    pub records: [u64; PHASES],
    /// Acknowledged bytes by [`Phase::index`], as on the wire.
    pub bytes: [u64; PHASES],
    /// Acknowledged records in each cell.
    pub series: Grid,
}

/// Every topic's, by topic id.
#[derive(Clone, Default, Debug)]
pub struct Throughput {
    grid: Grid,
    topics: Vec<TopicThroughput>,
}

impl Throughput {
    pub(crate) fn new(grid_ns: u64) -> Self {
        Self { grid: Grid::new(grid_ns), topics: Vec::new() }
    }

    pub(crate) fn add(&mut self, topic: u32, phase: Phase, at_ns: u64, records: u64, bytes: u64) {
        let index = topic as usize;
        if index >= self.topics.len() {
            let (records, bytes, series) = ([0; PHASES], [0; PHASES], self.grid.clone());
            self.topics.resize(index + 1, TopicThroughput { records, bytes, series });
        }
        let topic = &mut self.topics[index];
        topic.records[phase.index()] += records;
        topic.bytes[phase.index()] += bytes;
        topic.series.add(at_ns, records);
    }

    /// A topic's, if anything was acknowledged.
    #[must_use]
    pub fn topic(&self, id: u32) -> Option<&TopicThroughput> {
        self.topics.get(id as usize)
    }
}
