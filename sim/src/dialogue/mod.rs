//! Dialogues: scripts of commands and replies that recordings of the real Kafka consist of.
//!
//! A line that starts with `#` is a comment, with `>` a command, with `<` a reply. Running a
//! dialogue gives the same text with the replies of the model.

mod bounds;
mod cluster;
mod consumer;
mod producer;
mod script;

/// Runs a dialogue of any kind, which its first command tells, and gives it back with the model's
/// replies. A reply that differs from the recorded one is no error: compare the texts.
///
/// # Errors
/// When a line is not of the language, or asks for what the model or the runner does not have.
pub fn run(text: &str) -> Result<String, DialogueError> {
    let commands = text.lines().zip(1..).filter_map(|(l, at)| Some((l.strip_prefix('>')?, at)));
    let (opening, line) = commands.map(|(c, at)| (c.trim(), at)).next().unwrap_or_default();
    match opening.split_whitespace().next() {
        Some("cluster") => script::run::<cluster::Session>(text),
        Some("producer") => script::run::<producer::Run>(text),
        Some("consumer") => script::run::<consumer::Run>(text),
        _ => Err(DialogueError { line, kind: DialogueErrorKind::NoOpening }),
    }
}

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
    /// The first command starts nothing.
    #[error("a dialogue begins with `> cluster`, `> producer` or `> consumer`")]
    NoOpening,
    /// A command before the one that starts what it is for.
    #[error("nothing has been started with `> {0}`")]
    NotBegun(&'static str),
    /// A line that is neither a comment nor a command nor a reply.
    #[error("a line begins with `#`, `>` or `<`, or is empty")]
    NoLine,
    /// A line with characters that are none of a text.
    #[error("a command has a control character")]
    ControlCharacter,
    /// A count beyond what a dialogue may ask for.
    #[error("{count} {what} are more than the {most} of a dialogue")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there were to be.
        count: String,
        /// How many there may be.
        most: u64,
    },
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
    /// The client or the cluster goes on for ever.
    #[error("what the dialogue is with does not come to rest")]
    Restless,
}
