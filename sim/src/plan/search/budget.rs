//! What a run may take away without breaking what its configuration promises (`docs/search.md`).
//!
//! With two replicas that must have what is acknowledged, one host may lose it, once. After further
//! ends by force nobody may know any more who has everything: a run has either the one or the other.
//! Faults of the file count like those that are drawn.

use scenarios::Scenario;
use scenarios::model::{ConfigValue, FaultKind, Search, Topic};

use crate::prng::Stream;

/// In one of so many runs a host may lose what it holds.
const LOSSY_SHARE: u64 = 3;

/// What is left of what may be taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Budget {
    /// A host may lose what it holds.
    loss: bool,
    /// Brokers may end by force.
    force: bool,
    /// Anything goes.
    unbounded: bool,
}

impl Budget {
    /// Of a run of this scenario, with what its own faults spend.
    pub(super) fn of(scenario: &Scenario, search: &Search, draws: &mut Stream) -> Self {
        let has = |what: fn(FaultKind) -> bool| scenario.faults.iter().any(|f| what(f.kind));
        let (lossy, forced) = (has(is_lossy), has(ends_by_force));
        let wanted = draws.chance(1, LOSSY_SHARE);
        let loss = wanted && !lossy && !forced && survives_a_loss(scenario);
        Self { loss, force: !loss && !lossy, unbounded: search.beyond_spec }
    }

    /// Whether a fault of this kind is within it.
    pub(super) fn allows(&self, kind: FaultKind) -> bool {
        self.unbounded
            || match kind {
                FaultKind::UncleanElection => false,
                _ if is_lossy(kind) => self.loss,
                _ if ends_by_force(kind) => self.force,
                _ => true,
            }
    }

    /// A fault of this kind is there.
    pub(super) fn spend(&mut self, kind: FaultKind) {
        self.loss &= !is_lossy(kind);
    }
}

/// Whether somebody may lose what was stored.
pub(super) const fn is_lossy(kind: FaultKind) -> bool {
    match kind {
        FaultKind::BrokerPowerCut | FaultKind::DiskFailure { .. } | FaultKind::BitRot => true,
        FaultKind::BrokerKill
        | FaultKind::BrokerPause
        | FaultKind::BrokerStop
        | FaultKind::Partition { .. }
        | FaultKind::SlowDisk { .. }
        | FaultKind::FullDisk
        | FaultKind::SlowLink { .. }
        | FaultKind::Delay { .. }
        | FaultKind::ConnectionLoss { .. }
        | FaultKind::ServiceKill
        | FaultKind::ServiceStop
        | FaultKind::ServicePause
        | FaultKind::ControllerKill
        | FaultKind::RestartAll
        | FaultKind::LeaderMove { .. }
        | FaultKind::Reassign { .. }
        | FaultKind::UncleanElection
        | FaultKind::AbortHanging { .. }
        | FaultKind::AddBroker => false,
    }
}

/// Whether a broker ends without an orderly shutdown, and keeps what it holds.
const fn ends_by_force(kind: FaultKind) -> bool {
    match kind {
        FaultKind::BrokerKill | FaultKind::RestartAll | FaultKind::FullDisk => true,
        FaultKind::BrokerPowerCut
        | FaultKind::BrokerPause
        | FaultKind::BrokerStop
        | FaultKind::Partition { .. }
        | FaultKind::SlowDisk { .. }
        | FaultKind::DiskFailure { .. }
        | FaultKind::BitRot
        | FaultKind::SlowLink { .. }
        | FaultKind::Delay { .. }
        | FaultKind::ConnectionLoss { .. }
        | FaultKind::ServiceKill
        | FaultKind::ServiceStop
        | FaultKind::ServicePause
        | FaultKind::ControllerKill
        | FaultKind::LeaderMove { .. }
        | FaultKind::Reassign { .. }
        | FaultKind::UncleanElection
        | FaultKind::AbortHanging { .. }
        | FaultKind::AddBroker => false,
    }
}

/// Whether every record that is acknowledged is on two hosts at least, those of Kafka's own topics
/// too.
fn survives_a_loss(scenario: &Scenario) -> bool {
    let cluster = &scenario.cluster.config;
    let of_cluster = cluster.int("min.insync.replicas");
    let min_isr = |topic: &Topic| match topic.config.get("min.insync.replicas") {
        Some(ConfigValue::Int(own)) => *own,
        _ => of_cluster,
    };
    let two = |replication: i64, min_isr: i64| replication >= 3 && min_isr >= 2;
    let own = scenario.topics.iter().all(|t| two(i64::from(t.replication), min_isr(t)));
    let groups = scenario.services.iter().any(|service| service.group.is_some());
    let transactions = scenario.services.iter().any(|service| service.transactional);
    let offsets = two(cluster.int("offsets.topic.replication.factor"), of_cluster);
    let states = two(
        cluster.int("transaction.state.log.replication.factor"),
        cluster.int("transaction.state.log.min.isr"),
    );
    own && (!groups || offsets) && (!transactions || states)
}
