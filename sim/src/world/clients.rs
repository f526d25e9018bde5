//! Client processes on their hosts.

use broker_model::io::{Disconnected, StopKind};
use broker_model::protocol::{Header, Request, Response};
use broker_model::types::{Instant, NodeId};

use super::actor::{Actor, ActorContext, Port};
use super::{Event, NodeState, World};
use crate::client::{ClientOutput, Correlation};
use crate::network::{Channel, Endpoint, HostId};
use crate::plan::release_of;

/// A client process with its host.
#[derive(Debug)]
pub struct ClientProcess {
    /// Its name, `service/number`.
    pub name: String,
    /// Its host in the network.
    pub host: HostId,
    /// The process.
    pub actor: Box<dyn Actor>,
    /// Whether it runs.
    pub state: NodeState,
    /// The earliest timer event in the queue.
    pub timer_at: Instant,
    /// Events that came while it stood still.
    pub frozen: Vec<Event>,
    /// Its application acts behind events.
    pub hosted: bool,
}

impl World {
    fn with_actor(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut dyn Actor, &mut ActorContext<'_>),
    ) {
        self.call_actor(index, call);
        if self.clients[index].hosted {
            self.defer(index);
        } else {
            self.arm_client_timer(index);
        }
    }

    /// Calls a process and does what its clients want, but leaves its timer as it was.
    pub(super) fn call_actor<R>(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut dyn Actor, &mut ActorContext<'_>) -> R,
    ) -> R {
        let now = self.clocks();
        let mut outputs = std::mem::take(&mut self.client_outputs);
        let mut scratch = std::mem::take(&mut self.client_scratch);
        let mut cx = ActorContext {
            now,
            shared: &mut self.shared,
            outputs: &mut outputs,
            scratch: &mut scratch,
        };
        let result = call(self.clients[index].actor.as_mut(), &mut cx);
        for (port, output) in outputs.drain(..) {
            self.client_output(index, port, output);
        }
        self.client_outputs = outputs;
        self.client_scratch = scratch;
        self.client_acts(index);
        result
    }

    fn client_output(&mut self, index: usize, port: Port, output: ClientOutput) {
        let client = self.client_endpoint(index, port);
        match output {
            ClientOutput::Send { to, correlation, api_version, request } => {
                let what = (correlation, api_version, request);
                self.client_sends((client, to, Channel::CLIENT), what);
            }
            ClientOutput::SendToCoordinator { to, correlation, api_version, request } => {
                let what = (correlation, api_version, request);
                self.client_sends((client, to, Channel::COORDINATOR), what);
            }
            ClientOutput::Connect { .. } => {}
            ClientOutput::Close { to } => self.close_channels(client, to, false),
            ClientOutput::CloseCoordinator { to } => self.close_channels(client, to, true),
        }
    }

    fn client_sends(
        &mut self,
        (client, to, channel): (Endpoint, NodeId, Channel),
        (correlation, api_version, request): (Correlation, i16, Request),
    ) {
        let Some(server) = self.node_endpoint(to) else { return };
        self.trace.add(u64::from(correlation.0) << 8 | request.api_key() as u64);
        // Clients speak the newest version that they and the brokers know (KIP-35).
        let release = release_of(self.plan.scenario.kafka);
        let api_version = api_version.min(request.api_key().newest_of(release));
        let header = Header { api_version, client: client.0 };
        self.send_request((client, server, channel), u64::from(correlation.0), header, request);
    }

    /// A client gives up its connections to a node; it knows which requests it has lost.
    fn close_channels(&mut self, client: Endpoint, to: NodeId, coordinator: bool) {
        let Some(server) = self.node_endpoint(to) else { return };
        for channel in 0..Channel::COUNT as u8 {
            if (Channel(channel) == Channel::COORDINATOR) != coordinator {
                continue;
            }
            let known = self.connections.find(client, server, Channel(channel));
            if let Some(id) = known
                && self.connections.get(id).open
            {
                self.abandon_connection(id);
            }
        }
    }

    /// Starts a client process.
    pub(super) fn start_client(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.state = NodeState::Up;
        client.timer_at = Instant::FAR;
        self.hear_client_start(index);
        self.with_actor(index, |actor, cx| actor.start(cx));
    }

    /// The load of a run is known now.
    pub(super) fn load_begins_for(&mut self, index: usize) {
        let load = self.shared.load;
        let client = &mut self.clients[index];
        let acts = client.actor.load_begins(load);
        if client.state == NodeState::Up {
            self.with_actor(index, |actor, cx| {
                if acts {
                    actor.wake(cx);
                }
            });
        }
    }

    /// Kills a client process.
    pub(super) fn kill_client(&mut self, index: usize) {
        if !self.clients[index].state.is_running() {
            return;
        }
        self.hear_client_kill(index);
        self.with_actor(index, |actor, cx| {
            actor.kill(cx);
            cx.outputs.clear();
        });
        self.clients[index].state = NodeState::Stopped;
        let frozen = std::mem::take(&mut self.clients[index].frozen);
        self.drop_frozen(frozen);
        for port in 0..Port::COUNT as u8 {
            self.end_connections_of(self.client_endpoint(index, Port(port)), StopKind::Kill);
        }
    }

    /// Asks a client process to stop. It counts as running until it is killed, which is nothing
    /// any more to one that has ended.
    pub(super) fn stop_client(&mut self, index: usize) {
        if self.clients[index].state != NodeState::Up {
            return;
        }
        let mut ends = false;
        self.with_actor(index, |actor, cx| ends = actor.ask_to_stop(cx));
        if !ends {
            self.kill_client(index);
        }
    }

    /// An answer for a client process.
    pub(super) fn client_response(
        &mut self,
        to: Endpoint,
        from: Endpoint,
        correlation: u64,
        result: Result<Response, Disconnected>,
    ) {
        let (index, port) = self.client_of(to);
        if !self.clients[index].state.is_running() {
            return;
        }
        let from = self.nodes[from.0 as usize].id;
        let correlation = Correlation(correlation as u32);
        self.with_actor(index, |actor, cx| actor.response(cx, port, from, correlation, result));
    }

    pub(super) fn arm_client_timer(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if !client.state.is_running() {
            return;
        }
        let deadline = client.actor.next_deadline();
        if deadline < client.timer_at {
            client.timer_at = deadline.max(self.now);
            self.queue.push(client.timer_at, Event::Client(index as u32));
        }
    }

    /// A deadline of a client process may have come.
    pub(super) fn client_timer(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.timer_at > self.now {
            return;
        }
        client.timer_at = Instant::FAR;
        match client.state {
            NodeState::Up => {
                if client.actor.next_deadline() <= self.now {
                    self.with_actor(index, |actor, cx| actor.wake(cx));
                } else {
                    self.arm_client_timer(index);
                }
            }
            NodeState::Paused => client.frozen.push(Event::Client(index as u32)),
            NodeState::Stopped | NodeState::NoPower => {}
        }
    }

    /// A paused client process goes on: what came meanwhile is due now.
    pub(super) fn resume_client(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.state != NodeState::Paused {
            return;
        }
        client.state = NodeState::Up;
        if client.hosted {
            self.hosting.standing.push((index, false));
            self.defer(index);
        }
        let client = &mut self.clients[index];
        for event in std::mem::take(&mut client.frozen) {
            self.queue.push(self.now, event);
        }
        self.clients[index].timer_at = Instant::FAR;
        if !self.clients[index].hosted {
            self.arm_client_timer(index);
        }
    }
}
