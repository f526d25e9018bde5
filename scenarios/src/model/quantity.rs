//! Quantities with their units resolved to integers.

/// A rate in events per 10^6 seconds (micro-events per second): `45000/s` is `45_000_000_000`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rate {
    /// Events per million seconds, above zero.
    pub micro_per_second: u64,
}

/// A ratio `numerator / denominator`: probabilities (at most one) and factors (any size).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ratio {
    /// The numerator.
    pub numerator: u64,
    /// The denominator, a power of ten, never zero.
    pub denominator: u64,
}

impl Ratio {
    /// Zero.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    /// One.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }
}

/// A value drawn uniformly, once per seed, from `low..=high`. Fixed when both are equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drawn {
    /// The least value.
    pub low: u64,
    /// The greatest value, not below `low`.
    pub high: u64,
}

impl Drawn {
    /// A fixed value.
    #[must_use]
    pub fn fixed(value: u64) -> Self {
        Self { low: value, high: value }
    }
}

/// A distribution of durations (nanoseconds) or sizes (bytes).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Distribution {
    /// Always the same: `60us`.
    Constant(u64),
    /// One value per seed, then constant: `50us..70us`.
    PerSeed(Drawn),
    /// `lognormal(MEAN, SIGMA)`: the mean of the values, and the standard deviation of their
    /// logarithm.
    Lognormal {
        /// The mean of the values themselves (not of their logarithm, not the median).
        mean: u64,
        /// Sigma in millionths.
        sigma_millionths: u64,
    },
    /// `exponential(MEAN)`.
    Exponential {
        /// The mean.
        mean: u64,
    },
    /// `uniform(LOW, HIGH)`, drawn anew each time.
    Uniform {
        /// The least value.
        low: u64,
        /// The greatest value.
        high: u64,
    },
}
