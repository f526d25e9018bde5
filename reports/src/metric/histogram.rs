//! A log-linear histogram in the manner of HdrHistogram, with a fixed layout.
//!
//! Values are nanoseconds, kept in units of 1.024 us up to 0.5 ms and within 0.4% above,
//! up to 2.4 hours. One shift and one addition a value; the tests hold it against the
//! hdrhistogram crate.

/// Values are kept in units of `2^UNIT_BITS` ns.
const UNIT_BITS: u32 = 10;
/// Each octave has `2^SUB_BITS` buckets.
const SUB_BITS: u32 = 8;
/// Values of this many bits are counted as the largest one.
pub(super) const VALUE_BITS: u32 = 43;
const BUCKETS: usize = bucket((1 << VALUE_BITS) - 1) + 1;

/// A quantile in parts of 100,000, with the name it has in reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantile {
    /// Parts of 100,000.
    pub parts: u32,
    /// `p99.9`.
    pub name: &'static str,
}

/// The quantiles that reports show.
pub const QUANTILES: [Quantile; 5] = [
    Quantile { parts: 50_000, name: "p50" },
    Quantile { parts: 90_000, name: "p90" },
    Quantile { parts: 99_000, name: "p99" },
    Quantile { parts: 99_900, name: "p99.9" },
    Quantile { parts: 99_990, name: "p99.99" },
];

const fn bucket(ns: u64) -> usize {
    bucket_of(ns, SUB_BITS)
}

/// The bucket of a value where each octave has `2^sub_bits` of them.
pub(super) const fn bucket_of(ns: u64, sub_bits: u32) -> usize {
    let value = ns >> UNIT_BITS;
    let octave = (u64::BITS - (value | 1).leading_zeros()).saturating_sub(sub_bits + 1);
    ((octave as usize) << sub_bits) + (value >> octave) as usize
}

/// The largest value that falls into a bucket.
const fn bucket_end(bucket: usize) -> u64 {
    end_of_bucket(bucket, SUB_BITS)
}

/// The same where each octave has `2^sub_bits` buckets.
pub(super) const fn end_of_bucket(bucket: usize, sub_bits: u32) -> u64 {
    let octave = (bucket >> sub_bits).saturating_sub(1) as u32;
    let sub = (bucket - ((octave as usize) << sub_bits)) as u64;
    (((sub + 1) << octave) << UNIT_BITS) - 1
}

/// Makes room for a bucket with the rest of its octave: most values are far from the largest that
/// could be, and an array for all of them is slow to clear.
#[cold]
pub(super) fn grow(buckets: &mut Vec<u32>, index: usize, sub_bits: u32) {
    let len = ((index >> sub_bits) + 1) << sub_bits;
    buckets.reserve_exact(len - buckets.len());
    buckets.resize(len, 0);
}

/// Of so many values, the rank of the smallest that this share does not exceed, counted from 1.
pub(super) fn rank(count: u64, parts: u32) -> u64 {
    (u128::from(count) * u128::from(parts)).div_ceil(100_000).max(1) as u64
}

/// Buckets that are added up before one looks.
const STRIDE: usize = 64;

/// The chunk of buckets that holds the value of this rank, by its first bucket, with how many values
/// come before it. Begins at a chunk that is known not to lie behind.
fn chunk_of_rank(buckets: &[u32], rank: u64, known: (usize, u64)) -> (usize, u64) {
    let (mut from, mut before) = known;
    for counts in buckets[from.min(buckets.len())..].chunks(STRIDE) {
        let here: u64 = counts.iter().map(|&one| u64::from(one)).sum();
        if before + here >= rank {
            break;
        }
        before += here;
        from += STRIDE;
    }
    (from, before)
}

fn bucket_in_chunk(buckets: &[u32], rank: u64, (from, before): (usize, u64)) -> Option<usize> {
    let mut seen = before;
    let reaches = |&one: &u32| {
        seen += u64::from(one);
        seen >= rank
    };
    buckets.get(from..)?.iter().take(STRIDE).position(reaches).map(|place| from + place)
}

/// The bucket of the value of this rank, counted from 1.
pub(super) fn bucket_of_rank(buckets: &[u32], rank: u64) -> Option<usize> {
    bucket_in_chunk(buckets, rank, chunk_of_rank(buckets, rank, (0, 0)))
}

/// Counts by bucket, with exact count, sum, smallest and largest value.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Histogram {
    /// Whole octaves, up to that of the largest value.
    buckets: Vec<u32>,
    count: u64,
    sum_ns: u128,
    max_ns: u64,
}

