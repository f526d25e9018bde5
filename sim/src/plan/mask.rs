//! Which calls of a load are taken out of a run.

use scenarios::model::CallRange;

/// A generator's calls are too many to be listed in a plan: the plan holds the generator and
/// this mask. Calls that are taken out are drawn like the others, and then left out, so the
/// others keep what they drew.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mask {
    ranges: Vec<CallRange>,
    at: usize,
}

impl Mask {
    /// A mask over ascending ranges that do not touch.
    #[must_use]
    pub const fn new(ranges: Vec<CallRange>) -> Self {
        Self { ranges, at: 0 }
    }

    /// Whether this call is taken out. Numbers must be asked in ascending order.
    pub fn drops(&mut self, number: u64) -> bool {
        while let Some(range) = self.ranges.get(self.at) {
            if number < range.until {
                return number >= range.from;
            }
            self.at += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scenarios::model::CallRange;

    use super::Mask;

    proptest! {
        #[test]
        fn a_mask_knows_its_members(gaps in prop::collection::vec((1u64..5, 1u64..5), 0..6)) {
            let mut end = 0;
            let ranges: Vec<CallRange> = gaps
                .iter()
                .map(|(gap, length)| {
                    let from = end + gap;
                    end = from + length;
                    CallRange { from, until: end }
                })
                .collect();
            let mut mask = Mask::new(ranges.clone());
            for number in 0..end + 3 {
                let naive = ranges.iter().any(|r| (r.from..r.until).contains(&number));
                prop_assert_eq!(mask.drops(number), naive);
            }
        }
    }
}
