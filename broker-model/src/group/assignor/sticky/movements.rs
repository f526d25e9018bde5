//! Which partitions moved from whom to whom, so that two members do not swap partitions of
//! one topic in vain.

use alloc::collections::{BTreeMap, BTreeSet};

/// From and to.
type Pair = (usize, usize);

/// Movements of one search.
#[derive(Default)]
pub(super) struct Movements {
    by_partition: BTreeMap<usize, Pair>,
    by_topic: BTreeMap<usize, BTreeMap<Pair, BTreeSet<usize>>>,
}

impl Movements {
    /// Moving `partition` on: the pair of its first and last member counts.
    pub(super) fn record(&mut self, topic: usize, partition: usize, from: usize, to: usize) {
        let first = match self.by_partition.remove(&partition) {
            None => from,
            Some(pair) => {
                let pairs = self.by_topic.get_mut(&topic).expect("recorded for both");
                let moved = pairs.get_mut(&pair).expect("recorded for both");
                moved.remove(&partition);
                if moved.is_empty() {
                    pairs.remove(&pair);
                }
                pair.0
            }
        };
        if first != to {
            self.by_partition.insert(partition, (first, to));
            let pairs = self.by_topic.entry(topic).or_default();
            pairs.entry((first, to)).or_default().insert(partition);
        }
    }

    /// The partition to move instead of `partition`: one that came the other way, if any did.
    pub(super) fn instead(&self, topic: usize, partition: usize, from: usize, to: usize) -> usize {
        let first = self.by_partition.get(&partition).map_or(from, |pair| pair.0);
        self.by_topic
            .get(&topic)
            .and_then(|pairs| pairs.get(&(to, first)))
            .and_then(|moved| moved.first().copied())
            .unwrap_or(partition)
    }
}
