//! Samples of a world as the series of a report.

use reports::metric::{BrokerUse, Timeline};

use crate::world::{Sample, World};

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
    let mut before = None::<&Sample>;
    for sample in world.samples() {
        timeline.replication(
            u64::from(sample.under_replicated),
            u64::from(sample.under_min_isr),
            sample.at.0,
        );
        if let Some(before) = before {
            let elapsed = sample.at.since(before.at);
            let pairs = sample.busy.iter().zip(&before.busy).zip(&brokers);
            for (index, ((now, then), node)) in pairs.enumerate() {
                let used = now.since(then);
                let used = BrokerUse {
                    cpu_ppm: ppm(used.cpu, elapsed * node.threads().max(1)),
                    network_ppm: ppm(used.network_out.max(used.network_in), elapsed),
                    disk_ppm: ppm(used.disk, elapsed),
                };
                timeline.utilization(index, used, sample.at.0);
            }
        }
        before = Some(sample);
    }
    // The warm-up is load too; before it there is none.
    let end = world.recorder().end_ns();
    let load_from = world.recorder().phases().load_from_ns();
    timeline.boot_end_ns = load_from.map_or(end, |at| at.saturating_sub(world.scenario().warmup));
    for fault in world.fault_records() {
        let until = fault.until.unwrap_or(world.now());
        timeline.fault(&format!("{} {}", fault.kind, fault.resolved), fault.at.0, until.0);
    }
    timeline
}
