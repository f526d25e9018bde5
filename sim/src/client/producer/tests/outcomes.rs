//! What a producer says of its batches, and when it sends them.

use broker_model::protocol::produce::{ProduceResponse, ProducedPartition};
use broker_model::protocol::{ErrorCode, Response};
use broker_model::types::{Instant, NodeId, Offset, PartitionId};

use super::super::drain::written;
use super::super::event::{Outcome, ProducerError, SendOutcome};
use super::super::{ProducerConfig, ProducerEvent};
use super::{Host, MS, TOPIC, metadata, produces};
use crate::records::NO_KEY;

/// A producer without idempotence that knows topic `t` of two partitions.
fn host(settings: &[(&str, &str)]) -> Host {
    let mut config = ProducerConfig::default();
    config.bootstrap_servers = vec![NodeId(0)];
    config.set("enable.idempotence", "false").expect("a setting of a producer");
    for (key, value) in settings {
        config.set(key, value).expect("a setting of a producer");
    }
    let mut host = Host::new(config, 1);
    let first = host.poll();
    let [crate::client::ClientOutput::Send { to, correlation, .. }] = first[..] else {
        panic!("a producer asks for metadata first: {first:?}");
    };
    host.answer(to, correlation, Response::Metadata(metadata(&[(0, 0), (0, 0)]).into()));
    assert_eq!(host.poll(), []);
    host
}

fn acked(offset: i64, request: &broker_model::protocol::produce::ProduceRequest) -> Response {
    let partitions = request
        .partitions
        .iter()
        .map(|p| ProducedPartition {
            base_offset: Offset(offset),
            ..written(p.partition, ErrorCode::None)
        })
        .collect();
    Response::Produce(ProduceResponse { throttle_time: 0, partitions })
}

fn refused(
    error: ErrorCode,
    request: &broker_model::protocol::produce::ProduceRequest,
) -> Response {
    let partitions = request.partitions.iter().map(|p| written(p.partition, error)).collect();
    Response::Produce(ProduceResponse { throttle_time: 0, partitions })
}

fn outcome(host: &mut Host) -> Outcome {
    let events = host.events();
    let [ProducerEvent::Completed { outcome, .. }] = events[..] else {
        panic!("one batch is completed: {events:?}");
    };
    outcome
}

#[test]
fn lingers_then_sends_all_partitions_in_one_request() {
    let mut host = host(&[]);
    let records: Vec<_> = (0..6).map(|key| host.record(key, 100)).collect();
    let run = host.with(|p, cx| p.send_run(cx, TOPIC, &records));
    assert_eq!((run.accepted, run.stopped), (6, SendOutcome::Accepted));
    assert_eq!(host.poll(), []);
    let due = host.now + 5 * MS;
    assert_eq!(host.producer.next_deadline(), due, "linger.ms counts from the first record");
    host.now = due;
    let sent = produces(host.poll());
    let [(to, correlation, request)] = &sent[..] else { panic!("one request: {sent:?}") };
    assert_eq!(request.partitions.len(), 2, "it carries both partitions of the broker");
    let count: u32 = request.partitions.iter().map(|p| host.batches.get(p.batch).count).sum();
    assert_eq!(count, 6);
    host.answer(*to, *correlation, acked(40, request));
    assert_eq!(host.events().len(), 2);
    assert_eq!(host.producer.available_memory(), host.producer.config().buffer_memory);
}

#[test]
fn timed_runs_linger_from_the_intended_time() {
    let mut host = host(&[]);
    let first = host.record(7, 100);
    let sent_at = host.now;
    host.now = host.now + 3 * MS;
    let _ = host.with(|p, cx| p.send_timed_run(cx, TOPIC, &[first]));
    assert_eq!(host.poll(), []);
    assert_eq!(host.producer.next_deadline(), sent_at + 5 * MS);
}

#[test]
fn a_lost_answer_is_unknown_and_a_refusal_is_not() {
    let mut host = host(&[("retries", "0"), ("linger.ms", "0")]);
    for (error, definite) in [
        (ErrorCode::NotEnoughReplicas, true),
        (ErrorCode::InvalidRecord, true),
        (ErrorCode::RequestTimedOut, false),
        (ErrorCode::NotEnoughReplicasAfterAppend, false),
        (ErrorCode::NotLeaderOrFollower, false),
    ] {
        let record = host.record(NO_KEY, 100);
        let _ = host.with(|p, cx| p.send(cx, TOPIC, None, record));
        // A refusal that asks for metadata delays what comes after it.
        host.now = host.now + 2_000 * MS;
        let mut sent = Vec::new();
        for output in host.poll().into_iter().chain(host.poll()) {
            sent.push(output);
        }
        let sent = produces(sent);
        let [(to, correlation, request)] = &sent[..] else { panic!("{error}: {sent:?}") };
        host.answer(*to, *correlation, refused(error, request));
        let error = ProducerError::Code(error);
        let expected = if definite { Outcome::Failed(error) } else { Outcome::Unknown(error) };
        assert_eq!(outcome(&mut host), expected);
    }
}

