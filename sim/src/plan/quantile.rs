//! Distributions as integer tables, made once per run: no floating point reaches a decision.

use scenarios::model::Distribution;

use crate::prng::{Outcomes, Stream};

/// How many equally likely quantiles a table holds.
const QUANTILES: usize = 4096;

/// A distribution as a table of equally likely quantiles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quantiles(Outcomes);

impl Quantiles {
    /// The table of a distribution. `draws` gives values that are drawn once per seed.
    #[must_use]
    pub fn new(distribution: &Distribution, draws: &mut Stream) -> Self {
        Self(Outcomes::new(&match *distribution {
            Distribution::Constant(value) => vec![value],
            Distribution::PerSeed(drawn) => vec![draws.between(drawn.low, drawn.high)],
            Distribution::Lognormal { mean, sigma_millionths } => lognormal(mean, sigma_millionths),
            Distribution::Exponential { mean } => exponential(mean),
            Distribution::Uniform { low, high } => uniform(low, high),
        }))
    }

    /// Always the same value.
    #[must_use]
    pub fn constant(value: u64) -> Self {
        Self(Outcomes::new(&[value]))
    }

    /// The value that these 64 random bits stand for.
    #[must_use]
    #[inline]
    pub fn at(&self, bits: u64) -> u64 {
        self.0.at(bits)
    }

    /// The quantiles, smallest first.
    #[must_use]
    pub const fn outcomes(&self) -> &Outcomes {
        &self.0
    }

    /// The mean of the quantiles.
    #[must_use]
    pub fn mean(&self) -> u64 {
        let sum: u128 = (0..self.0.count()).map(|place| u128::from(self.0.get(place))).sum();
        (sum / self.0.count() as u128) as u64
    }
}

/// The middle of the `i`-th of [`QUANTILES`] equal shares of probability.
fn share(i: usize) -> f64 {
    (i as f64 + 0.5) / QUANTILES as f64
}

/// Exponential gaps with this mean, rescaled so that the table's own mean is exact.
fn exponential(mean: u64) -> Vec<u64> {
    rescaled(mean, (0..QUANTILES).map(|i| -libm::log(1.0 - share(i))).collect())
}

fn lognormal(mean: u64, sigma_millionths: u64) -> Vec<u64> {
    let sigma = sigma_millionths as f64 / 1e6;
    rescaled(mean, (0..QUANTILES).map(|i| libm::exp(sigma * normal_quantile(share(i)))).collect())
}

fn uniform(low: u64, high: u64) -> Vec<u64> {
    let width = u128::from(high - low) + 1;
    (0..QUANTILES as u128)
        .map(|i| low + (width * (2 * i + 1) / (2 * QUANTILES as u128)) as u64)
        .collect()
}

fn rescaled(mean: u64, shape: Vec<f64>) -> Vec<u64> {
    let factor = mean as f64 * shape.len() as f64 / shape.iter().sum::<f64>();
    shape.into_iter().map(|x| libm::round(x * factor) as u64).collect()
}

/// Quantile of the standard normal distribution: P. J. Acklam's rational approximation, relative
/// error below 1.2e-9.
fn normal_quantile(p: f64) -> f64 {
    const LOW: f64 = 0.024_25;
    let tail = |q: f64| horner(&C, q) / (horner(&D, q) * q + 1.0);
    if p < LOW {
        tail(libm::sqrt(-2.0 * libm::log(p)))
    } else if p > 1.0 - LOW {
        -tail(libm::sqrt(-2.0 * libm::log(1.0 - p)))
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

const A: [f64; 6] = [
    -3.969_683_028_665_376e1,
    2.209_460_984_245_205e2,
    -2.759_285_104_469_687e2,
    1.383_577_518_672_69e2,
    -3.066_479_806_614_716e1,
    2.506_628_277_459_239,
];
const B: [f64; 5] = [
    -5.447_609_879_822_406e1,
    1.615_858_368_580_409e2,
    -1.556_989_798_598_866e2,
    6.680_131_188_771_972e1,
    -1.328_068_155_288_572e1,
];
const C: [f64; 6] = [
    -7.784_894_002_430_293e-3,
    -3.223_964_580_411_365e-1,
    -2.400_758_277_161_838,
    -2.549_732_539_343_734,
    4.374_664_141_464_968,
    2.938_163_982_698_783,
];
const D: [f64; 4] = [
    7.784_695_709_041_462e-3,
    3.224_671_290_700_398e-1,
    2.445_134_137_142_996,
    3.754_408_661_907_416,
];

#[cfg(test)]
mod tests {
    use scenarios::model::Distribution;

    use super::{Quantiles, normal_quantile};
    use crate::prng::Stream;

    fn table(distribution: &Distribution) -> Quantiles {
        Quantiles::new(distribution, &mut Stream::new(0, "test"))
    }

    #[test]
    fn tables_keep_their_mean() {
        for distribution in [
            Distribution::Exponential { mean: 60_000 },
            Distribution::Lognormal { mean: 60_000, sigma_millionths: 500_000 },
            Distribution::Uniform { low: 20_000, high: 100_000 },
            Distribution::Constant(60_000),
        ] {
            let mean = table(&distribution).mean();
            assert!(mean.abs_diff(60_000) < 20, "{distribution:?} has mean {mean}");
        }
    }

    #[test]
    fn the_normal_distribution_has_its_known_quantiles() {
        assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-6);
        assert!(normal_quantile(0.5).abs() < 1e-9);
        assert!((normal_quantile(0.001) + 3.090_232).abs() < 1e-6);
    }
}
