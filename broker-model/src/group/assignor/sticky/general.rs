//! Members subscribe to different topics: assign to the least loaded, then move partitions as
//! long as that improves the balance.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::super::problem::Problem;
use super::movements::Movements;
use super::{Assignment, Claims};

struct Search<'a> {
    problem: &'a Problem,
    owned: Vec<Vec<usize>>,
    owner: Vec<Option<usize>>,
    /// Members that take part, the least loaded first.
    by_load: BTreeSet<(usize, usize)>,
    /// Subscribers of each topic.
    subscribers: Vec<Vec<usize>>,
    previous: BTreeMap<usize, usize>,
    movements: Movements,
}

pub(super) fn assign(problem: &Problem, claims: Claims) -> Assignment {
    let mut search = Search::new(problem, claims.previous);
    let revocation_required = search.keep(&claims.owned);
    let order = search.partitions_in_order();
    search.balance(&order, revocation_required);
    let transferring = transfers(problem, &search.owned);
    Assignment { owned: search.owned, transferring }
}

/// Partitions somebody gets that somebody else has.
fn transfers(problem: &Problem, owned: &[Vec<usize>]) -> BTreeMap<usize, usize> {
    let mut added = BTreeMap::new();
    let mut revoked: BTreeSet<usize> = BTreeSet::new();
    for (member, now) in owned.iter().enumerate() {
        let before: BTreeSet<usize> = problem.owned[member].iter().copied().collect();
        let now: BTreeSet<usize> = now.iter().copied().collect();
        added.extend(now.difference(&before).map(|&p| (p, member)));
        revoked.extend(before.difference(&now));
    }
    added.retain(|p, _| revoked.contains(p));
    added
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, previous: BTreeMap<usize, usize>) -> Self {
        let members = problem.member_count();
        let subscribers = (0..problem.topics.len())
            .map(|topic| (0..members).filter(|&m| problem.subscribes(m, topic)).collect())
            .collect();
        Self {
            problem,
            owned: vec![Vec::new(); members],
            owner: vec![None; problem.partition_count()],
            by_load: BTreeSet::new(),
            subscribers,
            previous,
            movements: Movements::default(),
        }
    }

    /// Starts from what members own and still subscribe to. True if somebody has to give up
    /// something.
    fn keep(&mut self, owned: &[Vec<usize>]) -> bool {
        let mut revocation_required = false;
        for (member, owned) in owned.iter().enumerate() {
            for &partition in owned {
                if self.problem.subscribes(member, self.problem.topic_of[partition]) {
                    self.owned[member].push(partition);
                    self.owner[partition] = Some(member);
                } else {
                    revocation_required = true;
                }
            }
            self.by_load.insert((self.owned[member].len(), member));
        }
        revocation_required
    }

    /// Partitions of topics with few subscribers first.
    fn partitions_in_order(&self) -> Vec<usize> {
        let mut topics: Vec<usize> = (0..self.problem.topics.len()).collect();
        topics.sort_by_key(|&t| (self.subscribers[t].len(), t));
        topics.into_iter().flat_map(|t| self.problem.topics[t].clone()).collect()
    }

    fn balance(&mut self, order: &[usize], revocation_required: bool) {
        let initializing = self.by_load.last().is_none_or(|&(load, _)| load == 0);
        let mut unassigned: Vec<usize> =
            order.iter().copied().filter(|&p| self.owner[p].is_none()).collect();
        for &partition in &unassigned {
            let topic = self.problem.topic_of[partition];
            let taker = self.by_load.iter().find(|&&(_, m)| self.problem.subscribes(m, topic));
            let &(_, member) = taker.expect("every topic has a subscriber");
            self.give(partition, member);
        }
        let movable = |p: &usize| self.subscribers[self.problem.topic_of[*p]].len() > 1;
        unassigned.retain(movable);
        let order: Vec<usize> = order.iter().copied().filter(movable).collect();
        // Members that cannot give or take anything do not count for the balance.
        let fixed = (0..self.problem.member_count()).filter(|&m| !self.can_take_part(m));
        for member in fixed.collect::<Vec<_>>() {
            self.by_load.remove(&(self.owned[member].len(), member));
        }
        let before = (self.owned.clone(), self.owner.clone());
        let score = self.score();
        if !revocation_required {
            self.reassign(&unassigned);
        }
        let moved = self.reassign(&order);
        if !initializing && moved && self.score() >= score {
            (self.owned, self.owner) = before;
        }
    }

    fn can_take_part(&self, member: usize) -> bool {
        self.owned[member].len() < self.potential(member)
            || self.owned[member]
                .iter()
                .any(|&p| self.subscribers[self.problem.topic_of[p]].len() > 1)
    }

    /// How many partitions the member could have at most.
    fn potential(&self, member: usize) -> usize {
        self.problem.subscribed[member].iter().map(|&t| self.problem.topics[t].len()).sum()
    }

    /// The sum of the differences in load over all pairs that take part.
    fn score(&self) -> usize {
        let loads: Vec<usize> = self.by_load.iter().map(|&(_, m)| self.owned[m].len()).collect();
        let pairs = loads.iter().enumerate();
        pairs.map(|(i, &a)| loads[i + 1..].iter().map(|&b| a.abs_diff(b)).sum::<usize>()).sum()
    }

    fn reassign(&mut self, partitions: &[usize]) -> bool {
        let mut any = false;
        loop {
            let mut modified = false;
            for &partition in partitions {
                if self.is_balanced() {
                    break;
                }
                modified |= self.improve(partition);
            }
            any |= modified;
            if !modified {
                return any;
            }
        }
    }

    /// Moves one partition if somebody who may have it has at least two fewer.
    fn improve(&mut self, partition: usize) -> bool {
        let topic = self.problem.topic_of[partition];
        let owner = self.owner[partition].expect("everything is assigned by now");
        let load = self.owned[owner].len();
        if let Some(&previous) = self.previous.get(&partition)
            && load > self.owned[previous].len() + 1
        {
            self.move_to(partition, previous);
            return true;
        }
        let better = self.subscribers[topic].iter().any(|&m| load > self.owned[m].len() + 1);
        if !better {
            return false;
        }
        let taker = self.by_load.iter().find(|&&(_, m)| self.problem.subscribes(m, topic));
        let &(_, member) = taker.expect("the better one takes part");
        self.move_to(partition, member);
        true
    }

    fn move_to(&mut self, partition: usize, to: usize) {
        let topic = self.problem.topic_of[partition];
        let from = self.owner[partition].expect("everything is assigned by now");
        let partition = self.movements.instead(topic, partition, from, to);
        let from = self.owner[partition].expect("everything is assigned by now");
        self.movements.record(topic, partition, from, to);
        self.by_load.remove(&(self.owned[from].len(), from));
        self.owned[from].retain(|&p| p != partition);
        self.by_load.insert((self.owned[from].len(), from));
        self.give(partition, to);
    }

    fn give(&mut self, partition: usize, member: usize) {
        self.by_load.remove(&(self.owned[member].len(), member));
        self.owned[member].push(partition);
        self.by_load.insert((self.owned[member].len(), member));
        self.owner[partition] = Some(member);
    }

    fn is_balanced(&self) -> bool {
        let (Some(&(min, _)), Some(&(max, _))) = (self.by_load.first(), self.by_load.last()) else {
            return true;
        };
        if min + 1 >= max {
            return true;
        }
        // Nobody may be able to take something from somebody with more.
        self.by_load.iter().all(|&(load, member)| {
            load == self.potential(member)
                || self.problem.subscribed[member]
                    .iter()
                    .flat_map(|&t| self.problem.topics[t].clone())
                    .all(|p| {
                        let owner = self.owner[p].expect("everything is assigned by now");
                        owner == member || load >= self.owned[owner].len()
                    })
        })
    }
}
