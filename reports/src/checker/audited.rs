//! Which offsets of which partitions the final audit returned.

/// A growing row of bits.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// Sets `count` bits from `first`.
    pub fn set_range(&mut self, first: u64, count: u64) {
        let end = first + count;
        let words = usize::try_from(end.div_ceil(64)).expect("offsets of a run fit in memory");
        if words > self.words.len() {
            self.words.resize(words, 0);
        }
        for (word, mask) in masks(first, end) {
            self.words[word] |= mask;
        }
    }

    /// Takes one bit back.
    fn clear(&mut self, at: u64) {
        if let Some(word) = usize::try_from(at / 64).ok().and_then(|word| self.words.get_mut(word))
        {
            *word &= !(1 << (at % 64));
        }
    }

    /// The first set bit in `[first, end)`.
    #[must_use]
    pub fn first_set(&self, first: u64, end: u64) -> Option<u64> {
        for (word, mask) in masks(first, end) {
            let found = self.words.get(word)? & mask;
            if found != 0 {
                return Some(word as u64 * 64 + u64::from(found.trailing_zeros()));
            }
        }
        None
    }
}

/// The words that `[first, end)` touches, with the bits it covers in each.
fn masks(first: u64, end: u64) -> impl Iterator<Item = (usize, u64)> {
    let words = if first < end { first / 64..end.div_ceil(64) } else { 0..0 };
    words.map(move |word| {
        let low = first.max(word * 64) - word * 64;
        let high = end.min(word * 64 + 64) - word * 64;
        let mask = if high - low == 64 { u64::MAX } else { ((1 << (high - low)) - 1) << low };
        (word as usize, mask)
    })
}

/// The audit's progress and the offsets it returned.
#[derive(Clone, Default, Debug)]
pub struct Audited {
    visible: Vec<Option<Progress>>,
    current: Option<u32>,
}

/// How far the audit of one partition has come.
#[derive(Clone, Default, Debug)]
struct Progress {
    found: Bits,
    next_offset: i64,
}

impl Audited {
    /// The audit goes on with a partition, or begins with it.
    pub(crate) fn turn_to(&mut self, partition: u32) {
        let index = partition as usize;
        if index >= self.visible.len() {
            self.visible.resize(index + 1, None);
        }
        self.visible[index].get_or_insert_default();
        self.current = Some(partition);
    }

    pub(crate) fn current(&self) -> u32 {
        self.current.expect("an audit names its partition first")
    }

    pub(crate) fn visible(&mut self, base_offset: i64, count: usize) {
        let partition = self.current() as usize;
        let progress = self.visible[partition].as_mut().expect("its audit began");
        assert!(base_offset >= progress.next_offset, "an audit is in log order, and is made once");
        progress.found.set_range(base_offset.cast_unsigned(), count as u64);
        progress.next_offset = base_offset + i64::try_from(count).expect("a batch is small");
    }

    /// Whether this partition was audited.
    #[must_use]
    pub fn covers(&self, partition: u32) -> bool {
        matches!(self.visible.get(partition as usize), Some(Some(_)))
    }

    /// A reader need not have found the record at an offset, though the audit has.
    pub(crate) fn excuse(&mut self, partition: u32, offset: i64) {
        if let Some(Some(progress)) = self.visible.get_mut(partition as usize) {
            progress.found.clear(offset.cast_unsigned());
        }
    }

    /// The first offset in `[from, to)` of a partition at which the audit found a record that
    /// every reader must have found.
    #[must_use]
    pub fn first_visible(&self, partition: u32, from: i64, to: i64) -> Option<i64> {
        let bits = &self.visible.get(partition as usize)?.as_ref()?.found;
        let (from, to) = (from.max(0).cast_unsigned(), to.max(0).cast_unsigned());
        bits.first_set(from, to).map(u64::cast_signed)
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_agree_with_a_row_of_flags(
            runs in prop::collection::vec((0_u64..300, 0_u64..140), 0..8),
            (from, to) in (0_u64..500, 0_u64..500),
        ) {
            let mut bits = Bits::default();
            let mut flags = vec![false; 600];
            for (first, count) in runs {
                bits.set_range(first, count);
                flags[first as usize..(first + count) as usize].fill(true);
            }
            let naive = (from..to).find(|&at| flags[at as usize]);
            prop_assert_eq!(bits.first_set(from, to), naive);
        }
    }
}
