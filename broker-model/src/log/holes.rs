//! Offsets at which compaction left no batch.

use alloc::vec::Vec;

use crate::types::Offset;

/// Stretches of offsets without a batch, in order; they neither overlap nor touch.
///
/// A log that was never compacted has none, and then every question costs one comparison.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Holes {
    holes: Vec<(Offset, Offset)>,
}

impl Holes {
    /// Whether there is no batch at this offset.
    pub(super) fn contains(&self, offset: Offset) -> bool {
        if self.holes.is_empty() {
            return false;
        }
        let after = self.holes.partition_point(|h| h.0 <= offset);
        after > 0 && offset < self.holes[after - 1].1
    }

    /// Where the hole begins that ends at `end`; `end` itself if there is none.
    pub(super) fn start_before(&self, end: Offset) -> Offset {
        if self.holes.is_empty() {
            return end;
        }
        let at = self.holes.binary_search_by_key(&end, |h| h.1);
        at.map_or(end, |at| self.holes[at].0)
    }

    /// A batch at `base` follows one that ended at `end`.
    pub(super) fn push(&mut self, end: Offset, base: Offset) {
        if end < base {
            self.holes.push((end, base));
        }
    }

    /// The log now ends at `end`.
    pub(super) fn truncate_from_end(&mut self, end: Offset) {
        self.holes.retain(|h| h.0 < end);
        if let Some(last) = self.holes.last_mut() {
            last.1 = last.1.min(end);
        }
    }

    /// What begins before `start` is gone.
    pub(super) fn truncate_from_start(&mut self, start: Offset) {
        let gone = self.holes.partition_point(|h| h.1 <= start);
        self.holes.drain(..gone);
        if let Some(first) = self.holes.first_mut() {
            first.0 = first.0.max(start);
        }
    }

    /// Takes `cleaned` for everything before `end`, which is the border of a batch.
    pub(super) fn replace_before(&mut self, end: Offset, cleaned: Self) {
        let after = self.holes.partition_point(|h| h.1 <= end);
        let kept = self.holes.split_off(after);
        self.holes = cleaned.holes;
        for (from, to) in kept {
            // A hole on both sides of the border is one.
            match self.holes.last_mut() {
                Some(last) if last.1 >= from => last.1 = to,
                _ => self.holes.push((from, to)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Holes;
    use crate::types::Offset;

    fn of(ranges: &[(i64, i64)]) -> Holes {
        Holes { holes: ranges.iter().map(|r| (Offset(r.0), Offset(r.1))).collect() }
    }

    #[test]
    fn holes_answer_as_a_list_of_offsets_does() {
        let ranges = [(0, 2), (5, 6), (9, 12)];
        let holes = of(&ranges);
        for offset in 0..15 {
            let naive = ranges.iter().any(|r| (r.0..r.1).contains(&offset));
            assert_eq!(holes.contains(Offset(offset)), naive, "offset {offset}");
        }
        assert_eq!(holes.start_before(Offset(12)), Offset(9));
        assert_eq!(holes.start_before(Offset(8)), Offset(8));
    }

    #[test]
    fn cuts_and_cleanings_keep_them_apart() {
        let mut holes = of(&[(0, 2), (5, 6), (9, 12)]);
        holes.truncate_from_end(Offset(10));
        assert_eq!(holes, of(&[(0, 2), (5, 6), (9, 10)]));
        holes.truncate_from_start(Offset(1));
        assert_eq!(holes, of(&[(1, 2), (5, 6), (9, 10)]));
        holes.replace_before(Offset(9), of(&[(1, 4), (7, 9)]));
        assert_eq!(holes, of(&[(1, 4), (7, 10)]));
    }
}
