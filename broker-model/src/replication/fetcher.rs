//! One fetcher: everything a broker copies from one leader, one fetch at a time.

use alloc::vec::Vec;

use super::historic::Untruncated;
use crate::protocol::ErrorCode;
use crate::protocol::fetch::FetchPartition;
use crate::types::{Instant, LeaderEpoch, Offset, PartitionId};

/// Whether a partition takes part in fetches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FollowedState {
    /// It is fetched.
    Fetching,
    /// It failed and waits (`replica.fetch.backoff.ms`).
    Delayed(Instant),
    /// The leader was asked for its offsets, because the follower's lie outside.
    Locating,
    /// The broker's throttle holds it back (KIP-73).
    Withheld,
}

/// A partition that is copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followed {
    /// The partition.
    pub(crate) partition: PartitionId,
    /// Whether it takes part.
    pub(crate) state: FollowedState,
    /// What the leader was told last in this session, `None` if it is not in the session.
    pub(crate) told: Option<FetchPartition>,
    /// Whether it had all that its leader knew to be replicated when it last took anything in;
    /// `None` before it has heard.
    in_sync: Option<bool>,
    /// Does not say its last epoch, so that the leader finds no divergence.
    pub(crate) hides_epoch: bool,
    changed: bool,
    live: bool,
}

/// The fetcher for one leader. Its session (KIP-227) carries only partitions that changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetcher {
    slots: Vec<Followed>,
    free: Vec<u32>,
    changed: Vec<u32>,
    forgotten: Vec<PartitionId>,
    session_id: u32,
    session_epoch: i32,
    /// A fetch is on its way.
    pub(crate) in_flight: bool,
    /// After a failed fetch nothing is sent before this.
    paused_until: Option<Instant>,
    /// Some partition is delayed until this, or later.
    delayed_until: Option<Instant>,
    fetching: usize,
    /// Slots that are held back.
    withheld: Vec<u32>,
    /// What was asked for partitions that left since the fetch that is under way was sent.
    left: Vec<FetchPartition>,
    /// Partitions that must be cut before they are fetched: none under today's rules.
    pub(super) untruncated: Untruncated,
}

/// The session part and the partitions of a fetch that is to be sent.
pub(crate) struct Prepared {
    pub(crate) session_id: u32,
    pub(crate) session_epoch: i32,
    pub(crate) partitions: Vec<FetchPartition>,
    pub(crate) forgotten: Vec<PartitionId>,
}

impl Followed {
    /// Whether it had all that its leader knew to be replicated when it last took anything in.
    pub(super) const fn is_in_sync(&self) -> Option<bool> {
        self.in_sync
    }
}

impl Fetcher {
    pub(crate) fn add(&mut self, partition: PartitionId) -> u32 {
        let followed = Followed {
            partition,
            state: FollowedState::Fetching,
            told: None,
            in_sync: None,
            hides_epoch: false,
            changed: false,
            live: true,
        };
        self.fetching += 1;
        let index = if let Some(index) = self.free.pop() {
            self.slots[index as usize] = followed;
            index
        } else {
            self.slots.push(followed);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 partitions")
        };
        self.change(index);
        index
    }

    pub(crate) fn remove(&mut self, index: u32) {
        self.leave_session(index);
        let slot = &mut self.slots[index as usize];
        if slot.state == FollowedState::Fetching {
            self.fetching -= 1;
        }
        slot.live = false;
        self.untruncated.remove(index);
        self.withheld.retain(|&w| w != index);
        let slot = &mut self.slots[index as usize];
        if slot.changed {
            self.changed.retain(|&c| c != index);
        }
        self.free.push(index);
    }

    /// The leader does not know this partition's position.
    pub(crate) fn change(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if !slot.changed {
            slot.changed = true;
            self.changed.push(index);
        }
    }

    fn leave_session(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if let Some(told) = slot.told.take() {
            self.forgotten.push(slot.partition);
            self.left.push(told);
        }
    }

    pub(crate) fn slot(&self, index: u32) -> &Followed {
        &self.slots[index as usize]
    }

    pub(crate) fn slot_mut(&mut self, index: u32) -> &mut Followed {
        &mut self.slots[index as usize]
    }

    /// Stops fetching a partition until `state` is over.
    pub(super) fn set_state(&mut self, index: u32, state: FollowedState) {
        let before = core::mem::replace(&mut self.slots[index as usize].state, state);
        if before == FollowedState::Fetching {
            self.fetching -= 1;
        }
        match state {
            FollowedState::Fetching => {
                self.fetching += 1;
                self.change(index);
            }
            FollowedState::Delayed(until) => {
                self.leave_session(index);
                self.delayed_until = Some(self.delayed_until.map_or(until, |d| d.min(until)));
            }
            FollowedState::Locating => self.leave_session(index),
            FollowedState::Withheld => {
                self.leave_session(index);
                self.withheld.push(index);
            }
        }
    }

    /// An answer was taken in; `copied` if it had records, `in_sync` if nothing is missing now that
    /// its leader knows to be replicated. Source: Kafka, `PartitionFetchState.lag`.
    pub(crate) fn copied(&mut self, index: u32, copied: bool, in_sync: bool) {
        let slot = &mut self.slots[index as usize];
        if copied || slot.in_sync.is_none() {
            slot.in_sync = Some(in_sync);
        }
        if copied {
            self.change(index);
        }
    }

