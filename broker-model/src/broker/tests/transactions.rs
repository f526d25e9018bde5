//! Transactions of protocol v2: implicit registration, markers, what `read_committed` sees,
//! and a coordinator that dies in between.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::cluster::{Cluster, of_producer, produce, produced, producer};
use crate::config::BrokerConfig;
use crate::io::{StopKind, Token};
use crate::note::Note;
use crate::protocol::controller::DeleteTopicRequest;
use crate::protocol::coordinator::{CoordinatorKey, FindCoordinatorRequest};
use crate::protocol::fetch::{AbortedTransaction, FetchResponse, Isolation};
use crate::protocol::group::{CommittedOffset, OffsetFetchRequest};
use crate::protocol::produce::{Acks, ProducedPartition};
use crate::protocol::txn::{
    AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest, ProducerIdAndEpoch,
    TransactionPartitions, TxnOffsetCommitRequest,
};
use crate::protocol::{ApiKey, ErrorCode, Request, Response};
use crate::types::{
    GenerationId, GroupId, MemberId, NodeId, Offset, PartitionId, ProducerEpoch, SECOND,
    TransactionalId,
};

const LATEST: i16 = i16::MAX;

struct Story {
    c: Cluster,
    id: TransactionalId,
    group: GroupId,
    /// Led by broker 1 and by broker 2.
    p: PartitionId,
    q: PartitionId,
    state: PartitionId,
    offsets: PartitionId,
    producer: ProducerIdAndEpoch,
}

impl Story {
    fn new() -> Self {
        Self::among(3)
    }

    fn among(brokers: u32) -> Self {
        let mut c = Cluster::new(brokers, &BrokerConfig::default());
        let id = c.names.transactional_id("tx");
        let group = c.names.group("g");
        let state = c.topic("__transaction_state", &[2, 3, 1], &[("min.insync.replicas", "2")]);
        let offsets = c.topic("__consumer_offsets", &[3, 1, 2], &[]);
        let p = c.topic("p", &[1, 2, 3], &[]);
        let q = c.topic("q", &[2, 3, 1], &[]);
        let producer = ProducerIdAndEpoch::NONE;
        let mut story = Self { c, id, group, p, q, state, offsets, producer };
        story.init();
        story
    }

    fn coordinator(&mut self) -> u32 {
        self.c.leader(self.state).expect("a coordinator")
    }

