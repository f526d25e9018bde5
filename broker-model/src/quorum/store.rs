//! What a controller writes down before it says it: epoch, vote, leader (`quorum-state`).

use crate::protocol::quorum::VoterKey;
use crate::types::{LeaderEpoch, NodeId};

/// The contents of Kafka's file `quorum-state`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct QuorumState {
    /// The latest epoch it knows of.
    pub(super) epoch: LeaderEpoch,
    /// Whom it voted for in that epoch.
    pub(super) voted: Option<VoterKey>,
    /// Who leads that epoch, if it knows.
    pub(super) leader: Option<NodeId>,
}

/// The state as it is in memory and on disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    now: QuorumState,
    durable: QuorumState,
    /// Raised by every change.
    version: u64,
    durable_version: u64,
}

impl Store {
    pub(super) const fn state(&self) -> QuorumState {
        self.now
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    pub(super) const fn durable_version(&self) -> u64 {
        self.durable_version
    }

    pub(super) const fn is_durable(&self) -> bool {
        self.durable_version == self.version
    }

    /// Replaces the state. An epoch never goes back, and a vote of an epoch stays.
    pub(super) fn set(&mut self, state: QuorumState) {
        assert!(state.epoch >= self.now.epoch, "epochs do not go back");
        if state != self.now {
            self.now = state;
            self.version += 1;
        }
    }

    /// What was asked to be durable at a version is.
    pub(super) const fn flushed(&mut self, version: u64, state: QuorumState) {
        self.durable_version = version;
        self.durable = state;
    }

    /// As [`Self::flushed`] for the present state.
    pub(super) const fn flush_now(&mut self) {
        self.flushed(self.version, self.now);
    }

    /// The power went.
    pub(super) const fn power_cut(&mut self) {
        self.now = self.durable;
        self.durable_version = self.version;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_cut_brings_back_what_was_flushed() {
        let mut store = Store::default();
        let at = |epoch| QuorumState { epoch: LeaderEpoch(epoch), ..QuorumState::default() };
        store.set(at(1));
        store.flush_now();
        store.set(at(2));
        assert!(!store.is_durable());
        store.power_cut();
        assert_eq!(store.state(), at(1));
    }
}
