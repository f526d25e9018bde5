//! `ConsumerGroupHeartbeat`. Source: KIP-848; Kafka 4.1, `GroupMetadataManager`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::checks::check_request;
use super::draft::{Sender, said_now};
use super::reconcile::{Goal, reconcile};
use super::target::{Roster, Topics};
use super::{ConsumerGroup, ConsumerMember, Looked};
use crate::group::assignor::Lists;
use crate::group::desk::{Desk, Then, Timer};
use crate::group::groups::{Group, Groups};
use crate::group::join::NO_MEMBER;
use crate::group::offsets::GroupOffsets;
use crate::io::Token;
use crate::metadata::Image;
use crate::protocol::consumer_group::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use crate::protocol::{ErrorCode, Header, Response};
use crate::records::{ConsumerMemberRecord, GroupRecord, Reconciliation};
use crate::types::{Duration, GroupEpoch, GroupId, MemberId, PartitionId, TextId};

/// What comes of a heartbeat.
pub(super) struct Decided {
    pub(super) records: Vec<GroupRecord>,
    pub(super) sender: MemberId,
    pub(super) before: ConsumerMember,
    pub(super) after: ConsumerMember,
    /// The subscribed topics, if they were looked at.
    pub(super) looked: Option<Looked>,
    /// Regular expressions are to be looked up.
    pub(super) looks_up: bool,
}

/// The epochs of a group and its targets after a heartbeat.
struct Aim {
    /// The group's topics, if they were looked at.
    topics: Option<Topics>,
    epoch: GroupEpoch,
}

impl Desk<'_, '_> {
    pub(in crate::group) fn consumer_heartbeat(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        header: Header,
        request: &ConsumerGroupHeartbeatRequest,
    ) {
        let served = if self.settings.serves_consumer_protocol {
            check_request(self.settings, self.cx.names, header.api_version, request)
        } else {
            Err(ErrorCode::UnsupportedVersion)
        };
        let done = served.and_then(|()| match request.epoch {
            GroupEpoch::LEAVING | GroupEpoch::LEAVING_FOR_NOW => {
                self.consumer_leaves(groups, image, token, request)
            }
            _ => self.regular_heartbeat(groups, image, token, header, request),
        });
        if let Err(error) = done {
            let response = ConsumerGroupHeartbeatResponse::refused(error);
            self.reply(token, Response::ConsumerGroupHeartbeat(response));
        }
    }

    fn regular_heartbeat(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        token: Token,
        header: Header,
        r: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        let mut records = Vec::new();
        let mut made = ConsumerGroup::new(r.group, GroupOffsets::default());
        let group = match groups.get_mut(&r.group) {
            Some(Group::Consumer(group)) => &*group,
            _ if r.epoch != GroupEpoch::JOINING => return Err(ErrorCode::GroupIdNotFound),
            Some(Group::Classic(classic)) if !classic.members.is_empty() => {
                (records, made) = self.upgrade(classic, image)?;
                &made
            }
            Some(Group::Classic(_)) => {
                records.push(GroupRecord::Tombstone { group: r.group });
                &made
            }
            None => &made,
        };
        let is_full = group.members.len() >= self.settings.consumer_max_size as usize;
        if is_full && !group.members.contains_key(&r.member) {
            return Err(ErrorCode::GroupMaxSizeReached);
        }
        let id = if r.member == NO_MEMBER { self.new_member_id() } else { r.member };
        let sender = group.sender(id, r)?;
        group.check_pattern(r.pattern.unwrap_or(TextId::EMPTY), self.cx.names)?;
        let said = said_now(&sender.member.said, r, header.client);
        let decided = self.decide(group, image, said, r.owned.as_deref(), sender, records);
        self.carry_out_heartbeat(groups, token, r, decided);
        for (&id, member) in &made.members {
            self.keep_consumer_alive(r.group, id, member);
        }
        Ok(())
    }

