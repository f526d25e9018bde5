//! Fetches that wait, and sessions.

use alloc::vec;
use alloc::vec::Vec;

use super::cluster::{Cluster, fetch_response, fetched};
use crate::config::BrokerConfig;
use crate::io::{StopKind, Token};
use crate::protocol::fetch::{FetchPartition, FetchRequest, FetchResponse, Isolation};
use crate::protocol::produce::Acks;
use crate::protocol::{ErrorCode, Request};
use crate::types::{LeaderEpoch, MILLISECOND, NodeId, Offset, PartitionId, SECOND};

fn waiting(partitions: Vec<FetchPartition>, session: (u32, i32)) -> FetchRequest {
    FetchRequest {
        min_bytes: 1,
        max_bytes: 1 << 20,
        max_wait: SECOND,
        session_id: session.0,
        session_epoch: session.1,
        partitions,
        ..FetchRequest::default()
    }
}

fn later(c: &mut Cluster, request: FetchRequest) -> Token {
    c.ask_later(1, 16, Request::Fetch(request))
}

fn now(c: &mut Cluster, request: FetchRequest) -> FetchResponse {
    fetch_response(c.ask(1, 16, Request::Fetch(request)))
}

fn offsets(r: &FetchResponse) -> Vec<i64> {
    r.entries.iter().map(|e| e.base_offset.0).collect()
}

fn partitions(r: &FetchResponse) -> Vec<PartitionId> {
    r.partitions.iter().map(|p| p.partition).collect()
}

#[test]
fn a_waiting_fetch_is_woken_by_the_high_watermark_and_not_by_the_append() {
    let mut c = Cluster::new(2, &BrokerConfig::default());
    let p = c.topic("t", &[1, 2], &[]);
    let token = later(&mut c, waiting(vec![fetched(p, 0)], (0, -1)));
    assert_eq!(c.reply(token), None);
    c.pause(NodeId(2));
    c.produce(1, p, 1, Acks::Leader);
    assert_eq!(c.reply(token), None);
    c.resume(NodeId(2));
    let answer = fetch_response(c.reply(token).expect("the high watermark passed"));
    assert_eq!(offsets(&answer), [0]);
    assert_eq!(answer.partitions[0].high_watermark, Offset(1));
}

#[test]
fn a_waiting_fetch_ends_empty_after_max_wait() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let p = c.topic("t", &[1], &[]);
    let token = later(&mut c, waiting(vec![fetched(p, 0)], (0, -1)));
    c.advance(999 * MILLISECOND);
    assert_eq!(c.reply(token), None);
    c.advance(MILLISECOND);
    let answer = fetch_response(c.reply(token).expect("a second is over"));
    assert_eq!((answer.error, answer.entries.len()), (ErrorCode::None, 0));
    assert_eq!(partitions(&answer), [p]);
}

#[test]
fn min_bytes_counts_over_partitions_and_on_arrival() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let (p, q) = (c.topic("p", &[1], &[]), c.topic("q", &[1], &[]));
    let mut request = waiting(vec![fetched(p, 0), fetched(q, 0)], (0, -1));
    request.min_bytes = 200;
    c.produce(1, p, 1, Acks::All);
    let token = later(&mut c, request.clone());
    assert_eq!(c.reply(token), None);
    c.produce(1, q, 1, Acks::All);
    let answer = fetch_response(c.reply(token).expect("two batches of 100 bytes"));
    assert_eq!((answer.bytes, answer.partitions.len()), (200, 2));
    assert_eq!(now(&mut c, request).bytes, 200);
}

#[test]
fn an_incremental_fetch_answers_only_what_changed() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let (p, q) = (c.topic("p", &[1], &[]), c.topic("q", &[1], &[]));
    c.produce(1, p, 1, Acks::All);
    let first = now(&mut c, waiting(vec![fetched(p, 0), fetched(q, 0)], (0, 0)));
    assert_ne!(first.session_id, 0);
    assert_eq!((offsets(&first), partitions(&first)), (vec![0], vec![p, q]));
    let id = first.session_id;
    // Only p moved on; both are in the session still.
    let token = later(&mut c, waiting(vec![fetched(p, 1)], (id, 1)));
    assert_eq!(c.reply(token), None);
    c.produce(1, q, 1, Acks::All);
    let second = fetch_response(c.reply(token).expect("news of q"));
    assert_eq!((offsets(&second), partitions(&second)), (vec![0], vec![q]));
    // A client that does not move on hears the same again.
    let third = now(&mut c, waiting(vec![], (id, 2)));
    assert_eq!((offsets(&third), partitions(&third)), (vec![0], vec![q]));
    let mut request = waiting(vec![], (id, 3));
    request.forgotten = vec![q];
    let token = later(&mut c, request);
    c.produce(1, q, 1, Acks::All);
    assert_eq!(c.reply(token), None);
    c.produce(1, p, 1, Acks::All);
    let fourth = fetch_response(c.reply(token).expect("news of p"));
    assert_eq!((offsets(&fourth), partitions(&fourth)), (vec![1], vec![p]));
}

#[test]
fn a_session_is_refused_out_of_turn_or_unknown() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let p = c.topic("p", &[1], &[]);
    c.produce(1, p, 1, Acks::All);
    let id = now(&mut c, waiting(vec![fetched(p, 0)], (0, 0))).session_id;
    let wrong = now(&mut c, waiting(vec![], (id, 2)));
    assert_eq!((wrong.error, wrong.session_id), (ErrorCode::InvalidFetchSessionEpoch, 0));
    let unknown = now(&mut c, waiting(vec![], (id + 1, 1)));
    assert_eq!(unknown.error, ErrorCode::FetchSessionIdNotFound);
    assert_eq!(now(&mut c, waiting(vec![], (id, 1))).error, ErrorCode::None);
    c.stop(NodeId(1), StopKind::Kill);
    c.start(NodeId(1));
    c.until("it leads again", |c| c.leader(p).is_some());
    let gone = now(&mut c, waiting(vec![], (id, 2)));
    assert_eq!(gone.error, ErrorCode::FetchSessionIdNotFound);
}

