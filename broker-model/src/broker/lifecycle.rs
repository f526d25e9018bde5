//! A broker's life with its controller: registration, heartbeats, the metadata log.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::Broker;
use super::calls::{Call, RETRY};
use super::snapshot::Loading;
use crate::io::{Context, Disconnected, Output};
use crate::protocol::controller::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse, FetchMetadataRequest, FetchMetadataResponse,
};
use crate::protocol::quorum::QuorumLeader;
use crate::protocol::{ErrorCode, Request};
use crate::types::{BrokerEpoch, Duration, Instant, LeaderEpoch, MILLISECOND, NodeId};

/// Why most processes end.
const CONTROLLED: &str = "controlled shutdown";

/// First wait after a failed registration.
const REGISTRATION_RETRY: Duration = 100 * MILLISECOND;

/// After a lost answer the broker reads so many metadata records again, which it must not
/// believe a second time.
const REREAD: u64 = 16;

/// Where a broker is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Phase {
    /// The process does not run.
    #[default]
    Stopped,
    /// It asks the controller for an epoch.
    Registering,
    /// It has an epoch and follows the metadata log.
    Running,
    /// It asks for leave to stop.
    ShuttingDown,
    /// It may stop; nothing is sent any more.
    Halting,
}

/// What a broker knows of itself and its controller.
#[derive(Clone, Debug)]
pub(super) struct Lifecycle {
    pub(super) phase: Phase,
    pub(super) incarnation: u64,
    pub(super) broker_epoch: BrokerEpoch,
    /// The epoch of the last process that loaded the logs, if it stopped in order and none has
    /// loaded them since (Kafka's clean-shutdown file); -1 otherwise.
    pub(super) previous_epoch: BrokerEpoch,
    pub(super) fenced: bool,
    /// The first metadata delta was applied: roles are taken.
    pub(super) published: bool,
    /// What an unclean stop left was read.
    pub(super) recovered: bool,
    /// It was unfenced once since it started: its listeners are open (`BrokerServer.startup`
    /// opens them last).
    listening: bool,
    pub(super) controllers: Vec<NodeId>,
    active: usize,
    /// The latest epoch of the quorum in which it knew the leader.
    quorum_epoch: LeaderEpoch,
    register_at: Instant,
    heartbeat_at: Instant,
    heartbeat_open: bool,
    /// The next heartbeat follows the open one at once.
    heartbeat_next: bool,
    /// The controller answered, but not with leave, since the shutdown began.
    told_to_wait: bool,
    fetch_at: Instant,
    /// Wait before the next registration: doubles up to `broker.session.timeout.ms`.
    backoff: Duration,
    /// The last answer was lost: records already applied are read again.
    reread: bool,
    /// A snapshot of the metadata that it fetches instead of records.
    pub(super) loading: Option<Box<Loading>>,
}

impl Lifecycle {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Stopped,
            incarnation: 0,
            broker_epoch: BrokerEpoch(-1),
            previous_epoch: BrokerEpoch(-1),
            fenced: true,
            published: false,
            recovered: false,
            listening: false,
            controllers: Vec::new(),
            active: 0,
            quorum_epoch: LeaderEpoch(0),
            register_at: Instant::FAR,
            heartbeat_at: Instant::FAR,
            heartbeat_open: false,
            heartbeat_next: false,
            told_to_wait: false,
            fetch_at: Instant::FAR,
            backoff: REGISTRATION_RETRY,
            reread: false,
            loading: None,
        }
    }

    /// Whether a controlled shutdown goes on.
    pub(super) fn is_shutting_down(&self) -> bool {
        self.phase == Phase::ShuttingDown
    }

    /// The controller this broker talks to, if the cluster has one.
    pub(super) fn controller(&self) -> Option<NodeId> {
        self.controllers.get(self.active % self.controllers.len().max(1)).copied()
    }

    /// This controller does not answer or does not decide: tries the next one, unless another
    /// has been found meanwhile.
    pub(super) fn leave(&mut self, controller: NodeId) {
        if self.controller() == Some(controller) {
            self.active = (self.active + 1) % self.controllers.len().max(1);
        }
    }

    /// Somebody said who leads the quorum. What is said of an earlier epoch is no news. Returns
    /// whether that is another controller than the one it talks to.
    fn follow(&mut self, known: QuorumLeader) -> bool {
        let leader = known.leader.filter(|_| known.epoch >= self.quorum_epoch);
        let found = leader.and_then(|leader| self.controllers.iter().position(|c| *c == leader));
        let Some(found) = found else { return false };
        self.quorum_epoch = known.epoch;
        let moves = found != self.active;
        self.active = found;
        moves
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.register_at.min(self.heartbeat_at).min(self.fetch_at)
    }

    /// Whether connections are accepted.
    pub(super) const fn is_listening(&self) -> bool {
        self.listening
    }

    /// The process ends. Only one that has loaded its logs says that it stopped in order.
    pub(super) fn stop(&mut self, clean: bool) {
        if clean && self.recovered {
            self.previous_epoch = self.broker_epoch;
        }
        self.phase = Phase::Stopped;
        self.fenced = true;
        self.published = false;
        self.recovered = false;
        self.listening = false;
        self.heartbeat_open = false;
        self.heartbeat_next = false;
        self.told_to_wait = false;
        self.register_at = Instant::FAR;
        self.heartbeat_at = Instant::FAR;
        self.fetch_at = Instant::FAR;
        self.loading = None;
    }
}

