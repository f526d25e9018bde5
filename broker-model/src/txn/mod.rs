//! The transaction coordinator: protocol v2 (KIP-890), with v1 requests accepted.
//!
//! Use, for the broker that owns the logs:
//! - `load` a shard when the broker becomes leader of a partition of `__transaction_state`;
//!   `unload` when it resigns;
//! - `handle` requests of transactional ids of that shard, and `InitProducerId` without a
//!   transactional id on any broker (the partition is ignored then); `add_partitions` to each
//!   transaction of an `AddPartitionsToTxn`;
//! - report each append by `committed` in the order of the log, or by `failed` if nothing of
//!   it was written;
//! - carry out [`Effect::Markers`]: write the markers to the leaders of their partitions, ask
//!   `missing_markers` before each repetition, and report what was written by
//!   `markers_written`, at once or bit by bit;
//! - **producer ids**: after each call, if `needs_producer_ids`, ask the controller for a block
//!   (`AllocateProducerIds`, one request at a time) and hand it over by `add_producer_ids`.
//!   Until then `InitProducerId` is answered `COORDINATOR_LOAD_IN_PROGRESS`, which clients
//!   retry;
//! - tell the partitions of `__consumer_offsets` by `set_offsets_partitions`, in order of
//!   index, since `AddOffsetsToTxn` names a group only;
//! - `begin` when the broker takes part, and `tick` when `next_deadline` has come;
//! - `follow_names` when partitions are new: a topic that was deleted and created again is the
//!   same to a transaction.
//!
//! A state is replayed when its record is replicated. Until then the transition is volatile,
//! and everything else about its id is `CONCURRENT_TRANSACTIONS`.

mod desk;
mod end;
mod expire;
mod init;
mod load;
mod partitions;
mod producer_ids;
mod recreated;
mod replicated;
mod settings;
mod transaction;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub use partitions::{refused_partitions, unknown_partitions};
pub use settings::TransactionSettings;

use crate::coordinator::{Effect, Effects, Waiter};
use crate::io::{Context, Token};
use crate::protocol::txn::{
    AddOffsetsToTxnResponse, DescribeTransactionsRequest, DescribeTransactionsResponse,
    EndTxnResponse, InitProducerIdResponse, ProducerIdAndEpoch,
};
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::{TransactionRecord, TransactionState};
use crate::timers::Timers;
use crate::types::{CoordinatorEpoch, Instant, NodeId, PartitionId, ProducerId, TransactionalId};
use desk::{Appends, Desk, Timer};
use producer_ids::ProducerIds;
use transaction::Transaction;

/// The transactional ids of one shard.
type Transactions = BTreeMap<TransactionalId, Transaction>;

/// One partition of `__transaction_state`.
#[derive(Clone, Debug)]
struct Shard {
    epoch: CoordinatorEpoch,
    transactions: Transactions,
}

/// The transaction coordinator of one broker.
#[derive(Clone, Debug)]
pub struct TransactionCoordinator {
    node: NodeId,
    settings: TransactionSettings,
    shards: BTreeMap<PartitionId, Shard>,
    timers: Timers<Timer>,
    appends: Appends,
    ids: ProducerIds,
    offsets_partitions: Vec<PartitionId>,
    /// When ids that are idle are looked for next.
    expire_at: Instant,
}

impl TransactionCoordinator {
    /// A coordinator without shards and without producer ids.
    #[must_use]
    pub fn new(node: NodeId, settings: &TransactionSettings) -> Self {
        Self {
            node,
            settings: *settings,
            shards: BTreeMap::new(),
            timers: Timers::default(),
            appends: Appends::default(),
            ids: ProducerIds::default(),
            offsets_partitions: Vec::new(),
            expire_at: Instant::FAR,
        }
    }

    /// Whether the broker should ask the controller for a block of producer ids.
    #[must_use]
    pub const fn needs_producer_ids(&self) -> bool {
        self.ids.is_short()
    }

