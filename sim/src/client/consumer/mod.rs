//! A consumer with the semantics of the Java classic consumer of Kafka 4.1.
//!
//! How to drive it: [`Consumer::poll`] stands for the application's `poll`. When it gives
//! records, the application is busy with them until it polls again; until then only heartbeats,
//! commits and answers go on, as in Java. When it gives none, the application counts as waiting
//! inside `poll`: [`Consumer::turn`] and [`Consumer::response`] then also fetch, join and reset
//! positions, and the application polls again once [`Consumer::has_records`] holds or an event
//! was taken from [`Consumer::poll_event`]. A poll does nothing while events wait to be taken:
//! rebalances go on only after the application has seen them.

mod buffer;
mod close;
mod collect;
mod commit;
mod config;
mod control;
mod coordinator;
mod event;
mod fetcher;
mod group;
mod join;
mod member;
mod membership;
mod offsets;
mod requests;
mod scripted;
mod subscription;

use std::collections::VecDeque;

use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{Duration, GroupId, Instant, MILLISECOND, NodeId, PartitionId, TopicId};

pub(crate) use config::SETTINGS;
pub use config::{ConsumerConfig, GroupProtocol, OffsetReset};
pub use event::{CommitError, CommitId, ConsumerError, ConsumerEvent, Polled, Run};
pub use scripted::PositionView;

use buffer::Buffer;
use close::Closing;
use commit::Commit;
use coordinator::Coordinator;
use member::Member;
use membership::Membership;
use requests::{Channel, InFlight, Purpose, Requests};
use subscription::{Sent, Subscriptions};

use super::{ClientContext, ClientMetadata, Correlation, Disconnected, MetadataConfig};

/// A consumer. See the module for how to drive it.
#[derive(Clone, Debug)]
pub struct Consumer {
    config: ConsumerConfig,
    group: Option<GroupId>,
    metadata: ClientMetadata,
    subscriptions: Subscriptions,
    requests: Requests,
    buffer: Buffer,
    coordinator: Coordinator,
    membership: Membership,
    /// In a group of the new protocol; `membership` is idle then.
    member: Option<Box<Member>>,
    commits: Vec<Commit>,
    next_commit: u32,
    next_auto_commit: Instant,
    /// Ends of asynchronous commits that the next poll will tell.
    callbacks: Vec<ConsumerEvent>,
    events: VecDeque<ConsumerEvent>,
    /// Names subscribed to; empty with a manual assignment.
    topics: Vec<String>,
    /// The application waits inside `poll`.
    polling: bool,
    closing: Closing,
    close_committed: bool,
    offset_fetch_attempts: u32,
    /// Versions of the metadata that positions and subscription have followed.
    leaders_seen: u32,
    topics_seen: u32,
    polls_with_records: u32,
    /// Waits before a repetition vary; not in a dialogue.
    jitter: bool,
    deadline: Instant,
    /// Room for building fetches.
    changed: Vec<(PartitionId, Sent)>,
}

impl Consumer {
    /// A consumer of a group, or without one (then nothing is committed and positions come from
    /// `auto.offset.reset` or `seek`). `bootstrap` are the first brokers to ask; `seed` is for
    /// the jitter of metadata backoff, and for the id of a member of the new protocol.
    #[must_use]
    pub fn new(
        config: ConsumerConfig,
        group: Option<GroupId>,
        bootstrap: &[NodeId],
        seed: u64,
    ) -> Self {
        let metadata = MetadataConfig {
            backoff: config.retry_backoff,
            max_age: config.metadata_max_age,
            jitter_seed: Some(seed),
        };
        let is_new = group.is_some() && config.group_protocol == GroupProtocol::Consumer;
        let member = is_new.then(|| Box::new(Member::new(seed)));
        Self {
            metadata: ClientMetadata::new(metadata, bootstrap),
            requests: Requests::new(config.reconnect_backoff),
            next_auto_commit: Instant(config.auto_commit_interval),
            config,
            group,
            subscriptions: Subscriptions::default(),
            buffer: Buffer::default(),
            coordinator: Coordinator::new(),
            membership: Membership::new(),
            member,
            commits: Vec::new(),
            next_commit: 0,
            callbacks: Vec::new(),
            events: VecDeque::new(),
            topics: Vec::new(),
            polling: false,
            closing: Closing::No,
            close_committed: false,
            offset_fetch_attempts: 0,
            leaders_seen: 0,
            topics_seen: 0,
            polls_with_records: 0,
            jitter: true,
            deadline: Instant(0),
            changed: Vec::new(),
        }
    }

