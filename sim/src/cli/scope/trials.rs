//! What there is to be tried around one run: every crash, every message, every race.

use std::collections::BTreeMap;

use broker_model::types::{Duration, Instant};
use clap::ValueEnum;
use reports::number::grouped;
use scenarios::model::Target;

use crate::cli::exit::Failure;
use crate::cli::scene::Scene;
use crate::world::{FIRST_CONTROLLER, Party, Posted, World};

/// What is done to one run, once in each of its variants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(in crate::cli) enum Kind {
    /// A process is killed behind something that it did
    Crash,
    /// A message is lost, and its connection with it
    Lose,
    /// A message is late, and what follows it on its connection
    Late,
    /// Of two messages to one receiver, under way at a time, the second one comes first
    Race,
}

impl Kind {
    /// All of them, in the order in which they are tried.
    pub(super) const ALL: [Self; 4] = [Self::Crash, Self::Lose, Self::Late, Self::Race];

    /// Its name, as a flag has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Lose => "lose",
            Self::Late => "late",
            Self::Race => "race",
        }
    }

    /// What one of its variants is.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Crash => "a crash",
            Self::Lose => "a lost message",
            Self::Late => "a late message",
            Self::Race => "a race turned round",
        }
    }

    /// So many of its variants, as in `1 crash` and `2,400 crashes`.
    pub(super) fn counted(self, count: u64) -> String {
        let (one, several) = match self {
            Self::Crash => ("crash", "crashes"),
            Self::Lose => ("lost message", "lost messages"),
            Self::Late => ("late message", "late messages"),
            Self::Race => ("race turned round", "races turned round"),
        };
        format!("{} {}", grouped(count), if count == 1 { one } else { several })
    }
}

/// A fault that makes a run another one, as a flag has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Trial {
    /// What it does.
    pub(super) kind: Kind,
    /// The fault, as a value of the scenario language.
    pub(super) fault: String,
}

impl Trial {
    /// The scene with the fault behind its own.
    ///
    /// # Errors
    /// When the scenario does not take it.
    pub(super) fn fault_in(&self, scene: &Scene) -> Result<Scene, Failure> {
        let number = scene.scenario.faults.len() + 1;
        scene.with_flag(&format!("fault.{number}"), &self.fault)
    }
}

/// How long things last, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lasting {
    /// How long who was killed is down.
    pub(super) down: Duration,
    /// How much later a late message comes.
    pub(super) late: Duration,
}

/// The name of a party as the target of a fault; none for the administrator.
fn target(world: &World, party: Party) -> Option<String> {
    match party {
        Party::Broker(id) => Some(format!("broker:{id}")),
        Party::Controller(id) => Some(format!("controller:{}", id.0 - FIRST_CONTROLLER + 1)),
        Party::Client(_) => {
            let name = world.party_name(party);
            let numbered = name.rsplit_once('/').is_some_and(|(_, n)| n.parse::<u32>().is_ok());
            numbered.then(|| format!("service:{name}"))
        }
    }
}

/// The crash of a process behind each of these instants, in nanoseconds into the load.
pub(super) fn crashes(target: &Target, steps: &[u64], lasting: Lasting) -> Vec<Trial> {
    let kind = match target {
        Target::Broker(_) => "broker-kill",
        Target::ControllerNumber(_) => "controller-kill",
        _ => "service-kill",
    };
    let down = lasting.down;
    let of = |at: &u64| Trial {
        kind: Kind::Crash,
        fault: format!("{{kind=\"{kind}\",target=\"{target}\",at=\"{at}ns\",for=\"{down}ns\"}}"),
    };
    steps.iter().map(of).collect()
}

