//! Dialogues with a cluster: one request and one reply at the wire level.
//!
//! The commands are carried out against brokers and a controller that are connected without
//! delay; time passes only where a command waits. What a client's wire layer decides (which
//! errors and special values a version knows, topic ids, record errors) is decided here, since
//! the model has no bytes.

mod admin;
mod args;
mod awaiting;
mod controller;
mod controllers;
mod directories;
mod fetch;
mod group_admin;
mod groups;
mod life;
mod log;
mod member_names;
mod members;
mod nodes;
mod produce;
mod pump;
mod records;
mod reply;
mod session;
mod show;
mod targets;
mod transactions;
mod wire;

use self::session::Session;
use super::{DialogueError, DialogueErrorKind};

impl DialogueErrorKind {
    fn syntax(reason: impl Into<String>) -> Self {
        Self::Script(reason.into())
    }

    fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}

/// Runs a dialogue with a cluster and gives it back with the model's replies. A reply that
/// differs from the recorded one is no error: compare the texts.
///
/// # Errors
/// When a command cannot be read, or the runner or the model lacks what it asks for.
pub fn run(text: &str) -> Result<String, DialogueError> {
    let mut session: Option<Session> = None;
    let mut out = String::new();
    for (line, number) in text.lines().zip(1..) {
        if line.starts_with('<') {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        let Some(command) = line.strip_prefix("> ") else { continue };
        let at = |kind| DialogueError { line: number, kind };
        if let Some(settings) = command.strip_prefix("cluster") {
            session = Some(Session::start(settings).map_err(at)?);
            continue;
        }
        let session = session
            .as_mut()
            .ok_or_else(|| at(DialogueErrorKind::syntax("no cluster before it")))?;
        let reply = session.execute(command.trim()).map_err(at)?;
        for line in session.normal(&reply) {
            out.push_str(format!("< {line}").trim_end());
            out.push('\n');
        }
    }
    Ok(out)
}
