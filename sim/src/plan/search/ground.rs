//! What there is to hit in a scenario.

use broker_model::broker::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC};
use broker_model::types::{Duration, MILLISECOND};
use scenarios::Scenario;
use scenarios::model::{Api, KafkaConfig, MessageKind, Service, Target};

use super::{TIMEOUT_SHARE, magnitude, messages, pick};
use crate::prng::Stream;

/// One of so many groups of faults looks at a partition of an internal topic.
const INTERNAL_SHARE: u64 = 3;

/// One of so many faults of a service hits all its instances, as a deployment does.
const ALL_INSTANCES_SHARE: u64 = 4;
/// One of so many faults of the network is that of all brokers.
const ALL_BROKERS_SHARE: u64 = 8;

/// How long the cluster waits for somebody.
const TIMEOUTS_OF_BROKERS: &[&str] = &[
    "broker.session.timeout.ms",
    "replica.lag.time.max.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
    "group.consumer.session.timeout.ms",
];
/// How long a producer waits, or is waited for.
const TIMEOUTS_OF_PRODUCERS: &[&str] =
    &["request.timeout.ms", "delivery.timeout.ms", "transaction.timeout.ms"];
/// How long a member of a group is waited for.
const TIMEOUTS_OF_CONSUMERS: &[&str] = &["session.timeout.ms"];

/// What there is to hit.
pub(super) struct Ground<'a> {
    scenario: &'a Scenario,
    /// Of the load phase.
    pub(super) duration: Duration,
    partitions: Vec<Focus>,
    internal: Vec<Focus>,
    groups: Vec<&'a str>,
    transactional_ids: Vec<String>,
    /// Those of this run that are no longer than it is.
    timeouts: Vec<Duration>,
}

/// What a group of faults is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Focus {
    pub(super) topic: String,
    pub(super) partition: u32,
    /// The message at which the group begins.
    pub(super) message: Option<MessageKind>,
}

impl<'a> Ground<'a> {
    pub(super) fn of(scenario: &'a Scenario) -> Self {
        let services = &scenario.services;
        let mut groups: Vec<&str> =
            services.iter().filter_map(|service| service.group.as_deref()).collect();
        groups.sort_unstable();
        groups.dedup();
        let transactional_ids: Vec<String> = services
            .iter()
            .filter(|service| service.transactional)
            .flat_map(|s| s.transactional_ids.all(&s.name, s.instances))
            .collect();
        let partitions_of = |topic: &str, count: u32| {
            let topic = topic.to_owned();
            (0..count).map(move |partition| Focus {
                topic: topic.clone(),
                partition,
                message: None,
            })
        };
        let topics = scenario.topics.iter();
        let count = |key| u32::try_from(scenario.cluster.config.int(key)).unwrap_or(1);
        let mut internal = Vec::new();
        if !groups.is_empty() {
            internal.extend(partitions_of(OFFSETS_TOPIC, count("offsets.topic.num.partitions")));
        }
        if !transactional_ids.is_empty() {
            let count = count("transaction.state.log.num.partitions");
            internal.extend(partitions_of(TRANSACTIONS_TOPIC, count));
        }
        Self {
            scenario,
            duration: scenario.duration,
            partitions: topics.flat_map(|t| partitions_of(&t.name, t.partitions)).collect(),
            internal,
            groups,
            transactional_ids,
            timeouts: timeouts(scenario),
        }
    }

    /// How long something lasts, from `least` to the duration of the run: each order of magnitude as
    /// likely as any other, or from half of a timeout of this run to twice as long.
    pub(super) fn length(&self, draws: &mut Stream, least: Duration) -> Duration {
        if self.timeouts.is_empty() || !draws.chance(1, TIMEOUT_SHARE) {
            return magnitude(draws, least, self.duration);
        }
        let timeout = *pick(draws, &self.timeouts);
        draws.between(timeout / 2, 2 * timeout).clamp(least, self.duration)
    }

    #[cfg(test)]
    pub(super) fn timeouts(&self) -> &[Duration] {
        &self.timeouts
    }

    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    pub(super) fn has_transactions(&self) -> bool {
        !self.transactional_ids.is_empty()
    }

    pub(super) fn brokers(&self) -> u32 {
        self.scenario.cluster.brokers
    }

    pub(super) fn controllers(&self) -> u32 {
        self.scenario.cluster.controllers
    }

    pub(super) fn focus(&self, draws: &mut Stream) -> Focus {
        let internal = !self.internal.is_empty() && draws.chance(1, INTERNAL_SHARE);
        let from = if internal { &self.internal } else { &self.partitions };
        pick(draws, from).clone()
    }

