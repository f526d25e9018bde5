//! Rounds of a classic group: prepare, `JoinGroup`, `SyncGroup`, complete.
//!
//! Source: `AbstractCoordinator.joinGroupIfNeeded` and `ConsumerCoordinator.onJoinPrepare` and
//! `onJoinComplete`. A round goes on only while the application is in `poll`, and stops for it
//! whenever there is something to tell.

use broker_model::group::assignor::{self, Subscriber, TopicPartitions};
use broker_model::protocol::group::{
    Assignor, JoinGroupRequest, JoinGroupResponse, MemberProtocol, Metadata, ProtocolName,
    ProtocolType, Subscription, SyncGroupRequest, SyncGroupResponse,
};
use broker_model::protocol::{ErrorCode, Request};
use broker_model::types::{Instant, MemberId, PartitionId, SECOND, TopicId};

use super::membership::{MemberState, NO_GENERATION, NO_MEMBER};
use super::requests::{Channel, Purpose};
use super::{Consumer, ConsumerEvent};
use crate::client::ClientContext;

/// How far a round has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// No round, or one that has not begun.
    Idle,
    /// An auto commit comes before the revocation.
    Committing {
        /// It has ended.
        done: bool,
    },
    /// The application is told of what it loses; then this is left.
    Revoking {
        /// What stays.
        keep: Vec<(PartitionId, TopicId)>,
    },
    /// `JoinGroup` is to be sent.
    Ready,
    /// `JoinGroup` is in flight.
    Joining,
    /// `SyncGroup` is in flight.
    Syncing,
    /// The assignment is here.
    Completing {
        /// What is assigned.
        assignment: Vec<PartitionId>,
        /// The application was told what it must give back (cooperative).
        told: bool,
    },
}

impl Consumer {
    /// Goes on with a round as far as it goes without an answer or the application.
    pub(super) fn advance_membership(&mut self, cx: &mut ClientContext<'_>) {
        if self.topics.is_empty() || self.membership.failed || self.metadata.version() == 0 {
            return;
        }
        self.note_changed_topics();
        while self.polling && self.ready_coordinator(cx).is_some() {
            match std::mem::replace(&mut self.membership.step, Step::Idle) {
                Step::Idle if !self.membership.rejoin_needed => return,
                Step::Idle => self.prepare(cx),
                Step::Committing { done: true } => self.revoke(),
                Step::Revoking { keep } => {
                    self.subscriptions.assign(&keep);
                    self.membership.step = Step::Ready;
                }
                Step::Ready if self.membership.join_retry_at <= cx.now.instant => self.join(cx),
                Step::Completing { assignment, told } => self.complete(cx, assignment, told),
                waiting => {
                    self.membership.step = waiting;
                    return;
                }
            }
        }
    }

    /// Topics subscribed to that are known, in order of subscription.
    fn subscribed(&self) -> Vec<TopicId> {
        self.topics.iter().filter_map(|name| self.metadata.topic_id(name)).collect()
    }

    fn partition_counts(&self, topics: &[TopicId]) -> Vec<(TopicId, usize)> {
        topics.iter().map(|&t| (t, self.metadata.partitions(t).len())).collect()
    }

    /// A change of subscription, or of the partitions that the leader assigned, needs a round.
    fn note_changed_topics(&mut self) {
        if self.topics_seen == self.metadata.version() {
            return;
        }
        self.topics_seen = self.metadata.version();
        let assigned: Vec<_> = self.membership.assigned_counts.iter().map(|&(t, _)| t).collect();
        let changed = self.membership.is_leader
            && self.partition_counts(&assigned) != self.membership.assigned_counts;
        let joined = self.membership.state == MemberState::Stable;
        if changed || (joined && self.subscribed() != self.membership.joined_topics) {
            self.membership.rejoin_needed = true;
        }
    }

    /// Whether partitions are kept over a round: only if every assignor is cooperative.
    fn is_cooperative(&self) -> bool {
        self.config.assignors.iter().all(|&a| a == Assignor::CooperativeSticky)
    }

    fn prepare(&mut self, cx: &mut ClientContext<'_>) {
        let stable = self.membership.state == MemberState::Stable;
        if !(self.auto_commits() && stable) {
            self.revoke();
            return;
        }
        let offsets = self.consumed();
        if !self.is_cooperative() {
            for partition in self.subscriptions.partitions() {
                self.subscriptions.change(partition, |a| a.revoking = true);
            }
        }
        self.membership.step = Step::Committing { done: false };
        self.commit_before_revoking(cx, offsets);
    }

