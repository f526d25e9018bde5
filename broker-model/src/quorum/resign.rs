//! The end of a leadership: `EndQuorumEpoch`, and stopping in order.

use alloc::vec::Vec;

use super::Quorum;
use super::config::LEAVE_MAX;
use super::role::Role;
use crate::io::{Context, Token};
use crate::protocol::quorum::{EndQuorumEpochRequest, EndQuorumEpochResponse};
use crate::protocol::{ErrorCode, Response};
use crate::types::{Duration, Instant, MILLISECOND, NodeId};

impl Quorum {
    /// It leads no more, and tells the others, the best first.
    pub(super) fn resign(&mut self, cx: &mut Context<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let ends = leader.ends.clone();
        let mut others = self.others();
        others.sort_by_key(|&voter| core::cmp::Reverse(ends[voter]));
        let successors: Vec<NodeId> = others.iter().map(|&v| self.voters[v].node).collect();
        self.end_leadership(cx);
        let mut unaware = alloc::vec![true; self.voters.len()];
        if let Some(me) = self.position(cx.rules) {
            unaware[me] = false;
        }
        let until = cx.now.instant + self.election_time();
        self.role = Role::Resigned { until, unaware, successors };
    }

    /// The process is asked to stop. Returns whether it may at once, because it does not vote or
    /// knows that another leads. Otherwise it waits for a leader, for which it may vote; a leader
    /// resigns, at once or when it is elected. Meanwhile no wait of its own ends. Source: Kafka,
    /// `KafkaRaftClient.maybeCompleteShutdown`, `pollResigned`, `pollUnattachedAsVoter`,
    /// `pollCandidate`.
    pub fn leave(&mut self, cx: &mut Context<'_>) -> bool {
        if self.is_alone() || self.position(cx.rules).is_none() || self.another_leads() {
            return true;
        }
        self.resign(cx);
        self.leaving = Some(cx.now.instant + LEAVE_MAX);
        false
    }

    fn another_leads(&self) -> bool {
        self.store.state().leader.is_some_and(|leader| leader != self.key.node)
    }

    /// Whether one that leaves has waited for long enough: there is a successor, or none comes.
    #[must_use]
    pub fn has_left(&self, now: Instant) -> bool {
        self.leaving.is_some_and(|until| self.another_leads() || until <= now)
    }

    /// The leader resigns.
    pub(super) fn end_asked(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        r: &EndQuorumEpochRequest,
    ) {
        let error = self.leader_named(cx, r.leader, r.epoch);
        if error == ErrorCode::None {
            let wait = self.succession_wait(&r.successors);
            let leader = self.voter(r.leader);
            if let Role::Follower { leader: known, until, .. } = &mut self.role
                && Some(*known) == leader
            {
                *until = cx.now.instant + wait;
            }
        }
        let response = EndQuorumEpochResponse { error, known: self.known() };
        self.say(cx, Some((token, Response::EndQuorumEpoch(response))), None);
    }

    /// The first successor tries at once; each after it waits twice as long as the one before, the
    /// last one for half of the largest back-off, whole milliseconds of the second one's wait
    /// doubled. Who is not in the list waits for the largest. Source: Kafka,
    /// `KafkaRaftClient.strictExponentialElectionBackoffMs`.
    fn succession_wait(&self, successors: &[NodeId]) -> Duration {
        let max = self.config.election_backoff_max;
        match successors.iter().position(|node| *node == self.key.node) {
            Some(0) => 0,
            Some(place) => {
                let second = (max / MILLISECOND) >> (successors.len() - 1);
                (second << (place - 1)) * MILLISECOND
            }
            None => max,
        }
    }
}
