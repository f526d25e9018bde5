//! When calls arrive at an ingress instance.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use broker_model::types::{Duration, Instant};
use scenarios::model::{Arrivals, Distribution, Shape};

use crate::plan::{Quantiles, Tables, mean_gap};
use crate::prng::{Stream, scale};

/// The arrivals of one instance, in order of time.
#[derive(Debug)]
pub struct ArrivalStream {
    law: Law,
    draws: Stream,
    next: Instant,
    until: Instant,
}

#[derive(Debug)]
enum Law {
    Gaps(Quantiles),
    Bursts { gap: Duration, size: u32, left: u32 },
    Closed { think: Quantiles, ready: BinaryHeap<Reverse<Instant>> },
}

impl ArrivalStream {
    /// One of `instances` equal shares of a load, from `from` until `until`.
    #[must_use]
    pub fn new(
        arrivals: &Arrivals,
        (instances, tables): (u32, &Tables),
        mut draws: Stream,
        from: Instant,
        until: Instant,
    ) -> Self {
        let law = match *arrivals {
            Arrivals::Open { rate, shape } => {
                let gap = mean_gap(rate, instances);
                match shape {
                    Shape::Poisson => {
                        let gaps = Distribution::Exponential { mean: gap };
                        Law::Gaps(tables.get(&gaps, &mut draws))
                    }
                    Shape::Constant => Law::Gaps(Quantiles::constant(gap)),
                    Shape::Burst { burst } => Law::Bursts {
                        gap: gap.saturating_mul(u64::from(burst)),
                        size: burst,
                        left: burst,
                    },
                }
            }
            Arrivals::Closed { callers, think } => {
                let share = callers.div_ceil(instances);
                Law::Closed {
                    think: tables.get(&think, &mut draws),
                    ready: (0..share).map(|_| Reverse(from)).collect(),
                }
            }
        };
        let mut stream = Self { law, draws, next: from, until };
        if let Law::Gaps(gaps) = &stream.law {
            let gaps = gaps.outcomes();
            let first = scale(stream.draws.bits(), gaps.get(gaps.count() / 2).max(1));
            stream.next = from + first;
        }
        stream
    }

    /// No arrivals at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            law: Law::Gaps(Quantiles::constant(1)),
            draws: Stream::new(0, "none"),
            next: Instant::FAR,
            until: Instant::FAR,
        }
    }

    /// Takes the next arrival at or before `now`.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        let at = self.next_at();
        if at > now || at >= self.until {
            return None;
        }
        match &mut self.law {
            Law::Gaps(gaps) => {
                let gap = gaps.at(self.draws.bits());
                self.next = at + gap.max(1);
            }
            Law::Bursts { gap, size, left } => {
                *left -= 1;
                if *left == 0 {
                    *left = *size;
                    self.next = at + *gap;
                }
            }
            Law::Closed { ready, .. } => {
                ready.pop();
            }
        }
        Some(at)
    }

    /// Calls of a closed load were answered at `now`: their callers think, then call again.
    pub fn answered(&mut self, count: u64, now: Instant) {
        if let Law::Closed { think, ready } = &mut self.law {
            for _ in 0..count {
                ready.push(Reverse(now + think.at(self.draws.bits())));
            }
        }
    }

    /// When the next call arrives; [`Instant::FAR`] if none will.
    #[must_use]
    pub fn next_at(&self) -> Instant {
        let at = match &self.law {
            Law::Gaps(_) | Law::Bursts { .. } => self.next,
            Law::Closed { ready, .. } => ready.peek().map_or(Instant::FAR, |r| r.0),
        };
        if at >= self.until { Instant::FAR } else { at }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, SECOND};
    use scenarios::model::{Arrivals, Rate, Shape};

    use super::ArrivalStream;
    use crate::plan::Tables;
    use crate::prng::Stream;

    fn count(shape: Shape) -> usize {
        let rate = Rate { micro_per_second: 4_000 * 1_000_000 };
        let arrivals = Arrivals::Open { rate, shape };
        let until = Instant(10 * SECOND);
        let draws = Stream::new(5, "arrivals");
        let shares = (4, &Tables::default());
        let mut stream = ArrivalStream::new(&arrivals, shares, draws, Instant(0), until);
        std::iter::from_fn(|| stream.take(until)).count()
    }

    #[test]
    fn shares_of_a_rate_arrive() {
        let poisson = count(Shape::Poisson);
        assert!((9_600..10_400).contains(&poisson), "{poisson} of about 10,000");
        assert!((9_998..=10_001).contains(&count(Shape::Constant)));
        assert!((9_900..=10_100).contains(&count(Shape::Burst { burst: 50 })));
    }
}
