//! Recorded assignments of Kafka 4.1, and laws.

extern crate std;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::format;

use serde_json::Value;

use super::{Subscriber, TopicPartitions, assign};
use crate::protocol::group::{Assignor, Subscription};
use crate::types::{GenerationId, MemberId, PartitionId, TopicId};

const VECTORS: &str = include_str!("../../../../tests/vectors/assignors.jsonl");

struct Vector {
    case: String,
    assignor: Assignor,
    members: Vec<Subscriber>,
    topics: Vec<TopicPartitions>,
    expected: Vec<(MemberId, Vec<PartitionId>)>,
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().map(|v| v.as_str().expect("a string").to_string()).collect()
}

fn read(line: &str) -> Vector {
    let v: Value = serde_json::from_str(line).expect("the vectors are JSON");
    let named = v["topics"].as_object().expect("topics");
    let names: BTreeSet<String> = named.keys().cloned().collect();
    let mut topics = Vec::new();
    let mut partition_of = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        let count = named[name]["partitions"].as_u64().expect("a count");
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
        let all = v["members"].as_array().expect("members");
        let ids: BTreeSet<String> =
            all.iter().map(|m| m["id"].as_str().expect("id").to_string()).collect();
        ids.into_iter().collect()
    };
    let member_id = |id: &str| {
        let place = ids.iter().position(|i| i == id).expect("known");
        MemberId(u64::try_from(place).expect("few") + 1)
    };
    let member = |m: &Value| {
        let subscription = Subscription {
            topics: strings(&m["topics"]).iter().map(topic_id).collect(),
            owned: strings(&m["owned"])
                .iter()
                .filter_map(|p| partition_of.get(p).copied())
                .collect(),
            generation: GenerationId(
                i32::try_from(m["generation"].as_i64().unwrap_or(-1)).expect("small"),
            ),
        };
        let instance = m["instance"].as_str().map(ToString::to_string);
        (member_id(m["id"].as_str().expect("id")), instance, subscription)
    };
    let result = v["result"].as_object().expect("a result");
    let mut expected: Vec<(MemberId, Vec<PartitionId>)> = result
        .iter()
        .map(|(id, owned)| {
            let mut owned: Vec<PartitionId> =
                strings(owned).iter().map(|p| partition_of[p]).collect();
            owned.sort_unstable();
            (member_id(id), owned)
        })
        .collect();
    expected.sort();
    Vector {
        case: v["case"].as_str().expect("a case").to_string(),
        assignor: match v["assignor"].as_str().expect("an assignor") {
            "client-range" => Assignor::Range,
            "client-roundrobin" => Assignor::RoundRobin,
            "client-sticky" => Assignor::Sticky,
            "client-cooperative-sticky" => Assignor::CooperativeSticky,
            other => panic!("unexpected assignor {other}"),
        },
        members: v["members"].as_array().expect("members").iter().map(member).collect(),
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
