//! Tables by dense partition id.

use broker_model::types::PartitionId;

/// A value for each partition, made when first asked for.
#[derive(Clone, Debug)]
pub(super) struct ByPartition<T> {
    values: Vec<T>,
}

impl<T> Default for ByPartition<T> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<T> ByPartition<T> {
    /// The partition's value, if it was asked for before.
    pub(super) fn get(&self, partition: PartitionId) -> Option<&T> {
        self.values.get(partition.index())
    }
}

impl<T: Default> ByPartition<T> {
    /// The partition's value.
    pub(super) fn of(&mut self, partition: PartitionId) -> &mut T {
        let index = partition.index();
        if self.values.len() <= index {
            self.values.resize_with(index + 1, T::default);
        }
        &mut self.values[index]
    }
}
