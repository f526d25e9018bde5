//! `range`: each topic by itself, in contiguous runs.

use alloc::vec;
use alloc::vec::Vec;

use super::problem::Problem;

pub(super) fn assign(problem: &Problem) -> Vec<Vec<usize>> {
    let mut owned = vec![Vec::new(); problem.member_count()];
    for (topic, partitions) in problem.topics.iter().enumerate() {
        let members: Vec<usize> =
            problem.by_instance.iter().copied().filter(|&m| problem.subscribes(m, topic)).collect();
        let (each, extra) = (partitions.len() / members.len(), partitions.len() % members.len());
        let mut next = partitions.start;
        for (i, member) in members.into_iter().enumerate() {
            let count = each + usize::from(i < extra);
            owned[member].extend(next..next + count);
            next += count;
        }
    }
    owned
}
