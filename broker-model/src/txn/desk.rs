//! What every handler of the transaction coordinator works with besides its transaction.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::producer_ids::ProducerIds;
use super::settings::TransactionSettings;
use super::transaction::Transaction;
use crate::coordinator::{Effect, Effects, Waiter};
use crate::io::{Context, Token};
use crate::note::Note;
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::{BATCH_OVERHEAD_BYTES, NewBatch, TransactionRecord};
use crate::timers::Timers;
use crate::types::{CoordinatorEpoch, NodeId, PartitionId, ProducerId, TransactionalId};

/// Bytes of a transaction record beside its name and partitions. An estimate of Kafka's schema.
const RECORD_BYTES: usize = 70;
/// Bytes of one partition in a transaction record. An estimate, as above.
const PARTITION_BYTES: usize = 24;

/// What a timer is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timer {
    /// The transaction may be open too long.
    Timeout(PartitionId, TransactionalId),
    /// The record of its completion is to be written again.
    Complete(PartitionId, TransactionalId),
}

/// What follows when the record of a transition is replicated or has failed.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Then {
    /// The client learns its producer id.
    Init { token: Token },
    /// The partitions belong to the transaction.
    AddPartitions { token: Token, header: Header, partitions: Vec<PartitionId> },
    /// The offsets partition belongs to the transaction.
    AddOffsets { token: Token },
    /// The decision is taken; `v2` clients learn their next epoch.
    End { token: Token, v2: bool },
    /// The coordinator aborts; whoever wanted to initialize has to come again.
    Fence { token: Option<(Token, Header)> },
    /// The transaction is over.
    Complete,
}

/// A transition on its way.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Append {
    pub(super) partition: PartitionId,
    pub(super) record: TransactionRecord,
    pub(super) then: Then,
}

/// Appends and markers on their way, numbered over the life of the coordinator.
#[derive(Clone, Debug, Default)]
pub(super) struct Appends {
    pub(super) open: BTreeMap<Waiter, Append>,
    pub(super) endings: BTreeMap<Waiter, (PartitionId, TransactionalId)>,
    /// Tombstones, and of which ids of a shard.
    pub(super) tombstones: BTreeMap<Waiter, (PartitionId, Vec<TransactionalId>)>,
    next: u64,
}

impl Appends {
    /// Odd numbers; the group coordinator takes the even ones.
    pub(super) const fn waiter(&mut self) -> Waiter {
        self.next += 1;
        Waiter(self.next * 2 - 1)
    }
}

/// The surroundings of one call, for one shard.
pub(super) struct Desk<'a, 'c> {
    pub(super) cx: &'a mut Context<'c>,
    pub(super) effects: &'a mut Effects,
    pub(super) timers: &'a mut Timers<Timer>,
    pub(super) appends: &'a mut Appends,
    pub(super) ids: &'a mut ProducerIds,
    pub(super) settings: &'a TransactionSettings,
    pub(super) offsets_partitions: &'a [PartitionId],
    pub(super) node: NodeId,
    pub(super) partition: PartitionId,
    pub(super) epoch: CoordinatorEpoch,
}

impl Desk<'_, '_> {
    pub(super) fn reply(&mut self, token: Token, response: Response) {
        self.effects.push(Effect::Reply { token, response });
    }

    /// Refuses a request; a fenced producer is noted.
    pub(super) fn refuse(
        &mut self,
        token: Token,
        header: Header,
        request: &Request,
        producer: ProducerId,
        error: ErrorCode,
    ) {
        if error == ErrorCode::ProducerFenced {
            self.cx.note(Note::ProducerFenced { node: self.node, producer_id: producer });
        }
        self.reply(token, super::refusal(request, header, error));
    }

    /// Appends the next state of a transaction; `then` follows when it is replicated.
    pub(super) fn transition(
        &mut self,
        transaction: &mut Transaction,
        record: TransactionRecord,
        then: Then,
    ) {
        assert!(transaction.in_transition.is_none(), "one transition at a time");
        let name = self.cx.names.transactional_id_name(record.transactional_id);
        let bytes = RECORD_BYTES + 2 * name.len() + PARTITION_BYTES * record.partitions.len();
        let bytes = BATCH_OVERHEAD_BYTES + u32::try_from(bytes).expect("below 4 GiB");
        let new = NewBatch::plain(bytes, self.cx.now.wall);
        let batch = self.cx.batches.push_transaction(new, Vec::from([record.clone()]));
        let waiter = self.appends.waiter();
        transaction.in_transition = Some(waiter);
        let partition = self.partition;
        self.appends.open.insert(waiter, Append { partition, record, then });
        self.effects.push(Effect::Append { partition, batch, waiter });
    }
}

/// Clients before version `since` know `INVALID_PRODUCER_EPOCH` instead of `PRODUCER_FENCED`
/// (KIP-588).
pub(super) const fn fenced_before(since: i16, header: Header, error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if header.api_version < since => ErrorCode::InvalidProducerEpoch,
        other => other,
    }
}

/// What a client hears when the coordinator's own append failed. Source: Kafka,
/// `TransactionStateManager.appendTransactionToLog`.
pub(super) const fn append_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}
