//! Elections: who asks for votes when, and who gives them to whom.

use super::Quorum;
use super::ask::Asked;
use super::config::BACKOFF_BASE;
use super::role::{Ballot, Role};
use super::store::QuorumState;
use crate::io::{Context, Token};
use crate::note::Note;
use crate::protocol::quorum::{
    BeginQuorumEpochRequest, BeginQuorumEpochResponse, VoteRequest, VoteResponse, VoterKey,
};
use crate::protocol::{ErrorCode, Response};
use crate::rules::{Prevote, Rules};
use crate::types::{Duration, Instant, LeaderEpoch, NodeId};

/// Doublings of the back-off after lost elections.
const DOUBLINGS_MAX: u32 = 20;

impl Quorum {
    // ---- transitions ----

    /// A voter waits for a leader for so long; others wait for ever.
    pub(super) fn unattached_until(&mut self, now: Instant, votes: bool) -> Instant {
        if votes { now + self.election_time() } else { Instant::FAR }
    }

    /// A later epoch, whose leader it does not know. A wait for an election goes on, so that news
    /// of epochs cannot put it off for ever; who led or followed begins one. Source: Kafka,
    /// `QuorumState.transitionToUnattached`.
    pub(super) fn become_unattached(&mut self, cx: &mut Context<'_>, epoch: LeaderEpoch) {
        let now = cx.now.instant;
        let votes = self.position(cx.rules).is_some();
        let until = match &self.role {
            Role::Unattached { until }
            | Role::Prospective { until, .. }
            | Role::Candidate { until, .. }
            | Role::Resigned { until, .. }
                if votes =>
            {
                (*until).max(now)
            }
            _ => self.unattached_until(now, votes),
        };
        self.end_leadership(cx);
        self.store.set(QuorumState { epoch, voted: None, leader: None });
        self.role = Role::Unattached { until };
    }

    /// An epoch with its leader.
    pub(super) fn become_follower(
        &mut self,
        cx: &mut Context<'_>,
        epoch: LeaderEpoch,
        leader: usize,
    ) {
        self.end_leadership(cx);
        let old = self.store.state();
        let voted = if old.epoch == epoch { old.voted } else { None };
        let node = self.voters[leader].node;
        self.store.set(QuorumState { epoch, voted, leader: Some(node) });
        self.retries = 0;
        let until = cx.now.instant + self.config.fetch_timeout;
        self.role = Role::Follower { leader, until, has_fetched: false, download: None };
    }

    /// Whether it asks before it raises the epoch. With the question went the back-off after a
    /// lost election.
    fn asks_first(&self, rules: &Rules) -> bool {
        self.config.release.pre_vote() && rules.prevote == Prevote::On
    }

    /// It has heard no leader for too long.
    fn seek_election(&mut self, cx: &mut Context<'_>) {
        let Some(me) = self.position(cx.rules) else { return };
        if self.asks_first(cx.rules) {
            let until = cx.now.instant + self.election_time();
            self.role = Role::Prospective { ballot: Ballot::new(self.voters.len(), me), until };
        } else {
            self.become_candidate(cx, me);
        }
    }

    fn become_candidate(&mut self, cx: &mut Context<'_>, me: usize) {
        let epoch = self.epoch().next();
        self.store.set(QuorumState { epoch, voted: Some(self.key), leader: None });
        let until = cx.now.instant + self.election_time();
        let ballot = Ballot::new(self.voters.len(), me);
        self.role = Role::Candidate { ballot, until, lost: false };
        let note = self.voted_note(epoch, self.key);
        self.say(cx, None, Some(note));
    }

    const fn voted_note(&self, epoch: LeaderEpoch, candidate: VoterKey) -> Note {
        Note::QuorumVoted { node: self.key.node, epoch, candidate: candidate.node }
    }

    /// Its wait is over, whatever it waited for; it does not lead.
    pub(super) fn timed_out(&mut self, cx: &mut Context<'_>) {
        let votes = self.position(cx.rules).is_some();
        let asks_first = self.asks_first(cx.rules);
        match &self.role {
            Role::Follower { .. } if !votes => {
                self.probe += 1;
                self.role = Role::Unattached { until: Instant::FAR };
            }
            Role::Resigned { .. } if asks_first => {
                // In its old epoch it would be taken for the leader.
                self.become_unattached(cx, self.epoch().next());
                self.seek_election(cx);
            }
            Role::Unattached { .. } | Role::Follower { .. } | Role::Resigned { .. } => {
                self.seek_election(cx);
            }
            Role::Prospective { .. } => {
                self.give_up(cx);
                if matches!(self.role, Role::Unattached { .. }) {
                    // Nobody has refused it.
                    self.seek_election(cx);
                }
            }
            Role::Candidate { lost, .. } => {
                if *lost || asks_first {
                    self.seek_election(cx);
                } else {
                    self.lose(cx);
                }
            }
            Role::Leader(_) => {}
        }
    }

