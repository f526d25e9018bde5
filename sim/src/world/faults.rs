//! Faults: resolved and recorded when they fire, undone when they end.

use broker_model::io::{Input, StopKind};
use broker_model::note::Note;
use broker_model::protocol::Request;
use broker_model::protocol::controller::{ElectLeadersRequest, ElectionType};
use broker_model::records::TransactionState;
use broker_model::types::{Instant, NodeId, PartitionId, TopicId};
use scenarios::model::{Cut, FaultKind, ProtocolEvent, Target, Trigger};

use super::{Event, NodeState, World};
use crate::network::HostId;
use crate::prng::scale;

/// A fault as it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultRecord {
    /// When it fired, in simulated time.
    pub at: Instant,
    /// When it ended.
    pub until: Option<Instant>,
    /// Its kind, as in the scenario.
    pub kind: &'static str,
    /// Its target, as in the scenario.
    pub target: String,
    /// Who that was.
    pub resolved: String,
}

/// What has to be undone.
#[derive(Clone, Debug, Default)]
struct Active {
    nodes: Vec<usize>,
    clients: Vec<usize>,
    cuts: Vec<(HostId, HostId)>,
    record: usize,
}

/// The state of a run's faults.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    active: Vec<Option<Active>>,
    seen: Vec<u64>,
    waiting: Vec<usize>,
    pub(super) records: Vec<FaultRecord>,
    pub(super) running: u32,
    pub(super) last_end: Option<Instant>,
}

pub(super) const BEGIN: u32 = 0;
const END: u32 = 1;
/// A killed service instance starts again: the fault's number is the instance's.
pub(super) const RESTART_CLIENT: u32 = 2;

impl Faults {
    pub(super) fn new(count: usize) -> Self {
        Self { active: vec![None; count], seen: vec![0; count], ..Self::default() }
    }
}

impl World {
    /// Faults by time are scheduled from the start of the load phase; faults by event listen.
    pub(super) fn arm_faults_by_time(&mut self) {
        for number in 0..self.plan.faults.len() {
            let planned = &self.plan.faults[number];
            if let (true, Some(at)) = (planned.on, planned.at) {
                self.queue.push(self.now + at, fault_event(number, BEGIN));
            }
        }
    }

    /// Faults by event listen from the start of the run.
    pub(super) fn arm_faults_by_event(&mut self) {
        let planned = self.plan.faults.iter().enumerate();
        self.faults.waiting =
            planned.filter(|(_, f)| f.on && f.at.is_none()).map(|(number, _)| number).collect();
    }

    /// Whether a fault waits for a protocol event.
    pub(super) fn faults_listen(&self) -> bool {
        !self.faults.waiting.is_empty()
    }

    /// A note may be the event that a fault waits for.
    pub(super) fn note_for_faults(&mut self, note: &Note) {
        for position in (0..self.faults.waiting.len()).rev() {
            let number = self.faults.waiting[position];
            let Trigger::On { event, nth, .. } = &self.plan.faults[number].fault.trigger else {
                continue;
            };
            if !self.matches(event, note) {
                continue;
            }
            let nth = *nth;
            self.faults.seen[number] += 1;
            if self.faults.seen[number] >= nth {
                self.faults.waiting.remove(position);
                let at = self.now + self.plan.faults[number].after;
                self.queue.push(at, fault_event(number, BEGIN));
            }
        }
    }

    fn matches(&self, event: &ProtocolEvent, note: &Note) -> bool {
        match (event, note) {
            (
                ProtocolEvent::Append { topic, partition },
                Note::Appended { partition: id, leader: true, .. },
            )
            | (
                ProtocolEvent::HighWatermark { topic, partition },
                Note::HighWatermark { partition: id, leader: true, .. },
            ) => self.partition_named(topic, *partition) == Some(*id),
            (
                ProtocolEvent::TransactionPrepare { transactional_id },
                Note::TransactionState {
                    transactional_id: id,
                    state: TransactionState::PrepareCommit | TransactionState::PrepareAbort,
                    ..
                },
            ) => transactional_id
                .as_ref()
                .is_none_or(|name| self.shared.names.transactional_id_name(*id) == name),
            (ProtocolEvent::Rebalance { group }, Note::RebalanceStarted { group: id, .. }) => {
                group.as_ref().is_none_or(|name| self.shared.names.group_name(*id) == name)
            }
            _ => false,
        }
    }

