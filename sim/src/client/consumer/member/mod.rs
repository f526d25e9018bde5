//! A member of a group of the new protocol (KIP-848), whose coordinator assigns the partitions.
//!
//! Source: `AbstractMembershipManager` and `ConsumerMembershipManager` of the Java client 4.1.
//! What Java's background thread does goes on whether the application polls or not; what calls
//! the application, as a rebalance listener or by an exception, waits for its next poll.

mod commit;
mod heartbeat;
mod leave;
mod reconcile;

use broker_model::protocol::ErrorCode;
use broker_model::types::{Duration, GenerationId, GroupEpoch, Instant, MemberId, PartitionId};

use super::membership::{NO_GENERATION, NO_MEMBER};
use super::{Consumer, ConsumerError};
use crate::client::ClientContext;
use crate::prng::mix;
use heartbeat::Heartbeat;
use reconcile::Step;

/// Where a member stands (`MemberState` in Java).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Not part of the group, by the application's will.
    Unsubscribed,
    /// Its first heartbeat is to be sent, or on its way.
    Joining,
    /// Has an assignment to take over.
    Reconciling,
    /// Has taken one over and will say so at once.
    Acknowledging,
    /// Has what it shall have.
    Stable,
    /// The coordinator knows it no more; it gives up what it has and joins again.
    Fenced,
    /// The application is told what it loses by leaving.
    PrepareLeaving,
    /// Its last heartbeat is to be sent.
    Leaving,
    /// The coordinator refused for good.
    Fatal,
    /// Left because the application does not poll; joins again when it does.
    Stale,
}

/// An assignment with a number of its own, by which one that came back is told from one that
/// stayed (`LocalAssignment`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Local {
    /// Counts changes; -1 for no assignment yet.
    pub(super) epoch: i64,
    /// In order of id.
    pub(super) partitions: Vec<PartitionId>,
}

impl Local {
    const NONE: Self = Self { epoch: -1, partitions: Vec::new() };

    /// What comes after it, if it is anything new.
    fn updated(&self, partitions: Vec<PartitionId>) -> Option<Self> {
        let known = self.epoch >= 0 && self.partitions == partitions;
        (!known).then(|| Self { epoch: self.epoch + 1, partitions })
    }
}

/// A consumer's part in a group of the new protocol.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) state: State,
    /// Made by the client, for all its life (KIP-1082).
    id: MemberId,
    epoch: GroupEpoch,
    /// Who commits and reads offsets; no epoch while it is no member.
    known: (MemberId, Option<GroupEpoch>),
    /// What the application is told, as of the last epoch that was one of a member: a zombie
    /// keeps it, so that the coordinator can fence it.
    told: (MemberId, GenerationId),
    /// What it has.
    current: Local,
    /// What it shall have.
    target: Local,
    step: Step,
    heartbeat: Heartbeat,
    poll_deadline: Instant,
    /// The application subscribed to something since its last poll.
    subscription_changed: bool,
}

impl Member {
    /// A member that has not joined, with an id drawn by `seed`.
    pub(super) fn new(seed: u64) -> Self {
        let id = MemberId(mix(seed ^ mix(u64::from_be_bytes(*b"member  "))).max(1));
        Self {
            state: State::Unsubscribed,
            id,
            epoch: GroupEpoch::JOINING,
            known: (NO_MEMBER, None),
            told: (NO_MEMBER, NO_GENERATION),
            current: Local::NONE,
            target: Local::NONE,
            step: Step::Idle,
            heartbeat: Heartbeat::new(),
            poll_deadline: Instant::FAR,
            subscription_changed: false,
        }
    }

    /// The application polled.
    pub(super) fn polled(&mut self, now: Instant, max_poll_interval: Duration) {
        self.poll_deadline = now + max_poll_interval;
    }

    /// The application subscribed.
    pub(super) const fn subscribed(&mut self) {
        self.subscription_changed = true;
    }

    /// Who commits: the member and its epoch, -1 while it is no member.
    pub(super) fn committer(&self) -> (MemberId, GenerationId) {
        (self.known.0, self.known.1.map_or(NO_GENERATION, |epoch| GenerationId(epoch.0)))
    }

