//! Membership of a classic group: coordinator, member id, generation, heartbeats.
//!
//! Source: `AbstractCoordinator` of the Java client. Heartbeats, session and poll time-outs run
//! in [`Consumer::heartbeat`] without the application, as Java's heartbeat thread does.

use broker_model::protocol::coordinator::{
    CoordinatorKey, FindCoordinatorRequest, FindCoordinatorResponse,
};
use broker_model::protocol::group::{Assignor, HeartbeatRequest, LeaveGroupRequest, LeavingMember};
use broker_model::protocol::{ErrorCode, Request};
use broker_model::types::{Duration, GenerationId, GroupId, Instant, MemberId, NodeId, TopicId};

use super::Consumer;
use super::event::ConsumerError;
use super::join::Step;
use super::requests::{Channel, Purpose};
use crate::client::ClientContext;

/// Where a member stands (`MemberState` in Java).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MemberState {
    /// Not part of the group.
    Unjoined,
    /// `JoinGroup` is on its way.
    PreparingRebalance,
    /// `SyncGroup` is on its way.
    CompletingRebalance,
    /// Has an assignment.
    Stable,
}

/// No generation.
pub(super) const NO_GENERATION: GenerationId = GenerationId(-1);
/// No member id.
pub(super) const NO_MEMBER: MemberId = MemberId(0);

/// A consumer's part in its group.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) state: MemberState,
    pub(super) member: MemberId,
    pub(super) generation: GenerationId,
    /// What the application is told: as of the last completed join. A member that the
    /// background clock finds expelled keeps it, so that the coordinator can fence the zombie
    /// (`ConsumerCoordinator.groupMetadata` is set in `onJoinComplete` alone).
    pub(super) completed: (MemberId, GenerationId),
    pub(super) protocol: Option<Assignor>,
    pub(super) is_leader: bool,
    /// Partition counts the leader assigned by: a change calls for a new round.
    pub(super) assigned_counts: Vec<(TopicId, usize)>,
    /// Topics of the last `JoinGroup`.
    pub(super) joined_topics: Vec<TopicId>,
    pub(super) rejoin_needed: bool,
    pub(super) step: Step,
    pub(super) join_retry_at: Instant,
    pub(super) join_attempts: u32,
    pub(super) coordinator: Option<NodeId>,
    find_retry_at: Instant,
    find_attempts: u32,
    heartbeat_at: Instant,
    session_deadline: Instant,
    poll_deadline: Instant,
    /// The coordinator refused for good.
    pub(super) failed: bool,
}

impl Membership {
    pub(super) const fn new() -> Self {
        Self {
            state: MemberState::Unjoined,
            member: NO_MEMBER,
            generation: NO_GENERATION,
            completed: (NO_MEMBER, NO_GENERATION),
            protocol: None,
            is_leader: false,
            assigned_counts: Vec::new(),
            joined_topics: Vec::new(),
            rejoin_needed: true,
            step: Step::Idle,
            join_retry_at: Instant(0),
            join_attempts: 0,
            coordinator: None,
            find_retry_at: Instant(0),
            find_attempts: 0,
            heartbeat_at: Instant::FAR,
            session_deadline: Instant::FAR,
            poll_deadline: Instant::FAR,
            failed: false,
        }
    }

    /// Whether the background clock heartbeats.
    pub(super) const fn has_joined(&self) -> bool {
        matches!(self.state, MemberState::CompletingRebalance | MemberState::Stable)
    }

    /// Forgets the generation, and the member id if it is no longer known; joins anew.
    pub(super) fn reset(&mut self, drop_member: bool) {
        self.state = MemberState::Unjoined;
        self.generation = NO_GENERATION;
        self.protocol = None;
        if drop_member {
            self.member = NO_MEMBER;
        }
        self.rejoin_needed = true;
        match self.step {
            // The application is being told; what it is told stays true.
            Step::Revoking { .. } | Step::Completing { told: true, .. } => {}
            _ => self.step = Step::Idle,
        }
    }

