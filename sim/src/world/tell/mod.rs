//! Events in words, for traces: who sends what to whom, whose timer, which fault, which phase.
//!
//! Nothing here runs unless somebody reads: [`World::next_event`] renders the event that is
//! about to happen, and what the machines said while it happened is kept only after
//! [`World::narrate`].

mod note;
mod request;
mod response;
mod words;

use broker_model::types::{Instant, PartitionId};

use super::node::DiskJobKind;
use super::{Event, NodeState, Port, World, fault, phases, requests};
use crate::network::{Body, ConnectionId, Direction, Endpoint, Message, MessageState, Slot};
use words::Words;
pub(crate) use words::counted;

impl World {
    /// The next event in words, for traces.
    #[must_use]
    pub fn next_event(&self) -> Option<(Instant, String)> {
        if self.finished {
            return None;
        }
        let (at, event) = self.queue.peek()?;
        Some((at, self.tell(at, event)))
    }

    /// From now on keeps what the machines say, see [`World::take_told`].
    pub fn narrate(&mut self) {
        self.told = Some(Vec::new());
    }

    /// What the machines said since this was last asked, in words. Empty unless
    /// [`World::narrate`] was called.
    pub fn take_told(&mut self) -> Vec<String> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Keeps notes in words.
    pub(super) fn keep_notes(&mut self, notes: &[broker_model::note::Note]) {
        let words = self.words();
        let lines: Vec<String> = notes.iter().map(|note| words.note(note)).collect();
        if let Some(told) = &mut self.told {
            told.extend(lines);
        }
    }

    /// What a partition is called: `orders/0`.
    #[must_use]
    pub fn partition_name(&self, partition: PartitionId) -> String {
        self.words().partition(partition)
    }

