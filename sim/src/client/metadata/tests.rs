use broker_model::protocol::ErrorCode;
use broker_model::protocol::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use broker_model::types::{Instant, LeaderEpoch, MILLISECOND, NodeId, PartitionId, TopicId};

use super::{Backoff, ClientMetadata, MetadataConfig};

const MS: u64 = MILLISECOND;

fn at(ms: u64) -> Instant {
    Instant(ms * MS)
}

fn metadata() -> ClientMetadata {
    let config = MetadataConfig {
        backoff: Backoff { initial: 100 * MS, max: 1_000 * MS },
        max_age: 5_000 * MS,
        jitter_seed: None,
    };
    let mut metadata = ClientMetadata::new(config, &[NodeId(0)]);
    metadata.want("t");
    metadata
}

fn answer(leader: u32, epoch: i32) -> MetadataResponse {
    let topic = TopicMetadata {
        error: ErrorCode::None,
        name: "t".to_owned(),
        id: TopicId(3),
        internal: false,
    };
    let partition = |index: u32, partition: u32| PartitionMetadata {
        topic: TopicId(3),
        index,
        partition: PartitionId(partition),
        error: ErrorCode::None,
        leader: Some(NodeId(leader)),
        leader_epoch: LeaderEpoch(epoch),
        replicas: vec![NodeId(0), NodeId(1)],
        isr: vec![NodeId(0), NodeId(1)],
        offline: Vec::new(),
    };
    MetadataResponse {
        brokers: vec![NodeId(0), NodeId(1)],
        topics: vec![topic],
        partitions: vec![partition(1, 8), partition(0, 9)],
    }
}

#[test]
fn learns_topics_and_partitions() {
    let mut metadata = metadata();
    assert_eq!(metadata.needs_request(at(0)), at(0), "the first request is due at once");
    assert_eq!(metadata.request().topics, Some(vec!["t".to_owned()]));
    assert_eq!(metadata.needs_request(at(1)), Instant::FAR, "one request at a time");
    metadata.update(&answer(0, 0), at(1));
    assert_eq!(metadata.topic_id("t"), Some(TopicId(3)));
    assert_eq!(metadata.partitions(TopicId(3)), [PartitionId(9), PartitionId(8)]);
    assert_eq!(metadata.leader(PartitionId(8)), Some((NodeId(0), LeaderEpoch(0))));
    assert_eq!(metadata.leader(PartitionId::UNKNOWN), None);
    assert_eq!(metadata.needs_request(at(1)), at(5_001), "then when it is too old");
}

#[test]
fn a_requested_update_waits_for_the_backoff() {
    let mut metadata = metadata();
    metadata.update(&answer(0, 0), at(0));
    metadata.request_update();
    assert_eq!(metadata.needs_request(at(10)), at(100));
    assert_eq!(metadata.needs_request(at(1_000)), at(1_000));
}

#[test]
fn answers_that_teach_nothing_lengthen_the_backoff() {
    let mut metadata = metadata();
    for (round, wait) in [100, 100, 200, 400, 800, 1_000].into_iter().enumerate() {
        let now = 10_000 * round as u64;
        metadata.update(&answer(0, 0), at(now));
        metadata.request_update();
        assert_eq!(metadata.needs_request(at(now)), at(now + wait), "answer {round}");
    }
    metadata.update(&answer(1, 1), at(90_000));
    metadata.request_update();
    assert_eq!(metadata.needs_request(at(90_000)), at(90_100), "news reset it");
}

#[test]
fn leader_epochs_never_go_back() {
    let mut metadata = metadata();
    metadata.update(&answer(1, 5), at(0));
    metadata.update(&answer(0, 4), at(1));
    assert_eq!(metadata.leader(PartitionId(8)), Some((NodeId(1), LeaderEpoch(5))));
    assert!(!metadata.hint(PartitionId(8), NodeId(0), LeaderEpoch(5)), "not newer");
    assert!(metadata.hint(PartitionId(8), NodeId(0), LeaderEpoch(6)));
    assert_eq!(metadata.leader(PartitionId(8)), Some((NodeId(0), LeaderEpoch(6))));
}

#[test]
fn a_lost_request_is_repeated_after_a_growing_backoff() {
    let mut metadata = metadata();
    let _ = metadata.request();
    metadata.failed(at(0));
    assert_eq!(metadata.needs_request(at(0)), at(100));
    let _ = metadata.request();
    metadata.failed(at(100));
    assert_eq!(metadata.needs_request(at(100)), at(300));
    let _ = metadata.request();
    metadata.failed(at(300));
    assert_eq!(metadata.needs_request(at(300)), at(700));
}
