//! What an invariant may look at, and how it calls things by their names.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use broker_model::metadata::Image;
use broker_model::names::Names;
use broker_model::partition::Replica;
use broker_model::records::{Batches, PartitionRecord};
use broker_model::types::{GroupId, Instant, NodeId, PartitionId, ProducerId, TransactionalId};

use super::committed::{Committed, Truth};
use super::ledger::Ledger;
use super::ownership::Ownership;
use crate::client::producer::NextBatch;
use crate::records::RecordTable;
use crate::world::{Node, Progress};

/// What an invariant may look at.
#[derive(Debug)]
pub struct View<'a> {
    /// The time of the event.
    pub now: Instant,
    /// All nodes, brokers first.
    pub nodes: &'a [Node],
    /// All batches.
    pub batches: &'a Batches,
    /// Keys of records, where there are any.
    pub(super) records: Option<&'a RecordTable>,
    /// What is committed; whoever shows a view leaves it to [`Invariants`].
    pub(super) truth: Option<&'a Truth>,
    /// Names of groups and transactional ids, where they are known.
    pub(super) names: Option<&'a Names>,
    /// What groups are to read.
    pub(super) progress: Option<&'a Progress>,
    /// What is true of transactions; left to [`Invariants`], too.
    pub(super) ledger: Option<&'a Ledger>,
    /// Who owns what in groups; left to [`Invariants`], too.
    pub(super) ownership: Option<&'a Ownership>,
    /// What producers will send next, at the end of a run.
    pub(super) next_batches: &'a [NextBatch],
    pub(super) aborted_by_hand: Option<&'a BTreeSet<(PartitionId, ProducerId)>>,
}

impl<'a> View<'a> {
    /// What there is to see now.
    #[must_use]
    pub const fn new(now: Instant, nodes: &'a [Node], batches: &'a Batches) -> Self {
        let (records, truth, names, progress) = (None, None, None, None);
        let (ledger, ownership, aborted_by_hand) = (None, None, None);
        Self {
            now,
            nodes,
            batches,
            records,
            truth,
            names,
            progress,
            ledger,
            ownership,
            next_batches: &[],
            aborted_by_hand,
        }
    }

    /// With the producers whose hanging transactions an administrator has aborted.
    #[must_use]
    pub const fn with_aborted_by_hand(
        self,
        aborted_by_hand: &'a BTreeSet<(PartitionId, ProducerId)>,
    ) -> Self {
        Self { aborted_by_hand: Some(aborted_by_hand), ..self }
    }

    /// Whether no coordinator need have decided an abort: an administrator has (KIP-664).
    pub(super) fn is_aborted_by_hand(&self, partition: PartitionId, producer: ProducerId) -> bool {
        self.aborted_by_hand.is_some_and(|set| set.contains(&(partition, producer)))
    }

    /// With what is in records.
    #[must_use]
    pub const fn with_records(self, records: &'a RecordTable) -> Self {
        Self { records: Some(records), ..self }
    }

    /// With the names of groups and transactional ids.
    #[must_use]
    pub const fn with_names(self, names: &'a Names) -> Self {
        Self { names: Some(names), ..self }
    }

    /// With what producers will send next.
    #[must_use]
    pub const fn with_next_batches(self, next_batches: &'a [NextBatch]) -> Self {
        Self { next_batches, ..self }
    }

    /// With what groups are to read.
    #[must_use]
    pub const fn with_progress(self, progress: &'a Progress) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// A group as a scenario names it.
    pub(crate) fn group(&self, group: impl Borrow<GroupId>) -> String {
        let group = *group.borrow();
        self.names.map_or_else(|| group.to_string(), |names| names.group_name(group).to_owned())
    }

    /// A transactional id as a scenario names it.
    pub(crate) fn transactional_id(&self, id: TransactionalId) -> String {
        self.names.map_or_else(|| id.to_string(), |n| n.transactional_id_name(id).to_owned())
    }

    /// A partition as a scenario names it.
    pub(super) fn partition(&self, partition: impl Borrow<PartitionId>) -> String {
        let partition = *partition.borrow();
        let named = self.image().and_then(|image| {
            let record = image.partition(partition)?;
            Some(format!("{}/{}", image.topic(record.topic)?.name, record.index))
        });
        named.unwrap_or_else(|| partition.to_string())
    }

    /// What is known of a partition's committed records.
    pub(super) fn truth(&self, partition: PartitionId) -> Option<&'a Committed> {
        self.truth?.of(partition)
    }

    /// What is committed of a partition; `None` while an unclean election makes that a question.
    pub(super) fn committed(&self, partition: PartitionId) -> Option<&'a Committed> {
        self.truth(partition).filter(|committed| !committed.unclean)
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&'a Node> {
        crate::world::index_of(self.nodes, id).map(|index| &self.nodes[index])
    }

    /// The replica of a partition on a broker, running or not.
    pub(super) fn replica(&self, id: NodeId, partition: PartitionId) -> Option<&'a Replica> {
        self.node(id)?.broker()?.replica(partition)
    }

    /// Whether a partition's topic lets a replica outside of ISR and ELR lead.
    pub(super) fn allows_unclean_election(
        &self,
        leader: Option<NodeId>,
        partition: PartitionId,
    ) -> bool {
        let replica = leader.and_then(|leader| self.replica(leader, partition));
        replica.is_none_or(|r| r.log().config().unclean_leader_election)
    }

    /// The metadata of a partition; `None` where nobody left knows what counts: its leader was told
    /// of a newer change than the metadata has, by a controller that has ended since.
    pub(super) fn record(&self, partition: PartitionId) -> Option<&'a PartitionRecord> {
        let record = self.image()?.partition(partition)?;
        let leader = record.leader.and_then(|leader| self.replica(leader, partition)?.leader());
        leader.is_none_or(|l| l.partition_epoch <= record.partition_epoch).then_some(record)
    }

    /// The metadata that counts.
    pub(super) fn image(&self) -> Option<&'a Image> {
        crate::world::metadata(self.nodes)
    }
}
