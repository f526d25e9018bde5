//! Membership of a classic group: member id, generation, heartbeats.
//!
//! Source: `AbstractCoordinator` of the Java client. Heartbeats, session and poll time-outs run
//! in [`Consumer::heartbeat`] without the application, as Java's heartbeat thread does.

use broker_model::protocol::group::{Assignor, HeartbeatRequest, LeaveGroupRequest, LeavingMember};
use broker_model::protocol::{ErrorCode, Request};
use broker_model::types::{Duration, GenerationId, Instant, MemberId, TopicId};

use super::Consumer;
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
    heartbeat_at: Instant,
    /// Heartbeats in a row that failed.
    heartbeat_attempts: u32,
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
            heartbeat_at: Instant::FAR,
            heartbeat_attempts: 0,
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

    /// The session of a member that had lost sight of its coordinator starts anew.
    pub(super) fn coordinator_found(&mut self, now: Instant, config: &super::ConsumerConfig) {
        self.session_deadline = now + config.session_timeout;
    }

    /// The coordinator answered that it knows the member.
    fn heartbeat_received(&mut self, now: Instant, session_timeout: Duration) {
        self.heartbeat_attempts = 0;
        self.session_deadline = now + session_timeout;
    }

    /// The application polled.
    pub(super) fn polled(&mut self, now: Instant, max_poll_interval: Duration) {
        self.poll_deadline = now + max_poll_interval;
    }
}

impl Consumer {
    /// What Java's heartbeat thread does, once: session, poll interval, heartbeat.
    pub(super) fn heartbeat(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        if !self.membership.has_joined() || self.membership.failed {
            return;
        }
        let Some(node) = self.coordinator.node else {
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
                self.membership.heartbeat_received(now, self.config.session_timeout);
            }
            ErrorCode::RebalanceInProgress => {
                self.membership.heartbeat_received(now, self.config.session_timeout);
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

    /// A heartbeat failed: the next one comes after the retry backoff, which grows until one
    /// succeeds (`Heartbeat.failHeartbeat`).
    pub(super) fn heartbeat_failed(&mut self, cx: &mut ClientContext<'_>) {
        let wait = self.backoff(cx, self.membership.heartbeat_attempts);
        self.membership.heartbeat_attempts = self.membership.heartbeat_attempts.saturating_add(1);
        self.membership.heartbeat_at = cx.now.instant + wait;
    }

    /// `LeaveGroup`, of dynamic members only (KIP-345); nobody waits for the answer.
    pub(super) fn leave_group(&mut self, cx: &mut ClientContext<'_>) {
        let (Some(group), Some(node)) = (self.group, self.coordinator.node) else { return };
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

    /// When the background clock or the search for the coordinator must act next.
    pub(super) fn membership_deadline(&self, now: Instant) -> Instant {
        let m = &self.membership;
        let mut first = self.coordinator_deadline(now);
        if m.has_joined() && !m.failed {
            if let Some(node) = self.coordinator.node {
                let usable = self.requests.usable_at(Channel::Coordinator, node);
                first = first.min(m.heartbeat_at.max(usable)).min(m.session_deadline);
            }
            if !self.polling {
                first = first.min(m.poll_deadline);
            }
        }
        if self.polling && m.join_retry_at > now { first.min(m.join_retry_at) } else { first }
    }
}
