//! Connections that their clients gave up, with the requests that were sent before.
//!
//! A client that has waited long enough closes its socket, and so does the kernel for a process
//! that is killed: the end of the stream goes behind what was sent. A server that stood still, or
//! that a cut kept from hearing, therefore acts on requests whose client asked again long ago.
//! The first answer to a closed socket comes back as a reset, the next one fails, and with that
//! the server drops whatever it has not read.

use broker_model::protocol::group::OffsetCommitRequest;
use broker_model::types::{Duration, Instant, SECOND};

use super::World;
use crate::network::{ConnectionId, Direction, MessageState};

/// How long the kernel repeats what a closed socket still has to send: Linux gives up after eight
/// times, the first after 200 ms (`net.ipv4.tcp_orphan_retries`).
pub(super) const REPEATED_FOR: Duration = 102 * SECOND;

/// Answers to a closed socket after which the server closes it too.
const ANSWERS_MAX: u32 = 2;

impl World {
    /// A client ends a life of a connection. Requests that left it go on; answers are dropped.
    /// Returns what was still unanswered, in order.
    pub(super) fn abandon_connection(&mut self, id: ConnectionId) -> Vec<u64> {
        let connection = self.connections.get(id);
        let life = connection.life;
        let never_connected = connection.connecting.is_some();
        let nobody_there = connection.server_gone || connection.reset_life == Some(life);
        let goes_on = |of: ConnectionId, in_life: u32, direction, state| {
            (of, in_life) == (id, life)
                && direction == Direction::ToServer
                && state != MessageState::Dead
        };
        let under_way = || {
            self.messages.iter().any(|(_, m)| goes_on(m.connection, m.life, m.direction, m.state))
        };
        if !never_connected && !nobody_there && under_way() {
            let (connections, messages) = (&mut self.connections, &self.messages);
            let in_use = |place| messages.iter().any(|(_, m)| m.connection == place);
            let place = connections.abandon(id, in_use);
            let its_life = connections.get(place).life;
            for message in self.messages.iter_mut() {
                if goes_on(message.connection, message.life, message.direction, message.state) {
                    (message.connection, message.life) = (place, its_life);
                }
            }
        }
        self.break_connection(id)
    }

    /// A broker is about to handle a commit whose member gave it up.
    pub(super) fn late_commit(&mut self, index: usize, commit: &OffsetCommitRequest) {
        let Some(broker) = self.nodes[index].broker() else { return };
        let views = broker.groups().groups();
        if let Some(view) = views.iter().find(|view| view.group == commit.group) {
            self.shared.progress.late_commit(commit, &view.offsets);
        }
    }

    /// A server's answer to a connection that its client has given up: it reads the next request,
    /// not before `at`, or finds out.
    pub(super) fn answer_nobody(&mut self, id: ConnectionId, answers: u32, at: Instant) {
        let connection = self.connections.get_mut(id);
        connection.abandoned = Some(answers + 1);
        if answers + 1 < ANSWERS_MAX {
            let life = connection.life;
            self.unmute(id, life, at);
        } else {
            self.break_connection(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Offset, SECOND};

    use crate::world::World;
    use crate::world::small::{cluster, run_until, world};

    /// A producer that sends a record each 500 ms, waits 2 s for an answer and asks again, with a
    /// fault.
    fn impatient(in_flight: u32, fault: &str) -> World {
        let producer = format!(
            "[service.order.producer]\nacks = \"all\"\n\"enable.idempotence\" = false
            \"request.timeout.ms\" = 2000\n\"delivery.timeout.ms\" = 20000
            \"max.in.flight.requests.per.connection\" = {in_flight}\n"
        );
        let fault = format!("limit = 6\n{producer}[[fault]]\n{fault}");
        let mut world = world(&cluster((1, 1), 12, 2, &fault), &[], 1);
        run_until(&mut world, 16 * SECOND);
        world
    }

    fn log_end(world: &World) -> Offset {
        let partition = world.partition_named("orders", 0).expect("created");
        let broker = world.nodes[0].broker().expect("the only one");
        broker.replica(partition).expect("led").log().log_end_offset()
    }

    fn paused(length: &str) -> String {
        format!("kind = \"broker-pause\"\ntarget = \"broker:1\"\nat = \"1s\"\nfor = \"{length}\"")
    }

    #[test]
    fn a_request_that_is_late_is_acted_on_after_its_connection_is_closed() {
        assert_eq!(log_end(&impatient(1, &paused("1s"))).0, 6);
        let late = "kind = \"delay\"\nmessage = \"produce\"\ntarget = \"service:order\"
            latency = \"3s\"\nat = \"1s\"\nfor = \"1s\"";
        assert!(log_end(&impatient(1, late)).0 > 6, "it was sent again meanwhile");
    }

    #[test]
    fn a_server_that_stood_still_acts_on_what_its_clients_gave_up_until_an_answer_fails() {
        assert_eq!(log_end(&impatient(5, &paused("1900ms"))).0, 6, "nobody gave up");
        let four_waited = impatient(5, &paused("2900ms"));
        assert_eq!(log_end(&four_waited).0, 6 + 2, "two were read, and sent again");
    }

    #[test]
    fn what_a_cut_held_back_is_repeated_for_a_closed_socket_too() {
        let cut = "kind = \"partition\"\ntarget = \"service:order\"\ncut = \"outbound\"";
        let healed = impatient(1, &format!("{cut}\nat = \"1s\"\nfor = \"4s\""));
        assert!(log_end(&healed).0 > 6, "{}", log_end(&healed).0);
    }
}
