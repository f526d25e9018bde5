//! Heartbeats of a member of the new protocol: what they say, when, and what comes of answers.
//!
//! Source: `AbstractHeartbeatRequestManager` and `ConsumerHeartbeatRequestManager`.

use broker_model::protocol::consumer_group::{
    AssignorChoice, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use broker_model::protocol::{ErrorCode, Request};
use broker_model::types::{Duration, GroupEpoch, Instant, NodeId, TopicName};

use super::reconcile::Step;
use super::{Consumer, Local, State};
use crate::client::ClientContext;
use crate::client::consumer::requests::{Channel, Purpose};

/// What the coordinator was told last; only changes are told again.
#[derive(Clone, Debug)]
struct Sent {
    rebalance_timeout: bool,
    topics: Option<Vec<TopicName>>,
    assignor: bool,
    owned: Option<Local>,
}

impl Sent {
    const NOTHING: Self =
        Self { rebalance_timeout: false, topics: None, assignor: false, owned: None };
}

/// The clock of a member's heartbeats.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    /// As the last answer said, in nanoseconds.
    interval: Duration,
    next_at: Instant,
    retry_at: Instant,
    attempts: u32,
    in_flight: bool,
    sent: Sent,
}

impl Heartbeat {
    pub(super) const fn new() -> Self {
        Self {
            interval: 0,
            next_at: Instant(0),
            retry_at: Instant(0),
            attempts: 0,
            in_flight: false,
            sent: Sent::NOTHING,
        }
    }

    /// When the next one is due: in some states at once, whatever the clock says; never while
    /// one is under way.
    pub(super) fn due(&self, state: State) -> Instant {
        match state {
            State::Leaving => Instant(0),
            _ if self.in_flight => Instant::FAR,
            State::Joining | State::Acknowledging => Instant(0),
            _ => self.next_at.max(self.retry_at),
        }
    }

    fn sent(&mut self, now: Instant) {
        self.in_flight = true;
        self.next_at = now + self.interval;
    }

    fn answered(&mut self, now: Instant, interval: Duration) {
        self.in_flight = false;
        self.attempts = 0;
        self.retry_at = Instant(0);
        if self.interval != interval {
            self.interval = interval;
            self.next_at = now + interval;
        }
    }

    /// It failed: the next one comes after a backoff, and says everything.
    fn failed(&mut self, now: Instant, backoff: Duration) {
        self.in_flight = false;
        self.attempts = self.attempts.saturating_add(1);
        self.next_at = now;
        self.retry_at = now + backoff;
        self.sent = Sent::NOTHING;
    }

    /// What failed before does not count any more.
    fn forgive(&mut self) {
        self.attempts = 0;
        self.retry_at = Instant(0);
        self.in_flight = false;
    }
}

impl Consumer {
    /// Sends a heartbeat if one is due, or leaves if the application polls no more. Says whether
    /// anything changed.
    pub(super) fn send_member_heartbeat(&mut self, cx: &mut ClientContext<'_>) -> bool {
        let now = cx.now.instant;
        if self.member_mut().is_out() {
            return false;
        }
        let is_known = self.coordinator.node.is_some();
        let ready = self.ready_coordinator(cx);
        let polling = self.polling;
        let member = self.member_mut();
        if !is_known && member.state == State::Leaving {
            // There is nobody to say it to.
            member.state = State::Unsubscribed;
        }
        let Some(node) = ready else { return false };
        if !polling && now >= member.poll_deadline && !member.is_leaving() {
            self.leave_unpolled(cx, node);
            return true;
        }
        if member.heartbeat.due(member.state) > now {
            return false;
        }
        self.send_heartbeat_to(cx, node, Purpose::MemberHeartbeat);
        let member = self.member_mut();
        match member.state {
            State::Acknowledging if member.current == member.target => member.state = State::Stable,
            State::Acknowledging => member.state = State::Reconciling,
            State::Leaving => member.state = State::Unsubscribed,
            _ => {}
        }
        true
    }

