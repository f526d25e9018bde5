//! A broker or controller with its host, as data.

use broker_model::broker::Broker;
use broker_model::controller::Controller;
use broker_model::io::{Disconnected, Output};
use broker_model::metadata::Image;
use broker_model::protocol::Response;
use broker_model::types::{Instant, NodeId, Offset, PartitionId};

use super::Event;
use crate::host::{Disk, PageCache, Residency, ThreadPool, WriteBack};
use crate::network::HostId;

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
    /// Until then a flush is under way that the thread which appended waits for.
    pub synced_at: Instant,
    /// Its host lost power, and it has not registered since.
    pub lost_power: bool,
    /// How often its process has ended out of order, by a kill or with the power, or has lost its
    /// disk after it had ended in order.
    pub unclean_stops: u64,
    /// Its process has ended last in order: the disk has all that it had.
    pub ended_in_order: bool,
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
    Clean(PartitionId),
    Recover,
    Release(Vec<Output>),
    Look,
}

/// The controller whose word counts: the active one of the latest epoch, or, while there is
/// none, the one that knows most of what is committed. `nodes` has its controllers last.
#[must_use]
pub fn deciding(nodes: &[Node]) -> Option<&Controller> {
    let controllers = nodes.iter().rev().map_while(Node::controller);
    controllers.max_by_key(|c| (c.active(), c.committed_end()))
}

/// The place of a node: brokers come first and are numbered from 1.
pub(crate) fn index_of(nodes: &[Node], id: NodeId) -> Option<usize> {
    let likely = (id.0 as usize).wrapping_sub(1);
    match nodes.get(likely) {
        Some(node) if node.id == id => Some(likely),
        _ => nodes.iter().position(|node| node.id == id),
    }
}

/// The metadata that counts: of the active controller, or, while there is none but one whose time
/// is over, of whoever was told most of what is committed. `nodes` has its brokers first.
#[must_use]
pub fn metadata(nodes: &[Node]) -> Option<&Image> {
    let controller = deciding(nodes)?;
    let controllers = || nodes.iter().rev().map_while(Node::controller);
    let is_newest = |epoch| controllers().all(|c| c.quorum().epoch() <= epoch);
    if controller.active().is_some_and(is_newest) {
        return Some(controller.image());
    }
    // What one whose time is over has decided is in its image too, and never comes true.
    let passive = controllers().filter(|c| c.active().is_none()).map(Controller::image);
    let brokers = nodes.iter().map_while(Node::broker).map(Broker::image);
    brokers.chain(passive).max_by_key(|image| image.end())
}

impl Node {
    /// Whether its process accepts connections once it runs: a broker opens its listeners when it
    /// has caught up and is unfenced, a controller at once.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.broker().is_none_or(Broker::is_listening)
    }

    /// Whether its process has never run: a broker that is added later.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        self.incarnation == 0
    }

    /// The broker, if it is one.
    #[must_use]
    pub fn broker(&self) -> Option<&Broker> {
        match &self.machine {
            Machine::Broker(broker) => Some(broker),
            Machine::Controller(_) => None,
        }
    }

    /// The broker, if it is one, to be changed by what happens to its host.
    pub(super) fn broker_mut(&mut self) -> Option<&mut Broker> {
        match &mut self.machine {
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
