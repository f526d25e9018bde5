//! Samples of a world as the series of a report.

use reports::metric::{Resource, Timeline};

use crate::world::World;

/// A share in parts per million. Jobs count when they are taken, so a cell is at most full.
fn ppm(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        0
    } else {
        (u128::from(part) * 1_000_000 / u128::from(whole)).min(1_000_000) as u64
    }
}

/// The timeline of a finished world.
pub(super) fn of(world: &World) -> Timeline {
    let mut timeline = Timeline::new(world.sample_interval());
    let brokers: Vec<_> = world.nodes().iter().filter(|n| n.broker().is_some()).collect();
    for node in &brokers {
        timeline.broker(&format!("broker {}", node.id));
    }
    let mut before = None;
    for sample in world.samples() {
        timeline.replication(
            u64::from(sample.under_replicated),
            u64::from(sample.under_min_isr),
            sample.at.0,
        );
        if let Some((at, busy)) = &before {
            let elapsed = sample.at.since(*at);
            let pairs = sample.busy.iter().zip(busy as &Vec<[u64; 4]>).zip(&brokers);
            for (index, ((now, then), node)) in pairs.enumerate() {
                let used = |i: usize| now[i].saturating_sub(then[i]);
                let cpu = ppm(used(0), elapsed * node.threads().max(1));
                let network = ppm(used(1).max(used(2)), elapsed);
                let disk = ppm(used(3), elapsed);
                timeline.utilization(index, Resource::Cpu, cpu, sample.at.0);
                timeline.utilization(index, Resource::Network, network, sample.at.0);
                timeline.utilization(index, Resource::Disk, disk, sample.at.0);
            }
        }
        before = Some((sample.at, sample.busy.clone()));
    }
    for fault in world.fault_records() {
        let until = fault.until.unwrap_or(world.now());
        timeline.fault(&format!("{} {}", fault.kind, fault.resolved), fault.at.0, until.0);
    }
    timeline
}
