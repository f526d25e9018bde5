//! What is refused: requests, epochs, commits.

use super::{ConsumerGroup, ConsumerMember};
use crate::group::join::NO_MEMBER;
use crate::group::settings::GroupSettings;
use crate::names::Names;
use crate::protocol::ErrorCode;
use crate::protocol::consumer_group::{AssignorChoice, ConsumerGroupHeartbeatRequest};
use crate::types::{GroupEpoch, MemberId, PartitionId};

/// From this version on a member brings an id of its own making (KIP-1082).
const REQUIRES_OWN_ID: i16 = 1;
/// Members of the new protocol commit with this version or a later one.
const KNOWS_MEMBER_EPOCHS: i16 = 9;

/// Whether a heartbeat can be read at all. Source: Kafka 4.1,
/// `throwIfConsumerGroupHeartbeatRequestIsInvalid`.
pub(super) fn check_request(
    settings: &GroupSettings,
    names: &Names,
    version: i16,
    r: &ConsumerGroupHeartbeatRequest,
) -> Result<(), ErrorCode> {
    let needs_id = version >= REQUIRES_OWN_ID || r.epoch.0 > 0 || r.epoch == GroupEpoch::LEAVING;
    let is_empty = |text: Option<&str>| text.is_some_and(str::is_empty);
    let mut wrong = needs_id && r.member == NO_MEMBER
        || names.group_name(r.group).is_empty()
        || is_empty(r.instance.as_deref())
        || is_empty(r.rack.as_deref());
    wrong |= match r.epoch {
        GroupEpoch::JOINING => {
            r.rebalance_timeout.is_none()
                || r.owned.as_ref().is_none_or(|owned| !owned.is_empty())
                || r.topics.is_none() && r.pattern.is_none()
        }
        GroupEpoch::LEAVING_FOR_NOW => r.instance.is_none(),
        epoch => epoch < GroupEpoch::LEAVING_FOR_NOW,
    };
    if wrong {
        return Err(ErrorCode::InvalidRequest);
    }
    match r.assignor {
        AssignorChoice::Unnamed => Ok(()),
        AssignorChoice::Named(name) if settings.assignors.contains(&Some(name)) => Ok(()),
        AssignorChoice::Named(_) | AssignorChoice::Unknown => Err(ErrorCode::UnsupportedAssignor),
    }
}

/// The present epoch, or the one before if the member has nothing but what it was given since:
/// the answer with the present one may have been lost.
pub(super) fn check_epoch(
    member: &ConsumerMember,
    epoch: GroupEpoch,
    owned: Option<&[PartitionId]>,
) -> Result<(), ErrorCode> {
    let stands = &member.stands;
    let has_at_most =
        |owned: &[PartitionId]| owned.iter().all(|p| stands.assigned.binary_search(p).is_ok());
    let is_repeat =
        epoch < stands.epoch && epoch == stands.previous && owned.is_some_and(has_at_most);
    if epoch == stands.epoch || is_repeat { Ok(()) } else { Err(ErrorCode::FencedMemberEpoch) }
}

impl ConsumerGroup {
    /// Who commits may do so. Source: Kafka 4.1, `ConsumerGroup.validateOffsetCommit`.
    pub(in crate::group) fn check_commit(
        &self,
        member: MemberId,
        instance: Option<&str>,
        epoch: GroupEpoch,
        txn: bool,
        version: i16,
    ) -> ErrorCode {
        if epoch.0 < 0 && self.members.is_empty() {
            return ErrorCode::None;
        }
        let is_unnamed = epoch.0 == -1 && member == NO_MEMBER && instance.is_none();
        if txn && is_unnamed {
            return ErrorCode::None;
        }
        let Some(member) = self.members.get(&member) else { return ErrorCode::UnknownMemberId };
        let is_classic = member.said.classic.is_some();
        if !txn && !is_classic && version < KNOWS_MEMBER_EPOCHS {
            return ErrorCode::UnsupportedVersion;
        }
        match member.check_own_epoch(epoch) {
            // `TxnOffsetCommit` has no name for it.
            ErrorCode::StaleMemberEpoch if txn => ErrorCode::IllegalGeneration,
            error => error,
        }
    }

    /// Who reads offsets may do so, if it says who it is.
    pub(in crate::group) fn check_fetch(&self, who: Option<(MemberId, GroupEpoch)>) -> ErrorCode {
        let Some((member, epoch)) = who else { return ErrorCode::None };
        match self.members.get(&member) {
            None => ErrorCode::UnknownMemberId,
            Some(member) => member.check_own_epoch(epoch),
        }
    }
}

impl ConsumerMember {
    /// Whether it is in this epoch, which is the generation of a classic member.
    fn check_own_epoch(&self, epoch: GroupEpoch) -> ErrorCode {
        if self.stands.epoch == epoch {
            ErrorCode::None
        } else if self.said.classic.is_some() {
            ErrorCode::IllegalGeneration
        } else {
            ErrorCode::StaleMemberEpoch
        }
    }
}
