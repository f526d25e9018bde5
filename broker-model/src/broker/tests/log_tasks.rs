//! What brokers do for their logs from time to time, and when they begin to.

use super::cluster::Cluster;
use crate::config::BrokerConfig;
use crate::io::StopKind;
use crate::protocol::ErrorCode;
use crate::protocol::produce::Acks;
use crate::types::{NodeId, Offset, PartitionId, SECOND};

/// One broker and a topic; a second has gone by since the broker's start.
fn one(broker: &[(&str, &str)], topic: &[(&str, &str)]) -> (Cluster, PartitionId) {
    let mut config = BrokerConfig::default();
    for (key, value) in broker {
        config.set(key, value).expect("a key");
    }
    let mut c = Cluster::new(1, &config);
    let p = c.topic("t", &[1], topic);
    (c, p)
}

fn produce(c: &mut Cluster, p: PartitionId) {
    assert_eq!(c.produce(1, p, 1, Acks::All).error, ErrorCode::None);
}

fn recovery_point(c: &Cluster, p: PartitionId) -> Offset {
    c.replica(1, p).log().recovery_point()
}

fn log_start(c: &Cluster, p: PartitionId) -> Offset {
    c.replica(1, p).log().log_start_offset()
}

#[test]
fn without_the_scheduler_the_flusher_looks_once() {
    for (broker, topic) in
        [(&[][..], &[("flush.ms", "10")][..]), (&[("log.flush.interval.ms", "10")], &[])]
    {
        let (mut c, p) = one(broker, topic);
        produce(&mut c, p);
        c.advance(28 * SECOND);
        assert_eq!(recovery_point(&c, p), Offset(0));
        c.advance(2 * SECOND);
        assert_eq!(recovery_point(&c, p), Offset(1), "30 s after the start");
        produce(&mut c, p);
        c.advance(600 * SECOND);
        assert_eq!(recovery_point(&c, p), Offset(1), "and never again");
    }
}

#[test]
fn the_flusher_takes_logs_whose_last_flush_is_old() {
    let broker = [
        ("log.initial.task.delay.ms", "3000"),
        ("log.flush.scheduler.interval.ms", "2000"),
        ("log.flush.interval.ms", "5000"),
    ];
    // Looks at 3, 5, 7, 9, 11 and 13 s; the log is made at 1 s.
    let (mut c, p) = one(&broker, &[]);
    produce(&mut c, p);
    c.advance(5 * SECOND);
    assert_eq!(recovery_point(&c, p), Offset(0), "4 s at the look at 5 s");
    c.advance(2 * SECOND);
    assert_eq!(recovery_point(&c, p), Offset(1), "6 s at the look at 7 s");
    produce(&mut c, p);
    c.advance(4 * SECOND);
    assert_eq!(recovery_point(&c, p), Offset(1), "4 s at the look at 11 s");
    c.advance(2 * SECOND);
    assert_eq!(recovery_point(&c, p), Offset(2), "6 s at the look at 13 s");
}

#[test]
fn the_scheduler_alone_is_the_age_too_and_nothing_flushes_by_default() {
    let set = [("log.initial.task.delay.ms", "0"), ("log.flush.scheduler.interval.ms", "2000")];
    for (broker, flushed) in [(&set[..], 1), (&set[..1], 0)] {
        let (mut c, p) = one(broker, &[]);
        produce(&mut c, p);
        c.advance(4 * SECOND);
        assert_eq!(recovery_point(&c, p), Offset(flushed));
    }
}

#[test]
fn what_was_flushed_before_a_kill_is_not_known_before_the_checkpoint() {
    for (seconds, kept) in [(27, 0), (30, 1)] {
        let (mut c, p) = one(&[], &[("flush.messages", "1")]);
        produce(&mut c, p);
        assert_eq!(recovery_point(&c, p), Offset(1));
        c.advance(seconds * SECOND);
        c.stop(NodeId(1), StopKind::Kill);
        assert_eq!(recovery_point(&c, p), Offset(kept), "after {seconds} s");
        assert_eq!(c.replica(1, p).log().recovery_bytes() == 0, kept == 1);
    }
}

