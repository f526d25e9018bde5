//! Which broker coordinates the group, and finding it again.
//!
//! Source: `AbstractCoordinator.lookupCoordinator` and `CoordinatorRequestManager`.

use broker_model::protocol::coordinator::{
    CoordinatorKey, FindCoordinatorRequest, FindCoordinatorResponse,
};
use broker_model::protocol::{ErrorCode, Request};
use broker_model::types::{Instant, NodeId};

use super::Consumer;
use super::requests::{Channel, Purpose};
use crate::client::ClientContext;

/// The group's coordinator as far as the consumer knows.
#[derive(Clone, Debug)]
pub(super) struct Coordinator {
    /// The broker, unless it is to be looked up.
    pub(super) node: Option<NodeId>,
    retry_at: Instant,
    attempts: u32,
}

impl Coordinator {
    pub(super) const fn new() -> Self {
        Self { node: None, retry_at: Instant(0), attempts: 0 }
    }
}

impl Consumer {
    /// The coordinator, if it is known and its connection may be used; looks for it otherwise.
    pub(super) fn ready_coordinator(&mut self, cx: &mut ClientContext<'_>) -> Option<NodeId> {
        if let Some(node) = self.coordinator.node {
            let usable = self.requests.usable_at(Channel::Coordinator, node) <= cx.now.instant;
            return usable.then_some(node);
        }
        self.find_coordinator(cx);
        None
    }

    pub(super) fn find_coordinator(&mut self, cx: &mut ClientContext<'_>) {
        let Some(group) = self.group else { return };
        let now = cx.now.instant;
        if self.coordinator.retry_at > now || self.requests.is_waiting_for(Purpose::FindCoordinator)
        {
            return;
        }
        let Some(node) = self.requests.least_loaded(cx, self.metadata.brokers()) else { return };
        let request = FindCoordinatorRequest { key: CoordinatorKey::Group(group) };
        let to = (Channel::Main, node);
        let timeout = self.config.request_timeout;
        let request = Request::FindCoordinator(request);
        self.requests.send(cx, to, Purpose::FindCoordinator, timeout, request);
    }

    pub(super) fn handle_find_coordinator(
        &mut self,
        cx: &mut ClientContext<'_>,
        response: FindCoordinatorResponse,
    ) {
        match (response.error, response.node) {
            (ErrorCode::None, Some(node)) => {
                self.coordinator.node = Some(node);
                self.coordinator.attempts = 0;
                self.membership.coordinator_found(cx.now.instant, &self.config);
            }
            (ErrorCode::GroupAuthorizationFailed | ErrorCode::InvalidGroupId, _) => {
                self.fail(response.error);
            }
            _ => self.find_coordinator_failed(cx),
        }
    }

    pub(super) fn find_coordinator_failed(&mut self, cx: &mut ClientContext<'_>) {
        let wait = self.backoff(cx, self.coordinator.attempts);
        self.coordinator.attempts = self.coordinator.attempts.saturating_add(1);
        self.coordinator.retry_at = cx.now.instant + wait;
    }

    /// The coordinator is elsewhere now, or cannot be reached: it is looked up again.
    pub(super) fn coordinator_lost(&mut self, cx: &mut ClientContext<'_>) {
        if self.coordinator.node.take().is_some() {
            let wait = self.backoff(cx, 0);
            self.coordinator.retry_at = cx.now.instant + wait;
        }
    }

    /// When the coordinator may be asked, or looked for, again; [`Instant::FAR`] if that is so
    /// already.
    pub(super) fn coordinator_deadline(&self, now: Instant) -> Instant {
        if self.group.is_none() {
            return Instant::FAR;
        }
        let at = match self.coordinator.node {
            Some(node) => self.requests.usable_at(Channel::Coordinator, node),
            None => {
                let usable = self.requests.any_usable_at(self.metadata.brokers());
                self.coordinator.retry_at.max(usable)
            }
        };
        if at > now { at } else { Instant::FAR }
    }
}
