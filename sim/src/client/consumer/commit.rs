//! Commits of offsets: by the application, by interval, before a revocation and at the end.
//!
//! Source: `ConsumerCoordinator`. Auto commit commits the positions of a poll's start, that is
//! of the records returned by earlier polls; what waits in the buffer does not count.

use broker_model::protocol::group::{CommittedOffset, OffsetCommitRequest, OffsetCommitResponse};
use broker_model::protocol::{ErrorCode, Request};
use broker_model::types::{Duration, GenerationId, Instant, MemberId, NodeId, PartitionId, SECOND};

use super::Consumer;
use super::event::{CommitError, CommitId, ConsumerEvent};
use super::membership::{MemberState, NO_GENERATION, NO_MEMBER};
use super::requests::{Channel, Purpose};
use super::subscription::Phase;
use crate::client::ClientContext;

/// How long a close waits for its commit: Java's default.
const CLOSE_TIMEOUT: u64 = 30 * SECOND;

/// Why a commit is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// `commitSync`: retried until its deadline.
    Sync,
    /// `commitAsync`: tried once.
    Async,
    /// Auto commit by interval: tried once, the next one comes early.
    Interval,
    /// Auto commit before a revocation, retried.
    Prepare,
    /// Auto commit of a close, retried.
    Close,
}

/// A commit that has not ended.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) id: CommitId,
    pub(super) kind: Kind,
    pub(super) offsets: Vec<CommittedOffset>,
    deadline: Instant,
    retry_at: Instant,
    attempts: u32,
    in_flight: bool,
    member: MemberId,
    generation: GenerationId,
}

impl Consumer {
    /// Commits and tries again until `default.api.timeout.ms`. The application waits for the
    /// event that tells the end, and polls again after it: it has left `poll`.
    pub fn commit_sync(
        &mut self,
        cx: &mut ClientContext<'_>,
        offsets: Vec<CommittedOffset>,
    ) -> CommitId {
        self.commit_within(cx, offsets, None)
    }

    /// As [`Self::commit_sync`] with a timeout of its own, in nanoseconds.
    pub fn commit_within(
        &mut self,
        cx: &mut ClientContext<'_>,
        offsets: Vec<CommittedOffset>,
        timeout: Option<Duration>,
    ) -> CommitId {
        self.polling = false;
        let timeout = timeout.unwrap_or(self.config.default_api_timeout);
        let deadline = cx.now.instant + timeout;
        let id = self.start_commit(cx, Kind::Sync, offsets, deadline);
        self.set_deadline(cx.now.instant);
        id
    }

    /// Commits once. The end is told after a later poll, as Java runs its callbacks there.
    pub fn commit_async(
        &mut self,
        cx: &mut ClientContext<'_>,
        offsets: Vec<CommittedOffset>,
    ) -> CommitId {
        let id = self.start_commit(cx, Kind::Async, offsets, Instant::FAR);
        self.set_deadline(cx.now.instant);
        id
    }

    /// The positions of all assigned partitions that have one: what Java commits without
    /// arguments.
    #[must_use]
    pub fn consumed(&self) -> Vec<CommittedOffset> {
        let of = |a: &super::subscription::Assigned| {
            let position = a.position.filter(|_| a.phase == Phase::Fetching)?;
            Some(CommittedOffset::new(a.partition, position.offset, position.offset_epoch))
        };
        self.subscriptions.iter().filter_map(of).collect()
    }

    /// What is committed for an assigned partition, as far as this consumer knows.
    #[must_use]
    pub fn committed(&self, partition: PartitionId) -> Option<CommittedOffset> {
        self.subscriptions.get(partition)?.committed
    }

    pub(super) fn auto_commits(&self) -> bool {
        self.config.enable_auto_commit && self.group.is_some()
    }

    /// Auto commit by interval, at the start of a poll.
    pub(super) fn auto_commit(&mut self, cx: &mut ClientContext<'_>) {
        if !self.auto_commits()
            || cx.now.instant < self.next_auto_commit
            || self.auto_commit_waits()
        {
            return;
        }
        self.next_auto_commit = cx.now.instant + self.config.auto_commit_interval;
        let offsets = self.consumed();
        if !offsets.is_empty() {
            self.start_commit(cx, Kind::Interval, offsets, Instant::FAR);
        }
    }

    pub(super) fn commit_before_revoking(
        &mut self,
        cx: &mut ClientContext<'_>,
        offsets: Vec<CommittedOffset>,
    ) {
        let deadline = cx.now.instant + self.config.max_poll_interval;
        self.start_commit(cx, Kind::Prepare, offsets, deadline);
    }

    pub(super) fn commit_before_closing(&mut self, cx: &mut ClientContext<'_>) {
        let deadline = cx.now.instant + CLOSE_TIMEOUT;
        let offsets = self.consumed();
        self.start_commit(cx, Kind::Close, offsets, deadline);
    }

    fn start_commit(
        &mut self,
        cx: &mut ClientContext<'_>,
        kind: Kind,
        offsets: Vec<CommittedOffset>,
        deadline: Instant,
    ) -> CommitId {
        let id = CommitId(self.next_commit);
        self.next_commit = self.next_commit.wrapping_add(1);
        self.commits.push(Commit {
            id,
            kind,
            offsets,
            deadline,
            retry_at: Instant(0),
            attempts: 0,
            in_flight: false,
            member: NO_MEMBER,
            generation: NO_GENERATION,
        });
        self.drive_commits(cx);
        id
    }

