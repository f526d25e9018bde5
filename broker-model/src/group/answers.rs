//! What clients hear when a write is replicated, or is not.

use alloc::vec::Vec;

use super::desk::{Desk, Parked, Then, Timer, append_error, refused_join, refused_sync};
use super::groups::{Groups, classic_group};
use crate::coordinator::Waiter;
use crate::io::Token;
use crate::protocol::consumer_group::ConsumerGroupHeartbeatResponse;
use crate::protocol::group::{HeartbeatResponse, LeaveGroupResponse, OffsetCommitResponse};
use crate::protocol::group_admin::{DeleteGroupsResponse, OffsetDeleteResponse};
use crate::protocol::txn::TxnOffsetCommitResponse;
use crate::protocol::{ErrorCode, Response};
use crate::types::PartitionId;

impl Desk<'_, '_> {
    /// What a write is for that is replicated.
    pub(super) fn succeed(&mut self, groups: &mut Groups, then: Then) {
        match then {
            Then::Nothing => {}
            Then::Assignment { group, generation, assignment } => {
                if let Some(group) = classic_group(groups, group) {
                    self.assignment_stored(group, generation, assignment);
                }
            }
            Then::StaticMember(r) => {
                if let Some(group) = classic_group(groups, r.group) {
                    self.static_member_stored(group, &r);
                }
            }
            Then::Offsets { group, token, partitions, txn } => {
                let written = partitions.iter().filter(|(_, e)| *e == ErrorCode::None).count();
                if !txn && written > 0 {
                    self.note_committed(group, written);
                }
                self.reply(token, offsets_response(partitions, txn));
            }
            Then::Heartbeat { token, error } => self.reply_heartbeat(token, error),
            Then::Left { token, members } => self.reply_leave(token, ErrorCode::None, members),
            Then::Deleted { token, response } => self.reply(token, response),
            Then::ConsumerHeartbeat { token, response } => {
                self.reply(token, Response::ConsumerGroupHeartbeat(response));
            }
            Then::ClassicJoin { token, join } => self.classic_joined(token, join),
            Then::ClassicSync { group, member, token, response } => {
                self.classic_synced(groups, (group, member), token, response);
            }
        }
    }

    /// What a write is for that was refused, or took too long.
    pub(super) fn fail(&mut self, groups: &mut Groups, then: Then, error: ErrorCode) {
        let error = append_error(error);
        match then {
            Then::Nothing => {}
            Then::Assignment { group, generation, .. } => {
                if let Some(group) = classic_group(groups, group) {
                    self.assignment_not_stored(group, generation, error);
                }
            }
            Then::StaticMember(r) => {
                if let Some(group) = classic_group(groups, r.group) {
                    self.static_member_not_stored(group, r, error);
                }
            }
            Then::Offsets { token, partitions, txn, .. } => {
                self.reply(token, offsets_response(refused(partitions, error), txn));
            }
            Then::Heartbeat { token, .. } => {
                self.reply_heartbeat(token, failed_heartbeat(error));
            }
            Then::Left { token, .. } => self.reply_leave(token, error, Vec::new()),
            Then::Deleted { token, response } => self.reply(token, not_deleted(&response, error)),
            Then::ConsumerHeartbeat { token, .. } => self.reply(token, refused_heartbeat(error)),
            Then::ClassicJoin { token, join } => {
                self.refuse_join(token, error, join.response.member);
            }
            Then::ClassicSync { token, .. } => self.refuse_sync(token, error),
        }
    }

    /// Answers what waited for the writes before it.
    pub(super) fn answer_parked(&mut self, groups: &mut Groups, parked: Vec<Parked>) {
        for parked in parked {
            match parked {
                Parked::Fetch(token, request) => self.answer_fetch(groups, token, &request),
                Parked::Answer(number, then) => {
                    self.timers.cancel(Timer::Answer(self.partition, number));
                    self.succeed(groups, then);
                }
            }
        }
    }

