//! `[[fault]]` and `[swarm]`.

use crate::decode::event::{broker, event, message_kind};
use crate::decode::place::{name, number, topic_partition};
use crate::decoder::{Decoder, Fields, Problem};
use crate::model::fault::{Cut, Fault, FaultKind, Swarm, Target, Trigger};
use crate::model::message::{Api, MessageKind};
use crate::model::quantity::{Drawn, Ratio};
use crate::spec;
use crate::tree::{Node, Value};
use crate::units::Wrong;
use crate::values;

const DEFAULT_FACTOR: Ratio = Ratio { numerator: 10, denominator: 1 };

/// Kinds with their parameters at their defaults, in the order of the reference, and what they do.
pub(crate) const FAULT_KINDS: &[(&str, FaultKind, &str)] = &[
    ("broker-kill", FaultKind::BrokerKill, "the process dies; its page cache stays"),
    ("broker-power-cut", FaultKind::BrokerPowerCut, "the host dies; what was not flushed is lost"),
    ("broker-pause", FaultKind::BrokerPause, "the process stands still, connections stay open"),
    ("broker-stop", FaultKind::BrokerStop, "controlled shutdown"),
    ("partition", FaultKind::Partition { cut: Cut::Full }, "links are cut, see `cut`"),
    (
        "slow-disk",
        FaultKind::SlowDisk { factor: DEFAULT_FACTOR },
        "the disk is `factor` times \
        slower",
    ),
    ("full-disk", FaultKind::FullDisk, "writes fail"),
    (
        "disk-failure",
        FaultKind::DiskFailure { directory: None },
        "all I/O in one of `log.dirs` fails, the one that `directory` names or any; when the fault \
        ends an empty disk replaces it and the broker starts again",
    ),
    (
        "bit-rot",
        FaultKind::BitRot,
        "one batch that the target's replica holds is spoiled for good, on its disk and in its \
        memory: its checksum does not match; the target is `leader-of:` or `follower-of:`",
    ),
    (
        "slow-link",
        FaultKind::SlowLink { latency: Drawn { low: 0, high: 0 }, factor: Ratio::ONE },
        "messages from and to the target take `latency` longer, `factor` times less bandwidth",
    ),
    (
        "delay",
        FaultKind::Delay {
            message: MessageKind { api: Api::Fetch, answer: false },
            to: None,
            latency: Drawn { low: 0, high: 0 },
        },
        "each `message` that the target sends, to the broker `to` if one is named, takes \
        `latency` longer, and whatever follows it on its connection waits behind it",
    ),
    (
        "connection-loss",
        FaultKind::ConnectionLoss { probability: Ratio::ONE },
        "connections of the target break",
    ),
    ("service-kill", FaultKind::ServiceKill, "instances die, wherever they are"),
    ("service-pause", FaultKind::ServicePause, "instances stand still and come back as zombies"),
    ("controller-kill", FaultKind::ControllerKill, "a controller dies, the active one by default"),
    ("restart-all", FaultKind::RestartAll, "all brokers are killed at once"),
    (
        "leader-move",
        FaultKind::LeaderMove { to: None },
        "a partition's leader moves without any crash: to the preferred replica, or to the broker \
        `to`, which an administrator first makes the preferred one",
    ),
];

const CUTS: &[(&str, Cut)] = &[
    ("full", Cut::Full),
    ("inbound", Cut::Inbound),
    ("outbound", Cut::Outbound),
    ("brokers", Cut::Brokers),
    ("controller", Cut::Controller),
    ("clients", Cut::Clients),
];

/// A kind's name in files.
impl FaultKind {
    /// The names of all kinds, in the order of the manual.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FAULT_KINDS.iter().map(|&(name, ..)| name)
    }

    /// Its name in files and reports.
    ///
    /// # Panics
    /// Never: every kind is in the table, and a test says so.
    #[must_use]
    pub fn name(self) -> &'static str {
        FAULT_KINDS
            .iter()
            .find(|(_, k, _)| std::mem::discriminant(k) == std::mem::discriminant(&self))
            .map(|(name, _, _)| *name)
            .expect("every kind is in the table")
    }
}

