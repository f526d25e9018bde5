//! The active controller: decides by records of the metadata log and replays them.
//!
//! Each request is *decided* against the image at the end of the log, without changing it;
//! its records are appended and *replayed* into the image; and its reply waits until they are
//! committed by the [quorum](crate::quorum), which for a single controller means durable. Only
//! then do brokers see them. What Kafka keeps outside its log (sessions) is apart and lost at a
//! stop and when another controller takes over.
//!
//! A controller that the quorum has not elected replays what is committed and refuses to decide.
//!
//! A cluster starts empty: brokers register and unfence, then an administrator creates the
//! topics with `CreateTopics`. A replica whose broker is not unfenced at that moment starts
//! outside the ISR, so the administrator waits until [`Controller::image`] shows all of them.

mod active;
mod brokers;
mod config;
mod directories;
mod dynamic_config;
mod elections;
mod features;
mod isr;
mod notes;
mod partition_change;
mod placement;
mod purgatory;
mod reassignments;
mod requests;
mod snapshot;
#[cfg(test)]
mod tests;
mod topics;

pub use config::ControllerConfig;
pub use features::finalized as finalized_features;
pub use topics::RECORDS_MAX as RECORDS_PER_OPERATION_MAX;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use self::brokers::Session;
use self::purgatory::Purgatory;
use crate::io::{Context, Input, Output, StopKind, Token};
use crate::metadata::Image;
use crate::note::Note;
use crate::protocol::controller::{FetchMetadataRequest, FetchMetadataResponse};
use crate::protocol::quorum::VoterKey;
use crate::protocol::{ErrorCode, Response};
use crate::quorum::Quorum;
use crate::records::MetadataRecord;
use crate::types::{DirectoryId, Instant, LeaderEpoch, MILLISECOND, NodeId, Offset};

/// What a decision writes and answers.
#[derive(Debug)]
struct Decision<T> {
    records: Vec<MetadataRecord>,
    answer: T,
}

/// A broker's read of the metadata log that waits for news.
#[derive(Debug)]
struct Reader {
    token: Token,
    from: u64,
    until: Instant,
}

/// The next times of what the controller does by itself, `FAR` while it is stopped.
#[derive(Debug)]
struct Timers {
    /// Fences silent brokers.
    fence: Instant,
    /// Preferred-leader elections.
    rebalance: Instant,
    /// Unclean elections of leaderless partitions.
    unclean: Instant,
    /// A snapshot, whatever there is in it.
    snapshot: Instant,
}

impl Timers {
    const NEVER: Self = {
        let never = Instant::FAR;
        Self { fence: never, rebalance: never, unclean: never, snapshot: never }
    };
}

/// The controller of a cluster, a machine of the handle-and-poll shape.
#[derive(Debug)]
pub struct Controller {
    node: NodeId,
    config: ControllerConfig,
    quorum: Quorum,
    purgatory: Purgatory,
    /// The epoch in which it decides, while it does.
    active: Option<LeaderEpoch>,
    image: Image,
    /// What is committed and not yet told, each note with the offset of its record.
    news: Vec<(u64, Note)>,
    sessions: Vec<Session>,
    readers: Vec<Reader>,
    timers: Timers,
    running: bool,
}

impl Controller {
    /// The only controller of a cluster, with an empty log, not started.
    #[must_use]
    pub fn new(node: NodeId, config: ControllerConfig) -> Self {
        Self::of_quorum(node, &[node], config, 0)
    }

    /// One of several controllers, which are the voters of a quorum, with an empty log, not
    /// started. `jitter` is a number of its own, from which its time-outs are drawn.
    #[must_use]
    pub fn of_quorum(
        node: NodeId,
        voters: &[NodeId],
        config: ControllerConfig,
        jitter: u64,
    ) -> Self {
        let key = |&node: &NodeId| VoterKey { node, directory: DirectoryId(u64::from(node.0)) };
        let voters = voters.iter().map(key).collect();
        Self {
            node,
            quorum: Quorum::new(key(&node), voters, config.quorum.clone(), jitter),
            config,
            purgatory: Purgatory::default(),
            active: None,
            image: Image::new(),
            news: Vec::new(),
            sessions: Vec::new(),
            readers: Vec::new(),
            timers: Timers::NEVER,
            running: false,
        }
    }

