//! Whether a run has settled, and whether it is at rest.

use broker_model::broker::Broker;

use super::{Node, NodeState, World};

impl World {
    pub(super) fn brokers_are_unfenced(&self) -> bool {
        let image = self.image();
        self.nodes
            .iter()
            .filter(|n| n.broker().is_some() && !n.is_absent())
            .all(|n| image.broker(n.id).is_some_and(|b| !b.fenced))
    }

    /// Every broker's process is the one the controller has registered, and is unfenced.
    pub(super) fn brokers_are_registered(&self) -> bool {
        self.brokers_are_unfenced()
            && self
                .nodes
                .iter()
                .filter(|n| !n.is_absent())
                .filter_map(Node::broker)
                .all(Broker::is_registered)
    }

    /// Every broker is registered, every partition led, every ISR full. A broker that died and came
    /// back counts as in sync until the controller knows better, and what nobody can append lags
    /// for nobody: so it is not enough to ask for ISRs and lag.
    pub(super) fn is_whole(&self) -> bool {
        self.brokers_are_registered() && self.topics_have_leaders() && self.isrs_are_full()
    }

    fn isrs_are_full(&self) -> bool {
        self.image().partitions().all(|p| p.leader.is_some() && p.isr.len() == p.replicas.len())
    }

    /// Every group has as many members as its service has instances, and is stable.
    pub(super) fn services_are_settled(&self) -> bool {
        let views: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|n| n.broker())
            .flat_map(|b| b.groups().groups())
            .collect();
        self.plan.scenario.services.iter().filter_map(|s| s.group.as_ref()).all(|name| {
            let members: u32 = self
                .plan
                .scenario
                .services
                .iter()
                .filter(|s| s.group.as_ref() == Some(name))
                .map(|s| s.instances)
                .sum();
            views.iter().any(|view| {
                self.shared.names.group_name(view.group) == name
                    && view.state == broker_model::group::GroupState::Stable
                    && view.members.len() == members as usize
            })
        })
    }

    pub(super) fn groups_are_stable(&self) -> bool {
        self.nodes
            .iter()
            .filter(|n| n.state == NodeState::Up)
            .filter_map(|n| n.broker())
            .all(|b| b.groups().groups().iter().all(|group| group.state.is_settled()))
    }

    pub(super) fn transactions_are_open(&self) -> bool {
        self.image().partitions().any(|p| {
            let leader = p.leader.and_then(|id| self.node_of(id));
            leader
                .and_then(|n| n.broker())
                .and_then(|b| b.replica(p.partition))
                .is_some_and(|r| r.last_stable_offset(&self.shared.rules) < r.high_watermark())
        })
    }

    /// What keeps the run from being at rest, in words.
    #[must_use]
    pub fn unrest(&self) -> String {
        let mut reasons = Vec::new();
        let busy: Vec<&str> =
            self.clients.iter().filter(|c| !c.actor.is_idle()).map(|c| c.name.as_str()).collect();
        if !busy.is_empty() {
            reasons.push(format!("busy: {}", busy.join(", ")));
        }
        let lag: u64 = self.known_lag();
        if lag > 0 {
            reasons.push(format!("lag of {lag} records"));
        }
        if !self.brokers_are_registered() {
            reasons.push("a broker is not registered".to_owned());
        }
        if !self.topics_have_leaders() {
            reasons.push("a partition is not led".to_owned());
        }
        if !self.isrs_are_full() {
            reasons.push("an ISR is not full".to_owned());
        }
        if !self.groups_are_stable() {
            reasons.push("a group is not stable".to_owned());
        }
        if self.transactions_are_open() {
            reasons.push("a transaction is open".to_owned());
        }
        reasons.join("; ")
    }
}