impl Cut {
    /// Its name in files and reports.
    ///
    /// # Panics
    /// Never: every cut is in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = CUTS.iter().find(|(_, cut)| *cut == self);
        found.expect("every cut is in the table").0
    }
}

/// All of `[[fault]]`.
pub(super) fn faults(decoder: &mut Decoder, node: Option<&Node>) -> Vec<Fault> {
    let Some(node) = node else { return Vec::new() };
    let Value::Array(items) = &node.value else {
        decoder.raise(
            Problem::new("scenario::type", "faults are an array of tables")
                .at(&node.place, "this is not")
                .help("write [[fault]] with two brackets"),
        );
        return Vec::new();
    };
    if items.len() > super::ENTRIES_MAX {
        decoder.raise(
            Problem::new("scenario::too-many", "more than 1000 faults")
                .at(&items[super::ENTRIES_MAX].place, "one too many"),
        );
    }
    let items = &items[..items.len().min(super::ENTRIES_MAX)];
    items.iter().enumerate().filter_map(|(i, item)| fault(decoder, item, i)).collect()
}

/// One fault. None only when its kind is unknown: then nothing more can be said about it.
fn fault(decoder: &mut Decoder, node: &Node, index: usize) -> Option<Fault> {
    let path = format!("fault[{}]", index + 1);
    let t = decoder.open(node, &path, &spec::FAULT, &[])?;
    let kind = t.require(decoder, "kind", |value| {
        let word = values::text(value)?;
        FAULT_KINDS
            .iter()
            .find(|(name, _, _)| *name == word)
            .map(|(_, kind, _)| *kind)
            .ok_or_else(|| values::unknown_word(&word, FAULT_KINDS.iter().map(|k| k.0)))
    });
    let trigger = trigger(decoder, &t);
    let duration = t.read(decoder, "for", values::positive_drawn_duration);
    let chance = t.read(decoder, "chance", values::probability).unwrap_or(Ratio::ONE);
    let given = t.read(decoder, "name", values::name);
    let kind = parameters(decoder, &t, kind?);
    let target = target(decoder, &t, kind);
    let at_once = match kind {
        FaultKind::LeaderMove { .. } => Some("a leader moves at once, there is nothing to heal"),
        FaultKind::BitRot => Some("what is spoiled stays spoiled"),
        _ => None,
    };
    if let Some(why) = at_once {
        t.refuse(decoder, &["for"], why);
    }
    let name = given.unwrap_or_else(|| format!("{}-{}", kind.name(), index + 1));
    Some(Fault { name, kind, target, trigger, duration, chance })
}

