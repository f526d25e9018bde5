//! `sticky` and `cooperative-sticky`: balanced, and as little moved as balance allows.
//!
//! Two algorithms, as in Kafka: a linear one when everyone subscribes to the same topics, and
//! a search otherwise. Source: Kafka 4.1, `AbstractStickyAssignor`; KIP-54, KIP-429.

mod constrained;
mod general;
mod movements;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::problem::Problem;

/// What each member shall own in the end, and what must be given up first.
pub(super) struct Assignment {
    pub(super) owned: Vec<Vec<usize>>,
    /// Partitions that another member still owns, with their new owner.
    transferring: BTreeMap<usize, usize>,
}

impl Assignment {
    /// The first of two rounds: a partition on the move belongs to nobody (KIP-429).
    pub(super) fn without_transfers(mut self) -> Vec<Vec<usize>> {
        for (partition, member) in self.transferring {
            self.owned[member].retain(|&p| p != partition);
        }
        self.owned
    }
}

pub(super) fn assign(problem: &Problem) -> Assignment {
    let claims = Claims::judge(problem);
    if problem.equal_subscriptions {
        constrained::assign(problem, claims)
    } else {
        general::assign(problem, claims)
    }
}

/// Who owned what before, after contradictions are settled: the newer generation is believed,
/// and of two claims in one generation none.
pub(super) struct Claims {
    pub(super) owned: Vec<Vec<usize>>,
    /// Partitions that two members claim in the same generation.
    pub(super) disputed: BTreeSet<usize>,
    /// Owners by members of older generations.
    pub(super) previous: BTreeMap<usize, usize>,
}

impl Claims {
    fn judge(problem: &Problem) -> Self {
        let mut owned = vec![Vec::new(); problem.member_count()];
        let mut disputed: BTreeSet<usize> = BTreeSet::new();
        let mut owner: BTreeMap<usize, usize> = BTreeMap::new();
        for member in 0..problem.member_count() {
            for &partition in &problem.owned[member] {
                let Some(&other) = owner.get(&partition) else {
                    owned[member].push(partition);
                    owner.insert(partition, member);
                    continue;
                };
                let (mine, theirs) = (problem.generation[member], problem.generation[other]);
                if mine < theirs {
                    continue;
                }
                owned[other].retain(|&p: &usize| p != partition);
                owner.insert(partition, member);
                if mine == theirs {
                    disputed.insert(partition);
                } else {
                    owned[member].push(partition);
                }
            }
        }
        Self { owned, disputed, previous: previous_owners(problem) }
    }
}

fn previous_owners(problem: &Problem) -> BTreeMap<usize, usize> {
    let newest = problem.generation.iter().copied().max().unwrap_or(-1);
    let mut previous: BTreeMap<usize, (i32, usize)> = BTreeMap::new();
    for member in 0..problem.member_count() {
        let generation = problem.generation[member];
        if generation >= newest {
            continue;
        }
        for &partition in &problem.owned[member] {
            let newer = previous.get(&partition).is_none_or(|&(g, _)| g < generation);
            if newer {
                previous.insert(partition, (generation, member));
            }
        }
    }
    previous.into_iter().map(|(partition, (_, member))| (partition, member)).collect()
}
