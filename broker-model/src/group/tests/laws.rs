//! Laws: what the log says is what the coordinator says; nothing stays unanswered.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::bench::{Bench, G, H, NOBODY, joining, owning, producer, syncing};
use super::order::{heartbeat, leave};
use crate::group::{GroupState, GroupView};
use crate::io::Token;
use crate::protocol::group_admin::{DeleteGroupsRequest, OffsetDeleteRequest};
use crate::protocol::{ErrorCode, Request};
use crate::types::{GroupId, MemberId, PartitionId, SECOND, TopicId};

#[derive(Clone, Debug)]
enum Step {
    NewMember,
    Join { member: usize, owned: u32 },
    Sync { member: usize },
    Heartbeat { member: usize },
    Leave { member: usize },
    Commit { member: usize, partition: u32, offset: i64 },
    SimpleCommit { partition: u32, offset: i64 },
    TxnCommit { producer: i64, group: bool, partition: u32, offset: i64 },
    Marker { producer: i64, commit: bool },
    DeleteGroup { group: bool },
    DeleteOffset { group: bool, partition: u32 },
    Replicate,
    Refuse,
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..4_usize;
    prop_oneof![
        Just(Step::NewMember),
        (member.clone(), 0..2_u32).prop_map(|(member, owned)| Step::Join { member, owned }),
        member.clone().prop_map(|member| Step::Sync { member }),
        member.clone().prop_map(|member| Step::Heartbeat { member }),
        member.clone().prop_map(|member| Step::Leave { member }),
        (member, 0..3_u32, 0..100_i64).prop_map(|(member, partition, offset)| Step::Commit {
            member,
            partition,
            offset
        }),
        (0..3_u32, 0..100_i64)
            .prop_map(|(partition, offset)| Step::SimpleCommit { partition, offset }),
        (1..3_i64, any::<bool>(), 0..3_u32, 0..100_i64).prop_map(
            |(producer, group, partition, offset)| Step::TxnCommit {
                producer,
                group,
                partition,
                offset
            }
        ),
        (1..3_i64, any::<bool>()).prop_map(|(producer, commit)| Step::Marker { producer, commit }),
        any::<bool>().prop_map(|group| Step::DeleteGroup { group }),
        (any::<bool>(), 0..3_u32)
            .prop_map(|(group, partition)| Step::DeleteOffset { group, partition }),
        Just(Step::Replicate),
        Just(Step::Refuse),
        (0..60_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

struct Walk {
    bench: Bench,
    members: Vec<MemberId>,
    tokens: Vec<Token>,
}

impl Walk {
    fn take(&mut self, step: &Step) {
        let b = &mut self.bench;
        let generation = b.coordinator.group(super::bench::SHARD, G).map_or(0, |g| g.generation.0);
        let of = |members: &[MemberId], i: usize| {
            members.get(i.min(members.len().saturating_sub(1))).copied().unwrap_or(MemberId(1))
        };
        match *step {
            Step::NewMember => {
                let response = b.join(joining(G, NOBODY));
                if response.error == ErrorCode::MemberIdRequired {
                    self.members.insert(0, response.member);
                }
            }
            Step::Join { member, owned } => {
                let request = owning(joining(G, of(&self.members, member)), &[owned]);
                self.tokens.push(b.start_join(request));
            }
            Step::Sync { member } => {
                let m = of(&self.members, member);
                let all: Vec<(MemberId, &[u32])> =
                    self.members.iter().map(|&m| (m, &[0_u32][..])).collect();
                self.tokens.push(b.start_sync(syncing(G, m, generation, &all)));
            }
            Step::Heartbeat { member } => {
                self.tokens.push(heartbeat(b, of(&self.members, member), generation));
            }
            Step::Leave { member } => {
                self.tokens.push(leave(b, of(&self.members, member)));
            }
            Step::Commit { member, partition, offset } => {
                let m = of(&self.members, member);
                self.tokens.push(b.start_commit(G, m, generation, &[(partition, offset)]));
            }
            Step::SimpleCommit { partition, offset } => {
                self.tokens.push(b.start_commit(H, NOBODY, -1, &[(partition, offset)]));
            }
            Step::TxnCommit { producer: id, group, partition, offset } => {
                let group = if group { G } else { H };
                let offsets = [(partition, offset)];
                let token = b.start_txn_commit(producer(id, 0), group, NOBODY, -1, &offsets);
                self.tokens.push(token);
            }
            Step::Marker { producer: id, commit } => {
                b.replicate();
                b.marker(producer(id, 0), commit);
            }
            Step::DeleteGroup { group } => {
                let group = if group { G } else { H };
                self.tokens.push(b.ask(Request::DeleteGroups(DeleteGroupsRequest { group })));
            }
            Step::DeleteOffset { group, partition } => {
                let group = if group { G } else { H };
                // Nobody subscribes to this topic.
                let partitions = [(TopicId(9), PartitionId(partition))].into();
                let delete = OffsetDeleteRequest { group, partitions };
                self.tokens.push(b.ask(Request::OffsetDelete(delete)));
            }
            Step::Replicate => b.replicate(),
            Step::Refuse => {
                if !b.waiting.is_empty() {
                    b.refuse_newest(ErrorCode::NotEnoughReplicas);
                }
            }
            Step::Wait { seconds } => b.wait(seconds * SECOND),
        }
    }
}

fn offsets_of(b: &Bench, group: GroupId) -> Option<(Vec<(u32, i64)>, bool)> {
    let view = b.coordinator.group(super::bench::SHARD, group)?;
    let offsets = view.offsets.iter().map(|&(p, o)| (p.0, o.0)).collect();
    Some((offsets, view.pending))
}

fn is_without_offsets(view: Option<&(Vec<(u32, i64)>, bool)>) -> bool {
    view.is_none_or(|(offsets, pending)| offsets.is_empty() && !pending)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replay_equals_handling(hold: bool, steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new();
        bench.hold = hold;
        let mut walk = Walk { bench, members: Vec::new(), tokens: Vec::new() };
        for step in &steps {
            walk.take(step);
        }
        let b = &mut walk.bench;
        b.replicate();
        b.hold = false;
        b.replicate();
        let before: Option<GroupView> = b.coordinator.group(super::bench::SHARD, G);
        let offsets = [offsets_of(b, G), offsets_of(b, H)];
        b.load();
        for (group, before) in [G, H].into_iter().zip(&offsets) {
            let after = offsets_of(b, group);
            let both_empty = is_without_offsets(before.as_ref()) && is_without_offsets(after.as_ref());
            prop_assert!(both_empty || after == *before, "{after:?} is not {before:?}");
        }
        // A round that has ended is in the log; one that has not is forgotten.
        if let Some(before) = before.filter(|g| g.state == GroupState::Stable) {
            prop_assert_eq!(b.group(G), before);
        }
        // Loading has answered whatever waited.
        for token in &walk.tokens {
            prop_assert!(!walk.bench.is_pending(*token), "{token:?} has no answer");
        }
    }

    #[test]
    fn the_same_steps_give_the_same_answers(steps in prop::collection::vec(step(), 1..40)) {
        let run = || {
            let mut walk = Walk { bench: Bench::new(), members: Vec::new(), tokens: Vec::new() };
            for step in &steps {
                walk.take(step);
            }
            (walk.bench.replies, walk.bench.log, walk.bench.notes)
        };
        prop_assert_eq!(run(), run());
    }
}
