//! The sticky partitioner for records without a key (KIP-794).

use super::super::murmur2::Spread;
use super::batch::BatchPool;
use super::partition::Partitions;
use super::ratio::RatioEstimate;

/// Where records without a key go at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sticky {
    /// Slot of the partition.
    pub(super) slot: u32,
    /// Bytes that went there since it was chosen.
    pub(super) produced: u32,
}

/// Lengths of the queues of a topic's partitions, turned into weights.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LoadTable {
    cumulative: Vec<u32>,
}

impl LoadTable {
    /// Turns queue lengths into a cumulative table of weights: a partition weighs the longest
    /// queue plus one, less its own queue. `partitions` counts those of the topic, which may be
    /// more than are given: the others are not available. `None` when a uniform choice does.
    #[must_use]
    pub fn new(queues: &[u32], partitions: usize) -> Option<Self> {
        let (&first, _) = queues.split_first()?;
        if partitions < 2 {
            return None;
        }
        if queues.len() == partitions && queues.iter().all(|&q| q == first) {
            return None;
        }
        let heaviest = queues.iter().max().map_or(1, |&longest| longest + 1);
        let mut sum = 0;
        let cumulative = queues
            .iter()
            .map(|&queue| {
                sum += heaviest - queue;
                sum
            })
            .collect();
        Some(Self { cumulative })
    }

    /// Which of the partitions given a random number falls on.
    #[must_use]
    pub fn choose(&self, random: u32) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(1);
        let at = random % total;
        self.cumulative.partition_point(|&edge| edge <= at)
    }

    /// The table, for comparison with Kafka's.
    #[must_use]
    pub fn cumulative(&self) -> &[u32] {
        &self.cumulative
    }
}

/// Whether the sticky partitioner moves on: after `batch_size` bytes, but while the last batch
/// is open only after twice as many.
#[must_use]
pub const fn switches(produced: u32, batch_size: u32, last_batch_full: bool) -> bool {
    (produced >= batch_size && last_batch_full) || produced >= batch_size.saturating_mul(2)
}

/// What the partitioner knows of a topic.
#[derive(Clone, Debug, Default)]
pub(super) struct TopicState {
    /// Version of the metadata the lists come from; 0 is none yet.
    pub(super) version: u32,
    /// Slots of all partitions by their number.
    pub(super) slots: Vec<u32>,
    /// Over them.
    pub(super) spread: Spread,
    /// Slots of those with a leader.
    pub(super) available: Vec<u32>,
    pub(super) sticky: Option<Sticky>,
    /// How well its records compress.
    pub(super) ratio: RatioEstimate,
}

impl TopicState {
    /// The weights as of ready check number `check`, with the slots they stand for. `excluded`
    /// tells which partitions with a queue wait for a node that takes nothing. As in Java
    /// (`RecordAccumulator.partitionReady`) the place that such a one leaves in the table goes to
    /// the next one, which keeps the length it finds there unless it has a queue of its own.
    pub(super) fn load(
        &self,
        partitions: &Partitions,
        check: u64,
        excluded: impl Fn(u32) -> bool,
    ) -> Option<(LoadTable, Vec<u32>)> {
        if self.slots.iter().any(|&slot| partitions.get(slot).started_at >= check) {
            return None;
        }
        let mut slots = Vec::with_capacity(self.slots.len());
        let mut queues = Vec::with_capacity(self.slots.len());
        let mut left = 0;
        for &slot in self.slots.iter().filter(|slot| self.available.contains(slot)) {
            let (seen, queue) = partitions.get(slot).seen;
            let queued = seen == check && queue > 0;
            if queued && excluded(slot) {
                left = queue;
                continue;
            }
            let found = std::mem::take(&mut left);
            slots.push(slot);
            queues.push(if queued { queue } else { found });
        }
        LoadTable::new(&queues, self.slots.len()).map(|table| (table, slots))
    }
}

/// Whether the last batch of a queue takes no more records (or there is none).
pub(super) fn all_full(
    partitions: &Partitions,
    pool: &BatchPool,
    config: &super::config::ProducerConfig,
    slot: u32,
) -> bool {
    partitions.get(slot).queue.back().is_none_or(|&last| pool.get(last).is_full(config))
}

#[cfg(test)]
mod tests {
    use super::{LoadTable, switches};

    #[test]
    fn shorter_queues_weigh_more() {
        let table = LoadTable::new(&[0, 3, 1], 3).expect("the queues differ");
        assert_eq!(table.cumulative(), [4, 5, 8]);
        let chosen: Vec<usize> = (0..9).map(|n| table.choose(n)).collect();
        assert_eq!(chosen, [0, 0, 0, 0, 1, 2, 2, 2, 0]);
        assert_eq!(LoadTable::new(&[2, 2], 2), None, "equal queues need no weights");
        assert!(LoadTable::new(&[2], 2).is_some(), "one of two is not available");
    }

    #[test]
    fn an_open_batch_delays_the_switch() {
        assert!(switches(100, 100, true));
        assert!(!switches(199, 100, false));
        assert!(switches(200, 100, false));
    }
}
