//! Fetchers: what a fetch carries, backoff, and the session they believe in against a naive twin
//! of its leader.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::Fetchers;
use super::fetcher::FollowedState;
use super::fetcher::{Fetcher, Followed, Prepared};
use crate::protocol::ErrorCode;
use crate::protocol::fetch::FetchPartition;
use crate::types::{Instant, LeaderEpoch, NodeId, Offset, PartitionId};

const EPOCH: LeaderEpoch = LeaderEpoch(3);
const LEADER: NodeId = NodeId(1);

fn at(offset: i64) -> impl Fn(&Followed) -> FetchPartition {
    move |followed| FetchPartition {
        partition: followed.partition,
        fetch_offset: Offset(offset),
        current_leader_epoch: Some(EPOCH),
        last_fetched_epoch: None,
        log_start_offset: Offset::ZERO,
        max_bytes: 1 << 20,
    }
}

fn ids(prepared: &Prepared) -> Vec<u32> {
    prepared.partitions.iter().map(|p| p.partition.0).collect()
}

#[test]
fn a_fetch_says_what_changed_since_the_last() {
    let mut fetcher = Fetcher::default();
    let (a, b) = (fetcher.add(PartitionId(7)), fetcher.add(PartitionId(8)));
    let first = fetcher.prepare(at(0)).expect("there is work");
    assert_eq!((first.session_id, first.session_epoch, ids(&first)), (0, 0, [7, 8].to_vec()));
    assert!(fetcher.prepare(at(0)).is_none(), "one fetch at a time");
    fetcher.answered(ErrorCode::None, 44);
    let second = fetcher.prepare(at(0)).expect("an empty fetch asks for news");
    assert_eq!((second.session_id, second.session_epoch), (44, 1));
    assert!(second.partitions.is_empty());
    fetcher.answered(ErrorCode::None, 44);
    fetcher.change(b);
    let third = fetcher.prepare(at(0)).expect("there is work");
    assert!(third.partitions.is_empty(), "looked at again, and nothing is new");
    fetcher.answered(ErrorCode::None, 44);
    fetcher.change(a);
    let fourth = fetcher.prepare(at(9)).expect("there is work");
    assert_eq!(ids(&fourth), [7], "only what was said to have changed is described");
    assert!(fetcher.answers(a, Offset(9), Some(EPOCH)));
    assert!(!fetcher.answers(a, Offset(8), Some(EPOCH)), "the log moved meanwhile");
    assert!(!fetcher.answers(a, Offset(9), Some(EPOCH.next())), "the leader changed meanwhile");
}

#[test]
fn a_partition_backs_off_alone() {
    let mut fetcher = Fetcher::default();
    let (a, _) = (fetcher.add(PartitionId(0)), fetcher.add(PartitionId(1)));
    fetcher.prepare(at(0)).expect("there is work");
    fetcher.set_state(a, FollowedState::Delayed(Instant(100)));
    assert!(!fetcher.answers(a, Offset(0), Some(EPOCH)), "it waits: the answer is not for it");
    fetcher.answered(ErrorCode::None, 5);
    let fetch = fetcher.prepare(at(0)).expect("the other goes on");
    assert_eq!(fetch.forgotten, [PartitionId(0)]);
    fetcher.answered(ErrorCode::None, 5);
    assert_eq!(fetcher.due(), Some(Instant(100)));
    fetcher.wake(Instant(99));
    assert_eq!(fetcher.slot(a).state, FollowedState::Delayed(Instant(100)));
    fetcher.wake(Instant(100));
    assert_eq!((fetcher.slot(a).state, fetcher.due()), (FollowedState::Fetching, None));
    assert_eq!(ids(&fetcher.prepare(at(0)).expect("there is work")), [0]);
}

#[test]
fn a_failed_fetch_pauses_all_and_begins_a_new_session() {
    let mut fetcher = Fetcher::default();
    fetcher.add(PartitionId(0));
    fetcher.prepare(at(0)).expect("there is work");
    fetcher.answered(ErrorCode::None, 5);
    fetcher.prepare(at(0)).expect("there is work");
    fetcher.failed(Instant(50));
    assert!(fetcher.prepare(at(0)).is_none(), "paused");
    assert_eq!(fetcher.due(), Some(Instant(50)));
    fetcher.wake(Instant(50));
    let again = fetcher.prepare(at(0)).expect("there is work");
    assert_eq!((again.session_id, again.session_epoch), (5, 0), "closes the old session");
    assert_eq!(ids(&again), [0], "and says everything");
}

#[test]
fn a_session_that_the_leader_forgot_is_not_closed() {
    let mut fetcher = Fetcher::default();
    fetcher.add(PartitionId(0));
    fetcher.prepare(at(0)).expect("there is work");
    fetcher.answered(ErrorCode::None, 5);
    fetcher.prepare(at(0)).expect("there is work");
    fetcher.answered(ErrorCode::FetchSessionIdNotFound, 0);
    let again = fetcher.prepare(at(0)).expect("there is work");
    assert_eq!((again.session_id, again.session_epoch), (0, 0));
    fetcher.answered(ErrorCode::None, 0);
    let next = fetcher.prepare(at(0)).expect("there is work");
    assert_eq!((next.session_id, next.session_epoch), (0, 0), "the leader made no session");
    assert_eq!(ids(&next), [0]);
}