    fn init(&mut self) {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.id),
            transaction_timeout: 20 * SECOND,
            producer: ProducerIdAndEpoch::NONE,
            two_phase: false,
            keep_prepared: false,
        };
        for _ in 0..100 {
            let to = self.coordinator();
            let answer = self.c.ask(to, LATEST, Request::InitProducerId(request));
            let Response::InitProducerId(answer) = answer else { panic!("another answer") };
            if answer.error == ErrorCode::None {
                self.producer = answer.producer;
                return;
            }
            self.c.advance(SECOND / 10);
        }
        panic!("no producer id");
    }

    fn send(&mut self, partition: PartitionId, sequence: i32, version: i16) -> ProducedPartition {
        let batch = self.c.batch(of_producer(self.producer, sequence, true), 1);
        let to = self.c.leader(partition).expect("a leader");
        let request = produce(Some(self.id), Acks::All, &[(partition, batch)]);
        produced(self.c.ask(to, version, request))
    }

    fn send_well(&mut self, partition: PartitionId, sequence: i32) {
        assert_eq!(self.send(partition, sequence, LATEST).error, ErrorCode::None);
    }

    /// The same to broker 1 in another epoch, without waiting for the answer.
    fn send_later(&mut self, partition: PartitionId, epoch: ProducerEpoch) -> Token {
        let producer = ProducerIdAndEpoch { epoch, ..self.producer };
        let batch = self.c.batch(of_producer(producer, 0, true), 1);
        let request = produce(Some(self.id), Acks::All, &[(partition, batch)]);
        let token = self.c.ask_later(1, LATEST, request);
        self.c.pump();
        token
    }

    fn commit_offset(&mut self, offset: i64) -> ErrorCode {
        let position = CommittedOffset::new(self.q, Offset(offset), None);
        let commit = TxnOffsetCommitRequest {
            transactional_id: self.id,
            producer: self.producer,
            group: self.group,
            member: MemberId(0),
            instance: None,
            generation: GenerationId(-1),
            offsets: vec![position],
        };
        match self.c.ask(3, LATEST, Request::TxnOffsetCommit(commit)) {
            Response::TxnOffsetCommit(answer) => answer.partitions[0].1,
            other => panic!("another answer: {other:?}"),
        }
    }

    fn end(&mut self, commit: bool) {
        let request = EndTxnRequest { transactional_id: self.id, producer: self.producer, commit };
        let to = self.coordinator();
        let Response::EndTxn(answer) = self.c.ask(to, LATEST, Request::EndTxn(request)) else {
            panic!("another answer");
        };
        assert_eq!(answer.error, ErrorCode::None);
        self.producer = answer.producer;
        self.c.pump();
    }

    fn delete(&mut self, topic: &str) {
        let request = DeleteTopicRequest { name: topic.to_string() };
        self.c.ask(1, LATEST, Request::DeleteTopics(request));
        self.c.advance(SECOND / 10);
    }

    fn committed(&mut self, partition: PartitionId) -> FetchResponse {
        let to = self.c.leader(partition).expect("a leader");
        self.c.fetch(to, partition, 0, Isolation::ReadCommitted)
    }

    fn markers(&self, partition: PartitionId) -> Vec<(i16, bool)> {
        let marker = |n: &Note| match n {
            Note::Marker { partition: p, producer_epoch, commit, .. } if *p == partition => {
                Some((producer_epoch.0, *commit))
            }
            _ => None,
        };
        self.c.notes.iter().filter_map(marker).collect()
    }
}

fn offsets(r: &FetchResponse) -> Vec<i64> {
    r.entries.iter().map(|e| e.base_offset.0).collect()
}

#[test]
fn a_commit_over_two_leaders_shows_its_records_at_once() {
    let mut s = Story::new();
    s.send_well(s.p, 0);
    s.send_well(s.p, 1);
    s.send_well(s.q, 0);
    let before = s.committed(s.p);
    assert_eq!((offsets(&before), before.partitions[0].last_stable_offset), (vec![], Offset(0)));
    assert_eq!(offsets(&s.c.fetch(1, s.p, 0, Isolation::ReadUncommitted)), [0, 1]);
    s.end(true);
    assert_eq!(s.producer.epoch, ProducerEpoch(1));
    assert_eq!(s.markers(s.p), [(1, true)]);
    assert_eq!(s.markers(s.q), [(1, true)]);
    for (partition, expected) in [(s.p, vec![0, 1, 2]), (s.q, vec![0, 1])] {
        let answer = s.committed(partition);
        assert_eq!(offsets(&answer), expected);
        assert_eq!(answer.partitions[0].aborted, []);
    }
    // The next transaction begins with the raised epoch and sequence 0.
    s.send_well(s.p, 0);
    s.end(true);
    assert_eq!(s.markers(s.p), [(1, true), (2, true)]);
}

#[test]
fn an_abort_names_its_transaction_to_readers() {
    let mut s = Story::new();
    s.send_well(s.p, 0);
    s.end(false);
    let answer = s.committed(s.p);
    assert_eq!(offsets(&answer), [0, 1]);
    let aborted = AbortedTransaction { producer_id: s.producer.id, first_offset: Offset(0) };
    assert_eq!(answer.partitions[0].aborted, [aborted]);
    s.c.rules.set("aborted_list", "forgotten").expect("a rule");
    assert_eq!(s.committed(s.p).partitions[0].aborted, []);
}

#[test]
fn a_silent_producer_is_aborted_after_its_timeout() {
    let mut s = Story::new();
    s.send_well(s.p, 0);
    s.c.advance(35 * SECOND);
    assert_eq!(s.markers(s.p), [(1, false)]);
    assert_eq!(s.send(s.p, 1, LATEST).error, ErrorCode::InvalidProducerEpoch);
}