    /// The partition that a scenario names, as the controller knows it.
    pub(super) fn partition_named(&self, topic: &str, index: u32) -> Option<PartitionId> {
        let image = self.nodes.iter().find_map(|n| n.controller())?.image();
        let id: TopicId = image.topic_by_name(topic)?;
        image.topic(id)?.partitions.get(index as usize).copied()
    }

    /// A fault begins, ends, or a killed client starts again.
    pub(super) fn fault_event(&mut self, code: u32) {
        let (number, what) = parts(code);
        match what {
            BEGIN => self.begin_fault(number),
            END => self.end_fault(number),
            _ => {
                if self.clients[number].state == NodeState::Stopped {
                    self.start_client(number);
                }
            }
        }
    }

    fn begin_fault(&mut self, number: usize) {
        if self.faults.active[number].is_some() || self.phases.load_is_over() {
            return;
        }
        let planned = self.plan.faults[number].clone();
        let (nodes, clients) = self.resolve(&planned.fault.target, planned.choice);
        let record = FaultRecord {
            at: self.now,
            until: None,
            kind: kind_name(&planned.fault.kind),
            target: target_name(&planned.fault.target),
            resolved: self.resolved_name(&nodes, &clients),
        };
        self.faults.records.push(record);
        let mut active =
            Active { nodes, clients, cuts: Vec::new(), record: self.faults.records.len() - 1 };
        self.faults.running += 1;
        self.apply(&planned.fault.kind, planned.delay, &planned.fault.target, &mut active);
        self.faults.active[number] = Some(active);
        self.phase_may_change();
        if let Some(lasts) = planned.lasts {
            self.queue.push(self.now + lasts, fault_event(number, END));
        } else if planned.fault.kind == FaultKind::ServiceKill {
            self.schedule_restarts(number);
        }
    }

    fn apply(&mut self, kind: &FaultKind, delay: u64, target: &Target, active: &mut Active) {
        match kind {
            FaultKind::BrokerKill | FaultKind::ControllerKill | FaultKind::RestartAll => {
                for &index in &active.nodes {
                    self.stop_node(index, StopKind::Kill);
                }
            }
            FaultKind::BrokerPowerCut => {
                for &index in &active.nodes {
                    self.stop_node(index, StopKind::PowerCut);
                }
            }
            FaultKind::BrokerPause => {
                for &index in &active.nodes {
                    if self.nodes[index].state == NodeState::Up {
                        self.nodes[index].state = NodeState::Paused;
                    }
                }
            }
            FaultKind::BrokerStop => {
                for &index in &active.nodes {
                    if self.nodes[index].state == NodeState::Up {
                        self.run_node(index, Input::ControlledShutdown);
                    }
                }
            }
            FaultKind::Partition { cut } => {
                active.cuts = self.links_cut_by(*cut, &active.nodes, &active.clients);
                for &(from, to) in &active.cuts {
                    self.links.cut(from, to, self.now);
                }
            }
            FaultKind::SlowDisk { factor } => {
                for &index in &active.nodes {
                    self.nodes[index].disk.slow_down(factor.numerator, factor.denominator);
                }
            }
            FaultKind::FullDisk => {
                for &index in &active.nodes {
                    self.nodes[index].disk.set_full(true);
                }
            }
            FaultKind::SlowLink { factor, .. } => {
                self.delay_links(active, delay, (factor.numerator, factor.denominator));
            }
            FaultKind::ConnectionLoss { probability } => {
                for host in self.hosts_of(active) {
                    self.loss[host.0 as usize] = (probability.numerator, probability.denominator);
                }
            }
            FaultKind::ServiceKill => {
                for &index in &active.clients {
                    self.kill_client(index);
                }
            }
            FaultKind::ServicePause => {
                for &index in &active.clients {
                    self.pause_client(index);
                }
            }
            FaultKind::LeaderMove => self.move_leader(target),
        }
    }

