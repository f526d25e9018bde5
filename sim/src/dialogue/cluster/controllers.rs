//! The controllers of a dialogue: one of its own (`roles=separate`), or one in each node, which
//! starts and ends with it (`roles=combined`, as the oracle's default).

use std::collections::BTreeMap;

use broker_model::controller::{Controller, ControllerConfig};
use broker_model::io::{Input, StopKind};
use broker_model::types::{NodeId, Offset, SECOND};

use super::pump::{Cluster, Life};

/// The controller's node, as the oracle numbers it. The controller in node N is number 100 + N.
const CONTROLLER: u32 = 100;

/// A controller with its process.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) controller: Controller,
    pub(super) life: Life,
    /// It asked to be ended.
    pub(super) halted: bool,
    /// What reached it while it was paused.
    pub(super) inbox: Vec<Input>,
}

/// The node ids of the controllers of so many nodes.
pub(super) fn ids(nodes: u32, combined: bool) -> Vec<NodeId> {
    if combined {
        (1..=nodes).map(|n| NodeId(CONTROLLER + n)).collect()
    } else {
        vec![NodeId(CONTROLLER)]
    }
}

/// Controllers that are not started.
pub(super) fn seats(voters: &[NodeId], config: &ControllerConfig) -> BTreeMap<NodeId, Seat> {
    let seat = |&id: &NodeId| {
        let jitter = u64::from(id.0);
        let controller = Controller::of_quorum(id, voters, config.clone(), jitter);
        (id, Seat { controller, life: Life::Stopped, halted: false, inbox: Vec::new() })
    };
    voters.iter().map(seat).collect()
}

impl Cluster {
    /// The controller that starts and ends with a node, if there is one; a controller of its own
    /// is the node itself.
    pub(super) fn seat_of(&self, node: NodeId) -> Option<NodeId> {
        let beside = node.0.checked_add(CONTROLLER).map(NodeId);
        [Some(node), beside].into_iter().flatten().find(|id| self.controllers.contains_key(id))
    }

    /// The node whose process a broker or a controller is part of.
    pub(super) fn node_of(&self, id: NodeId) -> NodeId {
        let beside = id.0.checked_sub(CONTROLLER).map(NodeId);
        beside.filter(|node| self.nodes.contains_key(node)).unwrap_or(id)
    }

    /// Starts all controllers, and waits until one decides.
    pub(super) fn start_controllers(&mut self) {
        let all: Vec<NodeId> = self.controllers.keys().copied().collect();
        for id in all {
            self.start_controller(id);
        }
        self.advance_until(60 * SECOND, |cluster| cluster.active_controller().is_some());
    }

    pub(super) fn start_controller(&mut self, id: NodeId) {
        let outputs = self.with_context(|machines, cx| {
            if let Some(seat) = machines.controllers.get_mut(&id) {
                seat.life = Life::Running;
                seat.halted = false;
                seat.controller.start(cx);
            }
        });
        self.carry_out(id, outputs);
        self.settle();
    }

    /// Stops a controller in order.
    pub(super) fn stop_controller(&mut self, id: NodeId) {
        self.queue.push_back((id, Input::ControlledShutdown));
        let halted = |cluster: &mut Self| cluster.controllers.get(&id).is_none_or(|s| s.halted);
        self.advance_until(60 * SECOND, halted);
        self.end_controller(id, StopKind::Clean);
    }

    pub(super) fn end_controller(&mut self, id: NodeId, kind: StopKind) {
        let Some(seat) = self.controllers.get_mut(&id) else { return };
        seat.life = Life::Stopped;
        seat.inbox.clear();
        let durable = i64::try_from(seat.controller.committed_end()).expect("a log in memory");
        seat.controller.stop(kind, Offset(durable));
        self.forget_calls_of(id);
    }

    /// Something for a controller.
    pub(super) fn deliver_to_controller(&mut self, to: NodeId, input: Input) {
        let Some(seat) = self.controllers.get_mut(&to) else { return };
        match seat.life {
            Life::Stopped => {}
            Life::Paused => seat.inbox.push(input),
            Life::Running => {
                let outputs = self.with_context(|machines, cx| {
                    if let Some(seat) = machines.controllers.get_mut(&to) {
                        seat.controller.handle(cx, input);
                    }
                });
                self.carry_out(to, outputs);
            }
        }
    }

    /// The controller whose word counts: the active one of the latest epoch, or, while there is
    /// none, the one that knows most of what is committed.
    pub(super) fn controller(&self) -> &Controller {
        let all = self.controllers.values().map(|seat| &seat.controller);
        let found = all.max_by_key(|c| (c.active(), c.committed_end()));
        found.expect("a cluster has a controller")
    }

    /// The node of the active controller, as a dialogue names it.
    pub(super) fn active_controller(&self) -> Option<u32> {
        let controller = self.controller();
        controller.active().map(|_| self.node_of(controller.node()).0)
    }
}
