//! Broker, topic and admin client configuration with which Kafka's own processes do not start.

use super::Cross;
use crate::decoder::Problem;
use crate::model::config::KafkaConfig;

/// Two keys of one table that do not go together, with how Kafka puts it.
struct Clash {
    keys: [&'static str; 2],
    message: String,
    help: &'static str,
}

pub(super) fn check(cross: &mut Cross<'_>) {
    let scenario = cross.scenario;
    let mut clashes = replication(&scenario.cluster.config);
    clashes.extend(limits(&scenario.cluster.config));
    clashes.extend(groups(&scenario.cluster.config));
    for clash in clashes {
        raise(cross, &["cluster", "config"], &clash);
    }
    for topic in &scenario.topics {
        if let Some(clash) = compaction(&topic.config) {
            raise(cross, &["topic", &topic.name, "config"], &clash);
        }
    }
    if let Some(clash) = admin(&scenario.cluster.admin) {
        raise(cross, &["cluster", "admin"], &clash);
    }
}

fn raise(cross: &mut Cross<'_>, table: &[&str], clash: &Clash) {
    let node = |key: &'static str| {
        let mut path = table.to_vec();
        path.push(key);
        cross.given(&path)
    };
    // A key may be wrong by itself.
    let other = if clash.keys[0] == clash.keys[1] { None } else { node(clash.keys[1]) };
    let nodes = [(node(clash.keys[0]), "this"), (other, "does not go with this")];
    let problem = Problem::new("scenario::kafka-config", clash.message.clone()).help(clash.help);
    cross.raise(problem, &nodes);
}

/// Fetches of followers against the times that end them.
fn replication(config: &KafkaConfig) -> Vec<Clash> {
    let mut found = Vec::new();
    let wait = "replica.fetch.wait.max.ms";
    for (key, help) in [
        ("replica.socket.timeout.ms", "Kafka's broker refuses this: every fetch would time out"),
        (
            "replica.lag.time.max.ms",
            "Kafka's broker refuses this: followers of a quiet partition would leave the ISR",
        ),
    ] {
        let (waits, most) = (config.int(wait), config.int(key));
        if waits > most {
            let message = format!("{wait:?} = {waits} is above {key:?} = {most}");
            found.push(Clash { keys: [wait, key], message, help });
        }
    }
    found
}

/// Bounds that a range cannot express.
fn limits(config: &KafkaConfig) -> Vec<Clash> {
    let mut found = Vec::new();
    let (queued, request) = ("queued.max.request.bytes", "socket.request.max.bytes");
    let (bytes, most) = (config.int(queued), config.int(request));
    if bytes > 0 && bytes < most {
        let message = format!("{queued:?} = {bytes} is below {request:?} = {most}");
        let help = "Kafka's broker refuses this: the largest request would never be read";
        found.push(Clash { keys: [queued, request], message, help });
    }
    found
}

/// Sessions and heartbeats of groups of the new protocol against the bounds of what a group may
/// have of its own (KIP-848).
fn groups(config: &KafkaConfig) -> Vec<Clash> {
    let (session, heartbeat) =
        ("group.consumer.session.timeout.ms", "group.consumer.heartbeat.interval.ms");
    let mut found = Vec::new();
    for [least, value, most] in [
        ["group.consumer.min.session.timeout.ms", session, "group.consumer.max.session.timeout.ms"],
        [
            "group.consumer.min.heartbeat.interval.ms",
            heartbeat,
            "group.consumer.max.heartbeat.interval.ms",
        ],
    ] {
        for keys in [[least, value], [value, most]] {
            let [low, high] = keys.map(|key| config.int(key));
            if low > high {
                let message = format!("{:?} = {low} is above {:?} = {high}", keys[0], keys[1]);
                let help = "Kafka's broker refuses this: it is what a group without its own has";
                found.push(Clash { keys, message, help });
            }
        }
    }
    let [often, silent] = [heartbeat, session].map(|key| config.int(key));
    if often >= silent {
        let message = format!("{heartbeat:?} = {often} is not below {session:?} = {silent}");
        let help = "Kafka's broker refuses this: sessions would end between heartbeats";
        found.push(Clash { keys: [heartbeat, session], message, help });
    }
    found
}

fn compaction(config: &KafkaConfig) -> Option<Clash> {
    let keys = ["min.compaction.lag.ms", "max.compaction.lag.ms"];
    let (least, most) = (config.int(keys[0]), config.int(keys[1]));
    (least > most).then(|| Clash {
        keys,
        message: format!("{:?} = {least} is above {:?} = {most}", keys[0], keys[1]),
        help: "Kafka's controller refuses such a topic: INVALID_CONFIG",
    })
}

fn admin(config: &KafkaConfig) -> Option<Clash> {
    let keys = ["default.api.timeout.ms", "request.timeout.ms"];
    let (whole, one) = (config.int(keys[0]), config.int(keys[1]));
    // A timeout of requests that was not set follows the other one.
    let set = config.get(keys[1]).is_some();
    (whole < one && set).then(|| Clash {
        keys,
        message: format!("{:?} = {whole} is below {:?} = {one}", keys[0], keys[1]),
        help: "Kafka's admin client refuses this: no request could have its time",
    })
}