#[test]
fn an_answer_that_never_comes_is_unknown() {
    let mut host = host(&[
        ("linger.ms", "0"),
        ("request.timeout.ms", "1000"),
        ("delivery.timeout.ms", "1500"),
    ]);
    let record = host.record(NO_KEY, 100);
    let _ = host.with(|p, cx| p.send(cx, TOPIC, None, record));
    assert_eq!(produces(host.poll()).len(), 1);
    let mut sent = 1;
    while host.producer.available_memory() < host.producer.config().buffer_memory {
        let next = host.producer.next_deadline();
        assert!(next > host.now && next < Instant::FAR, "the producer makes progress");
        host.now = next;
        sent += produces(host.poll()).len();
    }
    assert_eq!(sent, 2, "request.timeout.ms, one retry, then delivery.timeout.ms");
    assert_eq!(outcome(&mut host), Outcome::Unknown(ProducerError::DeliveryTimeout));
}

#[test]
fn memory_bounds_what_is_accepted() {
    let mut host = host(&[("buffer.memory", "1000"), ("batch.size", "400"), ("linger.ms", "100")]);
    let records: Vec<_> = (0..5).map(|_| host.record(NO_KEY, 300)).collect();
    let run = host.with(|p, cx| p.send_run(cx, TOPIC, &records));
    assert_eq!((run.accepted, run.stopped), (2, SendOutcome::BufferFull));
    let sent = produces(host.poll());
    assert!(!sent.is_empty(), "who waits for memory does not wait for linger.ms");
    for (to, correlation, request) in &sent {
        host.answer(*to, *correlation, acked(0, request));
    }
    let run = host.with(|p, cx| p.send_run(cx, TOPIC, &records[2..3]));
    assert_eq!(run.stopped, SendOutcome::Accepted);
}

#[test]
fn a_turn_alone_closes_a_silent_connection() {
    let mut host = host(&[("linger.ms", "0"), ("request.timeout.ms", "1000")]);
    let record = host.record(NO_KEY, 100);
    let _ = host.with(|p, cx| p.send(cx, TOPIC, None, record));
    assert_eq!(produces(host.poll()).len(), 1);
    host.now = host.producer.next_deadline();
    host.with(super::Producer::turn);
    let closed = crate::client::ClientOutput::Close { to: NodeId(0) };
    assert!(host.outputs.contains(&closed), "strictly after request.timeout.ms");
    // Metadata is asked for next, from the other broker; then there is nothing to do for now.
    host.with(super::Producer::poll);
    assert!(host.producer.next_deadline() > host.now, "and it does not spin");
}

#[test]
fn a_send_that_waited_too_long_fails_by_what_it_waited_for() {
    let mut host =
        host(&[("max.block.ms", "500"), ("buffer.memory", "400"), ("batch.size", "400")]);
    let records = [host.record(NO_KEY, 300), host.record(NO_KEY, 300)];
    let run = host.with(|p, cx| p.send_run(cx, TOPIC, &records));
    assert_eq!((run.accepted, run.stopped), (1, SendOutcome::BufferFull));
    let until = host.now + 500 * MS;
    host.now = Instant(until.0 - 1);
    let again = |host: &mut Host| host.with(|p, cx| p.send_run(cx, TOPIC, &records[1..]).stopped);
    assert_eq!(again(&mut host), SendOutcome::BufferFull, "the clock runs from the first try");
    host.now = until;
    assert!(host.producer.next_deadline() <= until, "the producer says when to offer it again");
    assert_eq!(again(&mut host), SendOutcome::NotTaken(ProducerError::BufferExhausted));
    assert_eq!(again(&mut host), SendOutcome::BufferFull, "the next one waits as long");

    let nowhere = Some(PartitionId(77));
    let send = |host: &mut Host| host.with(|p, cx| p.send(cx, TOPIC, nowhere, records[1]));
    host.now = host.now + 499 * MS;
    assert_eq!(send(&mut host), SendOutcome::NoMetadata, "one clock for all that a send waits for");
    host.now = host.now + MS;
    assert_eq!(send(&mut host), SendOutcome::NotTaken(ProducerError::BlockTimeout));
    let nothing = host.with(|p, cx| p.send_run(cx, TOPIC, &[]).stopped);
    assert_eq!(nothing, SendOutcome::Accepted, "nothing does not wait");
}
