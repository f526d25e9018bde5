//! A group with members changes its protocol: to the new one when the first member of that joins,
//! back when the last of them goes (`group.consumer.migration.policy`). Source: KIP-848, "Online
//! Migration"; Kafka 4.1, `GroupMetadataManager`.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::classic_member::ClassicJoin;
use super::leave::{remove, tombstones};
use super::reconcile::{Goal, reconcile};
use super::replay::Undo;
use super::target::Topics;
use super::{ConsumerGroup, ConsumerMember};
use crate::group::classic_group::{ClassicGroup, GroupState, Member};
use crate::group::desk::{Desk, Then, Timer};
use crate::group::groups::{Group, Groups};
use crate::group::join::NO_MEMBER;
use crate::group::offsets::GroupOffsets;
use crate::io::Token;
use crate::metadata::Image;
use crate::names::Names;
use crate::protocol::ErrorCode;
use crate::protocol::group::{Assignment, JoinGroupResponse, ProtocolType, Subscription};
use crate::records::{
    ClassicMemberRecord, ConsumerAssignmentRecord, ConsumerMemberRecord, GroupRecord,
    Reconciliation,
};
use crate::types::{GenerationId, GroupEpoch, GroupId, MemberId, PartitionId, TextId, TopicName};

/// The names of the topics that a consumer subscribes to, in order of id, each once.
pub(super) fn topic_names(
    subscription: &Subscription,
    image: &Image,
    names: &Names,
) -> Vec<TopicName> {
    let name = |&topic| names.known_topic(&image.topic(topic)?.name);
    let mut topics: Vec<TopicName> = subscription.topics.iter().filter_map(name).collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

impl Desk<'_, '_> {
    /// The records that make a group of the new protocol of a classic one with members, and that
    /// group. Its members keep what they have, and learn with their next heartbeat that they have
    /// to join again.
    pub(super) fn upgrade(
        &mut self,
        classic: &mut ClassicGroup,
        image: &Image,
    ) -> Result<(Vec<GroupRecord>, ConsumerGroup), ErrorCode> {
        let is_full = classic.members.len() > self.settings.consumer_max_size as usize;
        if !self.settings.migration.upgrades || !classic.is_of_consumers() || is_full {
            return Err(ErrorCode::GroupIdNotFound);
        }
        let ids: Vec<MemberId> = classic.members.keys().copied().collect();
        for &id in &ids {
            let member = classic.members.get_mut(&id).expect("listed from the members");
            let (join, sync) = (member.join.take(), member.sync.take());
            if let Some(token) = join {
                self.refuse_join(token, ErrorCode::RebalanceInProgress, id);
            }
            if let Some(token) = sync {
                self.refuse_sync(token, ErrorCode::RebalanceInProgress);
            }
        }
        // Kafka trips over a group that never chose a protocol.
        let protocol = classic.protocol.ok_or(ErrorCode::UnknownServerError)?;
        let mut members = Vec::new();
        for (&id, member) in &classic.members {
            let metadata = member.metadata(Some(protocol));
            let subscription = metadata.subscription().ok_or(ErrorCode::GroupIdNotFound)?;
            let topics = topic_names(subscription, image, self.cx.names);
            members.push((id, upgraded(classic.generation, member, topics)?));
        }
        Ok(self.upgraded_group(classic, members, image))
    }

    fn upgraded_group(
        &self,
        classic: &ClassicGroup,
        members: Vec<(MemberId, ConsumerMember)>,
        image: &Image,
    ) -> (Vec<GroupRecord>, ConsumerGroup) {
        let group = classic.id;
        let epoch = GroupEpoch(classic.generation.0);
        let roster = members.iter().map(|(id, member)| (*id, member)).collect();
        let hash = Topics::of(&roster, &BTreeMap::new(), image, self.cx.names).hash(image);
        let mut records = Vec::from([GroupRecord::Tombstone { group }]);
        records.extend(members.iter().map(|(id, m)| {
            let value = Some(Box::new(m.said.clone()));
            GroupRecord::ConsumerMember { group, member: *id, value }
        }));
        records.push(GroupRecord::ConsumerEpoch { group, value: Some((epoch, hash)) });
        records.extend(members.iter().map(|(id, m)| {
            let value = Some(m.target.clone());
            GroupRecord::ConsumerTarget { group, member: *id, value }
        }));
        records.push(GroupRecord::ConsumerTargetEpoch { group, value: Some(epoch) });
        records.extend(members.into_iter().map(|(id, m)| {
            let value = Some(Box::new(m.stands));
            GroupRecord::ConsumerAssignment { group, member: id, value }
        }));
        let mut upgraded = ConsumerGroup::new(group, GroupOffsets::default());
        upgraded.apply_all(&records, self.cx.rules);
        (records, upgraded)
    }

    /// Whether the group becomes a classic one when these members go.
    pub(super) fn downgrades_without(&self, group: &ConsumerGroup, gone: &[MemberId]) -> bool {
        let mut stay = group.members.iter().filter(|(id, _)| !gone.contains(id)).peekable();
        let left = group.members.len() - gone.len();
        stay.peek().is_some()
            && stay.all(|(_, member)| member.said.classic.is_some())
            && self.may_downgrade(left)
    }

    /// Whether the group becomes a classic one when a classic member takes a static one's place.
    pub(super) fn downgrades_by(&self, group: &ConsumerGroup, holder: MemberId) -> bool {
        let is_last =
            |(id, m): (&MemberId, &ConsumerMember)| m.said.classic.is_none() == (*id == holder);
        group.members.iter().all(is_last) && self.may_downgrade(group.members.len())
    }

    fn may_downgrade(&self, members: usize) -> bool {
        self.settings.migration.downgrades && members <= self.settings.max_size as usize
    }

    /// Members have gone and only classic ones are left: they join again, in a group of their own
    /// protocol.
    pub(super) fn downgrade(
        &mut self,
        groups: &mut Groups,
        group: GroupId,
        gone: &[MemberId],
        then: Then,
    ) {
        let Some(Group::Consumer(before)) = groups.get(&group) else { return };
        let stay = before.members.iter().filter(|(id, _)| !gone.contains(id));
        let classic = self.downgraded(before, stay.map(|(&id, m)| (id, m, &m.target[..])));
        self.replace_by_classic(groups, classic, then, true);
    }

    /// A classic member comes back in the place of the last member of the new protocol.
    pub(super) fn downgrade_by_replacement(
        &mut self,
        groups: &mut Groups,
        group: GroupId,
        token: Token,
        holder: MemberId,
        (id, joined): (MemberId, ConsumerMember),
        owned: &[PartitionId],
    ) {
        let Some(Group::Consumer(before)) = groups.get(&group) else { return };
        let was = &before.members[&holder];
        let has_changed =
            was.said.topics != joined.said.topics || was.said.pattern != TextId::EMPTY;
        let others = before.members.iter().filter(|(other, _)| **other != holder && **other != id);
        let members = others.map(|(&id, m)| (id, m, &m.target[..]));
        let members = members.chain(core::iter::once((id, &joined, &was.target[..])));
        let classic = self.downgraded(before, members);
        let goal = Goal { epoch: before.target_epoch, target: &was.target };
        let is_free = |partition| !before.owners.contains_key(&partition);
        let epoch = if has_changed {
            joined.stands.epoch
        } else {
            reconcile(&joined.stands, goal, Some(owned), is_free).epoch
        };
        let response = JoinGroupResponse {
            error: ErrorCode::None,
            generation: GenerationId(epoch.0),
            protocol_type: Some(ProtocolType::Consumer),
            protocol: joined
                .said
                .classic
                .as_ref()
                .and_then(|c| c.protocols.first())
                .map(|p| p.name),
            leader: NO_MEMBER,
            member: id,
            skip_assignment: false,
            members: Vec::new(),
        };
        let join = ClassicJoin { group: before.id, response, timeouts: None };
        self.replace_by_classic(groups, classic, Then::ClassicJoin { token, join }, has_changed);
    }

    /// A stable classic group of these members, each with what it shall own.
    fn downgraded<'a>(
        &self,
        before: &ConsumerGroup,
        members: impl Iterator<Item = (MemberId, &'a ConsumerMember, &'a [PartitionId])>,
    ) -> ClassicGroup {
        let mut classic = ClassicGroup::new(before.id, self.cx.now.wall);
        classic.transition(GroupState::Stable, self.cx.now.wall);
        classic.generation = GenerationId(before.epoch.0);
        classic.protocol_type = Some(ProtocolType::Consumer);
        classic.offsets = before.offsets.clone();
        for (id, member, target) in members {
            let Some(own) = &member.said.classic else { continue };
            let member = Member {
                instance: member.said.instance.clone(),
                session_timeout: own.session_timeout,
                rebalance_timeout: member.said.rebalance_timeout,
                client: member.said.client,
                protocols: own.protocols.clone(),
                assignment: Assignment::Partitions(target.to_vec()),
                is_new: false,
                join: None,
                sync: None,
            };
            classic.add(id, member);
        }
        classic.protocol = classic.select_protocol(self.cx.names);
        classic.subscribed = classic.subscribed_topics();
        classic
    }

    fn replace_by_classic(
        &mut self,
        groups: &mut Groups,
        mut classic: ClassicGroup,
        then: Then,
        rebalances: bool,
    ) {
        let id = classic.id;
        let Some(before) = groups.remove(&id) else { return };
        let mut records = Vec::new();
        for &member in before.consumer().into_iter().flat_map(|group| group.members.keys()) {
            self.cancel_consumer_timers(id, member);
            remove(&mut records, id, member);
        }
        for &pattern in before.consumer().into_iter().flat_map(|group| group.patterns.keys()) {
            records.push(GroupRecord::ConsumerPattern { group: id, pattern, value: None });
        }
        records.extend(tombstones(id));
        records.push(classic.current_record());
        let waiter = self.append(records, None, then);
        let append = self.appends.open.get_mut(&waiter).expect("just appended");
        append.undo = Vec::from([Undo::Downgrade(id, Box::new(before))]);
        for &member in classic.members.keys() {
            self.keep_alive(&classic, member);
        }
        if rebalances {
            self.prepare_rebalance(&mut classic);
        }
        groups.insert(id, Group::Classic(classic));
    }

    /// A group is of the new protocol again, because that it is not could not be written: nobody
    /// of the classic one may wait for it.
    pub(in crate::group) fn give_up_downgrade(&mut self, groups: &mut Groups, group: GroupId) {
        let Some(Group::Classic(classic)) = groups.get_mut(&group) else { return };
        let timers = [Timer::Join(self.partition, group), Timer::Sync(self.partition, group)];
        timers.into_iter().for_each(|timer| self.timers.cancel(timer));
        for (&id, member) in &mut classic.members {
            if let Some(token) = member.join.take() {
                self.refuse_join(token, ErrorCode::CoordinatorNotAvailable, id);
            }
            if let Some(token) = member.sync.take() {
                self.refuse_sync(token, ErrorCode::CoordinatorNotAvailable);
            }
        }
    }

    pub(super) fn cancel_consumer_timers(&mut self, group: GroupId, member: MemberId) {
        self.cancel_session(group, member);
        self.timers.cancel(Timer::Revocation(self.partition, group, member));
        self.timers.cancel(Timer::Rejoin(self.partition, group, member));
        self.timers.cancel(Timer::Resync(self.partition, group, member));
    }
}

/// A classic member as one of the new protocol, which has what it had.
fn upgraded(
    generation: GenerationId,
    member: &Member,
    topics: Vec<TopicName>,
) -> Result<ConsumerMember, ErrorCode> {
    let mut assigned = match &member.assignment {
        Assignment::Partitions(partitions) => partitions.clone(),
        none if *none == Assignment::default() => Vec::new(),
        Assignment::Opaque(_) => return Err(ErrorCode::GroupIdNotFound),
    };
    assigned.sort_unstable();
    let epoch = GroupEpoch(generation.0);
    Ok(ConsumerMember {
        said: ConsumerMemberRecord {
            instance: member.instance.clone(),
            rack: None,
            client: member.client,
            rebalance_timeout: member.rebalance_timeout,
            topics,
            pattern: TextId::EMPTY,
            assignor: None,
            classic: Some(ClassicMemberRecord {
                session_timeout: member.session_timeout,
                protocols: member.protocols.clone(),
            }),
        },
        target: assigned.clone(),
        stands: ConsumerAssignmentRecord {
            epoch,
            previous: epoch,
            state: Reconciliation::Stable,
            assigned,
            revoking: Vec::new(),
        },
    })
}
