//! Recorded assignments of the assignors of the group coordinator, Kafka 4.1.

use super::std::format;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::json::Json;
use super::strings;
use crate::group::assignor::{Candidate, TopicPartitions, assign_targets};
use crate::protocol::consumer_group::ServerAssignor;
use crate::types::{PartitionId, TopicId};

const VECTORS: &str = include_str!("../../../../../tests/vectors/server_assignors.jsonl");

struct Topics {
    names: Vec<String>,
    partitions: Vec<TopicPartitions>,
    ids: BTreeMap<String, PartitionId>,
}

fn topics(named: &BTreeMap<String, Json>) -> Topics {
    let mut ids = BTreeMap::new();
    let mut partitions = Vec::new();
    for (topic, (name, value)) in (0..).zip(named) {
        let count = value.get("partitions").expect("a count").number();
        let mut of_topic = Vec::new();
        for index in 0..count {
            let id = PartitionId(u32::try_from(ids.len()).expect("few"));
            ids.insert(format!("{name}-{index}"), id);
            of_topic.push(id);
        }
        partitions.push(TopicPartitions { topic: TopicId(topic), partitions: of_topic });
    }
    Topics { names: named.keys().cloned().collect(), partitions, ids }
}

fn differs(vector: &Json) -> Option<String> {
    let field = |name: &str| vector.get(name).expect("a field of every vector");
    let topics = topics(field("topics").object());
    let members = field("members").array();
    let partitions = |list: Option<&Json>| {
        let mut ids: Vec<PartitionId> =
            strings(list).iter().filter_map(|p| topics.ids.get(p).copied()).collect();
        ids.sort_unstable();
        ids
    };
    // Only topics that somebody subscribes to come to an assignor.
    let is_subscribed =
        |name: &String| members.iter().any(|m| strings(m.get("topics")).contains(name));
    let existing: Vec<usize> =
        (0..topics.names.len()).filter(|&t| is_subscribed(&topics.names[t])).collect();
    let given: Vec<TopicPartitions> =
        existing.iter().map(|&t| topics.partitions[t].clone()).collect();
    let subscribed: Vec<Vec<usize>> = members
        .iter()
        .map(|m| {
            let of_member = strings(m.get("topics"));
            let subscribes = |&&t: &&usize| of_member.contains(&topics.names[t]);
            existing.iter().enumerate().filter(|(_, t)| subscribes(t)).map(|(i, _)| i).collect()
        })
        .collect();
    let targets: Vec<Vec<PartitionId>> =
        members.iter().map(|m| partitions(m.get("owned"))).collect();
    let candidates: Vec<Candidate<'_>> = members
        .iter()
        .zip(subscribed.iter().zip(&targets))
        .map(|(m, (topics, target))| {
            let instance = m.get("instance").map(Json::text);
            Candidate { instance, topics, target }
        })
        .collect();
    let all: Vec<_> = members.iter().map(|m| sorted(strings(m.get("topics")))).collect();
    let alike = all.iter().all(|topics| *topics == all[0]);
    let assignor = match field("assignor").text() {
        "server-range" => ServerAssignor::Range,
        "server-uniform" => ServerAssignor::Uniform,
        other => panic!("unexpected assignor {other}"),
    };
    let actual = assign_targets(assignor, &candidates, &given, alike);
    let actual: Vec<Vec<PartitionId>> = actual.iter().map(<[PartitionId]>::to_vec).collect();
    let result = field("result").object();
    let expected: Vec<Vec<PartitionId>> = members
        .iter()
        .map(|m| partitions(result.get(m.get("id").expect("an id").text())))
        .collect();
    let case = field("case").text();
    (actual != expected)
        .then(|| format!("{case} {assignor:?}\n  got  {actual:?}\n  want {expected:?}"))
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

#[test]
fn every_recorded_target_is_reproduced() {
    let count = VECTORS.lines().count();
    assert!(count > 350, "the vectors are there");
    let failed: Vec<String> = VECTORS.lines().filter_map(|l| differs(&Json::read(l))).collect();
    assert!(failed.is_empty(), "{} of {count} differ:\n{}", failed.len(), failed.join("\n"));
}
