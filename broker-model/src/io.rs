//! Every cause and every effect of a machine.
//!
//! Use: `handle(cx, input)`, carry out what was pushed to `cx.outputs`, tell `cx.notes` to
//! whoever listens, then read the machine's `next_deadline()` and wake it then with
//! [`Input::Tick`].

use alloc::string::String;
use alloc::vec::Vec;

use crate::names::Names;
use crate::note::Note;
use crate::protocol::refusal::refusal;
use crate::protocol::{ApiKey, ErrorCode, Header, Request, Response};
use crate::records::{Batches, RecordSource};
use crate::rules::Rules;
use crate::types::{Duration, NodeId, Now, Offset, PartitionId};

/// Names a request that came in; the reply carries it back. Chosen by the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token(pub u64);

/// Names a request that a machine sent; the answer carries it back. Chosen by the machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tag(pub u64);

/// The connection broke or timed out before an answer came: the outcome is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disconnected;

/// What can happen to a broker or controller.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// A request from a client or another node.
    Request {
        /// For the reply.
        token: Token,
        /// Version and sender.
        header: Header,
        /// What is asked.
        request: Request,
    },
    /// The answer to a request this machine sent.
    Response {
        /// Which request.
        tag: Tag,
        /// Who answered.
        from: NodeId,
        /// The answer, or that there will be none.
        result: Result<Response, Disconnected>,
    },
    /// Bytes of a log that [`Output::Flush`] asked for are durable now.
    Flushed {
        /// The partition, `None` for the metadata log.
        partition: Option<PartitionId>,
        /// Durable up to here.
        end: Offset,
    },
    /// What [`Output::Recover`] asked for was read.
    Recovered,
    /// A log cleaner has read what [`Output::Clean`] asked for.
    Cleaned {
        /// The partition.
        partition: PartitionId,
    },
    /// The host asks the process to stop in order (SIGTERM).
    ControlledShutdown,
    /// A deadline may have come.
    Tick,
}

/// What a broker or controller wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Answer a request.
    Reply {
        /// Which request.
        token: Token,
        /// The answer.
        response: Response,
    },
    /// A request needs no answer (`acks=0`): the connection may go on.
    NoReply {
        /// Which request.
        token: Token,
    },
    /// A request cannot be answered: close its connection.
    Disconnect {
        /// Which request.
        token: Token,
    },
    /// Ask another node.
    Send {
        /// The node.
        to: NodeId,
        /// Comes back with the answer.
        tag: Tag,
        /// What to ask.
        request: Request,
    },
    /// Bytes were appended to a log in the page cache.
    Append {
        /// The partition.
        partition: PartitionId,
        /// How many bytes.
        bytes: u32,
        /// Log end offset after it.
        end: Offset,
    },
    /// Force a log to disk; answered by [`Input::Flushed`].
    Flush {
        /// The partition, `None` for the metadata log.
        partition: Option<PartitionId>,
        /// Up to here.
        end: Offset,
        /// Bytes not durable yet, as far as the machine knows.
        bytes: u64,
        /// The thread that appended waits for it (`flush.messages`): what it says comes later.
        waits: bool,
    },
    /// After an unclean stop, logs are read from their recovery points on before the broker
    /// takes part; answered by [`Input::Recovered`].
    Recover {
        /// How many bytes.
        bytes: u64,
        /// `num.recovery.threads.per.data.dir`.
        threads: u32,
    },
    /// A log cleaner reads a log from its beginning; answered by [`Input::Cleaned`].
    Clean {
        /// The partition.
        partition: PartitionId,
        /// Where its first segment begins.
        from: Offset,
        /// How many bytes, some of them twice.
        bytes: u64,
        /// The throttle of the cleaners makes it take so long, or longer.
        at_least: Duration,
    },
    /// A log cleaner writes segments anew and flushes them.
    Rewrite {
        /// How many bytes.
        bytes: u64,
    },
    /// The end of a log was cut: what was on disk from there on is no longer.
    Cut {
        /// The partition.
        partition: PartitionId,
        /// The new log end offset.
        end: Offset,
    },
    /// Files of a log are deleted.
    Free {
        /// How many bytes.
        bytes: u64,
    },
    /// The process ends itself.
    Halt {
        /// Why, in Kafka's words.
        reason: String,
        /// At once, as if it were killed; else in order.
        at_once: bool,
    },
}

/// What every call of a machine is given.
pub struct Context<'a> {
    /// The host's clocks.
    pub now: Now,
    /// The run's batches.
    pub batches: &'a mut Batches,
    /// Names of groups and transactional ids.
    pub names: &'a Names,
    /// Keys and timestamps of single records.
    pub records: &'a dyn RecordSource,
    /// The rules in force.
    pub rules: &'a Rules,
    /// What the machine wants done, in order.
    pub outputs: &'a mut Vec<Output>,
    /// What the machine says happened, in order.
    pub notes: &'a mut Vec<Note>,
}

impl core::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Context").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// Answers a request.
    pub fn reply(&mut self, token: Token, response: Response) {
        self.outputs.push(Output::Reply { token, response });
    }

    /// Refuses a request that only the active controller takes; where there is no answer for
    /// that, its connection is closed.
    pub fn refuse(&mut self, token: Token, kind: ApiKey, error: ErrorCode) {
        self.outputs.push(match refusal(kind, error) {
            Some(response) => Output::Reply { token, response },
            None => Output::Disconnect { token },
        });
    }

    /// Tells what happened.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }
}

/// How a broker came to stop, which decides what its logs hold when it starts again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopKind {
    /// In order: everything flushed, checkpoints written.
    Clean,
    /// The process was killed: the page cache survives.
    Kill,
    /// The power went: only durable bytes survive.
    PowerCut,
}