    /// `onJoinPrepare` after the commit: what is no longer this member's.
    fn revoke(&mut self) {
        let none =
            self.membership.generation == NO_GENERATION || self.membership.member == NO_MEMBER;
        let subscribed = self.subscribed();
        let cooperative = self.is_cooperative();
        let stays = |topic: &TopicId| !none && cooperative && subscribed.contains(topic);
        let (mut keep, mut gone) = (Vec::new(), Vec::new());
        for a in self.subscriptions.iter() {
            if stays(&a.topic) {
                keep.push((a.partition, a.topic));
            } else {
                gone.push(a.partition);
            }
        }
        self.membership.is_leader = false;
        self.membership.step = Step::Revoking { keep };
        if none && !gone.is_empty() {
            self.tell(ConsumerEvent::Lost(gone));
        } else if !none && (!gone.is_empty() || !cooperative) {
            // Java calls the listener of an eager member even with nothing to revoke.
            self.tell(ConsumerEvent::Revoked(gone));
        }
    }

    /// The application must see this before the round goes on.
    pub(super) fn tell(&mut self, event: ConsumerEvent) {
        self.events.push_back(event);
        self.polling = false;
    }

    fn join(&mut self, cx: &mut ClientContext<'_>) {
        let (Some(group), Some(node)) = (self.group, self.coordinator.node) else { return };
        let topics = self.subscribed();
        self.membership.joined_topics.clone_from(&topics);
        self.membership.state = MemberState::PreparingRebalance;
        self.membership.step = Step::Joining;
        let subscription = Subscription {
            topics,
            owned: self.subscriptions.partitions(),
            generation: self.membership.generation,
        };
        let request = JoinGroupRequest {
            group,
            member: self.membership.member,
            instance: self.config.group_instance_id.clone(),
            session_timeout: self.config.session_timeout,
            rebalance_timeout: self.config.max_poll_interval,
            protocol_type: ProtocolType::Consumer,
            protocols: MemberProtocol::of_consumer(&self.config.assignors, subscription),
        };
        // The answer waits for the slowest member.
        let rebalance = self.config.max_poll_interval.saturating_add(5 * SECOND);
        let timeout = self.config.request_timeout.max(rebalance);
        let to = (Channel::Coordinator, node);
        let request = Request::JoinGroup(Box::new(request));
        self.requests.send(cx, to, Purpose::JoinGroup, timeout, request);
    }