    /// A block of producer ids from the controller.
    pub const fn add_producer_ids(&mut self, first: ProducerId, count: u32) {
        self.ids.add(first, count);
    }

    /// The partitions of `__consumer_offsets`, in order of index.
    pub fn set_offsets_partitions(&mut self, partitions: Vec<PartitionId>) {
        self.offsets_partitions = partitions;
    }

    /// Answers a request about a transactional id of `partition` of `__transaction_state`.
    ///
    /// Panics on requests of another kind: a bug in the broker.
    pub fn handle(
        &mut self,
        cx: &mut Context<'_>,
        effects: &mut Effects,
        partition: PartitionId,
        token: Token,
        header: Header,
        request: Request,
    ) {
        if let Request::InitProducerId(r) = request
            && r.transactional_id.is_none()
        {
            let response = self.init_idempotent(r);
            effects.push(Effect::Reply { token, response });
            return;
        }
        // `TransactionCoordinator` looks at the id before anything else.
        if id_of(&request).is_some_and(|id| cx.names.transactional_id_name(id).is_empty()) {
            let response = refusal(&request, header, ErrorCode::InvalidRequest);
            effects.push(Effect::Reply { token, response });
            return;
        }
        let Some((mut desk, transactions)) = self.desk(cx, effects, partition) else {
            let response = refusal(&request, header, ErrorCode::NotCoordinator);
            effects.push(Effect::Reply { token, response });
            return;
        };
        match request {
            Request::InitProducerId(r) => desk.init(transactions, token, header, r),
            Request::AddOffsetsToTxn(r) => desk.add_offsets(transactions, token, header, r),
            Request::EndTxn(r) => desk.end_txn(transactions, token, header, r),
            Request::DescribeTransactions(r) => {
                let response = describe(transactions, r);
                desk.reply(token, Response::DescribeTransactions(response));
            }
            other => panic!("not a request to a transaction coordinator: {:?}", other.api_key()),
        }
    }

    /// The next instant at which [`Self::tick`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.timers.next_deadline().min(self.expire_at)
    }

    /// Does what is due.
    pub fn tick(&mut self, cx: &mut Context<'_>, effects: &mut Effects) {
        while let Some(timer) = self.timers.pop(cx.now.instant) {
            let (Timer::Timeout(partition, id) | Timer::Complete(partition, id)) = timer;
            let Some((mut desk, transactions)) = self.desk(cx, effects, partition) else {
                continue;
            };
            let Some(transaction) = transactions.get_mut(&id) else { continue };
            match timer {
                Timer::Timeout(..) => desk.time_out(transaction),
                Timer::Complete(..) => desk.complete_if_written(transaction),
            }
        }
        if self.expire_at <= cx.now.instant {
            self.expire(cx, effects);
        }
    }

    /// The shards this coordinator has, with their epochs, in order.
    pub fn shards(&self) -> impl Iterator<Item = (PartitionId, CoordinatorEpoch)> + '_ {
        self.shards.iter().map(|(&partition, shard)| (partition, shard.epoch))
    }

    /// The replicated state of every transactional id, in order of shard and id.
    pub fn transactions(&self) -> impl Iterator<Item = &TransactionRecord> + '_ {
        self.shards.values().flat_map(|s| s.transactions.values().map(|t| &t.record))
    }

    /// The replicated state of one transactional id.
    #[must_use]
    pub fn transaction(
        &self,
        partition: PartitionId,
        id: TransactionalId,
    ) -> Option<&TransactionRecord> {
        Some(&self.shards.get(&partition)?.transactions.get(&id)?.record)
    }

    /// Whether a transaction of this producer has still to end on a partition, as
    /// `ListTransactions` and `DescribeTransactions` tell it (KIP-664).
    #[must_use]
    pub fn will_end(&self, producer: ProducerId, partition: PartitionId) -> bool {
        let of_all = self.shards.values().flat_map(|shard| shard.transactions.values());
        let mut of_producer = of_all.filter(|t| t.record.producer.id == producer);
        of_producer.any(|t| shown_partitions(t).contains(&partition))
    }

    /// Partitions whose marker is still awaited; empty once the waiter is done or void.
    #[must_use]
    pub fn missing_markers(&self, waiter: Waiter) -> Vec<PartitionId> {
        let ending = self.appends.endings.get(&waiter).and_then(|&(partition, id)| {
            self.shards.get(&partition)?.transactions.get(&id)?.ending.as_ref()
        });
        ending.map_or_else(Vec::new, |e| e.missing.iter().copied().collect())
    }

    fn desk<'a, 'c>(
        &'a mut self,
        cx: &'a mut Context<'c>,
        effects: &'a mut Effects,
        partition: PartitionId,
    ) -> Option<(Desk<'a, 'c>, &'a mut Transactions)> {
        let shard = self.shards.get_mut(&partition)?;
        let desk = Desk {
            cx,
            effects,
            timers: &mut self.timers,
            appends: &mut self.appends,
            ids: &mut self.ids,
            settings: &self.settings,
            offsets_partitions: &self.offsets_partitions,
            node: self.node,
            partition,
            epoch: shard.epoch,
        };
        Some((desk, &mut shard.transactions))
    }
}

