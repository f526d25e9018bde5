//! Where the controller puts the replicas of a new partition.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::metadata::Image;
use crate::types::{NodeId, RackId};

/// A registered broker as placement sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Candidate {
    id: NodeId,
    rack: Option<RackId>,
    active: bool,
}

/// Replicas for partitions `first..first + count` of a topic, rack-aware round robin: leaders
/// go round the brokers, the other replicas of each round are shifted by one more, and no two
/// replicas share a rack while there are racks left. A fenced broker never comes first.
/// Kafka draws its starting points at random; here `seed` (how many partitions the cluster
/// has had) spreads small topics. The caller has checked that the factor can be met.
pub(super) fn place(image: &Image, seed: u32, partitions: u32, factor: u32) -> Vec<Vec<NodeId>> {
    let brokers = by_alternating_racks(image);
    (0..partitions).map(|p| place_one(&brokers, seed as usize, p as usize, factor)).collect()
}

fn by_alternating_racks(image: &Image) -> Vec<Candidate> {
    let mut racks: BTreeMap<Option<RackId>, Vec<Candidate>> = BTreeMap::new();
    for (id, broker) in image.brokers() {
        let candidate = Candidate { id, rack: broker.rack, active: broker.is_active() };
        racks.entry(broker.rack).or_default().push(candidate);
    }
    let deepest = racks.values().map(Vec::len).max().unwrap_or(0);
    (0..deepest).flat_map(|i| racks.values().filter_map(move |r| r.get(i).copied())).collect()
}

fn place_one(brokers: &[Candidate], seed: usize, partition: usize, factor: u32) -> Vec<NodeId> {
    let n = brokers.len();
    let start = (seed + partition) % n;
    let shift = partition / n;
    let mut order: Vec<usize> = Vec::with_capacity(n);
    order.push(start);
    order.extend((0..n - 1).map(|k| (start + 1 + (shift + k) % (n - 1)) % n));
    let mut chosen: Vec<Candidate> = Vec::new();
    // First one replica in each rack, then whoever is left.
    for other_racks_only in [true, false] {
        for &i in &order {
            let candidate = brokers[i];
            let rack_taken =
                candidate.rack.is_some() && chosen.iter().any(|c| c.rack == candidate.rack);
            if chosen.len() < factor as usize
                && !chosen.contains(&candidate)
                && !(other_racks_only && rack_taken)
            {
                chosen.push(candidate);
            }
        }
    }
    lead_with_an_active(&mut chosen, brokers, &order);
    chosen.iter().map(|c| c.id).collect()
}

fn lead_with_an_active(chosen: &mut [Candidate], brokers: &[Candidate], order: &[usize]) {
    if let Some(position) = chosen.iter().position(|c| c.active) {
        chosen[..=position].rotate_right(1);
    } else if let Some(active) = order.iter().map(|i| brokers[*i]).find(|c| c.active) {
        chosen[0] = active;
    }
}
