//! What the simulator samples of the cluster itself, for the report only: utilization and
//! replication over time, and when faults were in force. No check reads it.

use serde::{Deserialize, Serialize};

use super::grid::Grid;

/// A resource of a broker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Request handler and network threads.
    Cpu,
    /// The busier direction of the network interface.
    Network,
    /// The disk's bandwidth.
    Disk,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Network, Self::Disk];

    /// Its name in reports and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Network => "network",
            Self::Disk => "disk",
        }
    }
}

/// One broker's utilization, in parts per million of capacity.
#[derive(Clone, Debug)]
pub struct BrokerSeries {
    /// Its name.
    pub name: String,
    /// By [`Resource`] in order of declaration.
    pub utilization_ppm: [Grid; 3],
}

/// When a fault was in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FaultWindow {
    /// What, for people: `kill broker 2`.
    pub label: String,
    /// From, simulated ns.
    pub start_ns: u64,
    /// Until, simulated ns.
    pub end_ns: u64,
}

/// Samples of one run.
#[derive(Clone, Default, Debug)]
pub struct Timeline {
    grid: Grid,
    /// Brokers in order of declaration.
    pub brokers: Vec<BrokerSeries>,
    /// Partitions whose ISR is smaller than their replica set.
    pub under_replicated: Grid,
    /// Partitions whose ISR is smaller than `min.insync.replicas`, or without a leader.
    pub under_min_isr: Grid,
    /// Fault windows in order of their start.
    pub faults: Vec<FaultWindow>,
}

impl Timeline {
    /// An empty one on a grid of `grid_ns` simulated nanoseconds.
    #[must_use]
    pub fn new(grid_ns: u64) -> Self {
        let grid = Grid::new(grid_ns);
        let (under_replicated, under_min_isr) = (grid.clone(), grid.clone());
        Self { grid, brokers: Vec::new(), under_replicated, under_min_isr, faults: Vec::new() }
    }

    /// Declares a broker; gives its number here.
    pub fn broker(&mut self, name: &str) -> usize {
        let grid = || self.grid.clone();
        let utilization_ppm = [grid(), grid(), grid()];
        self.brokers.push(BrokerSeries { name: name.to_owned(), utilization_ppm });
        self.brokers.len() - 1
    }

    /// Samples a broker's utilization over the cell that ends or is at `at_ns`.
    pub fn utilization(&mut self, broker: usize, resource: Resource, ppm: u64, at_ns: u64) {
        self.brokers[broker].utilization_ppm[resource as usize].level(at_ns, ppm);
    }

    /// Samples replication: partitions short of replicas, and of `min.insync.replicas`.
    pub fn replication(&mut self, under_replicated: u64, under_min_isr: u64, at_ns: u64) {
        self.under_replicated.level(at_ns, under_replicated);
        self.under_min_isr.level(at_ns, under_min_isr);
    }

    /// A fault was in force from one instant to another.
    pub fn fault(&mut self, label: &str, start_ns: u64, end_ns: u64) {
        self.faults.push(FaultWindow { label: label.to_owned(), start_ns, end_ns });
        self.faults.sort_by_key(|fault| (fault.start_ns, fault.end_ns));
    }
}
