//! What faults do. The state of a host or link is a function of the faults that are in force, so
//! that one of two that overlap can end without ending the other.

use broker_model::io::{Input, StopKind};
use scenarios::model::{Cut, FaultKind, Ratio, Target};

use super::Active;
use crate::network::HostId;
use crate::plan::PlannedFault;
use crate::world::{NodeState, World};

/// A processes' state that several faults may hold at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hold {
    /// It does not run.
    Down,
    /// It stands still.
    Still,
}

const fn hold(kind: FaultKind) -> Option<Hold> {
    match kind {
        FaultKind::BrokerKill
        | FaultKind::ControllerKill
        | FaultKind::RestartAll
        | FaultKind::BrokerStop
        | FaultKind::BrokerPowerCut
        | FaultKind::FullDisk
        | FaultKind::ServiceKill
        | FaultKind::ServiceStop => Some(Hold::Down),
        FaultKind::BrokerPause | FaultKind::ServicePause => Some(Hold::Still),
        FaultKind::Partition { .. }
        | FaultKind::SlowDisk { .. }
        | FaultKind::SlowLink { .. }
        | FaultKind::Delay { .. }
        | FaultKind::ConnectionLoss { .. }
        | FaultKind::DiskFailure { .. }
        | FaultKind::BitRot
        | FaultKind::LeaderMove { .. }
        | FaultKind::Reassign { .. }
        | FaultKind::UncleanElection
        | FaultKind::AbortHanging { .. }
        | FaultKind::AddBroker => None,
    }
}

fn is_holding(planned: &PlannedFault, how: Hold) -> bool {
    hold(planned.fault.kind) == Some(how)
}

/// The larger of two ratios.
fn larger(a: Ratio, b: Ratio) -> Ratio {
    let (left, right) = (
        u128::from(a.numerator) * u128::from(b.denominator),
        u128::from(b.numerator) * u128::from(a.denominator),
    );
    if left >= right { a } else { b }
}

impl World {
    /// Whether a fault that begins now changes anything.
    pub(super) fn strikes(&self, kind: FaultKind, target: &Target, active: &Active) -> bool {
        let node = |wanted: fn(NodeState) -> bool| {
            active.nodes.iter().any(|&index| wanted(self.nodes[index].state))
        };
        let client = |wanted: fn(NodeState) -> bool| {
            active.clients.iter().any(|&index| wanted(self.clients[index].state))
        };
        match kind {
            FaultKind::BrokerKill | FaultKind::ControllerKill | FaultKind::RestartAll => {
                node(NodeState::is_running)
            }
            FaultKind::BrokerPowerCut => active.nodes.iter().any(|&index| {
                let node = &self.nodes[index];
                node.state != NodeState::NoPower && !node.is_absent()
            }),
            FaultKind::BrokerPause | FaultKind::BrokerStop => node(|state| state == NodeState::Up),
            FaultKind::Partition { .. } => !active.cuts.is_empty(),
            FaultKind::SlowDisk { .. } | FaultKind::FullDisk | FaultKind::DiskFailure { .. } => {
                node(NodeState::is_running)
            }
            FaultKind::SlowLink { .. } | FaultKind::Delay { .. } => {
                !self.hosts_of(active).is_empty()
            }
            FaultKind::ConnectionLoss { probability } => {
                probability.numerator > 0 && !self.hosts_of(active).is_empty()
            }
            FaultKind::ServiceKill => client(NodeState::is_running),
            FaultKind::ServiceStop | FaultKind::ServicePause => {
                client(|state| state == NodeState::Up)
            }
            FaultKind::BitRot => active.rot.is_some(),
            FaultKind::LeaderMove { to } => self.can_move_leader(target, to),
            FaultKind::Reassign { .. } => !active.moves.is_empty(),
            FaultKind::UncleanElection => self.can_elect_uncleanly(target),
            FaultKind::AbortHanging { .. } => !self.hanging_transactions(kind, target).is_empty(),
            FaultKind::AddBroker => active.nodes.iter().any(|&index| self.nodes[index].is_absent()),
        }
    }

