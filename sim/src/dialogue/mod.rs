//! Dialogues: scripts of commands and replies that recordings of the real Kafka consist of.
//!
//! A line that starts with `#` is a comment, with `>` a command, with `<` a reply. Running a
//! dialogue gives the same text with the replies of the model.

mod cluster;
mod consumer;
mod producer;

pub use cluster::run;
pub use consumer::run_consumer_transcript;
pub use producer::run_producer_transcript;

/// Why a dialogue could not be run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct DialogueError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: DialogueErrorKind,
}

/// What is wrong with a line of a dialogue.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DialogueErrorKind {
    /// No such command.
    #[error("no such command")]
    UnknownCommand,
    /// A command before the one that starts the client.
    #[error("no client has been started")]
    NoClient,
    /// A word is not understood.
    #[error("a word of the command is not understood")]
    BadArgument,
    /// There is no such topic or partition.
    #[error("no such partition")]
    UnknownPartition,
    /// There is no request to answer.
    #[error("no such request waits for an answer")]
    NoSuchRequest,
    /// The model has no such thing.
    #[error("the model does not have this")]
    NotModelled,
    /// A command of a dialogue with a cluster cannot be carried out.
    #[error("{0}")]
    Script(String),
    /// The runner or the model lacks what a dialogue with a cluster asks for.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The client goes on for ever.
    #[error("the client does not come to rest")]
    Restless,
}
