//! Rates, as quotas measure them: sums of windows. Source: Kafka, `SampledStat`.

use alloc::vec::Vec;

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

/// What was counted in a window.
#[derive(Clone, Copy, Debug)]
struct Sample {
    start: Instant,
    last: Instant,
    sum: u64,
}

impl Sample {
    const fn new(now: Instant) -> Self {
        Self { start: now, last: now, sum: 0 }
    }
}

/// A ring of windows, one more than count, because the oldest may overlap with what is measured.
/// A window in which nothing came for the time of all of them begins anew when it is looked at,
/// and then says that nothing came since.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    samples: Vec<Sample>,
    current: usize,
}

impl Rate {
    pub(super) fn record(&mut self, now: Instant, amount: u64, of: Windows) {
        if self.samples.is_empty() {
            self.samples.push(Sample::new(now));
        } else if now.since(self.samples[self.current].start) >= of.size {
            self.current = (self.current + 1) % (of.count as usize + 1);
            if self.current == self.samples.len() {
                self.samples.push(Sample::new(now));
            } else {
                self.samples[self.current] = Sample::new(now);
            }
        }
        let sample = &mut self.samples[self.current];
        sample.sum += amount;
        sample.last = now;
    }

    /// Takes back what was recorded last.
    pub(super) fn take_back(&mut self, amount: u64) {
        if let Some(sample) = self.samples.get_mut(self.current) {
            sample.sum = sample.sum.saturating_sub(amount);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What the windows have together, and when the oldest of them began.
    fn counted(&mut self, now: Instant, of: Windows) -> (u128, Instant) {
        if self.samples.is_empty() {
            self.samples.push(Sample::new(now));
        }
        let (mut sum, mut oldest) = (0, now);
        for sample in &mut self.samples {
            if now.since(sample.last) >= of.span() {
                *sample = Sample::new(now);
            }
            sum += u128::from(sample.sum);
            oldest = oldest.min(sample.start);
        }
        (sum, oldest)
    }

    /// How long nothing may come for the rate to fall to `bound` a second; 0 below it. All but
    /// one of the windows count as full from the beginning. Source: Kafka, `Rate`.
    pub(super) fn throttle_time(&mut self, now: Instant, bound: u64, of: Windows) -> Duration {
        let (sum, oldest) = self.counted(now, of);
        let elapsed = now.since(oldest);
        let missing = u64::from(of.count - 1).saturating_sub(elapsed / of.size);
        let window = u128::from(elapsed + missing * of.size);
        let due = sum * u128::from(SECOND) / u128::from(bound.max(1));
        Duration::try_from(due.saturating_sub(window)).unwrap_or(Duration::MAX)
    }

    /// Whether the rate since the oldest window began is above `bound` a second; at least one
    /// window counts as full. Source: Kafka, `SimpleRate`.
    pub(super) fn is_above(&mut self, now: Instant, bound: u64, of: Windows) -> bool {
        let (sum, oldest) = self.counted(now, of);
        let elapsed = now.since(oldest).max(of.size);
        sum * u128::from(SECOND) > u128::from(bound) * u128::from(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MILLISECOND;

    const ELEVEN: Windows = Windows { count: 11, size: SECOND };

    #[test]
    fn a_burst_above_the_quota_of_all_windows_is_throttled_until_it_fits() {
        let mut rate = Rate::default();
        rate.record(Instant(0), 399, ELEVEN);
        assert_eq!(rate.throttle_time(Instant(0), 40, ELEVEN), 0, "40 a second, for ten seconds");
        rate.record(Instant(0), 401, ELEVEN);
        assert_eq!(rate.throttle_time(Instant(0), 40, ELEVEN), 10 * SECOND);
        rate.take_back(401);
        assert_eq!(rate.throttle_time(Instant(0), 40, ELEVEN), 0);
    }

    #[test]
    fn what_is_older_than_all_windows_is_forgotten() {
        let mut rate = Rate::default();
        rate.record(Instant(0), 10_000, ELEVEN);
        assert!(rate.is_above(Instant(11 * SECOND - 1), 900, ELEVEN));
        assert!(!rate.is_above(Instant(11 * SECOND), 0, ELEVEN));
        rate.record(Instant(11 * SECOND), 1, ELEVEN);
        assert_eq!(rate.throttle_time(Instant(11 * SECOND), 1, ELEVEN), 0);
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

    #[test]
    fn a_window_counts_until_its_last_event_is_old() {
        let mut rate = Rate::default();
        rate.record(Instant(0), 100, ELEVEN);
        rate.record(Instant(900 * MILLISECOND), 100, ELEVEN);
        let end = 11 * SECOND + 900 * MILLISECOND;
        assert!(rate.is_above(Instant(end - 1), 16, ELEVEN), "200 in 11.9 seconds");
        assert!(!rate.is_above(Instant(end), 0, ELEVEN));
    }

    #[test]
    fn one_window_more_than_all_is_kept_for_the_overlap() {
        let mut rate = Rate::default();
        for second in 0..12 {
            let amount = if second == 0 { 1_000 } else { 100 };
            rate.record(Instant(second * SECOND), amount, ELEVEN);
            rate.record(Instant(second * SECOND + 999 * MILLISECOND), 0, ELEVEN);
        }
        let end = Instant(12 * SECOND - 2 * MILLISECOND);
        assert!(rate.is_above(end, 174, ELEVEN), "2100 in 12 seconds");
        rate.record(Instant(12 * SECOND), 0, ELEVEN);
        assert!(rate.is_above(Instant(12 * SECOND), 99, ELEVEN));
        assert!(!rate.is_above(Instant(12 * SECOND), 100, ELEVEN), "1100 in 11 seconds");
    }

    #[test]
    fn looking_at_it_begins_a_window_in_which_nothing_came() {
        let mut rate = Rate::default();
        assert!(!rate.is_above(Instant(0), 0, ELEVEN));
        rate.record(Instant(10 * SECOND), 1_000, ELEVEN);
        assert!(rate.is_above(Instant(10 * SECOND), 99, ELEVEN));
        assert!(!rate.is_above(Instant(10 * SECOND), 100, ELEVEN), "1000 in 10 seconds");
    }
}
