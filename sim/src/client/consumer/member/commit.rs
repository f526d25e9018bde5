//! Commits of a member of the new protocol, where they differ from those of a classic one.
//!
//! Source: `CommitRequestManager`. The coordinator alone knows whether a commit may be made: a
//! member that was expelled asks without an epoch.

use broker_model::protocol::ErrorCode;

use super::Consumer;
use crate::client::ClientContext;
use crate::client::consumer::CommitError;
use crate::client::consumer::commit::Kind;

impl Consumer {
    /// Java's new consumer has one auto commit under way at most; the classic one does not care.
    pub(in crate::client::consumer) fn auto_commit_waits(&self) -> bool {
        let is_auto = |kind| matches!(kind, Kind::Interval | Kind::Prepare);
        self.member.is_some() && self.commits.iter().any(|commit| is_auto(commit.kind))
    }

    /// The coordinator refused a commit.
    pub(in crate::client::consumer) fn member_commit_refused(
        &mut self,
        cx: &mut ClientContext<'_>,
        at: usize,
        error: ErrorCode,
    ) {
        let commit = &self.commits[at];
        let (id, kind) = (commit.id, commit.kind);
        match error {
            ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::RequestTimedOut => {
                self.coordinator_lost(cx);
                self.commit_retriable(cx, id, error);
            }
            ErrorCode::CoordinatorLoadInProgress | ErrorCode::UnknownTopicOrPartition => {
                self.commit_retriable(cx, id, error);
            }
            ErrorCode::StaleMemberEpoch if kind == Kind::Prepare && self.reader().is_some() => {
                self.commit_retriable(cx, id, error);
            }
            ErrorCode::UnknownMemberId => self.end_commit(at, Err(CommitError::CommitFailed)),
            ErrorCode::StaleMemberEpoch if kind == Kind::Sync => {
                self.end_commit(at, Err(CommitError::CommitFailed));
            }
            _ => self.end_commit(at, Err(CommitError::Refused(error))),
        }
    }
}
