//! Calls of a recorder, put down to be made later: in the same order they do the same.

use super::call::Call;
use super::recorder::Recorder;
use super::send::Ids;

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
            call.play(recorder, &mut ids, &mut spans);
        }
        self.calls.clear();
        self.ids.clear();
        self.spans.clear();
    }
}
