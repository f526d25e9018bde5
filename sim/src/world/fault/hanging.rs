//! Hanging transactions, which an administrator finds and aborts by hand. Source: KIP-664,
//! `kafka-transactions.sh find-hanging` and `abort`.

use std::collections::BTreeSet;

use broker_model::broker::Broker;
use broker_model::protocol::Request;
use broker_model::protocol::txn::{TxnMarker, WriteTxnMarkersRequest};
use broker_model::types::{
    CoordinatorEpoch, Duration, MILLISECOND, NodeId, Offset, PartitionId, ProducerId,
};
use scenarios::model::{FaultKind, Target};

use crate::plan::wall_at;
use crate::world::{NodeState, World, index_of};

/// Producers whose transactions an administrator has aborted, by partition.
pub(in crate::world) type AbortedByHand = BTreeSet<(PartitionId, ProducerId)>;

impl World {
    /// What aborts the hanging transactions of the target, one marker each: what their leaders tell
    /// of producers whose last record is older than the kind's `max_transaction_timeout`, and that
    /// no coordinator has still to end there.
    pub(super) fn hanging_transactions(
        &self,
        kind: FaultKind,
        target: &Target,
    ) -> Vec<(PartitionId, TxnMarker)> {
        let FaultKind::AbortHanging { max_transaction_timeout } = kind else { return Vec::new() };
        let partitions = self.partitions_of(target).into_iter();
        partitions.flat_map(|p| self.hanging_on(p, max_transaction_timeout)).collect()
    }

    fn hanging_on(
        &self,
        partition: PartitionId,
        timeout: Duration,
    ) -> Vec<(PartitionId, TxnMarker)> {
        let leader = self.image().partition(partition).and_then(|record| record.leader);
        let leads = leader.and_then(|leader| self.broker_that_answers(leader)?.replica(partition));
        let Some(replica) = leads.filter(|replica| replica.leader().is_some()) else {
            return Vec::new();
        };
        let newest = wall_at(self.now).0 - (timeout / MILLISECOND).cast_signed();
        let producers = replica.log().describe_producers().into_iter();
        let hanging = producers.filter(|producer| {
            producer.txn_start_offset != Offset::NONE
                && producer.last_timestamp.0 < newest
                && !self.will_end(producer.producer.id, partition)
        });
        let markers = hanging.map(|producer| TxnMarker {
            producer: producer.producer,
            commit: false,
            // Before its first marker there is no epoch: the lowest one fences nobody.
            coordinator_epoch: producer.coordinator_epoch.max(CoordinatorEpoch(0)),
            v2: false,
            partitions: vec![partition],
        });
        markers.map(|marker| (partition, marker)).collect()
    }

    fn will_end(&self, producer: ProducerId, partition: PartitionId) -> bool {
        let brokers = self.nodes.iter().filter_map(|node| self.broker_that_answers(node.id));
        brokers.into_iter().any(|broker| broker.transactions().will_end(producer, partition))
    }

    fn broker_that_answers(&self, id: NodeId) -> Option<&Broker> {
        let node = &self.nodes[index_of(&self.nodes, id)?];
        node.broker().filter(|_| node.state == NodeState::Up)
    }

    /// Asks the leaders to write the markers.
    pub(super) fn abort_hanging(&mut self, markers: Vec<(PartitionId, TxnMarker)>) {
        for (partition, marker) in markers {
            let Some(record) = self.image().partition(partition) else { continue };
            let mut replicas = record.replicas.clone();
            replicas.sort_by_key(|replica| Some(*replica) != record.leader);
            self.faults.aborted_by_hand.insert((partition, marker.producer.id));
            let request = WriteTxnMarkersRequest { markers: vec![marker] };
            self.ask_as_administrator(Request::WriteTxnMarkers(request), replicas);
        }
    }
}