    fn end_fault(&mut self, number: usize) {
        let Some(active) = self.faults.active[number].take() else { return };
        self.faults.records[active.record].until = Some(self.now);
        self.faults.running -= 1;
        self.faults.last_end = Some(self.now);
        match self.plan.faults[number].fault.kind {
            FaultKind::BrokerKill
            | FaultKind::ControllerKill
            | FaultKind::RestartAll
            | FaultKind::BrokerStop
            | FaultKind::BrokerPowerCut => self.start_stopped(&active.nodes),
            FaultKind::BrokerPause => {
                for &index in &active.nodes {
                    self.resume_node(index);
                }
            }
            FaultKind::Partition { .. } => {
                for &(from, to) in &active.cuts {
                    let cut_at = self.links.cut_at(from, to);
                    if self.links.mend(from, to) {
                        self.release_held(from, to, cut_at);
                    }
                }
            }
            FaultKind::SlowDisk { .. } => {
                for &index in &active.nodes {
                    self.nodes[index].disk.slow_down(1, 1);
                }
            }
            FaultKind::FullDisk => {
                for &index in &active.nodes {
                    self.nodes[index].disk.set_full(false);
                }
                self.start_stopped(&active.nodes);
            }
            FaultKind::SlowLink { .. } => self.delay_links(&active, 0, (1, 1)),
            FaultKind::ConnectionLoss { .. } => {
                for host in self.hosts_of(&active) {
                    self.loss[host.0 as usize] = (0, 1);
                }
            }
            FaultKind::ServiceKill => {
                for &index in &active.clients {
                    if self.clients[index].state == NodeState::Stopped {
                        self.start_client(index);
                    }
                }
            }
            FaultKind::ServicePause => {
                for &index in &active.clients {
                    self.resume_client(index);
                }
            }
            FaultKind::LeaderMove => {}
        }
        self.phase_may_change();
    }

    /// Ends every fault: the load phase is over.
    pub(super) fn heal(&mut self) {
        self.faults.waiting.clear();
        for number in 0..self.faults.active.len() {
            self.end_fault(number);
        }
    }

    fn start_stopped(&mut self, nodes: &[usize]) {
        for &index in nodes {
            let had_power = self.nodes[index].state != NodeState::NoPower;
            if !self.nodes[index].state.is_running() {
                self.start_node(index);
                if !had_power {
                    self.reset_stale_connections(index);
                }
            }
        }
    }

    fn delay_links(&mut self, active: &Active, delay: u64, factor: (u64, u64)) {
        let interface = self.plan.scenario.hardware.nic.burst_bits_per_s / 8;
        for host in self.hosts_of(active) {
            for other in 0..self.links.hosts() as u32 {
                if other != host.0 {
                    self.links.delay(host, HostId(other), delay);
                    self.links.delay(HostId(other), host, delay);
                    self.links.narrow((host, HostId(other)), factor, interface);
                    self.links.narrow((HostId(other), host), factor, interface);
                }
            }
        }
    }

    fn hosts_of(&self, active: &Active) -> Vec<HostId> {
        let nodes = active.nodes.iter().map(|&i| self.hosts[i]);
        nodes.chain(active.clients.iter().map(|&i| self.clients[i].host)).collect()
    }