    /// Subscribes to topics through the group; replaces an earlier subscription.
    ///
    /// # Panics
    /// Without a group: a bug of the caller.
    pub fn subscribe(&mut self, topics: &[&str]) {
        assert!(self.group.is_some(), "a subscription needs a group");
        self.topics = topics.iter().map(|&t| t.to_owned()).collect();
        for topic in topics {
            self.metadata.want(topic);
        }
        self.group_subscribed();
        self.deadline = Instant(0);
    }

    /// Assigns partitions by hand, each with the name of its topic; there is no rebalance.
    pub fn assign(&mut self, partitions: &[(&str, PartitionId)]) {
        self.topics.clear();
        for (topic, _) in partitions {
            self.metadata.want(topic);
        }
        let assigned: Vec<_> =
            partitions.iter().map(|&(_, partition)| (partition, TopicId::UNKNOWN)).collect();
        self.subscriptions.assign(&assigned);
        self.deadline = Instant(0);
    }

    /// The application polls: joins, auto commits, moves up to `max.poll.records` records to
    /// `out`, and fetches. Says whether there are records; if not, the application waits in here
    /// until [`Self::has_records`] or an event.
    pub fn poll(&mut self, cx: &mut ClientContext<'_>, out: &mut Polled) -> bool {
        out.clear();
        if self.closing != Closing::No {
            return false;
        }
        self.events.extend(self.callbacks.drain(..));
        self.group_polled(cx.now.instant);
        self.polling = self.events.is_empty();
        self.drive(cx);
        if self.polling {
            self.collect(cx, out);
        }
        if self.polling {
            self.send_fetches(cx);
        }
        if out.records > 0 {
            self.polling = false;
        }
        self.set_deadline(cx.now.instant);
        out.records > 0
    }

    /// The application's `poll` came back without records, after its timeout: it is outside now,
    /// and only heartbeats, commits and answers go on.
    pub const fn leave_poll(&mut self) {
        self.polling = false;
    }

    /// Does what is due without the application. Call it when [`Self::next_deadline`] has come.
    pub fn turn(&mut self, cx: &mut ClientContext<'_>) {
        if self.closing == Closing::No {
            if self.polling {
                self.group_polled(cx.now.instant);
            }
            self.group_clock(cx);
        }
        self.go_on(cx);
        self.set_deadline(cx.now.instant);
    }

    /// Takes an answer, or the news that there will be none. Unknown answers are ignored: the
    /// consumer gave the request up when it closed the connection.
    pub fn response(
        &mut self,
        cx: &mut ClientContext<'_>,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        let Some(request) = self.requests.take(correlation) else { return };
        assert!(request.node == from, "an answer comes from the node that was asked");
        match result {
            Ok(response) => {
                self.requests.connected(request.channel, from);
                self.answered(cx, request, response);
            }
            Err(Disconnected) => {
                self.requests.disconnected(cx, request.channel, from);
                self.metadata.request_update();
                self.request_failed(cx, request);
            }
        }
        self.go_on(cx);
        self.set_deadline(cx.now.instant);
    }

    /// The next event for the application, in order.
    pub fn poll_event(&mut self) -> Option<ConsumerEvent> {
        self.events.pop_front()
    }

    /// Whether events wait.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether a poll would find fetched data now.
    #[must_use]
    pub fn has_records(&self) -> bool {
        self.closing == Closing::No && self.has_buffered()
    }

    /// When [`Self::turn`] must be called next, [`Instant::FAR`] for never.
    #[must_use]
    pub const fn next_deadline(&self) -> Instant {
        self.deadline
    }

    /// The client's view of the cluster.
    #[must_use]
    pub const fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    fn go_on(&mut self, cx: &mut ClientContext<'_>) {
        if self.closing == Closing::Closed {
            return;
        }
        self.drive(cx);
        if self.polling && !self.has_buffered() {
            self.absorb_empty();
        }
        if self.polling && !self.has_buffered() {
            // Absorbed errors may have unset positions or asked for metadata.
            self.settle_positions(cx);
            self.refresh_metadata(cx);
            self.send_fetches(cx);
        }
    }

    /// Everything but data, in the order of Java's poll.
    fn drive(&mut self, cx: &mut ClientContext<'_>) {
        while let Some((channel, node)) = self.requests.overdue(cx.now.instant) {
            let lost = self.requests.close(cx, channel, node);
            self.requests.disconnected(cx, channel, node);
            self.metadata.request_update();
            for request in lost {
                self.request_failed(cx, request);
            }
        }
        self.refresh_metadata(cx);
        self.drive_commits(cx);
        if self.closing != Closing::No {
            self.drive_close(cx);
        } else {
            self.advance_group(cx);
            if self.polling {
                self.auto_commit(cx);
                self.settle_positions(cx);
            }
        }
    }