/// The transactional id that a request is about.
const fn id_of(request: &Request) -> Option<TransactionalId> {
    match request {
        Request::InitProducerId(r) => r.transactional_id,
        Request::AddOffsetsToTxn(r) => Some(r.transactional_id),
        Request::EndTxn(r) => Some(r.transactional_id),
        Request::DescribeTransactions(r) => Some(r.transactional_id),
        _ => None,
    }
}

/// While markers go out only the partitions that lack one are shown.
fn shown_partitions(transaction: &Transaction) -> Vec<PartitionId> {
    match &transaction.ending {
        Some(ending) => ending.missing.iter().copied().collect(),
        None => transaction.record.partitions.clone(),
    }
}

fn describe(
    transactions: &Transactions,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let known = transactions.get(&request.transactional_id);
    let Some(t) = known.filter(|t| t.record.state != TransactionState::Dead) else {
        return DescribeTransactionsResponse {
            error: ErrorCode::TransactionalIdNotFound,
            state: "",
            producer: ProducerIdAndEpoch::NONE,
            timeout: 0,
            partitions: Vec::new(),
        };
    };
    DescribeTransactionsResponse {
        error: ErrorCode::None,
        state: t.record.state.name(),
        producer: t.record.producer,
        timeout: t.record.timeout,
        partitions: shown_partitions(t),
    }
}

/// The answer to `request` when nothing of it was done, with the error's name in that version.
#[must_use]
pub fn refusal(request: &Request, header: Header, error: ErrorCode) -> Response {
    match request {
        Request::InitProducerId(_) => {
            let error = desk::fenced_before(4, header, error);
            let producer = ProducerIdAndEpoch::NONE;
            Response::InitProducerId(InitProducerIdResponse { error, producer })
        }
        Request::AddOffsetsToTxn(_) => {
            let error = desk::fenced_before(2, header, error);
            Response::AddOffsetsToTxn(AddOffsetsToTxnResponse { error })
        }
        Request::EndTxn(_) => {
            let error = desk::fenced_before(2, header, error);
            Response::EndTxn(EndTxnResponse { error, producer: ProducerIdAndEpoch::NONE })
        }
        Request::DescribeTransactions(_) => {
            Response::DescribeTransactions(DescribeTransactionsResponse {
                error,
                state: "",
                producer: ProducerIdAndEpoch::NONE,
                timeout: 0,
                partitions: Vec::new(),
            })
        }
        other => panic!("not a request to a transaction coordinator: {:?}", other.api_key()),
    }
}

#[cfg(test)]
mod tests;
