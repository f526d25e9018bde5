//! The states of a controller in its quorum. Source: Kafka, `QuorumState`; KIP-595, KIP-996.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::download::Download;
use crate::io::Token;
use crate::types::{Instant, LeaderEpoch, NodeId};

/// What a controller is to its quorum.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// It knows of no leader in its epoch.
    Unattached {
        /// When it seeks an election.
        until: Instant,
    },
    /// It asks whether it would be elected (KIP-996).
    Prospective {
        /// What the voters said.
        ballot: Ballot,
        /// When it gives up.
        until: Instant,
    },
    /// It asks for votes.
    Candidate {
        /// What the voters said.
        ballot: Ballot,
        /// When the election is over.
        until: Instant,
        /// It has lost and waits to try again.
        lost: bool,
    },
    /// It leads.
    Leader(Leader),
    /// It fetches from the leader.
    Follower {
        /// Position of the leader among the voters.
        leader: usize,
        /// When it seeks an election.
        until: Instant,
        /// It has had an answer from this leader.
        has_fetched: bool,
        /// The snapshot that it fetches instead of the log.
        download: Option<Box<Download>>,
    },
    /// It led, and leaves the epoch to end.
    Resigned {
        /// When it seeks an election itself.
        until: Instant,
        /// Voters that have not acknowledged it.
        unaware: Vec<bool>,
        /// Who shall try first.
        successors: Vec<NodeId>,
    },
}

impl Role {
    /// When it acts by itself.
    pub(super) fn until(&self) -> Instant {
        match self {
            Self::Unattached { until }
            | Self::Prospective { until, .. }
            | Self::Candidate { until, .. }
            | Self::Follower { until, .. }
            | Self::Resigned { until, .. } => *until,
            Self::Leader(leader) => leader.check_at.min(leader.begin_at),
        }
    }
}

/// The votes of an election.
#[derive(Clone, Debug)]
pub(super) struct Ballot {
    votes: Vec<Option<bool>>,
}

impl Ballot {
    /// An election in which one has voted for itself.
    pub(super) fn new(voters: usize, me: usize) -> Self {
        let mut votes = vec![None; voters];
        votes[me] = Some(true);
        Self { votes }
    }

    pub(super) fn cast(&mut self, voter: usize, granted: bool) {
        self.votes[voter] = Some(granted);
    }

    pub(super) fn has_voted(&self, voter: usize) -> bool {
        self.votes[voter].is_some()
    }

    pub(super) fn is_won(&self) -> bool {
        self.count(|vote| vote == Some(true)) >= majority(self.votes.len())
    }

    /// Not enough voters are left that could still say yes.
    pub(super) fn is_lost(&self) -> bool {
        self.count(|vote| vote != Some(false)) < majority(self.votes.len())
    }

    fn count(&self, wanted: impl Fn(Option<bool>) -> bool) -> usize {
        self.votes.iter().filter(|vote| wanted(**vote)).count()
    }
}

/// A voter's or observer's fetch that waits for news.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) token: Token,
    pub(super) from: u64,
    pub(super) high_watermark: u64,
    pub(super) until: Instant,
}

/// What a leader knows.
#[derive(Clone, Debug)]
pub(super) struct Leader {
    /// Its epoch.
    pub(super) epoch: LeaderEpoch,
    /// Offset of the first record of its epoch.
    pub(super) start: u64,
    /// It has committed a record of its own epoch.
    pub(super) established: bool,
    /// Up to where each voter's log is durable, as it said.
    pub(super) ends: Vec<u64>,
    /// Who has fetched since the quorum was last checked.
    pub(super) fetched: Vec<bool>,
    /// When it resigns unless a majority has fetched.
    pub(super) check_at: Instant,
    /// Voters that are to be told that it leads as soon as they are asked nothing else.
    pub(super) untold: Vec<bool>,
    /// When all are told again.
    pub(super) begin_at: Instant,
    /// Fetches that wait.
    pub(super) waiting: Vec<Waiting>,
}

/// More than half of so many voters.
pub(super) const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_election_is_decided_by_a_majority_of_all_voters() {
        for voters in 2..=9 {
            let mut ballot = Ballot::new(voters, 0);
            for voter in 1..majority(voters) {
                assert!(!ballot.is_won(), "{voter} of {voters} are not enough");
                ballot.cast(voter, true);
            }
            assert!(ballot.is_won());
            let mut ballot = Ballot::new(voters, 0);
            for voter in (1..voters).rev() {
                let open = voter;
                assert_eq!(ballot.is_lost(), open + 1 < majority(voters));
                ballot.cast(voter, false);
            }
            assert!(ballot.is_lost());
        }
    }
}