    /// Its node.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// What it decides on: the state at the end of its log, committed or not. While it is not
    /// active, the state that it knows to be committed.
    #[must_use]
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// Whether partitions have eligible leader replicas (KIP-966).
    #[must_use]
    pub const fn keeps_eligible_leader_replicas(&self) -> bool {
        self.config.eligible_leader_replicas
    }

    /// All records of its log, committed or not.
    #[must_use]
    pub fn records(&self) -> &[MetadataRecord] {
        self.quorum.records()
    }

    /// Up to where its log is committed, replied and shown to brokers, as far as it knows.
    #[must_use]
    pub const fn committed_end(&self) -> u64 {
        self.quorum.committed()
    }

    /// Its part in the quorum.
    #[must_use]
    pub const fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// The epoch of the quorum in which it is the active controller, while it is.
    #[must_use]
    pub const fn active(&self) -> Option<LeaderEpoch> {
        self.active
    }

    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// Takes what it has learned to be committed, each note with the offset of its record. Every
    /// controller tells the same of an offset, and tells it again after a start.
    pub fn take_news(&mut self) -> Vec<(u64, Note)> {
        core::mem::take(&mut self.news)
    }

    /// Starts, or starts again. One that is alone replays its log and gives every broker a whole
    /// session; records that a kill left in the page cache are flushed and become committed
    /// then. One of several has everything to learn from the leader, or to be elected.
    pub fn start(&mut self, cx: &mut Context<'_>) {
        assert!(!self.running, "a controller starts once");
        self.running = true;
        self.quorum.start(cx);
        self.load_snapshot(cx);
        self.timers.snapshot = self.next_snapshot(cx.now.instant);
        self.settle(cx);
    }

    /// The process ends. `durable_end` is up to where the metadata log is on disk: a power
    /// cut loses what lies beyond, other ends keep the page cache.
    pub fn stop(&mut self, kind: StopKind, durable_end: Offset) {
        self.quorum.stop(kind, durable_end);
        self.purgatory.clear();
        self.news.clear();
        self.readers.clear();
        self.timers = Timers::NEVER;
        self.active = None;
        self.running = false;
    }

    /// One input.
    pub fn handle(&mut self, cx: &mut Context<'_>, input: Input) {
        assert!(self.running, "a stopped controller hears nothing");
        match input {
            Input::Request { token, request, .. } => self.request(cx, token, request),
            Input::Flushed { end, .. } => self.quorum.flushed(cx, end),
            Input::Tick => self.tick(cx),
            Input::ControlledShutdown => {
                if self.quorum.leave(cx) {
                    halt(cx);
                }
            }
            Input::Response { tag, result, .. } => self.quorum.answered(cx, tag, result),
            Input::Cleaned { .. } | Input::Recovered => {}
        }
        self.settle(cx);
        if self.quorum.has_left(cx.now.instant) {
            halt(cx);
        }
    }

