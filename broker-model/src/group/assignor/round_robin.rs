//! `roundrobin`: all partitions in turn, over the members that subscribe to them.

use alloc::vec;
use alloc::vec::Vec;

use super::problem::Problem;

pub(super) fn assign(problem: &Problem) -> Vec<Vec<usize>> {
    let mut owned = vec![Vec::new(); problem.member_count()];
    let mut turn = 0;
    for partition in 0..problem.partition_count() {
        let topic = problem.topic_of[partition];
        // Every topic here has a subscriber, so this ends.
        let member = loop {
            let member = problem.by_instance[turn % problem.member_count()];
            turn += 1;
            if problem.subscribes(member, topic) {
                break member;
            }
        };
        owned[member].push(partition);
    }
    owned
}
