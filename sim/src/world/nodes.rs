//! Nodes as machines: an input in, outputs carried out, notes told, timers armed.

use broker_model::io::{Context, Input, Output, StopKind};
use broker_model::note::Note;
use broker_model::protocol::Header;
use broker_model::types::{Instant, Now};

use super::node::{DiskJobKind, Machine, NodeState};
use super::{Event, World};
use crate::network::{Channel, Endpoint, Slot};
use crate::plan::wall_at;

/// Every controller learns of every record, and tells of it; the first one is heard.
pub(super) fn tell_once(told: &mut u64, news: Vec<(u64, Note)>, notes: &mut Vec<Note>) {
    for (offset, note) in news {
        if offset >= *told {
            *told = offset + 1;
            notes.push(note);
        }
    }
}

impl World {
    /// The clocks of a host.
    pub(super) fn clocks(&self) -> Now {
        Now { instant: self.now, wall: wall_at(self.now) }
    }

    /// Gives an input to a node's machine and carries out what it wants.
    pub(super) fn run_node(&mut self, index: usize, input: Input) {
        self.drive(index, |machine, cx| match machine {
            Machine::Broker(broker) => broker.handle(cx, input),
            Machine::Controller(controller) => controller.handle(cx, input),
        });
    }

    /// Lets a node's machine act, and carries out what it wants.
    pub(super) fn drive(&mut self, index: usize, act: impl FnOnce(&mut Machine, &mut Context<'_>)) {
        let now = self.clocks();
        self.steps.node_acts(index, now.instant);
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut notes = std::mem::take(&mut self.notes);
        let node = &mut self.nodes[index];
        let mut cx = Context {
            now,
            batches: &mut self.shared.batches,
            names: &self.shared.names,
            records: &self.shared.records,
            rules: &self.shared.rules,
            outputs: &mut outputs,
            notes: &mut notes,
        };
        act(&mut node.machine, &mut cx);
        if let Machine::Controller(controller) = &mut node.machine {
            tell_once(&mut self.metadata_told, controller.take_news(), &mut notes);
        }
        self.after_node(index, outputs, notes);
    }

    /// Carries out outputs, tells notes, and arms the node's timer.
    pub(super) fn after_node(
        &mut self,
        index: usize,
        mut outputs: Vec<Output>,
        mut notes: Vec<Note>,
    ) {
        let mut held = Vec::new();
        let before = self.nodes[index].synced_at;
        for output in outputs.drain(..) {
            let node = &self.nodes[index];
            if node.synced_at > self.now && is_held(&output, node.synced_at > before) {
                held.push(output);
            } else {
                self.carry_out(index, output);
            }
        }
        self.outputs = outputs;
        if !held.is_empty() {
            let synced_at = self.nodes[index].synced_at;
            self.push_disk_job(index, synced_at, DiskJobKind::Release(held));
        }
        self.observe(&notes);
        notes.clear();
        self.notes = notes;
        self.arm_node_timer(index);
    }

    pub(super) fn carry_out(&mut self, index: usize, output: Output) {
        match output {
            Output::Reply { token, response } => self.reply(index, token, response),
            Output::NoReply { token } => {
                let message = self.messages.remove(Slot(token.0 as u32));
                self.unmute(message.connection, message.life, self.now);
            }
            Output::Disconnect { token } => {
                let message = self.messages.remove(Slot(token.0 as u32));
                if self.connections.get(message.connection).life == message.life {
                    self.schedule_reset(message.connection, self.now);
                }
            }
            Output::Send { to, tag, request } => {
                let Some(server) = self.node_endpoint(to) else { return };
                let header = Header { api_version: i16::MAX, client: index as u32 };
                let way = (Endpoint(index as u32), server, Channel::of(&request));
                self.send_request(way, tag.0, header, request);
            }
            Output::Append { partition, bytes, end } => self.append(index, partition, bytes, end),
            Output::Flush { partition, end, bytes, waits } => {
                let done = self.flush(index, partition, end, bytes);
                let node = &mut self.nodes[index];
                node.synced_at = if waits { node.synced_at.max(done) } else { node.synced_at };
            }
            Output::Recover { bytes, threads } => self.recover(index, bytes, threads),
            Output::Clean { partition, from, bytes, at_least } => {
                self.clean(index, partition, (from, bytes), at_least);
            }
            Output::Rewrite { bytes } => {
                self.nodes[index].disk.fsync(self.now, bytes);
            }
            Output::Free { bytes } => self.nodes[index].disk.free(bytes),
            Output::Cut { partition, end } => self.nodes[index].cache.truncate(partition, end),
            Output::Halt { reason: _, at_once } => {
                self.halted.push((index, if at_once { StopKind::Kill } else { StopKind::Clean }));
            }
        }
    }

    pub(super) fn arm_node_timer(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if !node.state.is_running() {
            return;
        }
        let deadline = node.next_deadline();
        if deadline < node.timer_at {
            node.timer_at = deadline.max(self.now);
            self.queue.push(node.timer_at, Event::Node(index as u32));
        }
    }

    /// A deadline of a node may have come.
    pub(super) fn node_timer(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.timer_at > self.now {
            return;
        }
        node.timer_at = Instant::FAR;
        match node.state {
            NodeState::Up => {
                if node.next_deadline() <= self.now {
                    self.run_node(index, Input::Tick);
                } else {
                    self.arm_node_timer(index);
                }
            }
            NodeState::Paused => node.frozen.push(Event::Node(index as u32)),
            NodeState::Stopped | NodeState::NoPower => {}
        }
    }
}

/// Whether an output waits for a flush that its thread waits for: all that is said behind it,
/// and answers to producers, whose own append came before it.
const fn is_held(output: &Output, behind: bool) -> bool {
    use broker_model::protocol::Response;
    match output {
        Output::Reply { response: Response::Produce(_), .. } => true,
        Output::Reply { .. }
        | Output::NoReply { .. }
        | Output::Disconnect { .. }
        | Output::Send { .. } => behind,
        _ => false,
    }
}
