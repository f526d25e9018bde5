//! Rates, as quotas measure them: sums of windows. Source: Kafka, `SampledStat`.

use alloc::collections::VecDeque;

use crate::types::{Duration, Instant, SECOND};

/// Of how many windows a rate is made, and how long they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Windows {
    pub(super) count: u32,
    pub(super) size: Duration,
}

impl Windows {
    /// All of them together.
    pub(super) const fn span(self) -> Duration {
        self.size.saturating_mul(self.count as u64)
    }
}

/// What was counted in each window that is not over for long.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    windows: VecDeque<(Instant, u64)>,
}

impl Rate {
    pub(super) fn record(&mut self, now: Instant, amount: u64, of: Windows) {
        while self.windows.front().is_some_and(|w| now.since(w.0) >= of.span()) {
            self.windows.pop_front();
        }
        match self.windows.back_mut() {
            Some((start, sum)) if now.since(*start) < of.size => *sum += amount,
            _ => self.windows.push_back((now, amount)),
        }
    }

    /// Takes back what was recorded last.
    pub(super) fn take_back(&mut self, amount: u64) {
        if let Some((_, sum)) = self.windows.back_mut() {
            *sum = sum.saturating_sub(amount);
        }
    }

    pub(super) fn clear(&mut self) {
        self.windows.clear();
    }

    /// What the windows that count have together, and when the oldest of them began.
    fn counted(&self, now: Instant, of: Windows) -> Option<(u128, Instant)> {
        let mut recent = self.windows.iter().filter(|w| now.since(w.0) < of.span());
        let &(oldest, first) = recent.next()?;
        Some((recent.map(|w| u128::from(w.1)).sum::<u128>() + u128::from(first), oldest))
    }

    /// How long nothing may come for the rate to fall to `bound` a second; 0 below it. All but
    /// one of the windows count as full from the beginning. Source: Kafka, `Rate`.
    pub(super) fn throttle(&self, now: Instant, bound: u64, of: Windows) -> Duration {
        let Some((sum, oldest)) = self.counted(now, of) else { return 0 };
        let elapsed = now.since(oldest);
        let missing = u64::from(of.count - 1).saturating_sub(elapsed / of.size);
        let window = u128::from(elapsed + missing * of.size);
        let due = sum * u128::from(SECOND) / u128::from(bound.max(1));
        Duration::try_from(due.saturating_sub(window)).unwrap_or(Duration::MAX)
    }

    /// Whether the rate since the oldest window began is above `bound` a second; at least one
    /// window counts as full. Source: Kafka, `SimpleRate`.
    pub(super) fn is_above(&self, now: Instant, bound: u64, of: Windows) -> bool {
        let Some((sum, oldest)) = self.counted(now, of) else { return false };
        let elapsed = now.since(oldest).max(of.size);
        sum * u128::from(SECOND) > u128::from(bound) * u128::from(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELEVEN: Windows = Windows { count: 11, size: SECOND };

    #[test]
    fn a_burst_above_the_quota_of_all_windows_is_throttled_until_it_fits() {
        let mut rate = Rate::default();
        rate.record(Instant(0), 399, ELEVEN);
        assert_eq!(rate.throttle(Instant(0), 40, ELEVEN), 0, "40 a second, for ten seconds");
        rate.record(Instant(0), 401, ELEVEN);
        assert_eq!(rate.throttle(Instant(0), 40, ELEVEN), 10 * SECOND);
        rate.take_back(401);
        assert_eq!(rate.throttle(Instant(0), 40, ELEVEN), 0);
    }

    #[test]
    fn what_is_older_than_all_windows_is_forgotten() {
        let mut rate = Rate::default();
        rate.record(Instant(0), 10_000, ELEVEN);
        assert!(rate.is_above(Instant(11 * SECOND - 1), 900, ELEVEN));
        assert!(!rate.is_above(Instant(11 * SECOND), 0, ELEVEN));
        rate.record(Instant(11 * SECOND), 1, ELEVEN);
        assert_eq!(rate.throttle(Instant(11 * SECOND), 1, ELEVEN), 0);
    }

    #[test]
    fn the_simple_rate_counts_one_window_as_full_and_then_the_time_that_went_by() {
        let mut rate = Rate::default();
        rate.record(Instant(0), 100, ELEVEN);
        assert!(rate.is_above(Instant(1), 99, ELEVEN));
        assert!(!rate.is_above(Instant(1), 100, ELEVEN), "a bound that is met is kept");
        assert!(rate.is_above(Instant(4 * SECOND), 24, ELEVEN));
        assert!(!rate.is_above(Instant(4 * SECOND), 25, ELEVEN));
    }
}
