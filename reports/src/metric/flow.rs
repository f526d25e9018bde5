//! What flowed: calls of the load, rows that were committed, records of which producer were
//! acknowledged, and records that groups were given.

use crate::history::{PHASES, Phase, TableId};

/// Counts by [`Phase::index`].
pub type ByPhase = [u64; PHASES];

/// Counts of one run.
#[derive(Clone, Default, Debug)]
pub struct Flow {
    /// Calls that the load intended.
    pub offered: ByPhase,
    /// Records given to applications, each time counted, by group and topic.
    read: Table,
    /// Records acknowledged to producers, by instance and topic.
    sent: Table,
    /// Rows committed, by table.
    rows: Vec<ByPhase>,
}

/// Counts by two numbers, both small.
type Table = Vec<Vec<ByPhase>>;

fn add(table: &mut Table, (row, column): (u32, u32), phase: Phase, count: u64) {
    let (row, column) = (row as usize, column as usize);
    if row >= table.len() {
        table.resize(row + 1, Vec::new());
    }
    let cells = &mut table[row];
    if column >= cells.len() {
        cells.resize(column + 1, ByPhase::default());
    }
    cells[column][phase.index()] += count;
}

fn cell(table: &Table, (row, column): (u32, u32)) -> ByPhase {
    let cells = table.get(row as usize);
    cells.and_then(|cells| cells.get(column as usize)).copied().unwrap_or_default()
}

impl Flow {
    pub(crate) fn read(&mut self, group: u32, topic: u32, phase: Phase, records: u64) {
        add(&mut self.read, (group, topic), phase, records);
    }

    pub(crate) fn sent(&mut self, instance: u32, topic: u32, phase: Phase, records: u64) {
        add(&mut self.sent, (instance, topic), phase, records);
    }

    pub(crate) fn committed(&mut self, table: TableId, phase: Phase, rows: u64) {
        let index = table.0 as usize;
        if index >= self.rows.len() {
            self.rows.resize(index + 1, ByPhase::default());
        }
        self.rows[index][phase.index()] += rows;
    }

    /// Records of a topic that members of a group were given.
    #[must_use]
    pub fn of_group(&self, group: u32, topic: u32) -> ByPhase {
        cell(&self.read, (group, topic))
    }

    /// Records of a topic that were acknowledged to producers of a service's instance.
    #[must_use]
    pub fn of_instance(&self, instance: u32, topic: u32) -> ByPhase {
        cell(&self.sent, (instance, topic))
    }

    /// Rows that were committed to a table.
    #[must_use]
    pub fn of_table(&self, table: TableId) -> ByPhase {
        self.rows.get(table.0 as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Flow;
    use crate::history::Phase;

    #[test]
    fn groups_and_topics_are_apart() {
        let mut flow = Flow::default();
        flow.read(2, 1, Phase::Steady, 5);
        flow.read(2, 1, Phase::Drain, 7);
        flow.read(0, 1, Phase::Steady, 3);
        let of = |group, topic| flow.of_group(group, topic)[Phase::Steady.index()];
        assert_eq!((of(2, 1), of(0, 1), of(2, 0), of(9, 9)), (5, 3, 0, 0));
        assert_eq!(flow.of_group(2, 1)[Phase::Drain.index()], 7);
    }

    #[test]
    fn each_producer_of_a_topic_has_its_own_count() {
        let mut flow = Flow::default();
        flow.sent(0, 1, Phase::Steady, 5);
        flow.sent(3, 1, Phase::Steady, 2);
        let of = |instance| flow.of_instance(instance, 1)[Phase::Steady.index()];
        assert_eq!([of(0), of(1), of(3), of(9)], [5, 0, 2, 0]);
    }
}
