//! When faults fire: by time, or at a protocol event.

use broker_model::note::Note;
use broker_model::protocol::ApiKey;
use broker_model::records::TransactionState;
use broker_model::types::{PartitionId, TopicId};
use scenarios::model::{ProtocolEvent, Trigger};

use super::delay::is;
use super::{BEGIN, fault_event};
use crate::network::Direction;
use crate::world::World;

impl World {
    /// Faults by time are scheduled from the start of the load phase; faults by event listen.
    pub(in crate::world) fn arm_faults_by_time(&mut self) {
        for number in 0..self.plan.faults.len() {
            let planned = &self.plan.faults[number];
            if let (true, Some(at)) = (planned.on, planned.at) {
                self.queue.push(self.now + at, fault_event(number, BEGIN));
            }
        }
    }

    /// Faults by event listen from the start of the run.
    pub(in crate::world) fn arm_faults_by_event(&mut self) {
        let planned = self.plan.faults.iter().enumerate();
        self.faults.waiting =
            planned.filter(|(_, f)| f.on && f.at.is_none()).map(|(number, _)| number).collect();
    }

    /// Faults that were part of the run and never fired: what they wait for did not happen.
    pub(in crate::world) fn unfired_faults(&self) -> impl Iterator<Item = &str> {
        let planned = self.plan.faults.iter().enumerate();
        planned
            .filter(|(number, fault)| fault.on && !fault.made_up && !self.faults.fired[*number])
            .map(|(_, planned)| planned.fault.name.as_str())
    }

    /// Whether the seed made up faults and none of all faults fired.
    pub(crate) fn has_tried_nothing(&self) -> bool {
        let drawn = self.plan.faults.iter().any(|fault| fault.on && fault.made_up);
        drawn && !self.faults.fired.contains(&true)
    }

    /// Whether a fault fired, by its number.
    pub(crate) fn has_fired(&self, number: usize) -> bool {
        self.faults.fired[number]
    }

    /// How often a fault, by its number, has seen the event that it waits for.
    pub(crate) fn seen_by(&self, number: usize) -> u64 {
        self.faults.seen[number]
    }

    /// Whether a fault waits for a protocol event.
    pub(in crate::world) fn faults_listen(&self) -> bool {
        !self.faults.waiting.is_empty()
    }

    /// A note may be the event that a fault waits for.
    pub(in crate::world) fn note_for_faults(&mut self, note: &Note) {
        self.listen(|world, event| world.matches(event, note));
    }

    /// Something happened: counts it for the faults that wait for it.
    fn listen(&mut self, is_it: impl Fn(&Self, &ProtocolEvent) -> bool) {
        for position in (0..self.faults.waiting.len()).rev() {
            let number = self.faults.waiting[position];
            let Trigger::On { event, nth, .. } = &self.plan.faults[number].fault.trigger else {
                continue;
            };
            if !is_it(self, event) {
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

    /// A message that is being sent may be the event that a fault waits for.
    pub(in crate::world) fn message_for_faults(&mut self, api: ApiKey, direction: Direction) {
        self.listen(
            |_, event| matches!(event, ProtocolEvent::Sent(kind) if is(*kind, api, direction)),
        );
    }

    fn matches(&self, event: &ProtocolEvent, note: &Note) -> bool {
        use ProtocolEvent as On;
        let names = &self.shared.names;
        let is = |id, topic, index| self.partition_named(topic, index) == Some(id);
        match *event {
            On::Append { ref topic, partition } => matches!(
                *note,
                Note::Appended { partition: id, leader: true, .. } if is(id, topic, partition)
            ),
            On::Roll { ref topic, partition } => matches!(
                *note,
                Note::Rolled { partition: id, leader: true, .. } if is(id, topic, partition)
            ),
            On::HighWatermark { ref topic, partition } => matches!(
                *note,
                Note::HighWatermark { partition: id, leader: true, .. } if is(id, topic, partition)
            ),
            On::Leader { ref topic, partition } => matches!(
                *note,
                Note::BecameLeader { partition: id, .. } if is(id, topic, partition)
            ),
            On::PartitionChange { ref topic, partition } => matches!(
                *note,
                Note::PartitionChanged { partition: id, .. } if is(id, topic, partition)
            ),
            On::TransactionPrepare { transactional_id: ref wanted } => {
                use TransactionState::{PrepareAbort, PrepareCommit};
                matches!(
                    *note,
                    Note::TransactionState {
                        transactional_id: id,
                        state: PrepareCommit | PrepareAbort,
                        ..
                    } if wanted.as_ref().is_none_or(|it| names.transactional_id_name(id) == it)
                )
            }
            On::Rebalance { group: ref wanted } => matches!(
                *note,
                Note::RebalanceStarted { group: id, .. }
                    if wanted.as_ref().is_none_or(|it| names.group_name(id) == it)
            ),
            On::ControllerElection => matches!(note, Note::QuorumLeader { .. }),
            // No machine notes it: `message_for_faults` hears it on the wire.
            On::Sent(_) => false,
        }
    }

    /// The partition that a scenario names, as the controller knows it.
    pub(in crate::world) fn partition_named(&self, topic: &str, index: u32) -> Option<PartitionId> {
        let image = self.image();
        let id: TopicId = image.topic_by_name(topic)?;
        image.topic(id)?.partitions.get(index as usize).copied()
    }
}
