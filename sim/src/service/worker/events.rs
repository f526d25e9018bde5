//! What the consumer tells: partitions come and go, commits end, it breaks or is closed.

use broker_model::rules::SinkMemory;
use broker_model::types::{Instant, PartitionId};

use super::{Step, Worker};
use crate::client::consumer::{Consumer, ConsumerEvent};
use crate::service::publisher::Publisher;
use crate::world::ActorContext;

impl Worker {
    /// What the consumer has to tell. Says whether there was anything.
    pub(super) fn consumer_events(&mut self, cx: &mut ActorContext<'_>) -> bool {
        let told = self.consumer.as_ref().is_some_and(Consumer::has_events);
        while let Some(event) = self.consumer.as_mut().and_then(Consumer::poll_event) {
            match event {
                ConsumerEvent::Assigned(partitions) => self.assigned(cx, &partitions),
                ConsumerEvent::Revoked(partitions) => {
                    self.leaving.extend(partitions);
                    self.commit_now = true;
                }
                ConsumerEvent::Lost(partitions) => self.lost(cx, &partitions),
                ConsumerEvent::Committed { id, result } => {
                    self.offsets_committed(cx, id, result.is_ok());
                }
                ConsumerEvent::Error(error) => {
                    self.trouble = Some(error);
                    self.fail(cx);
                }
                ConsumerEvent::Closed => {
                    self.stop(cx);
                    self.step = Step::Down(Instant::FAR);
                }
            }
        }
        told
    }

    fn assigned(&mut self, cx: &mut ActorContext<'_>, partitions: &[PartitionId]) {
        if cx.shared.rules.sink_memory == SinkMemory::Lost
            && let Some(store) = self.plan.spec.effects
        {
            cx.shared.stores.effects[store].forget();
        }
        self.trouble = None;
        self.release(partitions);
        for partition in partitions {
            self.positions.remove(partition);
        }
        self.seek_to_effects(cx, partitions);
    }

    /// Goes on where the store of the effects says, as an application does in
    /// `onPartitionsAssigned`.
    fn seek_to_effects(&mut self, cx: &ActorContext<'_>, partitions: &[PartitionId]) {
        let (Some(store), Some(consumer)) = (self.plan.spec.effects, &mut self.consumer) else {
            return;
        };
        for &partition in partitions {
            if let Some(next) = cx.shared.stores.effects[store].next_offset(partition) {
                consumer.seek(partition, next);
            }
        }
    }

    fn lost(&mut self, cx: &mut ActorContext<'_>, partitions: &[PartitionId]) {
        self.release(partitions);
        for partition in partitions {
            self.positions.remove(partition);
            cx.shared.recorder.revoked(self.consumer_id, partition.0, cx.now.instant.0);
        }
        self.leaving.retain(|p| !partitions.contains(p));
        if self.plan.spec.transactional {
            // Java raises this only inside poll, with nothing left to process: outputs of what
            // was polled would go into a transaction that cannot carry their offsets.
            self.polled.clear();
            self.run = 0;
            self.within = 0;
            if matches!(self.step, Step::Working(_)) {
                self.step = Step::Ready;
            }
        }
        if self.publisher.as_ref().is_some_and(Publisher::in_transaction) {
            self.abort(cx);
        }
    }

    /// Partitions that were revoked are gone once everything of them is committed.
    pub(super) fn let_go(&mut self, cx: &mut ActorContext<'_>) {
        let leaving = std::mem::take(&mut self.leaving);
        self.release(&leaving);
        for partition in leaving {
            self.positions.remove(&partition);
            cx.shared.recorder.revoked(self.consumer_id, partition.0, cx.now.instant.0);
        }
        self.commit_now = false;
    }
}
