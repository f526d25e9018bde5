//! What a controller asks the others: one request to each at a time, again after a while.

use alloc::vec::Vec;

use super::Quorum;
use super::role::Role;
use crate::io::{Context, Disconnected, Output, Tag};
use crate::protocol::quorum::{
    BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchQuorumRequest, QuorumLeader, VoteRequest,
};
use crate::protocol::{Request, Response};
use crate::rules::Rules;
use crate::types::{Instant, LeaderEpoch, NodeId};

/// Why a voter was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    PreVote,
    Vote,
    Begin,
    End,
    Fetch,
}

/// The way to one voter.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    open: Option<(Tag, Asked, LeaderEpoch)>,
    free_at: Option<Instant>,
}

impl Link {
    /// Nothing is asked before then.
    pub(super) const fn free_at(&self) -> Option<Instant> {
        self.free_at
    }

    pub(super) fn wake(&mut self, now: Instant) {
        self.free_at = self.free_at.filter(|at| *at > now);
    }

    pub(super) const fn is_free(&self) -> bool {
        self.open.is_none() && self.free_at.is_none()
    }
}

impl Quorum {
    /// Sends what its role has to ask, to every voter that is not being asked already.
    pub(super) fn ask_voters(&mut self, cx: &mut Context<'_>) {
        let me = self.position(cx.rules);
        for voter in 0..self.voters.len() {
            if Some(voter) == me || !self.links[voter].is_free() {
                continue;
            }
            let Some((asked, request)) = self.question(voter, cx.rules) else { continue };
            self.tags += 1;
            let tag = Tag(self.tags);
            self.links[voter].open = Some((tag, asked, self.epoch()));
            if let Role::Leader(leader) = &mut self.role {
                leader.untold[voter] = false;
            }
            cx.outputs.push(Output::Send { to: self.voters[voter].node, tag, request });
        }
    }

    /// What a voter is to be asked now.
    fn question(&self, voter: usize, rules: &Rules) -> Option<(Asked, Request)> {
        match &self.role {
            Role::Prospective { ballot, .. } => {
                let request = Request::Vote(self.vote_request(voter, true));
                (!ballot.has_voted(voter)).then_some((Asked::PreVote, request))
            }
            Role::Candidate { ballot, lost, .. } => {
                let request = Request::Vote(self.vote_request(voter, false));
                (!lost && !ballot.has_voted(voter)).then_some((Asked::Vote, request))
            }
            Role::Leader(leader) => leader.untold[voter].then(|| {
                let (leader, epoch) = (self.key.node, leader.epoch);
                let request = BeginQuorumEpochRequest { leader, epoch };
                (Asked::Begin, Request::BeginQuorumEpoch(request))
            }),
            Role::Resigned { unaware, successors, .. } => unaware[voter].then(|| {
                let request = EndQuorumEpochRequest {
                    leader: self.key.node,
                    epoch: self.epoch(),
                    successors: successors.clone(),
                };
                (Asked::End, Request::EndQuorumEpoch(request))
            }),
            Role::Follower { leader, .. } if *leader != voter => None,
            Role::Follower { download: Some(download), .. } => {
                let max_bytes = self.config.snapshot_piece_max;
                let request = download.request(Some(self.key), self.epoch(), max_bytes);
                Some((Asked::Fetch, Request::FetchSnapshot(request)))
            }
            Role::Follower { .. } => {
                let sound = self.sound_end(rules) == self.log.end();
                sound.then(|| self.fetch_request())
            }
            // One that does not vote finds the leader by asking around.
            Role::Unattached { .. } => {
                let observes = self.position(rules).is_none();
                (observes && self.probe % self.voters.len() == voter).then(|| self.fetch_request())
            }
        }
    }

    fn vote_request(&self, voter: usize, pre_vote: bool) -> VoteRequest {
        VoteRequest {
            candidate: self.key,
            voter: self.voters[voter],
            epoch: self.epoch(),
            last_epoch: self.log.last_epoch(),
            end: self.log.end(),
            pre_vote,
        }
    }

    fn fetch_request(&self) -> (Asked, Request) {
        let request = FetchQuorumRequest {
            replica: self.key,
            epoch: self.epoch(),
            from: self.log.end(),
            last_epoch: self.log.last_epoch(),
            high_watermark: self.log.high_watermark(),
        };
        (Asked::Fetch, Request::FetchQuorum(request))
    }

    /// The answer to one of its requests, or the news that there will be none.
    pub fn answered(
        &mut self,
        cx: &mut Context<'_>,
        tag: Tag,
        result: Result<Response, Disconnected>,
    ) {
        let found = self.links.iter().position(|l| l.open.is_some_and(|open| open.0 == tag));
        let Some(voter) = found else { return };
        let Some((_, asked, epoch)) = self.links[voter].open.take() else { return };
        match result {
            Err(Disconnected) => {
                self.pause(cx, voter);
                self.probe += 1;
            }
            Ok(Response::Vote(r)) => self.vote_answered(cx, voter, (asked, epoch), &r),
            Ok(Response::FetchQuorum(r)) => self.fetch_answered(cx, voter, r),
            Ok(Response::FetchSnapshot(r)) => self.snapshot_answered(cx, voter, epoch, r),
            Ok(Response::BeginQuorumEpoch(r)) => {
                self.learn(cx, r.known);
            }
            Ok(Response::EndQuorumEpoch(r)) => {
                let same = epoch == self.epoch();
                if !self.learn(cx, r.known)
                    && let Role::Resigned { unaware, .. } = &mut self.role
                    && asked == Asked::End
                    && same
                {
                    unaware[voter] = false;
                }
            }
            Ok(other) => panic!("a voter answered {}", other.api_key().name()),
        }
    }

    /// Leaves a voter alone for `controller.quorum.retry.backoff.ms`.
    pub(super) fn pause(&mut self, cx: &Context<'_>, voter: usize) {
        self.links[voter].free_at = Some(cx.now.instant + self.config.retry_backoff);
    }

    /// Takes over a later epoch, or the leader of this one. Returns whether its role changed.
    pub(super) fn learn(&mut self, cx: &mut Context<'_>, known: QuorumLeader) -> bool {
        let state = self.store.state();
        let leader = known.leader.filter(|l| *l != self.key.node).and_then(|l| self.voter(l));
        if known.epoch > state.epoch {
            match leader {
                Some(leader) => self.become_follower(cx, known.epoch, leader),
                None => self.become_unattached(cx, known.epoch),
            }
            return true;
        }
        match leader {
            Some(leader) if known.epoch == state.epoch && state.leader.is_none() => {
                self.become_follower(cx, known.epoch, leader);
                true
            }
            _ => false,
        }
    }

    /// Position of a voter.
    pub(super) fn voter(&self, node: NodeId) -> Option<usize> {
        self.voters.iter().position(|v| v.node == node)
    }

    /// The nodes of all voters but this one.
    pub(super) fn others(&self) -> Vec<usize> {
        (0..self.voters.len()).filter(|i| self.voters[*i].node != self.key.node).collect()
    }
}
