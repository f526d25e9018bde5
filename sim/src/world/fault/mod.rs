//! Faults: resolved and recorded when they fire, undone when they end.

mod delay;
mod disk;
mod effect;
mod hanging;
mod leader_move;
mod operation;
#[cfg(test)]
mod operation_tests;
mod reassignment_throttle;
mod target;
#[cfg(test)]
mod tests;
mod trigger;

use broker_model::types::{Instant, LeaderEpoch, Offset, PartitionId};
use reports::summary::FaultEnd;
use scenarios::model::FaultKind;

use super::{Event, World};
use crate::network::HostId;
use crate::plan::PlannedFault;

/// A fault as it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultRecord {
    /// Its place among the faults of the plan.
    pub number: usize,
    /// When it fired, in simulated time.
    pub at: Instant,
    /// When it ended.
    pub until: Option<Instant>,
    /// How it ended.
    pub end: Option<FaultEnd>,
    /// Its kind, as in the scenario.
    pub kind: &'static str,
    /// Its target, as in the scenario.
    pub target: String,
    /// Who that was.
    pub resolved: String,
    /// Whether it changed anything: a dead broker cannot be killed.
    pub struck: bool,
    /// For a reassignment: its throttle, bytes a second, which is lifted when it ends.
    pub replication_throttle: Option<u64>,
}

/// What has to be undone.
#[derive(Clone, Debug, Default)]
struct Active {
    nodes: Vec<usize>,
    clients: Vec<usize>,
    cuts: Vec<(HostId, HostId)>,
    /// Of `log.dirs`, from 0: the directory whose disk fails.
    place: u32,
    /// The partition and the offset that bit rot spoils.
    rot: Option<(PartitionId, Offset)>,
    moves: Vec<operation::Move>,
    /// The leader epoch that a leader move ends.
    moved_from: Option<LeaderEpoch>,
    record: usize,
}

/// The state of a run's faults.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    active: Vec<Option<Active>>,
    seen: Vec<u64>,
    fired: Vec<bool>,
    waiting: Vec<usize>,
    delays: Vec<delay::Delay>,
    pub(super) aborted_by_hand: hanging::AbortedByHand,
    /// What reassignments throttled.
    throttled: reassignment_throttle::Throttled,
    pub(super) records: Vec<FaultRecord>,
    pub(super) running: u32,
    pub(super) last_end: Option<Instant>,
}

pub(super) const BEGIN: u32 = 0;
const END: u32 = 1;

impl Faults {
    pub(super) fn new(count: usize) -> Self {
        Self {
            active: vec![None; count],
            seen: vec![0; count],
            fired: vec![false; count],
            ..Self::default()
        }
    }
}

impl World {
    /// A fault begins or ends.
    pub(super) fn fault_event(&mut self, code: u32) {
        let (number, what) = parts(code);
        match what {
            BEGIN => self.begin_fault(number),
            _ => self.end_fault(number, FaultEnd::TimeOver),
        }
    }

    /// A fault that would begin behind the load is none: a run is the same without it.
    pub(super) fn is_too_late(&self, event: Event) -> bool {
        let begins = matches!(event, Event::Fault(code) if parts(code).1 == BEGIN);
        begins && self.phases.load_is_over()
    }

    fn begin_fault(&mut self, number: usize) {
        if self.faults.active[number].is_some() {
            return;
        }
        let planned = self.plan.faults[number].clone();
        let (kind, target) = (planned.fault.kind, planned.fault.target);
        let (nodes, clients) = self.resolve(&target, planned.choice);
        self.faults.records.push(FaultRecord {
            number,
            at: self.now,
            until: None,
            end: None,
            kind: kind.name(),
            target: target.to_string(),
            resolved: self.resolved_name(&nodes, &clients),
            struck: false,
            replication_throttle: match kind {
                FaultKind::Reassign { throttle, .. } => throttle,
                _ => None,
            },
        });
        let cuts = match kind {
            FaultKind::Partition { cut } => self.links_cut_by(cut, &nodes, &clients),
            _ => Vec::new(),
        };
        let moves = self.moves_of(kind, &target, planned.choice);
        let record = self.faults.records.len() - 1;
        let place = self.place_of(kind, planned.choice);
        let rot = self.rot_of(kind, &target, &nodes, planned.choice);
        let moved_from = self.epoch_to_move(kind, &target);
        let active = Active { nodes, clients, cuts, place, moves, moved_from, rot, record };
        self.faults.running += 1;
        self.faults.fired[number] = true;
        self.faults.active[number] = Some(active.clone());
        let struck = self.strikes(kind, &target, &active);
        self.faults.records[active.record].struck = struck;
        self.apply(kind, &target, &active);
        self.phase_may_change();
        if is_over_at_once(kind, struck) {
            self.end_fault(number, FaultEnd::Done);
        } else if let Some(lasts) = planned.lasts {
            self.queue.push(self.now + lasts, fault_event(number, END));
        } else if kind == FaultKind::ServiceKill {
            self.schedule_restarts(&active);
        }
    }

    fn end_fault(&mut self, number: usize, end: FaultEnd) {
        let Some(active) = self.faults.active[number].take() else { return };
        let end = match end {
            FaultEnd::Done => end,
            _ => self.told_end(number, &active, end),
        };
        let record = &mut self.faults.records[active.record];
        (record.until, record.end) = (Some(self.now), Some(end));
        self.faults.running -= 1;
        self.faults.last_end = Some(self.now);
        self.undo(self.plan.faults[number].fault.kind, &active);
        self.phase_may_change();
    }

    /// The faults in force, in order of their numbers.
    fn in_force(&self) -> impl Iterator<Item = (&PlannedFault, &Active)> {
        let active = self.plan.faults.iter().zip(&self.faults.active);
        active.filter_map(|(planned, active)| Some((planned, active.as_ref()?)))
    }

    /// Ends every fault: the load phase is over. Disks are replaced first, so that a broker which
    /// starts now starts once.
    pub(super) fn heal(&mut self) {
        self.faults.waiting.clear();
        let is_of_a_disk = |number: &usize| {
            matches!(self.plan.faults[*number].fault.kind, FaultKind::DiskFailure { .. })
        };
        let (disks, others): (Vec<usize>, Vec<usize>) =
            (0..self.faults.active.len()).partition(is_of_a_disk);
        for number in disks.into_iter().chain(others) {
            self.end_fault(number, FaultEnd::Healed);
        }
    }

    /// Without a duration of the fault, each killed instance starts again after its service's
    /// restart delay.
    fn schedule_restarts(&mut self, active: &Active) {
        let services = &self.plan.scenario.services;
        for &index in &active.clients {
            let name = self.clients[index].name.rsplit_once('/').map_or("", |(service, _)| service);
            let restart = services.iter().find(|s| s.name == name).map_or(0, |s| s.restart);
            self.queue.push(self.now + restart, Event::Restart(index as u32));
        }
    }
}

/// What is spoiled stays, and there is nothing to wait for where no leader can move.
const fn is_over_at_once(kind: FaultKind, struck: bool) -> bool {
    match kind {
        FaultKind::BitRot => true,
        FaultKind::LeaderMove { .. } | FaultKind::AbortHanging { .. } => !struck,
        _ => false,
    }
}

const fn fault_event(number: usize, what: u32) -> Event {
    Event::Fault(((number as u32) << 1) | what)
}

/// A fault event's number and what it is.
pub(super) const fn parts(code: u32) -> (usize, u32) {
    ((code >> 1) as usize, code & 1)
}
