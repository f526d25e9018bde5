//! The kinds of faults that a seed may make up, and how each is drawn.

use broker_model::types::MILLISECOND;
use scenarios::model::{Api, Cut, Drawn, FaultKind, MessageKind, Ratio, Search, Target};

use super::budget::Budget;
use super::ground::{Focus, Ground};
use super::{SHORTEST, magnitude, pick};
use crate::prng::Stream;

const NONE: Drawn = Drawn { low: 0, high: 0 };

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
pub(super) fn of_a_run(
    ground: &Ground<'_>,
    (search, budget): (&Search, Budget),
    draws: &mut Stream,
) -> Vec<Class> {
    let fits = |class: Class| class.is_possible(ground) && budget.allows(class);
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
    /// The kind, with nothing drawn of it.
    pub(super) const fn plain(self) -> FaultKind {
        match self {
            Self::Kill => FaultKind::BrokerKill,
            Self::Pause => FaultKind::BrokerPause,
            Self::Stop => FaultKind::BrokerStop,
            Self::PowerCut => FaultKind::BrokerPowerCut,
            Self::Cut => FaultKind::Partition { cut: Cut::Full },
            Self::SlowDisk => FaultKind::SlowDisk { factor: Ratio::ONE },
            Self::FullDisk => FaultKind::FullDisk,
            Self::DiskFailure => FaultKind::DiskFailure { directory: None },
            Self::SlowLink => FaultKind::SlowLink { latency: NONE, factor: Ratio::ONE },
            Self::Delay => FaultKind::Delay {
                message: MessageKind { api: Api::Fetch, answer: false },
                to: None,
                latency: NONE,
            },
            Self::ConnectionLoss => FaultKind::ConnectionLoss { probability: Ratio::ONE },
            Self::ServiceKill => FaultKind::ServiceKill,
            Self::ServiceStop => FaultKind::ServiceStop,
            Self::ServicePause => FaultKind::ServicePause,
            Self::ControllerKill => FaultKind::ControllerKill,
            Self::RestartAll => FaultKind::RestartAll,
            Self::LeaderMove => FaultKind::LeaderMove { to: None },
            Self::Reassign => FaultKind::Reassign { replicas: None, throttle: None },
            Self::UncleanElection => FaultKind::UncleanElection,
        }
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
        let (topic, partition) = (focus.topic.clone(), focus.partition);
        let mut kind = self.plain();
        let target = match &mut kind {
            FaultKind::Partition { cut } => {
                *cut = *pick(draws, CUTS);
                node(ground, focus, draws)
            }
            FaultKind::SlowDisk { factor } => {
                factor.numerator = magnitude(draws, 2, 1_000);
                node(ground, focus, draws)
            }
            FaultKind::SlowLink { latency, .. } => {
                *latency = Drawn::fixed(magnitude(draws, SHORTEST, 1_000 * MILLISECOND));
                node(ground, focus, draws)
            }
            FaultKind::Delay { message, latency, .. } => {
                *message = ground.message(draws);
                *latency = Drawn::fixed(magnitude(draws, MILLISECOND, ground.duration));
                sender(ground, focus, draws)
            }
            FaultKind::ConnectionLoss { probability } => {
                *probability = Ratio { numerator: draws.between(1, 9), denominator: 10 };
                sender(ground, focus, draws)
            }
            FaultKind::BrokerPause | FaultKind::BrokerStop => node(ground, focus, draws),
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
}

/// A broker, or now and then a controller.
fn node(ground: &Ground<'_>, focus: &Focus, draws: &mut Stream) -> Target {
    if draws.chance(1, 6) { ground.controller(draws) } else { ground.broker(focus, draws) }
}

/// Anybody who sends.
fn sender(ground: &Ground<'_>, focus: &Focus, draws: &mut Stream) -> Target {
    if draws.chance(1, 3) { ground.instance(draws) } else { node(ground, focus, draws) }
}