#[test]
fn an_old_client_must_have_added_its_partitions() {
    let mut s = Story::new();
    assert_eq!(s.send(s.p, 0, 11).error, ErrorCode::TransactionAbortable);
    assert_eq!(s.send(s.p, 0, 10).error, ErrorCode::InvalidTxnState);
    let request = TransactionPartitions {
        transactional_id: s.id,
        producer: s.producer,
        verify_only: false,
        partitions: vec![s.p],
    };
    let to = s.coordinator();
    let Response::AddPartitionsToTxn(answer) =
        s.c.ask(to, 3, Request::AddPartitionsToTxn(request.into()))
    else {
        panic!("another answer");
    };
    assert_eq!(answer.partitions().collect::<Vec<_>>(), [(s.p, ErrorCode::None)]);
    assert_eq!(s.send(s.p, 0, 11).error, ErrorCode::None);
}

#[test]
fn who_leads_only_when_the_coordinator_has_answered_appends_nothing() {
    let mut s = Story::new();
    let r = s.c.topic("r", &[2, 1, 3], &[]);
    let to = s.coordinator();
    assert_eq!((to, s.c.leader(r)), (2, Some(2)));
    s.c.pause(NodeId(2));
    let batches = [s.p, r].map(|p| (p, s.c.batch(of_producer(s.producer, 0, true), 1)));
    let token = s.c.ask_later(1, LATEST, produce(Some(s.id), Acks::All, &batches));
    s.c.until("broker 1 leads", |c| c.leader(r) == Some(1) && c.replica(1, r).leader().is_some());
    s.c.resume(NodeId(2));
    s.c.advance(SECOND);
    let Some(Response::Produce(answer)) = s.c.reply(token) else { panic!("another answer") };
    assert_eq!(answer.partitions[1].error, ErrorCode::NotLeaderOrFollower);
    assert_eq!(s.c.replica(1, r).log().log_end_offset(), Offset(0));
}

#[test]
fn a_request_of_several_transactions_is_answered_when_the_last_is_done() {
    let mut s = Story::new();
    let unknown = s.c.names.transactional_id("nosuch");
    let wanted = |transactional_id| TransactionPartitions {
        transactional_id,
        producer: s.producer,
        verify_only: false,
        partitions: vec![s.p],
    };
    let transactions = vec![wanted(s.id), wanted(unknown)];
    let request = Request::AddPartitionsToTxn(AddPartitionsToTxnRequest { transactions });
    // The first is not replicated, the second fails at once.
    s.c.pause(NodeId(3));
    let to = s.coordinator();
    let token = s.c.ask_later(to, LATEST, request);
    s.c.pump();
    assert_eq!(s.c.reply(token), None);
    s.c.resume(NodeId(3));
    let Response::AddPartitionsToTxn(answer) = s.c.ask_until(token) else { panic!("another") };
    let told: Vec<_> =
        answer.results.iter().map(|t| (t.transactional_id, t.partitions[0].1)).collect();
    assert_eq!(told, [(unknown, ErrorCode::InvalidProducerIdMapping), (s.id, ErrorCode::None)]);
}

#[test]
fn transactions_that_wait_for_a_coordinator_go_in_one_request() {
    let mut s = Story::new();
    let mut producers = vec![(s.id, s.producer)];
    for name in ["second", "third"] {
        s.id = s.c.names.transactional_id(name);
        s.init();
        producers.push((s.id, s.producer));
    }
    let asked = |s: &Story| {
        let adds = (NodeId(1), ApiKey::AddPartitionsToTxn);
        s.c.sent.iter().filter(|&&sent| sent == adds).count()
    };
    assert_eq!((s.coordinator(), asked(&s)), (2, 0));
    s.c.pause(NodeId(2));
    let mut tokens = Vec::new();
    for (id, producer) in producers {
        (s.id, s.producer) = (id, producer);
        tokens.push(s.send_later(s.p, producer.epoch));
    }
    assert_eq!(asked(&s), 1, "two wait");
    s.c.resume(NodeId(2));
    for token in tokens {
        assert_eq!(produced(s.c.ask_until(token)).error, ErrorCode::None);
    }
    assert_eq!(asked(&s), 2);
}

