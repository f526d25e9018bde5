//! `AddPartitionsToTxn` at the coordinator: all transactions of a request are worked on at once,
//! each with its own append, and the request is answered when the last is done. Source: Kafka,
//! `KafkaApis.handleAddPartitionsToTxnRequest`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Broker;
use crate::io::{Context, Token};
use crate::protocol::coordinator::CoordinatorKey;
use crate::protocol::txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, TransactionPartitions, TransactionResult,
};
use crate::protocol::{Header, Response};
use crate::txn;

/// A request of which some transactions are not done.
#[derive(Clone, Debug)]
struct Gathering {
    missing: usize,
    results: Vec<TransactionResult>,
}

/// The requests without an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Gatherings {
    open: BTreeMap<Token, Gathering>,
}

impl Gatherings {
    fn open(&mut self, token: Token, transactions: usize) {
        let results = Vec::with_capacity(transactions);
        self.open.insert(token, Gathering { missing: transactions, results });
    }

    /// One more transaction is done: the answer, if it is the last.
    fn done(
        &mut self,
        token: Token,
        done: AddPartitionsToTxnResponse,
    ) -> Option<AddPartitionsToTxnResponse> {
        let gathering = self.open.get_mut(&token).expect("who is answered once asked");
        gathering.missing -= done.results.len();
        gathering.results.extend(done.results);
        if gathering.missing > 0 {
            return None;
        }
        let Gathering { results, .. } = self.open.remove(&token)?;
        Some(AddPartitionsToTxnResponse { results })
    }
}

impl Broker {
    pub(super) fn add_partitions(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: AddPartitionsToTxnRequest,
    ) {
        self.coordinators.adding.open(token, request.transactions.len());
        for wanted in request.transactions {
            self.add_partitions_of(cx, token, header, wanted);
        }
    }

    fn add_partitions_of(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        wanted: TransactionPartitions,
    ) {
        let is_known = |p| self.image.partition(p).is_some();
        if let Some(result) = txn::unknown_partitions(&wanted, is_known) {
            return self.partitions_settled(cx, token, result.into());
        }
        let place = CoordinatorKey::Transaction(wanted.transactional_id);
        let found = self.coordinator_partition(cx, place);
        if let Some(error) = self.coordinators.refuses(found) {
            let result = txn::refused_partitions(wanted, header, error);
            return self.partitions_settled(cx, token, result.into());
        }
        let partition = found.expect("a shard has a partition");
        let c = &mut self.coordinators;
        let effects = &mut c.transaction_effects;
        c.transactions.add_partitions(cx, effects, partition, token, header, wanted);
    }

    /// The coordinator is done with transactions of a request.
    pub(super) fn partitions_settled(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        done: AddPartitionsToTxnResponse,
    ) {
        if let Some(response) = self.coordinators.adding.done(token, done) {
            self.answer(cx, token, Response::AddPartitionsToTxn(response));
        }
    }
}
