//! What is committed survives fewer unclean stops of replicas than `min.insync.replicas`: of those
//! who may be elected one has it on its disk, or more of them have it than may still stop so.
//!
//! Source: KIP-966 (eligible leader replicas); its published TLA+ model, where a replica that
//! may have lost its tail is registered anew and leaves. A kill counts like a power cut, because
//! the controller cannot tell them apart. When all replicas are in sync the count begins anew.
//! Only with eligible leader replicas: without them a single replica may remain, and what it had
//! not flushed is lost with it.

use broker_model::broker::Broker;
use broker_model::note::Note;
use broker_model::records::PartitionRecord;
use broker_model::types::Offset;

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};
use crate::world::Node;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DurableCandidate {
    /// Unclean stops of all replicas when they were last in sync.
    before: ByPartition<u64>,
}

/// Those who may be elected, as the disk knows them.
#[derive(Clone, Copy, Default, Debug)]
struct Holders {
    /// Have everything that is committed.
    all: usize,
    /// Have it on their disks.
    durable: usize,
}

/// Whether it survives as many further stops as are allowed after `stops` of them.
fn survives(holders: Holders, stops: u64, min_isr: usize) -> bool {
    let allowed = min_isr.saturating_sub(1) as u64;
    stops > allowed || holders.durable > 0 || holders.all as u64 > allowed - stops
}

impl DurableCandidate {
    /// How many unclean stops there have been since all replicas were in sync.
    fn stops(&mut self, view: &View<'_>, record: &PartitionRecord) -> u64 {
        let nodes = || record.replicas.iter().filter_map(|&replica| view.node(replica));
        let all = nodes().map(|node| node.unclean_stops).sum();
        let before = self.before.of(record.partition);
        // Whoever died a moment ago is a member until the controller notices.
        let lives = |node: &Node| node.broker().is_some_and(Broker::is_registered);
        if record.isr.len() == record.replicas.len() && nodes().all(lives) {
            *before = all;
        }
        all.saturating_sub(*before)
    }
}

impl Invariant for DurableCandidate {
    fn name(&self) -> &'static str {
        "durable-candidate"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark, Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let partition = match *note {
            Note::PartitionChanged { partition, unclean: false, .. } => partition,
            Note::HighWatermark { partition, leader: true, .. } => partition,
            _ => return None,
        };
        let controller = crate::world::deciding(view.nodes)?;
        let record = view.record(partition)?;
        if !controller.keeps_eligible_leader_replicas() || record.recovering {
            return None;
        }
        let committed = view.committed(partition)?;
        if committed.end() == Offset(0) {
            // Of a partition that was just created the brokers need not have heard.
            return None;
        }
        let stops = self.stops(view, record);
        let mut holders = Holders::default();
        for &member in record.isr.iter().chain(&record.eligible_leader_replicas) {
            let Some(node) = view.node(member) else { continue };
            let Some(replica) = node.broker().and_then(|b| b.replica(partition)) else { continue };
            let log = replica.log();
            if !committed.is_missing_the_last(log) {
                holders.all += 1;
                let durable = node.cache.durable(partition) >= committed.end();
                holders.durable += usize::from(durable);
            }
        }
        // What was committed before a reassignment did not wait for those who come.
        let settled = record.replicas.len() - record.adding.len();
        let min_isr = controller.min_isr(record.topic).min(settled);
        (!survives(holders, stops, min_isr)).then(|| {
            format!(
                "of those who may lead partition {partition} {} have what is committed up to {}, \
                 none on its disk, after {stops} unclean stops with min.insync.replicas {min_isr}",
                holders.all,
                committed.end(),
                partition = view.partition(partition)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Holders, survives};

    const fn holders(all: usize, durable: usize) -> Holders {
        Holders { all, durable }
    }

    #[test]
    fn rejects_what_one_stop_would_take() {
        assert!(!survives(holders(1, 0), 0, 2));
        assert!(!survives(holders(0, 0), 0, 1));
        assert!(!survives(holders(0, 0), 1, 2));
    }

    #[test]
    fn accepts_what_is_on_a_disk_or_on_enough_hosts_or_beyond_what_was_promised() {
        assert!(survives(holders(2, 0), 0, 2));
        assert!(survives(holders(1, 1), 0, 2));
        assert!(survives(holders(1, 0), 1, 2), "the stop that was allowed has been");
        assert!(survives(holders(0, 0), 2, 2), "more stops than promised");
        assert!(survives(holders(1, 0), 0, 1));
    }
}
