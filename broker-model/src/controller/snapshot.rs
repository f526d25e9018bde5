//! Snapshots of what a controller knows to be committed. Source: KIP-630; Kafka,
//! `SnapshotGenerator`.

use super::Controller;
use crate::io::Context;
use crate::metadata::Image;
use crate::note::Note;
use crate::types::Instant;

impl Controller {
    /// The state that its latest snapshot has, or that before the first record.
    pub(super) fn load_snapshot(&mut self, cx: &mut Context<'_>) {
        self.image = match self.quorum.snapshot() {
            Some(snapshot) => {
                let (node, end) = (self.node, snapshot.end);
                cx.note(Note::MetadataSnapshotLoaded { node, end });
                Image::of_snapshot(snapshot)
            }
            None => Image::new(),
        };
    }

    /// When the next snapshot is due whatever is in it.
    pub(super) fn next_snapshot(&self, now: Instant) -> Instant {
        self.config.snapshot_interval.map_or(Instant::FAR, |interval| now + interval)
    }

    /// Takes a snapshot when enough has been committed since the last one. An active controller
    /// that has decided more than is committed waits until it is.
    pub(super) fn maybe_snapshot(&mut self, cx: &mut Context<'_>) {
        if self.quorum.bytes_since_snapshot() >= self.config.snapshot_bytes {
            self.snapshot(cx);
        }
    }

    pub(super) fn snapshot_tick(&mut self, cx: &mut Context<'_>) {
        if self.timers.snapshot <= cx.now.instant {
            if self.quorum.bytes_since_snapshot() > 0 {
                self.snapshot(cx);
            }
            self.timers.snapshot = self.next_snapshot(cx.now.instant);
        }
    }

    fn snapshot(&mut self, cx: &mut Context<'_>) {
        if self.image.end() == self.quorum.committed() {
            self.quorum.take_snapshot(cx, self.image.to_records());
            self.timers.snapshot = self.next_snapshot(cx.now.instant);
        }
    }
}
