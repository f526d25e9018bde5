//! What several searches for one entry say together.

/// How many runs it took, over several searches.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Measure {
    /// Runs to the first hit of those that found it, in order.
    hits: Vec<u64>,
    /// Runs of those that gave up, in order.
    misses: Vec<u64>,
}

impl Measure {
    /// One more search.
    pub(super) fn add(&mut self, found: bool, runs: u64) {
        let list = if found { &mut self.hits } else { &mut self.misses };
        let place = list.partition_point(|known| *known <= runs);
        list.insert(place, runs);
    }

    /// Searches that found it.
    pub(super) const fn found(&self) -> usize {
        self.hits.len()
    }

    /// All searches.
    pub(super) const fn of(&self) -> usize {
        self.hits.len() + self.misses.len()
    }

    /// The number of runs that this many percent of the searches needed at most. A search that gave
    /// up would have needed more than any: where it counts, the number is one that was not enough.
    pub(super) fn percentile(&self, percent: usize) -> Option<Runs> {
        let rank = (self.of() * percent).div_ceil(100).max(1);
        match self.hits.get(rank - 1) {
            Some(runs) => Some(Runs::Enough(*runs)),
            None => self.misses.first().map(|runs| Runs::NotEnough(*runs)),
        }
    }
}

/// A number of runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Runs {
    /// So many found it.
    Enough(u64),
    /// So many did not.
    NotEnough(u64),
}

#[cfg(test)]
mod tests {
    use super::{Measure, Runs};

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut measure = Measure::default();
        assert_eq!(measure.percentile(50), None);
        for runs in (1..=20).rev() {
            measure.add(true, runs * 10);
        }
        assert_eq!(measure.percentile(50), Some(Runs::Enough(100)));
        assert_eq!(measure.percentile(95), Some(Runs::Enough(190)));
        assert_eq!(measure.percentile(100), Some(Runs::Enough(200)));
    }

    #[test]
    fn who_gave_up_counts_as_later_than_all() {
        let mut measure = Measure::default();
        for (found, runs) in [(true, 7), (false, 5_000), (false, 4_000), (true, 3)] {
            measure.add(found, runs);
        }
        assert_eq!((measure.found(), measure.of()), (2, 4));
        assert_eq!(measure.percentile(50), Some(Runs::Enough(7)));
        assert_eq!(measure.percentile(95), Some(Runs::NotEnough(4_000)));
    }
}
