//! Requests of administrators on their way to the active controller (KIP-590).

use alloc::vec::Vec;

use super::Broker;
use super::calls::{Call, RETRY};
use crate::io::{Context, Disconnected, Token};
use crate::protocol::refusal::refused_admin;
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::slab::{Key, Slab};
use crate::types::Instant;

/// A request that has no answer yet.
#[derive(Clone, Debug)]
struct Forward {
    token: Token,
    request: Request,
    /// It is given up then.
    until: Instant,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Forwards {
    open: Slab<Forward>,
    /// Those that no controller took.
    again: Vec<Key>,
    again_at: Option<Instant>,
}

impl Forwards {
    pub(super) fn next_deadline(&self) -> Instant {
        self.again_at.unwrap_or(Instant::FAR)
    }

    /// The process ends.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Broker {
    /// Passes a request on, until a controller takes it or time is up.
    pub(super) fn forward(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: Request,
    ) {
        if let Some(refused) = self.count_mutations(cx, token, header, &request) {
            cx.reply(token, refused);
            return;
        }
        if self.life.controller().is_none() {
            return cx.refuse(token, request.api_key(), ErrorCode::NotController);
        }
        let until = cx.now.instant + self.config.request_timeout;
        let forward = self.forwards.open.insert(Forward { token, request, until });
        self.send_forward(cx, forward);
    }

    fn send_forward(&mut self, cx: &mut Context<'_>, forward: Key) {
        let Some(controller) = self.life.controller() else { return };
        let Some(open) = self.forwards.open.get(forward) else { return };
        let request = open.request.clone();
        self.calls.send(cx, controller, Call::Forward { forward }, request);
    }

    pub(super) fn forward_tick(&mut self, cx: &mut Context<'_>) {
        if self.forwards.next_deadline() > cx.now.instant {
            return;
        }
        self.forwards.again_at = None;
        for forward in core::mem::take(&mut self.forwards.again) {
            self.send_forward(cx, forward);
        }
    }

    pub(super) fn forwarded(
        &mut self,
        cx: &mut Context<'_>,
        forward: Key,
        result: Result<Response, Disconnected>,
    ) {
        let Some(open) = self.forwards.open.get(forward) else { return };
        let (token, kind) = (open.token, open.request.api_key());
        let refused = refused_admin(kind, ErrorCode::NotController);
        let taken = result.ok().filter(|response| Some(response) != refused.as_ref());
        if taken.is_none() && cx.now.instant < open.until {
            self.forwards.again.push(forward);
            self.forwards.again_at.get_or_insert(cx.now.instant + RETRY);
            return;
        }
        self.forwards.open.remove(forward);
        let late = || refused_admin(kind, ErrorCode::RequestTimedOut);
        if let Some(mut response) = taken.or_else(late) {
            if let Response::CreateTopics(response) = &mut response {
                response.throttle_time = self.quotas.mutations.remove(&token).unwrap_or(0);
            }
            cx.reply(token, response);
        }
    }
}
