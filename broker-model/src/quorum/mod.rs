//! The quorum of controllers: elections, and the metadata log that the elected one replicates.
//!
//! A machine of the handle-and-poll shape below [`crate::controller`], which decides what the
//! log says and is told when it leads and what is committed. Use: give it the requests and
//! answers of its protocol, `flushed` and `tick`, then call [`Quorum::drive`], which flushes what
//! was written and sends what there is to ask.
//!
//! Nothing is said before it is durable: a vote, an epoch and a fetch, which acknowledges what
//! came before it, all wait for the disk.
//!
//! Source: KIP-595, KIP-853 (voters by directory), KIP-996 (pre-vote); Kafka, `KafkaRaftClient`.

mod ask;
mod config;
mod download;
mod election;
mod fetch_snapshot;
mod follower;
mod jitter;
mod leader;
mod lifecycle;
mod log;
mod resign;
mod role;
mod snapshots;
mod store;
#[cfg(test)]
mod tests;

pub use config::{FETCH_WAIT, QuorumConfig};
pub use download::Download;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use self::ask::Link;
use self::jitter::Jitter;
use self::log::ReplicatedLog;
use self::role::Role;
use self::snapshots::Snapshots;
use self::store::{QuorumState, Store};
use crate::io::{Context, Output, Token};
use crate::note::Note;
use crate::protocol::quorum::{QuorumLeader, RECORD_BYTES, VoterKey};
use crate::protocol::{Request, Response};
use crate::records::{MetadataRecord, MetadataSnapshot};
use crate::rules::{RaftFsync, Rules, VoterIdentity};
use crate::types::{Duration, Instant, LeaderEpoch, Offset};

/// Something that waits until the state is durable that it follows from.
#[derive(Debug)]
struct Said {
    version: u64,
    reply: Option<(Token, Response)>,
    note: Option<Note>,
}

/// A flush under way.
#[derive(Debug)]
struct Flushing {
    end: u64,
    version: u64,
    state: QuorumState,
    /// The log was cut meanwhile: what it says about the log is not so.
    void: bool,
}

/// A controller's part in its quorum.
#[derive(Debug)]
pub struct Quorum {
    key: VoterKey,
    voters: Vec<VoterKey>,
    config: QuorumConfig,
    log: ReplicatedLog,
    snapshots: Snapshots,
    store: Store,
    role: Role,
    /// One for each voter.
    links: Vec<Link>,
    said: VecDeque<Said>,
    flushing: Option<Flushing>,
    jitter: Jitter,
    tags: u64,
    /// Elections lost in a row.
    retries: u32,
    /// Whom an observer asks next who leads.
    probe: usize,
    /// It is to stop, by then at the latest.
    leaving: Option<Instant>,
}

impl Quorum {
    /// A controller with an empty disk among these voters. `jitter` is a number of its own, from
    /// which its time-outs are drawn.
    #[must_use]
    pub fn new(key: VoterKey, voters: Vec<VoterKey>, config: QuorumConfig, jitter: u64) -> Self {
        assert!(voters.iter().any(|v| v.node == key.node), "a controller is a voter at first");
        Self {
            key,
            links: voters.iter().map(|_| Link::default()).collect(),
            voters,
            config,
            log: ReplicatedLog::default(),
            store: Store::default(),
            role: Role::Unattached { until: Instant::FAR },
            said: VecDeque::new(),
            snapshots: Snapshots::default(),
            flushing: None,
            jitter: Jitter::new(jitter),
            tags: 0,
            retries: 0,
            probe: 0,
            leaving: None,
        }
    }

