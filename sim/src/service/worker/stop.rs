//! How a process ends: asked to, broken, or killed.

use broker_model::types::Instant;
use reports::history::CallKind;

use super::{Step, Worker};
use crate::world::{ActorContext, Port};

impl Worker {
    /// Nothing is left to commit: the consumer leaves its group, and the process ends.
    pub(super) fn close(&mut self, cx: &mut ActorContext<'_>) {
        if let Some(publisher) = self.publisher.as_mut().filter(|publisher| !publisher.is_idle()) {
            publisher.flush();
            return;
        }
        self.step = Step::Closing;
        if let Some(consumer) = &mut self.consumer {
            cx.client(Port::CONSUMER, &mut self.consumer_draws, |cx| consumer.close(cx, true));
        }
    }

    /// The process cannot go on: it ends, and is started again after a while.
    pub(super) fn fail(&mut self, cx: &mut ActorContext<'_>) {
        self.stop(cx);
        let restart = cx.now.instant + self.plan.spec.restart;
        self.step = Step::Down(if self.stopping { Instant::FAR } else { restart });
    }

    pub(super) fn stop(&mut self, cx: &mut ActorContext<'_>) {
        if matches!(self.step, Step::Committing(_) | Step::CommittingFirst(_)) {
            cx.shared.recorder.calls_ended(CallKind::CommitOffsets, 1);
        }
        if let Some(mut publisher) = self.publisher.take() {
            publisher.lost(cx);
        }
        for partition in self.positions.keys() {
            cx.shared.recorder.revoked(self.consumer_id, partition.0, cx.now.instant.0);
        }
        self.consumer = None;
        self.positions.clear();
        self.polled.clear();
        self.run = 0;
        self.within = 0;
        self.leaving.clear();
        self.held.clear();
        self.commit_now = false;
        self.commit_due = Instant::FAR;
        self.plan.spec.close_connections(cx, &[Port::PRODUCER, Port::CONSUMER]);
    }
}
