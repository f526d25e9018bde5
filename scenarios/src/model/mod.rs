//! The typed scenario: what a file means once every unit, default and reference is resolved.

pub mod check;
pub mod cluster;
pub mod config;
pub mod fault;
pub mod gate;
pub mod kafka;
pub mod load;
pub mod message;
pub mod quantity;
pub mod service;

pub use crate::kafka_keys::Version;
pub use check::{Anomaly, Checks, ExactlyOnce, Expectation, Verdict};
pub use cluster::{Cluster, Cpu, Disk, Hardware, Network, Nic, Topic};
pub use config::{ConfigValue, KafkaConfig, Scope};
pub use fault::{
    Cut, Fault, FaultKind, ProtocolEvent, ReplicaList, Search, Swarm, Target, Trigger,
};
pub use gate::{Comparison, Gate, LagField, LatencyMetric, Phase, Quantity, Statistic};
pub use load::{Arrivals, CallRange, Keys, Load, Payload, Shape};
pub use message::{Api, MessageKind};
pub use quantity::{Distribution, Drawn, Rate, Ratio};
pub use service::{
    Claim, Commit, Dedupe, Poison, Publish, Retry, Rows, Service, ServiceKind, ServiceTime,
    TransactionalIds,
};

/// A whole scenario. Decides a run together with a seed.
///
/// Clock: `warmup`, then the load phase of `duration`, then healing, then the drain. Load flows
/// in the warm-up too, but nothing in it is measured; `Fault::trigger` times count from the end
/// of the warm-up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// `scenario.name`, shown in reports.
    pub name: String,
    /// `scenario.description`, free text.
    pub description: String,
    /// `scenario.kafka`: the release whose keys, defaults and protocol apply.
    pub kafka: Version,
    /// `scenario.duration`: the load phase, nanoseconds, above zero.
    pub duration: u64,
    /// `scenario.warmup`: load before the load phase, unmeasured, nanoseconds.
    pub warmup: u64,
    /// `scenario.drain`: bound of the drain phase, nanoseconds.
    pub drain: u64,
    /// `scenario.seed`: the seed when the command line gives none.
    pub seed: u64,
    /// `scenario.driver`: who drives the world.
    pub driver: Driver,
    /// `[cluster]`.
    pub cluster: Cluster,
    /// The profile that `cluster.hardware` names, built in or from `[hardware.NAME]`.
    pub hardware: Hardware,
    /// `[network]`.
    pub network: Network,
    /// `[topic.NAME]`, in file order. Internal topics are not listed.
    pub topics: Vec<Topic>,
    /// `[service.NAME]`, in file order.
    pub services: Vec<Service>,
    /// `[load.NAME]`, in file order.
    pub loads: Vec<Load>,
    /// `[[fault]]`, in file order.
    pub faults: Vec<Fault>,
    /// `[swarm]`.
    pub swarm: Swarm,
    /// `[search]`.
    pub search: Option<Search>,
    /// `[check]`.
    pub checks: Checks,
    /// `[gate]`, in file order.
    pub gates: Vec<Gate>,
    /// `[expect]`.
    pub expect: Expectation,
    /// `[protocol]`: rule names and values, except `era`. Validated by the simulator.
    pub protocol: Vec<(String, String)>,
    /// `protocol.era`: a historic profile, validated by the simulator.
    pub era: Option<String>,
}

/// Who drives the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Driver {
    /// The bare event loop.
    #[default]
    Bare,
    /// The event loop inside a madsim runtime.
    Hosted,
}

impl Scenario {
    /// The index of a topic in [`Self::topics`].
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<usize> {
        self.topics.iter().position(|t| t.name == name)
    }

    /// The index of a service in [`Self::services`].
    #[must_use]
    pub fn service(&self, name: &str) -> Option<usize> {
        self.services.iter().position(|s| s.name == name)
    }

    /// Whether anything is said of the content of the records that a service produces: by a load of
    /// its own, by its `output_payload`, or by those who produce what it consumes.
    #[must_use]
    pub fn knows_payload(&self, service: &Service) -> bool {
        let mut behind = vec![service];
        let mut next = 0;
        while let Some(&one) = behind.get(next) {
            next += 1;
            let loads = self.loads.iter().filter(|load| load.into == one.name);
            if one.output_payload.is_some() || loads.clone().any(|load| load.payload.is_some()) {
                return true;
            }
            for sender in &self.services {
                if sender.feeds(one) && !behind.iter().any(|known| known.name == sender.name) {
                    behind.push(sender);
                }
            }
        }
        false
    }

    /// How many brokers there are when the cluster boots: without those that a fault adds.
    #[must_use]
    pub fn brokers_at_boot(&self) -> u32 {
        let added = |id: u32| {
            let adds =
                |f: &Fault| (f.kind, &f.target) == (FaultKind::AddBroker, &Target::Broker(id));
            self.faults.iter().any(adds)
        };
        (1..=self.cluster.brokers).filter(|&id| !added(id)).count() as u32
    }
}