    /// The member joined: all clocks start anew.
    pub(super) fn start_clocks(&mut self, now: Instant, config: &super::ConsumerConfig) {
        self.heartbeat_at = now + config.heartbeat_interval;
        self.session_deadline = now + config.session_timeout;
        self.poll_deadline = now + config.max_poll_interval;
    }

    /// The application polled.
    pub(super) fn polled(&mut self, now: Instant, max_poll_interval: Duration) {
        self.poll_deadline = now + max_poll_interval;
    }
}

impl Consumer {
    /// The coordinator, if it is known and its connection may be used; looks for it otherwise.
    pub(super) fn ready_coordinator(&mut self, cx: &mut ClientContext<'_>) -> Option<NodeId> {
        if let Some(node) = self.membership.coordinator {
            let usable = self.requests.usable_at(Channel::Coordinator, node) <= cx.now.instant;
            return usable.then_some(node);
        }
        self.find_coordinator(cx);
        None
    }

    fn find_coordinator(&mut self, cx: &mut ClientContext<'_>) {
        let Some(group) = self.group else { return };
        let now = cx.now.instant;
        if self.membership.find_retry_at > now
            || self.requests.is_waiting_for(Purpose::FindCoordinator)
        {
            return;
        }
        let Some(node) = self.requests.least_loaded(cx, self.metadata.brokers()) else { return };
        let request = FindCoordinatorRequest { key: CoordinatorKey::Group(group) };
        let to = (Channel::Main, node);
        let timeout = self.config.request_timeout;
        let request = Request::FindCoordinator(request);
        self.requests.send(cx, to, Purpose::FindCoordinator, timeout, request);
    }

    pub(super) fn handle_find_coordinator(
        &mut self,
        cx: &mut ClientContext<'_>,
        response: FindCoordinatorResponse,
    ) {
        match (response.error, response.node) {
            (ErrorCode::None, Some(node)) => {
                self.membership.coordinator = Some(node);
                self.membership.find_attempts = 0;
                self.membership.session_deadline = cx.now.instant + self.config.session_timeout;
            }
            (ErrorCode::GroupAuthorizationFailed | ErrorCode::InvalidGroupId, _) => {
                self.fail(response.error);
            }
            _ => self.find_coordinator_failed(cx),
        }
    }

    pub(super) fn find_coordinator_failed(&mut self, cx: &mut ClientContext<'_>) {
        let wait = self.backoff(cx, self.membership.find_attempts);
        self.membership.find_attempts = self.membership.find_attempts.saturating_add(1);
        self.membership.find_retry_at = cx.now.instant + wait;
    }

    /// The coordinator is elsewhere now, or cannot be reached: it is looked up again.
    pub(super) fn coordinator_lost(&mut self, cx: &mut ClientContext<'_>) {
        if self.membership.coordinator.take().is_some() {
            let wait = self.backoff(cx, 0);
            self.membership.find_retry_at = cx.now.instant + wait;
        }
    }

    /// The group refuses this consumer for good.
    pub(super) fn fail(&mut self, error: ErrorCode) {
        self.membership.failed = true;
        self.membership.step = Step::Idle;
        self.throw(ConsumerError::Group(error));
    }

    /// What Java's heartbeat thread does, once: session, poll interval, heartbeat.
    pub(super) fn heartbeat(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        if !self.membership.has_joined() || self.membership.failed {
            return;
        }
        let Some(node) = self.membership.coordinator else {
            self.find_coordinator(cx);
            return;
        };
        if now >= self.membership.session_deadline {
            // The connection may be dead without anyone having said so.
            let lost = self.requests.close(cx, Channel::Coordinator, node);
            self.coordinator_lost(cx);
            for request in lost {
                self.request_failed(cx, request);
            }
            return;
        }
        if !self.polling && now >= self.membership.poll_deadline {
            self.leave_group(cx);
            self.membership.reset(true);
            return;
        }
        if now < self.membership.heartbeat_at
            || self.requests.usable_at(Channel::Coordinator, node) > now
        {
            return;
        }
        self.membership.heartbeat_at = now + self.config.heartbeat_interval;
        let Some(group) = self.group else { return };
        let request = HeartbeatRequest {
            group,
            member: self.membership.member,
            instance: self.config.group_instance_id.clone(),
            generation: self.membership.generation,
        };
        let to = (Channel::Coordinator, node);
        let timeout = self.config.request_timeout;
        let request = Request::Heartbeat(request);
        self.requests.send(cx, to, Purpose::Heartbeat, timeout, request);
    }

