//! The kinds of faults that a seed may make up, and how each is drawn.

use broker_model::types::MILLISECOND;
use scenarios::model::{Cut, Drawn, FaultKind, Ratio, Search, Target};

use super::budget::{Budget, is_lossy};
use super::ground::{Focus, Ground};
use super::{SHORTEST, magnitude, messages, pick};
use crate::prng::Stream;

const NONE: Drawn = Drawn { low: 0, high: 0 };

/// Every kind that is drawn, with nothing drawn of it, as often as its weight says: moves of leaders and held back
/// messages open more races than anything else (they need not wait for a timeout).
const WEIGHTS: &[(FaultKind, usize)] = &[
    (FaultKind::BrokerKill, 2),
    (FaultKind::BrokerPause, 2),
    (FaultKind::BrokerStop, 2),
    (FaultKind::BrokerPowerCut, 2),
    (FaultKind::Partition { cut: Cut::Full }, 2),
    (FaultKind::SlowDisk { factor: Ratio::ONE }, 1),
    (FaultKind::FullDisk, 1),
    (FaultKind::DiskFailure { directory: None }, 1),
    (FaultKind::SlowLink { latency: NONE, factor: Ratio::ONE }, 1),
    (FaultKind::Delay { message: None, to: None, latency: NONE }, 3),
    (FaultKind::ConnectionLoss { probability: Ratio::ONE }, 1),
    (FaultKind::ServiceKill, 2),
    (FaultKind::ServiceStop, 1),
    (FaultKind::ServicePause, 2),
    (FaultKind::ControllerKill, 1),
    (FaultKind::RestartAll, 1),
    (FaultKind::LeaderMove { to: None }, 3),
    (FaultKind::Reassign { replicas: None, throttle: None }, 1),
    (FaultKind::UncleanElection, 1),
];

const CUTS: &[Cut] =
    &[Cut::Full, Cut::Inbound, Cut::Outbound, Cut::Brokers, Cut::Controller, Cut::Clients];

/// The kinds of one run, each as often as its weight.
pub(super) fn of_a_run(
    ground: &Ground<'_>,
    (search, budget): (&Search, Budget),
    draws: &mut Stream,
) -> Vec<FaultKind> {
    let fits = |kind: FaultKind| is_possible(kind, ground) && budget.allows(kind);
    let here: Vec<(FaultKind, usize)> =
        WEIGHTS.iter().copied().filter(|(kind, _)| fits(*kind)).collect();
    let keep = search.keep;
    let mut kept: Vec<(FaultKind, usize)> =
        here.iter().copied().filter(|_| draws.chance(keep.numerator, keep.denominator)).collect();
    // A run that may lose something does, if it draws enough.
    let lossy: Vec<(FaultKind, usize)> =
        here.iter().copied().filter(|(kind, _)| is_lossy(*kind)).collect();
    if !lossy.is_empty() && !kept.iter().any(|(kind, _)| is_lossy(*kind)) {
        kept.push(*pick(draws, &lossy));
    }
    if kept.is_empty() && !here.is_empty() {
        kept.push(*pick(draws, &here));
    }
    kept.into_iter().flat_map(|(kind, weight)| std::iter::repeat_n(kind, weight)).collect()
}

/// One broker has nobody to whom a leader or a replica could move.
fn is_possible(kind: FaultKind, ground: &Ground<'_>) -> bool {
    match kind {
        FaultKind::LeaderMove { .. } | FaultKind::Reassign { .. } | FaultKind::UncleanElection => {
            ground.brokers() > 1
        }
        _ => true,
    }
}

/// The kind with its parameters, and whom it hits.
pub(super) fn drawn(
    mut kind: FaultKind,
    ground: &Ground<'_>,
    focus: &Focus,
    draws: &mut Stream,
) -> (FaultKind, Target) {
    let (topic, partition) = (focus.topic.clone(), focus.partition);
    let target = match &mut kind {
        FaultKind::Partition { cut } => {
            *cut = *pick(draws, CUTS);
            ground.network(focus, draws)
        }
        FaultKind::SlowDisk { factor } => {
            factor.numerator = magnitude(draws, 2, 1_000);
            ground.node(focus, draws)
        }
        FaultKind::SlowLink { latency, .. } => {
            *latency = Drawn::fixed(magnitude(draws, SHORTEST, 1_000 * MILLISECOND));
            ground.network(focus, draws)
        }
        FaultKind::Delay { message, latency, .. } => {
            // Those that follow upon the one that the group begins at, or any.
            let same = focus.message.filter(|_| draws.chance(1, 2));
            let kind = same.unwrap_or_else(|| ground.message(draws));
            *message = Some(kind);
            *latency = Drawn::fixed(ground.length(draws, MILLISECOND));
            messages::sender(kind, ground, focus, draws)
        }
        FaultKind::ConnectionLoss { probability } => {
            *probability = Ratio { numerator: draws.between(1, 9), denominator: 10 };
            sender(ground, focus, draws)
        }
        FaultKind::BrokerPause | FaultKind::BrokerStop => ground.node(focus, draws),
        FaultKind::ServiceKill | FaultKind::ServiceStop | FaultKind::ServicePause => {
            ground.instance(draws)
        }
        FaultKind::ControllerKill => ground.controller(draws),
        FaultKind::RestartAll => Target::AllBrokers,
        FaultKind::LeaderMove { to } => {
            let broker = draws.between(1, u64::from(ground.brokers())) as u32;
            *to = draws.chance(3, 4).then_some(broker);
            Target::Partition { topic, partition }
        }
        FaultKind::Reassign { .. } | FaultKind::UncleanElection => {
            Target::Partition { topic, partition }
        }
        _ => ground.broker(focus, draws),
    };
    (kind, target)
}

/// Anybody who sends.
fn sender(ground: &Ground<'_>, focus: &Focus, draws: &mut Stream) -> Target {
    if draws.chance(1, 3) { ground.instance(draws) } else { ground.node(focus, draws) }
}