impl Broker {
    /// Starts the process: it registers, follows the metadata log and asks to be unfenced.
    /// `incarnation` is another number at each start.
    pub fn start(&mut self, cx: &mut Context<'_>, incarnation: u64) {
        assert!(self.life.phase == Phase::Stopped, "a running process is not started");
        self.life.phase = Phase::Registering;
        self.life.incarnation = incarnation;
        self.life.broker_epoch = BrokerEpoch(-1);
        self.life.backoff = REGISTRATION_RETRY;
        self.begin_timers(cx.now.instant);
        self.register(cx);
        self.open_directories(cx);
    }

    fn register(&mut self, cx: &mut Context<'_>) {
        self.life.register_at = Instant::FAR;
        let Some(controller) = self.life.controller() else { return };
        let request = BrokerRegistrationRequest {
            broker: self.node,
            incarnation: self.life.incarnation,
            rack: self.rack,
            previous_broker_epoch: self.replicas.directories.vouch_for(self.life.previous_epoch),
            directories: self.replicas.directories.online(),
        };
        self.calls.send(cx, controller, Call::Register, Request::BrokerRegistration(request));
    }

    pub(super) fn registered(
        &mut self,
        cx: &mut Context<'_>,
        from: NodeId,
        result: Result<BrokerRegistrationResponse, Disconnected>,
    ) {
        match result {
            Ok(answer) if answer.error == ErrorCode::None => {
                self.life.phase = Phase::Running;
                self.life.broker_epoch = answer.broker_epoch;
                self.replicas.directories.registered();
                self.recover_logs(cx);
                self.heartbeat(cx);
            }
            Ok(answer) if answer.error == ErrorCode::NotController => {
                self.life.leave(from);
                self.life.register_at = cx.now.instant + RETRY;
            }
            _ => {
                self.life.leave(from);
                self.life.register_at = cx.now.instant + self.wait_after_failure();
            }
        }
    }

    /// How long until the controller is asked again after it refused. Source: Kafka,
    /// `BrokerLifecycleManager.scheduleNextCommunicationAfterFailure`.
    fn wait_after_failure(&mut self) -> Duration {
        if self.config.release.retries_by_heartbeat() {
            return self.config.broker_heartbeat_interval;
        }
        let longest = self.config.broker_session_timeout.max(RETRY);
        let wait = self.life.backoff;
        self.life.backoff = (wait * 2).min(longest);
        wait
    }

    /// A heartbeat now, or as soon as the one under way is answered.
    pub(super) fn heartbeat_at_once(&mut self, cx: &mut Context<'_>) {
        self.life.heartbeat_next = self.life.heartbeat_open;
        self.heartbeat(cx);
    }

    fn heartbeat(&mut self, cx: &mut Context<'_>) {
        self.life.heartbeat_at = cx.now.instant + self.config.broker_heartbeat_interval;
        let Some(controller) = self.life.controller() else { return };
        if self.life.heartbeat_open || self.life.phase == Phase::Halting {
            return;
        }
        self.life.heartbeat_open = true;
        let request = BrokerHeartbeatRequest {
            broker: self.node,
            broker_epoch: self.life.broker_epoch,
            metadata_offset: self.metadata_offset,
            want_fence: !self.life.published,
            want_shutdown: self.life.phase == Phase::ShuttingDown,
            offline_directories: self.replicas.directories.tell_offline(),
        };
        self.calls.send(cx, controller, Call::Heartbeat, Request::BrokerHeartbeat(request));
    }

