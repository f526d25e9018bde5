//! Which entity's key the next record carries.

use scenarios::model::Keys;

use crate::prng::{Stream, scale};
use crate::records::NO_KEY;

/// A law of keys, ready to draw from.
#[derive(Clone, Debug)]
pub enum KeyLaw {
    /// Each record its own key.
    Unique,
    /// No key.
    None,
    /// Uniform over `0..n`.
    Uniform(u64),
    /// By cumulative weights, scaled to 64 bits.
    Weighted(Vec<u64>),
}

impl KeyLaw {
    /// The law a scenario asks for.
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        match *keys {
            Keys::Unique => Self::Unique,
            Keys::None => Self::None,
            Keys::Uniform { n } => Self::Uniform(n),
            Keys::Zipf { n, s_millionths } => Self::Weighted(zipf(n, s_millionths)),
        }
    }

    /// The key of the `number`-th record of a load.
    pub fn draw(&self, number: u32, draws: &mut Stream) -> u32 {
        match self {
            Self::Unique => number,
            Self::None => NO_KEY,
            Self::Uniform(n) => scale(draws.bits(), *n) as u32,
            Self::Weighted(cumulative) => {
                let bits = draws.bits();
                cumulative.partition_point(|&c| c < bits).min(cumulative.len() - 1) as u32
            }
        }
    }
}

fn zipf(n: u64, s_millionths: u64) -> Vec<u64> {
    let s = s_millionths as f64 / 1e6;
    let weights: Vec<f64> = (1..=n).map(|rank| libm::pow(rank as f64, -s)).collect();
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    weights
        .iter()
        .map(|w| {
            sum += w / total;
            (libm::fmin(sum, 1.0) * u64::MAX as f64) as u64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use scenarios::model::Keys;

    use super::KeyLaw;
    use crate::prng::Stream;

    #[test]
    fn zipf_favors_the_first_ranks() {
        let law = KeyLaw::new(&Keys::Zipf { n: 1_000, s_millionths: 1_000_000 });
        let mut draws = Stream::new(3, "keys");
        let mut counts = vec![0_u32; 1_000];
        for i in 0..100_000 {
            counts[law.draw(i, &mut draws) as usize] += 1;
        }
        let expected = 100_000.0 / 7.485; // The 1000th harmonic number is 7.485.
        assert!((f64::from(counts[0]) - expected).abs() < 500.0, "first rank: {}", counts[0]);
        assert!(counts[0] > counts[9] * 8, "rank 1 is about ten times rank 10");
    }
}