#[test]
fn while_a_transaction_ends_a_produce_is_asked_for_again_and_offsets_are_not() {
    let mut s = Story::among(4);
    let r = s.c.topic("r", &[4], &[]);
    s.send_well(r, 0);
    // The marker does not arrive.
    s.c.pause(NodeId(4));
    s.end(true);
    let start = s.c.now();
    assert_eq!(s.commit_offset(5), ErrorCode::ConcurrentTransactions);
    assert_eq!(s.c.now().since(start), 0);
    assert_eq!(s.send(s.q, 0, LATEST).error, ErrorCode::ConcurrentTransactions);
    assert_eq!(s.c.now().since(start), SECOND / 10);
    let later = s.send_later(s.p, s.producer.epoch);
    s.c.resume(NodeId(4));
    assert_eq!(produced(s.c.ask_until(later)).error, ErrorCode::None);
}

#[test]
fn of_what_waits_for_a_coordinator_the_latest_request_of_a_transaction_goes_on() {
    let mut s = Story::new();
    let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(|name| s.c.topic(name, &[1, 3], &[]));
    let epoch = s.producer.epoch;
    s.c.pause(NodeId(2));
    let under_way = s.send_later(a, epoch);
    let older = s.send_later(b, epoch);
    assert_eq!(s.c.reply(older), None);
    let newer = s.send_later(c, epoch);
    let error = |s: &mut Story, token| s.c.reply(token).map(|r| produced(r).error);
    assert_eq!(error(&mut s, older), Some(ErrorCode::NotEnoughReplicas));
    let newest = s.send_later(d, ProducerEpoch(epoch.0 + 1));
    assert_eq!(error(&mut s, newer), Some(ErrorCode::InvalidProducerEpoch));
    let late = s.send_later(e, epoch);
    assert_eq!(error(&mut s, late), Some(ErrorCode::InvalidProducerEpoch));
    assert_eq!(error(&mut s, under_way), None);
    s.c.resume(NodeId(2));
    assert_eq!(produced(s.c.ask_until(under_way)).error, ErrorCode::None);
    assert_eq!(produced(s.c.ask_until(newest)).error, ErrorCode::InvalidProducerEpoch);
    s.send_well(s.p, 0);
}

#[test]
fn another_producer_of_the_same_id_fences_the_first() {
    let mut s = Story::new();
    let old = s.producer;
    s.send_well(s.p, 0);
    s.init();
    assert_eq!(s.producer.id, old.id);
    assert!(s.producer.epoch > old.epoch);
    let new = core::mem::replace(&mut s.producer, old);
    assert_eq!(s.send(s.p, 1, LATEST).error, ErrorCode::InvalidProducerEpoch);
    s.producer = new;
    s.send_well(s.p, 0);
    s.end(true);
    let aborted = AbortedTransaction { producer_id: old.id, first_offset: Offset(0) };
    assert_eq!(s.committed(s.p).partitions[0].aborted, [aborted]);
}

#[test]
fn a_new_coordinator_finishes_what_the_old_one_decided() {
    let mut s = Story::new();
    s.send_well(s.p, 0);
    let to = s.coordinator();
    // The leader of p does not answer, so the markers hang when the coordinator dies.
    s.c.pause(NodeId(1));
    let request = EndTxnRequest { transactional_id: s.id, producer: s.producer, commit: true };
    s.c.ask_later(to, LATEST, Request::EndTxn(request));
    s.c.stop(NodeId(to), StopKind::Kill);
    s.c.until("another coordinator", |c| c.leader(s.state).is_some_and(|l| l != to));
    s.c.resume(NodeId(1));
    s.c.start(NodeId(to));
    s.c.until("the marker", |c| {
        let leader = c.controller.image().partition(s.p).and_then(|r| r.leader);
        leader.is_some_and(|l| {
            let replica = c.replica(l.0, s.p);
            replica.leader().is_some() && replica.log().has_no_transactions()
        })
    });
    // The decision was replicated or not; either way there is exactly one verdict.
    let verdicts: Vec<bool> = s.markers(s.p).iter().map(|m| m.1).collect();
    assert!(verdicts.windows(2).all(|w| w[0] == w[1]), "one verdict: {verdicts:?}");
    s.init();
    s.send_well(s.p, 0);
    s.end(true);
}

