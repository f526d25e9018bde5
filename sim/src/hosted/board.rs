//! What tasks and the world leave for each other: calls of a program, and a run's list of who
//! asked, started or was killed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use broker_model::types::{Instant, Offset, PartitionId};

use super::answer::{Answer, locked};
use super::consumer::{Polled, Position};
use super::gauge::Gauge;
use super::process::Process;
use super::producer::{Delivery, NewRecord};
use crate::client::consumer::{CommitError, ConsumerError};
use crate::world::LoadWindow;

/// What a program asks of its process.
#[derive(Debug)]
pub(super) enum Call {
    /// Produce a record.
    Send(NewRecord, Answer<Delivery>),
    /// Wait until everything sent before has an outcome.
    Flush(Answer<()>),
    /// Poll, at most until then.
    Poll(Instant, Answer<Result<Polled, ConsumerError>>),
    /// Commit these positions, or those behind everything polled.
    Commit(Option<Vec<Position>>, Answer<Result<(), CommitError>>),
    /// Go back or forth to an offset.
    Seek(PartitionId, Offset),
    /// Wait until then.
    Sleep(Instant, Answer<()>),
    /// Wait for the load.
    Load(Answer<LoadWindow>),
}

/// What happened to an instance, for the driver to do to its madsim node.
#[derive(Debug)]
pub(super) enum Fate {
    /// Its process begins (again).
    Started(Process),
    /// Its process was killed.
    Killed,
}

/// What all instances and the driver of a run share.
#[derive(Debug, Default)]
pub(super) struct Board {
    clock: AtomicU64,
    driven: AtomicBool,
    asking: Mutex<Vec<u32>>,
    fates: Mutex<Vec<(u32, Fate)>>,
}

impl Board {
    /// The world's time.
    pub(super) fn now(&self) -> Instant {
        Instant(self.clock.load(Ordering::Relaxed))
    }

    /// A driver that runs async code has taken over.
    pub(super) fn set_driven(&self) {
        self.driven.store(true, Ordering::Relaxed);
    }

    /// Whether there is a driver that runs async code.
    pub(super) fn is_driven(&self) -> bool {
        self.driven.load(Ordering::Relaxed)
    }

    /// The world has come to this instant.
    pub(super) fn set_now(&self, now: Instant) {
        self.clock.store(now.0, Ordering::Relaxed);
    }

    /// Instances that asked for something since this was last taken.
    pub(super) fn take_asking(&self) -> Vec<u32> {
        std::mem::take(&mut *locked(&self.asking))
    }

    /// Something happened to an instance.
    pub(super) fn tell(&self, instance: u32, fate: Fate) {
        locked(&self.fates).push((instance, fate));
    }

    /// What happened since this was last taken, in order.
    pub(super) fn take_fates(&self) -> Vec<(u32, Fate)> {
        std::mem::take(&mut *locked(&self.fates))
    }
}

/// One life of an instance, from its start to its end.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) board: Arc<Board>,
    pub(super) gauge: Arc<Gauge>,
    instance: u32,
    calls: Mutex<Vec<Call>>,
    asked: AtomicBool,
}

impl Life {
    pub(super) fn new(board: &Arc<Board>, instance: u32) -> Self {
        Self {
            board: Arc::clone(board),
            gauge: Arc::default(),
            instance,
            calls: Mutex::new(Vec::new()),
            asked: AtomicBool::new(false),
        }
    }

    /// A program asks for something.
    pub(super) fn call(&self, call: Call) {
        locked(&self.calls).push(call);
        if !self.asked.swap(true, Ordering::Relaxed) {
            locked(&self.board.asking).push(self.instance);
        }
    }

    /// What was asked for, in order.
    pub(super) fn take_calls(&self) -> Vec<Call> {
        self.asked.store(false, Ordering::Relaxed);
        std::mem::take(&mut *locked(&self.calls))
    }
}
