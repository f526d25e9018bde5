//! `uniform` where all members subscribe to the same: as even as can be, then as sticky as can be.

use alloc::vec;
use alloc::vec::Vec;

use super::Problem;
use crate::group::assignor::lists::Lists;

/// Members keep what they had up to their share; what is over goes to those below theirs.
pub(super) fn assign(problem: &Problem<'_>) -> Lists<usize> {
    let members = problem.members.len();
    let total = problem.partitions.len();
    if members == 0 || problem.members[0].topics.is_empty() {
        return Lists::empty(members);
    }
    let share = total / members;
    // So many members have one more than their share.
    let mut larger = total % members;
    let mut free = unowned(problem);
    // How many places each member keeps, and how many it gets.
    let mut parts = Vec::with_capacity(members);
    for (i, target) in problem.targets.iter().enumerate() {
        let mut is_larger = larger > 0;
        let kept = target.len().min(share + usize::from(is_larger));
        free.extend(&target[kept..]);
        // Who does not fill the larger share leaves it to others, while there are enough of them.
        if kept <= share && is_larger && members - i > larger {
            is_larger = false;
        }
        parts.push((kept, share + usize::from(is_larger) - kept));
        larger -= usize::from(is_larger);
    }
    let mut free = free.into_iter();
    let mut owned = Lists::with_capacity(members, total);
    for (target, (kept, missing)) in problem.targets.iter().zip(parts) {
        owned.push(target[..kept].iter().copied().chain(free.by_ref().take(missing)));
    }
    owned
}

/// The places that nobody was to own, in order.
fn unowned(problem: &Problem<'_>) -> Vec<usize> {
    let mut is_owned = vec![false; problem.partitions.len()];
    for &place in problem.targets.items() {
        is_owned[place] = true;
    }
    (0..is_owned.len()).filter(|&place| !is_owned[place]).collect()
}
