//! The leader: serves fetches, counts who holds what, and commits.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::Quorum;
use super::config::FETCH_WAIT;
use super::role::{Leader, Role, Waiting, majority};
use super::store::QuorumState;
use crate::io::{Context, Token};
use crate::note::Note;
use crate::protocol::quorum::{FetchQuorumRequest, FetchQuorumResponse};
use crate::protocol::{ErrorCode, Response};
use crate::records::MetadataRecord;
use crate::rules::{CheckQuorum, RaftCommitRequiresOwnEpoch};
use crate::types::{Instant, LeaderEpoch};

impl Quorum {
    /// It was elected. Its epoch begins with a record, whose commitment commits all before it.
    pub(super) fn become_leader(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        let epoch = self.epoch();
        let state = self.store.state();
        self.store.set(QuorumState { leader: Some(self.key.node), ..state });
        self.retries = 0;
        let start = self.log.end();
        self.log.append(epoch, MetadataRecord::LeaderChange { leader: self.key.node });
        let voters = self.voters.len();
        self.role = Role::Leader(Leader {
            epoch,
            start,
            established: false,
            ends: vec![0; voters],
            fetched: vec![false; voters],
            check_at: now + self.config.check_quorum_timeout(),
            untold: vec![true; voters],
            begin_at: now + self.config.begin_interval(),
            waiting: Vec::new(),
        });
        // With the power goes what is not on disk: then it may be elected in this epoch again.
        self.say(cx, None, Some(Note::QuorumLeader { node: self.key.node, epoch, start }));
    }

    /// The only voter elects itself, and writes nothing about it.
    pub(super) fn lead_alone(&mut self, cx: &mut Context<'_>) {
        let epoch = self.epoch().next();
        let (voted, leader) = (Some(self.key), Some(self.key.node));
        self.store.set(QuorumState { epoch, voted, leader });
        self.store.flush_now();
        let start = self.log.end();
        self.role = Role::Leader(Leader {
            epoch,
            start,
            established: true,
            ends: vec![0],
            fetched: vec![false],
            check_at: Instant::FAR,
            untold: vec![false],
            begin_at: Instant::FAR,
            waiting: Vec::new(),
        });
        // It commits what a kill left unflushed, without a record of its own epoch.
        let start = self.log.high_watermark();
        cx.note(Note::QuorumLeader { node: self.key.node, epoch, start });
    }

    /// Appends a record to the log it leads.
    pub fn append(&mut self, record: MetadataRecord) {
        let Role::Leader(leader) = &self.role else { panic!("only a leader appends") };
        let epoch = leader.epoch;
        self.log.append(epoch, record);
    }

    /// Deadlines of a leader.
    pub(super) fn lead_on(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        let begin_interval = self.config.begin_interval();
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.check_at <= now {
            match cx.rules.check_quorum {
                CheckQuorum::On => return self.resign(cx),
                CheckQuorum::Off => leader.check_at = Instant::FAR,
            }
        }
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.begin_at <= now {
            leader.begin_at = now + begin_interval;
            // Who is being asked or left alone is told the next time. Source: Kafka,
            // `KafkaRaftClient.maybeSendBeginQuorumEpochRequests`.
            for (untold, link) in leader.untold.iter_mut().zip(&self.links) {
                *untold |= link.is_free();
            }
        }
        self.answer_waiting(cx);
    }

    /// Whether it leads in this epoch, as who asks believes.
    pub(super) fn check_leader(&self, epoch: LeaderEpoch) -> ErrorCode {
        match &self.role {
            Role::Leader(leader) => match epoch.cmp(&leader.epoch) {
                core::cmp::Ordering::Less => ErrorCode::FencedLeaderEpoch,
                core::cmp::Ordering::Equal => ErrorCode::None,
                core::cmp::Ordering::Greater => ErrorCode::UnknownLeaderEpoch,
            },
            _ => ErrorCode::NotLeaderOrFollower,
        }
    }

