//! The end of a consumer: commit, revoke, leave.

use super::join::Step;
use super::membership::{NO_GENERATION, NO_MEMBER};
use super::{Consumer, ConsumerEvent};
use crate::client::ClientContext;

/// How far a close has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Closing {
    /// Not asked for.
    No,
    /// The auto commit is on its way.
    Committing { leave: bool },
    /// The application is told of the revocation.
    Revoking { leave: bool },
    /// Done: nothing is sent any more.
    Closed,
}

impl Consumer {
    /// Ends the consumer: auto commit if it is on, `Revoked`, then `LeaveGroup` if `leave` and
    /// the member is dynamic. `Closed` tells the end; call [`Self::turn`] when the events before
    /// it are taken. As in Java, a cooperative member that closes in the middle of a round cannot
    /// commit what it was given since the round began.
    pub fn close(&mut self, cx: &mut ClientContext<'_>, leave: bool) {
        if self.closing != Closing::No {
            return;
        }
        self.polling = false;
        self.close_committed = false;
        self.closing = Closing::Committing { leave };
        if self.auto_commits() && self.coordinator.node.is_some() {
            self.commit_before_closing(cx);
        } else {
            self.close_committed = true;
        }
        self.drive_close(cx);
        self.set_deadline(cx.now.instant);
    }

    /// Whether [`Self::close`] has come to its end.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closing == Closing::Closed
    }

    pub(super) fn drive_close(&mut self, cx: &mut ClientContext<'_>) {
        if let Closing::Committing { leave } = self.closing
            && self.close_committed
        {
            self.closing = Closing::Revoking { leave };
            self.revoke_all();
        }
        if let Closing::Revoking { leave } = self.closing
            && self.events.is_empty()
        {
            self.closing = Closing::Closed;
            self.subscriptions.assign(&[]);
            if self.member.is_some() {
                self.leave_on_close(cx, leave);
            } else if leave {
                self.leave_group(cx);
            }
            self.membership.reset(true);
            self.end_sessions(cx);
            self.events.push_back(ConsumerEvent::Closed);
        }
    }

    /// Gives up the subscription: `Revoked`, and leaves the group, of the classic protocol at
    /// once, of the new one when the events are taken. Nothing is committed.
    pub fn unsubscribe(&mut self, cx: &mut ClientContext<'_>) {
        self.polling = false;
        if self.member.is_some() {
            self.topics.clear();
            self.unsubscribe_member(cx);
        } else {
            self.revoke_all();
            self.leave_group(cx);
            self.membership.reset(true);
            self.membership.rejoin_needed = false;
            self.topics.clear();
            self.subscriptions.assign(&[]);
        }
        self.set_deadline(cx.now.instant);
    }

    fn revoke_all(&mut self) {
        if self.topics.is_empty() {
            return;
        }
        if self.member.is_some() {
            self.revoke_on_close();
            return;
        }
        // What a round under way has told as revoked is not told again.
        let mut partitions = self.subscriptions.partitions();
        match &self.membership.step {
            Step::Revoking { keep } => partitions.retain(|p| keep.iter().any(|(k, _)| k == p)),
            Step::Completing { assignment, told: true } => {
                partitions.retain(|p| assignment.contains(p));
            }
            _ => {}
        }
        if partitions.is_empty() {
            return;
        }
        let none =
            self.membership.generation == NO_GENERATION || self.membership.member == NO_MEMBER;
        self.tell(if none {
            ConsumerEvent::Lost(partitions)
        } else {
            ConsumerEvent::Revoked(partitions)
        });
    }
}
