//! The two clocks: a monotonic one for timers, a wall clock that may jump.

/// A length of simulated time in nanoseconds.
pub type Duration = u64;

/// One microsecond in nanoseconds.
pub const MICROSECOND: Duration = 1_000;
/// One millisecond in nanoseconds.
pub const MILLISECOND: Duration = 1_000_000;
/// One second in nanoseconds.
pub const SECOND: Duration = 1_000_000_000;

/// A reading of a host's monotonic clock, in nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// Never: later than every instant of a run.
    pub const FAR: Self = Self(u64::MAX);

    /// Nanoseconds since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(d))
    }
}

/// A reading of a host's wall clock, in milliseconds since the Unix epoch, as Kafka stamps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Kafka's "no timestamp" (-1).
    pub const NONE: Self = Self(-1);
}

/// What a machine is told about time with every input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// For timers and deadlines.
    pub instant: Instant,
    /// For record timestamps and retention.
    pub wall: Timestamp,
}