/// The parameters of a kind; others are refused.
fn parameters(decoder: &mut Decoder, t: &Fields<'_>, kind: FaultKind) -> FaultKind {
    let mut unused = vec!["cut", "factor", "latency", "probability", "message", "to", "directory"];
    let mut take = |key| unused.retain(|k| *k != key);
    let kind = match kind {
        FaultKind::Partition { cut } => {
            take("cut");
            let cut = t.read(decoder, "cut", values::choice(CUTS)).unwrap_or(cut);
            FaultKind::Partition { cut }
        }
        FaultKind::SlowDisk { factor } => {
            take("factor");
            let factor = t.read(decoder, "factor", values::factor).unwrap_or(factor);
            FaultKind::SlowDisk { factor }
        }
        FaultKind::SlowLink { latency, factor } => {
            take("factor");
            take("latency");
            let factor = t.read(decoder, "factor", values::factor).unwrap_or(factor);
            let read = t.require(decoder, "latency", values::drawn_duration);
            FaultKind::SlowLink { latency: read.unwrap_or(latency), factor }
        }
        FaultKind::Delay { message, latency, .. } => {
            ["message", "latency", "to"].into_iter().for_each(&mut take);
            FaultKind::Delay {
                message: t.require(decoder, "message", message_kind).unwrap_or(message),
                to: t.read(decoder, "to", broker),
                latency: t.require(decoder, "latency", values::drawn_duration).unwrap_or(latency),
            }
        }
        FaultKind::DiskFailure { .. } => {
            take("directory");
            let directory = t.read(decoder, "directory", values::count(1..=64));
            let directory = directory.and_then(|place| u32::try_from(place).ok());
            FaultKind::DiskFailure { directory }
        }
        FaultKind::LeaderMove { .. } => {
            take("to");
            FaultKind::LeaderMove { to: t.read(decoder, "to", broker) }
        }
        FaultKind::ConnectionLoss { probability } => {
            take("probability");
            let read = t.read(decoder, "probability", values::probability);
            FaultKind::ConnectionLoss { probability: read.unwrap_or(probability) }
        }
        other => other,
    };
    t.refuse(decoder, &unused, &format!("`{}` does not have it", kind.name()));
    kind
}

fn trigger(decoder: &mut Decoder, t: &Fields<'_>) -> Trigger {
    let at = t.read(decoder, "at", values::drawn_duration);
    let on = t.read(decoder, "on", event);
    let after = t.read(decoder, "after", values::drawn_duration);
    match (t.get("at"), t.get("on")) {
        (None, None) => decoder.raise(
            Problem::new("scenario::trigger", format!("`{}` says not when", t.path))
                .at(&t.place, "this fault")
                .help("add `at = \"20s..40s\"` or `on = \"append:orders/0#1000\"`"),
        ),
        (Some(at), Some(on)) => decoder.raise(
            Problem::new("scenario::trigger", format!("`{}` has two triggers", t.path))
                .at(&on.place, "a protocol event")
                .at(&at.place, "a time")
                .help("keep one; `after` delays a fault behind its event"),
        ),
        _ => {}
    }
    if t.get("on").is_none() {
        t.refuse(decoder, &["after"], "only behind a protocol event (`on`)");
    }
    match on {
        Some((event, nth)) => Trigger::On { event, nth, after: after.unwrap_or(Drawn::fixed(0)) },
        None => Trigger::At(at.unwrap_or(Drawn::fixed(0))),
    }
}

/// The target, or the kind's only sensible one.
fn target(decoder: &mut Decoder, t: &Fields<'_>, kind: FaultKind) -> Target {
    let default = match kind {
        FaultKind::ControllerKill => Some(Target::Controller),
        FaultKind::RestartAll => Some(Target::AllBrokers),
        _ => None,
    };
    let read = if let (Some(default), None) = (&default, t.get("target")) {
        return default.clone();
    } else {
        t.require(decoder, "target", read_target)
    };
    let Some(target) = read else { return Target::AllBrokers };
    let service = matches!(target, Target::Service { .. });
    let controller = matches!(target, Target::Controller | Target::ControllerNumber(_));
    let partition = matches!(target, Target::Partition { .. } | Target::LeaderOf { .. });
    let fits = match kind {
        FaultKind::ServiceKill | FaultKind::ServicePause => service,
        FaultKind::ControllerKill => controller,
        FaultKind::LeaderMove { .. } => partition,
        FaultKind::BitRot => {
            matches!(target, Target::LeaderOf { .. } | Target::FollowerOf { .. })
        }
        FaultKind::Partition { .. }
        | FaultKind::SlowLink { .. }
        | FaultKind::Delay { .. }
        | FaultKind::ConnectionLoss { .. } => !matches!(target, Target::Partition { .. }),
        FaultKind::BrokerPause
        | FaultKind::BrokerStop
        | FaultKind::BrokerPowerCut
        | FaultKind::SlowDisk { .. } => !service && !matches!(target, Target::Partition { .. }),
        _ => !service && !controller && !matches!(target, Target::Partition { .. }),
    };
    if let (false, Some(node)) = (fits, t.get("target")) {
        let wanted = match kind {
            FaultKind::ServiceKill | FaultKind::ServicePause => "a service, like \"service:NAME\"",
            FaultKind::ControllerKill => "\"controller\" or one like \"controller:1\"",
            FaultKind::BitRot => "a replica, like \"follower-of:TOPIC/0\"",
            FaultKind::LeaderMove { .. } => "a partition, like \"partition:TOPIC/0\"",
            _ => "a broker by role, like \"leader-of:TOPIC/0\" or \"random-broker\"",
        };
        decoder.raise(
            Problem::new("scenario::target", format!("`{}` cannot hit that target", kind.name()))
                .at(&node.place, "this target")
                .maybe_at(t.get("kind"), "this kind")
                .help(format!("it hits {wanted}")),
        );
    }
    target
}

