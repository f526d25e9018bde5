//! Time-outs that differ between voters, so that they do not all seek election at once.

use crate::types::Duration;

/// Numbers out of a key that the world gave and a counter: the machine draws none itself.
#[derive(Clone, Debug)]
pub(super) struct Jitter {
    key: u64,
    count: u64,
}

impl Jitter {
    pub(super) const fn new(key: u64) -> Self {
        Self { key, count: 0 }
    }

    /// A time below `bound`, zero if that is zero.
    pub(super) fn below(&mut self, bound: Duration) -> Duration {
        self.count += 1;
        let bits = mixed(self.key ^ mixed(self.count));
        let scaled = (u128::from(bits) * u128::from(bound)) >> 64;
        u64::try_from(scaled).expect("below a bound of 64 bits")
    }
}

/// The finalizer of splitmix64.
const fn mixed(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Jitter;

    #[test]
    fn stays_below_its_bound_and_differs_by_key() {
        let take = |key| {
            let mut jitter = Jitter::new(key);
            core::array::from_fn::<_, 8, _>(|_| jitter.below(1_000))
        };
        assert!(take(1).iter().all(|&n| n < 1_000));
        assert_ne!(take(1), take(2));
        assert_eq!(take(3), take(3));
        assert_eq!(Jitter::new(1).below(0), 0);
    }
}