    fn words(&self) -> Words<'_> {
        let image = super::metadata(&self.nodes);
        Words { names: &self.shared.names, batches: &self.shared.batches, image }
    }

    fn tell(&self, at: Instant, event: Event) -> String {
        match event {
            Event::Arrive(slot) => self.tell_arrival(self.messages.get(Slot(slot))),
            Event::Handle(slot) => self.tell_handling(self.messages.get(Slot(slot))),
            Event::Node(index) => self.tell_node_timer(at, index as usize),
            Event::Connection(id) => self.tell_connection(ConnectionId(id)),
            Event::Client(index) => self.tell_client_timer(at, index as usize),
            Event::Disk(index) => self.tell_disk(at, index as usize),
            Event::Fault(code) => self.tell_fault(code),
            Event::Answer(code) => self.tell_answer(code),
            Event::Restart(index) => format!("{} starts again", self.clients[index as usize].name),
            Event::Run(code) => format!("run: {}", phases::event_name(code, &self.phases)),
        }
    }

    /// Who is at an end of a connection.
    fn endpoint_name(&self, endpoint: Endpoint) -> String {
        if self.is_node(endpoint) {
            return self.node_name(endpoint.0 as usize);
        }
        let (index, port) = self.client_of(endpoint);
        let name = &self.clients[index].name;
        match port {
            _ if index == 0 => name.clone(),
            Port::PRODUCER => format!("{name} producer"),
            Port::CONSUMER => format!("{name} consumer"),
            Port(number) => format!("{name} client {number}"),
        }
    }

    fn node_name(&self, index: usize) -> String {
        let node = &self.nodes[index];
        let kind = if node.broker().is_some() { "broker" } else { "controller" };
        format!("{kind} {}", node.id)
    }

    /// Sender and receiver of a message.
    fn ends(&self, message: &Message) -> (Endpoint, Endpoint) {
        let connection = self.connections.get(message.connection);
        match message.direction {
            Direction::ToServer => (connection.client, connection.server),
            Direction::ToClient => (connection.server, connection.client),
        }
    }

    fn tell_body(&self, message: &Message) -> String {
        match &message.body {
            Body::Request(request) => self.words().request(request),
            Body::Response(response) => self.words().response(response),
            Body::Taken => message.api.name().to_owned(),
        }
    }

    fn tell_arrival(&self, message: &Message) -> String {
        let (from, to) = self.ends(message);
        let arrow = match message.direction {
            Direction::ToServer => "->",
            Direction::ToClient => "=>",
        };
        let what = self.tell_body(message);
        let fate = self.fate(message, from, to);
        let (from, to) = (self.endpoint_name(from), self.endpoint_name(to));
        format!("{from} {arrow} {to}: {what}{fate}")
    }

    /// What keeps an arriving message from being read, in parentheses.
    fn fate(&self, message: &Message, from: Endpoint, to: Endpoint) -> &'static str {
        let connection = self.connections.get(message.connection);
        let to_server = message.direction == Direction::ToServer;
        let gone = to_server && self.is_node(to) && !self.nodes[to.0 as usize].state.is_running();
        if message.state == MessageState::Dead || connection.life != message.life {
            " (dropped: its connection is gone)"
        } else if message.state != MessageState::Received
            && (!connection.held[message.direction as usize].is_empty()
                || self.links.is_cut(self.host_of(from), self.host_of(to)))
        {
            " (held up: the link is cut)"
        } else if self.is_frozen(to) {
            " (waits: the receiver is paused)"
        } else if gone {
            " (dropped: nobody listens)"
        } else if connection.handed_over[message.direction as usize] != message.number {
            " (waits for one sent before it)"
        } else if to_server && connection.muted {
            " (waits in the socket)"
        } else {
            ""
        }
    }

    fn tell_handling(&self, message: &Message) -> String {
        let connection = self.connections.get(message.connection);
        let server = self.node_name(connection.server.0 as usize);
        let client = self.endpoint_name(connection.client);
        let fate = match message.state {
            MessageState::Dead => " (dropped: the process has ended)",
            _ if self.is_frozen(connection.server) => " (waits: the node is paused)",
            _ => "",
        };
        format!("{server} handles for {client}: {}{fate}", self.tell_body(message))
    }

    fn tell_answer(&self, code: u32) -> String {
        let (index, ticket) = requests::answer_parts(code);
        let node = &self.nodes[index];
        let name = self.node_name(index);
        match node.answers.iter().find(|answer| answer.0 == ticket) {
            Some((_, from, _, Ok(response))) => {
                format!("{name} takes from broker {from}: {}", self.words().response(response))
            }
            Some((_, from, _, Err(_))) => format!("{name} hears of no answer from broker {from}"),
            None => format!("{name}: an answer from before its restart is dropped"),
        }
    }

    fn tell_node_timer(&self, at: Instant, index: usize) -> String {
        let node = &self.nodes[index];
        let name = self.node_name(index);
        match node.state {
            _ if node.timer_at > at => format!("{name}: timer (moved)"),
            NodeState::Up if node.next_deadline() <= at => format!("{name}: timer"),
            NodeState::Up => format!("{name}: timer (nothing due)"),
            NodeState::Paused => format!("{name}: timer (paused)"),
            NodeState::Stopped | NodeState::NoPower => format!("{name}: timer (not running)"),
        }
    }

    fn tell_client_timer(&self, at: Instant, index: usize) -> String {
        let client = &self.clients[index];
        let name = &client.name;
        match client.state {
            _ if client.timer_at > at => format!("{name}: timer (moved)"),
            NodeState::Up if client.actor.next_deadline() <= at => format!("{name}: timer"),
            NodeState::Up => format!("{name}: timer (nothing due)"),
            NodeState::Paused => format!("{name}: timer (paused)"),
            NodeState::Stopped | NodeState::NoPower => format!("{name}: timer (not running)"),
        }
    }

    fn tell_connection(&self, id: ConnectionId) -> String {
        let connection = self.connections.get(id);
        let (client, server) =
            (self.endpoint_name(connection.client), self.endpoint_name(connection.server));
        let waiting = connection.in_flight.len();
        if connection.reset_life == Some(connection.life) {
            format!("connection {client} -> {server} is reset, {waiting} unanswered")
        } else {
            format!("connection {client} -> {server}: request timer, {waiting} unanswered")
        }
    }

    fn tell_disk(&self, at: Instant, index: usize) -> String {
        let words = self.words();
        let jobs = self.nodes[index].disk_jobs.iter().filter(|job| job.done <= at);
        let told: Vec<String> = jobs
            .map(|job| match &job.kind {
                DiskJobKind::Flush { partition: Some(partition), end } => {
                    format!("{} is durable up to {end}", words.partition(*partition))
                }
                DiskJobKind::Flush { partition: None, end } => {
                    format!("the metadata log is durable up to {end}")
                }
                DiskJobKind::WriteBack(_) => "dirty pages are written back".to_owned(),
                DiskJobKind::Recover => "logs are read after an unclean stop".to_owned(),
                DiskJobKind::Release(_) => "what waited for a flush goes on".to_owned(),
                DiskJobKind::Clean(partition) => {
                    format!("{} is read by the log cleaner", words.partition(*partition))
                }
                DiskJobKind::Look => "looks for dirty pages".to_owned(),
            })
            .collect();
        let told = if told.is_empty() { "nothing left to do".to_owned() } else { told.join(", ") };
        format!("{} disk: {told}", self.node_name(index))
    }

    fn tell_fault(&self, code: u32) -> String {
        let (number, what) = fault::parts(code);
        let planned = &self.plan.faults[number];
        let (kind, target) = (planned.fault.kind.name(), &planned.fault.target);
        if what == fault::BEGIN {
            let (nodes, clients) = self.resolve(&planned.fault.target, planned.choice);
            let resolved = self.resolved_name(&nodes, &clients);
            format!("fault {number} begins: {kind} of {target}, which is {resolved}")
        } else {
            format!("fault {number} ends: {kind} of {target}")
        }
    }
}

#[cfg(test)]
mod tests;
