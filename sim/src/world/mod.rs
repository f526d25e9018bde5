//! The world: a single-threaded discrete-event loop over pure machines.
//!
//! Reading order: [`queue`](EventQueue), `transport` and `resets` (connections), `node`, `nodes`,
//! `requests`, `storage` and `life` (brokers and controllers on their hosts), `clients` (client
//! processes), `fault`, `phases` (what a run
//! does when), `watch` (notes to invariants, triggers and samples), `witness` (what a
//! scenario demands to happen), `tell` (events in words), `listen` (what a story is made of).

mod abandoned;
mod actor;
mod admin;
mod audit;
mod clients;
mod costs;
mod fault;
mod handshake;
mod hosting;
mod lag;
mod layout;
mod life;
mod listen;
#[cfg(test)]
mod mask_tests;
mod node;
mod nodes;
mod phases;
mod post;
mod progress;
mod queue;
mod requests;
mod resets;
mod rest;
mod samples;
#[cfg(test)]
pub(crate) mod small;
mod steps;
mod storage;
mod tell;
mod topics;
mod trace;
mod transport;
mod watch;
mod witness;

pub use actor::{Actor, ActorContext, LoadWindow, Port, Shared, TopicTable};
pub use clients::ClientProcess;
pub use costs::Costs;
pub use fault::FaultRecord;
pub use layout::{ClientPlan, FIRST_CONTROLLER, Layout};
pub use listen::{Heard, Hearing, Party, Passage, Said};
pub(crate) use node::index_of;
pub use node::{Machine, Node, NodeState, deciding, metadata};
pub use phases::{Outcome, PhaseClock};
pub use post::Posted;
pub use progress::Progress;
pub use queue::{Event, EventQueue};
pub use samples::{BrokerSample, Sample};
pub(crate) use tell::counted;
pub use trace::Trace;

use broker_model::io::{Output, StopKind};
use broker_model::note::Note;
use broker_model::types::{Instant, NodeId, PartitionId, RecordId};

use crate::client::ClientOutput;
use crate::coverage::Coverage;
use crate::host::Nic;
use crate::invariant::Invariants;
use crate::network::{ConnectionTable, Endpoint, HostId, Links, Messages, Slot};
use crate::plan::Plan;

/// One run.
#[derive(Debug)]
pub struct World {
    plan: Plan,
    seed: u64,
    now: Instant,
    queue: EventQueue,
    trace: Trace,
    shared: Shared,
    nodes: Vec<Node>,
    clients: Vec<ClientProcess>,
    hosts: Vec<HostId>,
    links: Links,
    nics: Vec<Nic>,
    loss: Vec<(u64, u64)>,
    connections: ConnectionTable,
    messages: Messages,
    costs: Costs,
    invariants: Invariants,
    faults: fault::Faults,
    phases: PhaseClock,
    samples: samples::Sampler,
    halted: Vec<(usize, StopKind)>,
    /// Notes of records of the metadata log before this offset have been told.
    metadata_told: u64,
    /// While the load flows, another thread records.
    records_elsewhere: bool,
    hosting: hosting::Hosting,
    next_ticket: u32,
    outputs: Vec<Output>,
    notes: Vec<Note>,
    client_outputs: Vec<(Port, ClientOutput)>,
    client_scratch: Vec<ClientOutput>,
    finished: bool,
    told: Option<Vec<String>>,
    ear: Option<Box<listen::Ear>>,
    witness: witness::Witness,
    coverage: Option<Box<Coverage>>,
    steps: steps::Steps,
    post: Option<Vec<Posted>>,
    /// What leaders that knew nothing of a producer took as its first, told at the audit.
    skipped_first: Vec<(PartitionId, RecordId)>,
    /// Events handled at the current instant.
    at_once: u32,
}

/// So many events at one instant are a loop. The busiest cluster has some thousands.
const AT_ONCE_MAX: u32 = 1_000_000;

impl World {
    /// Handles the next event. False when the run is over.
    pub fn step(&mut self) -> bool {
        let goes_on = self.advance();
        while self.awaits_driver() {
            self.hosting.standing.clear();
            self.settle();
        }
        goes_on
    }

    /// Has another thread record from when the load begins until the run is over. The run is the
    /// same; the recorder cannot be asked before it has ended.
    pub const fn record_elsewhere(&mut self) {
        self.records_elsewhere = true;
    }

