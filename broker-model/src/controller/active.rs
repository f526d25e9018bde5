//! Becoming the active controller, and ceasing to be it. Source: Kafka, `QuorumController`.

use super::{Controller, Timers, features};
use crate::io::Context;
use crate::records::MetadataRecord;
use crate::types::Instant;

impl Controller {
    /// Brings the decider in line with its quorum: it is active while the quorum has it
    /// established as leader, and knows what is committed.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>) {
        let established = self.quorum.established();
        if self.active.is_some() && self.active != established {
            self.renounce(cx);
        }
        if self.active.is_none() {
            self.follow(cx);
            if established.is_some() {
                self.active = established;
                self.claim(cx);
            }
        }
        let committed = self.quorum.committed();
        self.purgatory.committed(cx, committed, &mut self.news);
        self.maybe_snapshot(cx);
        self.quorum.drive(cx);
        if self.quorum.is_leader() {
            self.answer_readers(cx, |quorum, reader| reader.from < quorum.committed());
        } else if !self.readers.is_empty() {
            self.turn_readers_away(cx);
        }
    }

    /// A controller that is not active knows what is committed, and nothing else.
    fn follow(&mut self, cx: &mut Context<'_>) {
        let known = self.quorum.log_start()..=self.quorum.committed();
        if !known.contains(&self.image.end()) {
            self.load_snapshot(cx);
            self.timers.snapshot = self.next_snapshot(cx.now.instant);
        }
        self.replay_to(self.quorum.committed());
    }

    /// Replays records up to an end. Those that are committed are news, the others will be.
    fn replay_to(&mut self, end: u64) {
        let committed = self.quorum.committed();
        for offset in self.image.end()..end {
            let record = &self.quorum.range(offset, offset + 1)[0];
            let note = self.note_of(offset, record);
            self.image.apply(offset, record);
            if offset < committed {
                self.news.extend(note.map(|note| (offset, note)));
            } else {
                self.purgatory.tell(offset, note);
            }
        }
    }

    /// It decides from now on, by its whole log. Every broker gets a whole session; the first
    /// controller of a cluster begins with the features that the cluster was formatted with.
    fn claim(&mut self, cx: &mut Context<'_>) {
        self.replay_to(self.quorum.end());
        let formatted = |r: &MetadataRecord| !matches!(r, MetadataRecord::LeaderChange { .. });
        if self.quorum.log_start() == 0 && !self.quorum.records().iter().any(formatted) {
            self.append(features::bootstrap(self.config.release, self.config.transaction_version));
        }
        let now = cx.now.instant;
        self.start_sessions(now);
        self.timers = Timers {
            fence: self.next_fencing(now),
            rebalance: if self.config.auto_leader_rebalance {
                now + self.config.leader_imbalance_check_interval
            } else {
                Instant::FAR
            },
            unclean: now + self.config.unclean_leader_election_interval,
            snapshot: self.timers.snapshot,
        };
    }

    /// It decides no more: what it decided and nobody committed is undone.
    fn renounce(&mut self, cx: &mut Context<'_>) {
        self.active = None;
        self.timers = Timers { snapshot: self.timers.snapshot, ..Timers::NEVER };
        self.sessions.clear();
        self.purgatory.renounce(cx);
        if self.image.end() > self.quorum.committed() {
            self.load_snapshot(cx);
            let begin = self.image.end();
            let committed = self.quorum.committed_from(begin);
            for (offset, record) in (begin..).zip(committed) {
                self.image.apply(offset, record);
            }
        }
    }
}
