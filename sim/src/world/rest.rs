//! Whether a run has settled, and whether it is at rest.

use broker_model::broker::Broker;
use broker_model::partition::Replica;
use broker_model::records::TransactionState;
use broker_model::types::TransactionalId;
use scenarios::model::TransactionalIds;

use super::lag::Behind;
use super::{Node, NodeState, World};
use crate::stores::Outbox;

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

    fn transactions_are_open(&self) -> bool {
        self.leaders().any(|r| r.last_stable_offset(&self.shared.rules) < r.high_watermark())
    }

    /// All markers may be written, and the answer to the last of them be under way. What is
    /// ongoing waits for its client: if that has nothing left to do, it is left behind. Nobody comes
    /// back to what a process with an id of its own had begun: that waits for its timeout.
    fn coordinators_wait(&self) -> bool {
        use TransactionState::{Ongoing, PrepareAbort, PrepareCommit};
        let running = self.nodes.iter().filter(|n| n.state == NodeState::Up);
        let mut coordinators = running.filter_map(Node::broker).map(Broker::transactions);
        coordinators.any(|coordinator| {
            let mut known = coordinator.transactions();
            known.any(|record| match record.state {
                PrepareCommit | PrepareAbort => true,
                Ongoing => self.has_a_successor(record.transactional_id),
                _ => false,
            })
        })
    }

    /// Whether a process has started since that has taken the place of the one with this id.
    fn has_a_successor(&self, id: TransactionalId) -> bool {
        let names = &self.shared.names;
        let process = names.transactional_id_name(id).rsplit_once('-');
        process.is_some_and(|(instance, start)| {
            let service = instance.rsplit_once('-').map(|(service, _)| service);
            let mut services = self.plan.scenario.services.iter();
            let of_its_own = services.any(|one| {
                one.transactional_ids == TransactionalIds::PerProcess
                    && service == Some(one.name.as_str())
            });
            let next = start.parse().ok().and_then(|start: u32| start.checked_add(1));
            of_its_own
                && next.is_some_and(|n| names.knows_transactional_id(&format!("{instance}-{n}")))
        })
    }

    /// A leader has records that it gives to nobody: lag counts what is given.
    fn records_are_uncommitted(&self) -> bool {
        self.leaders().any(|r| r.high_watermark() < r.log().log_end_offset())
    }

    fn leaders(&self) -> impl Iterator<Item = &Replica> {
        self.image().partitions().filter_map(|p| {
            let leader = p.leader.and_then(|id| self.node_of(id));
            leader?.broker()?.replica(p.partition)
        })
    }

    /// What keeps the run from being at rest, in words; nothing if it is.
    #[must_use]
    pub fn unrest(&self) -> String {
        let reasons: Vec<String> = UNREST.iter().filter_map(|reason| reason(self)).collect();
        reasons.join("; ")
    }

    /// Whether nothing keeps the run from being at rest, as far as the lag is known.
    pub(super) fn is_at_rest(&self) -> bool {
        UNREST.iter().all(|reason| reason(self).is_none())
    }

    pub(super) fn busy_clients(&self) -> Option<String> {
        let busy = self.clients.iter().filter(|c| !c.actor.is_idle());
        let told = |c: &super::ClientProcess| match c.actor.trouble() {
            Some(trouble) => format!("{} ({trouble})", c.name),
            None => c.name.clone(),
        };
        let busy: Vec<String> = busy.map(told).collect();
        (!busy.is_empty()).then(|| format!("busy: {}", busy.join(", ")))
    }

    fn rows_wait(&self) -> Option<String> {
        let waiting: u64 = self.shared.stores.outboxes.iter().map(Outbox::waiting).sum();
        (waiting > 0).then(|| format!("{waiting} rows wait in outboxes"))
    }

    fn lagging(&self) -> Option<String> {
        let Behind { records, held_up, .. } = self.known_lag();
        let why = if held_up > 0 {
            format!(", {held_up} of them behind an open transaction")
        } else {
            String::new()
        };
        (records > 0).then(|| format!("lag of {records} records{why}"))
    }
}

/// What can keep a run from being at rest, the cheap questions first.
const UNREST: [fn(&World) -> Option<String>; 10] = [
    World::busy_clients,
    World::rows_wait,
    World::lagging,
    |world| said(!world.brokers_are_registered(), "a broker is not registered"),
    |world| said(!world.topics_have_leaders(), "a partition is not led"),
    |world| said(!world.isrs_are_full(), "an ISR is not full"),
    |world| said(!world.groups_are_stable(), "a group is not stable"),
    |world| said(world.records_are_uncommitted(), "a record is not on all replicas in sync"),
    |world| said(world.transactions_are_open(), "a transaction is open"),
    |world| said(world.coordinators_wait(), "a coordinator has a transaction to end"),
];

fn said(holds: bool, words: &str) -> Option<String> {
    holds.then(|| words.to_owned())
}
