//! The administrator: asks the controller for topics and elections until it agrees, and leaders to
//! end transactions.

use std::collections::VecDeque;

use broker_model::io::Disconnected;
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{Duration, Instant, NodeId};

use super::actor::{Actor, ActorContext, Port};
use crate::client::admin::AdminConfig;
use crate::client::{ClientOutput, Correlation};

/// How often one request is asked before the administrator gives up.
const ATTEMPTS_MAX: u32 = 100;

/// A client that sends one request at a time.
#[derive(Debug)]
pub(super) struct Administrator {
    controllers: Vec<NodeId>,
    /// Which of them is asked.
    at: usize,
    retry_backoff: Duration,
    /// Requests with the brokers they are for; without any they are for the controllers.
    waiting: VecDeque<(Request, Vec<NodeId>)>,
    asked: bool,
    attempts: u32,
    next_at: Instant,
    correlation: u32,
}

impl Administrator {
    pub(super) const fn new(controllers: Vec<NodeId>, config: &AdminConfig) -> Self {
        Self {
            controllers,
            at: 0,
            retry_backoff: config.retry_backoff,
            waiting: VecDeque::new(),
            asked: false,
            attempts: 0,
            next_at: Instant::FAR,
            correlation: 0,
        }
    }

    /// Adds a request behind those that wait.
    pub(super) fn ask(&mut self, request: Request, brokers: Vec<NodeId>, now: Instant) {
        self.waiting.push_back((request, brokers));
        if !self.asked && self.next_at == Instant::FAR {
            self.next_at = now;
        }
    }

    fn settled(&mut self, now: Instant) {
        self.waiting.pop_front();
        self.attempts = 0;
        self.next_at = if self.waiting.is_empty() { Instant::FAR } else { now };
    }
}

fn error_of(response: &Response) -> ErrorCode {
    match response {
        Response::CreateTopics(r) => r.error,
        Response::IncrementalAlterConfigs(r) => r.error,
        Response::ElectLeaders(r) => r.error,
        Response::AlterPartitionReassignments(r) => r.error,
        Response::WriteTxnMarkers(r) => {
            let mut errors = r.markers.iter().flat_map(|(_, partitions)| partitions);
            errors.find_map(|&(_, e)| (e != ErrorCode::None).then_some(e)).unwrap_or_default()
        }
        _ => ErrorCode::None,
    }
}

impl Actor for Administrator {
    fn start(&mut self, _cx: &mut ActorContext<'_>) {}

    fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        _port: Port,
        _from: NodeId,
        _correlation: Correlation,
        result: Result<Response, Disconnected>,
    ) {
        self.asked = false;
        let again = match &result {
            Ok(response) => {
                let error = error_of(response);
                // Somebody leads already: the tool takes that for an answer (KIP-460), and asking
                // until nobody does would elect much later than asked.
                (error.is_retriable() && error != ErrorCode::ElectionNotNeeded)
                    || error == ErrorCode::InvalidReplicationFactor
            }
            Err(Disconnected) => true,
        };
        let elsewhere = match &result {
            Ok(response) => error_of(response) == ErrorCode::NotController,
            Err(Disconnected) => true,
        };
        if elsewhere {
            self.at = (self.at + 1) % self.controllers.len();
        }
        self.attempts += 1;
        if again && self.attempts < ATTEMPTS_MAX {
            self.next_at = cx.now.instant + self.retry_backoff;
        } else {
            self.settled(cx.now.instant);
        }
        self.wake(cx);
    }

    fn wake(&mut self, cx: &mut ActorContext<'_>) {
        if self.asked || cx.now.instant < self.next_at {
            return;
        }
        let Some((request, brokers)) = self.waiting.front() else { return };
        let to = match brokers.len() {
            0 => self.controllers[self.at],
            count => brokers[self.attempts as usize % count],
        };
        self.asked = true;
        self.next_at = Instant::FAR;
        self.correlation += 1;
        cx.outputs.push((
            Port(0),
            ClientOutput::Send {
                to,
                correlation: Correlation(self.correlation),
                api_version: i16::MAX,
                request: request.clone(),
            },
        ));
    }

    fn next_deadline(&self) -> Instant {
        self.next_at
    }

    fn kill(&mut self, _cx: &mut ActorContext<'_>) {}

    fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    fn administer(&mut self, request: Request, brokers: Vec<NodeId>, now: Instant) {
        self.ask(request, brokers, now);
    }
}
