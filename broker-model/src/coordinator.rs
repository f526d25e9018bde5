//! What the group and the transaction coordinator share: how they reach their own log.
//!
//! A coordinator owns the partitions of its topic that its broker leads, one shard each. It
//! decides records and gives them to the broker as an [`Effect`]; the broker appends them with
//! `acks=all` and reports back with the waiter, once they are replicated or have failed.

use alloc::vec::Vec;

use crate::protocol::Response;
use crate::protocol::txn::TxnMarker;
use crate::types::{BatchId, PartitionId};

use crate::io::Token;

/// Names an append of a coordinator; comes back when it is replicated or has failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Waiter(pub u64);

/// What a coordinator wants its broker to do, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Answer a request.
    Reply {
        /// Which request.
        token: Token,
        /// The answer.
        response: Response,
    },
    /// Append to the coordinator's own partition; the high watermark decides.
    Append {
        /// The partition of the coordinator's topic.
        partition: PartitionId,
        /// The batch.
        batch: BatchId,
        /// Comes back.
        waiter: Waiter,
    },
    /// Send markers to the leaders of their partitions, again until each has answered.
    Markers {
        /// Comes back with every partition's result.
        waiter: Waiter,
        /// What to write.
        marker: TxnMarker,
    },
}

/// The effects of one call.
pub type Effects = Vec<Effect>;
