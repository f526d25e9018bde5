//! What a client machine is given and what it wants.

use broker_model::names::Names;
use broker_model::protocol::Request;
use broker_model::records::Batches;
use broker_model::rules::Rules;
use broker_model::types::{NodeId, Now};

use crate::prng::Stream;
use crate::records::RecordTable;

/// Names a request of one client; its answer carries it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Correlation(pub u32);

/// What every call of a client machine is given.
pub struct ClientContext<'a> {
    /// The host's clocks.
    pub now: Now,
    /// The run's batches.
    pub batches: &'a mut Batches,
    /// Names of groups and transactional ids.
    pub names: &'a Names,
    /// The run's records.
    pub records: &'a mut RecordTable,
    /// The rules in force.
    pub rules: &'a Rules,
    /// The client's own draws (backoff jitter, sticky partitions).
    pub draws: &'a mut Stream,
    /// What the client wants done, in order.
    pub outputs: &'a mut Vec<ClientOutput>,
}

impl std::fmt::Debug for ClientContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientContext").field("now", &self.now).finish_non_exhaustive()
    }
}

/// No answer will come: the connection broke, or could not be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disconnected;

/// What a client wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum ClientOutput {
    /// Send a request. The world opens the connection when there is none; on one connection
    /// requests are answered in order.
    Send {
        /// The node.
        to: NodeId,
        /// Comes back with the answer, or with `Disconnected`.
        correlation: Correlation,
        /// `request_api_version`.
        api_version: i16,
        /// What to ask.
        request: Request,
    },
    /// Open the connection to a node; the client sends nothing there before it is told that it has
    /// come up. In the world clients do not ask: it opens connections with the first request.
    Connect {
        /// The node.
        to: NodeId,
    },
    /// Close the connection to a node (a request timed out): everything in flight on it is
    /// given up by the client itself; no `Disconnected` comes back for it.
    Close {
        /// The node.
        to: NodeId,
    },
    /// As [`Self::Send`], on a second connection to the node. A consumer keeps one for its group
    /// coordinator, so that heartbeats and commits do not wait behind a parked fetch.
    SendToCoordinator {
        /// The node.
        to: NodeId,
        /// Comes back with the answer, or with `Disconnected`.
        correlation: Correlation,
        /// `request_api_version`.
        api_version: i16,
        /// What to ask.
        request: Request,
    },
    /// As [`Self::Close`], for the second connection.
    CloseCoordinator {
        /// The node.
        to: NodeId,
    },
}
