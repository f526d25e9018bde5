//! A network card: both directions are lines with a bandwidth.

use std::collections::VecDeque;

use broker_model::types::Instant;

use super::token_bucket::{Rate, TokenBucket};

/// What a network card can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NicProfile {
    /// Bandwidth of each direction.
    pub rate: Rate,
}

/// One direction of a card. Transfers are told when they are sent, and may begin later: one that
/// begins earlier than others that were told before takes the time that they leave.
#[derive(Clone, Debug)]
struct Line {
    bucket: TokenBucket,
    /// When it is taken from now on: begins and ends, in order and apart.
    taken: VecDeque<(Instant, Instant)>,
}

/// The network card of one host.
#[derive(Clone, Debug)]
pub struct Nic {
    out: Line,
    inwards: Line,
}

impl Line {
    const fn new(rate: Rate) -> Self {
        Self { bucket: TokenBucket::new(rate), taken: VecDeque::new() }
    }

    /// Transfers bytes that are there from `at` on; returns when the last one is through. Nothing
    /// that is told later is there before `now`.
    fn transfer(&mut self, now: Instant, at: Instant, bytes: u64) -> Instant {
        while self.taken.front().is_some_and(|&(_, end)| end <= now) {
            self.taken.pop_front();
        }
        let took = self.bucket.take(at, bytes);
        if self.taken.back().is_none_or(|&(_, end)| end < at) {
            // As mostly: behind all that was told before.
            self.taken.push_back((at, at + took));
            return at + took;
        }
        let mut place = self.taken.len();
        while place > 0 && self.taken[place - 1].1 > at {
            place -= 1;
        }
        let mut begin = at;
        while let Some(&(next, end)) = self.taken.get(place) {
            if begin + took <= next {
                break;
            }
            begin = begin.max(end);
            place += 1;
        }
        self.mark(place, begin, begin + took);
        begin + took
    }

    /// Takes the time before the entry at `place`, together with its neighbors where they touch.
    fn mark(&mut self, place: usize, begin: Instant, end: Instant) {
        let before = place.checked_sub(1).filter(|&i| self.taken[i].1 == begin);
        let after = self.taken.get(place).is_some_and(|&(next, _)| next == end);
        match (before, after) {
            (Some(before), true) => {
                self.taken[before].1 = self.taken[place].1;
                self.taken.remove(place);
            }
            (Some(before), false) => self.taken[before].1 = end,
            (None, true) => self.taken[place].0 = begin,
            (None, false) => self.taken.insert(place, (begin, end)),
        }
    }
}

impl Nic {
    /// An idle card.
    #[must_use]
    pub const fn new(profile: NicProfile) -> Self {
        Self { out: Line::new(profile.rate), inwards: Line::new(profile.rate) }
    }

    /// Sends bytes that are there from `at` on; returns when the last one leaves.
    pub fn send(&mut self, now: Instant, at: Instant, bytes: u64) -> Instant {
        self.out.transfer(now, at, bytes)
    }

    /// Receives bytes that reach the host from `at` on; returns when the last one is in.
    pub fn receive(&mut self, now: Instant, at: Instant, bytes: u64) -> Instant {
        self.inwards.transfer(now, at, bytes)
    }

    /// The outgoing direction, for utilisation.
    #[must_use]
    pub const fn out(&self) -> &TokenBucket {
        &self.out.bucket
    }

    /// The incoming direction, for utilisation.
    #[must_use]
    pub const fn inwards(&self) -> &TokenBucket {
        &self.inwards.bucket
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::Instant;
    use proptest::prelude::*;

    use super::{Line, Rate};

    /// A byte a nanosecond.
    fn line() -> Line {
        Line::new(Rate { base: 1_000_000_000, burst: 1_000_000_000, credit: 0 })
    }

    fn transfer(line: &mut Line, at: u64, bytes: u64) -> u64 {
        line.transfer(Instant(0), Instant(at), bytes).0
    }

    #[test]
    fn what_comes_later_does_not_hold_up_what_comes_before() {
        let mut line = line();
        assert_eq!(transfer(&mut line, 1_000, 100), 1_100, "from far away");
        assert_eq!(transfer(&mut line, 10, 100), 110, "from near by");
        assert_eq!(transfer(&mut line, 950, 100), 1_200, "there is no room for it before");
        assert_eq!(transfer(&mut line, 950, 50), 1_000);
        assert_eq!(line.taken, [(Instant(10), Instant(110)), (Instant(950), Instant(1_200))]);
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut line = line();
        transfer(&mut line, 0, 10);
        transfer(&mut line, 20, 10);
        line.transfer(Instant(10), Instant(50), 1);
        assert_eq!(line.taken.len(), 2);
    }

    proptest! {
        /// Against a table of every nanosecond.
        #[test]
        fn nothing_is_transferred_at_the_same_time(
            asked in prop::collection::vec((0_u64..60, 1_u64..9), 1..30)
        ) {
            let (mut line, mut busy) = (line(), vec![false; 400]);
            for (at, bytes) in asked {
                let end = transfer(&mut line, at, bytes);
                let free = |from: u64| (from..from + bytes).all(|t| !busy[t as usize]);
                let first = (at..).find(|from| free(*from)).expect("there is room");
                prop_assert_eq!(end, first + bytes, "the first room that is large enough");
                (first..end).for_each(|t| busy[t as usize] = true);
            }
            let apart = line.taken.iter().zip(line.taken.iter().skip(1));
            prop_assert!(apart.into_iter().all(|(one, next)| one.1 < next.0));
        }
    }
}
