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

/// One broker's use of its resources in a cell, in parts per million of capacity.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct BrokerUse {
    /// Request handler, network and fetcher threads.
    pub cpu_ppm: u64,
    /// The busier direction of the network interface.
    pub network_ppm: u64,
    /// The disk.
    pub disk_ppm: u64,
}

/// One broker's utilization, in parts per million of capacity.
#[derive(Clone, Debug)]
pub struct BrokerSeries {
    /// Its name.
    pub name: String,
    /// Of [`Resource::Cpu`].
    pub cpu_ppm: Grid,
    /// Of [`Resource::Network`].
    pub network_ppm: Grid,
    /// Of [`Resource::Disk`].
    pub disk_ppm: Grid,
}

impl BrokerSeries {
    /// The series of a resource.
    #[must_use]
    pub const fn of(&self, resource: Resource) -> &Grid {
        match resource {
            Resource::Cpu => &self.cpu_ppm,
            Resource::Network => &self.network_ppm,
            Resource::Disk => &self.disk_ppm,
        }
    }
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
    /// Until when the cluster formed and no load ran, simulated ns.
    pub boot_end_ns: u64,
}

impl Timeline {
    /// An empty one on a grid of `grid_ns` simulated nanoseconds.
    #[must_use]
    pub fn new(grid_ns: u64) -> Self {
        let grid = Grid::new(grid_ns);
        let (under_replicated, under_min_isr) = (grid.clone(), grid.clone());
        let (brokers, faults, boot_end_ns) = (Vec::new(), Vec::new(), 0);
        Self { grid, brokers, under_replicated, under_min_isr, faults, boot_end_ns }
    }

    /// Declares a broker; gives its number here.
    pub fn broker(&mut self, name: &str) -> usize {
        let grid = || self.grid.clone();
        let (cpu_ppm, network_ppm, disk_ppm) = (grid(), grid(), grid());
        self.brokers.push(BrokerSeries { name: name.to_owned(), cpu_ppm, network_ppm, disk_ppm });
        self.brokers.len() - 1
    }

    /// Samples a broker's utilization over the cell that ends or is at `at_ns`.
    pub fn utilization(&mut self, broker: usize, used: BrokerUse, at_ns: u64) {
        let broker = &mut self.brokers[broker];
        broker.cpu_ppm.level(at_ns, used.cpu_ppm);
        broker.network_ppm.level(at_ns, used.network_ppm);
        broker.disk_ppm.level(at_ns, used.disk_ppm);
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