#[test]
fn a_partition_has_one_fetcher() {
    let mut fetchers = Fetchers::default();
    let partition = PartitionId(2);
    fetchers.follow(partition, LEADER);
    fetchers.follow(partition, NodeId(9));
    assert_eq!(fetchers.place(partition).map(|(leader, _)| leader), Some(NodeId(9)));
    assert!(fetchers.get_mut(LEADER).is_none(), "the old one has nothing to do");
    assert!(fetchers.followed(LEADER, partition).is_none(), "an old leader's answer is stale");
    fetchers.unfollow(partition);
    assert!(fetchers.place(partition).is_none());
    assert_eq!(fetchers.next_due(), None);
}

#[derive(Clone, Debug)]
enum Step {
    Follow(u32),
    Unfollow(u32),
    Grow(u32),
    Delay(u32, u64),
    Wake(u64),
    Fetch,
    Fail,
    Refuse,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..5).prop_map(Step::Follow),
        (0u32..5).prop_map(Step::Unfollow),
        (0u32..5).prop_map(Step::Grow),
        (0u32..5, 1u64..20).prop_map(|(p, t)| Step::Delay(p, t)),
        (1u64..20).prop_map(Step::Wake),
        Just(Step::Fetch),
        Just(Step::Fetch),
        Just(Step::Fail),
        Just(Step::Refuse),
    ]
}

/// A follower said naively: partitions with their log ends, and until when they wait.
#[derive(Default)]
struct Twin {
    ends: BTreeMap<u32, (i64, Option<u64>)>,
    paused: bool,
}

proptest! {
    /// Whatever happens in between, after a fetch the leader's session is what the follower
    /// wants: its fetching partitions, at their log ends.
    #[test]
    fn the_leader_knows_what_the_follower_wants(steps in prop::collection::vec(step(), 0..80)) {
        let mut fetcher = Fetcher::default();
        let mut slots: BTreeMap<u32, u32> = BTreeMap::new();
        let mut twin = Twin::default();
        let mut session: BTreeMap<u32, i64> = BTreeMap::new();
        let (mut now, mut next_session) = (0, 1);
        for step in steps {
            match step {
                Step::Follow(p) if !slots.contains_key(&p) => {
                    slots.insert(p, fetcher.add(PartitionId(p)));
                    twin.ends.insert(p, (0, None));
                }
                Step::Unfollow(p) => {
                    if let Some(index) = slots.remove(&p) {
                        fetcher.remove(index);
                        twin.ends.remove(&p);
                    }
                }
                Step::Grow(p) => {
                    if let Some(&index) = slots.get(&p) {
                        fetcher.change(index);
                        twin.ends.get_mut(&p).expect("followed").0 += 1;
                    }
                }
                Step::Delay(p, by) => {
                    if let Some(&index) = slots.get(&p) {
                        fetcher.set_state(index, FollowedState::Delayed(Instant(now + by)));
                        twin.ends.get_mut(&p).expect("followed").1 = Some(now + by);
                    }
                }
                Step::Wake(by) => {
                    now += by;
                    fetcher.wake(Instant(now));
                    twin.paused = false;
                    for (_, until) in twin.ends.values_mut() {
                        *until = until.filter(|&u| u > now);
                    }
                }
                Step::Follow(_) => {}
                Step::Fetch | Step::Fail | Step::Refuse => {
                    let ends = twin.ends.clone();
                    let describe = |f: &Followed| at(ends[&f.partition.0].0)(f);
                    let wanted: BTreeMap<u32, i64> = ends
                        .iter()
                        .filter(|(_, (_, until))| until.is_none())
                        .map(|(&p, &(end, _))| (p, end))
                        .collect();
                    let Some(fetch) = fetcher.prepare(describe) else {
                        prop_assert!(twin.paused || wanted.is_empty());
                        continue;
                    };
                    prop_assert!(!twin.paused);
                    match step {
                        Step::Fail => {
                            fetcher.failed(Instant(now + 1));
                            twin.paused = true;
                        }
                        Step::Refuse => {
                            fetcher.answered(ErrorCode::FetchSessionIdNotFound, 0);
                        }
                        _ => {
                            if fetch.session_epoch == 0 {
                                session.clear();
                                next_session += 1;
                            }
                            for p in &fetch.forgotten {
                                session.remove(&p.0);
                            }
                            for p in &fetch.partitions {
                                session.insert(p.partition.0, p.fetch_offset.0);
                            }
                            prop_assert_eq!(&session, &wanted);
                            fetcher.answered(ErrorCode::None, next_session);
                        }
                    }
                }
            }
        }
    }
}
