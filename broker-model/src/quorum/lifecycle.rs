//! Starting with what the disk holds, and ending.

use alloc::vec::Vec;

use super::Quorum;
use super::ask::Link;
use super::log::ReplicatedLog;
use super::role::{Ballot, Role};
use super::snapshots::Snapshots;
use super::store::{QuorumState, Store};
use crate::io::{Context, StopKind};
use crate::rules::{RaftResumeLeader, Rules};
use crate::types::{DirectoryId, Instant, Offset};

impl Quorum {
    /// The process starts, with what its disk holds.
    pub fn start(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        self.leaving = None;
        let snapshot = self.snapshots.latest().map(|s| (s.end, s.epoch));
        if let Some((end, epoch)) = snapshot.filter(|s| s.0 > self.log.end()) {
            // The power took records that are in the snapshot.
            self.log.begin_at(end, epoch);
        }
        if self.is_alone() {
            return self.lead_alone(cx);
        }
        self.log.forget_high_watermark();
        // What is in a snapshot is committed.
        self.log.commit(snapshot.map_or(0, |s| s.0));
        self.role = self.first_role(cx.rules, now);
        if cx.rules.raft_resume_leader == RaftResumeLeader::On
            && matches!(self.role, Role::Resigned { .. })
        {
            self.become_leader(cx);
        }
    }

    /// What it starts as, after what it has written down. A leader does not lead on, and who
    /// voted for itself asks for votes again. Source: Kafka, `QuorumState.initialize`.
    fn first_role(&mut self, rules: &Rules, now: Instant) -> Role {
        let state = self.store.state();
        let me = self.position(rules);
        let leader = state.leader.and_then(|leader| self.voter(leader));
        if leader.is_some() && leader == me {
            let until = now + self.election_time();
            let unaware = alloc::vec![false; self.voters.len()];
            return Role::Resigned { until, unaware, successors: Vec::new() };
        }
        let itself = state.voted.is_some_and(|voted| self.is_same(&voted, &self.key, rules));
        match (me, leader) {
            (Some(me), _) if itself => {
                self.store.set(QuorumState { leader: None, ..state });
                let ballot = Ballot::new(self.voters.len(), me);
                Role::Candidate { ballot, until: now + self.election_time(), lost: false }
            }
            (_, Some(leader)) => {
                let until = now + self.config.fetch_timeout;
                Role::Follower { leader, until, has_fetched: false, download: None }
            }
            _ => Role::Unattached { until: self.unattached_until(now, me.is_some()) },
        }
    }

    /// The process ends. A power cut loses what no flush covered; `durable_end` is up to where a
    /// controller that is alone has its log on disk.
    pub fn stop(&mut self, kind: StopKind, durable_end: Offset) {
        match kind {
            StopKind::Clean if !self.is_alone() => {
                self.log.set_flushed(self.log.end());
                self.store.flush_now();
            }
            StopKind::Clean | StopKind::Kill => {}
            StopKind::PowerCut => {
                let kept = if self.is_alone() {
                    u64::try_from(durable_end.0).unwrap_or(0).min(self.log.end())
                } else {
                    self.log.flushed()
                };
                assert!(
                    !self.is_alone() || kept >= self.log.high_watermark(),
                    "committed records are durable"
                );
                self.log.truncate(kept);
                self.store.power_cut();
            }
        }
        self.role = Role::Unattached { until: Instant::FAR };
        self.links.fill_with(Link::default);
        self.said.clear();
        self.flushing = None;
        self.leaving = None;
    }

    /// A stopped controller gets an empty disk, as a directory that nobody knows (KIP-853).
    pub fn replace_disk(&mut self, directory: DirectoryId) {
        self.key.directory = directory;
        self.log = ReplicatedLog::default();
        self.snapshots = Snapshots::default();
        self.store = Store::default();
    }
}