    pub(super) fn handle_join(&mut self, cx: &mut ClientContext<'_>, r: JoinGroupResponse) {
        if self.membership.step != Step::Joining {
            // The generation was reset meanwhile.
            return;
        }
        self.membership.step = Step::Ready;
        match r.error {
            ErrorCode::None => self.joined(cx, r),
            ErrorCode::MemberIdRequired => {
                self.membership.member = r.member;
                self.membership.state = MemberState::Unjoined;
            }
            ErrorCode::UnknownMemberId => self.membership.reset(true),
            ErrorCode::RebalanceInProgress => self.membership.state = MemberState::Unjoined,
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.coordinator_lost(cx);
                self.join_failed(cx);
            }
            ErrorCode::CoordinatorLoadInProgress => self.join_failed(cx),
            error => {
                self.membership.state = MemberState::Unjoined;
                self.fail(error);
            }
        }
    }

    /// A round broke off: it begins again after a backoff.
    pub(super) fn join_failed(&mut self, cx: &mut ClientContext<'_>) {
        self.membership.state = MemberState::Unjoined;
        self.membership.rejoin_needed = true;
        if matches!(self.membership.step, Step::Joining | Step::Syncing) {
            self.membership.step = Step::Ready;
        }
        let wait = self.backoff(cx, self.membership.join_attempts);
        self.membership.join_attempts = self.membership.join_attempts.saturating_add(1);
        self.membership.join_retry_at = cx.now.instant + wait;
    }

    fn joined(&mut self, cx: &mut ClientContext<'_>, r: JoinGroupResponse) {
        let m = &mut self.membership;
        m.state = MemberState::CompletingRebalance;
        let assignor = r.protocol.and_then(ProtocolName::assignor);
        (m.generation, m.member, m.protocol) = (r.generation, r.member, assignor);
        m.join_attempts = 0;
        m.start_clocks(cx.now.instant, &self.config);
        m.is_leader = r.leader == r.member;
        let mut assignments = Vec::new();
        if m.is_leader {
            let members = subscribers(r.members);
            self.note_group_topics(&members);
            if !r.skip_assignment {
                let assignor = assignor.unwrap_or(Assignor::Range);
                let owned = assignor::assign(assignor, &members, &self.group_topics());
                assignments = owned.into_iter().map(|(m, p)| (m, p.into())).collect();
            }
        }
        let (Some(group), Some(node)) = (self.group, self.coordinator.node) else {
            self.join_failed(cx);
            return;
        };
        self.membership.step = Step::Syncing;
        let request = SyncGroupRequest {
            group,
            member: r.member,
            instance: self.config.group_instance_id.clone(),
            generation: r.generation,
            protocol_type: Some(ProtocolType::Consumer),
            protocol: r.protocol,
            assignments,
        };
        let timeout = self.config.request_timeout;
        let to = (Channel::Coordinator, node);
        let request = Request::SyncGroup(request);
        self.requests.send(cx, to, Purpose::SyncGroup, timeout, request);
    }

    /// The leader watches the partition counts of all topics of the group. It knows topics by
    /// its own metadata: a topic that only others subscribe to has no partitions for it.
    fn note_group_topics(&mut self, members: &[Subscriber]) {
        let topics = members.iter().flat_map(|(_, _, s)| s.topics.iter().copied());
        let mut topics: Vec<TopicId> = topics.collect();
        topics.sort_unstable_by_key(|&t| (self.metadata.topic_name(t), t));
        topics.dedup();
        self.membership.assigned_counts = self.partition_counts(&topics);
    }

    /// The group's topics that exist with their partitions, in order of name.
    fn group_topics(&self) -> Vec<TopicPartitions> {
        let counts = self.membership.assigned_counts.iter().filter(|&&(_, n)| n > 0);
        let of = |&(topic, _): &(TopicId, usize)| TopicPartitions {
            topic,
            partitions: self.metadata.partitions(topic).to_vec(),
        };
        counts.map(of).collect()
    }

    pub(super) fn handle_sync(&mut self, cx: &mut ClientContext<'_>, r: SyncGroupResponse) {
        if self.membership.step != Step::Syncing {
            return;
        }
        self.membership.step = Step::Ready;
        match r.error {
            ErrorCode::None => {
                self.membership.state = MemberState::Stable;
                self.membership.rejoin_needed = false;
                // Topics may have changed since it joined; Kafka compares them at every poll.
                self.topics_seen = 0;
                self.membership.step =
                    Step::Completing { assignment: r.assignment.into_partitions(), told: false };
            }
            ErrorCode::RebalanceInProgress => self.membership.state = MemberState::Unjoined,
            ErrorCode::UnknownMemberId => self.membership.reset(true),
            ErrorCode::IllegalGeneration => self.membership.reset(false),
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.coordinator_lost(cx);
                self.join_failed(cx);
            }
            error if error.is_retriable() => self.join_failed(cx),
            error => {
                self.membership.state = MemberState::Unjoined;
                self.fail(error);
            }
        }
    }

    /// `onJoinComplete`.
    fn complete(&mut self, cx: &ClientContext<'_>, assignment: Vec<PartitionId>, told: bool) {
        if !told {
            self.membership.completed = (self.membership.member, self.membership.generation);
        }
        let owned = self.subscriptions.partitions();
        let gone: Vec<_> = owned.iter().copied().filter(|p| !assignment.contains(p)).collect();
        if !gone.is_empty() && !told {
            // What is given back can be assigned to others only in a further round (KIP-429).
            self.membership.rejoin_needed = true;
            self.membership.step = Step::Completing { assignment, told: true };
            self.tell(ConsumerEvent::Revoked(gone));
            return;
        }
        let topic = |p: &PartitionId| {
            (*p, self.metadata.partition(*p).map_or(TopicId::UNKNOWN, |known| known.topic))
        };
        let assigned: Vec<_> = assignment.iter().map(topic).collect();
        let added = assignment.into_iter().filter(|p| !owned.contains(p)).collect();
        self.subscriptions.assign(&assigned);
        self.next_auto_commit = cx.now.instant + self.config.auto_commit_interval;
        self.membership.join_retry_at = Instant(0);
        self.membership.step = Step::Idle;
        self.tell(ConsumerEvent::Assigned(added));
    }
}

/// The members as assignors take them. What is no subscription subscribes to nothing.
fn subscribers(members: Vec<(MemberId, Option<String>, Metadata)>) -> Vec<Subscriber> {
    let subscriber = |(id, instance, metadata): (MemberId, Option<String>, Metadata)| {
        (id, instance, metadata.subscription().cloned().unwrap_or_default())
    };
    members.into_iter().map(subscriber).collect()
}
