//! Members of the classic protocol in a group of the new one: their generation is their epoch.
//! Source: KIP-848, "Online Migration"; Kafka 4.1, `GroupMetadataManager`.

use alloc::string::String;
use alloc::vec::Vec;

use super::draft::Sender;
use super::heartbeat::{Decided, keep_looked};
use super::migration::topic_names;
use super::{ConsumerGroup, ConsumerMember};
use crate::group::desk::{Desk, Then, Timer, as_instance};
use crate::group::groups::{Group, Groups};
use crate::group::join::NO_MEMBER;
use crate::io::Token;
use crate::metadata::Image;
use crate::protocol::group::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeavingMember,
    MemberProtocol, ProtocolType, Subscription, SyncGroupRequest, SyncGroupResponse,
};
use crate::protocol::{ErrorCode, Header, Response};
use crate::records::{ClassicMemberRecord, ConsumerMemberRecord, GroupRecord, Reconciliation};
use crate::types::{Duration, GenerationId, GroupId, MemberId, TextId};

/// From this version on a client must come back with the id it was given (KIP-394).
const REQUIRES_MEMBER_ID: i16 = 4;

/// What follows when a classic member has joined.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::group) struct ClassicJoin {
    pub(in crate::group) group: GroupId,
    pub(in crate::group) response: JoinGroupResponse,
    /// Its session, and how soon it has to sync; `None` if the group is a classic one now.
    pub(in crate::group) timeouts: Option<(Duration, Duration)>,
}

impl Desk<'_, '_> {
    /// A join to a group of the new protocol that has members.
    pub(in crate::group) fn classic_join(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        header: Header,
        r: &JoinGroupRequest,
    ) {
        if let Err((error, member)) = self.try_classic_join(groups, image, token, header, r) {
            self.refuse_join(token, error, member);
        }
    }

    fn try_classic_join(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        header: Header,
        r: &JoinGroupRequest,
    ) -> Result<(), (ErrorCode, MemberId)> {
        let refused = |error| (error, NO_MEMBER);
        let Some(Group::Consumer(group)) = groups.get(&r.group) else {
            return Err(refused(ErrorCode::UnknownMemberId));
        };
        let is_full = group.members.len() >= self.settings.consumer_max_size as usize;
        if is_full && !group.members.contains_key(&r.member) {
            return Err(refused(ErrorCode::GroupMaxSizeReached));
        }
        if !group.supports(r.protocol_type, &r.protocols) {
            return Err(refused(ErrorCode::InconsistentGroupProtocol));
        }
        let is_unknown = r.member == NO_MEMBER;
        let id = if is_unknown { self.new_member_id() } else { r.member };
        if is_unknown && r.instance.is_none() && header.api_version >= REQUIRES_MEMBER_ID {
            return Err((ErrorCode::MemberIdRequired, id));
        }
        let sender = group.classic_sender(id, r).map_err(refused)?;
        // All protocols have the same subscription.
        let subscription = r.subscription().ok_or(refused(ErrorCode::UnknownServerError))?;
        let said = self.said_by_joining(&sender.member.said, image, header, r, subscription);
        let holder = r.instance.as_ref().and_then(|i| group.instances.get(i)).copied();
        let takes_over = holder.filter(|&holder| self.downgrades_by(group, holder));
        if let Some(holder) = takes_over {
            let joined = (id, ConsumerMember { said, ..sender.member });
            let owned = &subscription.owned;
            self.downgrade_by_replacement(groups, r.group, token, holder, joined, owned);
            return Ok(());
        }
        let owned = Some(&subscription.owned[..]);
        let decided = self.decide(group, image, said, owned, sender, Vec::new());
        self.answer_joined(groups, token, r, decided);
        Ok(())
    }

    fn said_by_joining(
        &self,
        before: &ConsumerMemberRecord,
        image: &Image,
        header: Header,
        r: &JoinGroupRequest,
        subscription: &Subscription,
    ) -> ConsumerMemberRecord {
        ConsumerMemberRecord {
            instance: r.instance.clone().or_else(|| before.instance.clone()),
            rack: before.rack.clone(),
            client: header.client,
            rebalance_timeout: r.rebalance_timeout,
            topics: topic_names(subscription, image, self.cx.names),
            pattern: TextId::EMPTY,
            assignor: before.assignor,
            classic: Some(ClassicMemberRecord {
                session_timeout: r.session_timeout,
                protocols: r.protocols.clone(),
            }),
        }
    }