    /// Directed links that a cut takes away, each once.
    fn links_cut_by(&self, cut: Cut, nodes: &[usize], clients: &[usize]) -> Vec<(HostId, HostId)> {
        let targets: Vec<HostId> = nodes
            .iter()
            .map(|&i| self.hosts[i])
            .chain(clients.iter().map(|&i| self.clients[i].host))
            .collect();
        let brokers = self.nodes.iter().filter(|n| n.broker().is_some()).map(|n| n.host);
        let controllers = self.nodes.iter().filter(|n| n.controller().is_some()).map(|n| n.host);
        let services = self.clients.iter().map(|c| c.host);
        let others: Vec<HostId> = match cut {
            Cut::Full | Cut::Inbound | Cut::Outbound => {
                brokers.chain(controllers).chain(services).collect()
            }
            Cut::Brokers => brokers.collect(),
            Cut::Controller => controllers.collect(),
            Cut::Clients => services.collect(),
        };
        let mut cuts = Vec::new();
        for &target in &targets {
            for &other in others.iter().filter(|other| !targets.contains(other)) {
                if cut != Cut::Outbound {
                    cuts.push((other, target));
                }
                if cut != Cut::Inbound {
                    cuts.push((target, other));
                }
            }
        }
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    pub(super) fn resolve(&self, target: &Target, choice: u64) -> (Vec<usize>, Vec<usize>) {
        let by_id = |id: NodeId| self.nodes.iter().position(|n| n.id == id);
        let nodes: Vec<usize> = match target {
            Target::LeaderOf { topic, partition } | Target::Partition { topic, partition } => {
                self.leader_of(topic, *partition).and_then(by_id).into_iter().collect()
            }
            Target::FollowerOf { topic, partition } => {
                self.first_follower_of(topic, *partition).and_then(by_id).into_iter().collect()
            }
            Target::GroupCoordinator(group) => {
                self.group_coordinator(group).and_then(by_id).into_iter().collect()
            }
            Target::TransactionCoordinator(id) => {
                self.transaction_coordinator(id).and_then(by_id).into_iter().collect()
            }
            Target::Controller => {
                self.nodes.iter().position(|n| n.controller().is_some()).into_iter().collect()
            }
            Target::Broker(id) => by_id(NodeId(*id)).into_iter().collect(),
            Target::Rack(rack) => self.nodes_in_rack(rack),
            Target::AllBrokers => self.broker_indices().collect(),
            Target::RandomBroker => {
                let brokers: Vec<usize> = self.broker_indices().collect();
                vec![brokers[scale(choice, brokers.len() as u64) as usize]]
            }
            Target::Service { .. } => Vec::new(),
        };
        let clients = match target {
            Target::Service { name, instance } => self.clients_named(name, *instance),
            _ => Vec::new(),
        };
        (nodes, clients)
    }

    fn broker_indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().enumerate().filter(|(_, n)| n.broker().is_some()).map(|(i, _)| i)
    }

    fn nodes_in_rack(&self, rack: &str) -> Vec<usize> {
        let racks = &self.plan.scenario.cluster.racks;
        self.broker_indices().filter(|i| racks[i % racks.len()] == rack).collect()
    }

    fn clients_named(&self, service: &str, instance: Option<u32>) -> Vec<usize> {
        let matches = |name: &str| match instance {
            Some(n) => name == format!("{service}/{n}"),
            None => name.rsplit_once('/').is_some_and(|(s, _)| s == service),
        };
        let clients = self.clients.iter().enumerate();
        clients.filter(|(_, c)| matches(&c.name)).map(|(i, _)| i).collect()
    }

    fn leader_of(&self, topic: &str, index: u32) -> Option<NodeId> {
        let partition = self.partition_named(topic, index)?;
        self.nodes.iter().find_map(|n| n.controller())?.image().partition(partition)?.leader
    }

    fn first_follower_of(&self, topic: &str, index: u32) -> Option<NodeId> {
        let partition = self.partition_named(topic, index)?;
        let image = self.nodes.iter().find_map(|n| n.controller())?.image();
        let record = image.partition(partition)?;
        record.replicas.iter().copied().find(|&r| Some(r) != record.leader)
    }

    fn group_coordinator(&self, group: &str) -> Option<NodeId> {
        let count = self.internal_partitions("__consumer_offsets")?;
        let partition = broker_model::names::java_hash_abs(group) % count;
        self.leader_of("__consumer_offsets", partition)
    }

    fn transaction_coordinator(&self, id: &str) -> Option<NodeId> {
        let count = self.internal_partitions("__transaction_state")?;
        let partition = broker_model::names::java_hash_abs(id) % count;
        self.leader_of("__transaction_state", partition)
    }

    fn internal_partitions(&self, topic: &str) -> Option<u32> {
        let image = self.nodes.iter().find_map(|n| n.controller())?.image();
        let count = image.topic(image.topic_by_name(topic)?)?.partitions.len() as u32;
        (count > 0).then_some(count)
    }

