//! Business: what was intended, effects on external stores, terminal states, latency, lag.

use super::ids::{LedgerId, TableId};
use super::recorder::Recorder;
use super::send::Ids;
use crate::metric::StageId;

impl Recorder {
    /// The load intended this many more records, whether or not they could be sent.
    pub fn record_intended(&mut self, count: u64) {
        self.digest.word(9 << 56 | count);
        self.totals.intended += count;
        self.flow.offered[self.phases.current().index()] += count;
    }

    /// A service tried to apply an effect; whether it stuck is told by
    /// [`Recorder::effect_applied`].
    pub fn effects_attempted(&mut self, ledger: LedgerId, count: u64) {
        self.digest.word(10 << 56 | u64::from(ledger.0) << 48 | count);
        self.effects.attempted(ledger, count);
    }

    /// An external store committed the effect of an entity.
    #[inline]
    pub fn effect_applied(&mut self, ledger: LedgerId, entity: u32, at_ns: u64) {
        self.note(11, u64::from(ledger.0) << 32 | u64::from(entity), at_ns);
        self.effects.applied(ledger, entity, at_ns);
    }

    /// An external store committed the effects of entities, each at its time.
    pub fn effects_applied(&mut self, ledger: LedgerId, effects: impl Iterator<Item = (u32, u64)>) {
        for (entity, at_ns) in effects {
            self.effect_applied(ledger, entity, at_ns);
        }
    }

    /// A local database committed the rows of entities.
    pub fn rows_committed(&mut self, entities: impl Ids, table: TableId, at_ns: u64) {
        self.note(30, u64::from(table.0), at_ns);
        self.digest.ids(entities.clone());
        self.flow.committed(table, self.phases.current(), entities.len() as u64);
        let topic = self.rows.topic_of(table);
        for entity in entities {
            self.rows.committed(table, entity);
            self.key_order.committed(topic, entity);
        }
    }

    /// An entity reached a terminal state that no topic tells (dropped by a join's window,
    /// rejected). Terminal states that are records are found by the audit.
    pub fn entity_ended(&mut self, entity: u32, at_ns: u64) {
        self.note(12, u64::from(entity), at_ns);
        self.terminals.ended(entity, at_ns);
    }

    /// A stage is done with a record that was intended at `intended_ns`.
    #[inline]
    pub fn completed(&mut self, stage: StageId, intended_ns: u64, done_ns: u64) {
        let phase = self.phases.of_span(intended_ns);
        self.latency.record(stage, phase, intended_ns, done_ns.saturating_sub(intended_ns));
    }

    /// A stage is done with many records: pairs of when each was intended and when it was done.
    pub fn completed_all(&mut self, stage: StageId, spans: impl Iterator<Item = (u64, u64)>) {
        self.latency.record_all(stage, &self.phases, spans);
    }

    /// A sample of a group's lag: records below the high watermark and not processed, and the age of
    /// the oldest of them.
    pub fn lag(&mut self, group: u32, records: u64, age_ns: u64, at_ns: u64) {
        self.note(13, u64::from(group) << 48 | records, at_ns);
        self.lag.sample(group, self.phases.current(), records, age_ns, at_ns);
    }
}