#[test]
fn partitions_that_gave_data_go_to_the_back_of_the_line() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let (p, q) = (c.topic("p", &[1], &[]), c.topic("q", &[1], &[]));
    for partition in [p, q] {
        c.produce(1, partition, 1, Acks::All);
        c.produce(1, partition, 1, Acks::All);
    }
    let mut request = waiting(vec![fetched(p, 0), fetched(q, 0)], (0, 0));
    request.max_bytes = 100;
    let first = now(&mut c, request);
    assert_eq!(first.partitions.iter().filter(|a| !a.entries.is_empty()).count(), 1);
    let mut request = waiting(vec![fetched(p, 1)], (first.session_id, 1));
    request.max_bytes = 100;
    let second = now(&mut c, request);
    // The answer that opened the session moved nobody.
    assert_eq!((offsets(&second), partitions(&second)), (vec![1], vec![p]));
    let mut request = waiting(vec![], (first.session_id, 2));
    request.max_bytes = 100;
    let third = now(&mut c, request);
    assert_eq!((offsets(&third), partitions(&third)), (vec![0], vec![q]));
}

#[test]
fn errors_end_the_wait_but_an_unknown_topic_does_not() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let p = c.topic("p", &[1], &[]);
    let unknown = PartitionId::UNKNOWN;
    let token = later(&mut c, waiting(vec![fetched(unknown, 0), fetched(p, 0)], (0, -1)));
    assert_eq!(c.reply(token), None);
    c.advance(SECOND);
    let answer = fetch_response(c.reply(token).expect("the wait is over"));
    assert_eq!(partitions(&answer), [p, unknown]);
    assert_eq!(answer.partitions[1].error, ErrorCode::UnknownTopicId);
    let beyond = now(&mut c, waiting(vec![fetched(p, 5)], (0, -1)));
    let answer = &beyond.partitions[0];
    assert_eq!((answer.error, answer.high_watermark), (ErrorCode::OffsetOutOfRange, Offset(-1)));
}

#[test]
fn a_partition_that_is_added_and_forgotten_at_once_ends_the_session_with_its_answer() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let p = c.topic("p", &[1], &[]);
    c.produce(1, p, 1, Acks::All);
    let first = now(&mut c, waiting(vec![fetched(p, 0)], (0, 0)));
    let mut request = waiting(vec![fetched(p, 0)], (first.session_id, 1));
    request.forgotten = vec![p];
    let last = now(&mut c, request);
    assert_eq!((offsets(&last), last.session_id), (vec![0], 0));
    let gone = now(&mut c, waiting(vec![], (first.session_id, 2)));
    assert_eq!(gone.error, ErrorCode::FetchSessionIdNotFound);
}

#[test]
fn a_session_keeps_to_ids_or_to_names() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let p = c.topic("p", &[1], &[]);
    let first = now(&mut c, waiting(vec![fetched(p, 0)], (0, 0)));
    let by_name = Request::Fetch(waiting(vec![], (first.session_id, 1)));
    let answer = fetch_response(c.ask(1, 12, by_name));
    assert_eq!(answer.error, ErrorCode::FetchSessionTopicIdError);
}

#[test]
fn what_is_left_of_a_limit_is_filled_with_a_part_of_a_batch() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let p = c.topic("p", &[1], &[]);
    c.produce(1, p, 1, Acks::All);
    c.produce(1, p, 1, Acks::All);
    let whole = now(&mut c, waiting(vec![fetched(p, 0)], (0, -1))).bytes;
    let mut asked = fetched(p, 0);
    asked.max_bytes = u32::try_from(whole - 1).expect("small");
    let answer = now(&mut c, waiting(vec![asked], (0, -1)));
    assert_eq!((offsets(&answer), answer.bytes), (vec![0], whole - 1));
    assert!(answer.partitions[0].cut_bytes > 0);
}

#[test]
fn the_leader_epoch_of_a_client_is_checked() {
    let mut c = Cluster::new(1, &BrokerConfig::default());
    let p = c.topic("p", &[1], &[]);
    let mut errors = Vec::new();
    for epoch in [-1, 0, 1] {
        let mut asked = fetched(p, 0);
        asked.current_leader_epoch = Some(LeaderEpoch(epoch));
        let mut request = waiting(vec![asked], (0, -1));
        request.max_wait = 0;
        errors.push(now(&mut c, request).partitions[0].error);
    }
    let expected = [ErrorCode::FencedLeaderEpoch, ErrorCode::None, ErrorCode::UnknownLeaderEpoch];
    assert_eq!(errors, expected);
}

#[test]
fn a_consumer_may_read_from_a_follower_unless_it_is_old() {
    let mut c = Cluster::new(2, &BrokerConfig::default());
    let p = c.topic("p", &[1, 2], &[]);
    c.produce(1, p, 1, Acks::All);
    c.advance(SECOND);
    let answer = c.fetch(2, p, 0, Isolation::ReadUncommitted);
    assert_eq!(offsets(&answer), [0]);
    let request = Request::Fetch(waiting(vec![fetched(p, 0)], (0, -1)));
    let old = fetch_response(c.ask(2, 10, request));
    assert_eq!(old.partitions[0].error, ErrorCode::NotLeaderOrFollower);
}
