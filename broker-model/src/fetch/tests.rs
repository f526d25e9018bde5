//! Session rules of KIP-227, and partitions with news against a naive twin.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{News, Session, Sessions};
use crate::protocol::ErrorCode;
use crate::protocol::fetch::{FetchPartition, FetchRequest, ReplicaState};
use crate::types::{BrokerEpoch, Instant, LeaderEpoch, NodeId, Offset, PartitionId, SECOND};

const NOW: Instant = Instant(SECOND);
const SLOTS: u32 = 1_000;

fn asked(partition: u32, offset: i64) -> FetchPartition {
    FetchPartition {
        partition: PartitionId(partition),
        fetch_offset: Offset(offset),
        current_leader_epoch: Some(LeaderEpoch(0)),
        last_fetched_epoch: None,
        log_start_offset: Offset::NONE,
        max_bytes: 1 << 20,
    }
}

fn request(session: (u32, i32), partitions: &[u32], forgotten: &[u32]) -> FetchRequest {
    FetchRequest {
        session_id: session.0,
        session_epoch: session.1,
        partitions: partitions.iter().map(|&p| asked(p, 0)).collect(),
        forgotten: forgotten.iter().map(|&p| PartitionId(p)).collect(),
        ..FetchRequest::default()
    }
}

fn follower(node: u32, partitions: &[u32]) -> FetchRequest {
    let replica = Some(ReplicaState { id: NodeId(node), epoch: BrokerEpoch(1) });
    FetchRequest { replica, ..request((0, 0), partitions, &[]) }
}

/// The partitions with news of a session, in Kafka's order.
fn news(session: &mut Session) -> Vec<u32> {
    session.sort_dirty();
    session.dirty().iter().map(|&index| session.slot(index).asked.partition.0).collect()
}

#[test]
fn a_session_begins_with_epoch_zero_and_goes_on_with_one() {
    let mut sessions = Sessions::default();
    let begun =
        sessions.begin(&request((0, 0), &[3, 1], &[]), false, NOW, SLOTS).expect("a new one");
    assert!(begun.full);
    let session = sessions.get_mut(begun.key).expect("just begun");
    assert_eq!((session.id, session.epoch, session.len()), (1, 1, 2));
    assert_eq!(news(session), [3, 1], "in the order of the request");
    let begun =
        sessions.begin(&request((1, 1), &[], &[3]), false, NOW, SLOTS).expect("the next epoch");
    assert!(!begun.full);
    let session = sessions.get_mut(begun.key).expect("still there");
    assert_eq!((session.epoch, session.len()), (2, 1));
    assert_eq!(news(session), [1]);
}

#[test]
fn stale_epochs_and_unknown_sessions_are_refused() {
    let mut sessions = Sessions::default();
    sessions.begin(&request((0, 0), &[0], &[]), false, NOW, SLOTS).expect("a new one");
    let refused = |sessions: &mut Sessions, session| {
        sessions
            .begin(&request(session, &[], &[]), false, NOW, SLOTS)
            .map(|_| ())
            .expect_err("refused")
    };
    assert_eq!(refused(&mut sessions, (1, 2)), ErrorCode::InvalidFetchSessionEpoch);
    assert_eq!(refused(&mut sessions, (9, 1)), ErrorCode::FetchSessionIdNotFound);
    sessions
        .begin(&request((1, -1), &[0], &[]), false, NOW, SLOTS)
        .expect("the last fetch of a session");
    assert_eq!(refused(&mut sessions, (1, 1)), ErrorCode::FetchSessionIdNotFound);
}

#[test]
fn a_session_without_partitions_is_closed() {
    let mut sessions = Sessions::default();
    sessions.begin(&request((0, 0), &[0], &[]), false, NOW, SLOTS).expect("a new one");
    let begun = sessions.begin(&request((1, 1), &[0], &[0]), false, NOW, SLOTS).expect("served");
    assert!(begun.full, "what a request names in both is gone, and nothing is left");
    let gone = sessions.begin(&request((1, 2), &[], &[]), false, NOW, SLOTS).map(|_| ());
    assert_eq!(gone, Err(ErrorCode::FetchSessionIdNotFound));
}

#[test]
fn topics_are_named_by_id_or_by_name_for_good() {
    let mut sessions = Sessions::default();
    sessions.begin(&request((0, 0), &[0], &[]), true, NOW, SLOTS).expect("a new one");
    let refused = sessions.begin(&request((1, 1), &[], &[]), false, NOW, SLOTS).map(|_| ());
    assert_eq!(refused, Err(ErrorCode::FetchSessionTopicIdError));
}

