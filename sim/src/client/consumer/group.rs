//! The consumer's part in its group, whichever protocol it speaks: what the rest of the consumer
//! asks of `membership` (classic) or `member` (KIP-848).

use broker_model::protocol::ErrorCode;
use broker_model::types::{GenerationId, GroupEpoch, Instant, MemberId};

use super::event::{CommitError, CommitId, ConsumerError};
use super::membership::{MemberState, NO_GENERATION, NO_MEMBER};
use super::{Consumer, join};
use crate::client::{ClientContext, GroupMetadata};

impl Consumer {
    /// The application polled.
    pub(super) fn group_polled(&mut self, now: Instant) {
        let interval = self.config.max_poll_interval;
        match &mut self.member {
            Some(member) => member.polled(now, interval),
            None => self.membership.polled(now, interval),
        }
    }

    /// The application subscribed.
    pub(super) fn group_subscribed(&mut self) {
        match &mut self.member {
            Some(member) => member.subscribed(),
            None => self.membership.rejoin_needed = true,
        }
    }

    /// What goes on without the application, by a clock of its own.
    pub(super) fn group_clock(&mut self, cx: &mut ClientContext<'_>) {
        // A member of the new protocol looks at its clock wherever it is driven.
        if self.member.is_none() {
            self.heartbeat(cx);
        }
    }

    /// Goes on with joining, rebalances and leaving.
    pub(super) fn advance_group(&mut self, cx: &mut ClientContext<'_>) {
        if self.member.is_some() {
            self.drive_member(cx);
        } else if self.polling {
            self.advance_membership(cx);
        }
    }

    /// Who commits, where partitions come from the group. The classic consumer knows by itself
    /// when it is of no use to ask.
    pub(super) fn committer(&self) -> Result<(MemberId, GenerationId), CommitError> {
        if let Some(member) = &self.member {
            return Ok(member.committer());
        }
        if self.topics.is_empty() {
            return Ok((NO_MEMBER, NO_GENERATION));
        }
        match self.membership.state {
            MemberState::Stable => Ok((self.membership.member, self.membership.generation)),
            MemberState::Unjoined => Err(CommitError::CommitFailed),
            _ => Err(CommitError::RebalanceInProgress),
        }
    }

    /// Who reads offsets, if it is a member of the new protocol.
    pub(super) fn reader(&self) -> Option<(MemberId, GroupEpoch)> {
        self.member.as_ref()?.reader()
    }

    /// The auto commit before a revocation has ended, well or not.
    pub(super) fn prepared(&mut self, id: CommitId) {
        if self.member.is_some() {
            self.reconciliation_committed(id);
        } else if matches!(self.membership.step, join::Step::Committing { .. }) {
            self.membership.step = join::Step::Committing { done: true };
        }
    }

    /// The group refuses this consumer for good.
    pub(super) fn fail(&mut self, error: ErrorCode) {
        if self.member.is_some() {
            self.member_failed(error);
            return;
        }
        self.membership.failed = true;
        self.membership.step = join::Step::Idle;
        self.throw(ConsumerError::Group(error));
    }

    /// When the group calls for something next.
    pub(super) fn group_deadline(&self, now: Instant) -> Instant {
        match &self.member {
            Some(member) => self.member_deadline(member, now),
            None => self.membership_deadline(now),
        }
    }

    /// Who the member is, for offsets sent to a transaction (KIP-447): of the classic
    /// protocol as of the last completed join, of the new one with the last member epoch that
    /// was heard of.
    #[must_use]
    pub fn group_metadata(&self) -> Option<GroupMetadata> {
        let (member, generation) = match &self.member {
            Some(member) => member.told(),
            None => self.membership.completed,
        };
        let instance = self.config.group_instance_id.clone();
        Some(GroupMetadata { group: self.group?, member, instance, generation })
    }

    /// Member and generation as the background clock knows them: none once it was expelled.
    #[must_use]
    pub fn live_member(&self) -> Option<(MemberId, GenerationId)> {
        let live = match &self.member {
            Some(member) => member.live(),
            None => (self.membership.member, self.membership.generation),
        };
        self.group.map(|_| live)
    }
}
