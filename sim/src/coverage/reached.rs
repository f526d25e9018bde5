//! What runs have reached, and how near they came to what must not be.

use super::pair::Point;

/// How near something came to what must not be, and what the number counts. Nought is the brink.
pub(crate) const SLACKS: &[(&str, &str)] = &[
    (
        "replicas-above-min-isr",
        "members of the ISR beyond min.insync.replicas when a leader acknowledged",
    ),
    (
        "candidates-complete",
        "replicas of ISR and ELR that run and have all up to the high watermark, when the leader changed",
    ),
    (
        "candidates-durable",
        "replicas that have all up to the high watermark on their disks, when the leader changed",
    ),
    (
        "voters-above-majority",
        "controllers that run beyond a majority, when metadata was committed",
    ),
];

/// A place in [`SLACKS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slack {
    Isr,
    Complete,
    Durable,
    Voters,
}

/// What was reached: a set of points, and the smallest slacks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Reached {
    bits: Vec<u64>,
    slack: [Option<u64>; SLACKS.len()],
}

impl Reached {
    /// Adds a point; true when it was not there.
    pub(crate) fn add(&mut self, point: Point) -> bool {
        let (word, bit) = (point.0 / 64, 1 << (point.0 % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        new
    }

    pub(crate) fn has(&self, point: Point) -> bool {
        self.bits.get(point.0 / 64).is_some_and(|word| word >> (point.0 % 64) & 1 == 1)
    }

    /// Adds a slack, by its place in [`SLACKS`]; true when it is smaller than any before.
    pub(crate) fn near(&mut self, place: usize, slack: u64) -> bool {
        let smaller = self.slack[place].is_none_or(|least| slack < least);
        if smaller {
            self.slack[place] = Some(slack);
        }
        smaller
    }

    pub(super) fn came_near(&mut self, slack: Slack, by: usize) {
        self.near(slack as usize, by as u64);
    }

    /// The smallest slacks, in the order of [`SLACKS`]; none where nothing was to be measured.
    pub(crate) const fn slacks(&self) -> &[Option<u64>; SLACKS.len()] {
        &self.slack
    }
}

#[cfg(test)]
mod tests {
    use super::{Point, Reached};

    #[test]
    fn what_is_new_is_told_once() {
        let mut reached = Reached::default();
        assert!(reached.add(Point(70)) && reached.add(Point(3)) && !reached.add(Point(70)));
        assert!(!reached.has(Point(4)) && !reached.has(Point(700)));
        assert!(reached.has(Point(3)) && reached.has(Point(70)));
        assert!(reached.near(1, 4) && !reached.near(1, 4) && reached.near(1, 0));
        assert_eq!(reached.slacks(), &[None, Some(0), None, None]);
    }
}