    /// It would not be elected: back to the leader it knows, or to waiting for one. Source:
    /// Kafka, `KafkaRaftClient.prospectiveTransitionAfterElectionLoss`.
    fn give_up(&mut self, cx: &mut Context<'_>) {
        let leader = self.store.state().leader.and_then(|leader| self.voter(leader));
        let now = cx.now.instant;
        self.role = match leader {
            Some(leader) if self.voters[leader].node != self.key.node => {
                let until = now + self.config.fetch_timeout;
                Role::Follower { leader, until, has_fetched: false, download: None }
            }
            _ => Role::Unattached { until: now + self.election_time() },
        };
    }

    /// It was not elected. Before 4.0 the next try waits for a back-off that doubles; from 4.0 on
    /// the rest of the election's time is waited out.
    fn lose(&mut self, cx: &mut Context<'_>) {
        let backoff = self.lost_backoff();
        let now = cx.now.instant;
        let waits = self.asks_first(cx.rules);
        if let Role::Candidate { lost, until, .. } = &mut self.role {
            *lost = true;
            if !waits {
                *until = now + backoff;
            }
        }
    }

    fn lost_backoff(&mut self) -> Duration {
        self.retries += 1;
        let doublings = (self.retries - 1).min(DOUBLINGS_MAX);
        let steps = self.jitter.below(2 << doublings);
        (BACKOFF_BASE * steps).min(self.config.election_backoff_max)
    }

    // ---- answers ----

    /// Another asks for its vote.
    pub(super) fn vote_asked(&mut self, cx: &mut Context<'_>, token: Token, r: &VoteRequest) {
        let error = if !self.is_same(&r.voter, &self.key, cx.rules) {
            // It is asked by the directory that it had before its disk was replaced.
            ErrorCode::InvalidVoterKey
        } else if r.epoch < self.epoch() {
            ErrorCode::FencedLeaderEpoch
        } else {
            ErrorCode::None
        };
        let mut granted = false;
        let mut note = None;
        if error == ErrorCode::None {
            if r.epoch > self.epoch() {
                self.become_unattached(cx, r.epoch);
            }
            granted = self.may_grant(r, cx.rules);
            if granted && !r.pre_vote {
                let state = self.store.state();
                self.store.set(QuorumState { voted: Some(r.candidate), ..state });
                self.role = Role::Unattached { until: cx.now.instant + self.election_time() };
                note = Some(self.voted_note(r.epoch, r.candidate));
            }
        }
        let response = VoteResponse { error, known: self.known(), granted };
        self.say(cx, Some((token, Response::Vote(response))), note);
    }

    fn may_grant(&self, r: &VoteRequest, rules: &Rules) -> bool {
        let up_to_date = (r.last_epoch, r.end) >= (self.log.last_epoch(), self.log.end());
        let state = self.store.state();
        let first = match state.voted {
            Some(voted) => self.is_same(&voted, &r.candidate, rules),
            None => state.leader.is_none() && up_to_date,
        };
        match &self.role {
            Role::Leader(_) => false,
            Role::Follower { has_fetched, .. } if r.pre_vote => up_to_date && !has_fetched,
            _ if r.pre_vote => up_to_date,
            Role::Unattached { .. } | Role::Prospective { .. } => first,
            Role::Follower { .. } | Role::Candidate { .. } | Role::Resigned { .. } => false,
        }
    }

    /// A leader makes itself known. That does not put off an election: only what it answers to a
    /// fetch does.
    pub(super) fn begin_asked(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        r: &BeginQuorumEpochRequest,
    ) {
        let error = self.leader_named(cx, r.leader, r.epoch);
        let response = BeginQuorumEpochResponse { error, known: self.known() };
        self.say(cx, Some((token, Response::BeginQuorumEpoch(response))), None);
    }

    /// A leader of an epoch names itself. It is followed if this one knew of none in that epoch.
    /// Source: Kafka, `KafkaRaftClient.maybeTransition`.
    pub(super) fn leader_named(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        epoch: LeaderEpoch,
    ) -> ErrorCode {
        let Some(leader) = self.voter(leader) else { return ErrorCode::InconsistentVoterSet };
        if epoch < self.epoch() {
            return ErrorCode::FencedLeaderEpoch;
        }
        if epoch > self.epoch() || self.store.state().leader.is_none() {
            self.become_follower(cx, epoch, leader);
        }
        ErrorCode::None
    }

    /// A voter has answered.
    pub(super) fn vote_answered(
        &mut self,
        cx: &mut Context<'_>,
        voter: usize,
        (asked, epoch): (Asked, LeaderEpoch),
        r: &VoteResponse,
    ) {
        if self.learn(cx, r.known) || epoch != self.epoch() {
            return;
        }
        let ballot = match &mut self.role {
            Role::Prospective { ballot, .. } if asked == Asked::PreVote => ballot,
            Role::Candidate { ballot, lost: false, .. } if asked == Asked::Vote => ballot,
            _ => return,
        };
        ballot.cast(voter, r.granted);
        let (won, lost) = (ballot.is_won(), ballot.is_lost());
        match (asked, won, lost) {
            (Asked::PreVote, true, _) => {
                if let Some(me) = self.position(cx.rules) {
                    self.become_candidate(cx, me);
                }
            }
            (Asked::PreVote, _, true) => self.give_up(cx),
            (_, true, _) => {
                self.become_leader(cx);
                if self.leaving.is_some() {
                    self.resign(cx);
                }
            }
            (_, _, true) => self.lose(cx),
            _ => {}
        }
    }
}
