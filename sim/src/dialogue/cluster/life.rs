//! Nodes that start, end and sleep, and what can be seen of them.

use broker_model::broker::Broker;
use broker_model::io::{Disconnected, Input, StopKind, Tag, Token};
use broker_model::records::{MetadataRecord, PartitionRecord};
use broker_model::types::{MILLISECOND, NodeId, PartitionId, SECOND, Timestamp};

use super::pump::{Answer, Call, Cluster, Life, WALL};

impl Cluster {
    /// Starts a node; it takes time until its broker is unfenced.
    pub(super) fn start(&mut self, id: NodeId) {
        if let Some(controller) = self.seat_of(id).filter(|c| !self.is_up(*c)) {
            self.start_controller(controller);
        }
        self.incarnations += 1;
        let incarnation = self.incarnations;
        let outputs = self.with_context(|cluster, cx| {
            if let Some(node) = cluster.nodes.get_mut(&id) {
                node.life = Life::Running;
                node.halted = false;
                node.broker.start(cx, incarnation);
            }
        });
        self.carry_out(id, outputs);
        self.settle();
    }

    pub(super) fn kill(&mut self, id: NodeId) {
        self.end(id, StopKind::Kill);
    }

    /// Stops a node in order, its broker first. Returns whether that came to its end within a
    /// minute.
    pub(super) fn stop(&mut self, id: NodeId) -> bool {
        self.queue.push_back((id, Input::ControlledShutdown));
        let halted = |cluster: &mut Self| cluster.nodes.get(&id).is_none_or(|n| n.halted);
        let done = self.advance_until(60 * SECOND, |cluster| halted(cluster) || !cluster.is_up(id));
        if !self.is_up(id) && self.nodes.contains_key(&id) {
            return false;
        }
        self.end_broker(id, StopKind::Clean);
        if let Some(controller) = self.seat_of(id) {
            self.stop_controller(controller);
        }
        self.settle();
        done
    }

    fn end(&mut self, id: NodeId, kind: StopKind) {
        self.end_node(id, kind);
        self.settle();
    }

    fn end_node(&mut self, id: NodeId, kind: StopKind) {
        if let Some(controller) = self.seat_of(id) {
            self.end_controller(controller, kind);
        }
        self.end_broker(id, kind);
    }

    /// What halts (`Exit.halt`) ends as if it were killed, and with it all that its process has.
    pub(super) fn end_halting(&mut self) {
        for (id, reason) in std::mem::take(&mut self.halting) {
            let node = self.node_of(id);
            self.end_node(node, StopKind::Kill);
            self.ended.push((node, reason));
        }
    }

