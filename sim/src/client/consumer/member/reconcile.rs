//! Reconciliation: from the partitions a member has to those it shall have, step by step.
//!
//! Source: `AbstractMembershipManager.maybeReconcile` and `revokeAndAssign`. First what was
//! consumed is committed if the consumer commits by itself, then the application is told what it
//! loses, then what it gains, and then the coordinator is told at once.

use broker_model::types::{PartitionId, TopicId};

use super::{Consumer, Local, State};
use crate::client::ClientContext;
use crate::client::consumer::{CommitId, ConsumerEvent};

/// What a reconciliation is to bring about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// What the member has in the end.
    resolved: Local,
    revoked: Vec<PartitionId>,
    added: Vec<PartitionId>,
}

/// What is under way that waits for a commit or for the application. Where the application is
/// `told`, its next poll means that it has seen it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Nothing.
    Idle,
    /// An auto commit comes before the revocation.
    Committing {
        /// Which.
        commit: CommitId,
        /// It has ended, well or not.
        done: bool,
        /// What comes then.
        plan: Plan,
    },
    /// Partitions are taken from the application.
    Revoking {
        /// Of what.
        plan: Plan,
        /// It knows.
        told: bool,
    },
    /// Partitions are given to the application.
    Assigning {
        /// Of what.
        plan: Plan,
        /// It knows.
        told: bool,
    },
    /// Everything is lost.
    Releasing {
        /// The application knows.
        told: bool,
    },
    /// The application gave up its subscription and sees what it loses.
    Leaving,
}

impl Consumer {
    /// Takes the next step that can be taken. Says whether there was one.
    pub(super) fn take_step(&mut self, cx: &mut ClientContext<'_>) -> bool {
        let polling = self.polling;
        let nothing_assigned = self.subscriptions.is_empty();
        match std::mem::replace(&mut self.member_mut().step, Step::Idle) {
            Step::Idle => return self.begin_reconciliation(cx),
            Step::Committing { done: true, plan, .. } => {
                let step = if plan.revoked.is_empty() {
                    Step::Assigning { plan, told: false }
                } else {
                    Step::Revoking { plan, told: false }
                };
                self.member_mut().step = step;
            }
            Step::Revoking { plan, told: false } if polling => {
                let revoked = plan.revoked.clone();
                self.member_mut().step = Step::Revoking { plan, told: true };
                self.tell(ConsumerEvent::Revoked(revoked));
            }
            Step::Revoking { plan, told: true } if polling => {
                self.member_mut().step = Step::Assigning { plan, told: false };
            }
            Step::Assigning { plan, told: false } if polling => self.assign_planned(plan),
            Step::Assigning { plan, told: true } if polling => {
                self.next_auto_commit = cx.now.instant + self.config.auto_commit_interval;
                let member = self.member_mut();
                member.current = plan.resolved;
                member.state = State::Acknowledging;
            }
            Step::Releasing { told: false } if polling && !nothing_assigned => {
                self.member_mut().step = Step::Releasing { told: true };
                self.tell(ConsumerEvent::Lost(self.subscriptions.partitions()));
            }
            Step::Releasing { told } if nothing_assigned || told && polling => self.released(),
            Step::Leaving if self.events.is_empty() => self.leave_after_callback(),
            waiting => {
                self.member_mut().step = waiting;
                return false;
            }
        }
        true
    }

    /// Begins with what the member shall have, as far as metadata knows it. One that commits by
    /// itself begins in a poll only: what earlier polls gave is processed then.
    fn begin_reconciliation(&mut self, cx: &mut ClientContext<'_>) -> bool {
        let member = self.member.as_ref().expect("asked by the member's own code alone");
        if member.state != State::Reconciling || member.current == member.target {
            return false;
        }
        let known = |p: &PartitionId| self.metadata.partition(*p).is_some();
        let wanted = &member.target.partitions;
        let partitions: Vec<_> = wanted.iter().copied().filter(known).collect();
        let resolved = Local { epoch: member.target.epoch, partitions };
        let is_partial = resolved.partitions.len() < wanted.len();
        let unchanged =
            member.current != Local::NONE && resolved.partitions == member.current.partitions;
        if is_partial {
            self.metadata.request_update();
        }
        if unchanged {
            let member = self.member_mut();
            member.current = resolved;
            member.state = State::Acknowledging;
            return true;
        }
        if self.auto_commits() && !self.polling {
            return false;
        }
        let owned = self.subscriptions.partitions();
        let mut revoked = owned.clone();
        revoked.retain(|p| !resolved.partitions.contains(p));
        revoked.sort_unstable();
        let mut added = resolved.partitions.clone();
        added.retain(|p| !owned.contains(p));
        for &partition in &revoked {
            self.subscriptions.change(partition, |a| a.revoking = true);
        }
        let plan = Plan { resolved, revoked, added };
        let commit = CommitId(self.next_commit);
        let commits = self.auto_commits();
        self.member_mut().step = Step::Committing { commit, done: !commits, plan };
        if commits {
            let offsets = self.consumed();
            self.commit_before_revoking(cx, offsets);
        }
        true
    }

    /// The auto commit before a revocation has ended.
    pub(in crate::client::consumer) fn reconciliation_committed(&mut self, id: CommitId) {
        if let Step::Committing { commit, done, .. } = &mut self.member_mut().step
            && *commit == id
        {
            *done = true;
        }
    }

    fn assign_planned(&mut self, plan: Plan) {
        let topic = |p: &PartitionId| {
            (*p, self.metadata.partition(*p).map_or(TopicId::UNKNOWN, |known| known.topic))
        };
        let assigned: Vec<_> = plan.resolved.partitions.iter().map(topic).collect();
        self.subscriptions.assign(&assigned);
        let added = plan.added.clone();
        self.member_mut().step = Step::Assigning { plan, told: true };
        self.tell(ConsumerEvent::Assigned(added));
    }

    /// The application knows that it has nothing any more.
    fn released(&mut self) {
        self.clear_assignment();
        let member = self.member_mut();
        if member.state == State::Fenced {
            member.join();
        }
    }

    pub(super) fn clear_assignment(&mut self) {
        self.subscriptions.assign(&[]);
        let member = self.member_mut();
        (member.current, member.target) = (Local::NONE, Local::NONE);
        member.step = Step::Idle;
    }
}
