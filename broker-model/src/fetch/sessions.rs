//! All sessions of a broker, and who is interested in which partition.

use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::session::{Parked, Session};
use crate::protocol::ErrorCode;
use crate::protocol::fetch::{FetchPartition, FetchRequest, ReplicaState};
use crate::slab::{Key, Slab, slot_of};
use crate::types::{Duration, Instant, Offset, PartitionId, SECOND};

/// Below this many slots Kafka's eight cache shards have none each: no sessions at all.
const CACHE_SHARDS: u32 = 8;
/// `min.incremental.fetch.session.eviction.ms`, which Kafka does not let anyone change.
const EVICTION: Duration = 120 * SECOND;

/// What happened to a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum News {
    /// The high watermark or last stable offset moved: consumers may read further.
    Readable,
    /// The log start offset moved.
    LogStart,
    /// The replica's role, leader epoch or existence changed.
    Role,
}

/// The fetch sessions of a broker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    table: Slab<Session>,
    by_id: BTreeMap<u32, Key>,
    /// For each partition the sessions that hold it, with the slot.
    interest: Vec<Vec<(Key, u32)>>,
    woken: VecDeque<Key>,
    /// Ids go on rising across restarts, so that an old session is never found again.
    next_id: u32,
    /// Until then no session has been without a fetch for so long that it may be evicted.
    none_unused_until: Instant,
    /// When each fetch that was parked is due; those that are parked no more too, until their time.
    deadlines: BinaryHeap<Reverse<(Instant, Key)>>,
}

/// Where a fetch request belongs.
pub(crate) struct Begun {
    /// The session.
    pub(crate) key: Key,
    /// Every partition must be answered.
    pub(crate) full: bool,
    /// The fetch that this one overtook on the same session.
    pub(crate) overtaken: Option<Parked>,
}

