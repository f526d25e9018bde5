//! Requests this broker sent and has no answer to yet.

use crate::io::{Context, Output, Tag};
use crate::protocol::Request;
use crate::rules::Truncate;
use crate::slab::{Key, Slab};
use crate::types::{Duration, LeaderEpoch, MILLISECOND, NodeId, PartitionId};

/// Wait before a request to the controller is sent again: the `retry.backoff.ms` of Kafka's
/// channel to it (`NodeToControllerChannelManager`).
pub(crate) const RETRY: Duration = 50 * MILLISECOND;

/// Why a request was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Call {
    /// Registration of this incarnation.
    Register,
    /// A heartbeat to the controller.
    Heartbeat,
    /// The metadata log's next records.
    FetchMetadata,
    /// A piece of a snapshot of the metadata.
    FetchSnapshot,
    /// A follower's fetch.
    Fetch,
    /// A follower's position lies outside the leader's log: where does that begin and end?
    Locate {
        /// The partition.
        partition: PartitionId,
        /// In this leader epoch.
        leader_epoch: LeaderEpoch,
    },
    /// Where does the follower's last epoch end?
    EpochEnd {
        /// The partition.
        partition: PartitionId,
        /// In this leader epoch.
        leader_epoch: LeaderEpoch,
        /// By this rule.
        rule: Truncate,
    },
    /// New ISRs.
    AlterPartition,
    /// A block of producer ids.
    AllocateProducerIds,
    /// Where replicas are, for the controller.
    AssignReplicas,
    /// An internal topic that somebody needs.
    CreateTopic {
        /// The transaction topic, else the offsets topic.
        transactions: bool,
    },
    /// An administrator's request, passed on to the controller.
    Forward {
        /// Which one.
        forward: Key,
    },
    /// Partitions of the transactions that waited for one coordinator.
    AddPartitions,
    /// Markers of ended transactions.
    WriteMarkers,
}

/// The open calls. Keys of a former life of the process find nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    open: Slab<Call>,
}

impl Calls {
    /// Sends a request.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>, to: NodeId, call: Call, request: Request) {
        let tag = Tag(self.open.insert(call));
        cx.outputs.push(Output::Send { to, tag, request });
    }

    /// Opens a call that needs no network.
    pub(crate) fn open(&mut self, call: Call) -> Tag {
        Tag(self.open.insert(call))
    }

    /// Why the request of an answer was sent, once.
    pub(crate) fn close(&mut self, tag: Tag) -> Option<Call> {
        self.open.remove(tag.0)
    }

    /// Forgets everything, as a process that ends.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}
