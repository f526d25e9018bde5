//! Replies and notes that wait until the metadata log is committed up to what they say.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::io::{Context, Token};
use crate::note::Note;
use crate::protocol::refusal::refusal;
use crate::protocol::{ErrorCode, Response};

/// What an active controller has decided and not yet said.
#[derive(Debug, Default)]
pub(super) struct Purgatory {
    /// In order of the end they wait for.
    replies: VecDeque<(u64, Token, Response)>,
    /// Notes about the record at an offset.
    notes: VecDeque<(u64, Note)>,
}

impl Purgatory {
    /// Answers once the log is committed up to `end`, all that it holds now: a reply may show
    /// what the latest records say, so it must not overtake them.
    pub(super) fn reply(
        &mut self,
        cx: &mut Context<'_>,
        (token, response): (Token, Response),
        (end, committed): (u64, u64),
    ) {
        if end == committed {
            cx.reply(token, response);
        } else {
            self.replies.push_back((end, token, response));
        }
    }

    /// Tells about the record at `offset` once it is committed.
    pub(super) fn tell(&mut self, offset: u64, note: Option<Note>) {
        self.notes.extend(note.map(|note| (offset, note)));
    }

    /// The log is committed up to an end: says what waited for that.
    pub(super) fn committed(
        &mut self,
        cx: &mut Context<'_>,
        committed: u64,
        news: &mut Vec<(u64, Note)>,
    ) {
        while self.notes.front().is_some_and(|(at, _)| *at < committed) {
            news.extend(self.notes.pop_front());
        }
        while self.replies.front().is_some_and(|(at, ..)| *at <= committed) {
            if let Some((_, token, response)) = self.replies.pop_front() {
                cx.reply(token, response);
            }
        }
    }

    /// It leads no more: what was not committed was perhaps never decided.
    pub(super) fn renounce(&mut self, cx: &mut Context<'_>) {
        self.notes.clear();
        for (_, token, response) in self.replies.drain(..) {
            let refused = refusal(response.api_key(), ErrorCode::NotController);
            cx.reply(token, refused.expect("only requests to a controller wait here"));
        }
    }

    /// The process ends.
    pub(super) fn clear(&mut self) {
        self.replies.clear();
        self.notes.clear();
    }
}