    /// The records of a heartbeat: what the member says, the group's epoch, targets, and one
    /// step of the member.
    pub(super) fn decide(
        &self,
        group: &ConsumerGroup,
        image: &Image,
        said: ConsumerMemberRecord,
        owned: Option<&[PartitionId]>,
        sender: Sender,
        mut records: Vec<GroupRecord>,
    ) -> Decided {
        let Sender { id, member: before, replaces } = sender;
        if let Some(old) = replaces {
            replace(&mut records, group.id, old, id, &before);
        }
        let mut after = ConsumerMember { said, ..before.clone() };
        if after.said != before.said || !group.members.contains_key(&id) && replaces.is_none() {
            let value = Some(Box::new(after.said.clone()));
            records.push(GroupRecord::ConsumerMember { group: group.id, member: id, value });
        }
        let patterns = (before.said.pattern, after.said.pattern);
        let change = self.change_pattern(group, image, patterns, &mut records);
        let bump =
            group.epoch == GroupEpoch(0) || after.said.topics != before.said.topics || change.bump;
        let looks = bump || group.looked.as_ref().is_none_or(|looked| looked.at != image.end());
        let roster = if looks || group.epoch > group.target_epoch {
            group.roster(replaces.as_slice(), Some((id, &after)))
        } else {
            Vec::new()
        };
        let aim = if looks {
            self.aim(group, image, &roster, bump, &mut records)
        } else {
            Aim { topics: None, epoch: group.epoch }
        };
        if aim.epoch > group.target_epoch {
            let targets = self.new_targets(group, image, &roster, &aim);
            let place = roster.iter().position(|(member, _)| *member == id);
            let own = targets.get(place.expect("the sender is on the roster")).to_vec();
            let newcomer = (!group.members.contains_key(&id)).then_some(id);
            target_records(&mut records, group.id, (&roster, &targets), newcomer);
            let value = Some(aim.epoch);
            records.push(GroupRecord::ConsumerTargetEpoch { group: group.id, value });
            after.target = own;
        }
        let target_epoch = aim.epoch.max(group.target_epoch);
        let goal = Goal { epoch: target_epoch, target: &after.target };
        let is_free = |partition| {
            let owner = group.owners.get(&partition);
            owner.is_none()
        };
        let stands = reconcile(&after.stands, goal, owned, is_free);
        if stands != after.stands {
            let value = Some(Box::new(stands.clone()));
            records.push(GroupRecord::ConsumerAssignment { group: group.id, member: id, value });
            after.stands = stands;
        }
        let looked =
            aim.topics.map(|topics| Looked { at: image.end(), topics: topics.ids().to_vec() });
        Decided { records, sender: id, before, after, looked, looks_up: change.looks_up }
    }

    /// Looks at the subscribed topics, and raises the group's epoch if they have changed or `bump`
    /// says so.
    fn aim(
        &self,
        group: &ConsumerGroup,
        image: &Image,
        roster: &Roster<'_>,
        bump: bool,
        records: &mut Vec<GroupRecord>,
    ) -> Aim {
        let topics = Topics::of(roster, &group.patterns, image, self.cx.names);
        let same = |looked: &Looked| looked.at == image.end() && looked.topics == topics.ids();
        let hash = match &group.looked {
            Some(looked) if same(looked) => group.topics_hash,
            _ => topics.hash(image),
        };
        let mut epoch = group.epoch;
        if bump || hash != group.topics_hash {
            epoch = epoch.next();
            let value = Some((epoch, hash));
            records.push(GroupRecord::ConsumerEpoch { group: group.id, value });
        }
        Aim { topics: Some(topics), epoch }
    }

    fn new_targets(
        &self,
        group: &ConsumerGroup,
        image: &Image,
        roster: &Roster<'_>,
        aim: &Aim,
    ) -> Lists<PartitionId> {
        let default = self.settings.default_assignor();
        let members = roster.iter().map(|(_, member)| *member);
        let assignor = ConsumerGroup::preferred_assignor(members, default);
        let made;
        let topics = match &aim.topics {
            Some(topics) => topics,
            None => {
                made = Topics::of(roster, &group.patterns, image, self.cx.names);
                &made
            }
        };
        topics.assign(assignor, roster, image)
    }