    /// Whether anything is held back.
    pub(super) const fn withholds(&self) -> bool {
        !self.withheld.is_empty()
    }

    /// Whether a fetch could be sent.
    pub(super) const fn may_send(&self) -> bool {
        !self.in_flight && self.paused_until.is_none()
    }

    /// Lets go on what was held back.
    pub(super) fn release(&mut self) {
        for index in core::mem::take(&mut self.withheld) {
            self.set_state(index, FollowedState::Fetching);
        }
    }

    /// Holds back a partition that is not in sync and would be fetched.
    pub(super) fn withhold(&mut self, index: u32) {
        let slot = self.slot(index);
        if slot.state == FollowedState::Fetching && slot.in_sync != Some(true) {
            self.set_state(index, FollowedState::Withheld);
        }
    }

    /// With nothing to fetch it is woken at the latest then.
    pub(super) fn rest(&mut self, until: Instant) {
        if self.fetching == 0 {
            self.delayed_until = Some(self.delayed_until.map_or(until, |d| d.min(until)));
        }
    }

    /// When it wants to be woken, if no answer comes before.
    pub(crate) fn due(&self) -> Option<Instant> {
        match (self.paused_until.filter(|_| self.fetching > 0), self.delayed_until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Whether anything of it was told to wait and was not woken since.
    pub(super) const fn waits(&self) -> bool {
        self.paused_until.is_some() || self.delayed_until.is_some()
    }

    /// Ends delays that are over.
    pub(crate) fn wake(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
        }
        if self.delayed_until.is_none_or(|until| until > now) {
            return;
        }
        self.delayed_until = None;
        for index in 0..self.slots.len() {
            let slot = self.slots[index];
            let FollowedState::Delayed(until) = slot.state else { continue };
            let index = u32::try_from(index).expect("an index of this table");
            if !slot.live {
                continue;
            }
            if until <= now {
                self.set_state(index, FollowedState::Fetching);
            } else {
                self.delayed_until = Some(self.delayed_until.map_or(until, |d| d.min(until)));
            }
        }
    }

    /// The next fetch, if one may be sent. `describe` says where a partition stands now.
    pub(crate) fn prepare(
        &mut self,
        describe: impl Fn(&Followed) -> FetchPartition,
    ) -> Option<Prepared> {
        if self.in_flight || self.paused_until.is_some() || self.fetching == 0 {
            return None;
        }
        self.left.clear();
        let full = self.session_epoch == 0;
        if full {
            for index in 0..self.slots.len() {
                if self.slots[index].live {
                    self.change(u32::try_from(index).expect("an index of this table"));
                }
            }
        }
        let mut partitions = Vec::with_capacity(self.changed.len());
        for index in self.changed.drain(..) {
            let slot = &mut self.slots[index as usize];
            slot.changed = false;
            if slot.state != FollowedState::Fetching {
                continue;
            }
            let now = describe(slot);
            if full || slot.told != Some(now) {
                slot.told = Some(now);
                partitions.push(now);
            }
        }
        // What is named as added and as forgotten is forgotten; so what came back is not named.
        let mut forgotten = core::mem::take(&mut self.forgotten);
        if full {
            forgotten.clear();
        } else if !forgotten.is_empty() {
            forgotten.retain(|f| partitions.iter().all(|p| p.partition != *f));
        }
        self.in_flight = true;
        let (session_id, session_epoch) = (self.session_id, self.session_epoch);
        Some(Prepared { session_id, session_epoch, partitions, forgotten })
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, error: ErrorCode, session_id: u32) {
        self.in_flight = false;
        match error {
            ErrorCode::None if session_id == 0 => self.begin_session(0),
            ErrorCode::None => {
                self.session_id = session_id;
                self.session_epoch =
                    if self.session_epoch == i32::MAX { 1 } else { self.session_epoch + 1 };
            }
            ErrorCode::FetchSessionIdNotFound => self.begin_session(0),
            _ => self.begin_session(self.session_id),
        }
    }

    /// No answer came: the old session is closed with the next fetch.
    pub(super) fn failed(&mut self, until: Instant) {
        self.in_flight = false;
        self.paused_until = Some(until);
        self.begin_session(self.session_id);
    }

    fn begin_session(&mut self, closing: u32) {
        self.session_id = closing;
        self.session_epoch = 0;
        self.forgotten.clear();
    }

    /// Whether the leader answered for the position that the follower has now.
    pub(crate) fn answers(&self, index: u32, end: Offset, epoch: Option<LeaderEpoch>) -> bool {
        let slot = self.slot(index);
        slot.live
            && slot.state == FollowedState::Fetching
            && slot.told.is_some_and(|t| t.fetch_offset == end && t.current_leader_epoch == epoch)
    }

    /// Whether the leader answered for a position that the follower had, and has again, in
    /// another leader epoch.
    pub(crate) fn answers_as_before(&self, partition: PartitionId, end: Offset) -> bool {
        self.left.iter().any(|told| told.partition == partition && told.fetch_offset == end)
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.free.len() == self.slots.len() && !self.in_flight
    }
}