    /// A broker: mostly one that has a role for the focus.
    pub(super) fn broker(&self, focus: &Focus, draws: &mut Stream) -> Target {
        let (topic, partition) = (focus.topic.clone(), focus.partition);
        match draws.below(8) {
            0..=2 => Target::LeaderOf { topic, partition },
            3 | 4 => Target::FollowerOf { topic, partition },
            5 => self.coordinator(draws),
            _ => self.any_broker(draws),
        }
    }

    fn any_broker(&self, draws: &mut Stream) -> Target {
        Target::Broker(draws.between(1, u64::from(self.brokers())) as u32)
    }

    fn coordinator(&self, draws: &mut Stream) -> Target {
        let (groups, ids) = (self.groups.len() as u64, self.transactional_ids.len() as u64);
        if groups + ids == 0 {
            return self.any_broker(draws);
        }
        if draws.chance(groups, groups + ids) {
            self.group_coordinator(draws)
        } else {
            self.transaction_coordinator(draws)
        }
    }

    /// Of a group; any broker where there is none.
    pub(super) fn group_coordinator(&self, draws: &mut Stream) -> Target {
        if self.groups.is_empty() {
            return self.any_broker(draws);
        }
        Target::GroupCoordinator((*pick(draws, &self.groups)).to_owned())
    }

    /// Of a transactional id; any broker where there is none.
    pub(super) fn transaction_coordinator(&self, draws: &mut Stream) -> Target {
        if self.transactional_ids.is_empty() {
            return self.any_broker(draws);
        }
        Target::TransactionCoordinator(pick(draws, &self.transactional_ids).clone())
    }

    /// A controller: mostly the active one.
    pub(super) fn controller(&self, draws: &mut Stream) -> Target {
        if draws.chance(2, 3) {
            return Target::Controller;
        }
        Target::ControllerNumber(draws.between(1, u64::from(self.controllers())) as u32)
    }

    /// An instance of a service.
    pub(super) fn instance(&self, draws: &mut Stream) -> Target {
        instance_of(pick(draws, &self.scenario.services), draws)
    }

    /// An instance of a service that does something; of any service if none does.
    pub(super) fn instance_that(
        &self,
        draws: &mut Stream,
        does: impl Fn(&Service) -> bool,
    ) -> Target {
        let such: Vec<&Service> = self.scenario.services.iter().filter(|s| does(s)).collect();
        if such.is_empty() {
            return self.instance(draws);
        }
        instance_of(such[draws.below(such.len() as u64) as usize], draws)
    }

    /// A broker, or now and then a controller.
    pub(super) fn node(&self, focus: &Focus, draws: &mut Stream) -> Target {
        if draws.chance(1, 6) { self.controller(draws) } else { self.broker(focus, draws) }
    }

    /// Whose network is hit: a node's, or now and then that of all brokers.
    pub(super) fn network(&self, focus: &Focus, draws: &mut Stream) -> Target {
        if draws.chance(1, ALL_BROKERS_SHARE) {
            return Target::AllBrokers;
        }
        self.node(focus, draws)
    }

    /// A kind of message that this scenario has.
    pub(super) fn message(&self, draws: &mut Stream) -> MessageKind {
        let here: Vec<Api> =
            MessageKind::apis().filter(|api| messages::has(self.scenario, *api)).collect();
        MessageKind { api: *pick(draws, &here), answer: draws.chance(1, 2) }
    }
}

fn instance_of(service: &Service, draws: &mut Stream) -> Target {
    let all = draws.chance(1, ALL_INSTANCES_SHARE);
    let instance = draws.below(u64::from(service.instances)) as u32;
    Target::Service { name: service.name.clone(), instance: (!all).then_some(instance) }
}

/// The timeouts of a run that are no longer than it is.
fn timeouts(scenario: &Scenario) -> Vec<Duration> {
    let of = |config: &KafkaConfig, keys: &[&str]| -> Vec<i64> {
        keys.iter().map(|key| config.int(key)).collect()
    };
    let mut found = of(&scenario.cluster.config, TIMEOUTS_OF_BROKERS);
    for service in &scenario.services {
        if service.writes().next().is_some() {
            found.extend(of(&service.producer, TIMEOUTS_OF_PRODUCERS));
        }
        if service.group.is_some() {
            found.extend(of(&service.consumer, TIMEOUTS_OF_CONSUMERS));
        }
    }
    let lengths = found.into_iter().filter_map(|ms| u64::try_from(ms).ok());
    let lengths = lengths.filter_map(|ms| ms.checked_mul(MILLISECOND));
    lengths.filter(|&length| length > 0 && length <= scenario.duration).collect()
}
