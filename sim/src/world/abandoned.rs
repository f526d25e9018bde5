//! Connections that their clients gave up, with the requests that were sent before.
//!
//! A client that has waited long enough closes its socket, and so does the kernel for a process
//! that is killed: the end of the stream goes behind what was sent. A server that stood still, or
//! that a cut kept from hearing, therefore acts on requests whose client asked again long ago.
//! The first answer to a closed socket comes back as a reset, a round trip later; the next answer
//! after that fails, and with it the server drops whatever it has not read.

use broker_model::protocol::group::OffsetCommitRequest;
use broker_model::types::{Duration, Instant, SECOND};

use super::World;
use crate::network::{ConnectionId, Direction, MessageState};

/// How long the kernel repeats what a closed socket still has to send: Linux gives up after eight
/// times, the first after 200 ms (`net.ipv4.tcp_orphan_retries`).
pub(super) const REPEATED_FOR: Duration = 102 * SECOND;

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
            let mut in_use = vec![false; self.connections.ids().len()];
            for (_, message) in self.messages.iter() {
                in_use[message.connection.0 as usize] = true;
            }
            let place = self.connections.abandon(id, |place| in_use[place.0 as usize]);
            let its_life = self.connections.get(place).life;
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

    /// A server's answer to a connection that its client has given up, sent at `sent`: the server
    /// reads the next request after `throttle_time`, or finds out that nobody is there.
    pub(super) fn answer_nobody(
        &mut self,
        id: ConnectionId,
        reset_at: Instant,
        (sent, throttle_time): (Instant, Duration),
    ) {
        if reset_at <= sent {
            self.break_connection(id);
            return;
        }
        let connection = self.connections.get(id);
        let (key, life) = (connection.draw_key, connection.life);
        let (here, there) = (self.host_of(connection.server), self.host_of(connection.client));
        let cut = self.links.is_cut(here, there) || self.links.is_cut(there, here);
        if reset_at == Instant::FAR && !cut {
            let draw = self.connections.get_mut(id).next_draw();
            let round_trip = self.links.latency(here, there, key, draw)
                + self.links.latency(there, here, !key, draw);
            self.connections.get_mut(id).abandoned = Some(sent + round_trip);
        }
        self.unmute(id, life, sent + throttle_time);
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Offset, SECOND};

    use crate::network::MessageState;
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
        // All are read before the first answer has come back, if the way is long.
        let [far, near] = ["5ms", "1us"]
            .map(|latency| format!("{}\n[network]\nsame_rack = \"{latency}\"", paused("2900ms")));
        assert_eq!(log_end(&impatient(5, &far)).0, 6 + 4, "four were read, and sent again");
        assert_eq!(log_end(&impatient(5, &near)).0, 6 + 2, "the second answer failed");
    }

    #[test]
    fn a_host_that_lost_its_power_knows_no_connection_of_before() {
        let off = "kind = \"broker-power-cut\"\ntarget = \"broker:1\"\nat = \"1s\"\nfor = \"3s\"";
        let late = "[[fault]]\nkind = \"delay\"\nmessage = \"produce\"\ntarget = \"service:order\"
            latency = \"5s\"\nat = \"1s\"\nfor = \"2900ms\"";
        let ended = log_end(&impatient(1, &format!("{off}\n{late}"))).0;
        assert!(ended <= 6, "{ended}");
    }

    #[test]
    fn nothing_is_left_of_what_reached_a_process_that_was_killed_in_its_pause() {
        let killed = "[[fault]]\nkind = \"broker-kill\"\ntarget = \"broker:1\"\nat = \"4500ms\"\nfor = \"1s\"";
        let world = impatient(5, &format!("{}\n{killed}", paused("5s")));
        assert_eq!(world.messages.iter().filter(|(_, m)| m.state == MessageState::Dead).count(), 0);
    }

    #[test]
    fn what_a_cut_held_back_is_repeated_for_a_closed_socket_too() {
        let cut = "kind = \"partition\"\ntarget = \"service:order\"\ncut = \"outbound\"";
        let healed = impatient(1, &format!("{cut}\nat = \"1s\"\nfor = \"4s\""));
        assert!(log_end(&healed).0 > 6, "{}", log_end(&healed).0);
    }
}
