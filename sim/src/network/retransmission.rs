//! When TCP repeats what was lost: times alone (RFC 6298, 5.5; the bounds are Linux's).

use broker_model::types::{Duration, Instant, MILLISECOND, SECOND};

/// The first timeout of a segment with data (`TCP_RTO_MIN`); each doubles the one before.
pub const DATA: Duration = 200 * MILLISECOND;
/// The first timeout of the first segment of a connection (`TCP_TIMEOUT_INIT`).
pub const SYN: Duration = SECOND;
/// No timeout is longer (`TCP_RTO_MAX`).
const LONGEST: Duration = 120 * SECOND;

/// The first repetition at or after `now` of a segment that was first lost at `lost_at`, given its
/// first timeout.
#[must_use]
pub fn repeated_after(lost_at: Instant, first: Duration, now: Instant) -> Instant {
    let mut timeout = first;
    let mut at = lost_at + timeout;
    while at < now {
        timeout = (timeout * 2).min(LONGEST);
        at = at + timeout;
    }
    at
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, MILLISECOND, SECOND};

    use super::{DATA, SYN, repeated_after};

    #[test]
    fn repetitions_double() {
        let after = |first, ms| repeated_after(Instant(0), first, Instant(ms * MILLISECOND)).0;
        let times = [1, 201, 601].map(|ms| after(DATA, ms) / MILLISECOND);
        assert_eq!(times, [200, 600, 1_400]);
        assert_eq!([1, 1_001, 3_001, 7_001].map(|ms| after(SYN, ms) / SECOND), [1, 3, 7, 15]);
    }

    #[test]
    fn no_pause_is_longer_than_two_minutes() {
        let first = repeated_after(Instant(0), DATA, Instant(3_600 * SECOND));
        let next = repeated_after(Instant(0), DATA, Instant(first.0 + 1));
        assert_eq!(next.since(first), 120 * SECOND);
    }
}
