//! The kinds of faults that a seed may make up, and how each is drawn.

use broker_model::types::MILLISECOND;
use scenarios::model::{Cut, Drawn, FaultKind, Ratio, Search, Target};

use super::ground::{Focus, Ground};
use super::{SHORTEST, magnitude, pick};
use crate::prng::Stream;

/// In one of so many runs a host may lose what it holds.
const LOSSY_SHARE: u64 = 4;

/// A kind without what is drawn of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Kill,
    Pause,
    Stop,
    PowerCut,
    Cut,
    SlowDisk,
    FullDisk,
    DiskFailure,
    SlowLink,
    Delay,
    ConnectionLoss,
    ServiceKill,
    ServiceStop,
    ServicePause,
    ControllerKill,
    RestartAll,
    LeaderMove,
    Reassign,
    UncleanElection,
}

/// Every class, as often as its weight says: moves of leaders and held back messages open more
/// races than anything else (they need not wait for a timeout).
const WEIGHTS: &[(Class, usize)] = &[
    (Class::Kill, 2),
    (Class::Pause, 2),
    (Class::Stop, 2),
    (Class::PowerCut, 2),
    (Class::Cut, 2),
    (Class::SlowDisk, 1),
    (Class::FullDisk, 1),
    (Class::DiskFailure, 1),
    (Class::SlowLink, 1),
    (Class::Delay, 3),
    (Class::ConnectionLoss, 1),
    (Class::ServiceKill, 2),
    (Class::ServiceStop, 1),
    (Class::ServicePause, 2),
    (Class::ControllerKill, 1),
    (Class::RestartAll, 1),
    (Class::LeaderMove, 3),
    (Class::Reassign, 1),
    (Class::UncleanElection, 1),
];

const CUTS: &[Cut] =
    &[Cut::Full, Cut::Inbound, Cut::Outbound, Cut::Brokers, Cut::Controller, Cut::Clients];

/// The classes of one run, each as often as its weight.
pub(super) fn of_a_run(ground: &Ground<'_>, search: &Search, draws: &mut Stream) -> Vec<Class> {
    let may_lose = ground.survives_a_loss() && draws.chance(1, LOSSY_SHARE);
    let fits = |class: Class| match class {
        _ if !class.is_possible(ground) => false,
        _ if search.beyond_spec => true,
        Class::UncleanElection => false,
        _ if class.is_lossy() => may_lose,
        // After two ends by force at once nobody may know any more who has everything.
        _ if class.ends_by_force() => !may_lose,
        _ => true,
    };
    let here: Vec<(Class, usize)> =
        WEIGHTS.iter().copied().filter(|(class, _)| fits(*class)).collect();
    let keep = search.keep;
    let mut kept: Vec<(Class, usize)> =
        here.iter().copied().filter(|_| draws.chance(keep.numerator, keep.denominator)).collect();
    if kept.is_empty() && !here.is_empty() {
        kept.push(*pick(draws, &here));
    }
    kept.into_iter().flat_map(|(class, weight)| std::iter::repeat_n(class, weight)).collect()
}

impl Class {
    /// Whether somebody may lose what was stored.
    pub(super) const fn is_lossy(self) -> bool {
        matches!(self, Self::PowerCut | Self::DiskFailure)
    }

    const fn ends_by_force(self) -> bool {
        matches!(self, Self::Kill | Self::RestartAll | Self::FullDisk)
    }

    /// Whether it lasts, and ends.
    pub(super) const fn lasts(self) -> bool {
        !matches!(self, Self::LeaderMove | Self::Reassign | Self::UncleanElection)
    }

    fn is_possible(self, ground: &Ground<'_>) -> bool {
        match self {
            Self::LeaderMove | Self::Reassign | Self::UncleanElection => ground.brokers() > 1,
            _ => true,
        }
    }

    /// The kind with its parameters, and whom it hits.
    pub(super) fn drawn(
        self,
        ground: &Ground<'_>,
        focus: &Focus,
        draws: &mut Stream,
    ) -> (FaultKind, Target) {
        let broker = |draws: &mut Stream| ground.broker(focus, draws);
        let (topic, partition) = (focus.topic.clone(), focus.partition);
        match self {
            Self::Kill => (FaultKind::BrokerKill, broker(draws)),
            Self::Pause => (FaultKind::BrokerPause, node(ground, focus, draws)),
            Self::Stop => (FaultKind::BrokerStop, node(ground, focus, draws)),
            Self::PowerCut => (FaultKind::BrokerPowerCut, broker(draws)),
            Self::Cut => {
                (FaultKind::Partition { cut: *pick(draws, CUTS) }, node(ground, focus, draws))
            }
            Self::SlowDisk => {
                let factor = Ratio { numerator: magnitude(draws, 2, 1_000), denominator: 1 };
                (FaultKind::SlowDisk { factor }, node(ground, focus, draws))
            }
            Self::FullDisk => (FaultKind::FullDisk, broker(draws)),
            Self::DiskFailure => (FaultKind::DiskFailure { directory: None }, broker(draws)),
            Self::SlowLink => {
                let latency = Drawn::fixed(magnitude(draws, SHORTEST, 1_000 * MILLISECOND));
                (FaultKind::SlowLink { latency, factor: Ratio::ONE }, node(ground, focus, draws))
            }
            Self::Delay => {
                let message = ground.message(draws);
                let latency = Drawn::fixed(magnitude(draws, MILLISECOND, ground.duration));
                (FaultKind::Delay { message, to: None, latency }, sender(ground, focus, draws))
            }
            Self::ConnectionLoss => {
                let probability = Ratio { numerator: draws.between(1, 9), denominator: 10 };
                (FaultKind::ConnectionLoss { probability }, sender(ground, focus, draws))
            }
            Self::ServiceKill => (FaultKind::ServiceKill, ground.instance(draws)),
            Self::ServiceStop => (FaultKind::ServiceStop, ground.instance(draws)),
            Self::ServicePause => (FaultKind::ServicePause, ground.instance(draws)),
            Self::ControllerKill => (FaultKind::ControllerKill, ground.controller(draws)),
            Self::RestartAll => (FaultKind::RestartAll, Target::AllBrokers),
            Self::LeaderMove => {
                let to = draws.between(1, u64::from(ground.brokers())) as u32;
                let to = draws.chance(3, 4).then_some(to);
                (FaultKind::LeaderMove { to }, Target::Partition { topic, partition })
            }
            Self::Reassign => (
                FaultKind::Reassign { replicas: None, throttle: None },
                Target::Partition { topic, partition },
            ),
            Self::UncleanElection => {
                (FaultKind::UncleanElection, Target::Partition { topic, partition })
            }
        }
    }
}

/// A broker, or now and then a controller.
fn node(ground: &Ground<'_>, focus: &Focus, draws: &mut Stream) -> Target {
    if draws.chance(1, 6) { ground.controller(draws) } else { ground.broker(focus, draws) }
}

/// Anybody who sends.
fn sender(ground: &Ground<'_>, focus: &Focus, draws: &mut Stream) -> Target {
    if draws.chance(1, 3) { ground.instance(draws) } else { node(ground, focus, draws) }
}
