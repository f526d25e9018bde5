//! What may be taken away from a scenario, or made plainer.

mod faults;
mod load;
mod settings;
mod shape;
mod snap;

pub(super) use faults::{
    deletions as fault_deletions, pairs as fault_pairs, plainer as plainer_faults,
};
pub(super) use load::{calls, earlier_ends, fewer_calls, plainer as plainer_loads};
pub(super) use settings::{defaults, rounded};
pub(super) use shape::{smaller, without_services};
pub(super) use snap::to_events;

use std::ops::Range;

/// Pieces of `0..len` of this size, the last first: what is taken away leaves the places before it.
fn pieces(len: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let size = size.max(1);
    (0..len.div_ceil(size)).rev().map(move |piece| piece * size..((piece + 1) * size).min(len))
}

/// Sizes of pieces from all of it to one: `len`, half of it, a quarter, ...
pub(super) fn halves(len: usize) -> impl Iterator<Item = usize> {
    std::iter::successors((len > 0).then_some(len), |size| (*size > 1).then(|| size.div_ceil(2)))
}

/// Numbers that people would choose, below `than` and not below `least`, in ascending order: 1, 2 and
/// 5 times the powers of ten.
fn plain_numbers(least: u64, than: u64) -> impl Iterator<Item = u64> {
    let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
    let all = powers.flat_map(|power| [1, 2, 5].map(|times| power.saturating_mul(times)));
    all.skip_while(move |number| *number < least).take_while(move |number| *number < than)
}

#[cfg(test)]
mod tests {
    use super::{halves, pieces, plain_numbers};

    #[test]
    fn pieces_cover_all_from_the_end() {
        assert_eq!(pieces(5, 2).collect::<Vec<_>>(), [4..5, 2..4, 0..2]);
        assert_eq!(pieces(0, 2).count(), 0);
    }

    #[test]
    fn sizes_go_down_to_one() {
        assert_eq!(halves(7).collect::<Vec<_>>(), [7, 4, 2, 1]);
        assert_eq!(halves(0).count(), 0);
    }

    #[test]
    fn plain_numbers_ascend_below_a_bound() {
        assert_eq!(plain_numbers(3, 100).collect::<Vec<_>>(), [5, 10, 20, 50]);
        assert_eq!(plain_numbers(1, u64::MAX).last(), Some(10_000_000_000_000_000_000));
    }
}