impl Sessions {
    /// Finds or makes the session of a request and applies its changes (KIP-227).
    pub(crate) fn begin(
        &mut self,
        request: &FetchRequest,
        topic_ids: bool,
        now: Instant,
        cache_slots: u32,
    ) -> Result<Begun, ErrorCode> {
        if request.session_epoch <= 0 {
            let overtaken = self.by_id.get(&request.session_id).copied().and_then(|key| {
                let overtaken = self.table.get_mut(key).and_then(|s| s.parked.take());
                self.remove(key);
                overtaken
            });
            let id = if request.session_epoch == 0 && !request.partitions.is_empty() {
                self.new_id(request.replica.is_some(), now, cache_slots)
            } else {
                0
            };
            let key = self.table.insert(Session::new(id, request, topic_ids, now));
            if id != 0 {
                self.by_id.insert(id, key);
            }
            self.add(key, request);
            return Ok(Begun { key, full: true, overtaken });
        }
        let key = *self.by_id.get(&request.session_id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        let session = self.table.get_mut(key).expect("ids name live sessions");
        if session.epoch != request.session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.topic_ids != topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.epoch = if session.epoch == i32::MAX { 1 } else { session.epoch + 1 };
        session.last_fetch = now;
        session.recall();
        let overtaken = session.parked.take();
        self.add(key, request);
        self.forget(key, request);
        if self.table.get_mut(key).is_some_and(|s| s.len() > 0) {
            return Ok(Begun { key, full: false, overtaken });
        }
        // Nothing is left: it is closed, and the fetch answered as one without a session.
        self.remove(key);
        let key = self.table.insert(Session::new(0, request, topic_ids, now));
        self.add(key, request);
        Ok(Begun { key, full: true, overtaken })
    }

    fn add(&mut self, key: Key, request: &FetchRequest) {
        for &asked in &request.partitions {
            let session = self.table.get_mut(key).expect("just found");
            let Some(slot) = session.ask(asked) else { continue };
            let partition = session.slot(slot).asked.partition;
            self.interest_in(partition, key, slot);
        }
    }

    /// After the additions, as in Kafka: what a request names in both is gone.
    fn forget(&mut self, key: Key, request: &FetchRequest) {
        let session = self.table.get_mut(key).expect("just found");
        for &address in &request.forgotten {
            let Some((slot, partition)) = session.forget(address) else { continue };
            if let Some(interested) = self.interest.get_mut(partition.index()) {
                interested.retain(|&entry| entry != (key, slot));
            }
        }
    }

    fn interest_in(&mut self, partition: PartitionId, key: Key, slot: u32) {
        if partition == PartitionId::UNKNOWN {
            return;
        }
        let index = partition.index();
        if self.interest.len() <= index {
            self.interest.resize_with(index + 1, Vec::new);
        }
        self.interest[index].push((key, slot));
    }

    /// A slot's address was looked up: it is this partition, or none.
    pub(crate) fn found(&mut self, key: Key, slot: u32, partition: PartitionId) {
        let Some(session) = self.table.get_mut(key) else { return };
        let before = core::mem::replace(&mut session.slot_mut(slot).asked.partition, partition);
        if before == partition {
            return;
        }
        if let Some(interested) = self.interest.get_mut(before.index()) {
            interested.retain(|&entry| entry != (key, slot));
        }
        self.interest_in(partition, key, slot);
    }

    /// An id for a new session, 0 when the cache has no room.
    fn new_id(&mut self, privileged: bool, now: Instant, cache_slots: u32) -> u32 {
        if cache_slots < CACHE_SHARDS {
            return 0;
        }
        if self.by_id.len() >= cache_slots as usize {
            if !privileged && now <= self.none_unused_until {
                return 0;
            }
            let session = |key: &Key| self.table.get(*key).expect("ids name live sessions");
            let oldest = self.by_id.values().min_by_key(|&k| {
                let s = session(k);
                // Followers may push out consumers at any time, so those come first for them.
                (privileged && s.follower.is_some(), s.last_fetch, s.id)
            });
            let Some(&key) = oldest else { return 0 };
            let oldest = session(&key);
            if !privileged {
                self.none_unused_until = oldest.last_fetch + EVICTION;
            }
            let unused = now.since(oldest.last_fetch) > EVICTION;
            let may_go = unused || privileged && oldest.follower.is_none();
            if !may_go || oldest.parked.is_some() {
                return 0;
            }
            self.remove(key);
        }
        self.next_id += 1;
        self.next_id
    }

    /// Drops a session with its interest. A fetch that waits in it is dropped too.
    pub(crate) fn remove(&mut self, key: Key) {
        let Some(session) = self.table.remove(key) else { return };
        if session.id != 0 {
            self.by_id.remove(&session.id);
        }
        for (partition, slot) in session.partitions() {
            if partition != PartitionId::UNKNOWN {
                self.interest[partition.index()].retain(|&entry| entry != (key, slot));
            }
        }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Session> {
        self.table.get_mut(key)
    }

    /// Parks a fetch until news or its deadline.
    pub(crate) fn park(&mut self, key: Key, parked: Parked) {
        self.deadlines.push(Reverse((parked.deadline, key)));
        if let Some(session) = self.table.get_mut(key) {
            session.parked = Some(parked);
        }
    }

    /// A leader is about to append: its followers will have news. For each follower that has
    /// everything up to `end`, `caught_up` hears when it last asked, because a fetch does
    /// not look at partitions without news.
    pub(crate) fn appending(
        &mut self,
        partition: PartitionId,
        end: Offset,
        mut caught_up: impl FnMut(ReplicaState, &FetchPartition, Instant),
    ) {
        let Some(interested) = self.interest.get(partition.index()) else { return };
        for &(key, slot) in interested {
            let session = self.table.get_mut(key).expect("interest names live sessions");
            let Some(follower) = session.follower else { continue };
            let asked = &session.slot(slot).asked;
            if asked.fetch_offset == end {
                caught_up(follower, asked, session.last_fetch);
            }
            session.mark(slot);
            Self::wake(&mut self.woken, session, key);
        }
    }

    /// Tells every interested session.
    pub(crate) fn news(&mut self, partition: PartitionId, news: News) {
        let Some(interested) = self.interest.get(partition.index()) else { return };
        for &(key, slot) in interested {
            let session = self.table.get_mut(key).expect("interest names live sessions");
            session.mark(slot);
            // A follower learns a new high watermark with its next answer; it is not woken
            // for it (KAFKA-9731).
            let wake = match news {
                News::Readable => session.follower.is_none(),
                News::LogStart => false,
                News::Role => true,
            };
            if wake {
                Self::wake(&mut self.woken, session, key);
            }
        }
    }

    /// The leader wants to hear again where its followers stand: the next fetch of each looks
    /// at the partition, though it has no news. In Kafka every fetch looks at all partitions.
    pub(crate) fn ask_followers(&mut self, partition: PartitionId) {
        let Some(interested) = self.interest.get(partition.index()) else { return };
        for &(key, slot) in interested {
            let session = self.table.get_mut(key).expect("interest names live sessions");
            if session.follower.is_some() {
                session.look_again(slot);
            }
        }
    }

    fn wake(woken: &mut VecDeque<Key>, session: &mut Session, key: Key) {
        if session.parked.is_some() && !session.woken {
            session.woken = true;
            woken.push_back(key);
        }
    }

    /// The next session to look at again.
    pub(crate) fn pop_woken(&mut self) -> Option<Key> {
        while let Some(key) = self.woken.pop_front() {
            if let Some(session) = self.table.get_mut(key) {
                session.woken = false;
                return Some(key);
            }
        }
        None
    }

    /// Earliest instant at which a parked fetch may be due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.deadlines.peek().map(|&Reverse((deadline, _))| deadline)
    }

    /// Sessions whose parked fetch is due, in order.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Key> {
        let mut due = Vec::new();
        if self.next_due().is_none_or(|due| due > now) {
            return due;
        }
        while let Some(&Reverse((deadline, key))) = self.deadlines.peek() {
            let parked = self.table.get(key).and_then(|session| session.parked.as_ref());
            let waits = parked.is_some_and(|parked| parked.deadline == deadline);
            if waits && deadline > now {
                break;
            }
            self.deadlines.pop();
            if waits {
                due.push(key);
            }
        }
        due.sort_unstable_by_key(|&key| slot_of(key));
        due.dedup();
        due
    }

    /// Forgets everything, as a process that ends.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.by_id.clear();
        self.woken.clear();
        self.deadlines.clear();
        for interested in &mut self.interest {
            interested.clear();
        }
    }
}
