//! Exponential backoff with jitter, as all clients of Kafka have it since KIP-580.

use broker_model::types::{Duration, SECOND};

use crate::prng::scale;

/// Waits that double from `initial` to `max`, each drawn from 80 % to 120 % of its term.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// `retry.backoff.ms` or the like, in nanoseconds.
    pub initial: Duration,
    /// `retry.backoff.max.ms` or the like, in nanoseconds.
    pub max: Duration,
}

impl Backoff {
    /// How long attempts to connect may take, each longer than the one that timed out before it:
    /// `socket.connection.setup.timeout.ms` and `.max.ms` at their defaults.
    pub const CONNECTION_SETUP: Self = Self { initial: 10 * SECOND, max: 30 * SECOND };

    /// The wait before the next try after `attempts` earlier ones. `bits` are random bits for the
    /// jitter, `None` for none. An initial wait that is not below the maximum is constant and
    /// without jitter.
    #[must_use]
    pub fn after(&self, attempts: u32, bits: Option<u64>) -> Duration {
        if self.initial >= self.max {
            return self.initial;
        }
        let doubled =
            if attempts < 32 { self.initial.saturating_mul(1 << attempts) } else { self.max };
        let term = doubled.min(self.max);
        let jittered = match bits {
            Some(bits) => {
                let millionths = 800_000 + u128::from(scale(bits, 400_001));
                u64::try_from(u128::from(term) * millionths / 1_000_000).unwrap_or(self.max)
            }
            None => term,
        };
        jittered.min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;

    #[test]
    fn doubles_up_to_the_maximum() {
        let backoff = Backoff { initial: 100, max: 1_000 };
        let waits: Vec<u64> = (0..6).map(|n| backoff.after(n, None)).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(backoff.after(500, None), 1_000);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let backoff = Backoff { initial: 1_000, max: 1_000_000 };
        assert_eq!(backoff.after(0, Some(0)), 800);
        assert_eq!(backoff.after(0, Some(u64::MAX)), 1_200);
        assert_eq!(backoff.after(30, Some(u64::MAX)), 1_000_000, "never above the maximum");
    }

    #[test]
    fn a_constant_wait_has_no_jitter() {
        let backoff = Backoff { initial: 600, max: 600 };
        assert_eq!(backoff.after(9, Some(0)), 600);
    }
}