impl Histogram {
    /// Counts a value.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        let index = bucket(ns).min(BUCKETS - 1);
        if index >= self.buckets.len() {
            grow(&mut self.buckets, index, SUB_BITS);
        }
        self.buckets[index] += 1;
        self.count += 1;
        self.sum_ns += u128::from(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Counts some values.
    #[inline]
    pub(super) fn record_all(&mut self, values: impl Iterator<Item = u64> + Clone) {
        let Some(largest) = values.clone().max() else { return };
        let top = bucket(largest).min(BUCKETS - 1);
        if top >= self.buckets.len() {
            grow(&mut self.buckets, top, SUB_BITS);
        }
        let (mut count, mut sum) = (0, 0);
        for ns in values {
            self.buckets[bucket(ns).min(top)] += 1;
            count += 1;
            sum += u128::from(ns);
        }
        self.count += count;
        self.sum_ns += sum;
        self.max_ns = self.max_ns.max(largest);
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// How many values.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean, ns, rounded down; 0 without values.
    #[must_use]
    pub fn mean_ns(&self) -> u64 {
        self.sum_ns.checked_div(u128::from(self.count)).unwrap_or(0) as u64
    }

    /// The largest value, ns; 0 without values.
    #[must_use]
    pub const fn max_ns(&self) -> u64 {
        self.max_ns
    }

    /// The smallest value that at least this share of values does not exceed, ns, within the
    /// width of a bucket; 0 without values.
    #[must_use]
    pub fn quantile_ns(&self, parts: u32) -> u64 {
        self.quantiles_ns([parts])[0]
    }

    /// Several quantiles, by ascending shares, in one walk.
    #[must_use]
    pub fn quantiles_ns<const N: usize>(&self, parts: [u32; N]) -> [u64; N] {
        let (mut from, mut before) = (0, 0);
        parts.map(|parts| {
            let rank = rank(self.count, parts);
            (from, before) = chunk_of_rank(&self.buckets, rank, (from, before));
            let index = bucket_in_chunk(&self.buckets, rank, (from, before));
            index.map_or(self.max_ns, |index| bucket_end(index).min(self.max_ns))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram, QUANTILES, bucket, bucket_end};
    use proptest::prelude::*;

    #[test]
    fn buckets_tile_the_range() {
        assert_eq!(bucket(0), 0);
        for index in 0..BUCKETS {
            let end = bucket_end(index);
            assert_eq!(bucket(end), index);
            assert_eq!(bucket(end + 1), index + 1, "after {end}");
        }
    }

    #[test]
    fn an_empty_one_is_all_zeros() {
        let empty = Histogram::default();
        assert_eq!((empty.count(), empty.mean_ns(), empty.quantile_ns(99_000)), (0, 0, 0));
    }

    #[test]
    fn a_value_beyond_the_range_still_counts() {
        let mut histogram = Histogram::default();
        histogram.record(u64::MAX);
        assert_eq!(histogram.max_ns(), u64::MAX);
        assert_eq!(histogram.count(), 1);
    }

    proptest! {
        #[test]
        fn quantiles_agree_with_hdrhistogram(
            values in prop::collection::vec(1_u64..400_000_000_000, 1..300),
        ) {
            let mut ours = Histogram::default();
            let mut reference = hdrhistogram::Histogram::<u64>::new(4).expect("a valid precision");
            for &value in &values {
                ours.record(value);
                reference.record(value).expect("it resizes itself");
            }
            for quantile in QUANTILES {
                let expected = reference.value_at_quantile(f64::from(quantile.parts) / 1e5);
                let got = ours.quantile_ns(quantile.parts);
                let all = ours.quantiles_ns(QUANTILES.map(|one| one.parts));
                prop_assert!(all.contains(&got) && all.is_sorted());
                let tolerance = 1_100 + expected / 200;
                prop_assert!(got.abs_diff(expected) <= tolerance, "{got} against {expected}");
            }
            prop_assert_eq!(ours.max_ns(), values.iter().copied().max().unwrap_or(0));
        }

        #[test]
        fn merging_equals_recording_all(
            first in prop::collection::vec(0_u64..1 << 40, 0..50),
            second in prop::collection::vec(0_u64..1 << 40, 0..50),
        ) {
            let of = |values: &[u64]| {
                let mut histogram = Histogram::default();
                values.iter().for_each(|&value| histogram.record(value));
                histogram
            };
            let mut merged = of(&first);
            merged.merge(&of(&second));
            let all = [first.clone(), second.clone()].concat();
            prop_assert_eq!(merged, of(&all));
            let mut at_once = of(&first);
            at_once.record_all(second.iter().copied());
            prop_assert_eq!(at_once, of(&all));
        }
    }
}
