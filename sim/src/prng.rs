//! Randomness: one ChaCha8 stream for each purpose and actor, our own frozen sampling.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of draws that belongs to one purpose of one actor.
///
/// Streams are derived from the seed and a stable name, so that adding an actor does not
/// reshuffle the draws of the others.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream with this name under this seed.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let mut key = [0_u8; 32];
        let mut state = mix(seed ^ 0x6173_7369_7a65_0001);
        for byte in name.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        for chunk in key.chunks_exact_mut(8) {
            state = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
            chunk.copy_from_slice(&state.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..n`. Panics if `n` is zero: a bug in us.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "a draw needs at least one outcome");
        scale(self.bits(), n)
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "a range runs upwards");
        match (high - low).checked_add(1) {
            Some(n) => low + self.below(n),
            None => self.bits(),
        }
    }

    /// Whether an event of `numerator / denominator` happens.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }
}

/// A bijective mixer (splitmix64's finalizer), for draws keyed by connection and counter.
#[must_use]
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Maps 64 random bits onto `0..n` by multiplication; the bias is below `n / 2^64`.
#[must_use]
pub const fn scale(bits: u64, n: u64) -> u64 {
    ((bits as u128 * n as u128) >> 64) as u64
}

/// Equally likely values, of which 64 random bits choose one.
///
/// Of 32 bits each where all of them fit: tables of some thousand values are read at random, all
/// the time and several in turn, and so take half as much of a cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcomes {
    /// All below 2^32.
    Narrow(Arc<[u32]>),
    /// Any.
    Wide(Arc<[u64]>),
}

impl Outcomes {
    /// These values. Panics without any: a bug in us.
    #[must_use]
    pub fn new(values: &[u64]) -> Self {
        assert!(!values.is_empty(), "a distribution has at least one value");
        let narrow: Option<Arc<[u32]>> = values.iter().map(|&v| u32::try_from(v).ok()).collect();
        narrow.map_or_else(|| Self::Wide(values.into()), Self::Narrow)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Narrow(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }

    /// One by its place.
    #[must_use]
    #[inline]
    pub fn get(&self, place: usize) -> u64 {
        match self {
            Self::Narrow(values) => u64::from(values[place]),
            Self::Wide(values) => values[place],
        }
    }

    /// The one that these random bits choose.
    #[must_use]
    #[inline]
    pub fn at(&self, bits: u64) -> u64 {
        match self {
            Self::Narrow(values) => u64::from(values[scale(bits, values.len() as u64) as usize]),
            Self::Wide(values) => values[scale(bits, values.len() as u64) as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcomes, Stream};

    #[test]
    fn outcomes_are_the_same_in_either_width() {
        let small: Vec<u64> = (0..100).map(|n| n * 40_000_000).collect();
        let large: Vec<u64> = small.iter().map(|n| n + (1 << 32)).collect();
        let (narrow, wide) = (Outcomes::new(&small), Outcomes::new(&large));
        assert!(matches!(narrow, Outcomes::Narrow(_)) && matches!(wide, Outcomes::Wide(_)));
        let mut draws = Stream::new(1, "outcomes");
        for _ in 0..100 {
            let bits = draws.bits();
            assert_eq!(narrow.at(bits) + (1 << 32), wide.at(bits));
        }
        assert_eq!((narrow.get(99), narrow.count(), wide.count()), (small[99], 100, 100));
    }

    #[test]
    fn draws_are_frozen() {
        let mut a = Stream::new(7, "network");
        let first: Vec<u64> = (0..3).map(|_| a.below(1_000)).collect();
        let mut b = Stream::new(7, "network");
        let again: Vec<u64> = (0..3).map(|_| b.below(1_000)).collect();
        assert_eq!(first, again);
        let mut c = Stream::new(7, "disk");
        let other: Vec<u64> = (0..3).map(|_| c.below(1_000)).collect();
        assert_ne!(first, other, "streams of other names draw other numbers");
    }

    #[test]
    fn ranges_are_inclusive() {
        let mut s = Stream::new(1, "range");
        let mut seen = [false; 3];
        for _ in 0..200 {
            seen[(s.between(5, 7) - 5) as usize] = true;
        }
        assert_eq!(seen, [true; 3]);
    }
}
