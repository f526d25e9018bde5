//! A broker that is behind the beginning of the metadata log: it fetches a snapshot, piece by
//! piece, and goes on behind it. Source: KIP-630.

use alloc::boxed::Box;

use super::Broker;
use super::calls::{Call, RETRY};
use crate::io::{Context, Disconnected};
use crate::protocol::quorum::{FetchSnapshotResponse, SnapshotId};
use crate::protocol::{ErrorCode, Request};
use crate::quorum::Download;
use crate::types::{LeaderEpoch, NodeId};

/// A snapshot on its way to a broker.
#[derive(Clone, Debug)]
pub(super) struct Loading {
    download: Download,
    /// The epoch of the quorum in which it was begun.
    epoch: LeaderEpoch,
}

impl Broker {
    /// A controller named the snapshot to begin with. What is not ahead of this broker says only
    /// that it read again what is deleted by now.
    pub(super) fn begin_snapshot(
        &mut self,
        cx: &mut Context<'_>,
        controller: NodeId,
        (snapshot, epoch): (SnapshotId, LeaderEpoch),
    ) {
        if snapshot.end <= self.metadata_offset {
            return self.fetch_metadata(cx);
        }
        let loading = Loading { download: Download::new(snapshot), epoch };
        self.life.loading = Some(Box::new(loading));
        self.fetch_snapshot(cx, controller);
    }

    fn fetch_snapshot(&mut self, cx: &mut Context<'_>, controller: NodeId) {
        let Some(loading) = &self.life.loading else { return };
        let most = self.config.snapshot_piece_max();
        let request = loading.download.request(None, loading.epoch, most);
        self.calls.send(cx, controller, Call::FetchSnapshot, Request::FetchSnapshot(request));
    }

    /// A piece came, or will not come: then the next fetch tells what to begin with.
    pub(super) fn snapshot_fetched(
        &mut self,
        cx: &mut Context<'_>,
        from: NodeId,
        result: Result<FetchSnapshotResponse, Disconnected>,
    ) {
        match result {
            Ok(answer) if answer.error == ErrorCode::None => {
                let loading = self.life.loading.as_mut();
                let whole = answer.piece.zip(loading).and_then(|(p, l)| l.download.take(*p));
                let Some(snapshot) = whole else { return self.fetch_snapshot(cx, from) };
                self.life.loading = None;
                self.load_metadata(cx, &snapshot);
                self.end_fence_early(cx);
                self.fetch_metadata(cx);
            }
            Ok(answer) if answer.error == ErrorCode::SnapshotNotFound => {
                self.life.loading = None;
                self.fetch_metadata(cx);
            }
            Ok(answer) => {
                self.life.loading = None;
                self.metadata_refused(cx, from, Some(answer.known));
            }
            Err(Disconnected) => {
                self.life.loading = None;
                self.life.leave(from);
                self.fetch_metadata_at(cx.now.instant + RETRY);
            }
        }
    }
}
