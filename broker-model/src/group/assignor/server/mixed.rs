//! `uniform` where members subscribe to different topics: as even as each topic's subscribers
//! allow, by moving partitions from those with most to those with least.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::Problem;
use super::balancer::Balancer;

/// How often all topics are gone through at most. Source: Kafka 4.1.
const ROUNDS: usize = 16;

struct Assignment<'a, 'b> {
    problem: &'a Problem<'b>,
    /// The members that subscribe to each topic, in order.
    subscribers: Vec<Vec<usize>>,
    /// The member that owns each place.
    owner: Vec<Option<usize>>,
    /// How many places each member owns.
    sizes: Vec<usize>,
}

pub(super) fn assign(problem: &Problem<'_>) -> Vec<Vec<usize>> {
    let mut assignment = Assignment::of_targets(problem);
    let topics = assignment.topics_by_load();
    for &topic in &topics {
        assignment.give_out(topic);
    }
    assignment.balance(&topics);
    let mut owned = vec![Vec::new(); problem.members.len()];
    for (place, owner) in assignment.owner.iter().enumerate() {
        if let Some(member) = owner {
            owned[*member].push(place);
        }
    }
    owned
}

impl<'a, 'b> Assignment<'a, 'b> {
    /// Members keep what they had of topics that they subscribe to.
    fn of_targets(problem: &'a Problem<'b>) -> Self {
        let mut subscribers = vec![Vec::new(); problem.topics.len()];
        let mut owner = vec![None; problem.partitions.len()];
        let mut sizes = vec![0; problem.members.len()];
        for (member, candidate) in problem.members.iter().enumerate() {
            let target = problem.targets.get(member);
            for &topic in candidate.topics {
                subscribers[topic].push(member);
                let places = &problem.topics[topic];
                let first = target.partition_point(|p| *p < places.start);
                for &place in target[first..].iter().take_while(|p| **p < places.end) {
                    owner[place] = Some(member);
                    sizes[member] += 1;
                }
            }
        }
        Self { problem, subscribers, owner, sizes }
    }

    /// Subscribed topics, those with most partitions for each subscriber first.
    fn topics_by_load(&self) -> Vec<usize> {
        let mut topics: Vec<usize> =
            (0..self.subscribers.len()).filter(|&t| !self.subscribers[t].is_empty()).collect();
        topics.sort_by(|&a, &b| self.compare_load(a, b));
        topics
    }

    fn compare_load(&self, a: usize, b: usize) -> Ordering {
        let partitions = |t: usize| self.problem.topics[t].len();
        let (of_a, of_b) = (self.subscribers[a].len(), self.subscribers[b].len());
        let more = (partitions(b) * of_a).cmp(&(partitions(a) * of_b));
        more.then(of_a.cmp(&of_b)).then(a.cmp(&b))
    }

    /// Partitions that nobody owns go to subscribers with least.
    fn give_out(&mut self, topic: usize) {
        let mut balancer = Balancer::new(&self.subscribers[topic], &self.sizes);
        for place in self.problem.topics[topic].clone() {
            if self.owner[place].is_none() {
                let member = balancer.next_low(&self.sizes);
                self.give(place, member);
            }
        }
    }

    fn give(&mut self, place: usize, member: usize) {
        if let Some(before) = self.owner[place].replace(member) {
            self.sizes[before] -= 1;
        }
        self.sizes[member] += 1;
    }

    /// Goes around the topics until nothing moved in a whole round, or too many rounds went by.
    fn balance(&mut self, topics: &[usize]) {
        let shared: Vec<usize> =
            topics.iter().copied().filter(|&t| self.subscribers[t].len() > 1).collect();
        let mut last_moved = None;
        for _ in 0..ROUNDS {
            for &topic in &shared {
                if last_moved == Some(topic) {
                    return;
                }
                if self.balance_topic(topic) || last_moved.is_none() {
                    last_moved = Some(topic);
                }
            }
        }
    }

    /// Moves a topic's partitions from those with most to those with least.
    fn balance_topic(&mut self, topic: usize) -> bool {
        let mut balancer = Balancer::new(&self.subscribers[topic], &self.sizes);
        if balancer.imbalance() <= 1 {
            return false;
        }
        // What each member has to give, the last one goes first.
        let mut places = vec![Vec::new(); self.sizes.len()];
        for place in self.problem.topics[topic].clone() {
            let owner = self.owner[place].expect("every partition was given out");
            places[owner].push(place);
        }
        let mut moved = false;
        while !balancer.is_balanced() {
            let Some(place) = next_to_move(&mut balancer, &self.sizes, &mut places) else { break };
            let to = balancer.next_low(&self.sizes);
            if balancer.is_balanced() {
                break;
            }
            self.give(place, to);
            moved = true;
        }
        moved
    }
}

/// The last partition of who has most and has any of this topic left.
fn next_to_move(
    balancer: &mut Balancer,
    sizes: &[usize],
    places: &mut [Vec<usize>],
) -> Option<usize> {
    loop {
        let member = balancer.next_high(sizes)?;
        match places[member].pop() {
            Some(place) => return Some(place),
            None => balancer.exclude_high(),
        }
    }
}
