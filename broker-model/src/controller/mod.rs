//! The active controller: decides by records of the metadata log and replays them.
//!
//! Each request is *decided* against the image at the end of the log, without changing it;
//! its records are appended and *replayed* into the image; and its reply waits until they are
//! durable, which for a single controller means committed. Only then do brokers see them.
//! What Kafka keeps outside its log (sessions) is apart and lost at a stop.
//!
//! A cluster starts empty: brokers register and unfence, then an administrator creates the
//! topics with `CreateTopics`. A replica whose broker is not unfenced at that moment starts
//! outside the ISR, so the administrator waits until [`Controller::image`] shows all of them.

mod brokers;
mod config;
mod elections;
mod features;
mod isr;
mod log;
mod notes;
mod partition_change;
mod placement;
mod reassignments;
mod requests;
#[cfg(test)]
mod tests;
mod topics;

pub use config::ControllerConfig;
pub use features::FINALIZED as FINALIZED_FEATURES;

use alloc::string::ToString;
use alloc::vec::Vec;

use self::brokers::Session;
use self::log::MetadataLog;
use crate::io::{Context, Input, Output, StopKind, Token};
use crate::metadata::Image;
use crate::protocol::controller::{FetchMetadataRequest, FetchMetadataResponse};
use crate::protocol::{ErrorCode, Response};
use crate::records::MetadataRecord;
use crate::types::{Instant, MILLISECOND, NodeId, Offset};

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
    /// Fences silent brokers, every quarter of a session (as Kafka 4.x does).
    fence: Instant,
    /// Preferred-leader elections.
    rebalance: Instant,
    /// Unclean elections of leaderless partitions.
    unclean: Instant,
}

impl Timers {
    const NEVER: Self =
        Self { fence: Instant::FAR, rebalance: Instant::FAR, unclean: Instant::FAR };
}

/// The controller of a cluster, a machine of the handle-and-poll shape.
#[derive(Debug)]
pub struct Controller {
    node: NodeId,
    config: ControllerConfig,
    log: MetadataLog,
    image: Image,
    sessions: Vec<Session>,
    readers: Vec<Reader>,
    timers: Timers,
    running: bool,
}

impl Controller {
    /// A controller with an empty log, not started.
    #[must_use]
    pub fn new(node: NodeId, config: ControllerConfig) -> Self {
        Self {
            node,
            config,
            log: MetadataLog::default(),
            image: Image::new(),
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

    /// The state at the end of its log, durable or not: what it decides on.
    #[must_use]
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// All records of its log, durable or not.
    #[must_use]
    pub fn records(&self) -> &[MetadataRecord] {
        self.log.records()
    }

    /// Up to where its log is durable, replied and shown to brokers.
    #[must_use]
    pub const fn committed_end(&self) -> u64 {
        self.log.committed()
    }

    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// Starts, or starts again: replays the log and gives every broker a whole session.
    /// Records that a kill left in the page cache are flushed and become committed then.
    /// An empty log begins with the features of a new cluster.
    pub fn start(&mut self, cx: &mut Context<'_>) {
        assert!(!self.running, "a controller starts once");
        self.running = true;
        self.image = Image::new();
        for (offset, record) in (0..).zip(self.log.records()) {
            self.image.apply(offset, record);
        }
        if self.log.end() == 0 {
            self.append(features::bootstrap(self.config.release));
        }
        let now = cx.now.instant;
        self.start_sessions(now);
        self.timers = Timers {
            fence: now + self.fence_interval(),
            rebalance: if self.config.auto_leader_rebalance {
                now + self.config.leader_imbalance_check_interval
            } else {
                Instant::FAR
            },
            unclean: now + self.config.unclean_leader_election_interval,
        };
        self.log.flush(cx);
    }

    /// The process ends. `durable_end` is up to where the metadata log is on disk: a power
    /// cut loses what lies beyond, other ends keep the page cache.
    pub fn stop(&mut self, kind: StopKind, durable_end: Offset) {
        let kept = match kind {
            StopKind::Clean | StopKind::Kill => self.log.end(),
            StopKind::PowerCut => u64::try_from(durable_end.0).unwrap_or(0).min(self.log.end()),
        };
        self.log.stop(kept);
        self.readers.clear();
        self.timers = Timers::NEVER;
        self.running = false;
    }

    /// One input.
    pub fn handle(&mut self, cx: &mut Context<'_>, input: Input) {
        assert!(self.running, "a stopped controller hears nothing");
        match input {
            Input::Request { token, request, .. } => self.request(cx, token, request),
            Input::Flushed { end, .. } => {
                if self.log.flushed(cx, end) {
                    self.answer_readers(cx, |log, reader| reader.from < log.committed());
                }
            }
            Input::Tick => self.tick(cx),
            Input::ControlledShutdown => {
                cx.outputs.push(Output::Halt { reason: "controlled shutdown".to_string() });
            }
            Input::Response { .. } => {}
        }
    }

    /// When to wake it, [`Instant::FAR`] for never.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let timers = &self.timers;
        let own = timers.fence.min(timers.rebalance).min(timers.unclean);
        self.readers.iter().map(|r| r.until).fold(own, Instant::min)
    }

    fn fetch_metadata(&mut self, cx: &mut Context<'_>, token: Token, r: FetchMetadataRequest) {
        if r.from < self.log.committed() {
            cx.reply(token, metadata_from(&self.log, r.from));
        } else {
            let until = cx.now.instant + self.config.metadata_fetch_wait;
            self.readers.push(Reader { token, from: r.from, until });
        }
    }

    fn answer_readers(
        &mut self,
        cx: &mut Context<'_>,
        due: impl Fn(&MetadataLog, &Reader) -> bool,
    ) {
        let Self { readers, log, .. } = self;
        readers.retain(|reader| {
            let answered = due(log, reader);
            if answered {
                cx.reply(reader.token, metadata_from(log, reader.from));
            }
            !answered
        });
    }

    fn tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        self.answer_readers(cx, |_, reader| reader.until <= now);
        if self.timers.fence <= now {
            while let Some(broker) = self.silent_broker(now) {
                let records = self.decide_fencing(broker, cx.rules);
                self.append(records);
            }
            self.timers.fence = now + self.fence_interval();
        }
        if self.timers.rebalance <= now {
            let records = self.decide_rebalance(cx.rules);
            self.append(records);
            self.timers.rebalance = now + self.config.leader_imbalance_check_interval;
        }
        if self.timers.unclean <= now {
            let records = self.decide_unclean_round(cx.rules);
            self.append(records);
            self.timers.unclean = now + self.config.unclean_leader_election_interval;
        }
        self.log.flush(cx);
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
            let note = self.note_of(&record);
            self.image.apply(self.log.end(), &record);
            self.log.push(record, note);
        }
    }

    fn fence_interval(&self) -> u64 {
        (self.config.broker_session_timeout / 4).max(MILLISECOND)
    }
}

fn metadata_from(log: &MetadataLog, from: u64) -> Response {
    Response::FetchMetadata(FetchMetadataResponse {
        from,
        records: log.committed_from(from).to_vec(),
        end: log.committed(),
    })
}
