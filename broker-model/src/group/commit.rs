//! `OffsetCommit`, `TxnOffsetCommit` and `OffsetFetch`.
//! Source: Kafka 4.1, `OffsetMetadataManager`.

use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;

use super::classic_group::{ClassicGroup, GroupState};
use super::desk::{Desk, Parked, Then, as_instance};
use super::groups::{Group, Groups};
use super::join::NO_MEMBER;
use super::offsets::GroupOffsets;
use crate::io::Token;
use crate::note::Note;
use crate::protocol::group::{
    CommittedOffset, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse,
};
use crate::protocol::txn::TxnOffsetCommitRequest;
use crate::protocol::{ErrorCode, Header, Response};
use crate::records::{Content, GroupRecord, OffsetRecord};
use crate::rules::{OffsetCommitRule, OffsetFetchStable, TxnOffsetCommitGenerationCheck};
use crate::types::{
    Duration, GenerationId, GroupEpoch, GroupId, MILLISECOND, MemberId, PartitionId, Timestamp,
};

/// From this version on a missing group has an error of its own.
const KNOWS_GROUP_ID_NOT_FOUND: i16 = 9;

/// Who commits.
struct Committer<'a> {
    member: MemberId,
    instance: Option<&'a str>,
    generation: GenerationId,
    txn: bool,
    version: i16,
}

/// What all offsets of a commit have in common.
struct Committed {
    group: GroupId,
    /// Why the commit is refused, or none.
    error: ErrorCode,
    /// When the offsets expire, where the commit says so.
    expires: Option<Timestamp>,
}

impl Desk<'_, '_> {
    pub(super) fn offset_commit(
        &mut self,
        groups: &mut Groups,
        token: Token,
        header: Header,
        request: &OffsetCommitRequest,
    ) {
        let who = Committer {
            member: request.member,
            instance: as_instance(request.instance.as_ref()),
            generation: request.generation,
            txn: false,
            version: header.api_version,
        };
        let missing = if header.api_version >= KNOWS_GROUP_ID_NOT_FOUND {
            ErrorCode::GroupIdNotFound
        } else {
            ErrorCode::IllegalGeneration
        };
        let error = self.committing_group(groups, request.group, &who, missing, &request.offsets);
        let now = self.cx.now.wall;
        let expires = |kept| Timestamp(now.0.saturating_add(milliseconds(kept)));
        let of = Committed { group: request.group, error, expires: request.retention.map(expires) };
        let (partitions, records) = self.offset_records(&of, &request.offsets);
        if !records.is_empty() && self.cx.rules.offset_commit == OffsetCommitRule::Forgotten {
            return self.reply(token, Response::OffsetCommit(OffsetCommitResponse { partitions }));
        }
        let then = Then::Offsets { group: request.group, token, partitions, txn: false };
        if records.is_empty() {
            return self.nothing_to_commit(groups, error, then);
        }
        self.note_accepted(request.group, &who, &records);
        self.append(records, None, then);
    }

    pub(super) fn txn_offset_commit(
        &mut self,
        groups: &mut Groups,
        token: Token,
        request: &TxnOffsetCommitRequest,
    ) {
        let who = Committer {
            member: request.member,
            instance: as_instance(request.instance.as_ref()),
            generation: request.generation,
            txn: true,
            version: 0,
        };
        let missing = ErrorCode::IllegalGeneration;
        let error = self.committing_group(groups, request.group, &who, missing, &request.offsets);
        let of = Committed { group: request.group, error, expires: None };
        let (partitions, records) = self.offset_records(&of, &request.offsets);
        let then = Then::Offsets { group: request.group, token, partitions, txn: true };
        if records.is_empty() {
            return self.nothing_to_commit(groups, error, then);
        }
        self.note_accepted(request.group, &who, &records);
        self.append(records, Some(request.producer), then);
    }