    /// Whether it decides alone: there is nobody to ask.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        matches!(self.voters.as_slice(), [only] if *only == self.key)
    }

    /// All records that its log keeps, from [`Self::log_start`] on, committed or not.
    #[must_use]
    pub fn records(&self) -> &[MetadataRecord] {
        self.log.records()
    }

    /// Offset of the first record that its log keeps; what came before is in its snapshot.
    #[must_use]
    pub const fn log_start(&self) -> u64 {
        self.log.start()
    }

    /// Records of its log in a range.
    #[must_use]
    pub fn range(&self, from: u64, to: u64) -> &[MetadataRecord] {
        self.log.range(from, to)
    }

    /// Its latest snapshot, if it has one.
    #[must_use]
    pub fn snapshot(&self) -> Option<&MetadataSnapshot> {
        self.snapshots.latest()
    }

    /// The epoch of a record of its log.
    #[must_use]
    pub fn epoch_at(&self, offset: u64) -> Option<LeaderEpoch> {
        self.log.epoch_at(offset)
    }

    /// End of its log.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.log.end()
    }

    /// Up to where its log is durable.
    #[must_use]
    pub const fn durable_end(&self) -> u64 {
        self.log.flushed()
    }

    /// Up to where the log is committed, as far as it knows.
    #[must_use]
    pub const fn committed(&self) -> u64 {
        self.log.high_watermark()
    }

    /// Committed records from an offset on, none if there is no such offset yet.
    #[must_use]
    pub fn committed_from(&self, from: u64) -> &[MetadataRecord] {
        self.log.range(from, self.log.high_watermark())
    }

    /// The latest epoch it knows.
    #[must_use]
    pub const fn epoch(&self) -> LeaderEpoch {
        self.store.state().epoch
    }

    /// Whether it leads, established or not: others may fetch from it.
    #[must_use]
    pub const fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The epoch it leads in, once it has committed a record of that epoch, so that its log
    /// holds everything that ever was committed.
    #[must_use]
    pub const fn established(&self) -> Option<LeaderEpoch> {
        match &self.role {
            Role::Leader(leader) if leader.established => Some(leader.epoch),
            _ => None,
        }
    }

    /// Who leads, as far as it knows. One that has resigned names nobody (KAFKA-17333).
    #[must_use]
    pub fn known(&self) -> QuorumLeader {
        let state = self.store.state();
        let leader = match &self.role {
            Role::Resigned { .. } => None,
            _ => state.leader,
        };
        QuorumLeader { epoch: state.epoch, leader }
    }

    /// A request of the quorum's protocol.
    pub fn request(&mut self, cx: &mut Context<'_>, token: Token, request: Request) {
        match request {
            Request::Vote(r) => self.vote_asked(cx, token, &r),
            Request::BeginQuorumEpoch(r) => self.begin_asked(cx, token, &r),
            Request::EndQuorumEpoch(r) => self.end_asked(cx, token, &r),
            Request::FetchQuorum(r) => self.fetch_asked(cx, token, &r),
            Request::FetchSnapshot(r) => self.snapshot_asked(cx, token, &r),
            other => panic!("the quorum does not answer {}", other.api_key().name()),
        }
    }

    /// The flush under way is over.
    pub fn flushed(&mut self, cx: &mut Context<'_>, end: Offset) {
        let Some(done) = self.flushing.take() else { return };
        if !done.void {
            self.log.set_flushed(done.end.min(u64::try_from(end.0).unwrap_or(0)));
        }
        self.store.flushed(done.version, done.state);
        while self.said.front().is_some_and(|said| said.version <= done.version) {
            let Some(said) = self.said.pop_front() else { break };
            cx.notes.extend(said.note);
            if let Some((token, response)) = said.reply {
                cx.reply(token, response);
            }
        }
        self.advance(cx);
        self.answer_waiting(cx);
    }

    /// A deadline may have come.
    pub fn tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        for link in &mut self.links {
            link.wake(now);
        }
        self.clean_log(now);
        if self.is_leader() {
            self.lead_on(cx);
        } else if self.leaving.is_none() && self.role.until() <= now {
            self.timed_out(cx);
        }
    }

    /// Flushes what was written, and sends what there is to ask.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        self.flush(cx);
        if !self.is_alone() && self.is_safe(cx.rules) {
            self.ask_voters(cx);
        }
    }

    /// Asks for a flush of what is not durable, unless one is under way.
    fn flush(&mut self, cx: &mut Context<'_>) {
        let end = self.log.end();
        if self.flushing.is_some() || (end == self.log.flushed() && self.store.is_durable()) {
            return;
        }
        let state = if self.store.is_durable() { 0 } else { RECORD_BYTES };
        let bytes = (end - self.log.flushed()) * RECORD_BYTES + state;
        let (version, state) = (self.store.version(), self.store.state());
        self.flushing = Some(Flushing { end, version, state, void: false });
        let end = Offset(i64::try_from(end).expect("a log in memory has fewer than 2^63 records"));
        cx.outputs.push(Output::Flush { partition: None, end, bytes, waits: false });
    }

    /// When to wake it, [`Instant::FAR`] for never.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let waiting = match &self.role {
            Role::Leader(leader) => leader.waiting.as_slice(),
            _ => &[],
        };
        let own = self.leaving.unwrap_or_else(|| self.role.until());
        let own = own.min(self.snapshots.clean_at());
        let links = self.links.iter().filter_map(Link::free_at);
        waiting.iter().map(|w| w.until).chain(links).fold(own, Instant::min)
    }

    /// Whether what it has written down may be acted upon.
    fn is_safe(&self, rules: &Rules) -> bool {
        match rules.raft_fsync {
            RaftFsync::On => self.store.durable_version() == self.store.version(),
            RaftFsync::Off => true,
        }
    }

    /// Up to where its log may be acknowledged.
    fn sound_end(&self, rules: &Rules) -> u64 {
        match rules.raft_fsync {
            RaftFsync::On => self.log.flushed(),
            RaftFsync::Off => self.log.end(),
        }
    }

    /// Says something as soon as it may.
    fn say(&mut self, cx: &mut Context<'_>, reply: Option<(Token, Response)>, note: Option<Note>) {
        if self.is_safe(cx.rules) {
            cx.notes.extend(note);
            if let Some((token, response)) = reply {
                cx.reply(token, response);
            }
        } else {
            self.said.push_back(Said { version: self.store.version(), reply, note });
        }
    }

    /// Its position among the voters, unless it is none: its directory may be another.
    fn position(&self, rules: &Rules) -> Option<usize> {
        self.voter_of(&self.key, rules)
    }

    /// Position of the voter with a key.
    fn voter_of(&self, key: &VoterKey, rules: &Rules) -> Option<usize> {
        self.voters.iter().position(|v| self.is_same(v, key, rules))
    }

    /// Whether two keys name one voter.
    fn is_same(&self, a: &VoterKey, b: &VoterKey, rules: &Rules) -> bool {
        match rules.voter_identity {
            VoterIdentity::DirectoryId => a == b,
            VoterIdentity::IdOnly => a.node == b.node,
        }
    }

    /// The length of an election: the time-out, and up to as much again.
    fn election_time(&mut self) -> Duration {
        self.config.election_timeout + self.jitter.below(self.config.election_timeout)
    }
}
