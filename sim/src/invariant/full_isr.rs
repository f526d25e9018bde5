//! After healing every partition has a leader, and every replica is in its ISR.
//!
//! Source: KIP-497; what `kafka-topics --under-replicated-partitions` should then not list.

use broker_model::metadata::Image;
use broker_model::types::PartitionId;

use super::words::listed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct FullIsr;

fn not_full(image: &Image, name: impl Fn(PartitionId) -> String) -> Option<String> {
    let mut under = image
        .partitions()
        .filter(|p| p.leader.is_none() || p.isr.len() < p.replicas.len())
        .map(|p| (p.partition, p.leader, &p.isr, &p.replicas));
    let (partition, leader, isr, replicas) = under.next()?;
    let more = under.count();
    let leader = leader.map_or_else(|| "no leader".to_owned(), |leader| format!("leader {leader}"));
    let (isr, replicas) = (listed(isr), listed(replicas));
    Some(format!(
        "partition {partition} has {leader} and ISR {isr} of replicas {replicas}, and {more} more \
         are not full",
        partition = name(partition)
    ))
}

impl Invariant for FullIsr {
    fn name(&self) -> &'static str {
        "full-isr"
    }

    fn interests(&self) -> &'static [Interest] {
        &[]
    }

    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        not_full(view.image()?, |partition| view.partition(partition))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::metadata::Image;
    use broker_model::records::{MetadataRecord, PartitionRecord};
    use broker_model::types::{LeaderEpoch, NodeId, PartitionEpoch, PartitionId, TopicId};

    use super::not_full;

    fn image(leader: Option<u32>, isr: &[u32]) -> Image {
        let nodes = |ids: &[u32]| ids.iter().map(|&id| NodeId(id)).collect::<Vec<_>>();
        let mut image = Image::new();
        let topic = MetadataRecord::Topic {
            topic: TopicId(0),
            name: "orders".to_owned(),
            internal: false,
            config: Vec::new(),
        };
        image.apply(0, &topic);
        let partition = PartitionRecord {
            topic: TopicId(0),
            index: 0,
            partition: PartitionId(0),
            leader: leader.map(NodeId),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            isr: nodes(isr),
            replicas: nodes(&[1, 2, 3]),
            eligible_leader_replicas: Vec::new(),
            last_known_elr: Vec::new(),
            recovering: false,
            adding: Vec::new(),
            removing: Vec::new(),
            directories: Vec::new(),
        };
        image.apply(1, &MetadataRecord::of_partition(partition));
        image
    }

    #[test]
    fn rejects_a_missing_member_and_a_missing_leader() {
        assert!(not_full(&image(Some(1), &[1, 3]), |partition| partition.to_string()).is_some());
        assert!(not_full(&image(None, &[1, 2, 3]), |partition| partition.to_string()).is_some());
    }

    #[test]
    fn accepts_a_full_isr_in_another_order() {
        assert_eq!(not_full(&image(Some(2), &[3, 2, 1]), |partition| partition.to_string()), None);
    }
}