    fn carry_out_heartbeat(
        &mut self,
        groups: &mut Groups,
        token: Token,
        r: &ConsumerGroupHeartbeatRequest,
        decided: Decided,
    ) {
        let Decided { records, sender, before, after, looked, looks_up } = decided;
        self.keep_consumer_alive(r.group, sender, &after);
        if after.stands != before.stands {
            self.time_revocation(r.group, sender, &after);
        }
        // A request with everything in it asks for everything.
        let is_full = r.rebalance_timeout.is_some()
            && (r.topics.is_some() || r.pattern.is_some())
            && r.owned.is_some();
        let has_changed = after.stands.assigned != before.stands.assigned;
        let shown = r.epoch == GroupEpoch::JOINING || is_full || has_changed;
        let response = ConsumerGroupHeartbeatResponse {
            error: ErrorCode::None,
            member: sender,
            epoch: after.stands.epoch,
            heartbeat_interval: self.heartbeat_interval(r.group),
            assignment: shown.then_some(after.stands.assigned),
        };
        self.write_consumer(groups, records, token, response);
        keep_looked(groups, r.group, looked);
        self.time_lookup(r.group, looks_up);
    }

    /// Appends records of a group, which change it at once, before the answer.
    pub(super) fn write_consumer(
        &mut self,
        groups: &mut Groups,
        records: Vec<GroupRecord>,
        token: Token,
        response: ConsumerGroupHeartbeatResponse,
    ) {
        self.write_applied(groups, records, Then::ConsumerHeartbeat { token, response });
    }

    /// The member is alive: its session begins anew.
    pub(in crate::group) fn keep_consumer_alive(
        &mut self,
        group: GroupId,
        member: MemberId,
        state: &ConsumerMember,
    ) {
        let brought = state.said.classic.as_ref().map(|classic| classic.session_timeout);
        let own = self.configs.get(&group).and_then(|config| config.session_timeout);
        let timeout = brought.or(own).unwrap_or(self.settings.consumer_session_timeout);
        self.set_timer(Timer::Member(self.partition, group, member), timeout);
    }

    fn heartbeat_interval(&self, group: GroupId) -> Duration {
        let own = self.configs.get(&group).and_then(|config| config.heartbeat_interval);
        own.unwrap_or(self.settings.consumer_heartbeat_interval)
    }

    /// Who has to give up partitions has its rebalance timeout for it. Of classic members it is
    /// their next join that is timed.
    pub(in crate::group) fn time_revocation(
        &mut self,
        group: GroupId,
        member: MemberId,
        state: &ConsumerMember,
    ) {
        let timer = Timer::Revocation(self.partition, group, member);
        let owes = state.stands.state == Reconciliation::Unrevoked;
        if owes && state.said.classic.is_none() {
            self.set_timer(timer, state.said.rebalance_timeout);
        } else {
            self.timers.cancel(timer);
        }
    }
}

/// Who shall own something else than before, and who is new.
fn target_records(
    records: &mut Vec<GroupRecord>,
    group: GroupId,
    (roster, targets): (&Roster<'_>, &Lists<PartitionId>),
    newcomer: Option<MemberId>,
) {
    for ((member, before), target) in roster.iter().zip(targets.iter()) {
        if before.target != target || newcomer == Some(*member) {
            let (member, value) = (*member, Some(target.to_vec()));
            records.push(GroupRecord::ConsumerTarget { group, member, value });
        }
    }
}

/// The topics were looked at, of a group that may be a classic one by now.
pub(super) fn keep_looked(groups: &mut Groups, group: GroupId, looked: Option<Looked>) {
    if let Some(Group::Consumer(group)) = groups.get_mut(&group)
        && looked.is_some()
    {
        group.looked = looked;
    }
}

/// A static member that left for now comes back under another id.
fn replace(
    records: &mut Vec<GroupRecord>,
    group: GroupId,
    old: MemberId,
    new: MemberId,
    member: &ConsumerMember,
) {
    super::leave::remove(records, group, old);
    let (said, stands) = (Box::new(member.said.clone()), Box::new(member.stands.clone()));
    records.extend([
        GroupRecord::ConsumerMember { group, member: new, value: Some(said) },
        GroupRecord::ConsumerTarget { group, member: new, value: Some(member.target.clone()) },
        GroupRecord::ConsumerAssignment { group, member: new, value: Some(stands) },
    ]);
}