    /// Handles the next event and leaves to [`Self::settle`] the processes called in it whose
    /// application acts behind events. False when the run is over.
    pub fn advance(&mut self) -> bool {
        if self.finished {
            return false;
        }
        let Some((at, event)) = self.queue.pop() else { return false };
        debug_assert!(at >= self.now, "time runs forward");
        self.watch_time(at);
        self.now = at;
        if self.is_too_late(event) {
            return true;
        }
        self.trace.event(at.0, event.code());
        match event {
            Event::Arrive(slot) => self.arrive(Slot(slot)),
            Event::Handle(slot) => self.handle_request(Slot(slot)),
            Event::Node(index) => self.node_timer(index as usize),
            Event::Connection(id) => self.connection_event(crate::network::ConnectionId(id)),
            Event::Client(index) => self.client_timer(index as usize),
            Event::Disk(index) => self.disk_event(index as usize),
            Event::Fault(code) => self.fault_event(code),
            Event::Run(code) => self.run_event(code),
            Event::Answer(code) => self.handle_answer(code),
            Event::Restart(index) => self.restart_client(index as usize),
        }
        while let Some((index, kind)) = self.halted.pop() {
            self.stop_node(index, kind);
            if kind == StopKind::Clean {
                // A shutdown that took longer than the fault which asked for it.
                self.start_unless_held(index);
            }
        }
        true
    }

    /// Machines that wake each other without end would never let time pass.
    fn watch_time(&mut self, next: Instant) {
        self.at_once = if next > self.now { 0 } else { self.at_once + 1 };
        assert!(
            self.at_once < AT_ONCE_MAX,
            "time stands still at {} ns: {AT_ONCE_MAX} events without an end at one instant",
            self.now.0
        );
    }

    /// The time of the event being handled.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        if self.finished { None } else { self.queue.next_at() }
    }

    /// The trace so far.
    #[must_use]
    pub const fn trace(&self) -> Trace {
        self.trace
    }

    /// The nodes, brokers first.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What was asked.
    #[must_use]
    pub const fn scenario(&self) -> &scenarios::Scenario {
        &self.plan.scenario
    }

    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// What clients saw.
    ///
    /// # Panics
    /// Before the end of a run that [records elsewhere](Self::record_elsewhere).
    #[must_use]
    pub const fn recorder(&self) -> &reports::history::Recorder {
        self.shared.recorder.recorder()
    }

    /// The invariants with what they found.
    #[must_use]
    pub const fn invariants(&self) -> &Invariants {
        &self.invariants
    }

    /// Live instances that were fenced by their twins.
    #[must_use]
    pub fn fenced(&self) -> &[(Instant, String)] {
        &self.shared.fenced
    }

    /// The faults that fired.
    #[must_use]
    pub fn fault_records(&self) -> &[FaultRecord] {
        &self.faults.records
    }

    /// Samples of the cluster, in order.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples.samples
    }

    /// Simulated nanoseconds between samples.
    #[must_use]
    pub const fn sample_interval(&self) -> u64 {
        self.samples.interval()
    }

    /// The recorder's number of a consumer group.
    #[must_use]
    pub fn group_id(&self, name: &str) -> Option<u32> {
        let mut groups = self.recorder().topology().groups();
        groups.find(|(_, group)| group.name == name).map(|(id, _)| id)
    }

    /// The recorder's number of a topic.
    #[must_use]
    pub fn topic_id(&self, name: &str) -> Option<u32> {
        self.shared.topics.id(name).map(|id| id.0)
    }

    fn is_node(&self, endpoint: Endpoint) -> bool {
        (endpoint.0 as usize) < self.nodes.len()
    }

    fn node_endpoint(&self, id: NodeId) -> Option<Endpoint> {
        index_of(&self.nodes, id).map(|index| Endpoint(index as u32))
    }

    fn node_of(&self, id: NodeId) -> Option<&Node> {
        index_of(&self.nodes, id).map(|index| &self.nodes[index])
    }

    fn client_endpoint(&self, index: usize, port: Port) -> Endpoint {
        Endpoint(self.nodes.len() as u32 + index as u32 * Port::COUNT + u32::from(port.0))
    }

    fn client_of(&self, endpoint: Endpoint) -> (usize, Port) {
        let number = endpoint.0 - self.nodes.len() as u32;
        ((number / Port::COUNT) as usize, Port((number % Port::COUNT) as u8))
    }

    fn host_of(&self, endpoint: Endpoint) -> HostId {
        if self.is_node(endpoint) {
            self.hosts[endpoint.0 as usize]
        } else {
            self.clients[self.client_of(endpoint).0].host
        }
    }

    /// Whether the process behind an endpoint stands still.
    fn is_frozen(&self, endpoint: Endpoint) -> bool {
        let state = if self.is_node(endpoint) {
            self.nodes[endpoint.0 as usize].state
        } else {
            self.clients[self.client_of(endpoint).0].state
        };
        state == NodeState::Paused
    }

    /// Keeps an event for when the process goes on.
    fn freeze(&mut self, endpoint: Endpoint, event: Event) {
        if self.is_node(endpoint) {
            self.nodes[endpoint.0 as usize].frozen.push(event);
        } else {
            let (index, _) = self.client_of(endpoint);
            self.clients[index].frozen.push(event);
        }
    }
}
