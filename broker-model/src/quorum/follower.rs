//! The follower: fetches, cuts what the leader does not have, and learns what is committed.

use alloc::boxed::Box;
use alloc::string::ToString;

use super::Quorum;
use super::download::Download;
use super::role::Role;
use crate::io::{Context, Output};
use crate::protocol::ErrorCode;
use crate::protocol::quorum::FetchQuorumResponse;
use crate::rules::RaftGuardHw;
use crate::types::LeaderEpoch;

impl Quorum {
    /// The leader's answer to a fetch, or that of one that does not lead.
    pub(super) fn fetch_answered(
        &mut self,
        cx: &mut Context<'_>,
        voter: usize,
        r: FetchQuorumResponse,
    ) {
        if r.error != ErrorCode::None {
            self.pause(cx, voter);
            self.probe += 1;
        }
        let epoch = r.known.epoch;
        let fresh = self.learn(cx, r.known);
        let until = cx.now.instant + self.config.fetch_timeout;
        match &mut self.role {
            Role::Follower { leader, until: wait, has_fetched, .. }
                if !fresh && *leader == voter && r.error == ErrorCode::None =>
            {
                *wait = until;
                *has_fetched = true;
            }
            _ => return,
        }
        if epoch != self.epoch() {
            return;
        }
        if let Some(end) = r.diverging {
            return self.cut(cx, *end);
        }
        if let (Some(snapshot), Role::Follower { download, .. }) = (r.snapshot, &mut self.role) {
            *download = Some(Box::new(Download::new(*snapshot)));
            return;
        }
        if r.from != self.log.end() {
            return;
        }
        for (epoch, record) in r.records {
            self.log.append(epoch, record);
        }
        if self.log.commit(r.high_watermark) {
            self.note_high_watermark(cx, epoch, false);
        }
    }

    /// The leader's log parts from this one: it has `leader.0` as its largest epoch up to the
    /// last one here, and that ends at `leader.1`. Source: KIP-595.
    fn cut(&mut self, cx: &mut Context<'_>, leader: (LeaderEpoch, u64)) {
        let end = self.log.end_of(leader.0).1.min(leader.1);
        let committed = self.log.high_watermark();
        if end < committed && cx.rules.raft_guard_hw == RaftGuardHw::On {
            // Kafka ends the process rather than lose what was committed (KAFKA-12460).
            let reason = "truncation of the metadata log below its high watermark".to_string();
            cx.outputs.push(Output::Halt { reason, at_once: true });
            return;
        }
        self.log.truncate(end);
        if let Some(flushing) = &mut self.flushing {
            flushing.void = true;
        }
    }
}
