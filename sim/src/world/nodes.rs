//! Brokers and controllers on their hosts: CPU before, disk and network after the machine.

use broker_model::broker::Broker;
use broker_model::controller::Controller;
use broker_model::io::{Context, Disconnected, Input, Output, StopKind, Tag, Token};
use broker_model::protocol::fetch::FetchResponse;
use broker_model::protocol::{Header, Request, Response};
use broker_model::types::{
    Duration, Instant, MICROSECOND, NodeId, Now, Offset, PartitionId, Timestamp,
};

use super::{Event, World};
use crate::host::{Disk, PageCache, Residency, ThreadPool, WriteBack};
use crate::network::{Body, Channel, Endpoint, HostId, MessageState, Slot};

/// Whether a node's process runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeState {
    /// It runs.
    Up,
    /// It stands still (SIGSTOP, a long garbage collection).
    Paused,
    /// The process is gone, its host is not: connections are refused.
    Stopped,
    /// The host has no power: nothing answers.
    NoPower,
}

impl NodeState {
    /// Whether the process exists.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Up | Self::Paused)
    }
}

/// The machine of a node.
#[derive(Debug)]
pub enum Machine {
    /// A broker.
    Broker(Box<Broker>),
    /// A controller.
    Controller(Box<Controller>),
}

/// CPU time of a node's work. Priors: published per-request and per-byte figures for brokers
/// of this class, see docs/model.md.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// Network thread, for each request read and each response sent.
    pub network_request: Duration,
    /// Network thread, for each KiB sent or received.
    pub network_kib: Duration,
    /// Request handler, for a produce request.
    pub produce: Duration,
    /// Request handler, for a fetch request.
    pub fetch: Duration,
    /// Request handler, for any other request.
    pub other: Duration,
    /// Request handler or replica fetcher, for each batch (validate, CRC, index).
    pub batch: Duration,
    /// Request handler or replica fetcher, for each KiB appended.
    pub append_kib: Duration,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            network_request: 10 * MICROSECOND,
            network_kib: 300,
            produce: 60 * MICROSECOND,
            fetch: 40 * MICROSECOND,
            other: 30 * MICROSECOND,
            batch: 12 * MICROSECOND,
            append_kib: MICROSECOND,
        }
    }
}

/// A node with its host.
#[derive(Debug)]
pub struct Node {
    /// Kafka's node id.
    pub id: NodeId,
    /// Its host in the network.
    pub host: HostId,
    /// The machine.
    pub machine: Machine,
    /// Whether it runs.
    pub state: NodeState,
    /// How often its process has been started.
    pub incarnation: u64,
    /// Hardware threads: no pool runs more of its threads at once.
    pub cores: u32,
    /// Threads that read requests and send responses.
    pub network_threads: ThreadPool,
    /// Threads that handle requests.
    pub handler_threads: ThreadPool,
    /// Threads that append what a follower fetched.
    pub fetcher_threads: ThreadPool,
    /// Its disk.
    pub disk: Disk,
    /// Its page cache: what is not durable yet.
    pub cache: PageCache,
    /// Its page cache: what need not be read from the disk.
    pub pages: Residency,
    /// The earliest timer event in the queue.
    pub timer_at: Instant,
    /// Events that came while it stood still.
    pub frozen: Vec<Event>,
    /// Disk jobs under way, oldest first.
    pub disk_jobs: Vec<DiskJob>,
    /// Durable end of the metadata log, on controllers.
    pub metadata_durable: i64,
    /// Answers of other nodes whose CPU time is being spent.
    pub answers: Vec<(u32, NodeId, u64, Result<Response, Disconnected>)>,
}

/// What a disk is doing.
#[derive(Debug)]
pub struct DiskJob {
    pub(super) done: Instant,
    pub(super) incarnation: u64,
    pub(super) kind: DiskJobKind,
}

/// Kinds of disk job.
#[derive(Debug)]
pub(super) enum DiskJobKind {
    Flush { partition: Option<PartitionId>, end: Offset },
    WriteBack(WriteBack),
    Look,
}

impl Node {
    /// The broker, if it is one.
    #[must_use]
    pub fn broker(&self) -> Option<&Broker> {
        match &self.machine {
            Machine::Broker(broker) => Some(broker),
            Machine::Controller(_) => None,
        }
    }

