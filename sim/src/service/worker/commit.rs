//! Committing: offsets by themselves or in a transaction, and what an abort undoes.

use broker_model::protocol::group::CommittedOffset;
use broker_model::rules::{AppRewindsOnAbort, FailedOutput};
use broker_model::types::{Duration, Instant, MILLISECOND, PartitionId};
use reports::history::CallKind;

use super::{Step, Worker};
use crate::client::GroupMetadata;
use crate::client::consumer::{CommitId, Consumer};
use crate::world::{ActorContext, Port};
use scenarios::model::Commit;

/// A loop whose commit failed comes round after about this long, though it polls nothing.
const COMMIT_AGAIN: Duration = 100 * MILLISECOND;

impl Worker {
    /// Starts a commit of what was processed. False if there is nothing to commit.
    pub(super) fn begin_commit(&mut self, cx: &mut ActorContext<'_>) -> bool {
        self.commit_due = Instant::FAR;
        self.committing = self
            .positions
            .iter()
            .filter(|(_, p)| p.processed != p.committed)
            .map(|(&partition, p)| (partition, p.processed))
            .collect();
        if self.plan.spec.transactional {
            return self.send_offsets(cx);
        }
        if self.committing.is_empty() || self.plan.spec.commit != Commit::AfterProcessing {
            return false;
        }
        match &mut self.publisher {
            Some(publisher) => {
                publisher.flush();
                self.step = Step::Flushing;
            }
            None => self.commit_offsets(cx),
        }
        true
    }

    pub(super) fn send_offsets(&mut self, cx: &mut ActorContext<'_>) -> bool {
        let Some(publisher) = &mut self.publisher else { return false };
        let Some(member) = self.consumer.as_ref().and_then(Consumer::group_metadata) else {
            return false;
        };
        if !publisher.in_transaction() {
            return false;
        }
        let abort = self.plan.spec.abort;
        self.aborts_on_purpose = self.draws.chance(abort.numerator, abort.denominator);
        if self.aborts_on_purpose {
            self.step = Step::Aborting;
            if !publisher.end(cx, false) {
                self.fail(cx);
            }
            return true;
        }
        let offsets = self
            .committing
            .iter()
            .map(|&(partition, offset)| CommittedOffset::new(partition, offset, None));
        self.step = Step::SendingOffsets;
        if !publisher.send_offsets(cx, member, offsets.collect()) {
            self.abort(cx);
        }
        true
    }

    pub(super) fn end_transaction(&mut self, cx: &mut ActorContext<'_>) {
        let Some(publisher) = &mut self.publisher else { return };
        self.step = Step::EndingTransaction;
        if !publisher.end(cx, true) {
            self.abort(cx);
        }
    }

    pub(super) fn abort(&mut self, cx: &mut ActorContext<'_>) {
        if matches!(self.step, Step::Aborting | Step::Down(_) | Step::Initializing) {
            return;
        }
        let Some(publisher) = &mut self.publisher else { return };
        self.step = Step::Aborting;
        self.polled.clear();
        self.run = 0;
        self.within = 0;
        if !publisher.end(cx, false) {
            self.fail(cx);
        }
    }

    /// After an abort: everything since the last commit is read again.
    pub(super) fn rewind(&mut self, cx: &mut ActorContext<'_>) {
        self.polled.clear();
        self.run = 0;
        self.within = 0;
        let rules = &cx.shared.rules;
        let forgets = self.plan.spec.transactional
            && rules.app_rewinds_on_abort == AppRewindsOnAbort::Off
            || rules.failed_output == FailedOutput::Ignore && !self.aborts_on_purpose;
        if forgets {
            return;
        }
        let held: Vec<PartitionId> = self.held.keys().copied().collect();
        self.release(&held);
        let Some(consumer) = &mut self.consumer else { return };
        let owned = consumer.assignment();
        for (&partition, position) in &mut self.positions {
            position.processed = position.committed;
            let to = position.committed;
            if owned.contains(&partition) {
                consumer.seek(partition, to);
                let at = cx.now.instant.0;
                cx.shared.recorder.position_reset(self.consumer_id, partition.0, to.0, at);
            }
            self.plan.service.rewind(cx.shared, partition, to);
        }
    }

    pub(super) fn commit_offsets(&mut self, cx: &mut ActorContext<'_>) {
        if self.publisher.as_mut().is_some_and(|p| p.take_failed() > 0)
            && cx.shared.rules.failed_output == FailedOutput::Rewind
        {
            // An output failed for certain: its input must be processed again.
            self.rewind(cx);
            self.step = Step::Ready;
            return;
        }
        self.step = match self.commit_sync(cx) {
            Some(id) => Step::Committing(id),
            None => Step::Ready,
        };
    }

    pub(super) fn commit_sync(&mut self, cx: &mut ActorContext<'_>) -> Option<CommitId> {
        let offsets: Vec<CommittedOffset> = self
            .committing
            .iter()
            .map(|&(partition, offset)| CommittedOffset::new(partition, offset, None))
            .collect();
        let consumer = self.consumer.as_mut()?;
        cx.shared.recorder.calls_started(CallKind::CommitOffsets, 1);
        let id = cx.client(Port::CONSUMER, &mut self.consumer_draws, |cx| {
            consumer.commit_sync(cx, offsets)
        });
        Some(id)
    }

    pub(super) fn offsets_committed(
        &mut self,
        cx: &mut ActorContext<'_>,
        id: CommitId,
        worked: bool,
    ) {
        match self.step {
            Step::CommittingFirst(waiting) if waiting == id => {
                cx.shared.recorder.calls_ended(CallKind::CommitOffsets, 1);
                if worked {
                    self.committed(cx);
                }
                self.step = Step::Ready;
            }
            Step::Committing(waiting) if waiting == id => {
                cx.shared.recorder.calls_ended(CallKind::CommitOffsets, 1);
                self.step = Step::Ready;
                if worked {
                    self.committed(cx);
                } else if self.stopping {
                    // Nobody asks again: whoever gets the partitions processes it once more.
                    self.close(cx);
                } else {
                    if self.commit_now {
                        // Java's `commitSync` throws in the callback, and the partitions go as
                        // they are: asking again would hold the revocation up for ever.
                        self.let_go(cx);
                    }
                    // What is still its own is committed when the loop comes round again.
                    let interval = self.plan.spec.commit_interval.max(COMMIT_AGAIN);
                    self.commit_due = cx.now.instant + interval;
                }
            }
            _ => {}
        }
    }

    /// What was being committed stands.
    pub(super) fn committed(&mut self, cx: &mut ActorContext<'_>) {
        let member = self.consumer.as_ref().and_then(Consumer::group_metadata);
        let Some(GroupMetadata { group, .. }) = member else { return };
        let at = cx.now.instant.0;
        for (partition, offset) in std::mem::take(&mut self.committing) {
            if let Some(position) = self.positions.get_mut(&partition) {
                position.committed = offset;
            }
            cx.shared.recorder.committed_offset(group.0, partition.0, offset.0, at);
            self.plan.service.committed(cx.shared, partition, offset);
        }
    }
}