#[test]
fn offsets_of_a_transaction_show_with_its_commit() {
    let mut s = Story::new();
    s.send_well(s.p, 0);
    assert_eq!(s.commit_offset(5), ErrorCode::None);
    let stable = OffsetFetchRequest {
        group: s.group,
        partitions: Some(vec![s.q]),
        who: None,
        require_stable: true,
    };
    let fetch = |s: &mut Story| match s.c.ask(3, LATEST, Request::OffsetFetch(stable.clone())) {
        Response::OffsetFetch(r) => (r.partitions[0].0, r.partitions[0].1.offset),
        other => panic!("another answer: {other:?}"),
    };
    assert_eq!(fetch(&mut s).0, ErrorCode::UnstableOffsetCommit);
    s.end(true);
    assert_eq!(s.markers(s.offsets), [(1, true)]);
    assert_eq!(fetch(&mut s), (ErrorCode::None, Offset(5)));
}

#[test]
fn a_deleted_topic_holds_up_no_transaction_and_a_new_one_of_its_name_gets_the_marker() {
    let mut s = Story::new();
    s.send_well(s.p, 0);
    s.send_well(s.q, 0);
    s.delete("q");
    s.end(true);
    s.send_well(s.p, 0);
    s.end(true);
    assert_eq!(s.markers(s.p), [(1, true), (2, true)]);
    s.send_well(s.p, 0);
    s.delete("p");
    s.p = s.c.topic("p", &[1, 2, 3], &[]);
    s.end(false);
    s.c.advance(SECOND);
    assert_eq!(s.markers(s.p), [(3, false)]);
    assert_eq!(s.markers(s.q), []);
}

#[test]
fn a_coordinator_adds_no_partition_that_it_does_not_know() {
    let mut s = Story::new();
    let nowhere = PartitionId(99);
    let request = TransactionPartitions {
        transactional_id: s.id,
        producer: s.producer,
        verify_only: false,
        partitions: vec![nowhere],
    };
    let to = s.coordinator();
    let Response::AddPartitionsToTxn(answer) =
        s.c.ask(to, LATEST, Request::AddPartitionsToTxn(request.into()))
    else {
        panic!("another answer");
    };
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(answer.partitions().collect::<Vec<_>>(), [(nowhere, unknown)]);
}

#[test]
fn who_knows_a_newer_epoch_asks_no_coordinator() {
    let mut s = Story::new();
    s.send_well(s.p, 0);
    s.end(true);
    s.producer.epoch = ProducerEpoch(0);
    // The coordinator would say that it does not know the id.
    s.id = s.c.names.transactional_id("nosuch");
    assert_eq!(s.send(s.p, 1, LATEST).error, ErrorCode::InvalidProducerEpoch);
    assert_eq!(s.send(s.q, 0, LATEST).error, ErrorCode::InvalidProducerIdMapping);
}

#[test]
fn the_coordinator_of_an_id_is_found_at_every_broker() {
    let mut s = Story::new();
    for to in 1..=3 {
        let key = CoordinatorKey::Transaction(s.id);
        let request = Request::FindCoordinator(FindCoordinatorRequest { key });
        let Response::FindCoordinator(answer) = s.c.ask(to, LATEST, request) else {
            panic!("another answer");
        };
        assert_eq!((answer.error, answer.node), (ErrorCode::None, Some(NodeId(2))));
    }
}

#[test]
fn an_unknown_producer_is_told_so_by_the_coordinator() {
    let mut s = Story::new();
    s.producer = producer(99, 0);
    assert_eq!(s.send(s.p, 0, LATEST).error, ErrorCode::InvalidProducerIdMapping);
}
