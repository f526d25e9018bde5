//! Positions in a partition.

/// A position in a partition's log. All ends are exclusive unless a name says "last".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Offset(pub i64);

impl Offset {
    /// The first offset of every log.
    pub const ZERO: Self = Self(0);
    /// Kafka's "unknown" (-1) in replies.
    pub const NONE: Self = Self(-1);
}

impl core::ops::Add<i64> for Offset {
    type Output = Self;
    fn add(self, n: i64) -> Self {
        Self(self.0 + n)
    }
}

impl core::ops::AddAssign<i64> for Offset {
    fn add_assign(&mut self, n: i64) {
        self.0 += n;
    }
}

impl core::ops::Sub for Offset {
    type Output = i64;
    fn sub(self, other: Self) -> i64 {
        self.0 - other.0
    }
}

impl core::fmt::Display for Offset {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0)
    }
}