    /// When to wake it, [`Instant::FAR`] for never.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let timers = &self.timers;
        let own = timers.fence.min(timers.rebalance).min(timers.unclean).min(timers.snapshot);
        let own = own.min(self.quorum.next_deadline());
        self.readers.iter().map(|r| r.until).fold(own, Instant::min)
    }

    pub(super) fn fetch_metadata(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        r: FetchMetadataRequest,
    ) {
        if !self.quorum.is_leader() {
            cx.reply(token, not_leader(&self.quorum, r.from));
        } else if r.from < self.quorum.committed() {
            cx.reply(token, metadata_from(&self.quorum, r.from));
        } else {
            let until = cx.now.instant + self.config.metadata_fetch_wait;
            self.readers.push(Reader { token, from: r.from, until });
        }
    }

    fn answer_readers(&mut self, cx: &mut Context<'_>, due: impl Fn(&Quorum, &Reader) -> bool) {
        let Self { readers, quorum, .. } = self;
        readers.retain(|reader| {
            let answered = due(quorum, reader);
            if answered {
                cx.reply(reader.token, metadata_from(quorum, reader.from));
            }
            !answered
        });
    }

    /// It leads no more: brokers look for the leader elsewhere.
    fn turn_readers_away(&mut self, cx: &mut Context<'_>) {
        for reader in self.readers.drain(..) {
            cx.reply(reader.token, not_leader(&self.quorum, reader.from));
        }
    }

    fn tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        self.quorum.tick(cx);
        self.answer_readers(cx, |_, reader| reader.until <= now);
        self.snapshot_tick(cx);
        if self.active.is_none() || self.active != self.quorum.established() {
            return;
        }
        if self.timers.fence <= now {
            while let Some(broker) = self.silent_broker(now) {
                let records = self.decide_fencing(broker, cx.rules);
                self.append(records);
            }
            self.timers.fence = self.next_fencing(now);
        }
        if self.timers.rebalance <= now {
            let records = self.decide_rebalance(cx.rules);
            let interval = self.config.leader_imbalance_check_interval;
            self.timers.rebalance = now + elections::round_wait(records.len(), interval);
            self.append(records);
        }
        if self.timers.unclean <= now {
            let records = self.decide_unclean_round(cx.rules);
            let interval = self.config.unclean_leader_election_interval;
            self.timers.unclean = now + elections::round_wait(records.len(), interval);
            self.append(records);
        }
    }

    /// Replays what was decided; with an error the answer is `refused`.
    fn carry_out<T>(
        &mut self,
        decided: Result<Decision<T>, ErrorCode>,
        refused: T,
    ) -> (ErrorCode, T) {
        match decided {
            Ok(Decision { records, answer }) => {
                self.append(records);
                (ErrorCode::None, answer)
            }
            Err(error) => (error, refused),
        }
    }

    fn append(&mut self, records: Vec<MetadataRecord>) {
        for record in records {
            let offset = self.quorum.end();
            let note = self.note_of(offset, &record);
            self.purgatory.tell(offset, note);
            self.image.apply(offset, &record);
            self.quorum.append(record);
        }
    }

    /// When to look for silent brokers again: eight times a session, and before 4.0 when the first
    /// session ends that is not renewed. Source: Kafka, `QuorumController.maybeFenceStaleBroker`.
    fn next_fencing(&self, now: Instant) -> Instant {
        let timeout = self.config.broker_session_timeout;
        if self.config.release.tracks_sessions_by_epoch() {
            return now + (timeout / 8).max(MILLISECOND);
        }
        let longest = now + timeout.max(MILLISECOND);
        self.first_session_end().map_or(longest, |end| end.max(now + MILLISECOND))
    }
}

fn metadata_from(quorum: &Quorum, from: u64) -> Response {
    let snapshot = quorum.snapshot_for(from, None);
    let records = match snapshot {
        Some(_) => Vec::new(),
        None => quorum.committed_from(from).to_vec(),
    };
    Response::FetchMetadata(FetchMetadataResponse {
        error: ErrorCode::None,
        leader: snapshot.map(|_| quorum.known()),
        snapshot: snapshot.map(Box::new),
        from,
        records,
        end: quorum.committed(),
    })
}

fn not_leader(quorum: &Quorum, from: u64) -> Response {
    Response::FetchMetadata(FetchMetadataResponse {
        error: ErrorCode::NotLeaderOrFollower,
        leader: Some(quorum.known()),
        snapshot: None,
        from,
        records: Vec::new(),
        end: from,
    })
}

fn halt(cx: &mut Context<'_>) {
    let reason = "controlled shutdown".to_string();
    cx.outputs.push(Output::Halt { reason, at_once: false });
}
