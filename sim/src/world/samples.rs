//! Samples of the cluster on a fixed grid, and how far groups are behind.

use broker_model::partition::effective_min_isr;
use broker_model::records::{Batches, LogEntry, PartitionRecord};
use broker_model::types::{Duration, GroupId, Instant, MILLISECOND, Offset, PartitionId, RecordId};

use super::World;
use super::audit::visible_entries;

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
            for view in broker.groups().groups() {
                self.shared.progress.take(view.group, &view.offsets);
            }
        }
    }

    /// How far all groups together are behind, by the committed positions that were read last.
    pub(super) fn known_lag(&self) -> Behind {
        let groups = 0..self.shared.progress.groups.len();
        groups.map(|index| self.group_lag(index).1).fold(Behind::default(), Behind::and)
    }

    /// How far a group is behind.
    pub(super) fn group_lag(&self, index: usize) -> (GroupId, Behind) {
        let progress = &self.shared.progress.groups[index];
        let mut behind = Behind::default();
        for &(partition, committed) in &progress.committed {
            let committed = committed.unwrap_or(Offset::ZERO);
            behind = behind.and(self.unread(partition, committed).unwrap_or_default());
        }
        (progress.group, behind)
    }

    /// Tells the recorder what groups cannot read because a transaction is open before it.
    pub(super) fn tell_held_up(&mut self) {
        for index in 0..self.shared.progress.groups.len() {
            let (group, behind) = self.group_lag(index);
            self.shared.recorder.come_home().held_up(group.0, behind.held_up);
        }
    }

    /// Offsets from `from`, or where the log begins if that is later, to the high watermark, as Kafka's
    /// tools count. Markers, aborted records and what compaction took count; but 0 when no record is
    /// left: a position behind the last marker is committed with the next record, which may never come.
    fn unread(&self, partition: PartitionId, from: Offset) -> Option<Behind> {
        let leader = self.image().partition(partition)?.leader?;
        let node = self.node_of(leader)?;
        let replica = node.broker()?.replica(partition)?;
        let end = replica.high_watermark();
        let stable = replica.last_stable_offset(&self.shared.rules).min(end);
        let from = from.max(replica.log().log_start_offset());
        if from >= end {
            return None;
        }
        let batches = &self.shared.batches;
        let entries = entries_from(replica.log().entries(), from, batches);
        let aborted = replica.log().aborted_transactions(from, stable);
        let body = |entry: &LogEntry| batches.get(entry.batch);
        let visible = visible_entries(entries.iter(), stable, &aborted, body);
        let held_up = entries.iter().copied();
        let held_up = held_up.filter(|e| stable <= e.base_offset && e.base_offset < end);
        let first = visible.chain(held_up).find_map(|entry| first_from(batches, entry, from))?;
        let age = self.now.since(self.shared.records.get(first).intended);
        let held_up = (end - from.max(stable)) as u64;
        Some(Behind { records: (end - from) as u64, held_up, age })
    }
}

/// How far a group, or several, are behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Behind {
    /// In records, as [`World::unread`] counts them.
    pub(super) records: u64,
    /// How many of them are behind an open transaction, which who reads committed records waits for.
    pub(super) held_up: u64,
    /// The age of the oldest.
    pub(super) age: Duration,
}

impl Behind {
    fn and(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            held_up: self.held_up + other.held_up,
            age: self.age.max(other.age),
        }
    }
}

/// The entries that hold something from an offset on.
fn entries_from<'a>(entries: &'a [LogEntry], from: Offset, batches: &Batches) -> &'a [LogEntry] {
    let later = entries.partition_point(|e| e.base_offset <= from);
    let holds = |e: &LogEntry| e.base_offset + i64::from(batches.get(e.batch).count) > from;
    &entries[later - usize::from(later > 0 && holds(&entries[later - 1]))..]
}

/// The first record of an entry from an offset on.
fn first_from(batches: &Batches, entry: LogEntry, from: Offset) -> Option<RecordId> {
    let records = batches.records(entry.batch);
    let skip = from.0.saturating_sub(entry.base_offset.0).max(0) as usize;
    batches.runs(entry.batch).find_map(|run| {
        let run = (run.start as usize).max(skip)..(run.end as usize).min(records.len());
        records.get(run)?.first().copied()
    })
}