    pub(super) fn resolved_name(&self, nodes: &[usize], clients: &[usize]) -> String {
        let nodes = nodes.iter().map(|&i| {
            let kind = if self.nodes[i].broker().is_some() { "broker" } else { "controller" };
            format!("{kind} {}", self.nodes[i].id)
        });
        let clients = clients.iter().map(|&i| self.clients[i].name.clone());
        let names: Vec<String> = nodes.chain(clients).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    }

    /// Leadership moves by a preferred election if the leader is not the preferred one.
    fn move_leader(&mut self, target: &Target) {
        let (Target::Partition { topic, partition } | Target::LeaderOf { topic, partition }) =
            target
        else {
            return;
        };
        let Some(partition) = self.partition_named(topic, *partition) else { return };
        let request = ElectLeadersRequest { election: ElectionType::Preferred, partition };
        self.send_as_administrator(Request::ElectLeaders(request));
    }

    /// Without a duration of the fault, each killed instance starts again after its service's
    /// restart delay.
    fn schedule_restarts(&mut self, number: usize) {
        let Some(active) = &self.faults.active[number] else { return };
        let services = &self.plan.scenario.services;
        for &index in &active.clients {
            let name = self.clients[index].name.rsplit_once('/').map_or("", |(service, _)| service);
            let restart = services.iter().find(|s| s.name == name).map_or(0, |s| s.restart);
            self.queue.push(self.now + restart, fault_event(index, RESTART_CLIENT));
        }
    }
}

const fn fault_event(number: usize, what: u32) -> Event {
    Event::Fault(((number as u32) << 2) | what)
}

/// A fault event's number and what it is.
pub(super) const fn parts(code: u32) -> (usize, u32) {
    ((code >> 2) as usize, code & 3)
}

/// What [`kind_name`] gives.
pub(super) const KIND_NAMES: &[&str] = &[
    "broker-kill",
    "broker-power-cut",
    "broker-pause",
    "broker-stop",
    "partition",
    "slow-disk",
    "full-disk",
    "slow-link",
    "connection-loss",
    "service-kill",
    "service-pause",
    "controller-kill",
    "restart-all",
    "leader-move",
];

pub(super) const fn kind_name(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::BrokerKill => "broker-kill",
        FaultKind::BrokerPowerCut => "broker-power-cut",
        FaultKind::BrokerPause => "broker-pause",
        FaultKind::BrokerStop => "broker-stop",
        FaultKind::Partition { .. } => "partition",
        FaultKind::SlowDisk { .. } => "slow-disk",
        FaultKind::FullDisk => "full-disk",
        FaultKind::SlowLink { .. } => "slow-link",
        FaultKind::ConnectionLoss { .. } => "connection-loss",
        FaultKind::ServiceKill => "service-kill",
        FaultKind::ServicePause => "service-pause",
        FaultKind::ControllerKill => "controller-kill",
        FaultKind::RestartAll => "restart-all",
        FaultKind::LeaderMove => "leader-move",
    }
}

pub(super) fn target_name(target: &Target) -> String {
    match target {
        Target::LeaderOf { topic, partition } => format!("leader-of:{topic}/{partition}"),
        Target::FollowerOf { topic, partition } => format!("follower-of:{topic}/{partition}"),
        Target::GroupCoordinator(name) => format!("coordinator-of:group/{name}"),
        Target::TransactionCoordinator(name) => format!("coordinator-of:txn/{name}"),
        Target::Controller => "controller".to_owned(),
        Target::Broker(id) => format!("broker:{id}"),
        Target::Rack(name) => format!("rack:{name}"),
        Target::Service { name, instance: Some(n) } => format!("service:{name}/{n}"),
        Target::Service { name, instance: None } => format!("service:{name}"),
        Target::AllBrokers => "all-brokers".to_owned(),
        Target::RandomBroker => "random-broker".to_owned(),
        Target::Partition { topic, partition } => format!("partition:{topic}/{partition}"),
    }
}
