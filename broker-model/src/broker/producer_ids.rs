//! Blocks of producer ids, which a broker has from the controller. Source: KIP-730.

use super::Broker;
use super::calls::{Call, RETRY};
use crate::io::{Context, Disconnected};
use crate::note::Note;
use crate::protocol::controller::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use crate::protocol::{ErrorCode, Request};
use crate::types::Instant;

/// How the next block is asked for.
#[derive(Clone, Debug)]
pub(super) struct ProducerIdBlocks {
    /// A request is without answer.
    is_asked: bool,
    /// When to ask again.
    pub(super) ask_at: Instant,
}

impl Default for ProducerIdBlocks {
    fn default() -> Self {
        Self { is_asked: false, ask_at: Instant::FAR }
    }
}

impl Broker {
    /// Asks the controller for the next block, if one is needed.
    pub(super) fn ask_for_producer_ids(&mut self, cx: &mut Context<'_>) {
        let c = &mut self.coordinators;
        c.producer_ids.ask_at = Instant::FAR;
        if c.producer_ids.is_asked || !c.transactions.needs_producer_ids() {
            return;
        }
        let Some(controller) = self.life.controller() else { return };
        c.producer_ids.is_asked = true;
        let request =
            AllocateProducerIdsRequest { broker: self.node, broker_epoch: self.life.broker_epoch };
        let request = Request::AllocateProducerIds(request);
        self.calls.send(cx, controller, Call::AllocateProducerIds, request);
    }

    pub(super) fn producer_ids_allocated(
        &mut self,
        cx: &mut Context<'_>,
        result: Result<AllocateProducerIdsResponse, Disconnected>,
    ) {
        let c = &mut self.coordinators;
        c.producer_ids.is_asked = false;
        match result {
            Ok(answer) if answer.error == ErrorCode::None => {
                let (node, first, count) = (self.node, answer.first, answer.count);
                c.transactions.add_producer_ids(first, count);
                cx.note(Note::ProducerIds { node, first, count });
            }
            _ => c.producer_ids.ask_at = cx.now.instant + RETRY,
        }
    }
}