/// Each message of a run lost once, late once, and behind the one that came after it.
pub(super) fn messages(world: &World, lasting: Lasting) -> Vec<Trial> {
    let from = world.faults_from();
    let posted: Vec<&Posted> = world.posted().collect();
    let mut trials = Vec::new();
    let mut once = BTreeMap::new();
    for message in &posted {
        let Some(sender) = target(world, message.from) else { continue };
        // A fault tells messages of one instant to different services apart by nothing.
        let to = broker(message.to);
        if once.insert((message.sent, sender.clone(), to), ()).is_none() {
            let at = window(message.sent, from);
            trials.push(Trial { kind: Kind::Lose, fault: loss(&sender, at) });
            trials.push(Trial { kind: Kind::Late, fault: delay(&sender, to, at, lasting.late) });
        }
    }
    for (first, second) in races(&posted) {
        let Some(sender) = target(world, first.from) else { continue };
        let later = second.arrives.since(first.arrives) + 1;
        let fault = delay(&sender, broker(first.to), window(first.sent, from), later);
        trials.push(Trial { kind: Kind::Race, fault });
    }
    trials
}

/// Neighbors among what comes to one receiver over different connections, of which the second one
/// was sent before the first had come.
fn races<'a>(posted: &[&'a Posted]) -> Vec<(&'a Posted, &'a Posted)> {
    let mut by_receiver: BTreeMap<Party, Vec<&Posted>> = BTreeMap::new();
    for &message in posted {
        by_receiver.entry(message.to).or_default().push(message);
    }
    let mut races = Vec::new();
    for mut received in by_receiver.into_values() {
        received.sort_by_key(|message| message.arrives);
        let pairs = received.windows(2).map(|pair| (pair[0], pair[1]));
        races.extend(pairs.filter(|(first, second)| {
            first.connection != second.connection && second.sent < first.arrives
        }));
    }
    races.sort_by_key(|(first, _)| first.sent);
    races
}

const fn broker(party: Party) -> Option<u32> {
    match party {
        Party::Broker(id) => Some(id.0),
        Party::Controller(_) | Party::Client(_) => None,
    }
}

/// From when, in nanoseconds into the load, a fault of two nanoseconds meets what is sent at an
/// instant and nothing else.
fn window(sent: Instant, from: Instant) -> u64 {
    sent.since(from).saturating_sub(1)
}

fn loss(sender: &str, at: u64) -> String {
    format!("{{kind=\"connection-loss\",target=\"{sender}\",at=\"{at}ns\",for=\"2ns\"}}")
}

fn delay(sender: &str, to: Option<u32>, at: u64, latency: Duration) -> String {
    let to = to.map_or(String::new(), |id| format!("to=\"broker:{id}\","));
    format!(
        "{{kind=\"delay\",target=\"{sender}\",{to}at=\"{at}ns\",for=\"2ns\",latency=\"{latency}ns\"}}"
    )
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, NodeId};

    use super::{Party, Posted, races};

    fn message(connection: u32, from: u32, sent: u64, arrives: u64) -> Posted {
        Posted {
            from: Party::Broker(NodeId(from)),
            to: Party::Broker(NodeId(9)),
            connection,
            sent: Instant(sent),
            arrives: Instant(arrives),
        }
    }

    fn found(posted: &[Posted]) -> Vec<(u64, u64)> {
        let posted: Vec<&Posted> = posted.iter().collect();
        races(&posted).iter().map(|(a, b)| (a.sent.0, b.sent.0)).collect()
    }

    #[test]
    fn a_race_is_between_two_that_are_under_way_at_a_time_on_two_connections() {
        assert_eq!(found(&[message(1, 1, 10, 30), message(2, 2, 20, 40)]), [(10, 20)]);
        assert_eq!(found(&[message(2, 2, 20, 40), message(1, 1, 30, 35)]), [(30, 20)]);
    }

    #[test]
    fn what_is_in_order_anyway_is_none() {
        let same = [message(1, 1, 10, 30), message(1, 1, 20, 40)];
        assert_eq!(found(&same), [], "one connection keeps its order");
        let answer = [message(1, 1, 10, 30), message(2, 2, 30, 40)];
        assert_eq!(found(&answer), [], "it may be sent because the first one came");
        let mut elsewhere = message(2, 2, 20, 40);
        elsewhere.to = Party::Broker(NodeId(8));
        assert_eq!(found(&[message(1, 1, 10, 30), elsewhere]), []);
    }
}
