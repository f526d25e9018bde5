//! A recorder as a run uses it: at hand, or in a thread of its own while the load flows.

use super::away::Away;
use super::phase::Phase;
use super::reader::{Isolation, Poll};
use super::recorder::Recorder;
use super::send::{Acknowledged, Ids, Sent};
use super::tape::Call;
use super::topology::Session;
use super::transaction::Outcome;
use crate::checker::{CallKind, LedgerId};
use crate::metric::StageId;

/// Where a run's [`Recorder`] is. Its calls mean the same wherever that is.
///
/// Away it costs a run less time and a machine more of it: for a single large run.
#[derive(Debug)]
pub struct Recording {
    /// Nothing is recorded here while it is away.
    here: Recorder,
    away: Option<Box<Away>>,
}

impl Recording {
    /// With the recorder at hand.
    #[must_use]
    pub const fn new(recorder: Recorder) -> Self {
        Self { here: recorder, away: None }
    }

    /// From now on another thread records, until [`Self::come_home`]. What is declared is declared
    /// before.
    pub fn go_away(&mut self) {
        if self.away.is_none() {
            self.away = Some(Box::new(Away::start(std::mem::take(&mut self.here))));
        }
    }

    /// Waits until everything is recorded, and gives the recorder.
    pub fn come_home(&mut self) -> &mut Recorder {
        if let Some(away) = self.away.take() {
            self.here = away.finish();
        }
        &mut self.here
    }

    /// The recorder.
    ///
    /// # Panics
    /// When it is away: a bug of the caller, who did not wait until the run was over.
    #[must_use]
    pub const fn recorder(&self) -> &Recorder {
        assert!(self.away.is_none(), "a recorder that is away cannot be asked");
        &self.here
    }

    /// [`Recorder::consumer`].
    pub fn consumer(&mut self, instance: u32, group: u32, isolation: Isolation) -> u32 {
        let Some(away) = &mut self.away else {
            return self.here.consumer(instance, group, isolation);
        };
        away.put(Call::Consumer { instance, group, isolation });
        away.next_consumer += 1;
        away.next_consumer - 1
    }

    /// [`Recorder::session`].
    pub fn session(&mut self, session: Session) -> u32 {
        let Some(away) = &mut self.away else { return self.here.session(session) };
        away.put(Call::Session(session));
        away.next_session += 1;
        away.next_session - 1
    }

    /// [`Recorder::phase`].
    pub fn phase(&mut self, phase: Phase, at_ns: u64) {
        let Some(away) = &mut self.away else { return self.here.phase(phase, at_ns) };
        away.put(Call::Phase { phase, at_ns });
    }

    /// [`Recorder::sent_once`].
    pub fn sent_once(&mut self, ids: impl Ids, sent: Sent) {
        let Some(away) = &mut self.away else { return self.here.sent_once(ids, sent) };
        let ids = away.tape.ids(ids);
        away.put(Call::SentOnce { ids, sent });
    }

    /// [`Recorder::acknowledged`].
    pub fn acknowledged(&mut self, ids: impl Ids, answer: Acknowledged) {
        let Some(away) = &mut self.away else { return self.here.acknowledged(ids, answer) };
        let ids = away.tape.ids(ids);
        away.put(Call::Acknowledged { ids, answer });
    }

    /// [`Recorder::renumbered`].
    pub fn renumbered(&mut self, ids: impl Ids) {
        let Some(away) = &mut self.away else { return self.here.renumbered(ids) };
        let ids = away.tape.ids(ids);
        away.put(Call::Renumbered { ids });
    }

    /// [`Recorder::failed`].
    pub fn failed(&mut self, ids: impl Ids, at_ns: u64) {
        let Some(away) = &mut self.away else { return self.here.failed(ids, at_ns) };
        let ids = away.tape.ids(ids);
        away.put(Call::Failed { ids, at_ns });
    }

    /// [`Recorder::unknown`].
    pub fn unknown(&mut self, ids: impl Ids, at_ns: u64) {
        let Some(away) = &mut self.away else { return self.here.unknown(ids, at_ns) };
        let ids = away.tape.ids(ids);
        away.put(Call::Unknown { ids, at_ns });
    }

    /// [`Recorder::transaction_begun`].
    pub fn transaction_begun(&mut self, session: u32, at_ns: u64) -> u32 {
        let Some(away) = &mut self.away else { return self.here.transaction_begun(session, at_ns) };
        away.put(Call::TransactionBegun { session, at_ns });
        away.next_transaction += 1;
        away.next_transaction - 1
    }

    /// [`Recorder::transaction_committed`].
    pub fn transaction_committed(&mut self, transaction: u32, at_ns: u64) {
        self.transaction_ended(transaction, Outcome::Committed, at_ns);
    }