    /// The controller, if it is one.
    #[must_use]
    pub fn controller(&self) -> Option<&Controller> {
        match &self.machine {
            Machine::Controller(controller) => Some(controller),
            Machine::Broker(_) => None,
        }
    }

    /// How many threads of all pools can run at once.
    #[must_use]
    pub fn threads(&self) -> u64 {
        let pools = [&self.network_threads, &self.handler_threads, &self.fetcher_threads];
        let threads: u64 = pools.iter().map(|pool| pool.threads() as u64).sum();
        threads.min(u64::from(self.cores))
    }

    pub(super) fn next_deadline(&self) -> Instant {
        match &self.machine {
            Machine::Broker(broker) => broker.next_deadline(),
            Machine::Controller(controller) => controller.next_deadline(),
        }
    }
}

impl World {
    /// The clocks of a host.
    pub(super) fn clocks(&self) -> Now {
        let ms = i64::try_from(self.now.0 / broker_model::types::MILLISECOND)
            .expect("simulated time fits in i64 ms");
        Now { instant: self.now, wall: Timestamp(self.wall_epoch.0 + ms) }
    }

    /// A node reads a request from its socket at `at`: network thread, queue, handler thread.
    pub(super) fn read_request(&mut self, slot: Slot, at: Instant) {
        let message = self.messages.get(slot);
        let server = self.connections.get(message.connection).server;
        let Body::Request(request) = &message.body else { unreachable!("only requests are read") };
        let bytes = request.wire_bytes(&self.shared.batches);
        let costs = &self.costs;
        let network = costs.network_request + costs.network_kib * (bytes / 1024);
        let handler = match request {
            Request::Produce(r) => {
                costs.produce
                    + costs.batch * r.partitions.len() as u64
                    + costs.append_kib * (bytes / 1024)
            }
            Request::Fetch(_) => costs.fetch,
            _ => costs.other,
        };
        let node = &mut self.nodes[server.0 as usize];
        let read = node.network_threads.schedule(at.max(self.now), network);
        let done = node.handler_threads.schedule(read, handler);
        self.messages.get_mut(slot).state = MessageState::Scheduled;
        self.queue.push(done, Event::Handle(slot.0));
    }

    /// The handler thread has spent its time: the machine acts on the request.
    pub(super) fn handle_request(&mut self, slot: Slot) {
        let message = self.messages.get_mut(slot);
        if message.state == MessageState::Dead {
            self.messages.remove(slot);
            return;
        }
        let server = self.connections.get(message.connection).server;
        if self.nodes[server.0 as usize].state == NodeState::Paused {
            self.freeze(server, Event::Handle(slot.0));
            return;
        }
        let message = self.messages.get_mut(slot);
        message.state = MessageState::Waiting;
        let header = message.header;
        let Body::Request(request) = std::mem::replace(&mut message.body, Body::Taken) else {
            unreachable!("a request is handled once")
        };
        let token = Token(u64::from(slot.0));
        self.run_node(server.0 as usize, Input::Request { token, header, request });
    }

    /// An answer to a request that a node sent. Data costs its fetcher thread time first.
    pub(super) fn node_response(
        &mut self,
        to: Endpoint,
        from: Endpoint,
        correlation: u64,
        result: Result<Response, Disconnected>,
    ) {
        let index = to.0 as usize;
        if !self.nodes[index].state.is_running() {
            return;
        }
        let from = self.nodes[from.0 as usize].id;
        if let Ok(Response::Fetch(fetched)) = &result
            && !fetched.entries.is_empty()
        {
            let cost = self.costs.batch * fetched.entries.len() as u64
                + self.costs.append_kib * (fetched.bytes / 1024);
            let node = &mut self.nodes[index];
            let done = node.fetcher_threads.schedule(self.now, cost);
            let ticket = self.next_ticket;
            self.next_ticket = (self.next_ticket + 1) % ANSWER_TICKETS;
            node.answers.push((ticket, from, correlation, result));
            self.queue.push(done, Event::Handle(ANSWER_BASE + ticket * NODES_MAX + index as u32));
            return;
        }
        self.run_node(index, Input::Response { tag: Tag(correlation), from, result });
    }

