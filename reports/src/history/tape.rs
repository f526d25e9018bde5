//! Calls of a recorder, put down to be made later: in the same order they do the same.

use super::phase::Phase;
use super::reader::{Isolation, Poll};
use super::recorder::Recorder;
use super::send::{Acknowledged, Ids, Sent};
use super::topology::Session;
use super::transaction::Outcome;
use crate::checker::{CallKind, LedgerId};
use crate::metric::StageId;

/// One call. Rows of ids and spans follow each other in the tape; a call says how many are its.
/// Effects stand among the spans, an entity and a time each.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Consumer { instance: u32, group: u32, isolation: Isolation },
    Session(Session),
    Phase { phase: Phase, at_ns: u64 },
    SentOnce { ids: u32, sent: Sent },
    Acknowledged { ids: u32, answer: Acknowledged },
    Renumbered { ids: u32 },
    Failed { ids: u32, at_ns: u64 },
    Unknown { ids: u32, at_ns: u64 },
    TransactionBegun { session: u32, at_ns: u64 },
    TransactionEnded { transaction: u32, outcome: Outcome, at_ns: u64 },
    CallsStarted { kind: CallKind, count: u64 },
    CallsEnded { kind: CallKind, count: u64 },
    Assigned { consumer: u32, partition: u32, start: i64, at_ns: u64 },
    Revoked { consumer: u32, partition: u32, at_ns: u64 },
    PositionReset { consumer: u32, partition: u32, offset: i64, at_ns: u64 },
    CommittedOffset { group: u32, partition: u32, offset: i64, at_ns: u64 },
    Polled { ids: u32, poll: Poll },
    Intended { count: u64 },
    EffectsAttempted { ledger: LedgerId, count: u64 },
    EffectsApplied { effects: u32, ledger: LedgerId },
    Completed { spans: u32, stage: StageId },
    Lag { group: u32, records: u64, age_ns: u64, at_ns: u64 },
}

/// As much of a tape as is worth a handover: some tens of KiB of each row.
const CALLS_MAX: usize = 1 << 10;
const IDS_MAX: usize = 1 << 14;
const SPANS_MAX: usize = 1 << 12;

/// A stretch of calls with their ids and spans.
#[derive(Debug, Default)]
pub(super) struct Tape {
    calls: Vec<Call>,
    ids: Vec<u32>,
    spans: Vec<(u64, u64)>,
}

impl Tape {
    pub(super) fn put(&mut self, call: Call) {
        self.calls.push(call);
    }

    /// Puts down a row of ids; gives how many they are.
    pub(super) fn ids(&mut self, ids: impl Ids) -> u32 {
        let count = u32::try_from(ids.len()).expect("a batch has fewer than 2^32 records");
        self.ids.extend(ids);
        count
    }

    /// Puts down spans; gives how many they are.
    pub(super) fn spans(&mut self, spans: impl Iterator<Item = (u64, u64)>) -> u32 {
        let before = self.spans.len();
        self.spans.extend(spans);
        u32::try_from(self.spans.len() - before).expect("a slice has fewer than 2^32 records")
    }

    pub(super) fn is_full(&self) -> bool {
        self.calls.len() >= CALLS_MAX || self.ids.len() >= IDS_MAX || self.spans.len() >= SPANS_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Makes the calls, in order, and leaves the tape empty.
    pub(super) fn play(&mut self, recorder: &mut Recorder) {
        let (mut ids, mut spans) = (&self.ids[..], &self.spans[..]);
        for &call in &self.calls {
            play(recorder, call, &mut ids, &mut spans);
        }
        self.calls.clear();
        self.ids.clear();
        self.spans.clear();
    }
}

/// The next so many of a row.
fn next<'a, T: Copy>(row: &mut &'a [T], count: u32) -> std::iter::Copied<std::slice::Iter<'a, T>> {
    let (first, rest) = row.split_at(count as usize);
    *row = rest;
    first.iter().copied()
}

fn play(recorder: &mut Recorder, call: Call, row: &mut &[u32], spans: &mut &[(u64, u64)]) {
    match call {
        Call::Consumer { instance, group, isolation } => {
            recorder.consumer(instance, group, isolation);
        }
        Call::Session(session) => {
            recorder.session(session);
        }
        Call::Phase { phase, at_ns } => recorder.phase(phase, at_ns),
        Call::SentOnce { ids, sent } => recorder.sent_once(next(row, ids), sent),
        Call::Acknowledged { ids, answer } => recorder.acknowledged(next(row, ids), answer),
        Call::Renumbered { ids } => recorder.renumbered(next(row, ids)),
        Call::Failed { ids, at_ns } => recorder.failed(next(row, ids), at_ns),
        Call::Unknown { ids, at_ns } => recorder.unknown(next(row, ids), at_ns),
        Call::TransactionBegun { session, at_ns } => {
            recorder.transaction_begun(session, at_ns);
        }
        Call::TransactionEnded { transaction, outcome, at_ns } => {
            recorder.end_transaction(transaction, outcome, at_ns);
        }
        Call::CallsStarted { kind, count } => recorder.calls_started(kind, count),
        Call::CallsEnded { kind, count } => recorder.calls_ended(kind, count),
        Call::Assigned { consumer, partition, start, at_ns } => {
            recorder.assigned(consumer, partition, start, at_ns);
        }
        Call::Revoked { consumer, partition, at_ns } => {
            recorder.revoked(consumer, partition, at_ns);
        }
        Call::PositionReset { consumer, partition, offset, at_ns } => {
            recorder.position_reset(consumer, partition, offset, at_ns);
        }
        Call::CommittedOffset { group, partition, offset, at_ns } => {
            recorder.committed_offset(group, partition, offset, at_ns);
        }
        Call::Polled { ids, poll } => recorder.polled(next(row, ids), poll),
        Call::Intended { count } => recorder.record_intended(count),
        Call::EffectsAttempted { ledger, count } => recorder.effects_attempted(ledger, count),
        Call::EffectsApplied { effects, ledger } => {
            let effects = next(spans, effects);
            recorder.effects_applied(ledger, effects.map(|(entity, at_ns)| (entity as u32, at_ns)));
        }
        Call::Completed { spans: count, stage } => {
            recorder.completed_all(stage, next(spans, count));
        }
        Call::Lag { group, records, age_ns, at_ns } => {
            recorder.lag(group, records, age_ns, at_ns);
        }
    }
}
