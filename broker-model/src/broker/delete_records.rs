//! `DeleteRecords`: the leader moves its log start offset and waits until every replica has.

use alloc::vec::Vec;

use super::Broker;
use crate::io::{Context, Token};
use crate::protocol::produce::{DeleteRecordsRequest, DeleteRecordsResponse};
use crate::protocol::{ErrorCode, Response};
use crate::types::{Instant, Offset, PartitionId};

#[derive(Clone, Copy, Debug)]
struct Waiting {
    token: Token,
    partition: PartitionId,
    before: Offset,
    deadline: Instant,
}

/// Deletions that wait for followers: rare, so a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Deletes {
    waiting: Vec<Waiting>,
}

impl Deletes {
    pub(super) fn next_deadline(&self) -> Instant {
        self.waiting.iter().map(|w| w.deadline).min().unwrap_or(Instant::FAR)
    }

    pub(super) const fn any(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    fn take(&mut self, done: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let (out, stay) = core::mem::take(&mut self.waiting).into_iter().partition(done);
        self.waiting = stay;
        out
    }
}

fn answer(cx: &mut Context<'_>, token: Token, error: ErrorCode, low_watermark: Offset) {
    cx.reply(token, Response::DeleteRecords(DeleteRecordsResponse { error, low_watermark }));
}

impl Broker {
    pub(super) fn delete_records(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: DeleteRecordsRequest,
    ) {
        let DeleteRecordsRequest { partition, before, timeout } = request;
        if self.is_internal(partition) {
            return answer(cx, token, ErrorCode::InvalidTopicException, Offset::NONE);
        }
        let not_leading = self.not_leading(partition);
        let leading = self.replicas.get_mut(partition).filter(|r| r.leader().is_some());
        let Some(replica) = leading else {
            return answer(cx, token, not_leading, Offset::NONE);
        };
        if !replica.log().config().cleanup_policy.delete {
            return answer(cx, token, ErrorCode::PolicyViolation, Offset::NONE);
        }
        let start = replica.log().log_start_offset();
        let wanted = if before == Offset::NONE { replica.high_watermark() } else { before };
        let Some(moved_to) = replica.delete_records(before) else {
            return answer(cx, token, ErrorCode::OffsetOutOfRange, Offset::NONE);
        };
        let low_watermark = replica.low_watermark();
        if moved_to > start {
            self.log_start_moved(cx, partition);
        }
        if low_watermark >= wanted {
            return answer(cx, token, ErrorCode::None, low_watermark);
        }
        let deadline = cx.now.instant + timeout;
        self.deletes.waiting.push(Waiting { token, partition, before: wanted, deadline });
    }

    /// A follower told its log start offset.
    pub(super) fn low_watermark_moved(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        if self.deletes.waiting.is_empty() {
            return;
        }
        let Some(replica) = self.replicas.get(partition) else { return };
        let low = replica.low_watermark();
        for done in self.deletes.take(|w| w.partition == partition && w.before <= low) {
            answer(cx, done.token, ErrorCode::None, low);
        }
    }

    /// This broker leads a partition no longer: deletions that wait there fail.
    pub(super) fn fail_deletes(&mut self, cx: &mut Context<'_>, partition: PartitionId) {
        for lost in self.deletes.take(|w| w.partition == partition) {
            answer(cx, lost.token, ErrorCode::NotLeaderOrFollower, Offset::NONE);
        }
    }

    pub(super) fn delete_tick(&mut self, cx: &mut Context<'_>) {
        if self.deletes.waiting.is_empty() {
            return;
        }
        for late in self.deletes.take(|w| w.deadline <= cx.now.instant) {
            answer(cx, late.token, ErrorCode::RequestTimedOut, Offset::NONE);
        }
    }
}
