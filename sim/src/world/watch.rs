//! What machines say goes to the invariants, the fault triggers and the witness.

use broker_model::controller::Controller;
use broker_model::metadata::Image;
use broker_model::note::Note;
use broker_model::protocol::Request;
use broker_model::types::NodeId;

use super::{NodeState, World};
use crate::coverage::Reached;
use crate::invariant::{Invariants, View};

impl World {
    /// A machine said what happened: invariants look, faults may fire.
    pub(super) fn observe(&mut self, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        let (view, invariants) = self.view();
        for note in notes {
            invariants.on_note(&view, note);
        }
        if let Some(coverage) = &mut self.coverage {
            notes.iter().for_each(|note| coverage.note(&self.nodes, note));
        }
        self.keep_skipped_first(notes);
        self.witness.hear(notes);
        if self.told.is_some() {
            self.keep_notes(notes);
        }
        self.hear_notes(notes);
        if self.faults_listen() {
            for note in notes {
                self.note_for_faults(note);
            }
        }
    }

    /// From now on keeps what the run reaches.
    pub(crate) fn cover(&mut self) {
        self.coverage = Some(Box::default());
    }

    /// What the run has reached since [`Self::cover`]; nothing without it.
    pub(crate) fn take_reached(&mut self) -> Option<Reached> {
        self.coverage.take().map(|coverage| coverage.reached().clone())
    }

    /// What there is to see now, and who judges it.
    fn view(&mut self) -> (View<'_>, &mut Invariants) {
        let shared = &self.shared;
        let view = View::new(self.now, &self.nodes, &shared.batches)
            .with_records(&shared.records)
            .with_names(&shared.names)
            .with_progress(&shared.progress)
            .with_aborted_by_hand(&self.faults.aborted_by_hand);
        (view, &mut self.invariants)
    }

    /// Keeps what leaders took although an earlier batch of its producer had not come to them.
    fn keep_skipped_first(&mut self, notes: &[Note]) {
        for note in notes {
            if let Note::FirstSequenceSkipped { partition, batch, .. } = *note
                && let Some(first) = self.shared.batches.records(batch).first()
            {
                self.skipped_first.push((partition, *first));
            }
        }
    }

    pub(super) fn check_after_healing(&mut self) {
        let up = self.clients.iter().filter(|client| client.state == NodeState::Up);
        let next: Vec<_> = up.flat_map(|client| client.actor.next_batches()).collect();
        let (view, invariants) = self.view();
        invariants.after_healing(&view.with_next_batches(&next));
    }

    pub(super) fn invariants_are_not_at_rest(&mut self) {
        let (view, invariants) = self.view();
        invariants.not_at_rest(&view);
    }

    pub(super) fn controller(&self) -> &Controller {
        super::deciding(&self.nodes).expect("a cluster has a controller")
    }

    pub(super) fn image(&self) -> &Image {
        super::metadata(&self.nodes).expect("a cluster has a controller")
    }

    pub(super) fn send_as_administrator(&mut self, request: Request) {
        self.ask_as_administrator(request, Vec::new());
    }

    /// Asks these brokers, one after the other until one does it; without any, the controllers.
    pub(super) fn ask_as_administrator(&mut self, request: Request, brokers: Vec<NodeId>) {
        let now = self.now;
        self.clients[0].actor.administer(request, brokers, now);
        self.arm_client_timer(0);
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::{LogEntry, NewBatch};
    use broker_model::types::{
        BatchId, GroupId, LeaderEpoch, NodeId, Offset, PartitionId, ProducerEpoch, ProducerId,
        RecordId, Timestamp, TransactionalId,
    };

    use super::super::small::{cluster, idle, with_fault, world};
    use super::World;
    use crate::invariant::{Interest, Invariant, Invariants, View};

    const PARTITION: PartitionId = PartitionId(0);

    fn batch(world: &mut World, records: &[u32]) -> BatchId {
        let records: Vec<RecordId> = records.iter().map(|&id| RecordId(id)).collect();
        let new = NewBatch {
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(-1),
            base_sequence: -1,
            transactional: false,
            max_timestamp: Timestamp(0),
            bytes: 100,
        };
        world.shared.batches.push_records(new, &records)
    }

    #[test]
    fn first_sequences_that_are_skipped_are_kept_with_their_first_record() {
        let mut world = idle(&[]);
        let batches = [batch(&mut world, &[7, 8]), batch(&mut world, &[9])];
        let note =
            |batch| Note::FirstSequenceSkipped { node: NodeId(1), partition: PARTITION, batch };
        world.observe(&[]);
        world.observe(&batches.map(note));
        assert_eq!(world.skipped_first, [(PARTITION, RecordId(7)), (PARTITION, RecordId(9))]);
    }

    #[test]
    fn invariants_see_every_note_in_order() {
        let mut world = idle(&[]);
        let batch = batch(&mut world, &[1]);
        let append = |at: i64| Note::Appended {
            node: NodeId(1),
            partition: PARTITION,
            entry: LogEntry { base_offset: Offset(at), batch, leader_epoch: LeaderEpoch(0) },
            end: Offset(at + 1),
            leader: true,
        };
        let found = |world: &World| world.invariants.violations().len();
        world.observe(&[append(0), append(1)]);
        assert_eq!(found(&world), 0);
        world.observe(&[append(2), append(1)]);
        assert_eq!(found(&world), 1);
    }

    /// Says after healing how it calls things.
    #[derive(Debug)]
    struct Names;

    impl Invariant for Names {
        fn name(&self) -> &'static str {
            "full-isr"
        }

        fn interests(&self) -> &'static [Interest] {
            &[]
        }

        fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
            let id = view.transactional_id(TransactionalId(0));
            Some(format!("{} and {id}", view.group(GroupId(0))))
        }
    }

    #[test]
    fn things_have_their_names_after_healing() {
        let mut world = idle(&[]);
        let names = &mut world.shared.names;
        names.group("tellers");
        names.transactional_id("teller-0");
        world.invariants = Invariants::new(vec![Box::new(Names)]);
        world.invariants_are_not_at_rest();
        world.check_after_healing();
        assert_eq!(world.invariants.violations()[0].detail, "tellers and teller-0");
    }

    #[test]
    fn who_asked_is_told_and_faults_that_wait_hear() {
        let fenced = Note::ProducerFenced { node: NodeId(1), producer_id: ProducerId(7) };
        let asking = "[expect]\nnotes = [\"producer-fenced\"]\n";
        let mut world = world(&cluster((2, 2), 30, 1, asking), &[], 1);
        assert!(!world.has_heard("producer-fenced"));
        world.observe(&[fenced]);
        assert!(world.has_heard("producer-fenced"));
        let trigger =
            "kind = \"broker-kill\"\ntarget = \"broker:1\"\non = \"controller-election#9\"\n";
        let mut world = with_fault(trigger);
        let elected = Note::QuorumLeader { node: NodeId(3000), epoch: LeaderEpoch(9), start: 0 };
        assert!(world.faults_listen());
        for _ in 0..9 {
            world.observe(std::slice::from_ref(&elected));
        }
        assert!(!world.faults_listen(), "the fault has struck, or will");
    }
}
