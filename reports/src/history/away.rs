//! A recorder in a thread of its own, fed with tapes.
//!
//! Recording is a function of the calls in their order, and nothing asks what came of them before
//! the run is over: so the thread changes when they are made, and nothing else.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::call::Call;
use super::recorder::Recorder;
use super::tape::Tape;

/// Tapes that may wait for the recorder before whoever writes them waits too.
const WAITING_MAX: usize = 16;

/// The writing end.
#[derive(Debug)]
pub(super) struct Away {
    pub(super) tape: Tape,
    full: SyncSender<Tape>,
    /// Tapes that were played, for their memory.
    played: Receiver<Tape>,
    recorder: JoinHandle<Recorder>,
    /// The numbers that the recorder will give out next.
    pub(super) next_consumer: u32,
    pub(super) next_session: u32,
    pub(super) next_transaction: u32,
}

impl Away {
    /// Takes a recorder into a thread.
    pub(super) fn start(recorder: Recorder) -> Self {
        let (full, tapes) = sync_channel::<Tape>(WAITING_MAX);
        // Never full: there are not more tapes than may wait, one being written, one played.
        let (back, played) = sync_channel::<Tape>(WAITING_MAX + 2);
        let number = |count| u32::try_from(count).expect("fewer than records");
        let next_consumer = number(recorder.topology.consumer_count());
        let next_session = number(recorder.topology.session_count());
        let next_transaction = number(recorder.transactions.iter().count());
        let recorder = std::thread::spawn(move || {
            let mut recorder = recorder;
            for mut tape in tapes {
                tape.play(&mut recorder);
                // Nobody takes it back any more when the run was given up.
                let _ = back.try_send(tape);
            }
            recorder
        });
        Self {
            tape: Tape::default(),
            full,
            played,
            recorder,
            next_consumer,
            next_session,
            next_transaction,
        }
    }

    pub(super) fn put(&mut self, call: Call) {
        self.tape.put(call);
        if self.tape.is_full() {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let next = self.played.try_recv().unwrap_or_default();
        let tape = std::mem::replace(&mut self.tape, next);
        // It refuses only after a panic, which is told when the recorder comes back.
        let _ = self.full.send(tape);
    }

    /// Waits until everything is recorded.
    ///
    /// # Panics
    /// When recording panicked, with the same words.
    pub(super) fn finish(mut self) -> Recorder {
        if !self.tape.is_empty() {
            self.hand_over();
        }
        drop(self.full);
        self.recorder.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}