    pub(super) fn handle_heartbeat(&mut self, cx: &mut ClientContext<'_>, error: ErrorCode) {
        let now = cx.now.instant;
        if !self.membership.has_joined() {
            // An answer to a generation that is gone already.
            return;
        }
        match error {
            ErrorCode::None => {
                self.membership.session_deadline = now + self.config.session_timeout;
            }
            ErrorCode::RebalanceInProgress => {
                self.membership.session_deadline = now + self.config.session_timeout;
                if self.membership.state == MemberState::Stable {
                    self.membership.rejoin_needed = true;
                }
            }
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.coordinator_lost(cx);
                self.heartbeat_failed(cx);
            }
            ErrorCode::IllegalGeneration => self.membership.reset(false),
            ErrorCode::UnknownMemberId => self.membership.reset(true),
            ErrorCode::FencedInstanceId => {
                self.membership.reset(true);
                self.fail(error);
            }
            _ => self.heartbeat_failed(cx),
        }
    }

    /// A heartbeat failed: the next one comes after the retry backoff.
    pub(super) fn heartbeat_failed(&mut self, cx: &mut ClientContext<'_>) {
        let next = cx.now.instant + self.config.retry_backoff.initial;
        self.membership.heartbeat_at = self.membership.heartbeat_at.min(next);
    }

    /// `LeaveGroup`, of dynamic members only (KIP-345); nobody waits for the answer.
    pub(super) fn leave_group(&mut self, cx: &mut ClientContext<'_>) {
        let (Some(group), Some(node)) = (self.group, self.membership.coordinator) else { return };
        let known =
            self.membership.member != NO_MEMBER && self.membership.state != MemberState::Unjoined;
        if self.config.group_instance_id.is_some() || !known {
            return;
        }
        let request = LeaveGroupRequest {
            group,
            members: vec![LeavingMember { member: self.membership.member, instance: None }],
        };
        let to = (Channel::Coordinator, node);
        let timeout = self.config.request_timeout;
        let request = Request::LeaveGroup(request);
        self.requests.send(cx, to, Purpose::LeaveGroup, timeout, request);
    }

    /// Group, member and generation as of the last completed join, for offsets sent to a
    /// transaction (KIP-447).
    #[must_use]
    pub fn group_metadata(&self) -> Option<(GroupId, MemberId, GenerationId)> {
        let (member, generation) = self.membership.completed;
        Some((self.group?, member, generation))
    }

    /// Member and generation as the background clock knows them: none once it was expelled.
    #[must_use]
    pub fn live_member(&self) -> Option<(MemberId, GenerationId)> {
        self.group.map(|_| (self.membership.member, self.membership.generation))
    }

    /// When the background clock or the search for the coordinator must act next.
    pub(super) fn membership_deadline(&self, now: Instant) -> Instant {
        let m = &self.membership;
        let mut first = Instant::FAR;
        let later = |at: Instant| if at > now { at } else { Instant::FAR };
        if self.group.is_some() {
            first = later(match m.coordinator {
                Some(node) => self.requests.usable_at(Channel::Coordinator, node),
                None => m.find_retry_at.max(self.requests.any_usable_at(self.metadata.brokers())),
            });
        }
        if m.has_joined() && !m.failed {
            if let Some(node) = m.coordinator {
                let usable = self.requests.usable_at(Channel::Coordinator, node);
                first = first.min(m.heartbeat_at.max(usable)).min(m.session_deadline);
            }
            if !self.polling {
                first = first.min(m.poll_deadline);
            }
        }
        if self.polling { first.min(later(m.join_retry_at)) } else { first }
    }
}
