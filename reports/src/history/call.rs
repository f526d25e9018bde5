//! The calls of a recorder that a run makes, each told once: here it becomes a value for a tape,
//! the playing of that value, and the method of [`Recording`] that puts it down or makes the call.

use super::ids::{CallKind, LedgerId, TableId};
use super::phase::Phase;
use super::reader::{Isolation, Poll};
use super::recorder::Recorder;
use super::recording::Recording;
use super::send::{Acknowledged, Ids, Sent};
use super::topology::Session;
use super::transaction::Outcome;
use crate::metric::StageId;

/// `plain` calls have arguments, calls `of_ids` a row of ids before them, and `numbered` ones give
/// the next number of their kind.
macro_rules! calls {
    (
        plain { $($plain:ident: $vis:vis $tell:ident($($a:ident: $at:ty),*);)* }
        of_ids { $($rows:ident: $tell_rows:ident($($b:ident: $bt:ty),*);)* }
        numbered { $($new:ident: $give:ident($($c:ident: $ct:ty),*), $next:ident;)* }
    ) => {
        /// One call. Rows of ids and spans follow each other in the tape; a call says how many are
        /// its. Effects stand among the spans, an entity and a time each.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Call {
            $($plain { $($a: $at),* },)*
            $($rows { ids: u32, $($b: $bt),* },)*
            $($new { $($c: $ct),* },)*
            EffectsApplied { effects: u32, ledger: LedgerId },
            Completed { spans: u32, stage: StageId },
        }

        impl Recording {
            $(
                #[doc = concat!("[`Recorder::", stringify!($tell), "`].")]
                $vis fn $tell(&mut self, $($a: $at),*) {
                    let Some(away) = &mut self.away else { return self.here.$tell($($a),*) };
                    away.put(Call::$plain { $($a),* });
                }
            )*
            $(
                #[doc = concat!("[`Recorder::", stringify!($tell_rows), "`].")]
                pub fn $tell_rows(&mut self, ids: impl Ids, $($b: $bt),*) {
                    let Some(away) = &mut self.away else {
                        return self.here.$tell_rows(ids, $($b),*);
                    };
                    let ids = away.tape.ids(ids);
                    away.put(Call::$rows { ids, $($b),* });
                }
            )*
            $(
                #[doc = concat!("[`Recorder::", stringify!($give), "`].")]
                pub fn $give(&mut self, $($c: $ct),*) -> u32 {
                    let Some(away) = &mut self.away else { return self.here.$give($($c),*) };
                    away.put(Call::$new { $($c),* });
                    away.$next += 1;
                    away.$next - 1
                }
            )*
        }

        impl Call {
            /// Makes the call, with what it takes from the rows.
            pub(super) fn play(
                self,
                recorder: &mut Recorder,
                row: &mut &[u32],
                spans: &mut &[(u64, u64)],
            ) {
                match self {
                    $(Self::$plain { $($a),* } => recorder.$tell($($a),*),)*
                    $(Self::$rows { ids, $($b),* } => {
                        recorder.$tell_rows(next(row, ids), $($b),*);
                    })*
                    $(Self::$new { $($c),* } => {
                        recorder.$give($($c),*);
                    })*
                    Self::EffectsApplied { effects, ledger } => {
                        let effects = next(spans, effects).map(|(entity, at)| (entity as u32, at));
                        recorder.effects_applied(ledger, effects);
                    }
                    Self::Completed { spans: count, stage } => {
                        recorder.completed_all(stage, next(spans, count));
                    }
                }
            }
        }
    };
}

calls! {
    plain {
        Phase: pub phase(phase: Phase, at_ns: u64);
        TransactionEnded: pub(super) end_transaction(transaction: u32, outcome: Outcome, at_ns: u64);
        CallsStarted: pub calls_started(kind: CallKind, count: u64);
        CallsEnded: pub calls_ended(kind: CallKind, count: u64);
        Assigned: pub assigned(consumer: u32, partition: u32, start: i64, at_ns: u64);
        Revoked: pub revoked(consumer: u32, partition: u32, at_ns: u64);
        PositionReset: pub position_reset(consumer: u32, partition: u32, offset: i64, at_ns: u64);
        CommittedOffset: pub committed_offset(group: u32, partition: u32, offset: i64, at_ns: u64);
        Intended: pub record_intended(count: u64);
        EffectsAttempted: pub effects_attempted(ledger: LedgerId, count: u64);
        Lag: pub lag(group: u32, records: u64, age_ns: u64, at_ns: u64);
    }
    of_ids {
        SentOnce: sent_once(sent: Sent);
        Acknowledged: acknowledged(answer: Acknowledged);
        Renumbered: renumbered();
        Failed: failed(why: &'static str, at_ns: u64);
        Unknown: unknown(why: &'static str, at_ns: u64);
        Polled: polled(poll: Poll);
        RowsCommitted: rows_committed(table: TableId, at_ns: u64);
    }
    numbered {
        Consumer: consumer(instance: u32, group: u32, isolation: Isolation), next_consumer;
        Session: session(session: Session), next_session;
        TransactionBegun: transaction_begun(session: u32, at_ns: u64), next_transaction;
    }
}

impl Recording {
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

    /// [`Recorder::transaction_committed`].
    pub fn transaction_committed(&mut self, transaction: u32, at_ns: u64) {
        self.end_transaction(transaction, Outcome::Committed, at_ns);
    }

    /// [`Recorder::transaction_aborted`].
    pub fn transaction_aborted(&mut self, transaction: u32, at_ns: u64) {
        self.end_transaction(transaction, Outcome::Aborted, at_ns);
    }

    /// [`Recorder::transaction_unknown`].
    pub fn transaction_unknown(&mut self, transaction: u32, at_ns: u64) {
        self.end_transaction(transaction, Outcome::Unknown, at_ns);
    }
}

/// The next so many of a row.
fn next<'a, T: Copy>(row: &mut &'a [T], count: u32) -> std::iter::Copied<std::slice::Iter<'a, T>> {
    let (first, rest) = row.split_at(count as usize);
    *row = rest;
    first.iter().copied()
}
