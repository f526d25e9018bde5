//! A cluster that has run for a while, as a view for tests of invariants.

use broker_model::note::Note;
use broker_model::records::LogEntry;
use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionEpoch, PartitionId, SECOND};

use super::{Invariant, Truth, View};
use crate::world::small::{batches_of, cluster, nodes_of, run_until, world};
use crate::world::{Node, NodeState, World};

/// Two brokers, a topic of one partition with a replica on each, records in it, and a group that
/// has read them.
pub(super) struct Living {
    world: World,
    /// The partition.
    pub(super) partition: PartitionId,
    /// Who leads it.
    pub(super) leader: NodeId,
    /// Who follows.
    pub(super) follower: NodeId,
    /// In which epoch.
    pub(super) epoch: LeaderEpoch,
}

impl Living {
    pub(super) fn new() -> Self {
        let reader = "[service.audit]\nkind = \"reader\"\ninput = \"orders\"\ntime = \"1ms\"\n";
        let keys = [
            ("group.initial.rebalance.delay.ms", "0"),
            ("offsets.topic.num.partitions", "1"),
            ("offsets.topic.replication.factor", "2"),
        ];
        let mut world = world(&cluster((2, 2), 30, 20, reader), &keys, 1);
        run_until(&mut world, 12 * SECOND);
        let image = crate::world::metadata(world.nodes()).expect("a controller");
        let topic = image.topic_by_name("orders").expect("the topic");
        let partition = image.topic(topic).expect("the topic").partitions[0];
        let record = image.partition(partition).expect("the partition");
        let (leader, epoch) = (record.leader.expect("a leader"), record.leader_epoch);
        let follower = NodeId(3 - leader.0);
        Self { world, partition, leader, follower, epoch }
    }

    pub(super) fn view(&self) -> View<'_> {
        View::new(self.world.now(), self.world.nodes(), batches_of(&self.world))
    }

    /// What the group coordinator has logged, and where.
    pub(super) fn log_of_groups(&self) -> (PartitionId, &[LogEntry]) {
        let image = crate::world::metadata(self.world.nodes()).expect("a controller");
        let topic = image.topic_by_name("__consumer_offsets").expect("the topic");
        let partition = image.topic(topic).expect("the topic").partitions[0];
        let replica = self.view().replica(self.leader, partition).expect("a replica");
        (partition, replica.log().entries())
    }

    /// Where the log of a broker ends.
    pub(super) fn end(&self, node: NodeId) -> Offset {
        self.view().replica(node, self.partition).expect("a replica").log().log_end_offset()
    }

    /// A node's process is another one from now on.
    pub(super) fn restart(&mut self, node: NodeId) {
        self.node(node).incarnation += 1;
    }

    /// A node's process is gone.
    pub(super) fn stop(&mut self, node: NodeId) {
        self.node(node).state = NodeState::Stopped;
    }

    fn node(&mut self, id: NodeId) -> &mut Node {
        let nodes = nodes_of(&mut self.world);
        nodes.iter_mut().find(|node| node.id == id).expect("a node")
    }

    /// A change of the partition.
    pub(super) fn elected(&self, leader: Option<NodeId>, unclean: bool) -> Note {
        Note::PartitionChanged {
            partition: self.partition,
            leader,
            leader_epoch: self.epoch,
            partition_epoch: PartitionEpoch(9),
            isr: Vec::new(),
            replicas: Vec::new(),
            eligible_leader_replicas: Vec::new(),
            unclean,
        }
    }

    /// The leader leads in an epoch that begins at an offset.
    pub(super) fn leads(&self, epoch: i32, start: i64) -> Note {
        let (node, partition) = (self.leader, self.partition);
        let (leader_epoch, start) = (LeaderEpoch(epoch), Offset(start));
        Note::BecameLeader { node, partition, leader_epoch, start }
    }

    /// What an invariant says to notes.
    pub(super) fn say(
        &self,
        invariant: &mut dyn Invariant,
        truth: &Truth,
        notes: &[Note],
    ) -> Vec<String> {
        let view = View { truth: Some(truth), ..self.view() };
        notes.iter().filter_map(|note| invariant.on_note(&view, note)).collect()
    }
}
