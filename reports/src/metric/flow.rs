//! What flowed besides acknowledged records: calls of the load, and records that groups were given.

use crate::history::{PHASES, Phase};

/// Counts by [`Phase::index`].
pub type ByPhase = [u64; PHASES];

/// Counts of one run.
#[derive(Clone, Default, Debug)]
pub struct Flow {
    /// Calls that the load intended.
    pub offered: ByPhase,
    /// Records given to applications, each time counted, by group and topic.
    read: Vec<Vec<ByPhase>>,
}

impl Flow {
    pub(crate) fn read(&mut self, group: u32, topic: u32, phase: Phase, records: u64) {
        let (group, topic) = (group as usize, topic as usize);
        if group >= self.read.len() {
            self.read.resize(group + 1, Vec::new());
        }
        let topics = &mut self.read[group];
        if topic >= topics.len() {
            topics.resize(topic + 1, ByPhase::default());
        }
        topics[topic][phase.index()] += records;
    }

    /// Records of a topic that members of a group were given.
    #[must_use]
    pub fn of_group(&self, group: u32, topic: u32) -> ByPhase {
        let topics = self.read.get(group as usize);
        topics.and_then(|topics| topics.get(topic as usize)).copied().unwrap_or_default()
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
}
