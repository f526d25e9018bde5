//! Samples of the cluster on a fixed grid.

use broker_model::partition::effective_min_isr;
use broker_model::records::PartitionRecord;
use broker_model::types::{Duration, Instant, MILLISECOND};

use super::World;

/// One sample of the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Partitions whose ISR is smaller than their replica set.
    pub under_replicated: u32,
    /// Partitions without a leader, or with fewer in-sync replicas than they need.
    pub under_min_isr: u32,
    /// Busy time so far, for each broker.
    pub busy: Vec<BrokerSample>,
}

/// How long the parts of a broker's host have been busy so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokerSample {
    /// Network, request handler and fetcher threads, summed.
    pub cpu: Duration,
    /// The network interface, outwards.
    pub network_out: Duration,
    /// The network interface, inwards.
    pub network_in: Duration,
    /// The disk.
    pub disk: Duration,
}

impl BrokerSample {
    /// What was added since an earlier sample; nothing after a restart of the counters.
    #[must_use]
    pub const fn since(&self, then: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(then.cpu),
            network_out: self.network_out.saturating_sub(then.network_out),
            network_in: self.network_in.saturating_sub(then.network_in),
            disk: self.disk.saturating_sub(then.disk),
        }
    }
}

/// Samples on a fixed grid of simulated time.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    interval: Duration,
    pub(super) samples: Vec<Sample>,
    calm_age: Duration,
    age: Duration,
}

/// Lag that never counts as trouble.
const CALM_SLACK: Duration = 100 * MILLISECOND;
/// Samples per load phase.
const SAMPLES: u64 = 240;

impl Sampler {
    pub(super) fn new(load: Duration) -> Self {
        let interval = (load / SAMPLES).clamp(100 * MILLISECOND, 1_000 * MILLISECOND);
        Self { interval, samples: Vec::new(), calm_age: 0, age: 0 }
    }

    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    /// No group is further behind in time than half again the worst of the quiet time.
    pub(super) const fn is_calm(&self) -> bool {
        self.age <= self.calm_age + self.calm_age / 2 + CALM_SLACK
    }
}

impl World {
    /// Takes a sample of lag, ISRs and utilisation.
    pub(super) fn sample(&mut self) {
        self.refresh_progress();
        let mut oldest = 0;
        for index in 0..self.shared.progress.groups.len() {
            let (group, behind) = self.group_lag(index);
            oldest = oldest.max(behind.age);
            self.shared.recorder.lag(group.0, behind.records, behind.age, self.now.0);
        }
        for outbox in &self.shared.stores.outboxes {
            let age = outbox.oldest().map_or(0, |at| self.now.since(at));
            oldest = oldest.max(age);
            self.shared.recorder.lag(outbox.group().0, outbox.waiting(), age, self.now.0);
        }
        self.samples.age = oldest;
        if self.faults.records.is_empty() {
            self.samples.calm_age = self.samples.calm_age.max(oldest);
        }
        let image = self.image();
        let under = image.partitions().filter(|p| p.isr.len() < p.replicas.len()).count();
        let controller = self.controller();
        // A full ISR is never short, and what a topic demands is asked for only where it matters.
        let short = |p: &PartitionRecord| {
            if p.isr.len() >= p.replicas.len() {
                return false;
            }
            let needed = u32::try_from(controller.min_isr(p.topic)).unwrap_or(u32::MAX);
            p.isr.len() < effective_min_isr(needed, p.replicas.len())
        };
        let offline = image.partitions().filter(|p| p.leader.is_none() || short(p)).count();
        let busy = self.nodes.iter().filter(|n| n.broker().is_some()).map(|n| {
            let nic = &self.nics[n.host.0 as usize];
            let cpu =
                n.network_threads.busy() + n.handler_threads.busy() + n.fetcher_threads.busy();
            let (network_out, network_in) = (nic.out().busy(), nic.inwards().busy());
            BrokerSample { cpu, network_out, network_in, disk: n.disk.busy() }
        });
        let sample = Sample {
            at: self.now,
            under_replicated: under as u32,
            under_min_isr: offline as u32,
            busy: busy.collect(),
        };
        self.samples.samples.push(sample);
    }

    /// Reads the committed positions from the coordinators that are up.
    pub(super) fn refresh_progress(&mut self) {
        for node in self.nodes.iter().filter(|n| n.state.is_running()) {
            let Some(broker) = node.broker() else { continue };
            for (group, partition, offset) in broker.groups().offsets() {
                self.shared.progress.take(group, &[(partition, offset)]);
            }
        }
    }
}