    fn end_broker(&mut self, id: NodeId, kind: StopKind) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.life = Life::Stopped;
        node.inbox.clear();
        node.broker.stop(kind, &|_| None, &self.batches);
        self.forget_calls_of(id);
        let clients: Vec<Token> =
            self.clients.iter().filter(|(_, (_, to))| *to == id).map(|(t, _)| *t).collect();
        for token in clients {
            self.clients.remove(&token);
            self.answers.insert(token, Answer::Disconnected);
        }
    }

    /// A process has ended: nothing reaches it, and whoever waits for its answers hears so.
    pub(super) fn forget_calls_of(&mut self, id: NodeId) {
        self.queue.retain(|(to, _)| *to != id);
        let lost: Vec<(Token, Call)> = self
            .calls
            .iter()
            .filter(|(_, c)| c.from == id || c.to == id)
            .map(|(t, c)| (*t, *c))
            .collect();
        for (token, call) in lost {
            self.calls.remove(&token);
            if call.from != id {
                self.answer_call(call, Err(Disconnected));
            }
        }
    }

    pub(super) fn pause(&mut self, id: NodeId) {
        if let Some(seat) = self.seat_of(id).and_then(|c| self.controllers.get_mut(&c)) {
            seat.life = Life::Paused;
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.life = Life::Paused;
            let mut own = self.calls.values().filter(|call| call.from == id);
            node.asked = own.find_map(|call| Some((call.tag, call.until?)));
        }
    }

    pub(super) fn resume(&mut self, id: NodeId) {
        if let Some(controller) = self.seat_of(id)
            && let Some(seat) = self.controllers.get_mut(&controller)
        {
            seat.life = Life::Running;
            self.queue.extend(seat.inbox.drain(..).map(|input| (controller, input)));
            self.queue.push_back((controller, Input::Tick));
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.life = Life::Running;
            self.queue.extend(node.inbox.drain(..).map(|input| (id, input)));
            self.queue.push_back((id, Input::Tick));
            let asked = node.asked.take();
            if let Some((tag, _)) = asked.filter(|(_, until)| *until <= self.now) {
                self.give_up(id, tag);
            }
        }
        self.settle();
    }

    /// The time of a call was over before its node was resumed. Kafka's client then closes the
    /// connection, even if the answer has come: it learns the time before it reads.
    fn give_up(&mut self, node: NodeId, call: Tag) {
        for (to, input) in &mut self.queue {
            if let Input::Response { tag, result, .. } = input
                && (*to, *tag) == (node, call)
            {
                *result = Err(Disconnected);
            }
        }
        let open = self.calls.iter().find(|(_, c)| (c.from, c.tag) == (node, call));
        if let Some((&token, &open)) = open {
            self.calls.remove(&token);
            self.answer_call(open, Err(Disconnected));
        }
    }

    /// Nodes that answer: neither stopped nor paused.
    pub(super) fn running(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().filter(|(_, n)| n.life == Life::Running).map(|(id, _)| *id)
    }

    /// All brokers, in order.
    pub(super) fn all(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    /// Whether the process of a broker or controller exists.
    pub(super) fn is_up(&self, id: NodeId) -> bool {
        let life = self.nodes.get(&id).map(|n| n.life);
        let life = life.or_else(|| self.controllers.get(&id).map(|s| s.life));
        life.is_some_and(|life| life != Life::Stopped)
    }

    pub(super) fn broker_mut(&mut self, id: NodeId) -> Option<&mut Broker> {
        self.nodes.get_mut(&id).map(|n| &mut n.broker)
    }

    pub(super) fn broker(&self, id: NodeId) -> Option<&Broker> {
        self.nodes.get(&id).map(|n| &n.broker)
    }

    pub(super) const fn wall(&self) -> Timestamp {
        Timestamp(WALL + (self.now.0 / MILLISECOND).cast_signed())
    }

    /// The leader, if all running nodes name the same one.
    pub(super) fn agreed_leader(&self, partition: PartitionId) -> Option<NodeId> {
        let views = self
            .running()
            .map(|id| self.nodes[&id].broker.image().partition(partition).and_then(|p| p.leader));
        same(views).flatten()
    }

    /// The first state of a partition, deleted ones included.
    pub(super) fn partition_record(&self, id: PartitionId) -> Option<&PartitionRecord> {
        self.controller().records().iter().find_map(|r| match r {
            MetadataRecord::Partition(p) if p.partition == id => Some(p.as_ref()),
            _ => None,
        })
    }

    /// `topic-index` of a partition, deleted ones included.
    pub(super) fn partition_name(&self, id: PartitionId) -> String {
        let partition = self.partition_record(id);
        let topic = partition.and_then(|p| self.controller().image().topic(p.topic));
        match (topic, partition) {
            (Some(topic), Some(partition)) => format!("{}-{}", topic.name, partition.index),
            _ => "?".to_string(),
        }
    }
}

/// What all say, if they say the same.
pub(super) fn same<T: PartialEq>(mut views: impl Iterator<Item = T>) -> Option<T> {
    let first = views.next()?;
    views.all(|view| view == first).then_some(first)
}
