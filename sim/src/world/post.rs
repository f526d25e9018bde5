//! Every message that was sent and when it comes: what a search takes one by one.

use broker_model::types::Instant;

use super::{Party, World};
use crate::network::{Direction, Slot};

/// A message on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posted {
    /// Who sent it.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// The number of its connection: what one carries stays in order.
    pub connection: u32,
    /// When it was put on the wire.
    pub sent: Instant,
    /// When it is there, if nothing holds it up.
    pub arrives: Instant,
}

impl World {
    /// Keeps every message from now on.
    pub fn keep_posted(&mut self) {
        self.post = Some(Vec::new());
    }

    /// Messages sent within the load phase, its warm-up left out, in the order of sending. None
    /// unless they were kept.
    pub fn posted(&self) -> impl Iterator<Item = &Posted> {
        let load = self.phases.measure_from..self.phases.load_until;
        self.post.iter().flatten().filter(move |posted| load.contains(&posted.sent))
    }

    /// A message is put on the wire.
    pub(super) fn post(&mut self, slot: Slot, arrives: Instant) {
        if self.post.is_none() {
            return;
        }
        let message = self.messages.get(slot);
        let connection = self.connections.get(message.connection);
        let (client, server) = (self.party(connection.client), self.party(connection.server));
        let (from, to) = match message.direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
        let posted = Posted { from, to, connection: message.connection.0, sent: self.now, arrives };
        if let Some(post) = &mut self.post {
            post.push(posted);
        }
    }
}
