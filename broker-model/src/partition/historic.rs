//! How leaders judged their followers once, for rules other than today's.

use super::leader::RemoteReplica;
use crate::types::Offset;

/// Before KIP-497 was guarded: only who is in the ISR that the leader knows to be committed
/// holds the high watermark back. Somebody whom the controller has let in already, and whose
/// joining the leader has not heard of, does not.
pub(super) fn counts_when_committed(remote: &RemoteReplica) -> bool {
    remote.in_isr()
}

/// Before KAFKA-7128: a follower may join once it reaches the leader's high watermark. That of
/// a new leader is the one it had as a follower, below what its predecessor committed.
pub(super) fn may_join_at_high_watermark(follower_end: Offset, high_watermark: Offset) -> bool {
    follower_end >= high_watermark
}
