//! Laws: what the log says is what the coordinator says; one verdict for a transaction.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::super::load::as_loaded;
use super::bench::{Bench, X, Y, pid};
use crate::io::Token;
use crate::protocol::ErrorCode;
use crate::protocol::txn::ProducerIdAndEpoch;
use crate::types::{SECOND, TransactionalId};

#[derive(Clone, Debug)]
enum Step {
    Init { y: bool, expected: bool },
    Add { y: bool, partition: u32, stale: bool },
    End { y: bool, version: i16, commit: bool, stale: bool },
    Replicate,
    Refuse,
    Markers,
    Failover,
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (any::<bool>(), any::<bool>()).prop_map(|(y, expected)| Step::Init { y, expected }),
        4 => (any::<bool>(), 0..3_u32, prop::bool::weighted(0.1))
            .prop_map(|(y, partition, stale)| Step::Add { y, partition, stale }),
        3 => (any::<bool>(), 4..6_i16, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(y, version, commit, stale)| Step::End { y, version, commit, stale }),
        3 => Just(Step::Replicate),
        1 => Just(Step::Refuse),
        2 => Just(Step::Markers),
        1 => Just(Step::Failover),
        1 => (0..30_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

struct Walk {
    bench: Bench,
    tokens: Vec<Token>,
}

impl Walk {
    fn producer(&self, id: TransactionalId, stale: bool) -> ProducerIdAndEpoch {
        let record = self.bench.coordinator.transaction(super::bench::SHARD, id);
        let mut producer = record.map_or(pid(1, 0), |r| r.producer);
        producer.epoch.0 = (producer.epoch.0 - i16::from(stale)).max(0);
        producer
    }

    fn take(&mut self, step: &Step) {
        let name = |y| if y { Y } else { X };
        match *step {
            Step::Init { y, expected } => {
                let id = name(y);
                let known =
                    if expected { self.producer(id, false) } else { ProducerIdAndEpoch::NONE };
                self.tokens.push(self.bench.start_init(5, Some(id), known, 20 * SECOND));
            }
            Step::Add { y, partition, stale } => {
                let producer = self.producer(name(y), stale);
                let token = self.bench.start_add(3, name(y), producer, &[partition], false);
                self.tokens.push(token);
            }
            Step::End { y, version, commit, stale } => {
                let producer = self.producer(name(y), stale);
                self.tokens.push(self.bench.start_end(version, name(y), producer, commit));
            }
            Step::Replicate => self.bench.replicate(),
            Step::Refuse => {
                if !self.bench.waiting.is_empty() {
                    self.bench.refuse(ErrorCode::NotEnoughReplicas);
                }
            }
            Step::Markers => self.bench.write_markers(),
            Step::Failover => {
                self.bench.replicate();
                self.bench.load();
            }
            Step::Wait { seconds } => self.bench.wait(seconds * SECOND),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replay_equals_handling(
        hold: bool,
        hold_markers: bool,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut walk = Walk { bench: Bench::new(), tokens: Vec::new() };
        walk.bench.hold = hold;
        walk.bench.hold_markers = hold_markers;
        for step in &steps {
            walk.take(step);
        }
        let b = &mut walk.bench;
        // Everything settles: nothing hangs, and nobody waits.
        b.hold = false;
        b.hold_markers = false;
        b.replicate();
        b.write_markers();
        b.wait(60 * SECOND);
        for token in &walk.tokens {
            prop_assert!(!b.is_pending(*token), "{token:?} has no answer");
        }
        let handled: Vec<_> = b.coordinator.transactions().cloned().collect();
        for record in &handled {
            let state = record.state.name();
            prop_assert!(state == "Empty" || state.starts_with("Complete"), "{state} hangs");
        }
        let answers = b.replies.len();
        b.load();
        let replayed: Vec<_> = b.coordinator.transactions().cloned().collect();
        // An id whose first record was refused is in memory only.
        let logged = handled.iter().filter(|r| r.producer.epoch.0 >= 0);
        let logged: Vec<_> = logged.map(as_loaded).collect();
        prop_assert_eq!(replayed, logged);
        prop_assert_eq!(b.replies.len(), answers);
    }

    #[test]
    fn under_protocol_v2_a_partition_gets_one_verdict_for_an_epoch(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut walk = Walk { bench: Bench::new(), tokens: Vec::new() };
        walk.bench.hold_markers = true;
        for step in &steps {
            match step {
                // One transactional id, new clients only.
                Step::End { commit, stale, .. } => {
                    walk.take(&Step::End { y: false, version: 5, commit: *commit, stale: *stale });
                }
                Step::Add { partition, stale, .. } => {
                    walk.take(&Step::Add { y: false, partition: *partition, stale: *stale });
                }
                Step::Init { expected, .. } => {
                    walk.take(&Step::Init { y: false, expected: *expected });
                }
                other => walk.take(other),
            }
        }
        let mut verdicts: BTreeMap<(u32, i16), BTreeSet<bool>> = BTreeMap::new();
        for &(partition, epoch, commit) in &walk.bench.written {
            verdicts.entry((partition, epoch)).or_default().insert(commit);
        }
        for (place, verdicts) in verdicts {
            prop_assert_eq!(verdicts.len(), 1, "two verdicts at {:?}", place);
        }
    }
}