    /// Sends commits that wait, ends those whose time is up.
    pub(super) fn drive_commits(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        let mut at = 0;
        while at < self.commits.len() {
            let commit = &self.commits[at];
            let outcome = if commit.offsets.is_empty() {
                Some(Ok(()))
            } else if now >= commit.deadline {
                Some(Err(CommitError::Timeout))
            } else if commit.in_flight || commit.retry_at > now {
                None
            } else {
                match self.ready_coordinator(cx) {
                    Some(node) => self.send_commit(cx, at, node).err().map(Err),
                    None => None,
                }
            };
            match outcome {
                Some(result) => self.end_commit(at, result),
                None => at += 1,
            }
        }
    }

    fn send_commit(
        &mut self,
        cx: &mut ClientContext<'_>,
        at: usize,
        node: NodeId,
    ) -> Result<(), CommitError> {
        let Some(group) = self.group else { return Err(CommitError::CommitFailed) };
        let (member, generation) = self.committer()?;
        // Java's new consumer names its instance whether it subscribes or not.
        let managed = !self.topics.is_empty() || self.member.is_some();
        let commit = &mut self.commits[at];
        commit.in_flight = true;
        (commit.member, commit.generation) = (member, generation);
        let request = OffsetCommitRequest {
            retention: None,
            group,
            member,
            instance: self.config.group_instance_id.clone().filter(|_| managed),
            generation,
            offsets: commit.offsets.clone(),
        };
        let purpose = Purpose::Commit(commit.id);
        let timeout = self.config.request_timeout;
        let to = (Channel::Coordinator, node);
        self.requests.send(cx, to, purpose, timeout, Request::OffsetCommit(request));
        Ok(())
    }

    pub(super) fn handle_commit(
        &mut self,
        cx: &mut ClientContext<'_>,
        id: CommitId,
        response: &OffsetCommitResponse,
    ) {
        let Some(at) = self.commits.iter().position(|c| c.id == id) else { return };
        let refused = response.partitions.iter().map(|&(_, e)| e).find(|&e| e != ErrorCode::None);
        let Some(error) = refused else {
            for i in 0..self.commits[at].offsets.len() {
                let offset = self.commits[at].offsets[i];
                self.subscriptions.change(offset.partition, |a| a.committed = Some(offset));
            }
            self.end_commit(at, Ok(()));
            return;
        };
        if self.member.is_some() {
            self.member_commit_refused(cx, at, error);
            return;
        }
        let commit = &self.commits[at];
        let unchanged = commit.member == self.membership.member
            && commit.generation == self.membership.generation;
        let rebalancing = matches!(
            self.membership.state,
            MemberState::PreparingRebalance | MemberState::CompletingRebalance
        );
        match error {
            ErrorCode::CoordinatorLoadInProgress | ErrorCode::UnknownTopicOrPartition => {
                self.commit_retriable(cx, id, error);
            }
            ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::RequestTimedOut => {
                self.coordinator_lost(cx);
                self.commit_retriable(cx, id, error);
            }
            ErrorCode::RebalanceInProgress => {
                self.membership.rejoin_needed = true;
                self.end_commit(at, Err(CommitError::RebalanceInProgress));
            }
            ErrorCode::FencedInstanceId if unchanged => {
                self.end_commit(at, Err(CommitError::FencedInstance));
            }
            ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId => {
                if unchanged {
                    self.membership.reset(error != ErrorCode::IllegalGeneration);
                }
                let why = if rebalancing && !unchanged {
                    CommitError::RebalanceInProgress
                } else {
                    CommitError::CommitFailed
                };
                self.end_commit(at, Err(why));
            }
            _ => self.end_commit(at, Err(CommitError::Refused(error))),
        }
    }

    /// A try failed in a way that may pass.
    pub(super) fn commit_retriable(
        &mut self,
        cx: &mut ClientContext<'_>,
        id: CommitId,
        error: ErrorCode,
    ) {
        let Some(at) = self.commits.iter().position(|c| c.id == id) else { return };
        let wait = self.backoff(cx, self.commits[at].attempts);
        let until = cx.now.instant + wait;
        let is_new = self.member.is_some();
        if is_new && self.commits[at].kind == Kind::Prepare {
            // Java's new consumer commits again what is consumed by then.
            self.commits[at].offsets = self.consumed();
        }
        let commit = &mut self.commits[at];
        match commit.kind {
            Kind::Prepare if error == ErrorCode::UnknownTopicOrPartition && is_new => {
                self.end_commit(at, Err(CommitError::Refused(error)));
            }
            Kind::Sync | Kind::Prepare | Kind::Close => {
                commit.in_flight = false;
                commit.attempts = commit.attempts.saturating_add(1);
                commit.retry_at = until;
            }
            Kind::Async => self.end_commit(at, Err(CommitError::Retriable(error))),
            Kind::Interval => {
                if !is_new {
                    self.next_auto_commit = self.next_auto_commit.min(until);
                }
                self.end_commit(at, Err(CommitError::Retriable(error)));
            }
        }
    }

    pub(super) fn end_commit(&mut self, at: usize, result: Result<(), CommitError>) {
        let commit = self.commits.remove(at);
        let event = ConsumerEvent::Committed { id: commit.id, result };
        match commit.kind {
            Kind::Sync => self.events.push_back(event),
            Kind::Async if self.polling => self.events.push_back(event),
            Kind::Async => self.callbacks.push(event),
            Kind::Interval => {}
            Kind::Prepare => self.prepared(commit.id),
            Kind::Close => self.close_committed = true,
        }
    }

    pub(super) fn commit_deadline(&self, now: Instant) -> Instant {
        let mut first = Instant::FAR;
        for commit in &self.commits {
            first = first.min(commit.deadline);
            if !commit.in_flight && commit.retry_at > now {
                first = first.min(commit.retry_at);
            }
        }
        let auto = self.polling && self.auto_commits() && !self.subscriptions.is_empty();
        if auto && !self.auto_commit_waits() {
            first = first.min(self.next_auto_commit);
        }
        first
    }
}