    /// Nothing of a commit is written. Who may not commit hears it at once, and of partitions that
    /// do not exist the coordinator is not asked; metadata that is too long is found in a write
    /// without records, which has its place behind the writes before it. Source: Kafka,
    /// `OffsetMetadataManager.commitOffset`, `CoordinatorRuntime`.
    fn nothing_to_commit(&mut self, groups: &mut Groups, error: ErrorCode, then: Then) {
        let Then::Offsets { partitions, .. } = &then else { return };
        let judged = partitions.iter().any(|(partition, _)| *partition != PartitionId::UNKNOWN);
        if error == ErrorCode::None && judged {
            self.follow_writes(groups, then);
        } else {
            self.succeed(groups, then);
        }
    }

    /// Tells of what a member commits; who is none answers for himself.
    fn note_accepted(&mut self, group: GroupId, who: &Committer<'_>, records: &[GroupRecord]) {
        if who.generation.0 < 0 {
            return;
        }
        let of = |record: &GroupRecord| match record {
            GroupRecord::Offset { partition, .. } => Some(*partition),
            _ => None,
        };
        let (node, member, generation) = (self.node, who.member, who.generation);
        let partitions = records.iter().filter_map(of).collect();
        self.cx.note(Note::CommitAccepted { node, group, member, generation, partitions });
    }

    /// Checks who commits; a commit from outside makes the group.
    fn committing_group(
        &mut self,
        groups: &mut Groups,
        id: GroupId,
        who: &Committer<'_>,
        missing: ErrorCode,
        offsets: &[CommittedOffset],
    ) -> ErrorCode {
        let group = match groups.entry(id) {
            Entry::Occupied(group) => group.into_mut(),
            Entry::Vacant(_) if who.generation.0 >= 0 => return missing,
            // Partitions are judged first: nothing is left to make a group for.
            Entry::Vacant(_) if offsets.iter().all(|o| o.partition == PartitionId::UNKNOWN) => {
                return ErrorCode::None;
            }
            Entry::Vacant(place) => place.insert(Group::new(id, self.cx.now.wall)),
        };
        let group = match group {
            Group::Classic(group) => group,
            Group::Consumer(group) => {
                let epoch = GroupEpoch(who.generation.0);
                return group.check_commit(who.member, who.instance, epoch, who.txn, who.version);
            }
        };
        let unchecked = who.txn
            && self.cx.rules.txn_offset_commit_generation_check
                == TxnOffsetCommitGenerationCheck::Off;
        let error = if unchecked { ErrorCode::None } else { validate_commit(group, who) };
        let alive = matches!(group.state, GroupState::Stable | GroupState::PreparingRebalance);
        if error == ErrorCode::None && !who.txn && alive {
            self.keep_alive(group, who.member);
        }
        error
    }

    /// Each partition's answer, and the records of those that are accepted.
    fn offset_records(
        &self,
        of: &Committed,
        offsets: &[CommittedOffset],
    ) -> (Vec<(PartitionId, ErrorCode)>, Vec<GroupRecord>) {
        let mut answers = Vec::with_capacity(offsets.len());
        let mut records = Vec::new();
        for offset in offsets {
            let partition = offset.partition;
            if partition == PartitionId::UNKNOWN {
                answers.push((partition, ErrorCode::UnknownTopicOrPartition));
                continue;
            }
            let text = self.cx.names.text_of(offset.metadata);
            let error = match of.error {
                ErrorCode::None
                    if text.encode_utf16().count() > self.settings.offset_metadata_max_bytes =>
                {
                    ErrorCode::OffsetMetadataTooLarge
                }
                error => error,
            };
            answers.push((partition, error));
            if error == ErrorCode::None {
                let group = of.group;
                let value = Some(OffsetRecord {
                    offset: offset.offset,
                    leader_epoch: offset.leader_epoch,
                    metadata: offset.metadata,
                    commit_timestamp: self.cx.now.wall,
                    expire_timestamp: of.expires,
                });
                records.push(GroupRecord::Offset { group, partition, value });
            }
        }
        (answers, records)
    }

