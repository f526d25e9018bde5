//! The expiry of offsets, and of groups that have none left.
//! Source: Kafka 4.1, `OffsetMetadataManager.cleanupExpiredOffsets`.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::classic_group::GroupState;
use super::commit::milliseconds;
use super::consumer_group;
use super::desk::{Desk, Then, Timer};
use super::groups::{Group, Groups};
use crate::metadata::Image;
use crate::records::{GroupRecord, OffsetRecord};
use crate::rules::{ExpireWhenUnstable, OffsetExpiry, Rules};
use crate::types::{GroupId, Timestamp};

impl Desk<'_, '_> {
    /// Looks for expired offsets; groups without offsets and members go too. `image` tells to
    /// which topics they belong.
    pub(super) fn expire_offsets(&mut self, groups: &mut Groups, image: &Image) {
        let retention = milliseconds(self.settings.offsets_retention);
        let now = self.cx.now.wall;
        // What is on its way to a group may be newer than what would expire: not this time.
        let of = |record: &GroupRecord| match record {
            GroupRecord::Offset { group, .. } => Some(*group),
            _ => None,
        };
        let busy: BTreeSet<GroupId> = self.unreplicated().filter_map(of).collect();
        let mut records = Vec::new();
        let mut gone = Vec::new();
        for (&id, group) in groups.iter().filter(|(id, _)| !busy.contains(id)) {
            let Some(basis) = Basis::of(self.cx.rules, group) else { continue };
            let offsets = group.offsets();
            let mut left = 0_usize;
            for (&partition, committed) in &offsets.committed {
                let record = &committed.record;
                let expired = match record.expire_timestamp {
                    Some(expires) => now >= expires,
                    None => now.0.saturating_sub(basis.from(record).0) >= retention,
                };
                let topic = image.partition(partition).map(|p| p.topic);
                let used = basis != Basis::Unsubscribed
                    && topic
                        .is_some_and(|topic| group.is_subscribed_to(topic, image, self.cx.names));
                if expired && !used && !offsets.is_pending(partition) {
                    records.push(GroupRecord::Offset { group: id, partition, value: None });
                } else {
                    left += 1;
                }
            }
            if left > 0 || !offsets.pending.is_empty() {
                continue;
            }
            match group {
                Group::Classic(group) => {
                    let empty = group.state == GroupState::Empty && group.pending_join.is_empty();
                    if empty && group.since < now {
                        records.push(GroupRecord::Tombstone { group: id });
                    }
                }
                Group::Consumer(group) if group.members.is_empty() => gone.push(id),
                Group::Consumer(_) => {}
            }
        }
        if !records.is_empty() {
            self.append(records, None, Then::Nothing);
        }
        for group in gone {
            self.append_applied(groups, consumer_group::tombstones(group), Then::Nothing);
        }
        let interval = self.settings.offsets_retention_check_interval;
        self.set_timer(Timer::Expire(self.partition), interval);
    }
}

/// From when on the retention of a group's offsets counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Basis {
    Commit,
    /// Since the group became empty, even for what was committed later.
    Empty(Timestamp),
    /// As [`Self::Commit`], and nobody is known to subscribe to anything.
    Unsubscribed,
}

impl Basis {
    /// `None` if nothing of the group expires now. Source: Kafka 4.1,
    /// `ClassicGroup.offsetExpirationCondition`.
    fn of(rules: &Rules, group: &Group) -> Option<Self> {
        let Group::Classic(group) = group else { return Some(Self::Commit) };
        if group.protocol_type.is_none() {
            return Some(Self::Commit);
        }
        if rules.offset_expiry == OffsetExpiry::FromCommit {
            return Some(Self::Unsubscribed);
        }
        let known = group.is_of_consumers() && group.subscribed.is_some();
        match group.state {
            GroupState::Empty => Some(Self::Empty(group.since)),
            GroupState::Stable if known => Some(Self::Commit),
            // To which topics they subscribe is known of the generation before, which had none if
            // the group was empty.
            GroupState::PreparingRebalance | GroupState::CompletingRebalance
                if known && rules.expire_when_unstable == ExpireWhenUnstable::On =>
            {
                Some(Self::Commit)
            }
            _ => None,
        }
    }

    const fn from(self, record: &OffsetRecord) -> Timestamp {
        match self {
            Self::Commit | Self::Unsubscribed => record.commit_timestamp,
            Self::Empty(since) => since,
        }
    }
}
