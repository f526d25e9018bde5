//! Processes whose application acts behind an event: who was called, and must be settled.
//!
//! Async code cannot act within an event, because only its runtime can poll it. So the world
//! calls such a process as any other, but leaves its timer alone until the event is over and the
//! driver has let the code run. What the code asked for is done at the same instant, in the
//! order in which the processes were called, whatever the order in which tasks were polled.

use super::{NodeState, World};

/// What the driver has to know and do between two events.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosting {
    /// Processes to settle, in the order of their first call.
    deferred: Vec<usize>,
    /// Processes that were paused (true) or resumed since the driver last asked.
    pub(super) standing: Vec<(usize, bool)>,
}

impl World {
    /// Whether a process with async code waits to be let run, was paused or goes on.
    #[must_use]
    pub const fn awaits_driver(&self) -> bool {
        !self.hosting.deferred.is_empty() || !self.hosting.standing.is_empty()
    }

    /// The process, by its position among the clients (the administrator is 0), has to be
    /// settled.
    pub fn defer(&mut self, client: usize) {
        if !self.hosting.deferred.contains(&client) {
            self.hosting.deferred.push(client);
        }
    }

    /// Async code has run: every process that was called does what its code asked for. Those
    /// that gave answers stay deferred.
    pub fn settle(&mut self) {
        for client in std::mem::take(&mut self.hosting.deferred) {
            if self.clients[client].state != NodeState::Up {
                // A paused process is settled when it goes on, a stopped one not at all.
                continue;
            }
            if self.call_actor(client, |actor, cx| actor.settle(cx)) {
                self.defer(client);
            } else {
                self.arm_client_timer(client);
            }
        }
    }

    /// Processes with async code that were paused (true) or resumed since this was last asked.
    pub fn take_standing(&mut self) -> Vec<(usize, bool)> {
        std::mem::take(&mut self.hosting.standing)
    }

    /// A client process stands still.
    pub(super) fn pause_client(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.state == NodeState::Up {
            client.state = NodeState::Paused;
            if client.hosted {
                self.hosting.standing.push((index, true));
            }
        }
    }
}
