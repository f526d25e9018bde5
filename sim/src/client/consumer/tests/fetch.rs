use broker_model::protocol::fetch::FetchResponse;
use broker_model::protocol::{ErrorCode, Response};
use broker_model::rules::{ConsumerPosition, ConsumerRecords};
use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId};

use super::{Bench, aborted, fetched};
use crate::client::consumer::ConsumerEvent;
use crate::client::consumer::event::ConsumerError;

const ONE: &[(u32, i32)] = &[(0, 0)];

#[test]
fn buffered_data_of_one_partition_stops_all_fetches_from_its_broker() {
    let mut b = Bench::assigned(&[("max.poll.records", "3")], &[(0, 0), (0, 0), (1, 1)]);
    assert_eq!(
        b.sent(),
        ["metadata", "fetch node=1 s=0 e=0 2@0/le1", "fetch node=0 s=0 e=0 0@0/le0 1@0/le0"]
    );
    let five = b.batch(5, -1);
    let data = b.data(0, 0, &[five]);
    let empty = b.data(1, 0, &[]);
    b.fetch(0, 77, vec![data, empty]);
    let empty = b.data(2, 0, &[]);
    b.fetch(1, 88, vec![empty]);
    assert!(b.consumer.has_records());
    assert_eq!(b.poll(), ["0@0..3"]);
    assert_eq!(b.sent(), [""; 0], "the empty answer of node 1 was not looked at yet");
    assert_eq!(b.poll(), ["0@3..5"]);
    assert_eq!(b.sent(), ["fetch node=1 s=88 e=1", "fetch node=0 s=77 e=1 0@5/le0"]);
}

#[test]
fn an_answer_cut_exactly_at_its_end_blocks_until_the_next_poll() {
    let mut b = Bench::assigned(&[("max.poll.records", "2")], ONE);
    b.fetch_records(0, 2);
    b.sent();
    assert_eq!(b.poll(), ["0@0..2"]);
    assert_eq!(b.sent(), [""; 0]);
    assert!(b.poll().is_empty());
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1 0@2/le0"]);
}

#[test]
fn sessions_carry_only_changes_and_forget_paused_partitions() {
    let mut b = Bench::assigned(&[], &[(0, 0), (0, 0)]);
    let two = b.batch(2, -1);
    let (data, empty) = (b.data(0, 0, &[two]), b.data(1, 0, &[]));
    b.fetch(0, 77, vec![data, empty]);
    b.sent();
    b.poll();
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1 0@2/le0"]);
    b.poll();
    b.fetch(0, 77, vec![]);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=2"], "a waiting poll fetches on");
    b.consumer.pause(PartitionId(1));
    b.fetch(0, 77, vec![]);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=3 forget=[1]"]);
    b.consumer.resume(PartitionId(1));
    b.fetch(0, 77, vec![]);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=4 1@0/le0"]);
}

