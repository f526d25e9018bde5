//! `uniform` where all members subscribe to the same: as even as can be, then as sticky as can be.

use alloc::vec;
use alloc::vec::Vec;

use super::Problem;

/// Members keep what they had up to their share; what is over goes to those below theirs.
pub(super) fn assign(problem: &Problem<'_>) -> Vec<Vec<usize>> {
    let members = problem.members.len();
    let total = problem.partitions.len();
    if members == 0 || problem.members[0].topics.is_empty() {
        return vec![Vec::new(); members];
    }
    let share = total / members;
    // So many members have one more than their share.
    let mut larger = total % members;
    let mut free = unowned(problem);
    let mut owned = Vec::with_capacity(members);
    let mut below = Vec::new();
    for (i, target) in problem.targets.iter().enumerate() {
        let mut is_larger = larger > 0;
        let kept = target.len().min(share + usize::from(is_larger));
        free.extend(&target[kept..]);
        owned.push(target[..kept].to_vec());
        // Who does not fill the larger share leaves it to others, while there are enough of them.
        if kept <= share && is_larger && members - i > larger {
            is_larger = false;
        }
        let missing = share + usize::from(is_larger) - kept;
        if missing > 0 {
            below.push((i, missing));
        }
        larger -= usize::from(is_larger);
    }
    let mut free = free.into_iter();
    for (member, missing) in below {
        owned[member].extend(free.by_ref().take(missing));
    }
    owned
}

/// The places that nobody was to own, in order.
fn unowned(problem: &Problem<'_>) -> Vec<usize> {
    let mut is_owned = vec![false; problem.partitions.len()];
    for &place in problem.targets.iter().flatten() {
        is_owned[place] = true;
    }
    (0..is_owned.len()).filter(|&place| !is_owned[place]).collect()
}