#[test]
fn a_fetch_without_partitions_or_room_gets_no_session() {
    let mut sessions = Sessions::default();
    let id = |sessions: &mut Sessions, partitions: &[u32], slots| {
        let begun =
            sessions.begin(&request((0, 0), partitions, &[]), false, NOW, slots).expect("served");
        sessions.get_mut(begun.key).expect("kept until it is answered").id
    };
    assert_eq!(id(&mut sessions, &[], SLOTS), 0);
    assert_eq!(id(&mut sessions, &[0], 7), 0, "fewer slots than the cache has shards");
    for expected in 1..=8 {
        assert_eq!(id(&mut sessions, &[0], 8), expected);
    }
    assert_eq!(id(&mut sessions, &[0], 8), 0, "eight are there, and in use");
}

#[test]
fn followers_push_out_consumers() {
    let mut sessions = Sessions::default();
    for _ in 0..8 {
        sessions.begin(&request((0, 0), &[0], &[]), false, NOW, 8).expect("served");
    }
    let begun = sessions.begin(&follower(2, &[0]), false, NOW, 8).expect("served");
    assert_eq!(sessions.get_mut(begun.key).expect("just begun").id, 9);
    let gone = sessions.begin(&request((1, 1), &[], &[]), false, NOW, 8).map(|_| ());
    assert_eq!(gone, Err(ErrorCode::FetchSessionIdNotFound), "the oldest consumer's is gone");
}

#[test]
fn an_append_tells_who_had_everything() {
    let mut sessions = Sessions::default();
    let key = sessions.begin(&follower(2, &[4]), false, NOW, SLOTS).expect("served").key;
    sessions.get_mut(key).expect("there").settle(|_| false);
    let mut caught_up = Vec::new();
    for end in [0, 5] {
        sessions.appending(PartitionId(4), Offset(end), |replica, asked, at| {
            caught_up.push((replica.id, asked.fetch_offset, at));
        });
    }
    assert_eq!(caught_up, [(NodeId(2), Offset(0), NOW)], "at the end of the log once, not at 5");
    assert_eq!(news(sessions.get_mut(key).expect("there")), [4]);
}

#[test]
fn a_leader_hears_again_where_a_follower_stands_when_the_next_fetch_comes() {
    let mut sessions = Sessions::default();
    let key = sessions.begin(&follower(2, &[0, 1, 2]), false, NOW, SLOTS).expect("a session").key;
    sessions.begin(&request((0, 0), &[1], &[]), false, NOW, SLOTS).expect("of a consumer");
    let settle = |sessions: &mut Sessions| {
        let session = sessions.get_mut(key).expect("it is there");
        session.settle(|_| false);
        news(session)
    };
    assert_eq!(settle(&mut sessions), [] as [u32; 0]);
    sessions.ask_followers(PartitionId(1));
    sessions.ask_followers(PartitionId(2));
    // The fetch that waits is answered: that says nothing new.
    assert_eq!(settle(&mut sessions), [] as [u32; 0]);
    assert_eq!(sessions.pop_woken(), None, "nobody is woken for it");
    let next = FetchRequest { replica: follower(2, &[]).replica, ..request((1, 1), &[], &[2]) };
    let begun = sessions.begin(&next, false, NOW, SLOTS).expect("the next fetch");
    assert_eq!(news(sessions.get_mut(begun.key).expect("it is there")), [1]);
    assert_eq!(settle(&mut sessions), [] as [u32; 0]);
    let next = FetchRequest { replica: follower(2, &[]).replica, ..request((1, 2), &[], &[]) };
    sessions.begin(&next, false, NOW, SLOTS).expect("the one after");
    assert_eq!(news(sessions.get_mut(key).expect("it is there")), [] as [u32; 0], "once is enough");
}

