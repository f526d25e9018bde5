//! Recorded assignments of Kafka 4.1, and laws.

mod json;
mod laws;
mod server;

extern crate std;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::format;

use json::Json;

use super::{Subscriber, TopicPartitions, assign};
use crate::protocol::group::{Assignor, Subscription};
use crate::types::{GenerationId, MemberId, PartitionId, TopicId};

const VECTORS: &str = include_str!("../../../../../tests/vectors/assignors.jsonl");

struct Vector {
    case: String,
    assignor: Assignor,
    members: Vec<Subscriber>,
    topics: Vec<TopicPartitions>,
    expected: Vec<(MemberId, Vec<PartitionId>)>,
}

fn strings(value: Option<&Json>) -> Vec<String> {
    let list = value.map_or(&[][..], Json::array);
    list.iter().map(|v| v.text().to_string()).collect()
}

fn read(line: &str) -> Vector {
    let v = Json::read(line);
    let field = |name: &str| v.get(name).expect("a field of every vector");
    let named = field("topics").object();
    let names: BTreeSet<String> = named.keys().cloned().collect();
    let mut topics = Vec::new();
    let mut partition_of = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        let count = named[name].get("partitions").expect("a count").number();
        let mut partitions = Vec::new();
        for index in 0..count {
            let id = PartitionId(u32::try_from(partition_of.len()).expect("few"));
            partition_of.insert(format!("{name}-{index}"), id);
            partitions.push(id);
        }
        topics.push(TopicPartitions { topic: TopicId(u32::try_from(i).expect("few")), partitions });
    }
    let topic_id = |name: &String| {
        let place = names.iter().position(|n| n == name);
        place.map_or(TopicId::UNKNOWN, |i| TopicId(u32::try_from(i).expect("few")))
    };
    let ids: Vec<String> = {
        let all = field("members").array();
        let ids: BTreeSet<String> =
            all.iter().map(|m| m.get("id").expect("id").text().to_string()).collect();
        ids.into_iter().collect()
    };
    let member_id = |id: &str| {
        let place = ids.iter().position(|i| i == id).expect("known");
        MemberId(u64::try_from(place).expect("few") + 1)
    };
    let member = |m: &Json| {
        let subscription = Subscription {
            topics: strings(m.get("topics")).iter().map(topic_id).collect(),
            owned: strings(m.get("owned"))
                .iter()
                .filter_map(|p| partition_of.get(p).copied())
                .collect(),
            generation: GenerationId(
                i32::try_from(m.get("generation").map_or(-1, Json::number)).expect("small"),
            ),
        };
        let instance = m.get("instance").map(|i| i.text().to_string());
        (member_id(m.get("id").expect("id").text()), instance, subscription)
    };
    let result = field("result").object();
    let mut expected: Vec<(MemberId, Vec<PartitionId>)> = result
        .iter()
        .map(|(id, owned)| {
            let mut owned: Vec<PartitionId> =
                strings(Some(owned)).iter().map(|p| partition_of[p]).collect();
            owned.sort_unstable();
            (member_id(id), owned)
        })
        .collect();
    expected.sort();
    Vector {
        case: field("case").text().to_string(),
        assignor: match field("assignor").text() {
            "client-range" => Assignor::Range,
            "client-roundrobin" => Assignor::RoundRobin,
            "client-sticky" => Assignor::Sticky,
            "client-cooperative-sticky" => Assignor::CooperativeSticky,
            other => panic!("unexpected assignor {other}"),
        },
        members: field("members").array().iter().map(member).collect(),
        topics,
        expected,
    }
}

#[test]
fn every_recorded_assignment_is_reproduced() {
    let mut failed = Vec::new();
    let mut count = 0;
    for line in VECTORS.lines() {
        let vector = read(line);
        count += 1;
        let actual = assign(vector.assignor, &vector.members, &vector.topics);
        if actual != vector.expected {
            failed.push(format!(
                "{} {:?}\n  got  {actual:?}\n  want {:?}",
                vector.case, vector.assignor, vector.expected
            ));
        }
    }
    assert!(count > 500, "the vectors are there");
    assert!(failed.is_empty(), "{} of {count} differ:\n{}", failed.len(), failed.join("\n"));
}