    /// `max.poll.interval.ms` is over: the member leaves, and stays away until the application
    /// polls again.
    fn leave_unpolled(&mut self, cx: &mut ClientContext<'_>, node: NodeId) {
        let epoch = self.leave_epoch();
        let member = self.member_mut();
        member.enter(epoch);
        member.current = Local::NONE;
        member.state = State::Stale;
        member.step = Step::Releasing { told: false };
        self.send_heartbeat_to(cx, node, Purpose::LeaveGroup);
        let member = self.member_mut();
        member.heartbeat.forgive();
        member.heartbeat.sent = Sent::NOTHING;
    }

    /// A static member that leaves keeps its place until its session is over (KIP-848).
    pub(super) const fn leave_epoch(&self) -> GroupEpoch {
        match self.config.group_instance_id {
            Some(_) => GroupEpoch::LEAVING_FOR_NOW,
            None => GroupEpoch::LEAVING,
        }
    }

    /// Everything when it joins and after a failure, else what has changed.
    pub(super) fn send_heartbeat_to(
        &mut self,
        cx: &mut ClientContext<'_>,
        node: NodeId,
        purpose: Purpose,
    ) {
        let Some(group) = self.group else { return };
        let named = |name: &String| cx.names.known_topic(name);
        let topics: Vec<TopicName> = self.topics.iter().filter_map(named).collect();
        let rebalance_timeout = self.config.max_poll_interval;
        let instance = self.config.group_instance_id.clone();
        let assignor = self.config.group_remote_assignor;
        let rack = self.config.client_rack_name.clone();
        let member = self.member_mut();
        let full = member.state == State::Joining;
        let sent = &mut member.heartbeat.sent;
        let new_timeout = full || !sent.rebalance_timeout;
        let new_topics = full || sent.topics.as_ref() != Some(&topics);
        let new_assignor = full || !sent.assignor;
        let new_owned = full || sent.owned.as_ref() != Some(&member.current);
        *sent = Sent {
            rebalance_timeout: true,
            topics: Some(topics.clone()),
            assignor: true,
            owned: Some(member.current.clone()),
        };
        let request = ConsumerGroupHeartbeatRequest {
            group,
            member: member.id,
            epoch: member.epoch,
            instance,
            rack: if full { rack } else { None },
            rebalance_timeout: new_timeout.then_some(rebalance_timeout),
            topics: new_topics.then_some(topics),
            pattern: None,
            assignor: if new_assignor { assignor } else { AssignorChoice::Unnamed },
            owned: new_owned.then(|| member.current.partitions.clone()),
        };
        member.heartbeat.sent(cx.now.instant);
        let timeout = self.config.request_timeout;
        let to = (Channel::Coordinator, node);
        let request = Request::ConsumerGroupHeartbeat(Box::new(request));
        self.requests.send(cx, to, purpose, timeout, request);
    }

    pub(in crate::client::consumer) fn handle_member_heartbeat(
        &mut self,
        cx: &mut ClientContext<'_>,
        r: ConsumerGroupHeartbeatResponse,
    ) {
        if r.error != ErrorCode::None {
            self.member_heartbeat_refused(cx, r.error);
            return;
        }
        let member = self.member_mut();
        member.heartbeat.answered(cx.now.instant, r.heartbeat_interval);
        let in_group = !member.is_out() && member.state != State::Leaving;
        if !in_group || r.epoch < GroupEpoch::JOINING {
            return;
        }
        member.enter(r.epoch);
        if let Some(partitions) = r.assignment
            && member.state != State::PrepareLeaving
        {
            member.assigned(partitions);
        }
    }

    fn member_heartbeat_refused(&mut self, cx: &mut ClientContext<'_>, error: ErrorCode) {
        self.member_heartbeat_failed(cx);
        match error {
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.coordinator_lost(cx);
                self.member_mut().heartbeat.forgive();
            }
            ErrorCode::CoordinatorLoadInProgress => {}
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => {
                let member = self.member_mut();
                member.fence();
                member.heartbeat.forgive();
            }
            // The protocol is not served, the instance is taken, the group is full, the
            // assignor is unknown: trying again would not help.
            _ => self.member_failed(error),
        }
    }

    /// No answer, or a refusal.
    pub(in crate::client::consumer) fn member_heartbeat_failed(
        &mut self,
        cx: &mut ClientContext<'_>,
    ) {
        let attempts = self.member_mut().heartbeat.attempts;
        let wait = self.backoff(cx, attempts);
        self.member_mut().heartbeat.failed(cx.now.instant, wait);
    }
}