#[test]
fn a_high_watermark_wakes_consumers_only() {
    let mut sessions = Sessions::default();
    let parked = |sessions: &mut Sessions, request: &FetchRequest| {
        let key = sessions.begin(request, false, NOW, SLOTS).expect("served").key;
        let fetch = super::FetchParams {
            client: None,
            token: crate::io::Token(0),
            min_bytes: 1,
            max_bytes: 1 << 20,
            isolation: request.isolation,
            deadline: NOW + SECOND,
            leader_only: true,
            full: true,
            hints: false,
            rack: None,
        };
        sessions.park(key, fetch);
        key
    };
    let consumer = parked(&mut sessions, &request((0, 0), &[0], &[]));
    let replica = parked(&mut sessions, &follower(2, &[0]));
    sessions.news(PartitionId(0), News::Readable);
    assert_eq!(sessions.pop_woken(), Some(consumer));
    assert_eq!(sessions.pop_woken(), None);
    sessions.news(PartitionId(0), News::Role);
    assert_eq!([sessions.pop_woken(), sessions.pop_woken()], [Some(consumer), Some(replica)]);
    assert_eq!(sessions.due(NOW), vec![]);
    assert_eq!(sessions.due(NOW + SECOND), [consumer, replica]);
}

/// What a session is, said naively: partitions in order with a flag each.
#[derive(Default)]
struct Twin {
    partitions: Vec<(u32, bool)>,
}

impl Twin {
    fn ask(&mut self, partition: u32) {
        match self.partitions.iter_mut().find(|(p, _)| *p == partition) {
            Some((_, dirty)) => *dirty = true,
            None => self.partitions.push((partition, true)),
        }
    }

    fn send_to_the_back(&mut self, partition: u32) {
        let at = self.partitions.iter().position(|&(p, _)| p == partition).expect("there");
        let one = self.partitions.remove(at);
        self.partitions.push(one);
    }

    fn news(&self) -> Vec<u32> {
        self.partitions.iter().filter(|(_, dirty)| *dirty).map(|&(p, _)| p).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u32),
    Forget(u32),
    News(u32),
    Answer { keeps: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..6).prop_map(Step::Ask),
        (0u32..6).prop_map(Step::Forget),
        (0u32..6).prop_map(Step::News),
        (0u32..64).prop_map(|keeps| Step::Answer { keeps }),
    ]
}

proptest! {
    #[test]
    fn news_are_those_of_the_naive_twin(steps in prop::collection::vec(step(), 0..60)) {
        let mut sessions = Sessions::default();
        let begun = sessions.begin(&request((0, 0), &[0, 1], &[]), false, NOW, SLOTS).expect("new");
        let mut twin = Twin::default();
        twin.ask(0);
        twin.ask(1);
        let mut epoch = 1;
        for step in steps {
            let mut fetch = |partitions: &[u32], forgotten: &[u32]| {
                let request = request((1, epoch), partitions, forgotten);
                assert!(sessions.begin(&request, false, NOW, SLOTS).is_ok(), "the right epoch");
                epoch += 1;
            };
            match step {
                Step::Ask(partition) => {
                    fetch(&[partition], &[]);
                    twin.ask(partition);
                }
                // Without partitions a session is closed; that has a test of its own.
                Step::Forget(partition) if twin.partitions.iter().any(|&(p, _)| p != partition) => {
                    fetch(&[], &[partition]);
                    twin.partitions.retain(|&(p, _)| p != partition);
                }
                Step::Forget(_) => {}
                Step::News(partition) => {
                    sessions.news(PartitionId(partition), News::Readable);
                    let known = twin.partitions.iter_mut().find(|(p, _)| *p == partition);
                    if let Some((_, dirty)) = known {
                        *dirty = true;
                    }
                }
                Step::Answer { keeps } => {
                    // Bit by place: whether the partition still has news after the answer. One
                    // that was answered with data goes behind the others.
                    let session = sessions.get_mut(begun.key).expect("never ended");
                    session.sort_dirty();
                    let told: Vec<(u32, u32)> = session
                        .dirty()
                        .iter()
                        .map(|&index| (index, session.slot(index).asked.partition.0))
                        .collect();
                    session.settle(|place| keeps >> place & 1 == 1);
                    for (place, &(index, partition)) in told.iter().enumerate() {
                        if keeps >> place & 1 == 1 {
                            session.send_to_the_back(index);
                            twin.send_to_the_back(partition);
                        } else {
                            let found = twin.partitions.iter_mut().find(|(p, _)| *p == partition);
                            found.expect("told").1 = false;
                        }
                    }
                }
            }
            let session = sessions.get_mut(begun.key).expect("never ended");
            prop_assert_eq!(news(session), twin.news());
            let ours: BTreeSet<u32> = session.partitions().map(|(p, _)| p.0).collect();
            let theirs: BTreeSet<u32> = twin.partitions.iter().map(|&(p, _)| p).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
