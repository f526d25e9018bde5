//! Bit rot: who finds a batch whose checksum does not match, and who does not.

use super::cluster::Cluster;
use crate::config::BrokerConfig;
use crate::io::StopKind;
use crate::log::Log;
use crate::note::Note;
use crate::protocol::ErrorCode;
use crate::protocol::produce::Acks;
use crate::types::{NodeId, Offset, PartitionId, SECOND};

/// Three batches of two records each on three brokers.
fn three_batches() -> (Cluster, PartitionId) {
    let mut c = Cluster::new(3, &BrokerConfig::default());
    let p = c.topic("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    for _ in 0..3 {
        assert_eq!(c.produce(1, p, 2, Acks::All).error, ErrorCode::None);
    }
    c.advance(SECOND);
    (c, p)
}

/// Spoils the second batch of a replica.
fn spoil(c: &mut Cluster, broker: u32, p: PartitionId) {
    let at = c.brokers[broker as usize - 1].spoil(p, Offset(3), &mut c.batches);
    assert_eq!(at, Some(Offset(2)));
}

fn is_whole(c: &Cluster, log: &Log) -> bool {
    log.log_end_offset() == Offset(6)
        && log.entries().iter().all(|e| !c.batches.is_spoiled(e.batch))
}

fn cut(c: &Cluster) -> Option<(NodeId, Offset, Offset)> {
    c.notes.iter().find_map(|note| match *note {
        Note::CorruptTail { node, end, from, .. } => Some((node, end, from)),
        _ => None,
    })
}

#[test]
fn a_recovery_cuts_at_the_batch_and_the_rest_is_copied_again() {
    let (mut c, p) = three_batches();
    spoil(&mut c, 3, p);
    c.stop(NodeId(3), StopKind::Kill);
    c.start(NodeId(3));
    c.until("it is back", |c| cut(c).is_some() && c.isr(p).len() == 3);
    assert_eq!(cut(&c), Some((NodeId(3), Offset(2), Offset(6))));
    assert!(is_whole(&c, c.replica(3, p).log()));
}

#[test]
fn nobody_looks_after_an_orderly_stop() {
    let (mut c, p) = three_batches();
    spoil(&mut c, 3, p);
    c.stop(NodeId(3), StopKind::Clean);
    c.start(NodeId(3));
    c.until("it is back", |c| c.isr(p).len() == 3);
    assert_eq!(cut(&c), None);
    assert!(!is_whole(&c, c.replica(3, p).log()));
}

#[test]
fn a_follower_takes_nothing_of_an_answer_with_such_a_batch() {
    let (mut c, p) = three_batches();
    c.stop(NodeId(3), StopKind::PowerCut);
    c.brokers[2].stop(StopKind::PowerCut, &|_| None, &c.batches);
    c.brokers[2].fail_directory(0);
    c.brokers[2].replace_directory(0);
    spoil(&mut c, 1, p);
    c.start(NodeId(3));
    let found = |n: &Note| matches!(n, Note::CorruptFetched { base_offset: Offset(2), .. });
    c.until("it has asked twice", |c| c.notes.iter().filter(|n| found(n)).count() >= 2);
    assert_eq!(c.replica(3, p).log().log_end_offset(), Offset(0));
    assert_eq!(c.isr(p), [1, 2]);
    // Under another leader, whose log is whole, it goes on.
    c.stop(NodeId(1), StopKind::Clean);
    c.until("it has all", |c| is_whole(c, c.replica(3, p).log()));
}
