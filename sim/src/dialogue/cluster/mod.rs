//! Dialogues with a cluster: one request and one reply at the wire level.
//!
//! The commands are carried out against brokers and a controller that are connected without
//! delay; time passes only where a command waits. What a client's wire layer decides (which
//! errors and special values a version knows, topic ids, record errors) is decided here, since
//! the model has no bytes.

mod admin;
mod args;
mod awaiting;
mod consumer_groups;
mod controller;
mod controllers;
mod directories;
mod fetch;
mod group_admin;
mod life;
mod log;
mod member_names;
mod members;
mod nodes;
mod offsets;
mod produce;
mod pump;
mod records;
mod reply;
mod session;
mod show;
mod targets;
mod transactions;
mod verbs;
mod wire;

pub(super) use self::session::Session;
use super::DialogueErrorKind;
use super::script::Script;

impl DialogueErrorKind {
    fn syntax(reason: impl Into<String>) -> Self {
        Self::Script(reason.into())
    }

    fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}

impl Script for Session {
    const OPENING: &'static str = "cluster";

    fn begin(settings: &str) -> Result<Self, DialogueErrorKind> {
        Self::start(settings)
    }

    fn command(&mut self, command: &str, reply: &mut Vec<String>) -> Result<(), DialogueErrorKind> {
        let answer = self.execute(command)?;
        reply.extend(self.normal(&answer));
        Ok(())
    }
}
