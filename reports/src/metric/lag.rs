//! Lag per group, in records and in age, sampled on the grid.

use super::grid::Grid;
use crate::history::{PHASES, Phase};

/// One group's.
#[derive(Clone, Debug)]
pub struct GroupLag {
    /// Largest number of records behind, by [`Phase::index`].
    pub max_records: [u64; PHASES],
    /// Largest age of the oldest record behind, ns, by [`Phase::index`].
    pub max_age_ns: [u64; PHASES],
    /// Records behind, largest in each cell.
    pub records: Grid,
    /// Age in milliseconds, largest in each cell.
    pub age_ms: Grid,
    /// The last sample.
    pub end_records: u64,
    /// When that was, simulated ns.
    pub end_ns: u64,
}

/// Every group's, by group id.
#[derive(Clone, Default, Debug)]
pub struct Lag {
    grid: Grid,
    groups: Vec<Option<GroupLag>>,
}

impl Lag {
    pub(crate) fn new(grid_ns: u64) -> Self {
        Self { grid: Grid::new(grid_ns), groups: Vec::new() }
    }

    pub(crate) fn sample(
        &mut self,
        group: u32,
        phase: Phase,
        records: u64,
        age_ns: u64,
        at_ns: u64,
    ) {
        let index = group as usize;
        if index >= self.groups.len() {
            self.groups.resize(index + 1, None);
        }
        let lag = self.groups[index].get_or_insert_with(|| GroupLag {
            max_records: [0; PHASES],
            max_age_ns: [0; PHASES],
            records: self.grid.clone(),
            age_ms: self.grid.clone(),
            end_records: 0,
            end_ns: 0,
        });
        let phase = phase.index();
        lag.max_records[phase] = lag.max_records[phase].max(records);
        lag.max_age_ns[phase] = lag.max_age_ns[phase].max(age_ns);
        lag.records.level(at_ns, records);
        lag.age_ms.level(at_ns, age_ns / 1_000_000);
        lag.end_records = records;
        lag.end_ns = at_ns;
    }

    /// A group's, if it was sampled.
    #[must_use]
    pub fn group(&self, id: u32) -> Option<&GroupLag> {
        self.groups.get(id as usize)?.as_ref()
    }
}