    /// Who reads offsets, if it is a member.
    pub(super) fn reader(&self) -> Option<(MemberId, GroupEpoch)> {
        self.known.1.map(|epoch| (self.known.0, epoch))
    }

    /// Who the application is told that it is.
    pub(super) const fn told(&self) -> (MemberId, GenerationId) {
        self.told
    }

    /// Id and epoch as of now.
    pub(super) const fn live(&self) -> (MemberId, GenerationId) {
        (self.id, GenerationId(self.epoch.0))
    }

    /// Takes an epoch. Only one that is above 0 makes a member, by which it may commit.
    fn enter(&mut self, epoch: GroupEpoch) {
        if self.epoch == epoch {
            return;
        }
        self.epoch = epoch;
        self.known = (self.id, (epoch > GroupEpoch::JOINING).then_some(epoch));
        if epoch > GroupEpoch::JOINING {
            self.told = (self.id, GenerationId(epoch.0));
        }
    }

    const fn is_out(&self) -> bool {
        matches!(self.state, State::Unsubscribed | State::Fenced | State::Fatal | State::Stale)
    }

    const fn is_leaving(&self) -> bool {
        matches!(self.state, State::PrepareLeaving | State::Leaving)
    }

    fn join(&mut self) {
        self.enter(GroupEpoch::JOINING);
        self.state = State::Joining;
        self.target = Local::NONE;
        self.step = Step::Idle;
    }

    /// The coordinator knows it no more, or not in its epoch.
    fn fence(&mut self) {
        match self.state {
            State::PrepareLeaving | State::Leaving => self.state = State::Unsubscribed,
            _ if self.is_out() => {}
            _ => {
                self.state = State::Fenced;
                self.enter(GroupEpoch::JOINING);
                self.step = Step::Releasing { told: false };
            }
        }
    }

    /// What the coordinator answered it shall have.
    fn assigned(&mut self, mut partitions: Vec<PartitionId>) {
        partitions.sort_unstable();
        if let Some(target) = self.target.updated(partitions) {
            self.target = target;
        }
        match self.state {
            _ if self.current != self.target => self.state = State::Reconciling,
            State::Reconciling | State::Joining => self.state = State::Stable,
            _ => {}
        }
    }
}

impl Consumer {
    /// The member, where only members of the new protocol come.
    fn member_mut(&mut self) -> &mut Member {
        self.member.as_mut().expect("asked by the member's own code alone")
    }

    /// Goes on as far as it goes without an answer or the application.
    pub(super) fn drive_member(&mut self, cx: &mut ClientContext<'_>) {
        while self.member_acts(cx) {}
    }

    /// Does the next thing, in the order of Java's poll and background thread. Says whether there
    /// was one.
    fn member_acts(&mut self, cx: &mut ClientContext<'_>) -> bool {
        if self.take_step(cx) {
            return true;
        }
        if self.polling && self.joins_now() {
            self.member_mut().join();
            return true;
        }
        self.send_member_heartbeat(cx)
    }

    fn joins_now(&mut self) -> bool {
        let subscribed = !self.topics.is_empty();
        let member = self.member_mut();
        if member.step != Step::Idle {
            return false;
        }
        match member.state {
            State::Unsubscribed if subscribed && member.subscription_changed => {
                member.subscription_changed = false;
                true
            }
            State::Stale => true,
            _ => false,
        }
    }

    /// The coordinator refuses this member for good: the application is told, and loses what it
    /// has.
    pub(super) fn member_failed(&mut self, error: ErrorCode) {
        let member = self.member_mut();
        let left = member.is_leaving() || member.state == State::Unsubscribed;
        member.state = State::Fatal;
        member.known.1 = None;
        if !left {
            member.step = Step::Releasing { told: false };
        }
        self.throw(ConsumerError::Group(error));
    }

    /// When the member must act next.
    pub(super) fn member_deadline(&self, member: &Member, now: Instant) -> Instant {
        let first = self.coordinator_deadline(now);
        let Some(node) = self.coordinator.node else { return first };
        if member.is_out() {
            return first;
        }
        let usable = self.requests.usable_at(super::requests::Channel::Coordinator, node);
        let mut next = member.heartbeat.due(member.state);
        if !self.polling && !member.is_leaving() {
            next = next.min(member.poll_deadline);
        }
        first.min(next.max(usable))
    }
}
