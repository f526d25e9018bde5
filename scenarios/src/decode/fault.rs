//! `[[fault]]`.

use crate::decode::event::{broker, event, message_kind};
use crate::decode::target::target;
use crate::decoder::{Decoder, Fields, Problem};
use crate::diagnostic::listed;
use crate::model::fault::{Cut, Fault, FaultKind, ReplicaList, Trigger};
use crate::model::quantity::{Drawn, Ratio};
use crate::spec;
use crate::tree::{Node, Value};
use crate::values;

/// `--max-transaction-timeout` of `kafka-transactions.sh find-hanging`: 15 minutes.
const DEFAULT_TRANSACTION_TIMEOUT: u64 = 15 * 60 * 1_000_000_000;
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
        "all I/O in one of `log.dirs` fails, the one that `directory` names or any; a broker that is \
        down finds out when it starts. When the fault ends the process is killed, since no broker \
        takes up a directory without a restart, an empty disk replaces the one that failed, and \
        the broker starts again",
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
        FaultKind::Delay { message: None, to: None, latency: Drawn { low: 0, high: 0 } },
        "each message that the target sends, of the kind `message` and to the broker `to` where \
        they are named, takes `latency` longer, and whatever follows it on its connection waits \
        behind it",
    ),
    (
        "connection-loss",
        FaultKind::ConnectionLoss { probability: Ratio::ONE },
        "connections of the target break",
    ),
    ("service-kill", FaultKind::ServiceKill, "instances die, wherever they are"),
    (
        "service-stop",
        FaultKind::ServiceStop,
        "instances are asked to stop: they finish and commit what they have polled, leave the \
        group unless they are static members, and end; a relay publishes and marks the rows that \
        it has taken, and ends; an ingress is killed. Who has not ended \
        when the fault does is killed",
    ),
    ("service-pause", FaultKind::ServicePause, "instances stand still and come back as zombies"),
    ("controller-kill", FaultKind::ControllerKill, "a controller dies, the active one by default"),
    ("restart-all", FaultKind::RestartAll, "all brokers are killed at once"),
    (
        "leader-move",
        FaultKind::LeaderMove { to: None },
        "a partition's leader moves without any crash: to the preferred replica, or to the broker \
        `to`, which an administrator first makes the preferred one",
    ),
    (
        "reassign",
        FaultKind::Reassign { replicas: None, throttle: None },
        "an administrator gives the partitions other replicas (KIP-455): those that are new copy \
        the log, no faster than `throttle` if there is one, and when all are in sync the others \
        go",
    ),
    (
        "unclean-election",
        FaultKind::UncleanElection,
        "an administrator asks for an unclean election of a partition without leader (KIP-460)",
    ),
    (
        "abort-hanging",
        FaultKind::AbortHanging { max_transaction_timeout: DEFAULT_TRANSACTION_TIMEOUT },
        "an administrator looks for transactions of the partitions whose last record is older \
        than `max_transaction_timeout` and that no coordinator will end, and has their leaders \
        abort them, as `kafka-transactions.sh` does by `find-hanging` and `abort` (KIP-664)",
    ),
    (
        "add-broker",
        FaultKind::AddBroker,
        "the target is not there when the cluster boots, and joins it now; in a run without this \
        fault it is there from the boot on",
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
    let kinds = format!("one of {}", listed(FaultKind::names()));
    let kind = t.require_of(decoder, "kind", &kinds, |value| {
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
    let draws = t.read(decoder, "draws", values::small(0..=u32::MAX));
    let given = t.read(decoder, "name", values::name);
    let kind = parameters(decoder, &t, kind?);
    let target = target(decoder, &t, kind);
    if let Some(why) = kind.cannot_last() {
        t.refuse(decoder, &["for"], why);
    }
    let name = given.unwrap_or_else(|| format!("{}-{}", kind.name(), index + 1));
    Some(Fault { name, kind, target, trigger, duration, chance, draws })
}

/// The parameters of a kind; others are refused.
fn parameters(decoder: &mut Decoder, t: &Fields<'_>, kind: FaultKind) -> FaultKind {
    let mut unused = vec![
        "cut",
        "factor",
        "latency",
        "probability",
        "message",
        "to",
        "directory",
        "replicas",
        "throttle",
        "max_transaction_timeout",
    ];
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
        FaultKind::Delay { latency, .. } => {
            ["message", "latency", "to"].into_iter().for_each(&mut take);
            FaultKind::Delay {
                message: t.read(decoder, "message", message_kind),
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
        FaultKind::Reassign { .. } => {
            ["replicas", "throttle"].into_iter().for_each(&mut take);
            let throttle = t.read(decoder, "throttle", values::bytes_per_second);
            FaultKind::Reassign { replicas: replicas(decoder, t), throttle }
        }
        FaultKind::AbortHanging { max_transaction_timeout } => {
            take("max_transaction_timeout");
            let read = t.read(decoder, "max_transaction_timeout", values::duration);
            FaultKind::AbortHanging {
                max_transaction_timeout: read.unwrap_or(max_transaction_timeout),
            }
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

/// The brokers of a reassignment.
fn replicas(decoder: &mut Decoder, t: &Fields<'_>) -> Option<ReplicaList> {
    let brokers = t.read_list(decoder, "replicas", broker)?;
    let list = ReplicaList::new(&brokers);
    if let (None, Some(node)) = (list, t.get("replicas"))
        && !decoder.is_wrong(node)
    {
        decoder.raise(
            Problem::new("scenario::replicas", "these cannot be the replicas of a partition")
                .at(&node.place, "these brokers")
                .help(format!("name 1 to {} brokers, each once", ReplicaList::MAX)),
        );
    }
    list
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