    fn answer_joined(
        &mut self,
        groups: &mut Groups,
        token: Token,
        r: &JoinGroupRequest,
        decided: Decided,
    ) {
        let Decided { records, sender, after, looked, looks_up, .. } = decided;
        let response = JoinGroupResponse {
            error: ErrorCode::None,
            generation: GenerationId(after.stands.epoch.0),
            protocol_type: Some(ProtocolType::Consumer),
            protocol: r.protocols.first().map(|protocol| protocol.name),
            leader: NO_MEMBER,
            member: sender,
            skip_assignment: false,
            members: Vec::new(),
        };
        let timeouts = Some((r.session_timeout, r.rebalance_timeout));
        let join = ClassicJoin { group: r.group, response, timeouts };
        self.write_applied(groups, records, Then::ClassicJoin { token, join });
        keep_looked(groups, r.group, looked);
        self.time_lookup(r.group, looks_up);
    }

    /// The join is in the log.
    pub(in crate::group) fn classic_joined(&mut self, token: Token, join: ClassicJoin) {
        let (group, member) = (join.group, join.response.member);
        self.timers.cancel(Timer::Rejoin(self.partition, group, member));
        if let Some((session, sync)) = join.timeouts {
            self.set_timer(Timer::Member(self.partition, group, member), session);
            self.set_timer(Timer::Resync(self.partition, group, member), sync);
        }
        self.reply(token, Response::JoinGroup(join.response));
    }

    /// A sync to a group of the new protocol: the coordinator knows what to answer.
    pub(in crate::group) fn classic_sync(
        &mut self,
        groups: &mut Groups,
        token: Token,
        r: &SyncGroupRequest,
    ) {
        match self.synced(groups, r) {
            Ok(response) => {
                let (group, member) = (r.group, r.member);
                let then = Then::ClassicSync { group, member, token, response };
                self.follow_writes(groups, then);
            }
            Err(error) => self.refuse_sync(token, error),
        }
    }

    fn synced(
        &mut self,
        groups: &Groups,
        r: &SyncGroupRequest,
    ) -> Result<SyncGroupResponse, ErrorCode> {
        let (group, member) = classic_member(groups, r.group, r.member, r.instance.as_ref())?;
        let classic = member.said.classic.as_ref().ok_or(ErrorCode::UnknownMemberId)?;
        if member.stands.epoch.0 != r.generation.0 {
            return Err(ErrorCode::IllegalGeneration);
        }
        let own = classic.protocols.first().map(|protocol| protocol.name);
        if r.protocol_type.is_some_and(|kind| kind != ProtocolType::Consumer)
            || r.protocol.is_some() && r.protocol != own
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let gives_up = member.stands.state == Reconciliation::Unrevoked;
        if group.epoch > member.stands.epoch && !gives_up {
            self.await_rejoin(r.group, r.member, member.said.rebalance_timeout);
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(SyncGroupResponse {
            error: ErrorCode::None,
            protocol_type: r.protocol_type,
            protocol: r.protocol,
            assignment: member.stands.assigned.clone().into(),
        })
    }

    /// The answer to a sync goes out.
    pub(in crate::group) fn classic_synced(
        &mut self,
        groups: &Groups,
        (group, member): (GroupId, MemberId),
        token: Token,
        response: SyncGroupResponse,
    ) {
        self.timers.cancel(Timer::Resync(self.partition, group, member));
        if let Some(Group::Consumer(state)) = groups.get(&group)
            && let Some(found) = state.members.get(&member)
        {
            self.keep_consumer_alive(group, member, found);
        }
        self.reply(token, Response::SyncGroup(response));
    }

    /// A heartbeat of a classic member tells it to join again when there is something for it.
    pub(in crate::group) fn classic_heartbeat(
        &mut self,
        groups: &mut Groups,
        token: Token,
        r: &HeartbeatRequest,
    ) {
        let found = classic_member(groups, r.group, r.member, r.instance.as_ref());
        let error = match found {
            Err(error) => return self.reply_heartbeat(token, error),
            Ok((_, member)) if member.said.classic.is_none() => {
                return self.reply_heartbeat(token, ErrorCode::UnknownMemberId);
            }
            Ok((_, member)) if member.stands.epoch.0 != r.generation.0 => {
                return self.reply_heartbeat(token, ErrorCode::IllegalGeneration);
            }
            Ok((group, member)) => {
                self.keep_consumer_alive(r.group, r.member, member);
                if group.has_news_for(member) {
                    self.await_rejoin(r.group, r.member, member.said.rebalance_timeout);
                    ErrorCode::RebalanceInProgress
                } else {
                    ErrorCode::None
                }
            }
        };
        self.follow_writes(groups, Then::Heartbeat { token, error });
    }

    /// Members of either protocol leave by `LeaveGroup`.
    pub(in crate::group) fn classic_leave(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        request: LeaveGroupRequest,
    ) {
        let Some(Group::Consumer(group)) = groups.get(&request.group) else { return };
        let mut gone: Vec<MemberId> = Vec::new();
        let mut answer = |leaving: LeavingMember| {
            let error = match group.leaving(&leaving) {
                Ok(member) => {
                    if !gone.contains(&member) {
                        gone.push(member);
                    }
                    ErrorCode::None
                }
                Err(error) => error,
            };
            (leaving, error)
        };
        let members = request.members.into_iter().map(&mut answer).collect();
        let then = Then::Left { token, members };
        if gone.is_empty() {
            return self.follow_writes(groups, then);
        }
        self.fence_consumers(groups, image, request.group, &gone, then);
    }

    /// A member that was told to join again, or may not go on, has its rebalance timeout for it.
    fn await_rejoin(&mut self, group: GroupId, member: MemberId, timeout: Duration) {
        let timer = Timer::Rejoin(self.partition, group, member);
        if !self.timers.is_set(timer) {
            self.set_timer(timer, timeout);
        }
    }

    /// Appends records that change a group at once; `then` follows when they are replicated, and
    /// where there are none, when what was written before is.
    pub(super) fn write_applied(
        &mut self,
        groups: &mut Groups,
        records: Vec<GroupRecord>,
        then: Then,
    ) {
        if !records.is_empty() {
            return self.append_applied(groups, records, then);
        }
        self.follow_writes(groups, then);
    }
}

/// The member that a request names, in its group.
fn classic_member<'a>(
    groups: &'a Groups,
    group: GroupId,
    id: MemberId,
    instance: Option<&String>,
) -> Result<(&'a ConsumerGroup, &'a ConsumerMember), ErrorCode> {
    let group = groups.get(&group).and_then(Group::consumer).ok_or(ErrorCode::UnknownMemberId)?;
    if let Some(instance) = as_instance(instance) {
        match group.instances.get(instance) {
            None => return Err(ErrorCode::UnknownMemberId),
            Some(&holder) if holder != id => return Err(ErrorCode::FencedInstanceId),
            Some(_) => {}
        }
    }
    let member = group.members.get(&id).ok_or(ErrorCode::UnknownMemberId)?;
    Ok((group, member))
}