    pub(super) fn offset_fetch(
        &mut self,
        groups: &Groups,
        token: Token,
        request: OffsetFetchRequest,
    ) {
        // A stable fetch is ordered behind the writes before it, as in Kafka.
        if request.require_stable
            && let Some(&last) = self.log.in_flight.last()
        {
            self.log.parked.entry(last).or_default().push(Parked::Fetch(token, request));
            return;
        }
        // Such a fetch is a write without records: it sees what is not replicated yet, too.
        if request.require_stable
            && !self.log.tail.is_empty()
            && let Some(group) = groups.get(&request.group)
        {
            let latest = self.with_tail(request.group, group.offsets());
            return self.answer_offsets(Some(&latest), token, &request);
        }
        self.answer_fetch(groups, token, &request);
    }

    /// A group's offsets at the end of the log that the shard was loaded from.
    fn with_tail(&self, group: GroupId, offsets: &GroupOffsets) -> GroupOffsets {
        let mut offsets = offsets.clone();
        for waiter in &self.log.tail {
            let Some(append) = self.appends.open.get(waiter) else { continue };
            let batch = self.cx.batches.get(append.batch);
            if let Content::Marker { commit, .. } = batch.content {
                offsets.end(batch.producer_id, commit);
            }
            for record in self.cx.batches.group_records(append.batch) {
                if let GroupRecord::Offset { group: id, partition, value } = record
                    && *id == group
                {
                    offsets.replay(batch.producer_id, *partition, *value, append.position);
                }
            }
        }
        offsets
    }

    pub(super) fn answer_fetch(
        &mut self,
        groups: &Groups,
        token: Token,
        request: &OffsetFetchRequest,
    ) {
        let group = groups.get(&request.group);
        let error = match group {
            Some(Group::Consumer(group)) => group.check_fetch(request.who),
            _ => ErrorCode::None,
        };
        if error != ErrorCode::None {
            let response = OffsetFetchResponse { error, partitions: Vec::new() };
            return self.reply(token, Response::OffsetFetch(response));
        }
        let offsets = group.map(Group::offsets);
        self.answer_offsets(offsets, token, request);
    }

    fn answer_offsets(
        &mut self,
        offsets: Option<&GroupOffsets>,
        token: Token,
        request: &OffsetFetchRequest,
    ) {
        let rules = self.cx.rules;
        let answer = |partition: PartitionId| {
            let mut offset = CommittedOffset::none(partition);
            let Some(known) = offsets else { return (ErrorCode::None, offset) };
            let waits =
                request.require_stable && rules.offset_fetch_stable == OffsetFetchStable::On;
            if waits && known.is_pending(partition) {
                return (ErrorCode::UnstableOffsetCommit, offset);
            }
            if let Some(c) = known.committed.get(&partition) {
                offset.offset = c.record.offset;
                offset.leader_epoch = c.record.leader_epoch;
                offset.metadata = c.record.metadata;
            }
            (ErrorCode::None, offset)
        };
        let partitions = match (&request.partitions, offsets) {
            (Some(wanted), _) => wanted.iter().copied().map(answer).collect(),
            (None, Some(known)) => known.committed.keys().copied().map(answer).collect(),
            (None, None) => Vec::new(),
        };
        let response = OffsetFetchResponse { error: ErrorCode::None, partitions };
        self.reply(token, Response::OffsetFetch(response));
    }
}

/// As the wire counts.
pub(super) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time / MILLISECOND).unwrap_or(i64::MAX)
}

/// Source: Kafka 4.1, `ClassicGroup.validateOffsetCommit`.
fn validate_commit(group: &ClassicGroup, who: &Committer<'_>) -> ErrorCode {
    let outside = who.generation.0 < 0;
    if group.state == GroupState::Dead {
        return ErrorCode::CoordinatorNotAvailable;
    }
    if outside && group.state == GroupState::Empty {
        return ErrorCode::None;
    }
    if !outside || who.member != NO_MEMBER || who.instance.is_some() {
        let error = group.validate_member(who.member, who.instance);
        if error != ErrorCode::None {
            return error;
        }
        if who.generation != group.generation {
            return ErrorCode::IllegalGeneration;
        }
    } else if !who.txn {
        return ErrorCode::UnknownMemberId;
    }
    if !who.txn && group.state == GroupState::CompletingRebalance {
        return ErrorCode::RebalanceInProgress;
    }
    ErrorCode::None
}
