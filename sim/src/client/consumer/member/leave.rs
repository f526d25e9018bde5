//! Leaving: by `unsubscribe`, and at the end.
//!
//! Source: `AbstractMembershipManager.leaveGroup`, `AsyncKafkaConsumer.close`.

use broker_model::types::{GroupEpoch, PartitionId};

use super::reconcile::Step;
use super::{Consumer, Local, State};
use crate::client::ClientContext;
use crate::client::consumer::ConsumerEvent;
use crate::client::consumer::membership::{NO_GENERATION, NO_MEMBER};
use crate::client::consumer::requests::Purpose;

impl Consumer {
    /// The application gives up its subscription: it sees what it loses, then the member leaves.
    pub(in crate::client::consumer) fn unsubscribe_member(&mut self, cx: &mut ClientContext<'_>) {
        let member = self.member_mut();
        member.subscription_changed = false;
        member.told = (NO_MEMBER, NO_GENERATION);
        if member.is_out() {
            if matches!(member.state, State::Fenced | State::Stale) {
                member.state = State::Unsubscribed;
            }
            self.clear_assignment();
            return;
        }
        if member.is_leaving() {
            return;
        }
        let is_member = member.epoch > GroupEpoch::JOINING;
        member.state = State::PrepareLeaving;
        member.step = Step::Leaving;
        let partitions = self.subscriptions.partitions();
        self.tell_dropped(partitions, is_member);
        self.drive_member(cx);
    }

    fn tell_dropped(&mut self, mut partitions: Vec<PartitionId>, is_member: bool) {
        partitions.sort_unstable();
        if partitions.is_empty() {
            return;
        }
        self.tell(if is_member {
            ConsumerEvent::Revoked(partitions)
        } else {
            ConsumerEvent::Lost(partitions)
        });
    }

    pub(super) fn leave_after_callback(&mut self) {
        self.clear_assignment();
        let epoch = self.leave_epoch();
        let member = self.member_mut();
        if member.state == State::PrepareLeaving {
            member.enter(epoch);
            member.state = State::Leaving;
        }
    }

    /// The end of the consumer: what the application loses.
    pub(in crate::client::consumer) fn revoke_on_close(&mut self) {
        let is_member = self.member_mut().told.1.0 > 0;
        let partitions = self.subscriptions.partitions();
        self.tell_dropped(partitions, is_member);
    }

    /// The end of the consumer. A dynamic member that is not to leave just falls silent; a
    /// static one always says that it will come back.
    pub(in crate::client::consumer) fn leave_on_close(
        &mut self,
        cx: &mut ClientContext<'_>,
        leave: bool,
    ) {
        let epoch = self.leave_epoch();
        let says_so = leave || epoch == GroupEpoch::LEAVING_FOR_NOW;
        let member = self.member_mut();
        let was_out = member.is_out();
        member.enter(epoch);
        member.state = State::Unsubscribed;
        member.current = Local::NONE;
        member.step = Step::Idle;
        if let Some(node) = self.coordinator.node
            && says_so
            && !was_out
        {
            self.send_heartbeat_to(cx, node, Purpose::LeaveGroup);
        }
    }
}