    /// The fetcher thread has spent its time on an answer.
    pub(super) fn handle_answer(&mut self, code: u32) {
        let index = ((code - ANSWER_BASE) % NODES_MAX) as usize;
        let ticket = (code - ANSWER_BASE) / NODES_MAX;
        let node = &mut self.nodes[index];
        if node.state == NodeState::Paused {
            node.frozen.push(Event::Handle(code));
            return;
        }
        let Some(position) = node.answers.iter().position(|a| a.0 == ticket) else { return };
        let (_, from, correlation, result) = node.answers.remove(position);
        self.run_node(index, Input::Response { tag: Tag(correlation), from, result });
    }

    /// Gives an input to a node's machine and carries out what it wants.
    pub(super) fn run_node(&mut self, index: usize, input: Input) {
        let now = self.clocks();
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
        match &mut node.machine {
            Machine::Broker(broker) => broker.handle(&mut cx, input),
            Machine::Controller(controller) => controller.handle(&mut cx, input),
        }
        self.after_node(index, outputs, notes);
    }

    /// Carries out outputs, tells notes, and arms the node's timer.
    pub(super) fn after_node(
        &mut self,
        index: usize,
        mut outputs: Vec<Output>,
        mut notes: Vec<broker_model::note::Note>,
    ) {
        for output in outputs.drain(..) {
            self.carry_out(index, output);
        }
        self.outputs = outputs;
        self.observe(index, &notes);
        notes.clear();
        self.notes = notes;
        self.arm_node_timer(index);
    }

