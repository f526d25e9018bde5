//! The metadata log of a controller: records, how far they are durable, and what waits for it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::io::{Context, Output, Token};
use crate::note::Note;
use crate::protocol::Response;
use crate::records::MetadataRecord;
use crate::types::Offset;

/// Bytes of a record on disk. An estimate: Kafka's partition records take 60 to 150.
const RECORD_BYTES: u64 = 100;

/// With one controller a record is committed as soon as it is durable.
#[derive(Debug, Default)]
pub(super) struct MetadataLog {
    records: Vec<MetadataRecord>,
    committed: u64,
    /// End of the flush that is under way.
    flushing: Option<u64>,
    /// Replies that wait until the log is committed up to an end, in order of it.
    replies: VecDeque<(u64, Token, Response)>,
    /// Notes about the record before an end, told when it is committed.
    notes: VecDeque<(u64, Note)>,
}

impl MetadataLog {
    pub(super) fn end(&self) -> u64 {
        self.records.len() as u64
    }

    pub(super) const fn committed(&self) -> u64 {
        self.committed
    }

    pub(super) fn records(&self) -> &[MetadataRecord] {
        &self.records
    }

    /// Committed records from an offset on, none if there is no such offset yet.
    pub(super) fn committed_from(&self, from: u64) -> &[MetadataRecord] {
        let committed = index(self.committed);
        &self.records[index(from).min(committed)..committed]
    }

    pub(super) fn push(&mut self, record: MetadataRecord, note: Option<Note>) {
        self.records.push(record);
        let end = self.end();
        self.notes.extend(note.map(|note| (end, note)));
    }

    /// Answers once all that the log holds now is committed: a reply may show what the
    /// latest records say, so it must not overtake them.
    pub(super) fn reply(&mut self, cx: &mut Context<'_>, token: Token, response: Response) {
        if self.end() == self.committed {
            cx.reply(token, response);
        } else {
            self.replies.push_back((self.end(), token, response));
        }
    }

    /// Asks for a flush of what is not durable, unless one is under way.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        let end = self.end();
        if self.flushing.is_some() || end == self.committed {
            return;
        }
        self.flushing = Some(end);
        cx.outputs.push(Output::Flush {
            partition: None,
            end: offset(end),
            bytes: (end - self.committed) * RECORD_BYTES,
        });
    }

    /// The log is durable up to `end`: commits, answers, tells. Returns whether that was news.
    pub(super) fn flushed(&mut self, cx: &mut Context<'_>, end: Offset) -> bool {
        let end = u64::try_from(end.0).unwrap_or(0).min(self.end());
        self.flushing = None;
        let news = end > self.committed;
        self.committed = self.committed.max(end);
        while self.notes.front().is_some_and(|(at, _)| *at <= self.committed) {
            cx.notes.extend(self.notes.pop_front().map(|(_, note)| note));
        }
        while self.replies.front().is_some_and(|(at, ..)| *at <= self.committed) {
            if let Some((_, token, response)) = self.replies.pop_front() {
                cx.reply(token, response);
            }
        }
        self.flush(cx);
        news
    }

    /// The process ended: what waited is gone, and so are records beyond `kept`.
    pub(super) fn stop(&mut self, kept: u64) {
        assert!(kept >= self.committed, "committed records are durable");
        self.records.truncate(index(kept));
        self.notes.retain(|(at, _)| *at <= kept);
        self.replies.clear();
        self.flushing = None;
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a log in memory has fewer than 2^64 records")
}

fn offset(n: u64) -> Offset {
    Offset(i64::try_from(n).expect("a log in memory has fewer than 2^63 records"))
}