#[test]
fn the_log_start_is_checkpointed_after_the_delay_and_by_the_interval() {
    // Rounds at 30, 90 and 150 s.
    for (seconds, kept) in [(27, 0), (30, 2), (88, 2), (90, 3)] {
        let (mut c, p) = one(&[], &[]);
        for _ in 0..3 {
            produce(&mut c, p);
        }
        assert_eq!(c.delete_records(1, p, 2).0, ErrorCode::None);
        if seconds > 40 {
            c.advance(40 * SECOND);
            assert_eq!(c.delete_records(1, p, 3).0, ErrorCode::None);
            c.advance((seconds - 40) * SECOND);
        } else {
            c.advance(seconds * SECOND);
        }
        c.stop(NodeId(1), StopKind::Kill);
        assert_eq!(log_start(&c, p), Offset(kept), "after {seconds} s");
    }
}

#[test]
fn an_interval_of_nothing_is_one_round() {
    let keys = [
        ("log.initial.task.delay.ms", "2000"),
        ("log.flush.start.offset.checkpoint.interval.ms", "0"),
    ];
    let (mut c, p) = one(&keys, &[]);
    produce(&mut c, p);
    produce(&mut c, p);
    assert_eq!(c.delete_records(1, p, 1).0, ErrorCode::None);
    c.advance(2 * SECOND);
    assert_eq!(c.delete_records(1, p, 2).0, ErrorCode::None);
    c.advance(600 * SECOND);
    c.stop(NodeId(1), StopKind::Kill);
    assert_eq!(log_start(&c, p), Offset(1));
}

#[test]
fn retention_begins_after_the_delay_of_each_process() {
    let keys =
        [("log.initial.task.delay.ms", "10000"), ("log.retention.check.interval.ms", "4000")];
    let (mut c, p) = one(&keys, &[("retention.ms", "1")]);
    let rounds = |c: &mut Cluster, quiet: u64| {
        let before = log_start(c, p);
        produce(c, p);
        c.advance(quiet * SECOND);
        assert_eq!(log_start(c, p), before);
        c.advance(2 * SECOND);
        assert_eq!(log_start(c, p), before + 1);
    };
    rounds(&mut c, 8); // at 10 s
    rounds(&mut c, 2); // at 14 s
    c.stop(NodeId(1), StopKind::Kill);
    c.start(NodeId(1));
    c.until("it leads again", |c| c.leader(p) == Some(1));
    rounds(&mut c, 9);
}

#[test]
fn what_no_checkpoint_knows_as_flushed_counts_for_the_next_process() {
    let (mut c, p) = one(&[], &[("flush.messages", "2")]);
    produce(&mut c, p);
    c.stop(NodeId(1), StopKind::Kill);
    c.start(NodeId(1));
    c.until("it leads again", |c| c.leader(p) == Some(1));
    produce(&mut c, p);
    assert_eq!(recovery_point(&c, p), Offset(2));
}

#[test]
fn what_was_cut_and_is_written_anew_is_flushed_again() {
    let mut c = Cluster::new(2, &BrokerConfig::default());
    let p = c.topic("t", &[1, 2], &[("flush.messages", "1")]);
    assert_eq!(c.produce(1, p, 1, Acks::All).error, ErrorCode::None);
    c.pause(NodeId(2));
    for _ in 0..3 {
        assert_eq!(c.produce(1, p, 1, Acks::Leader).error, ErrorCode::None);
    }
    assert_eq!(recovery_point(&c, p), Offset(4));
    c.pause(NodeId(1));
    c.resume(NodeId(2));
    c.until("the other leads", |c| c.leader(p) == Some(2));
    assert_eq!(c.produce(2, p, 1, Acks::Leader).error, ErrorCode::None);
    c.resume(NodeId(1));
    c.until("both in sync", |c| c.isr(p).len() == 2);
    let end = c.replica(1, p).log().log_end_offset();
    assert!(end < Offset(4) && end == c.replica(2, p).log().log_end_offset());
    assert_eq!(recovery_point(&c, p), end);
}