    fn carry_out(&mut self, index: usize, output: Output) {
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
                let way = (Endpoint(index as u32), server, Channel::of(request.api_key()));
                self.send_request(way, tag.0, header, request);
            }
            Output::Append { partition, bytes, end } => self.append(index, partition, bytes, end),
            Output::Flush { partition, end, bytes } => self.flush(index, partition, end, bytes),
            Output::Halt { reason: _ } => self.halted.push(index),
        }
    }

    fn reply(&mut self, index: usize, token: Token, response: Response) {
        let slot = Slot(token.0 as u32);
        let message = self.messages.get(slot);
        let (id, life) = (message.connection, message.life);
        if self.connections.get(id).life != life {
            self.messages.remove(slot);
            return;
        }
        let (bytes, throttle) = (response.wire_bytes(), response.throttle());
        self.trace.add(bytes);
        let mut cost = self.costs.network_request + self.costs.network_kib * (bytes / 1024);
        if !self.nodes[index].pages.is_warm()
            && let Response::Fetch(fetched) = &response
        {
            cost += self.read_cold(index, fetched);
        }
        let sent = self.nodes[index].network_threads.schedule(self.now, cost);
        let message = self.messages.get_mut(slot);
        message.body = Body::Response(response);
        message.direction = crate::network::Direction::ToClient;
        self.transmit(slot, sent);
        self.unmute(id, life, sent + throttle);
    }

    /// How long a network thread stands still because what it sends is not in memory: sendfile
    /// reads it from the disk, and whoever else the thread serves waits too.
    fn read_cold(&mut self, index: usize, fetched: &FetchResponse) -> Duration {
        let node = &mut self.nodes[index];
        let mut bytes = 0;
        for partition in &fetched.partitions {
            let range = partition.entries.start as usize..partition.entries.end as usize;
            for entry in &fetched.entries[range] {
                if !node.pages.is_cold(partition.partition, entry.base_offset) {
                    break;
                }
                bytes += u64::from(self.shared.batches.get(entry.batch).bytes);
            }
        }
        if bytes == 0 { 0 } else { node.disk.read(self.now, bytes).since(self.now) }
    }

    fn append(&mut self, index: usize, partition: PartitionId, bytes: u32, end: Offset) {
        let node = &mut self.nodes[index];
        if node.disk.is_full() {
            // Kafka halts a broker whose only log directory fails with an I/O error.
            self.halted.push(index);
            return;
        }
        node.cache.append(self.now, partition, bytes, end);
        node.pages.append(partition, bytes, end);
        let excess = node.cache.excess();
        if excess > 0 {
            // Writers wait until the disk has caught up (balance_dirty_pages).
            let wait = u128::from(excess) * u128::from(broker_model::types::SECOND)
                / u128::from(node.disk.bytes_per_second());
            let until = self.now + wait as u64;
            node.handler_threads.block_until(until);
            node.fetcher_threads.block_until(until);
        }
    }

    fn flush(&mut self, index: usize, partition: Option<PartitionId>, end: Offset, bytes: u64) {
        let node = &mut self.nodes[index];
        let bytes = match partition {
            Some(partition) => node.cache.take_dirty(partition),
            None => bytes,
        };
        let done = node.disk.fsync(self.now, bytes);
        self.push_disk_job(index, done, DiskJobKind::Flush { partition, end });
    }

    pub(super) fn push_disk_job(&mut self, index: usize, done: Instant, kind: DiskJobKind) {
        let node = &mut self.nodes[index];
        let incarnation = node.incarnation;
        node.disk_jobs.push(DiskJob { done, incarnation, kind });
        self.queue.push(done, Event::Disk(index as u32));
    }

    /// Disk jobs that are done by now.
    pub(super) fn disk_event(&mut self, index: usize) {
        while let Some(position) =
            self.nodes[index].disk_jobs.iter().position(|job| job.done <= self.now)
        {
            let job = self.nodes[index].disk_jobs.remove(position);
            if job.incarnation == self.nodes[index].incarnation {
                self.disk_job_done(index, job);
            }
        }
    }

    fn disk_job_done(&mut self, index: usize, job: DiskJob) {
        match job.kind {
            DiskJobKind::Flush { partition, end } => {
                match partition {
                    Some(partition) => self.nodes[index].cache.flushed(partition, end),
                    None => self.nodes[index].metadata_durable = end.0,
                }
                if self.nodes[index].state == NodeState::Paused {
                    // The disk has done its part; the process hears of it when it goes on.
                    let again = DiskJobKind::Flush { partition, end };
                    let incarnation = self.nodes[index].incarnation;
                    let job = DiskJob { done: job.done, incarnation, kind: again };
                    self.nodes[index].disk_jobs.push(DiskJob { done: Instant::FAR, ..job });
                    return;
                }
                if self.nodes[index].state.is_running() {
                    self.run_node(index, Input::Flushed { partition, end });
                }
            }
            DiskJobKind::WriteBack(done) => self.nodes[index].cache.end_write_back(&done),
            DiskJobKind::Look => self.look_for_dirty_pages(index),
        }
    }

    /// The background writer of a host looks for dirty pages, and will look again.
    pub(super) fn look_for_dirty_pages(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.state == NodeState::NoPower {
            return;
        }
        if let Some(job) = node.cache.begin_write_back(self.now) {
            let done = node.disk.write(self.now, job.bytes);
            self.push_disk_job(index, done, DiskJobKind::WriteBack(job));
        }
        let again = self.now + crate::host::WRITEBACK_INTERVAL;
        self.push_disk_job(index, again, DiskJobKind::Look);
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

    /// Starts a node's process.
    pub(super) fn start_node(&mut self, index: usize) {
        let now = self.clocks();
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut notes = std::mem::take(&mut self.notes);
        let node = &mut self.nodes[index];
        node.incarnation += 1;
        node.state = NodeState::Up;
        node.timer_at = Instant::FAR;
        let mut cx = Context {
            now,
            batches: &mut self.shared.batches,
            names: &self.shared.names,
            records: &self.shared.records,
            rules: &self.shared.rules,
            outputs: &mut outputs,
            notes: &mut notes,
        };
        match &mut node.machine {
            Machine::Broker(broker) => broker.start(&mut cx, node.incarnation),
            Machine::Controller(controller) => controller.start(&mut cx),
        }
        self.after_node(index, outputs, notes);
        let again = self.now + crate::host::WRITEBACK_INTERVAL;
        self.push_disk_job(index, again, DiskJobKind::Look);
    }

    /// Ends a node's process, in whichever way.
    pub(super) fn stop_node(&mut self, index: usize, kind: StopKind) {
        if !self.nodes[index].state.is_running() {
            return;
        }
        let node = &mut self.nodes[index];
        node.state = match kind {
            StopKind::Clean | StopKind::Kill => NodeState::Stopped,
            StopKind::PowerCut => NodeState::NoPower,
        };
        node.incarnation += 1;
        node.answers.clear();
        node.frozen.clear();
        node.network_threads.clear(self.now);
        node.handler_threads.clear(self.now);
        node.fetcher_threads.clear(self.now);
        match kind {
            StopKind::Clean => node.cache.flush_all(),
            StopKind::Kill => {}
            StopKind::PowerCut => {
                node.disk.clear(self.now);
                node.cache.power_cut();
                let cache = &node.cache;
                node.pages.power_cut(|partition| cache.durable(partition));
            }
        }
        let cache = &node.cache;
        match &mut node.machine {
            Machine::Broker(broker) => {
                let durable = |partition| Some(cache.durable(partition));
                broker.stop(kind, &durable, &self.shared.batches);
            }
            Machine::Controller(controller) => controller.stop(kind, Offset(node.metadata_durable)),
        }
        self.drop_messages_of(index);
        self.end_connections_of(Endpoint(index as u32), kind);
    }

    /// Requests inside a process that ended are gone.
    fn drop_messages_of(&mut self, index: usize) {
        let slots: Vec<(Slot, MessageState)> = self
            .messages
            .iter()
            .filter(|(_, m)| {
                self.connections.get(m.connection).server.0 as usize == index
                    && m.direction == crate::network::Direction::ToServer
            })
            .map(|(slot, m)| (slot, m.state))
            .collect();
        for id in self.connections.ids() {
            let connection = self.connections.get_mut(id);
            if connection.server.0 as usize == index {
                connection.socket.clear();
                connection.held[0].clear();
            }
        }
        for (slot, state) in slots {
            match state {
                MessageState::Scheduled => {
                    self.messages.get_mut(slot).state = MessageState::Dead;
                }
                MessageState::Waiting => {
                    self.messages.remove(slot);
                }
                MessageState::Dead => {}
            }
        }
    }

    /// Connections of an endpoint whose process ended: a dead process is noticed after the
    /// link's latency, a host without power is not noticed at all.
    pub(super) fn end_connections_of(&mut self, endpoint: Endpoint, kind: StopKind) {
        for id in self.connections.ids() {
            let connection = self.connections.get(id);
            if !connection.open {
                continue;
            }
            if connection.client == endpoint {
                self.break_connection(id);
            } else if connection.server == endpoint {
                let (from, to) = (self.host_of(endpoint), self.host_of(connection.client));
                if kind != StopKind::PowerCut && !self.links.is_cut(from, to) {
                    let latency = self.links.latency(from, to, connection.draw_key, 0);
                    self.schedule_reset(id, self.now + latency);
                }
            }
        }
    }

    /// A restarted host answers packets of connections it does not know with a reset.
    pub(super) fn reset_stale_connections(&mut self, index: usize) {
        let endpoint = Endpoint(index as u32);
        for id in self.connections.ids() {
            let connection = self.connections.get(id);
            if connection.open && connection.server == endpoint {
                let (from, to) = (self.host_of(endpoint), self.host_of(connection.client));
                let latency = self.links.latency(from, to, connection.draw_key, 0);
                self.schedule_reset(id, self.now + latency);
            }
        }
    }

    /// The process goes on: everything that came meanwhile is due now.
    pub(super) fn resume_node(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.state != NodeState::Paused {
            return;
        }
        node.state = NodeState::Up;
        for event in std::mem::take(&mut node.frozen) {
            self.queue.push(self.now, event);
        }
        for job in &mut node.disk_jobs {
            if job.done == Instant::FAR {
                job.done = self.now;
                self.queue.push(self.now, Event::Disk(index as u32));
            }
        }
        self.nodes[index].timer_at = Instant::FAR;
        self.arm_node_timer(index);
    }
}

/// Handle events from here on name an answer instead of a message slot.
pub(super) const ANSWER_BASE: u32 = 1 << 23;
/// How many answers may wait for fetcher threads at once.
const ANSWER_TICKETS: u32 = 1 << 12;
/// More nodes than a scenario may ask for.
pub(super) const NODES_MAX: u32 = 1 << 10;
