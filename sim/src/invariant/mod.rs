//! White-box invariants: what must hold on the true state after every event.
//!
//! One file each, with its source, a history it must reject and a near miss it must accept.
//! They look at what an event touched, never at everything; each says which notes it wants,
//! so that the others cost it nothing.

mod aborted_match_records;
mod broker_epoch_monotonic;
mod by_partition;
mod by_process;
mod cleaning;
mod commit_by_owner;
mod commit_in_own_epoch;
mod committed;
mod committed_stays;
mod compaction_keeps_newest;
mod compaction_keeps_producers;
mod compaction_keeps_verdicts;
mod coordinator_knows_its_log;
mod decision_undone;
mod deleted_unread;
mod durable_candidate;
mod epochs_match_records;
mod fenced_epoch;
mod full_isr;
mod hanging_transaction;
mod high_watermark_in_isr;
mod interest;
mod isr_in_replicas;
mod last_stable_offset;
mod leader_candidate_completeness;
mod leader_epoch_monotonic;
mod ledger;
#[cfg(test)]
mod living;
mod log_bounds;
mod log_matching;
mod marker_of_its_transaction;
mod metadata_high_watermark;
mod metadata_log_prefix;
mod offsets_stay;
mod one_controller_per_epoch;
mod one_leader_per_epoch;
mod one_owner;
mod one_verdict;
mod one_vote_per_epoch;
mod open_when_appended;
mod ownership;
mod producer_ids_disjoint;
mod repeated_is_the_same;
mod replication_quorum_superset;
mod replication_throttle;
mod sequence_contiguous;
mod stable_groups;
mod standard;
mod tombstones_stay;
mod transaction_steps;
mod true_high_watermark;
mod truncation;
mod valid_controller_state;
mod view;
mod visible_reads;
mod words;

use broker_model::note::Note;
use broker_model::types::{BatchId, Instant};

use self::committed::Truth;
pub use self::interest::Interest;
use self::ledger::Ledger;
use self::ownership::Ownership;
pub use self::standard::standard;
pub use self::view::View;

/// A property of the true state.
pub trait Invariant: std::fmt::Debug {
    /// Its name in reports and scenario files.
    fn name(&self) -> &'static str;
    /// Whether it only tells: what it sees may be what was wanted, and fails no run.
    fn is_hazard(&self) -> bool {
        false
    }
    /// The notes it wants to see.
    fn interests(&self) -> &'static [Interest];
    /// Something happened. Says what is wrong, if anything is.
    fn on_note(&mut self, _view: &View<'_>, _note: &Note) -> Option<String> {
        None
    }
    /// All faults are healed and the idle tail is over. Says what is wrong, if anything is.
    fn after_healing(&mut self, _view: &View<'_>) -> Option<String> {
        None
    }
}

/// A violation with its evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which invariant.
    pub invariant: &'static str,
    /// When, in simulated time.
    pub at: Instant,
    /// What was seen.
    pub detail: String,
}

/// How many violations of one invariant keep their evidence.
const EVIDENCE_MAX: usize = 5;

/// All invariants of a run.
#[derive(Debug, Default)]
pub struct Invariants {
    all: Vec<Box<dyn Invariant>>,
    /// Positions in `all` by [`Interest`], as far as anybody has one.
    listeners: Vec<Vec<usize>>,
    violations: Vec<Violation>,
    counts: Vec<u64>,
    /// What each said when the drain bound had passed.
    unsettled: Option<Vec<Option<String>>>,
    inconclusive: Vec<&'static str>,
    kept: Kept,
}

/// What several invariants ask about, kept once.
#[derive(Debug, Default)]
struct Kept {
    truth: Truth,
    ledger: Ledger,
    ownership: Ownership,
}

impl Kept {
    /// A view with all of it.
    const fn seen<'a>(&'a self, view: &View<'a>) -> View<'a> {
        let (truth, ledger) = (Some(&self.truth), Some(&self.ledger));
        View { truth, ledger, ownership: Some(&self.ownership), ..*view }
    }
}

impl Invariants {
    /// These invariants.
    #[must_use]
    pub fn new(all: Vec<Box<dyn Invariant>>) -> Self {
        let mut listeners: Vec<Vec<usize>> = Vec::new();
        for (index, invariant) in all.iter().enumerate() {
            for &interest in invariant.interests() {
                let needed = listeners.len().max(interest as usize + 1);
                listeners.resize_with(needed, Vec::new);
                listeners[interest as usize].push(index);
            }
        }
        let counts = vec![0; all.len()];
        Self { all, listeners, counts, ..Self::default() }
    }

    /// Shows what happened to every invariant that wants to know.
    pub fn on_note(&mut self, view: &View<'_>, note: &Note) {
        let Some(interest) = Interest::of(note) else { return };
        self.kept.truth.before(view, note);
        let seen = &self.kept.seen(view);
        let [transactional, group] = Interest::within(view, note);
        for interest in [Some(interest), transactional, group].into_iter().flatten() {
            for &index in self.listeners.get(interest as usize).into_iter().flatten() {
                let invariant = &mut self.all[index];
                if let Some(detail) = invariant.on_note(seen, note) {
                    record(
                        &mut self.violations,
                        &mut self.counts[index],
                        invariant.name(),
                        view,
                        detail,
                    );
                }
            }
        }
        let kept = &mut self.kept;
        let seen = &View { truth: Some(&kept.truth), ..*view };
        let role = interest == Interest::Role;
        if role || transactional.is_some() {
            kept.ledger.after(seen, note);
        }
        if role || group.is_some() {
            kept.ownership.after(seen, note);
        }
        kept.truth.after(view, note);
    }