    /// [`Recorder::transaction_aborted`].
    pub fn transaction_aborted(&mut self, transaction: u32, at_ns: u64) {
        self.transaction_ended(transaction, Outcome::Aborted, at_ns);
    }

    /// [`Recorder::transaction_unknown`].
    pub fn transaction_unknown(&mut self, transaction: u32, at_ns: u64) {
        self.transaction_ended(transaction, Outcome::Unknown, at_ns);
    }

    fn transaction_ended(&mut self, transaction: u32, outcome: Outcome, at_ns: u64) {
        let Some(away) = &mut self.away else {
            return self.here.end_transaction(transaction, outcome, at_ns);
        };
        away.put(Call::TransactionEnded { transaction, outcome, at_ns });
    }

    /// [`Recorder::calls_started`].
    pub fn calls_started(&mut self, kind: CallKind, count: u64) {
        let Some(away) = &mut self.away else { return self.here.calls_started(kind, count) };
        away.put(Call::CallsStarted { kind, count });
    }

    /// [`Recorder::calls_ended`].
    pub fn calls_ended(&mut self, kind: CallKind, count: u64) {
        let Some(away) = &mut self.away else { return self.here.calls_ended(kind, count) };
        away.put(Call::CallsEnded { kind, count });
    }

    /// [`Recorder::assigned`].
    pub fn assigned(&mut self, consumer: u32, partition: u32, start: i64, at_ns: u64) {
        let Some(away) = &mut self.away else {
            return self.here.assigned(consumer, partition, start, at_ns);
        };
        away.put(Call::Assigned { consumer, partition, start, at_ns });
    }

    /// [`Recorder::revoked`].
    pub fn revoked(&mut self, consumer: u32, partition: u32, at_ns: u64) {
        let Some(away) = &mut self.away else {
            return self.here.revoked(consumer, partition, at_ns);
        };
        away.put(Call::Revoked { consumer, partition, at_ns });
    }

    /// [`Recorder::position_reset`].
    pub fn position_reset(&mut self, consumer: u32, partition: u32, offset: i64, at_ns: u64) {
        let Some(away) = &mut self.away else {
            return self.here.position_reset(consumer, partition, offset, at_ns);
        };
        away.put(Call::PositionReset { consumer, partition, offset, at_ns });
    }

    /// [`Recorder::committed_offset`].
    pub fn committed_offset(&mut self, group: u32, partition: u32, offset: i64, at_ns: u64) {
        let Some(away) = &mut self.away else {
            return self.here.committed_offset(group, partition, offset, at_ns);
        };
        away.put(Call::CommittedOffset { group, partition, offset, at_ns });
    }

    /// [`Recorder::polled`].
    pub fn polled(&mut self, ids: impl Ids, poll: Poll) {
        let Some(away) = &mut self.away else { return self.here.polled(ids, poll) };
        let ids = away.tape.ids(ids);
        away.put(Call::Polled { ids, poll });
    }

    /// [`Recorder::record_intended`].
    pub fn record_intended(&mut self, count: u64) {
        let Some(away) = &mut self.away else { return self.here.record_intended(count) };
        away.put(Call::Intended { count });
    }

    /// [`Recorder::effects_attempted`].
    pub fn effects_attempted(&mut self, ledger: LedgerId, count: u64) {
        let Some(away) = &mut self.away else { return self.here.effects_attempted(ledger, count) };
        away.put(Call::EffectsAttempted { ledger, count });
    }

    /// [`Recorder::effects_applied`].
    pub fn effects_applied(&mut self, ledger: LedgerId, effects: impl Iterator<Item = (u32, u64)>) {
        let Some(away) = &mut self.away else { return self.here.effects_applied(ledger, effects) };
        let effects = away.tape.spans(effects.map(|(entity, at_ns)| (u64::from(entity), at_ns)));
        away.put(Call::EffectsApplied { effects, ledger });
    }

    /// [`Recorder::completed_all`].
    pub fn completed_all(&mut self, stage: StageId, spans: impl Iterator<Item = (u64, u64)>) {
        let Some(away) = &mut self.away else { return self.here.completed_all(stage, spans) };
        let spans = away.tape.spans(spans);
        away.put(Call::Completed { spans, stage });
    }

    /// [`Recorder::lag`].
    pub fn lag(&mut self, group: u32, records: u64, age_ns: u64, at_ns: u64) {
        let Some(away) = &mut self.away else {
            return self.here.lag(group, records, age_ns, at_ns);
        };
        away.put(Call::Lag { group, records, age_ns, at_ns });
    }
}

#[cfg(test)]
mod tests;