#[test]
fn a_lost_session_is_begun_anew_and_an_overtaken_one_is_named_to_close_it() {
    let mut b = Bench::assigned(&[], ONE);
    b.fetch(0, 77, vec![]);
    let refused = |error| Response::Fetch(FetchResponse { error, ..FetchResponse::default() });
    b.answer("fetch", refused(ErrorCode::InvalidFetchSessionEpoch));
    b.fetch(0, 78, vec![]);
    b.answer("fetch", refused(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(
        b.sent()[1..],
        [
            "fetch node=0 s=0 e=0 0@0/le0",
            "fetch node=0 s=77 e=1",
            "fetch node=0 s=77 e=0 0@0/le0",
            "fetch node=0 s=78 e=1",
            "fetch node=0 s=0 e=0 0@0/le0",
        ]
    );
}

#[test]
fn no_fetch_is_sent_while_the_application_is_busy() {
    let mut b = Bench::assigned(&[], &[(0, 0), (1, 0)]);
    b.fetch_records(0, 2);
    b.sent();
    assert_eq!(b.poll(), ["0@0..2"]);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1 0@2/le0"], "prefetch");
    b.fetch(1, 88, vec![]);
    b.turn();
    assert_eq!(b.sent(), [""; 0]);
    b.poll();
    assert_eq!(b.sent(), ["fetch node=1 s=88 e=1"]);
}

#[test]
fn read_committed_passes_over_aborted_batches_and_markers() {
    let mut b = Bench::assigned(&[("isolation.level", "read_committed")], ONE);
    let batches = [
        b.batch(2, 7),
        b.batch(2, 8),
        b.marker(7, false),
        b.batch(1, 8),
        b.marker(8, true),
        b.batch(1, 7),
        b.marker(7, true),
    ];
    let mut data = b.data(0, 0, &batches);
    data.0.aborted = vec![aborted(7, 0)];
    b.fetch(0, 77, vec![data]);
    b.sent();
    assert_eq!(b.poll(), ["0@2..4", "0@5..6", "0@7..8"]);
    assert_eq!(b.consumer.position(PartitionId(0)), Some(Offset(9)));
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1 0@9/le0"]);
}

#[test]
fn read_uncommitted_gives_aborted_records_but_no_markers() {
    let mut b = Bench::assigned(&[], ONE);
    let batches = [b.batch(2, 7), b.marker(7, false), b.batch(1, -1)];
    let data = b.data(0, 0, &batches);
    b.fetch(0, 77, vec![data]);
    assert_eq!(b.poll(), ["0@0..2", "0@3..4"]);
}

#[test]
fn only_aborted_records_move_the_position_and_fetching_goes_on() {
    let mut b = Bench::assigned(&[("isolation.level", "read_committed")], ONE);
    let batches = [b.batch(3, 7), b.marker(7, false)];
    let mut data = b.data(0, 0, &batches);
    data.0.aborted = vec![aborted(7, 0)];
    b.fetch(0, 77, vec![data]);
    b.sent();
    assert!(b.poll().is_empty());
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1 0@4/le0"]);
}

#[test]
fn a_fetch_in_the_middle_of_a_batch_gives_its_rest() {
    let mut b = Bench::assigned(&[], ONE);
    b.consumer.seek(PartitionId(0), Offset(3));
    b.fetch(0, 77, vec![]);
    let five = b.batch(5, -1);
    let mut data = b.data(0, 0, &[five]);
    data.0.high_watermark = Offset(5);
    b.fetch(0, 77, vec![data]);
    assert_eq!(b.poll(), ["0@3..5"]);
}

#[test]
fn paused_data_waits_and_does_not_hold_up_others() {
    let mut b = Bench::assigned(&[("max.poll.records", "2")], &[(0, 0), (0, 0)]);
    let (five, three) = (b.batch(5, -1), b.batch(3, -1));
    let (first, second) = (b.data(0, 0, &[five]), b.data(1, 0, &[three]));
    b.fetch(0, 77, vec![first, second]);
    assert_eq!(b.poll(), ["0@0..2"]);
    b.consumer.pause(PartitionId(0));
    assert_eq!(b.poll(), ["1@0..2"]);
    assert_eq!(b.poll(), ["1@2..3"]);
    b.sent();
    assert!(b.poll().is_empty());
    assert!(!b.consumer.has_records());
    b.consumer.resume(PartitionId(0));
    assert!(b.consumer.has_records());
    assert_eq!(b.poll(), ["0@2..4"]);
}

#[test]
fn a_seek_drops_what_is_buffered() {
    let mut b = Bench::assigned(&[], ONE);
    b.fetch_records(0, 5);
    b.consumer.seek(PartitionId(0), Offset(2));
    b.sent();
    assert!(b.poll().is_empty());
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1 0@2/le0"]);
}

#[test]
fn the_leader_named_in_an_answer_is_fetched_from_at_once() {
    let mut b = Bench::assigned(&[], &[(0, 5)]);
    b.sent();
    let mut error = fetched(0, ErrorCode::NotLeaderOrFollower, Offset(-1));
    error.current_leader = Some((NodeId(1), LeaderEpoch(6)));
    b.fetch(0, 77, vec![(error, vec![])]);
    assert_eq!(b.sent(), ["fetch node=1 s=0 e=0 0@0/le6"]);
    b.advance(100);
    assert_eq!(b.sent(), ["metadata"], "as after every such error");
}

#[test]
fn a_lost_connection_is_tried_again_after_its_backoff_and_names_the_session() {
    let mut b = Bench::assigned(&[], ONE);
    b.fetch_records(0, 3);
    b.poll();
    b.poll();
    b.sent();
    b.disconnect("fetch");
    assert_eq!(b.sent(), [""; 0]);
    b.advance(50);
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=0 0@3/le0"]);
    b.advance(50);
    assert_eq!(b.sent(), ["metadata"]);
}

#[test]
fn a_request_without_answer_closes_the_connection_after_its_timeout() {
    let mut b = Bench::assigned(&[("request.timeout.ms", "1000")], ONE);
    b.sent();
    b.advance(1_000);
    assert_eq!(b.sent(), [""; 0], "strictly after the timeout");
    b.advance(1);
    assert_eq!(b.sent(), ["close node=0", "metadata"], "another node is asked for metadata");
    b.advance(50);
    assert_eq!(b.sent(), ["fetch node=0 s=0 e=0 0@0/le0"]);
}

#[test]
fn out_of_range_without_a_policy_is_an_error_of_poll() {
    let mut b = Bench::assigned(&[("auto.offset.reset", "none")], ONE);
    b.fetch(0, 77, vec![(fetched(0, ErrorCode::OffsetOutOfRange, Offset(-1)), vec![])]);
    let error = ConsumerError::OffsetOutOfRange(PartitionId(0), Offset(0));
    b.sent();
    assert_eq!(b.told(), [ConsumerEvent::Error(error)]);
    assert_eq!(b.sent(), [""; 0], "an error ends the poll");
    b.poll();
    assert_eq!(b.sent(), ["fetch node=0 s=77 e=1"]);
}

/// Polls of two records each from the start; says what was given.
fn long_run(rule: impl Fn(&mut Bench)) -> (Vec<String>, usize) {
    let mut b = Bench::assigned(&[], ONE);
    rule(&mut b);
    let sent_by_others = 2 * 25;
    let mut given = vec![];
    for _ in 0..25 {
        let from = b.consumer.position(PartitionId(0)).expect("assigned").0;
        b.fetch_records(from, 2);
        given.extend(b.poll());
        if given.len() < 25 {
            b.poll();
        }
    }
    (given, b.records.made().count() - sent_by_others)
}

#[test]
fn canaries_skip_repeat_and_invent_now_and_then() {
    let (exact, invented) = long_run(|_| {});
    assert_eq!((exact.len(), invented), (25, 0));
    assert_eq!(exact[24], "0@48..50");
    let (skipped, _) = long_run(|b| b.rules.consumer_position = ConsumerPosition::Skip);
    assert_eq!(skipped[19], "0@39..40", "offset 38 is missing");
    let (back, _) = long_run(|b| b.rules.consumer_position = ConsumerPosition::Back);
    assert_eq!((back[19].as_str(), back[20].as_str()), ("0@38..40", "0@38..40"));
    let (_, invented) = long_run(|b| b.rules.consumer_records = ConsumerRecords::Invent);
    assert_eq!(invented, 1);
}

#[test]
fn what_comes_before_a_corrupt_batch_is_given_and_then_every_poll_throws() {
    let mut b = Bench::assigned(&[], ONE);
    let (good, bad) = (b.batch(2, -1), b.batch(2, -1));
    let bad = b.batches.push_spoiled(bad);
    let data = b.data(0, 0, &[good, bad]);
    b.fetch(0, 77, vec![data]);
    assert_eq!(b.poll(), ["0@0..2"]);
    let corrupt = || ConsumerError::Corrupt(PartitionId(0), Offset(2));
    for _ in 0..2 {
        assert_eq!(b.poll(), [""; 0]);
        assert_eq!(b.told(), [ConsumerEvent::Error(corrupt())]);
    }
}
