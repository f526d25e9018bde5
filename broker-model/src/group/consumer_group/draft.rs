//! Who heartbeats, and what it says of itself now.

use super::checks::check_epoch;
use super::{ConsumerGroup, ConsumerMember};
use crate::protocol::ErrorCode;
use crate::protocol::consumer_group::{AssignorChoice, ConsumerGroupHeartbeatRequest};
use crate::records::{ConsumerAssignmentRecord, ConsumerMemberRecord};
use crate::types::{GroupEpoch, MemberId};

/// The member that a heartbeat is of, as it was before.
pub(super) struct Sender {
    pub(super) id: MemberId,
    /// A new one is as if it had been there without anything.
    pub(super) member: ConsumerMember,
    /// The static member whose place it takes.
    pub(super) replaces: Option<MemberId>,
}

impl ConsumerGroup {
    /// Finds the member, or makes it if it joins.
    pub(super) fn sender(
        &self,
        id: MemberId,
        r: &ConsumerGroupHeartbeatRequest,
    ) -> Result<Sender, ErrorCode> {
        match &r.instance {
            Some(instance) => self.static_sender(id, instance, r),
            None => self.dynamic_sender(id, r),
        }
    }

    fn dynamic_sender(
        &self,
        id: MemberId,
        r: &ConsumerGroupHeartbeatRequest,
    ) -> Result<Sender, ErrorCode> {
        let joins = r.epoch == GroupEpoch::JOINING;
        let known = self.members.get(&id).cloned();
        let member = known.or_else(|| joins.then(ConsumerMember::default));
        let member = member.ok_or(ErrorCode::UnknownMemberId)?;
        check_epoch(&member, r.epoch, r.owned.as_deref())?;
        Ok(Sender { id, member, replaces: None })
    }

    fn static_sender(
        &self,
        id: MemberId,
        instance: &str,
        r: &ConsumerGroupHeartbeatRequest,
    ) -> Result<Sender, ErrorCode> {
        let holder = self.instances.get(instance).copied();
        if r.epoch != GroupEpoch::JOINING {
            let holder = holder.ok_or(ErrorCode::UnknownMemberId)?;
            if holder != id {
                return Err(ErrorCode::FencedInstanceId);
            }
            let member = self.members.get(&id).cloned().ok_or(ErrorCode::UnknownMemberId)?;
            check_epoch(&member, r.epoch, r.owned.as_deref())?;
            return Ok(Sender { id, member, replaces: None });
        }
        let Some(holder) = holder else {
            let member = self.members.get(&id).cloned().unwrap_or_default();
            return Ok(Sender { id, member, replaces: None });
        };
        // A member that changed its instance is still found under the one before; Kafka looks it up.
        let before = self.members.get(&holder).ok_or(ErrorCode::UnknownMemberId)?;
        // A classic member says nothing when it stops for now.
        let is_released = before.stands.epoch == GroupEpoch::LEAVING_FOR_NOW;
        if !is_released && before.said.classic.is_none() {
            return Err(ErrorCode::UnreleasedInstanceId);
        }
        Ok(Self::taking_over(id, holder, before))
    }

    /// A static member in the place of another: it has what that one had, and is to be told so.
    pub(super) fn taking_over(id: MemberId, holder: MemberId, before: &ConsumerMember) -> Sender {
        let stands = ConsumerAssignmentRecord {
            epoch: GroupEpoch::JOINING,
            previous: GroupEpoch::JOINING,
            ..before.stands.clone()
        };
        let member = ConsumerMember { stands, ..before.clone() };
        Sender { id, member, replaces: Some(holder) }
    }
}

/// What a member says of itself after this heartbeat; what it leaves out stays.
pub(super) fn said_now(
    before: &ConsumerMemberRecord,
    r: &ConsumerGroupHeartbeatRequest,
    client: u32,
) -> ConsumerMemberRecord {
    let mut said = before.clone();
    said.client = client;
    said.classic = None;
    if let Some(instance) = &r.instance {
        said.instance = Some(instance.clone());
    }
    if let Some(rack) = &r.rack {
        said.rack = Some(rack.clone());
    }
    if let Some(timeout) = r.rebalance_timeout {
        said.rebalance_timeout = timeout;
    }
    if let Some(topics) = &r.topics {
        said.topics.clone_from(topics);
        said.topics.sort_unstable();
        said.topics.dedup();
    }
    if let Some(pattern) = r.pattern {
        said.pattern = pattern;
    }
    if let AssignorChoice::Named(assignor) = r.assignor {
        said.assignor = Some(assignor);
    }
    said
}
