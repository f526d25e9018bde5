//! Subscribers of a topic between those with least and those with most.

use alloc::vec::Vec;

/// Hands out the subscribers with least in turn, and those with most in turn, as if each took
/// or gave one partition. Both groups grow towards each other as their level moves.
pub(super) struct Balancer {
    /// Members by how much they had at the beginning, then by number.
    sorted: Vec<usize>,
    /// How much more the member with most had than the one with least.
    imbalance: usize,
    /// The group with least is everything before this place.
    low_end: usize,
    low_level: isize,
    low_next: usize,
    /// The group with most is everything from here ..
    high_start: usize,
    /// .. to here; behind it are members that have nothing to give.
    high_end: usize,
    high_level: isize,
    /// One behind the place that comes next.
    high_next: usize,
}

impl Balancer {
    /// Among `members`, of whom each has so much.
    pub(super) fn new(members: &[usize], sizes: &[usize]) -> Self {
        let mut sorted = members.to_vec();
        sorted.sort_by_key(|&m| (sizes[m], m));
        let size = |member: Option<&usize>| sizes[*member.expect("a topic has a subscriber")];
        let (least, most) = (size(sorted.first()), size(sorted.last()));
        Self {
            low_end: 0,
            low_level: level(least) - 1,
            low_next: 0,
            high_start: sorted.len(),
            high_end: sorted.len(),
            high_level: level(most) + 1,
            high_next: sorted.len(),
            imbalance: most - least,
            sorted,
        }
    }

    /// How much more the member with most had than the one with least.
    pub(super) const fn imbalance(&self) -> usize {
        self.imbalance
    }

    /// Nothing is left to be gained.
    pub(super) const fn is_balanced(&self) -> bool {
        self.high_level - self.low_level <= 1
    }

    /// Who takes the next partition.
    pub(super) fn next_low(&mut self, sizes: &[usize]) -> usize {
        if self.low_next >= self.low_end {
            self.low_level += 1;
            while self.has_at(self.low_end, self.low_level, sizes) {
                self.low_end += 1;
            }
            self.low_next = 0;
        }
        self.low_next += 1;
        self.sorted[self.low_next - 1]
    }

    /// Who gives the next partition, if anybody still has any.
    pub(super) fn next_high(&mut self, sizes: &[usize]) -> Option<usize> {
        if self.high_next <= self.high_start {
            if self.high_end <= self.high_start && self.high_start > 0 {
                // Everyone in the group was excluded: it begins anew with who has most now.
                self.high_level = level(sizes[self.sorted[self.high_start - 1]]);
            } else {
                self.high_level -= 1;
            }
            while self.high_start > 0 && self.has_at(self.high_start - 1, self.high_level, sizes) {
                self.high_start -= 1;
            }
            self.high_next = self.high_end;
        }
        self.high_next = self.high_next.checked_sub(1)?;
        Some(self.sorted[self.high_next])
    }

    /// The member that [`Self::next_high`] named last has nothing to give.
    pub(super) fn exclude_high(&mut self) {
        self.high_end -= 1;
        self.sorted.swap(self.high_next, self.high_end);
    }

    fn has_at(&self, place: usize, at: isize, sizes: &[usize]) -> bool {
        self.sorted.get(place).is_some_and(|&member| level(sizes[member]) == at)
    }
}

fn level(size: usize) -> isize {
    isize::try_from(size).expect("fewer partitions than fit")
}
