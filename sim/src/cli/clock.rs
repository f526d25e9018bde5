//! The machine's clock: for `wall_s`, rates and the time that is left, for nothing in a run.

use std::time::Instant;

/// A stopwatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "the one clock, for figures that no run sees")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since its start.
    pub(super) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
