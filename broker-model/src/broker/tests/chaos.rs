//! Random faults on a cluster: nothing acknowledged is lost, replicas agree after healing.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::cluster::{Cluster, of_producer, produce, producer};
use crate::config::BrokerConfig;
use crate::io::{StopKind, Token};
use crate::protocol::produce::Acks;
use crate::protocol::{ErrorCode, Response};
use crate::types::{BatchId, MILLISECOND, NodeId, Offset, PartitionId};

#[derive(Clone, Copy, Debug)]
enum Step {
    Produce { partition: usize, acks: Acks, idempotent: bool },
    Kill(u32),
    Start(u32),
    Pause(u32),
    Resume(u32, bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let broker = 1..=3_u32;
    prop_oneof![
        8 => (0..3_usize, prop_oneof![3 => Just(Acks::All), 1 => Just(Acks::Leader)], any::<bool>())
            .prop_map(|(partition, acks, idempotent)| Step::Produce { partition, acks, idempotent }),
        1 => broker.clone().prop_map(Step::Kill),
        2 => broker.clone().prop_map(Step::Start),
        1 => broker.clone().prop_map(Step::Pause),
        2 => (broker, any::<bool>()).prop_map(|(b, deaf)| Step::Resume(b, deaf)),
        2 => (1..12_000_u64).prop_map(Step::Wait),
    ]
}

struct Sent {
    token: Token,
    partition: PartitionId,
    batch: BatchId,
    acks: Acks,
}

struct Chaos {
    c: Cluster,
    partitions: Vec<PartitionId>,
    sent: Vec<Sent>,
    sequences: Vec<i32>,
    acknowledged: Vec<(PartitionId, Offset, BatchId)>,
}

impl Chaos {
    fn new() -> Self {
        let mut c = Cluster::new(3, &BrokerConfig::default());
        let config = [("min.insync.replicas", "2")];
        let partitions = [("a", [1, 2, 3]), ("b", [2, 3, 1]), ("c", [3, 1, 2])]
            .iter()
            .map(|(name, replicas)| c.topic(name, replicas, &config))
            .collect();
        Self {
            c,
            partitions,
            sent: Vec::new(),
            sequences: alloc::vec![0; 3],
            acknowledged: Vec::new(),
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Produce { partition, acks, idempotent } => {
                self.produce(partition, acks, idempotent);
            }
            Step::Kill(b) if self.c.broker(b).is_running() => {
                self.c.resume(NodeId(b));
                self.c.stop(NodeId(b), StopKind::Kill);
            }
            Step::Start(b) if !self.c.broker(b).is_running() => self.c.start(NodeId(b)),
            Step::Pause(b) => self.c.pause(NodeId(b)),
            Step::Resume(b, true) => self.c.resume_deaf(NodeId(b)),
            Step::Resume(b, false) => self.c.resume(NodeId(b)),
            Step::Wait(ms) => self.c.advance(ms * MILLISECOND),
            Step::Kill(_) | Step::Start(_) => {}
        }
        self.c.pump();
        self.collect();
        for b in &self.c.brokers {
            for (_, replica) in b.replicas() {
                replica.assert_invariants(&self.c.rules);
            }
        }
    }

    fn produce(&mut self, index: usize, acks: Acks, idempotent: bool) {
        let partition = self.partitions[index];
        let leader = self.c.controller.image().partition(partition).and_then(|r| r.leader);
        let Some(leader) = leader.filter(|l| self.c.broker(l.0).is_running()) else { return };
        let batch = if idempotent {
            let sequence = self.sequences[index];
            self.sequences[index] += 2;
            let id = i64::try_from(index).expect("small") + 1;
            self.c.batch(of_producer(producer(id, 0), sequence, false), 2)
        } else {
            self.c.batch(super::cluster::plain(), 3)
        };
        let request = produce(None, acks, &[(partition, batch)]);
        let token = self.c.ask_later(leader.0, i16::MAX, request);
        self.sent.push(Sent { token, partition, batch, acks });
    }

    fn collect(&mut self) {
        for sent in core::mem::take(&mut self.sent) {
            match self.c.reply(sent.token) {
                None => self.sent.push(sent),
                Some(Response::Produce(r)) => {
                    let answer = r.partitions[0];
                    if answer.error == ErrorCode::None && sent.acks == Acks::All {
                        self.acknowledged.push((sent.partition, answer.base_offset, sent.batch));
                    }
                }
                Some(other) => panic!("another answer: {other:?}"),
            }
        }
    }

    fn heal(&mut self) {
        for b in 1..=3 {
            self.c.resume(NodeId(b));
            if !self.c.broker(b).is_running() {
                self.c.start(NodeId(b));
            }
        }
        for _ in 0..600 {
            self.c.advance(100 * MILLISECOND);
            if self.partitions.iter().all(|&p| self.is_whole(p)) {
                self.collect();
                return;
            }
        }
        let states: Vec<String> = self.partitions.iter().map(|&p| self.state(p)).collect();
        panic!("not healed within a minute: {states:#?}");
    }

    fn is_whole(&self, p: PartitionId) -> bool {
        let end = self.c.replica(1, p).log().log_end_offset();
        self.c.isr(p).len() == 3
            && (1..=3)
                .map(|b| self.c.replica(b, p))
                .all(|r| r.log().log_end_offset() == end && r.high_watermark() == end)
    }

    fn state(&self, p: PartitionId) -> String {
        let record = self.c.controller.image().partition(p);
        let replicas: Vec<String> = (1..=3)
            .map(|b| {
                let r = self.c.replica(b, p);
                let end = r.log().log_end_offset();
                format!(
                    "{b}: fenced {} {end} {} {:?}",
                    self.c.broker(b).is_fenced(),
                    r.high_watermark(),
                    r.role()
                )
            })
            .collect();
        format!("{record:?} {replicas:#?}")
    }

    fn judge(&self) {
        for &p in &self.partitions {
            let first = self.c.replica(1, p).log().entries();
            for b in 2..=3 {
                assert_eq!(first, self.c.replica(b, p).log().entries(), "replicas of {p} agree");
            }
        }
        for &(p, offset, batch) in &self.acknowledged {
            let entries = self.c.replica(1, p).log().entries();
            let held = entries.iter().any(|e| e.base_offset == offset && e.batch == batch);
            assert!(held, "acknowledged {batch} at {offset} of {p} is lost");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn faults_lose_nothing_that_was_acknowledged(steps in prop::collection::vec(step(), 1..120)) {
        let mut chaos = Chaos::new();
        for step in steps {
            chaos.run(step);
        }
        chaos.heal();
        chaos.judge();
    }
}
