//! What machines say goes to the invariants, the fault triggers and the witness.

use broker_model::controller::Controller;
use broker_model::metadata::Image;
use broker_model::note::Note;
use broker_model::protocol::Request;

use super::World;
use crate::invariant::View;

impl World {
    /// A machine said what happened: invariants look, faults may fire.
    pub(super) fn observe(&mut self, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        let view = View::new(self.now, &self.nodes, &self.shared.batches);
        let view = view.with_records(&self.shared.records).with_names(&self.shared.names);
        for note in notes {
            self.invariants.on_note(&view, note);
        }
        for note in notes {
            if let Note::FirstSequenceSkipped { partition, batch, .. } = *note
                && let Some(first) = self.shared.batches.records(batch).first()
            {
                self.skipped_first.push((partition, *first));
            }
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
        let view = View::new(self.now, &self.nodes, &self.shared.batches);
        self.invariants.after_healing(&view);
    }

    pub(super) fn controller(&self) -> &Controller {
        super::deciding(&self.nodes).expect("a cluster has a controller")
    }

    pub(super) fn image(&self) -> &Image {
        super::metadata(&self.nodes).expect("a cluster has a controller")
    }

    pub(super) fn send_as_administrator(&mut self, request: Request) {
        let now = self.now;
        self.clients[0].actor.administer(request, now);
        self.arm_client_timer(0);
    }
}
