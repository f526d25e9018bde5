//! After healing no transaction is open: neither at its coordinator nor on a partition.
//!
//! Source: KIP-664, KIP-890 (hanging transactions); KAFKA-16352, KAFKA-19999 (a coordinator
//! that stays in Prepare).

use broker_model::records::TransactionRecord;
use broker_model::types::{Offset, PartitionId};

use super::words::listed;
use super::{Interest, Invariant, View};
use crate::world::NodeState;

/// See the module.
#[derive(Debug)]
pub(super) struct HangingTransaction;

fn open_at_coordinator<'a>(
    view: &View<'_>,
    mut records: impl Iterator<Item = &'a TransactionRecord>,
) -> Option<String> {
    let open = records.find(|r| r.state.is_open())?;
    Some(format!(
        "transactional id {} is still in {} of a transaction that began at {} ms, with partitions {}",
        view.transactional_id(open.transactional_id),
        open.state.name(),
        open.start.0,
        listed(open.partitions.iter().map(|partition| view.partition(partition)))
    ))
}

fn open_on_partition(
    view: &View<'_>,
    mut leaders: impl Iterator<Item = (PartitionId, Option<Offset>)>,
) -> Option<String> {
    let (partition, first) = leaders.find_map(|(p, first)| Some((p, first?)))?;
    Some(format!(
        "a transaction that begins at {first} of partition {partition} is still open",
        partition = view.partition(partition)
    ))
}

impl Invariant for HangingTransaction {
    fn name(&self) -> &'static str {
        "hanging-transaction"
    }

    fn interests(&self) -> &'static [Interest] {
        &[]
    }

    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        let running = view.nodes.iter().filter(|n| n.state == NodeState::Up);
        let brokers = running.filter_map(|n| n.broker());
        let known = brokers.flat_map(|b| b.transactions().transactions());
        if let Some(open) = open_at_coordinator(view, known) {
            return Some(open);
        }
        let image = view.image()?;
        let leaders = image.partitions().filter_map(|p| {
            let replica = view.replica(p.leader?, p.partition)?;
            Some((p.partition, replica.log().first_unstable_offset()))
        });
        open_on_partition(view, leaders)
    }
}

#[cfg(test)]
mod tests {
    use broker_model::protocol::txn::ProducerIdAndEpoch;
    use broker_model::records::{Batches, TransactionRecord, TransactionState};
    use broker_model::types::{
        Instant, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp, TransactionalId,
    };

    use super::{View, open_at_coordinator, open_on_partition};

    fn record(state: TransactionState) -> TransactionRecord {
        TransactionRecord {
            transactional_id: TransactionalId(0),
            producer: ProducerIdAndEpoch::NONE,
            last_producer_epoch: ProducerEpoch::NONE,
            state,
            timeout: 0,
            partitions: vec![PartitionId(1)],
            last_update: Timestamp(0),
            start: Timestamp(0),
            v2: true,
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
        }
    }

    #[test]
    fn rejects_what_has_not_ended() {
        use TransactionState::{CompleteCommit, Ongoing, PrepareAbort, PrepareCommit};
        let batches = Batches::new();
        let view = View::new(Instant(0), &[], &batches);
        for state in [Ongoing, PrepareCommit, PrepareAbort] {
            let records = [record(CompleteCommit), record(state)];
            assert!(open_at_coordinator(&view, records.iter()).is_some());
        }
        let leaders = [(PartitionId(0), None), (PartitionId(1), Some(Offset(7)))];
        assert!(open_on_partition(&view, leaders.into_iter()).is_some());
    }

    #[test]
    fn accepts_what_has_ended_or_never_begun() {
        use TransactionState::{CompleteAbort, CompleteCommit, Empty};
        let batches = Batches::new();
        let view = View::new(Instant(0), &[], &batches);
        let records = [record(CompleteCommit), record(CompleteAbort), record(Empty)];
        assert_eq!(open_at_coordinator(&view, records.iter()), None);
        assert_eq!(open_on_partition(&view, [(PartitionId(0), None)].into_iter()), None);
    }
}
