//! Bandwidth with a burst: full speed while credit lasts, then the base rate.

use broker_model::types::{Duration, Instant, SECOND};

/// A transfer rate with a burst. Source for its use: cloud instances earn credit at the base
/// rate and spend it at the burst rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Bytes per second that last for ever. At least 1.
    pub base: u64,
    /// Bytes per second while credit lasts. At least `base`.
    pub burst: u64,
    /// Credit in bytes, full at the start.
    pub credit: u64,
}

/// A queue of transfers served one after the other at a [`Rate`].
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: Rate,
    credit: u64,
    refilled_at: Instant,
    free_at: Instant,
    busy: Duration,
    bytes: u64,
}

impl TokenBucket {
    /// An idle bucket with full credit.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        assert!(rate.base > 0 && rate.burst >= rate.base, "a rate is positive and bursts upwards");
        Self {
            rate,
            credit: rate.credit,
            refilled_at: Instant(0),
            free_at: Instant(0),
            busy: 0,
            bytes: 0,
        }
    }

    /// Transfers `bytes` behind everything before; returns when it is done.
    pub fn transfer(&mut self, now: Instant, bytes: u64) -> Instant {
        self.transfer_slowed(now, bytes, 1, 1)
    }

    /// As [`Self::transfer`], slower than the rate by a factor of `numerator / denominator`.
    pub fn transfer_slowed(
        &mut self,
        now: Instant,
        bytes: u64,
        numerator: u64,
        denominator: u64,
    ) -> Instant {
        let start = self.free_at.max(now);
        self.free_at = start + self.spend(start, bytes, numerator, denominator);
        self.free_at
    }

    /// How long `bytes` take that begin at `start`, wherever the queue is: for who keeps a queue
    /// of its own.
    pub(super) fn take(&mut self, start: Instant, bytes: u64) -> Duration {
        self.spend(start, bytes, 1, 1)
    }

    fn spend(&mut self, start: Instant, bytes: u64, numerator: u64, denominator: u64) -> Duration {
        self.refill(start);
        let speed = if self.credit >= bytes {
            self.credit -= bytes;
            self.rate.burst
        } else {
            self.rate.base
        };
        let mut took = time_for(bytes, speed);
        if numerator != denominator {
            took = took.saturating_mul(numerator) / denominator;
        }
        self.busy += took;
        self.bytes += bytes;
        took
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.since(self.refilled_at);
        let earned = scaled(elapsed, self.rate.base, SECOND);
        if earned > 0 {
            self.credit = self.credit.saturating_add(earned).min(self.rate.credit);
            self.refilled_at = now;
        }
    }

    /// When everything taken so far is done.
    #[must_use]
    pub const fn free_at(&self) -> Instant {
        self.free_at
    }

    /// Time spent transferring so far.
    #[must_use]
    pub const fn busy(&self) -> Duration {
        self.busy
    }

    /// Bytes transferred so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The rate it was made with.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Forgets transfers that have not begun: the host lost power.
    pub fn clear(&mut self, now: Instant) {
        self.free_at = now;
    }
}

fn time_for(bytes: u64, per_second: u64) -> Duration {
    scaled(bytes, SECOND, per_second)
}

/// `a * b / c`, in 64 bits where they suffice: a division in 128 costs as much as the rest of a
/// message.
fn scaled(a: u64, b: u64, c: u64) -> u64 {
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => u64::try_from(u128::from(a) * u128::from(b) / u128::from(c)).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, SECOND};

    use super::{Rate, TokenBucket};

    #[test]
    fn a_burst_ends_when_its_credit_is_spent() {
        let mut bucket = TokenBucket::new(Rate { base: 100, burst: 1_000, credit: 1_000 });
        assert_eq!(bucket.transfer(Instant(0), 1_000), Instant(SECOND), "burst speed");
        assert_eq!(
            bucket.transfer(Instant(SECOND), 1_000),
            Instant(11 * SECOND),
            "100 bytes of credit were earned: not enough, so the base rate"
        );
    }

    #[test]
    fn a_slow_device_takes_longer() {
        let mut bucket = TokenBucket::new(Rate { base: 1_000, burst: 1_000, credit: 0 });
        assert_eq!(bucket.transfer_slowed(Instant(0), 1_000, 10, 1), Instant(10 * SECOND));
    }
}