    /// An answer waited too long for the writes before it: its client hears so.
    pub(super) fn give_up_answer(&mut self, groups: &mut Groups, number: Waiter) {
        let mut found = self.log.parked.values_mut().flatten().filter_map(|parked| match parked {
            Parked::Answer(own, then) if *own == number => Some(then),
            _ => None,
        });
        if let Some(then) = found.next() {
            let then = core::mem::replace(then, Then::Nothing);
            self.fail(groups, then, ErrorCode::RequestTimedOut);
        }
    }

    /// Answers that waited for a write which failed tell of what never was.
    pub(super) fn refuse_answers(
        &mut self,
        groups: &mut Groups,
        parked: Vec<Parked>,
        error: ErrorCode,
    ) -> Vec<Parked> {
        let mut rest = Vec::new();
        for parked in parked {
            match parked {
                Parked::Answer(number, then) => {
                    self.timers.cancel(Timer::Answer(self.partition, number));
                    self.fail(groups, then, error);
                }
                parked @ Parked::Fetch(..) => rest.push(parked),
            }
        }
        rest
    }
}

fn refused_heartbeat(error: ErrorCode) -> Response {
    Response::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse::refused(error))
}

/// Answers whoever waits for an append that this coordinator will not see.
pub(super) fn refuse_then(then: Then, error: ErrorCode, reply: &mut impl FnMut(Token, Response)) {
    match then {
        // Waiting joins and syncs are kept with their members.
        Then::Nothing | Then::Assignment { .. } | Then::StaticMember(_) => {}
        Then::Offsets { token, partitions, txn, .. } => {
            reply(token, offsets_response(refused(partitions, error), txn));
        }
        Then::Heartbeat { token, .. } => {
            let error = failed_heartbeat(error);
            reply(token, Response::Heartbeat(HeartbeatResponse { error }));
        }
        Then::Left { token, .. } => {
            let response = LeaveGroupResponse { error, members: Vec::new() };
            reply(token, Response::LeaveGroup(response));
        }
        Then::Deleted { token, response } => reply(token, not_deleted(&response, error)),
        Then::ConsumerHeartbeat { token, .. } => reply(token, refused_heartbeat(error)),
        Then::ClassicJoin { token, join } => {
            reply(token, Response::JoinGroup(refused_join(error, join.response.member)));
        }
        Then::ClassicSync { token, .. } => reply(token, Response::SyncGroup(refused_sync(error))),
    }
}

/// What a heartbeat is told in place of an error: a coordinator that loads lets members live.
/// Source: Kafka, `GroupCoordinatorService.heartbeat`.
const fn failed_heartbeat(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::CoordinatorLoadInProgress => ErrorCode::None,
        other => other,
    }
}

/// What stands in place of the answer to a deletion that could not be written.
fn not_deleted(response: &Response, error: ErrorCode) -> Response {
    match response {
        Response::OffsetDelete(_) => {
            Response::OffsetDelete(OffsetDeleteResponse { error, partitions: Vec::new() })
        }
        _ => Response::DeleteGroups(DeleteGroupsResponse { error }),
    }
}

/// The error in place of every success.
fn refused(
    mut partitions: Vec<(PartitionId, ErrorCode)>,
    error: ErrorCode,
) -> Vec<(PartitionId, ErrorCode)> {
    // Partitions that do not exist were answered before the coordinator was asked.
    for (partition, answer) in &mut partitions {
        if *partition != PartitionId::UNKNOWN {
            *answer = error;
        }
    }
    partitions
}

fn offsets_response(partitions: Vec<(PartitionId, ErrorCode)>, txn: bool) -> Response {
    if txn {
        Response::TxnOffsetCommit(TxnOffsetCommitResponse { partitions })
    } else {
        Response::OffsetCommit(OffsetCommitResponse { partitions })
    }
}
