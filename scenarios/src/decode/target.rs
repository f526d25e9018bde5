//! `target` of a `[[fault]]`.

use crate::decode::place::{name, number, topic_partition};
use crate::decoder::{Decoder, Fields, Problem};
use crate::model::fault::{FaultKind, Target};
use crate::tree::Value;
use crate::units::Wrong;
use crate::values;

/// The target, or the kind's only sensible one.
pub(super) fn target(decoder: &mut Decoder, t: &Fields<'_>, kind: FaultKind) -> Target {
    let default = match kind {
        FaultKind::ControllerKill => Some(Target::Controller),
        FaultKind::RestartAll => Some(Target::AllBrokers),
        _ => None,
    };
    let read = if let (Some(default), None) = (&default, t.get("target")) {
        return default.clone();
    } else {
        t.require_of(decoder, "target", &format!("one of {}", TARGETS.join(", ")), read_target)
    };
    let Some(target) = read else { return Target::AllBrokers };
    let service = matches!(target, Target::Service { .. });
    let controller = matches!(target, Target::Controller | Target::ControllerNumber(_));
    let partition = matches!(target, Target::Partition { .. } | Target::LeaderOf { .. });
    let data = matches!(target, Target::Partition { .. } | Target::Topic(_));
    let fits = match kind {
        FaultKind::ServiceKill | FaultKind::ServiceStop | FaultKind::ServicePause => service,
        FaultKind::ControllerKill => controller,
        FaultKind::LeaderMove { .. } | FaultKind::UncleanElection => partition,
        FaultKind::BitRot => {
            matches!(target, Target::LeaderOf { .. } | Target::FollowerOf { .. })
        }
        FaultKind::Reassign { .. } | FaultKind::AbortHanging { .. } => data,
        FaultKind::AddBroker => matches!(target, Target::Broker(_)),
        FaultKind::Partition { .. }
        | FaultKind::SlowLink { .. }
        | FaultKind::Delay { .. }
        | FaultKind::ConnectionLoss { .. } => !data,
        FaultKind::BrokerPause
        | FaultKind::BrokerStop
        | FaultKind::BrokerPowerCut
        | FaultKind::SlowDisk { .. } => !service && !data,
        _ => !service && !controller && !data,
    };
    if let (false, Some(node)) = (fits, t.get("target")) {
        let wanted = match kind {
            FaultKind::ServiceKill | FaultKind::ServiceStop | FaultKind::ServicePause => {
                "a service, like \"service:NAME\""
            }
            FaultKind::ControllerKill => "\"controller\" or one like \"controller:1\"",
            FaultKind::BitRot => "a replica, like \"follower-of:TOPIC/0\"",
            FaultKind::LeaderMove { .. } | FaultKind::UncleanElection => {
                "a partition, like \"partition:TOPIC/0\""
            }
            FaultKind::Reassign { .. } | FaultKind::AbortHanging { .. } => {
                "\"partition:TOPIC/0\" or all of \"topic:TOPIC\""
            }
            FaultKind::AddBroker => "a broker by number, like \"broker:4\"",
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
    "topic:TOPIC",
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
        "topic" => Ok(Target::Topic(name(what)?)),
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
