//! Snapshots on their way: who is told to begin with one, the leader's pieces, and what the
//! follower makes of them. Source: KIP-630; Kafka, `KafkaRaftClient`.

use alloc::boxed::Box;

use super::Quorum;
use super::role::Role;
use crate::io::{Context, Token};
use crate::note::Note;
use crate::protocol::quorum::{FetchSnapshotRequest, FetchSnapshotResponse, SnapshotId};
use crate::protocol::{ErrorCode, Response};
use crate::records::MetadataSnapshot;
use crate::types::LeaderEpoch;

impl Quorum {
    /// The snapshot that a replica has to begin with whose log ends at `from`, with a last record
    /// of this epoch: one without a log, one that wants what was deleted, and one that has nothing
    /// of the epoch of the oldest snapshot. For who has committed records only there is no epoch.
    /// Source: Kafka, `ReplicatedLog.validateOffsetAndEpoch`; KAFKA-15078.
    #[must_use]
    pub fn snapshot_for(&self, from: u64, last_epoch: Option<LeaderEpoch>) -> Option<SnapshotId> {
        let oldest = self.snapshots.oldest()?.epoch;
        let start = self.log.start();
        let parts =
            |last: LeaderEpoch| last < oldest || (from == start && from > 0 && last != oldest);
        let begins = from == 0 || from < start || last_epoch.is_some_and(parts);
        begins.then(|| self.snapshots.latest().map(SnapshotId::of)).flatten()
    }

    /// A replica asks for a piece of a snapshot.
    pub(super) fn snapshot_asked(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        r: &FetchSnapshotRequest,
    ) {
        let known = self.known();
        let piece = match self.check_leader(r.epoch) {
            ErrorCode::None => match self.snapshots.find(r.snapshot) {
                Some(snapshot) => super::snapshots::piece(snapshot, r.position, r.max_bytes)
                    .ok_or(ErrorCode::PositionOutOfRange),
                None => Err(ErrorCode::SnapshotNotFound),
            },
            error => Err(error),
        };
        let (error, piece) = match piece {
            Ok(piece) => (ErrorCode::None, Some(Box::new(piece))),
            Err(error) => (error, None),
        };
        if error == ErrorCode::None {
            let replica = r.replica.as_ref();
            let voter = replica.and_then(|key| self.voter_of(key, cx.rules));
            self.heard_of(cx, voter, 0);
        }
        let response = Response::FetchSnapshot(FetchSnapshotResponse { error, known, piece });
        self.say(cx, Some((token, response)), None);
    }

    /// The leader's answer, or that of one that does not lead. A download that is interrupted goes
    /// on where it stood, as long as the leader stays.
    pub(super) fn snapshot_answered(
        &mut self,
        cx: &mut Context<'_>,
        voter: usize,
        epoch: LeaderEpoch,
        r: FetchSnapshotResponse,
    ) {
        let gone = r.error == ErrorCode::SnapshotNotFound;
        let failed = r.error != ErrorCode::None && !gone;
        if failed {
            self.pause(cx, voter);
            self.probe += 1;
        }
        let fresh = self.learn(cx, r.known);
        if fresh || failed || epoch != self.epoch() {
            return;
        }
        let again = cx.now.instant + self.config.fetch_timeout;
        let Role::Follower { leader, until, has_fetched, download } = &mut self.role else {
            return;
        };
        if *leader != voter {
            return;
        }
        (*until, *has_fetched) = (again, true);
        if gone {
            // The leader has deleted it: the next fetch tells what to begin with.
            *download = None;
        }
        let whole = r.piece.and_then(|piece| download.as_mut()?.take(*piece));
        if let Some(snapshot) = whole {
            *download = None;
            self.install(cx, snapshot);
        }
    }

    /// A snapshot has come whole: it takes the place of the whole log.
    fn install(&mut self, cx: &mut Context<'_>, snapshot: MetadataSnapshot) {
        let (end, epoch) = (snapshot.end, snapshot.epoch);
        if end <= self.log.high_watermark() {
            return;
        }
        self.log.begin_at(end, epoch);
        if let Some(flushing) = &mut self.flushing {
            flushing.void = true;
        }
        self.snapshots.replace(cx.now.instant, snapshot);
        let node = self.key.node;
        cx.note(Note::MetadataSnapshotLoaded { node, end });
        let epoch = self.epoch();
        self.note_high_watermark(cx, epoch, false);
    }
}
