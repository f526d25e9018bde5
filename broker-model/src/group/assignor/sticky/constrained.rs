//! Everyone subscribes to the same: keep up to the quota, hand out the rest in turn.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use super::super::problem::Problem;
use super::{Assignment, Claims};

struct Builder {
    /// Every member gets this many at least.
    min_quota: usize,
    /// And this many at most: one more, or the same.
    max_quota: usize,
    /// How many members get the larger number.
    larger_expected: usize,
    larger: usize,
    owned: Vec<Vec<usize>>,
    /// Members below the smaller number.
    below_min: Vec<usize>,
    /// Members that have the smaller number and may get one more.
    at_min: VecDeque<usize>,
    revoked: BTreeSet<usize>,
}

pub(super) fn assign(problem: &Problem, claims: Claims) -> Assignment {
    let (members, partitions) = (problem.member_count(), problem.partition_count());
    if members == 0 {
        return Assignment { owned: Vec::new(), transferring: BTreeMap::new() };
    }
    let mut builder = Builder {
        min_quota: partitions / members,
        max_quota: partitions.div_ceil(members),
        larger_expected: partitions % members,
        larger: 0,
        owned: vec![Vec::new(); members],
        below_min: Vec::new(),
        at_min: VecDeque::new(),
        revoked: BTreeSet::new(),
    };
    for (member, mut owned) in claims.owned.into_iter().enumerate() {
        owned.retain(|p| !claims.disputed.contains(p));
        // What has to go goes from the end of this order.
        owned.sort_by_key(|&p| {
            let topic = problem.topic_of[p];
            (p - problem.topics[topic].start, topic)
        });
        builder.keep(member, &owned);
    }
    let kept: BTreeSet<usize> = builder.owned.iter().flatten().copied().collect();
    let mut transferring = BTreeMap::new();
    let free: Vec<usize> = (0..partitions).filter(|p| !kept.contains(p)).collect();
    builder.hand_out(&free, |partition, member, revoked| {
        if revoked.contains(&partition) || claims.disputed.contains(&partition) {
            transferring.insert(partition, member);
        }
    });
    Assignment { owned: builder.owned, transferring }
}

impl Builder {
    /// A member keeps what it has, up to its quota.
    fn keep(&mut self, member: usize, owned: &[usize]) {
        let keeps = if owned.len() < self.min_quota {
            self.below_min.push(member);
            owned.len()
        } else if owned.len() >= self.max_quota && self.larger < self.larger_expected {
            self.larger += 1;
            if self.larger == self.larger_expected {
                self.at_min.clear();
            }
            self.max_quota
        } else {
            if self.larger < self.larger_expected {
                self.at_min.push_back(member);
            }
            self.min_quota
        };
        self.owned[member].extend(&owned[..keeps]);
        self.revoked.extend(&owned[keeps..]);
    }

    /// The rest goes in turn to those below the quota, then to those that may have one more.
    fn hand_out(&mut self, free: &[usize], mut given: impl FnMut(usize, usize, &BTreeSet<usize>)) {
        let mut turn = 0;
        for &partition in free {
            let member = if self.below_min.is_empty() {
                self.at_min.pop_front().expect("quotas add up to the number of partitions")
            } else {
                turn %= self.below_min.len();
                self.below_min[turn]
            };
            given(partition, member, &self.revoked);
            self.owned[member].push(partition);
            if self.below_min.get(turn) == Some(&member) {
                if self.owned[member].len() >= self.min_quota {
                    self.below_min.remove(turn);
                    self.at_min.push_back(member);
                } else {
                    turn += 1;
                }
            }
        }
    }
}
