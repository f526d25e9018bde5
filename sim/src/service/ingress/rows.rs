//! Rows that an ingress commits to a local database, before it sends, after it, or in the place of
//! it.

use broker_model::types::{Duration, Instant};
use scenarios::model::Publish;

use super::{Ingress, IngressPlan};
use crate::client::producer::Outcome;
use crate::records::NO_KEY;
use crate::service::account::Told;
use crate::world::ActorContext;

impl IngressPlan {
    fn publish(&self) -> Option<Publish> {
        self.spec.rows.map(|rows| rows.publish)
    }

    /// From the end of a call's service to the commit of its row, if that comes before the send.
    pub(super) fn commit_time(&self) -> Duration {
        let first = self.spec.rows.filter(|rows| rows.publish != Publish::BeforeCommit);
        first.map_or(0, |rows| rows.time)
    }
}

impl Ingress {
    /// Whether it leaves the sending to a relay.
    pub(super) fn fills_outbox(&self) -> bool {
        self.plan.publish() == Some(Publish::Outbox)
    }

    pub(super) fn commits_when_acknowledged(&self) -> bool {
        self.plan.publish() == Some(Publish::BeforeCommit)
    }

    /// Commits the rows of the calls that are finished, unless their records come first; with an
    /// outbox a second row each, in the same transaction.
    pub(super) fn commit_before_send(&mut self, cx: &mut ActorContext<'_>) {
        let Some(rows) = self.plan.spec.rows else { return };
        if rows.publish == Publish::BeforeCommit {
            return;
        }
        let (now, shared) = (cx.now.instant, &mut *cx.shared);
        let records = &shared.records;
        let entities = self.finished.iter().map(|&id| records.get(id).entity);
        shared.recorder.rows_committed(entities, rows.table, now.0);
        let Some(outbox) = rows.outbox else { return };
        for &id in &self.finished {
            let record = records.get(id);
            let share = if record.key == NO_KEY { record.entity } else { record.key };
            shared.stores.outboxes[outbox].commit(id, share, now);
        }
        self.arrivals.answered(self.finished.len() as u64, now);
    }

    /// Commits the rows of records that were acknowledged long enough ago.
    pub(super) fn commit_after_send(&mut self, cx: &mut ActorContext<'_>) {
        let Some(rows) = self.plan.spec.rows.filter(|_| self.commits_when_acknowledged()) else {
            return;
        };
        let now = cx.now.instant;
        let told = self.publisher.as_mut().map(|publisher| publisher.take_told());
        for told in told.into_iter().flatten() {
            let Told::Batch(_, batch, Outcome::Acknowledged { .. }) = told else { continue };
            let entities = cx.shared.batches.records(batch).iter();
            let entities = entities.map(|&id| cx.shared.records.get(id).entity);
            self.acknowledged.extend(entities.map(|entity| (entity, now + rows.time)));
        }
        let due = self.acknowledged.iter().take_while(|(_, at)| *at <= now).count();
        if due > 0 {
            let entities = self.acknowledged.drain(..due).map(|(entity, _)| entity);
            let entities: Vec<u32> = entities.collect();
            cx.shared.recorder.rows_committed(entities.into_iter(), rows.table, now.0);
        }
    }

    /// When the next row is committed whose record is acknowledged.
    pub(super) fn next_row(&self) -> Instant {
        self.acknowledged.front().map_or(Instant::FAR, |&(_, at)| at)
    }
}
