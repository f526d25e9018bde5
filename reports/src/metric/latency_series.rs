//! Latency over time: quantiles of what was intended in each cell of the grid.
//!
//! By intended time, like every latency here: a record that was wanted during an outage and came
//! after it shows how long it took at the time when it was wanted.

use super::histogram::{VALUE_BITS, bucket_of, bucket_of_rank, end_of_bucket, grow, rank};

/// Each octave has `2^SUB_BITS` buckets: a value is told within 3%.
const SUB_BITS: u32 = 5;
const BUCKETS: usize = bucket_of((1 << VALUE_BITS) - 1, SUB_BITS) + 1;

/// Counts by bucket in each cell.
#[derive(Clone, Debug)]
pub struct LatencySeries {
    step_ns: u64,
    /// Whole octaves each, up to that of the largest value.
    cells: Vec<Vec<u32>>,
    /// The cell used last and where it begins: times come close to each other.
    last: (usize, u64),
}

impl Default for LatencySeries {
    fn default() -> Self {
        Self::new(100_000_000)
    }
}

impl LatencySeries {
    /// An empty series. Panics on a step of zero: a bug in the caller.
    pub(crate) fn new(step_ns: u64) -> Self {
        assert!(step_ns > 0, "a grid has a step");
        Self { step_ns, cells: Vec::new(), last: (0, 0) }
    }

    /// Counts a latency where it was intended.
    #[inline]
    pub(crate) fn record(&mut self, intended_ns: u64, ns: u64) {
        let (mut index, begins) = self.last;
        if intended_ns.wrapping_sub(begins) >= self.step_ns {
            let cell = intended_ns / self.step_ns;
            index = usize::try_from(cell).expect("a run has few cells");
            self.last = (index, cell * self.step_ns);
        }
        if index >= self.cells.len() {
            self.cells.resize(index + 1, Vec::new());
        }
        let cell = &mut self.cells[index];
        let bucket = bucket_of(ns, SUB_BITS).min(BUCKETS - 1);
        if bucket >= cell.len() {
            grow(cell, bucket, SUB_BITS);
        }
        cell[bucket] += 1;
    }

    /// Width of a cell, simulated ns.
    #[must_use]
    pub const fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// How many cells there are, up to the last one with a value.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The value that this share (parts of 100,000) of a cell's values does not exceed, ns, within
    /// 3%; none in a cell without values.
    #[must_use]
    pub fn quantile_ns(&self, cell: usize, parts: u32) -> Option<u64> {
        let buckets = self.cells.get(cell)?;
        let count: u64 = buckets.iter().map(|&one| u64::from(one)).sum();
        let rank = rank(count, parts);
        bucket_of_rank(buckets, rank).map(|bucket| end_of_bucket(bucket, SUB_BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::LatencySeries;
    use proptest::prelude::*;

    proptest! {
        /// The naive twin sorts.
        #[test]
        fn quantiles_of_a_cell_agree_with_sorting(
            values in prop::collection::vec((0_u64..40, 1_000_u64..1 << 40), 1..80),
            parts in 0_u32..=100_000,
        ) {
            let mut series = LatencySeries::new(10);
            values.iter().for_each(|&(at, ns)| series.record(at, ns));
            for cell in 0..5 {
                let mut there: Vec<u64> =
                    values.iter().filter(|(at, _)| at / 10 == cell).map(|&(_, ns)| ns).collect();
                there.sort_unstable();
                let rank = (there.len() * parts as usize).div_ceil(100_000).max(1);
                let expected = (!there.is_empty()).then(|| there[rank - 1]);
                let got = series.quantile_ns(cell as usize, parts);
                prop_assert_eq!(got.is_some(), expected.is_some());
                if let (Some(got), Some(expected)) = (got, expected) {
                    prop_assert!(got >= expected && got - expected <= expected / 32 + 1_024);
                }
            }
        }
    }
}
