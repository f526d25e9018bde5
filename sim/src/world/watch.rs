//! What the run is watched by: invariants, fault triggers, samples, the final audit.

use broker_model::controller::Controller;
use broker_model::metadata::Image;
use broker_model::note::Note;
use broker_model::protocol::Request;
use broker_model::protocol::controller::CreateTopicRequest;
use broker_model::records::LogEntry;
use broker_model::types::{Duration, GroupId, Instant, MILLISECOND, Offset, PartitionId, RecordId};
use reports::history::Facts;
use scenarios::model::ExactlyOnce;

use super::layout::config_text;
use super::{NodeState, World};
use crate::invariant::View;
use crate::records::RecordTable;

/// Committed positions of every group, as its coordinator last held them.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    groups: Vec<GroupProgress>,
}

#[derive(Clone, Debug)]
struct GroupProgress {
    group: GroupId,
    committed: Vec<(PartitionId, Offset)>,
}

impl Progress {
    /// A group that reads these partitions, from their beginning.
    pub fn watch(&mut self, group: GroupId, partitions: impl Iterator<Item = PartitionId>) {
        if self.groups.iter().any(|g| g.group == group) {
            return;
        }
        let committed = partitions.map(|p| (p, Offset::ZERO)).collect();
        self.groups.push(GroupProgress { group, committed });
    }

    /// What a coordinator holds as committed.
    fn take(&mut self, group: GroupId, offsets: &[(PartitionId, Offset)]) {
        let Some(group) = self.groups.iter_mut().find(|g| g.group == group) else { return };
        for &(partition, offset) in offsets {
            if let Ok(index) = group.committed.binary_search_by_key(&partition, |&(p, _)| p) {
                group.committed[index].1 = offset;
            }
        }
    }
}

/// One sample of the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Partitions whose ISR is smaller than their replica set.
    pub under_replicated: u32,
    /// Partitions without a leader, or with fewer in-sync replicas than they need.
    pub under_min_isr: u32,
    /// Busy time so far, for each broker: CPU (all pools), network out, network in, disk.
    pub busy: Vec<[u64; 4]>,
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

struct TableFacts<'a>(&'a RecordTable);

impl Facts for TableFacts<'_> {
    fn key(&self, record: u32) -> u32 {
        self.0.get(RecordId(record)).key
    }

    fn entity(&self, record: u32) -> u32 {
        self.0.get(RecordId(record)).entity
    }
}

impl World {
    /// A machine said what happened: invariants look, faults may fire.
    pub(super) fn observe(&mut self, _node: usize, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        let view = View { now: self.now, nodes: &self.nodes, batches: &self.shared.batches };
        for note in notes {
            self.invariants.on_note(&view, note);
        }
        self.witness.hear(notes);
        if self.told.is_some() {
            self.keep_notes(notes);
        }
        if self.faults_listen() {
            for note in notes {
                self.note_for_faults(note);
            }
        }
    }

    pub(super) fn check_after_healing(&mut self) {
        let view = View { now: self.now, nodes: &self.nodes, batches: &self.shared.batches };
        self.invariants.after_healing(&view);
    }

    fn controller(&self) -> &Controller {
        let found = self.nodes.iter().find_map(super::Node::controller);
        found.expect("a cluster has a controller")
    }

    pub(super) fn image(&self) -> &Image {
        self.controller().image()
    }

    pub(super) fn brokers_are_unfenced(&self) -> bool {
        let image = self.image();
        self.nodes
            .iter()
            .filter(|n| n.broker().is_some())
            .all(|n| image.broker(n.id).is_some_and(|b| !b.fenced))
    }

    pub(super) fn send_as_administrator(&mut self, request: Request) {
        let now = self.now;
        self.clients[0].actor.administer(request, now);
        self.arm_client_timer(0);
    }

    pub(super) fn create_topics(&mut self) {
        let scenario = &self.plan.scenario;
        let broker = |key: &str, default: i64| {
            scenario.cluster.config.get_int(key).unwrap_or(default) as u32
        };
        let mut requests = Vec::new();
        for topic in &scenario.topics {
            let config = topic.config.set.iter();
            requests.push(CreateTopicRequest {
                name: topic.name.clone(),
                partitions: topic.partitions,
                replication_factor: topic.replication,
                assignment: Vec::new(),
                config: config.map(|(k, v)| (k.clone(), config_text(v))).collect(),
                internal: false,
            });
        }
        let brokers = scenario.cluster.brokers;
        for (name, kind) in [
            ("__consumer_offsets", "offsets.topic"),
            ("__transaction_state", "transaction.state.log"),
        ] {
            let mut config = vec![("cleanup.policy".to_owned(), "compact".to_owned())];
            if kind == "transaction.state.log" {
                let min_isr = broker("transaction.state.log.min.isr", 2);
                config.push(("min.insync.replicas".to_owned(), min_isr.to_string()));
            }
            requests.push(CreateTopicRequest {
                name: name.to_owned(),
                partitions: broker(&format!("{kind}.num.partitions"), 50),
                replication_factor: broker(&format!("{kind}.replication.factor"), 3).min(brokers),
                assignment: Vec::new(),
                config,
                internal: true,
            });
        }
        for request in requests {
            self.send_as_administrator(Request::CreateTopics(request));
        }
    }