    /// The drain bound has passed, and something still moves: what every invariant says of the cluster
    /// now it must say again at the end to count.
    pub fn not_at_rest(&mut self, view: &View<'_>) {
        let seen = &self.kept.seen(view);
        let said = self.all.iter_mut().map(|invariant| invariant.after_healing(seen));
        self.unsettled = Some(said.collect());
    }

    /// Asks every invariant about the healed, idle cluster. If it never came to rest, only what has
    /// stayed as it was is a violation; who says something else than before has seen too little.
    pub fn after_healing(&mut self, view: &View<'_>) {
        let before = self.unsettled.take();
        let seen = &self.kept.seen(view);
        for (index, invariant) in self.all.iter_mut().enumerate() {
            let said = invariant.after_healing(seen);
            if before.as_ref().is_some_and(|before| before[index] != said) {
                self.inconclusive.push(invariant.name());
            } else if let Some(detail) = said {
                record(
                    &mut self.violations,
                    &mut self.counts[index],
                    invariant.name(),
                    view,
                    detail,
                );
            }
        }
    }

    /// The oldest batches of what was given another verdict than the rest of its transaction,
    /// because a decision was undone upon which markers had been written.
    #[must_use]
    pub fn torn_by_undone(&self) -> &[BatchId] {
        self.kept.ledger.torn_by_undone()
    }

    /// The evidence, in order of time.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Those that are asked after healing and saw the cluster change until the end.
    #[must_use]
    pub fn inconclusive(&self) -> &[&'static str] {
        &self.inconclusive
    }

    /// Every invariant with how often it was violated.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.counted(false)
    }

    /// What may be wrong and fails no run, with how often it was seen.
    pub fn hazards(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.counted(true)
    }

    fn counted(&self, hazards: bool) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let all = self.all.iter().zip(&self.counts);
        let asked = all.filter(move |(invariant, _)| invariant.is_hazard() == hazards);
        asked.map(|(invariant, &count)| (invariant.name(), count))
    }
}

fn record(
    violations: &mut Vec<Violation>,
    count: &mut u64,
    invariant: &'static str,
    view: &View<'_>,
    detail: String,
) {
    *count += 1;
    if *count <= EVIDENCE_MAX as u64 {
        violations.push(Violation { invariant, at: view.now, detail });
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{Instant, LeaderEpoch, NodeId, Offset, PartitionId};

    use super::{Interest, Invariant, Invariants, Truth, View};

    /// Shows notes to an invariant in a world without nodes; how many violations it saw.
    pub(super) fn violations(
        invariant: &mut dyn Invariant,
        batches: &Batches,
        notes: &[Note],
    ) -> usize {
        judged(invariant, View::new(Instant(0), &[], batches), notes)
    }

    /// The same with a truth.
    pub(super) fn violations_of(
        invariant: &mut dyn Invariant,
        truth: &Truth,
        notes: &[Note],
    ) -> usize {
        let batches = Batches::new();
        let view = View::new(Instant(0), &[], &batches);
        judged(invariant, View { truth: Some(truth), ..view }, notes)
    }

    /// A broker begins to lead partition 0 under an epoch.
    pub(super) fn leads(node: u32, epoch: i32) -> Note {
        Note::BecameLeader {
            node: NodeId(node),
            partition: PartitionId(0),
            leader_epoch: LeaderEpoch(epoch),
            start: Offset(0),
        }
    }

    fn judged(invariant: &mut dyn Invariant, view: View<'_>, notes: &[Note]) -> usize {
        notes.iter().filter(|note| invariant.on_note(&view, note).is_some()).count()
    }

    /// Wants to know after healing what is kept for all.
    #[derive(Debug)]
    struct Asks;

    impl Invariant for Asks {
        fn name(&self) -> &'static str {
            "one-verdict"
        }

        fn interests(&self) -> &'static [Interest] {
            &[]
        }

        fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
            let all = view.truth.is_some() && view.ledger.is_some() && view.ownership.is_some();
            (!all).then(|| "something is missing".to_owned())
        }
    }

    #[test]
    fn what_is_kept_for_all_is_there_after_healing() {
        let batches = Batches::new();
        let view = View::new(Instant(0), &[], &batches);
        let mut all = Invariants::new(vec![Box::new(Asks)]);
        all.after_healing(&view);
        assert!(all.violations().is_empty());
    }

    /// Says something after healing, each time the next of these.
    #[derive(Debug)]
    struct Says(Vec<&'static str>);

    impl Invariant for Says {
        fn name(&self) -> &'static str {
            "full-isr"
        }

        fn interests(&self) -> &'static [Interest] {
            &[]
        }

        fn after_healing(&mut self, _view: &View<'_>) -> Option<String> {
            self.0.pop().map(str::to_owned)
        }
    }

    #[test]
    fn without_rest_only_what_stays_as_it_was_is_a_violation() {
        let batches = Batches::new();
        let view = View::new(Instant(0), &[], &batches);
        let asked = |rests: bool, said: &[&'static str]| {
            let mut all = Invariants::new(vec![Box::new(Says(said.to_vec()))]);
            if !rests {
                all.not_at_rest(&view);
            }
            all.after_healing(&view);
            (all.violations().len(), all.inconclusive().len())
        };
        assert_eq!(asked(true, &["short"]), (1, 0));
        assert_eq!(asked(false, &["short", "short"]), (1, 0));
        assert_eq!(asked(false, &["short", "shorter"]), (0, 1));
        assert_eq!(asked(false, &["gone by the end"]), (0, 1));
        assert_eq!(asked(false, &[]), (0, 0));
    }
}