    /// A fault has begun; it is among those in force.
    pub(super) fn apply(&mut self, kind: FaultKind, target: &Target, active: &Active) {
        match kind {
            FaultKind::BrokerKill | FaultKind::ControllerKill | FaultKind::RestartAll => {
                self.stop_nodes(active, StopKind::Kill);
            }
            FaultKind::BrokerPowerCut => self.stop_nodes(active, StopKind::PowerCut),
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
            FaultKind::Partition { .. } => {
                for &(from, to) in &active.cuts {
                    self.links.cut(from, to);
                }
            }
            FaultKind::SlowDisk { .. } | FaultKind::FullDisk => self.refresh_disks(active),
            FaultKind::DiskFailure { .. } => self.fail_disks(active),
            FaultKind::SlowLink { .. } => self.refresh_links(active),
            FaultKind::Delay { .. } => self.refresh_delays(),
            FaultKind::ConnectionLoss { .. } => self.refresh_loss(active),
            FaultKind::ServiceKill => {
                for &index in &active.clients {
                    self.kill_client(index);
                }
            }
            FaultKind::ServiceStop => {
                for &index in &active.clients {
                    self.stop_client(index);
                }
            }
            FaultKind::ServicePause => {
                for &index in &active.clients {
                    self.pause_client(index);
                }
            }
            FaultKind::BitRot => self.rot(active),
            FaultKind::LeaderMove { to } => self.move_leader(target, to),
            FaultKind::Reassign { throttle, .. } => {
                if let Some(rate) = throttle {
                    self.set_replication_throttle(rate, &active.moves);
                }
                self.reassign(&active.moves);
            }
            FaultKind::UncleanElection => self.elect_uncleanly(target),
            FaultKind::AbortHanging { .. } => {
                self.abort_hanging(self.hanging_transactions(kind, target));
            }
            FaultKind::AddBroker => {
                for &index in &active.nodes {
                    if self.nodes[index].is_absent() {
                        self.start_node(index);
                    }
                }
            }
        }
    }

    /// A fault has ended; it is no longer among those in force.
    pub(super) fn undo(&mut self, kind: FaultKind, active: &Active) {
        match kind {
            FaultKind::BrokerKill
            | FaultKind::ControllerKill
            | FaultKind::RestartAll
            | FaultKind::BrokerStop
            | FaultKind::BrokerPowerCut => self.start_stopped(active),
            FaultKind::BrokerPause => {
                for &index in &active.nodes {
                    if !self.is_held(Hold::Still, |other| other.nodes.contains(&index)) {
                        self.resume_node(index);
                    }
                }
            }
            FaultKind::Partition { .. } => {
                for &(from, to) in &active.cuts {
                    if self.links.mend(from, to) {
                        self.release_held(from, to);
                    }
                }
            }
            FaultKind::SlowDisk { .. } => self.refresh_disks(active),
            FaultKind::FullDisk => {
                self.refresh_disks(active);
                self.start_stopped(active);
            }
            FaultKind::DiskFailure { .. } => self.replace_disks(active),
            FaultKind::SlowLink { .. } => self.refresh_links(active),
            FaultKind::Delay { .. } => self.refresh_delays(),
            FaultKind::ConnectionLoss { .. } => self.refresh_loss(active),
            FaultKind::ServiceKill => {
                for &index in &active.clients {
                    self.restart_client(index);
                }
            }
            FaultKind::ServiceStop => {
                for &index in &active.clients {
                    self.kill_client(index);
                    self.restart_client(index);
                }
            }
            FaultKind::ServicePause => {
                for &index in &active.clients {
                    if !self.is_held(Hold::Still, |other| other.clients.contains(&index)) {
                        self.resume_client(index);
                    }
                }
            }
            FaultKind::Reassign { .. } => self.lift_throttles(),
            FaultKind::BitRot
            | FaultKind::LeaderMove { .. }
            | FaultKind::UncleanElection
            | FaultKind::AbortHanging { .. }
            | FaultKind::AddBroker => {}
        }
    }

    /// Whether a fault in force that concerns it holds a process so.
    fn is_held(&self, how: Hold, concerns: impl Fn(&Active) -> bool) -> bool {
        self.in_force().any(|(planned, active)| is_holding(planned, how) && concerns(active))
    }

    /// A killed client starts again, unless a fault still keeps it down.
    pub(in crate::world) fn restart_client(&mut self, index: usize) {
        let stopped = self.clients[index].state == NodeState::Stopped;
        if stopped && self.phases.services_have_started() && !self.is_kept_down(index) {
            self.start_client(index);
        }
    }