    pub(super) fn heartbeat_answered(
        &mut self,
        cx: &mut Context<'_>,
        from: NodeId,
        result: Result<BrokerHeartbeatResponse, Disconnected>,
    ) {
        self.life.heartbeat_open = false;
        let at_once = core::mem::take(&mut self.life.heartbeat_next);
        let retry = cx.now.instant + RETRY;
        match result {
            Ok(answer) if answer.error == ErrorCode::None => {
                self.replicas.directories.told();
                self.life.fenced = answer.fenced;
                self.life.listening |= !answer.fenced;
                self.life.backoff = REGISTRATION_RETRY;
                let shutting_down = self.life.phase == Phase::ShuttingDown;
                let first = shutting_down && !self.life.told_to_wait;
                self.life.told_to_wait = shutting_down;
                if answer.may_shut_down && shutting_down {
                    self.halt(cx, CONTROLLED, false);
                } else if at_once {
                    self.heartbeat(cx);
                } else if answer.fenced && self.life.published {
                    // Fenced though it runs: ask again at once, as Kafka does while starting.
                    self.life.heartbeat_at = self.life.heartbeat_at.min(retry);
                } else if first {
                    // Most shutdowns are granted soon: the second heartbeat comes early, all
                    // others at their interval (Kafka, `BrokerLifecycleManager`).
                    self.life.heartbeat_at = self.life.heartbeat_at.min(retry);
                }
            }
            Ok(answer) if answer.error == ErrorCode::NotController => {
                self.life.leave(from);
                self.life.heartbeat_at = self.life.heartbeat_at.min(retry);
            }
            Ok(_) => {
                let again = cx.now.instant + self.wait_after_failure();
                self.life.heartbeat_at = again;
            }
            Err(Disconnected) => {
                self.life.leave(from);
                self.life.heartbeat_at = self.life.heartbeat_at.min(retry);
            }
        }
    }

    pub(super) fn fetch_metadata(&mut self, cx: &mut Context<'_>) {
        self.life.fetch_at = Instant::FAR;
        let Some(controller) = self.life.controller() else { return };
        let back = if self.life.reread { REREAD } else { 0 };
        self.life.reread = false;
        let from = self.metadata_offset.saturating_sub(back);
        let request = FetchMetadataRequest { broker: self.node, from };
        self.calls.send(cx, controller, Call::FetchMetadata, Request::FetchMetadata(request));
    }

    pub(super) fn metadata_fetched(
        &mut self,
        cx: &mut Context<'_>,
        from: NodeId,
        result: Result<FetchMetadataResponse, Disconnected>,
    ) {
        match result {
            Ok(answer) if answer.error != ErrorCode::None => {
                self.metadata_refused(cx, from, answer.leader);
            }
            Ok(answer) => {
                if let Some((snapshot, known)) = answer.snapshot.zip(answer.leader) {
                    return self.begin_snapshot(cx, from, (*snapshot, known.epoch));
                }
                self.apply_metadata(cx, answer.from, &answer.records);
                self.end_fence_early(cx);
                self.fetch_metadata(cx);
            }
            Err(Disconnected) => {
                self.life.leave(from);
                self.life.fetch_at = cx.now.instant + RETRY;
                self.life.reread = true;
            }
        }
    }

    /// Whom it asked does not lead, but may know who does.
    pub(super) fn metadata_refused(
        &mut self,
        cx: &Context<'_>,
        from: NodeId,
        known: Option<QuorumLeader>,
    ) {
        let moves = known.is_some_and(|known| self.life.follow(known));
        if !moves {
            self.life.leave(from);
        }
        self.life.fetch_at = cx.now.instant + RETRY;
    }

    pub(super) const fn fetch_metadata_at(&mut self, at: Instant) {
        self.life.fetch_at = at;
    }

    /// The first heartbeat after catching up ends the fence: it is not waited for.
    pub(super) fn end_fence_early(&mut self, cx: &mut Context<'_>) {
        if self.life.fenced && self.life.published && !self.life.heartbeat_open {
            self.life.heartbeat_at = cx.now.instant;
            self.heartbeat(cx);
        }
    }

    /// SIGTERM: with `controlled.shutdown.enable` the controller moves leaders away first.
    pub(super) fn controlled_shutdown(&mut self, cx: &mut Context<'_>) {
        match self.life.phase {
            Phase::Running if self.config.controlled_shutdown_enable => {
                self.life.phase = Phase::ShuttingDown;
                self.heartbeat_at_once(cx);
            }
            Phase::Running | Phase::Registering => self.halt(cx, CONTROLLED, false),
            Phase::Stopped | Phase::ShuttingDown | Phase::Halting => {}
        }
    }

    /// Ends the process, in order or at once (`Exit.halt`).
    pub(super) fn halt(&mut self, cx: &mut Context<'_>, reason: &str, at_once: bool) {
        self.life.phase = Phase::Halting;
        self.life.heartbeat_at = Instant::FAR;
        cx.outputs.push(Output::Halt { reason: reason.to_string(), at_once });
    }

    pub(super) fn lifecycle_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        if self.life.register_at <= now {
            self.register(cx);
        }
        if self.life.fetch_at <= now {
            self.fetch_metadata(cx);
        }
        if self.life.heartbeat_at <= now {
            self.heartbeat(cx);
        }
    }
}