/// Every form of a target, for messages and the reference.
pub(crate) const TARGETS: &[&str] = &[
    "leader-of:TOPIC/N",
    "follower-of:TOPIC/N",
    "coordinator-of:group/NAME",
    "coordinator-of:txn/ID",
    "controller",
    "controller:N",
    "broker:N",
    "rack:NAME",
    "service:NAME",
    "service:NAME/N",
    "all-brokers",
    "random-broker",
    "partition:TOPIC/N",
];

fn read_target(value: &Value) -> Result<Target, Wrong> {
    let text = values::text(value)?;
    let unknown = || {
        let short: String = text.chars().take(60).collect();
        Wrong::new("scenario::target", format!("{short:?} is no target"))
            .help(format!("one of {}", TARGETS.join(", ")))
    };
    let Some((role, what)) = text.split_once(':') else {
        return match text.as_str() {
            "controller" => Ok(Target::Controller),
            "all-brokers" => Ok(Target::AllBrokers),
            "random-broker" => Ok(Target::RandomBroker),
            _ => Err(unknown()),
        };
    };
    match role {
        "leader-of" => {
            let (topic, partition) = topic_partition(what)?;
            Ok(Target::LeaderOf { topic, partition })
        }
        "follower-of" => {
            let (topic, partition) = topic_partition(what)?;
            Ok(Target::FollowerOf { topic, partition })
        }
        "partition" => {
            let (topic, partition) = topic_partition(what)?;
            Ok(Target::Partition { topic, partition })
        }
        "coordinator-of" => match what.split_once('/') {
            Some(("group", group)) => Ok(Target::GroupCoordinator(name(group)?)),
            Some(("txn", id)) => Ok(Target::TransactionCoordinator(name(id)?)),
            _ => Err(unknown()),
        },
        "broker" => Ok(Target::Broker(number(what).ok_or_else(unknown)?)),
        "controller" => Ok(Target::ControllerNumber(number(what).ok_or_else(unknown)?)),
        "rack" => Ok(Target::Rack(name(what)?)),
        "service" => match what.split_once('/') {
            None => Ok(Target::Service { name: name(what)?, instance: None }),
            Some((service, instance)) => Ok(Target::Service {
                name: name(service)?,
                instance: Some(number(instance).ok_or_else(unknown)?),
            }),
        },
        _ => Err(unknown()),
    }
}

/// `[swarm]`.
pub(super) fn swarm(decoder: &mut Decoder, node: Option<&Node>) -> Swarm {
    let mut swarm = Swarm { enabled: false, keep: Ratio { numerator: 5, denominator: 10 } };
    let fields = node.and_then(|n| decoder.open(n, "swarm", &spec::SWARM, &[]));
    let Some(t) = fields else { return swarm };
    swarm.enabled = t.read(decoder, "enabled", values::flag).unwrap_or(true);
    if let Some(keep) = t.read(decoder, "keep", values::probability) {
        swarm.keep = keep;
    }
    swarm
}
