//! The scripted network: connections, requests waiting for their answers.

use broker_model::protocol::{Request, Response};
use broker_model::types::NodeId;

use super::render::{Words, api};
use crate::client::{ClientOutput, Correlation};
use crate::dialogue::DialogueErrorKind;

/// How new connections to a node end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Accepts {
    Yes,
    /// They never come up.
    Hangs,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    up: bool,
    accepts: Accepts,
    /// It has come up; the client hears of it in this turn.
    opened: bool,
    /// The broker closes it; the client hears of it in the next turn.
    closing: bool,
}

impl Link {
    const DOWN: Self = Self { up: false, accepts: Accepts::Yes, opened: false, closing: false };
}

/// A request the client sent.
#[derive(Clone, Debug)]
struct Waiting {
    number: u32,
    to: NodeId,
    correlation: Correlation,
    version: i16,
    request: Request,
    answer: Option<Response>,
}

/// All connections.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    links: Vec<Link>,
    waiting: Vec<Waiting>,
    requests: u32,
}

/// Something for the client.
#[derive(Clone, Debug)]
pub(super) enum Arrival {
    Connected(NodeId),
    Disconnected(NodeId),
    Answer(NodeId, Correlation, Response),
}

impl Wire {
    pub(super) fn new(brokers: u32, connected: bool) -> Self {
        let link = Link { up: connected, ..Link::DOWN };
        Self { links: vec![link; brokers as usize], waiting: Vec::new(), requests: 0 }
    }

    fn link(&mut self, node: NodeId) -> &mut Link {
        let at = node.0 as usize;
        if self.links.len() <= at {
            self.links.resize(at + 1, Link::DOWN);
        }
        &mut self.links[at]
    }

    /// Opens the connection to a node, if it comes up.
    fn connect(&mut self, node: NodeId) {
        let link = self.link(node);
        if link.accepts == Accepts::Yes {
            link.up = true;
            link.opened = true;
        }
    }

    /// Carries out what the client wants.
    pub(super) fn take(
        &mut self,
        output: ClientOutput,
        words: &Words<'_>,
        lines: &mut Vec<String>,
    ) {
        match output {
            ClientOutput::Send { to, correlation, api_version, request } => {
                self.requests += 1;
                let number = self.requests;
                let text = words.request(to.0, api_version, &request);
                lines.push(format!("r{number} {text}"));
                let version = api_version;
                let answer = None;
                self.waiting.push(Waiting { number, to, correlation, version, request, answer });
            }
            ClientOutput::Connect { to } => {
                lines.push(format!("connect node={to}"));
                self.connect(to);
            }
            ClientOutput::Close { to } => {
                lines.push(format!("close-connection node={to}"));
                self.drop_link(to);
            }
            // Only consumers keep a connection of their own to a coordinator.
            ClientOutput::SendToCoordinator { .. } | ClientOutput::CloseCoordinator { .. } => {}
        }
    }

    fn drop_link(&mut self, node: NodeId) {
        let link = self.link(node);
        link.up = false;
        link.opened = false;
        link.closing = false;
        self.waiting.retain(|w| w.to != node);
    }

    pub(super) fn disconnect(&mut self, node: NodeId) {
        self.link(node).closing = true;
    }

    pub(super) fn hang(&mut self, node: NodeId, hangs: bool) {
        self.link(node).accepts = if hangs { Accepts::Hangs } else { Accepts::Yes };
    }

    /// Gives the answer to a request named by number or kind.
    pub(super) fn respond(
        &mut self,
        which: &str,
        answer: impl FnOnce(&Request, i16) -> Result<Response, DialogueErrorKind>,
    ) -> Result<(), DialogueErrorKind> {
        let number = which.strip_prefix('r').and_then(|n| n.parse::<u32>().ok());
        let named = |w: &&mut Waiting| {
            w.answer.is_none()
                && match number {
                    Some(number) => w.number == number,
                    None => api(&w.request) == which,
                }
        };
        let found = self.waiting.iter_mut().find(named);
        let waiting = found.ok_or(DialogueErrorKind::NoSuchRequest)?;
        waiting.answer = Some(answer(&waiting.request, waiting.version)?);
        Ok(())
    }

    /// What reaches the client in one turn: of each connection its end, or the answer to its
    /// oldest request.
    pub(super) fn arrivals(&mut self) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        for node in (0..).map(NodeId).take(self.links.len()) {
            if core::mem::take(&mut self.link(node).opened) {
                arrivals.push(Arrival::Connected(node));
            }
            if self.link(node).closing {
                self.drop_link(node);
                arrivals.push(Arrival::Disconnected(node));
                continue;
            }
            let oldest = self.waiting.iter().position(|w| w.to == node);
            if let Some(at) = oldest
                && self.waiting[at].answer.is_some()
            {
                let Waiting { correlation, answer, .. } = self.waiting.remove(at);
                arrivals.extend(answer.map(|a| Arrival::Answer(node, correlation, a)));
            }
        }
        arrivals
    }
}