    /// A replica fetches: what it asks for acknowledges what is before it.
    pub(super) fn fetch_asked(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        r: &FetchQuorumRequest,
    ) {
        let error = self.check_leader(r.epoch);
        if error != ErrorCode::None {
            let response = FetchQuorumResponse { error, ..self.nothing(r.from) };
            return self.say(cx, Some((token, Response::FetchQuorum(response))), None);
        }
        if let Some(snapshot) = self.snapshot_for(r.from, Some(r.last_epoch)) {
            let snapshot = Some(Box::new(snapshot));
            let response = FetchQuorumResponse { snapshot, ..self.nothing(r.from) };
            return cx.reply(token, Response::FetchQuorum(response));
        }
        let end = self.log.end_of(r.last_epoch);
        let parts = r.from > 0 && (end.0 != r.last_epoch || end.1 < r.from);
        if parts {
            let response =
                FetchQuorumResponse { diverging: Some(Box::new(end)), ..self.nothing(r.from) };
            return cx.reply(token, Response::FetchQuorum(response));
        }
        let voter = self.voter_of(&r.replica, cx.rules);
        self.heard_of(cx, voter, r.from);
        self.advance(cx);
        let until = cx.now.instant + FETCH_WAIT;
        let waiting = Waiting { token, from: r.from, high_watermark: r.high_watermark, until };
        if let Role::Leader(leader) = &mut self.role {
            leader.waiting.push(waiting);
        }
        self.answer_waiting(cx);
    }

    /// A voter is there and has the log up to `end`.
    pub(super) fn heard_of(&mut self, cx: &Context<'_>, voter: Option<usize>, end: u64) {
        let timeout = self.config.check_quorum_timeout();
        let others = majority(self.voters.len()) - 1;
        let (Some(voter), Role::Leader(leader)) = (voter, &mut self.role) else { return };
        leader.ends[voter] = leader.ends[voter].max(end);
        leader.fetched[voter] = true;
        if leader.fetched.iter().filter(|f| **f).count() >= others {
            leader.fetched.fill(false);
            leader.check_at = cx.now.instant + timeout;
        }
    }

    /// Commits what a majority holds, once that includes a record of its own epoch: an older one
    /// may be on a majority and still be lost (KAFKA-12619).
    pub(super) fn advance(&mut self, cx: &mut Context<'_>) {
        let own = self.sound_end(cx.rules);
        let alone = self.is_alone();
        let me = self.position(cx.rules);
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(me) = me else { return };
        leader.ends[me] = own;
        let mut ends = leader.ends.clone();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let held = ends[majority(ends.len()) - 1];
        let may = match cx.rules.raft_commit_requires_own_epoch {
            RaftCommitRequiresOwnEpoch::On => alone || held > leader.start,
            RaftCommitRequiresOwnEpoch::Off => true,
        };
        if !may {
            return;
        }
        leader.established |= held > leader.start;
        let epoch = leader.epoch;
        if self.log.commit(held) {
            self.note_high_watermark(cx, epoch, true);
            self.answer_waiting(cx);
        }
    }

    pub(super) fn note_high_watermark(
        &self,
        cx: &mut Context<'_>,
        epoch: LeaderEpoch,
        leader: bool,
    ) {
        let high_watermark = self.log.high_watermark();
        let node = self.key.node;
        cx.note(Note::QuorumHighWatermark { node, epoch, high_watermark, leader });
    }

    /// Answers the fetches for which there is news, or whose wait is over.
    pub(super) fn answer_waiting(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        let end = self.sound_end(cx.rules);
        let high_watermark = self.log.high_watermark();
        let sees = self.config.release.fetch_sees_high_watermark();
        let Role::Leader(leader) = &mut self.role else { return };
        let due = |w: &Waiting| {
            w.from < end || w.until <= now || (sees && w.high_watermark < high_watermark)
        };
        if !leader.waiting.iter().any(due) {
            return;
        }
        let (due, left): (Vec<_>, Vec<_>) =
            core::mem::take(&mut leader.waiting).into_iter().partition(due);
        leader.waiting = left;
        for fetch in due {
            let records = self.log.copy(fetch.from, end.max(fetch.from));
            let response = FetchQuorumResponse { records, ..self.nothing(fetch.from) };
            cx.reply(fetch.token, Response::FetchQuorum(response));
        }
    }

    /// An answer without records.
    fn nothing(&self, from: u64) -> FetchQuorumResponse {
        FetchQuorumResponse {
            error: ErrorCode::None,
            known: self.known(),
            from,
            high_watermark: self.log.high_watermark(),
            diverging: None,
            snapshot: None,
            records: Vec::new(),
        }
    }

    /// Whoever waits at it hears that it leads no more. The role is replaced by the caller.
    pub(super) fn end_leadership(&mut self, cx: &mut Context<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        for fetch in core::mem::take(&mut leader.waiting) {
            let error = ErrorCode::NotLeaderOrFollower;
            let mut response = FetchQuorumResponse { error, ..self.nothing(fetch.from) };
            response.known.leader = None;
            cx.reply(fetch.token, Response::FetchQuorum(response));
        }
    }
}