impl ConsumerGroup {
    /// Whether a classic member of this kind with these protocols fits to the others.
    fn supports(&self, kind: ProtocolType, protocols: &[MemberProtocol]) -> bool {
        let all: Vec<&ClassicMemberRecord> =
            self.members.values().filter_map(|member| member.said.classic.as_ref()).collect();
        let knows = |other: &ClassicMemberRecord, protocol: &MemberProtocol| {
            other.protocols.iter().any(|known| known.name == protocol.name)
        };
        kind == ProtocolType::Consumer
            && protocols.iter().any(|p| all.iter().all(|other| knows(other, p)))
    }

    /// Finds the classic member that joins, or makes it. Who brings an id may have made it up.
    fn classic_sender(&self, id: MemberId, r: &JoinGroupRequest) -> Result<Sender, ErrorCode> {
        let known = || self.members.get(&id).cloned().unwrap_or_default();
        let Some(instance) = &r.instance else {
            return Ok(Sender { id, member: known(), replaces: None });
        };
        let holder = self.instances.get(instance).copied();
        match holder {
            None if r.member == NO_MEMBER => Ok(Sender { id, member: known(), replaces: None }),
            None => Err(ErrorCode::UnknownMemberId),
            Some(holder) if r.member == NO_MEMBER => {
                let before = self.members.get(&holder).ok_or(ErrorCode::UnknownMemberId)?;
                Ok(Self::taking_over(id, holder, before))
            }
            Some(holder) if holder != id => Err(ErrorCode::FencedInstanceId),
            Some(_) => Ok(Sender { id, member: known(), replaces: None }),
        }
    }

    /// The members that could be made to leave.
    fn leaving(&self, leaving: &LeavingMember) -> Result<MemberId, ErrorCode> {
        let Some(instance) = &leaving.instance else {
            let is_member = self.members.contains_key(&leaving.member);
            return if is_member { Ok(leaving.member) } else { Err(ErrorCode::UnknownMemberId) };
        };
        let holder = self.instances.get(instance).copied();
        let holder = holder.filter(|holder| self.members.contains_key(holder));
        let holder = holder.ok_or(ErrorCode::UnknownMemberId)?;
        // An administrator names the instance only.
        if leaving.member == NO_MEMBER || leaving.member == holder {
            Ok(holder)
        } else {
            Err(ErrorCode::FencedInstanceId)
        }
    }

    /// Whether a classic member has to join again: to reach the group's epoch, to give up
    /// partitions, or because all that it waits for is free.
    fn has_news_for(&self, member: &ConsumerMember) -> bool {
        let stands = &member.stands;
        let waits = member
            .target
            .iter()
            .any(|p| stands.assigned.binary_search(p).is_err() && self.owners.contains_key(p));
        stands.epoch < self.epoch
            || stands.state == Reconciliation::Unrevoked
            || stands.state == Reconciliation::Unreleased && !waits
    }
}