    fn refresh_metadata(&mut self, cx: &mut ClientContext<'_>) {
        let now = cx.now.instant;
        if self.closing != Closing::No || self.metadata.needs_request(now) > now {
            return;
        }
        let Some(node) = self.requests.least_loaded(cx, self.metadata.brokers()) else { return };
        let request = Request::Metadata(self.metadata.request());
        let to = (Channel::Main, node);
        self.requests.send(cx, to, Purpose::Metadata, self.config.request_timeout, request);
    }

    fn answered(&mut self, cx: &mut ClientContext<'_>, request: InFlight, response: Response) {
        match (request.purpose, response) {
            (Purpose::Metadata, Response::Metadata(r)) => {
                self.metadata.update(&r, cx.now.instant);
            }
            (Purpose::FindCoordinator, Response::FindCoordinator(r)) => {
                self.handle_find_coordinator(cx, r);
            }
            (Purpose::Fetch(at), Response::Fetch(r)) => self.handle_fetch(cx, at, r),
            (Purpose::ListOffsets, Response::ListOffsets(r)) => self.handle_list_offsets(cx, &r),
            (Purpose::OffsetForLeaderEpoch, Response::OffsetForLeaderEpoch(r)) => {
                self.handle_epoch_ends(cx, &r);
            }
            (Purpose::OffsetFetch, Response::OffsetFetch(r)) => self.handle_offset_fetch(cx, &r),
            (Purpose::JoinGroup, Response::JoinGroup(r)) => self.handle_join(cx, r),
            (Purpose::SyncGroup, Response::SyncGroup(r)) => self.handle_sync(cx, r),
            (Purpose::Heartbeat, Response::Heartbeat(r)) => self.handle_heartbeat(cx, r.error),
            (Purpose::Commit(id), Response::OffsetCommit(r)) => self.handle_commit(cx, id, &r),
            (Purpose::MemberHeartbeat, Response::ConsumerGroupHeartbeat(r)) => {
                self.handle_member_heartbeat(cx, r);
            }
            (
                Purpose::LeaveGroup,
                Response::LeaveGroup(_) | Response::ConsumerGroupHeartbeat(_),
            )
            | (Purpose::EndSession, Response::Fetch(_)) => {}
            (purpose, response) => {
                let got = response.api_key().name();
                unreachable!("{purpose:?} was answered by {got}: correlations are mixed up");
            }
        }
    }

    /// A request will not be answered: its connection is gone.
    fn request_failed(&mut self, cx: &mut ClientContext<'_>, request: InFlight) {
        if request.channel == Channel::Coordinator && self.coordinator.node == Some(request.node) {
            self.coordinator_lost(cx);
        }
        match request.purpose {
            Purpose::Metadata => self.metadata.failed(cx.now.instant),
            Purpose::FindCoordinator => self.find_coordinator_failed(cx),
            Purpose::Fetch(at) => self.fetch_failed(at),
            Purpose::ListOffsets | Purpose::OffsetForLeaderEpoch => {
                self.position_request_lost(cx);
            }
            Purpose::OffsetFetch => self.offset_fetch_failed(cx, ErrorCode::NetworkException),
            Purpose::JoinGroup | Purpose::SyncGroup => self.join_failed(cx),
            Purpose::Heartbeat => self.heartbeat_failed(cx),
            Purpose::MemberHeartbeat => self.member_heartbeat_failed(cx),
            Purpose::Commit(id) => self.commit_retriable(cx, id, ErrorCode::NetworkException),
            Purpose::EndSession | Purpose::LeaveGroup => {}
        }
    }

    /// `retry.backoff.ms` after so many earlier tries, with jitter.
    fn backoff(&self, cx: &mut ClientContext<'_>, attempts: u32) -> Duration {
        let bits = self.jitter.then(|| cx.draws.bits());
        self.config.retry_backoff.after(attempts, bits)
    }

    /// Caches the next deadline.
    fn set_deadline(&mut self, now: Instant) {
        if self.closing == Closing::Closed {
            self.deadline = Instant::FAR;
            return;
        }
        let mut first = self.requests.next_deadline();
        first = first.min(self.group_deadline(now)).min(self.commit_deadline(now));
        if self.closing == Closing::No {
            let due = self.metadata.needs_request(now);
            let usable = self.requests.any_usable_at(self.metadata.brokers());
            first = first.min(if due > now { due } else { usable });
        }
        if self.polling {
            first = first.min(self.positions_deadline(now)).min(self.fetch_deadline(now));
        }
        // What is due and cannot be done yet is looked at again soon, not at once.
        self.deadline = first.max(now + MILLISECOND);
    }
}

#[cfg(test)]
mod tests;