    /// A kill without a duration does not keep anybody down: the service restarts by itself.
    pub(in crate::world) fn is_kept_down(&self, client: usize) -> bool {
        self.in_force().any(|(planned, active)| {
            is_holding(planned, Hold::Down)
                && planned.lasts.is_some()
                && active.clients.contains(&client)
        })
    }

    fn stop_nodes(&mut self, active: &Active, kind: StopKind) {
        for &index in &active.nodes {
            self.stop_node(index, kind);
        }
    }

    pub(super) fn start_stopped(&mut self, active: &Active) {
        for &index in &active.nodes {
            self.start_unless_held(index);
        }
    }

    /// Starts a node that is stopped, unless a fault in force keeps it down.
    pub(in crate::world) fn start_unless_held(&mut self, index: usize) {
        let held = self.is_held(Hold::Down, |other| other.nodes.contains(&index));
        let node = &self.nodes[index];
        if held || node.state.is_running() || node.is_absent() {
            return;
        }
        let had_power = node.state != NodeState::NoPower;
        self.start_node(index);
        if !had_power {
            self.reset_stale_connections(index);
        }
    }

    /// The slowest factor in force, and whether anything fills the disk.
    fn refresh_disks(&mut self, of: &Active) {
        for &index in &of.nodes {
            let (mut slowest, mut full) = (Ratio::ONE, false);
            for (planned, _) in self.in_force().filter(|(_, a)| a.nodes.contains(&index)) {
                match planned.fault.kind {
                    FaultKind::SlowDisk { factor } => slowest = larger(slowest, factor),
                    FaultKind::FullDisk => full = true,
                    _ => {}
                }
            }
            self.nodes[index].disk.slow_down(slowest.numerator, slowest.denominator);
            self.nodes[index].disk.set_full(full);
        }
    }

    /// On each link of these hosts: delays in force add up, the narrowest factor counts.
    fn refresh_links(&mut self, of: &Active) {
        let interface = self.plan.scenario.hardware.nic.burst_bits_per_s / 8;
        for host in self.hosts_of(of) {
            for other in (0..self.links.hosts() as u32).map(HostId).filter(|&o| o != host) {
                let (mut delay, mut factor) = (0, Ratio::ONE);
                for (planned, active) in self.in_force() {
                    let FaultKind::SlowLink { factor: narrow, .. } = planned.fault.kind else {
                        continue;
                    };
                    let hosts = self.hosts_of(active);
                    if hosts.contains(&host) || hosts.contains(&other) {
                        delay += planned.delay;
                        factor = larger(factor, narrow);
                    }
                }
                let factor = (factor.numerator, factor.denominator);
                for (from, to) in [(host, other), (other, host)] {
                    self.links.delay(from, to, delay);
                    self.links.narrow((from, to), factor, interface);
                }
            }
        }
    }

    /// The largest probability in force.
    fn refresh_loss(&mut self, of: &Active) {
        for host in self.hosts_of(of) {
            let mut worst = Ratio { numerator: 0, denominator: 1 };
            for (planned, active) in self.in_force() {
                if let FaultKind::ConnectionLoss { probability } = planned.fault.kind
                    && self.hosts_of(active).contains(&host)
                {
                    worst = larger(worst, probability);
                }
            }
            self.loss[host.0 as usize] = (worst.numerator, worst.denominator);
        }
    }

    pub(super) fn hosts_of(&self, active: &Active) -> Vec<HostId> {
        self.hosts_under(&active.nodes, &active.clients)
    }

    /// The hosts of nodes and clients.
    fn hosts_under(&self, nodes: &[usize], clients: &[usize]) -> Vec<HostId> {
        let nodes = nodes.iter().map(|&i| self.hosts[i]);
        nodes.chain(clients.iter().map(|&i| self.clients[i].host)).collect()
    }

    /// Directed links that a cut takes away, each once.
    pub(super) fn links_cut_by(
        &self,
        cut: Cut,
        nodes: &[usize],
        clients: &[usize],
    ) -> Vec<(HostId, HostId)> {
        let targets = self.hosts_under(nodes, clients);
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
}