    /// All topics exist, and every leader knows that it leads.
    pub(super) fn topics_have_leaders(&self) -> bool {
        let image = self.image();
        let created = self.plan.scenario.topics.iter().map(|t| t.name.as_str());
        let mut names = created.chain(["__consumer_offsets", "__transaction_state"]);
        names.all(|name| image.topic_by_name(name).is_some())
            && image
                .partitions()
                .all(|p| p.leader.is_some_and(|leader| self.leads(leader, p.partition)))
    }

    fn leads(&self, node: broker_model::types::NodeId, partition: PartitionId) -> bool {
        self.nodes
            .iter()
            .find(|n| n.id == node)
            .and_then(|n| n.broker())
            .and_then(|b| b.replica(partition))
            .is_some_and(|r| r.leader().is_some())
    }

    pub(super) fn isrs_are_full(&self) -> bool {
        self.image().partitions().all(|p| p.leader.is_some() && p.isr.len() == p.replicas.len())
    }

    /// Every group has as many members as its service has instances, and is stable.
    pub(super) fn services_are_settled(&self) -> bool {
        let views: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|n| n.broker())
            .flat_map(|b| b.groups().groups())
            .collect();
        self.plan.scenario.services.iter().filter_map(|s| s.group.as_ref()).all(|name| {
            let members: u32 = self
                .plan
                .scenario
                .services
                .iter()
                .filter(|s| s.group.as_ref() == Some(name))
                .map(|s| s.instances)
                .sum();
            views.iter().any(|view| {
                self.shared.names.group_name(view.group) == name
                    && view.state == broker_model::group::GroupState::Stable
                    && view.members.len() == members as usize
            })
        })
    }

    pub(super) fn groups_are_stable(&self) -> bool {
        self.nodes
            .iter()
            .filter(|n| n.state == NodeState::Up)
            .filter_map(|n| n.broker())
            .all(|b| b.groups().groups().iter().all(|group| group.state.is_settled()))
    }

    /// What keeps the run from being at rest, in words.
    #[must_use]
    pub fn unrest(&self) -> String {
        let mut reasons = Vec::new();
        let busy: Vec<&str> =
            self.clients.iter().filter(|c| !c.actor.is_idle()).map(|c| c.name.as_str()).collect();
        if !busy.is_empty() {
            reasons.push(format!("busy: {}", busy.join(", ")));
        }
        let lag: u64 = (0..self.shared.progress.groups.len()).map(|i| self.group_lag(i).1).sum();
        if lag > 0 {
            reasons.push(format!("lag of {lag} records"));
        }
        if !self.isrs_are_full() {
            reasons.push("an ISR is not full".to_owned());
        }
        if !self.groups_are_stable() {
            reasons.push("a group is not stable".to_owned());
        }
        if self.transactions_are_open() {
            reasons.push("a transaction is open".to_owned());
        }
        reasons.join("; ")
    }

    pub(super) fn transactions_are_open(&self) -> bool {
        self.image().partitions().any(|p| {
            let leader = p.leader.and_then(|id| self.nodes.iter().find(|n| n.id == id));
            leader
                .and_then(|n| n.broker())
                .and_then(|b| b.replica(p.partition))
                .is_some_and(|r| r.last_stable_offset(&self.shared.rules) < r.high_watermark())
        })
    }

    /// Tells the recorder which partitions each topic has.
    pub(super) fn declare_topics(&mut self) {
        let names: Vec<String> = self.plan.scenario.topics.iter().map(|t| t.name.clone()).collect();
        for name in names {
            let image = self.nodes.iter().find_map(super::Node::controller).map(Controller::image);
            let image = image.expect("a cluster has a controller");
            let Some(id) = image.topic_by_name(&name) else { continue };
            let Some(topic) = image.topic(id) else { continue };
            let partitions: Vec<u32> = topic.partitions.iter().map(|p| p.0).collect();
            self.shared.topics.add(&name, id, &topic.partitions);
            self.shared.recorder.topic(id.0, &name, partitions);
        }
        self.declare_order();
        self.watch_groups();
    }

    /// Tells the recorder which topics promise an order per key, and where orders end.
    fn declare_order(&mut self) {
        let checks = self.plan.scenario.checks.clone();
        for name in &checks.per_key_order {
            if let Some(topic) = self.shared.topics.id(name) {
                self.shared.recorder.keyed_topic(topic.0);
            }
        }
        let topics = |one: &ExactlyOnce| {
            Some((self.shared.topics.id(&one.from)?, self.shared.topics.id(&one.to)?))
        };
        // The last pair of topics is the end of the pipeline.
        if let Some((from, to)) = checks.exactly_once.iter().rev().find_map(topics) {
            self.shared.recorder.lifecycle(from.0, [to.0]);
        }
    }

    fn watch_groups(&mut self) {
        let services: Vec<(String, Vec<String>)> = self
            .plan
            .scenario
            .services
            .iter()
            .filter_map(|s| s.group.clone().map(|g| (g, s.inputs.clone())))
            .collect();
        for (group, inputs) in services {
            let id = self.shared.names.group(&group);
            let image = self.nodes.iter().find_map(super::Node::controller).map(Controller::image);
            let image = image.expect("a cluster has a controller");
            let mut partitions: Vec<PartitionId> = inputs
                .iter()
                .filter_map(|name| image.topic(image.topic_by_name(name)?))
                .flat_map(|topic| topic.partitions.iter().copied())
                .collect();
            partitions.sort_unstable();
            self.shared.progress.watch(id, partitions.into_iter());
        }
    }

    /// Takes a sample of lag, ISRs and utilisation.
    pub(super) fn sample(&mut self) {
        self.refresh_progress();
        let mut oldest = 0;
        for index in 0..self.shared.progress.groups.len() {
            let (group, records, age) = self.group_lag(index);
            oldest = oldest.max(age);
            self.shared.recorder.lag(group.0, records, age, self.now.0);
        }
        self.samples.age = oldest;
        if self.faults.records.is_empty() {
            self.samples.calm_age = self.samples.calm_age.max(oldest);
        }
        let image = self.image();
        let under = image.partitions().filter(|p| p.isr.len() < p.replicas.len()).count();
        let min_isr = self.plan.scenario.cluster.config.get_int("min.insync.replicas").unwrap_or(1);
        let short = |isr: usize, replicas: usize| (isr as i64) < min_isr.min(replicas as i64);
        let offline = image
            .partitions()
            .filter(|p| p.leader.is_none() || short(p.isr.len(), p.replicas.len()))
            .count();
        let busy = self.nodes.iter().filter(|n| n.broker().is_some()).map(|n| {
            let nic = &self.nics[n.host.0 as usize];
            let cpu =
                n.network_threads.busy() + n.handler_threads.busy() + n.fetcher_threads.busy();
            [cpu, nic.out().busy(), nic.inwards().busy(), n.disk.busy()]
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
    fn refresh_progress(&mut self) {
        for node in self.nodes.iter().filter(|n| n.state.is_running()) {
            let Some(broker) = node.broker() else { continue };
            for view in broker.groups().groups() {
                self.shared.progress.take(view.group, &view.offsets);
            }
        }
    }

    /// Records that any group has not committed yet.
    pub(super) fn total_lag(&mut self) -> u64 {
        self.refresh_progress();
        (0..self.shared.progress.groups.len()).map(|i| self.group_lag(i).1).sum()
    }

    /// Records a group has not committed yet, and the age of the oldest.
    fn group_lag(&self, index: usize) -> (GroupId, u64, Duration) {
        let progress = &self.shared.progress.groups[index];
        let (mut records, mut age) = (0, 0);
        for &(partition, committed) in &progress.committed {
            let Some((unread, first)) = self.unread(partition, committed) else { continue };
            records += unread;
            if let Some(first) = first {
                let intended = self.shared.records.get(first).intended;
                age = age.max(self.now.since(intended));
            }
        }
        (progress.group, records, age)
    }

    /// Data records at or behind `from` below the last stable offset, and the first of them.
    fn unread(&self, partition: PartitionId, from: Offset) -> Option<(u64, Option<RecordId>)> {
        let leader = self.image().partition(partition)?.leader?;
        let node = self.nodes.iter().find(|n| n.id == leader)?;
        let replica = node.broker()?.replica(partition)?;
        let end = replica.last_stable_offset(&self.shared.rules);
        if from >= end {
            return Some((0, None));
        }
        let batches = &self.shared.batches;
        let entries = replica.log().entries();
        let start = entries
            .partition_point(|e| e.base_offset + i64::from(batches.get(e.batch).count) <= from);
        let aborted = replica.log().aborted_transactions(from, end);
        let all = entries[start..].iter();
        if end - from > EXACT_LAG_MAX {
            let entry = entries.get(start)?;
            return Some(((end - from) as u64, batches.records(entry.batch).first().copied()));
        }
        let visible = visible_entries(all, end, &aborted, |entry| batches.get(entry.batch));
        let (mut count, mut first) = (0, None);
        for entry in visible {
            let records = batches.records(entry.batch);
            let skip = from.0.saturating_sub(entry.base_offset.0).max(0) as usize;
            let unread = &records[skip.min(records.len())..];
            count += unread.len() as u64;
            first = first.or(unread.first().copied());
        }
        Some((count, first))
    }

    /// What a complete `read_committed` read of every topic returns, for the checkers.
    pub(super) fn audit(&mut self) {
        let names: Vec<String> = self.plan.scenario.topics.iter().map(|t| t.name.clone()).collect();
        for name in names {
            let Some(id) = self.image().topic_by_name(&name) else { continue };
            let partitions =
                self.image().topic(id).map(|t| t.partitions.clone()).unwrap_or_default();
            let logs: Vec<_> = partitions.iter().map(|&p| (p, self.readable(p))).collect();
            self.audit_topic(&logs);
        }
    }

    /// Reads the logs of a topic side by side, some batches of each in turn: records that were
    /// made together are judged together, which is kind to the cache.
    fn audit_topic(&mut self, logs: &[(PartitionId, Vec<LogEntry>)]) {
        let facts = TableFacts(&self.shared.records);
        let recorder = &mut self.shared.recorder;
        for (partition, _) in logs {
            recorder.audit_partition(partition.0);
        }
        let longest = logs.iter().map(|(_, entries)| entries.len()).max().unwrap_or(0);
        for from in (0..longest).step_by(AUDIT_STRIDE) {
            for (partition, entries) in logs {
                let Some(entries) = entries.get(from..) else { continue };
                recorder.audit_partition(partition.0);
                for entry in entries.iter().take(AUDIT_STRIDE) {
                    let ids = self.shared.batches.records(entry.batch).iter().map(|id| id.0);
                    recorder.audit(entry.base_offset.0, ids, &facts);
                }
            }
        }
    }

    /// What a partition's leader has for a complete `read_committed` read.
    fn readable(&self, partition: PartitionId) -> Vec<LogEntry> {
        let leader = self.image().partition(partition).and_then(|p| p.leader);
        let node = leader.and_then(|leader| self.nodes.iter().find(|n| n.id == leader));
        let broker = node.and_then(super::Node::broker);
        let Some(replica) = broker.and_then(|b| b.replica(partition)) else { return Vec::new() };
        let end = replica.last_stable_offset(&self.shared.rules);
        let aborted = replica.log().aborted_transactions(replica.log().log_start_offset(), end);
        visible_entries(replica.log().entries().iter(), end, &aborted, |entry| {
            self.shared.batches.get(entry.batch)
        })
    }
}

/// Batches of one partition that are audited before the next partition's turn.
const AUDIT_STRIDE: usize = 32;

/// Lags above this are told as a difference of offsets, markers included.
const EXACT_LAG_MAX: i64 = 20_000;

/// Entries below `end` that a `read_committed` reader is given.
fn visible_entries<'a>(
    entries: impl Iterator<Item = &'a LogEntry>,
    end: Offset,
    aborted: &[broker_model::protocol::fetch::AbortedTransaction],
    body: impl Fn(&LogEntry) -> &'a broker_model::records::Batch,
) -> Vec<LogEntry> {
    use broker_model::records::Content;
    let mut waiting = aborted.to_vec();
    waiting.sort_unstable_by_key(|a| (a.first_offset, a.producer_id));
    waiting.reverse();
    let mut running = Vec::new();
    let mut visible = Vec::new();
    for entry in entries.take_while(|e| e.base_offset < end) {
        while waiting.last().is_some_and(|a| a.first_offset <= entry.base_offset) {
            running.extend(waiting.pop().map(|a| a.producer_id));
        }
        let batch = body(entry);
        if let Content::Marker { .. } = batch.content {
            running.retain(|&id| id != batch.producer_id);
        } else if !(batch.transactional && running.contains(&batch.producer_id)) {
            visible.push(*entry);
        }
    }
    visible
}
