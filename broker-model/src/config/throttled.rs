//! Keys of replication throttles, and lists of throttled replicas as topics have them. Source:
//! KIP-73; Kafka, `ThrottledReplicaListValidator`, `TopicConfigHandler.parseThrottledPartitions`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::value::Parsed;
use crate::types::NodeId;

/// What a broker gives a second of throttled replicas, in bytes.
pub const LEADER_RATE: &str = "leader.replication.throttled.rate";
/// What a broker takes a second into throttled replicas, in bytes.
pub const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
/// Whose reading is throttled, of a topic.
pub const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
/// Whose copying is throttled, of a topic.
pub const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";
/// The rate that throttles nothing, Kafka's default.
pub(crate) const UNTHROTTLED: u64 = i64::MAX as u64;

/// Which replicas of a topic are throttled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ThrottledReplicas {
    /// None.
    None,
    /// All, `*`.
    All,
    /// Those of these partitions, by index, on these brokers.
    Of(Arc<[(u32, NodeId)]>),
}

impl ThrottledReplicas {
    /// Whether the replica of a partition, by its index within the topic, on a broker is among
    /// them.
    #[must_use]
    pub fn contains(&self, index: u32, broker: NodeId) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(replicas) => replicas.contains(&(index, broker)),
        }
    }
}

/// Empty, `*`, or `PARTITION:BROKER` with commas between; what is empty between them is nothing.
pub(super) fn throttled_replicas(text: &str) -> Parsed<ThrottledReplicas> {
    match text {
        "" => return Ok(ThrottledReplicas::None),
        "*" => return Ok(ThrottledReplicas::All),
        _ => {}
    }
    let replica = |part: &str| -> Option<(u32, NodeId)> {
        let (partition, broker) = part.trim().split_once(':')?;
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let number = |t: &str| t.parse().ok().filter(|_| digits(t));
        Some((number(partition)?, NodeId(number(broker)?)))
    };
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let replicas: Option<Vec<_>> = parts.map(replica).collect();
    let replicas = replicas.ok_or("`*` or a list of PARTITION:BROKER with commas")?;
    Ok(ThrottledReplicas::Of(replicas.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerConfig, TopicConfig};

    #[test]
    fn a_list_names_replicas_a_star_all_of_them_and_nothing_none() {
        let list = throttled_replicas("0:1, 2:3").expect("two replicas");
        let asked = [(0, 1), (2, 3), (0, 3), (2, 1)];
        let found = asked.map(|(index, broker)| list.contains(index, NodeId(broker)));
        assert_eq!(found, [true, true, false, false]);
        assert_eq!(throttled_replicas("0:1,,2:3,"), Ok(list));
        assert!(throttled_replicas("*").is_ok_and(|all| all.contains(7, NodeId(9))));
        assert!(throttled_replicas("").is_ok_and(|none| !none.contains(0, NodeId(1))));
    }

    #[test]
    fn the_keys_are_those_of_brokers_and_topics() {
        let (of_broker, of_topic) = (BrokerConfig::KEYS, TopicConfig::KEYS);
        for key in [LEADER_RATE, FOLLOWER_RATE] {
            assert!(of_broker.iter().any(|known| known.key == key), "{key}");
        }
        for key in [LEADER_REPLICAS, FOLLOWER_REPLICAS] {
            assert!(of_topic.iter().any(|known| known.key == key), "{key}");
        }
    }

    #[test]
    fn what_kafka_refuses_is_refused() {
        for text in ["0", "0:", ":1", "*,0:1", "+0:1", "a:b", "0:1:2", "none"] {
            assert!(throttled_replicas(text).is_err(), "{text}");
        }
    }
}
