//! White-box invariants: what must hold on the true state after every event.
//!
//! One file each, with its source, a history it must reject and a near miss it must accept.
//! They look at what an event touched, never at everything; each says which notes it wants,
//! so that the others cost it nothing.

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
mod tombstones_stay;
mod transaction_steps;
mod true_high_watermark;
mod truncation;
mod valid_controller_state;
mod visible_reads;
mod words;

use std::borrow::Borrow;
use std::collections::BTreeSet;

use broker_model::metadata::Image;
use broker_model::names::Names;
use broker_model::note::Note;
use broker_model::partition::Replica;
use broker_model::records::{Batches, PartitionRecord};
use broker_model::types::{BatchId, GroupId, Instant, NodeId, PartitionId, ProducerId};

use self::committed::{Committed, Truth};
pub use self::interest::Interest;
use self::ledger::Ledger;
use self::ownership::Ownership;
use crate::records::RecordTable;
use crate::world::{Node, Progress};

/// What an invariant may look at.
#[derive(Debug)]
pub struct View<'a> {
    /// The time of the event.
    pub now: Instant,
    /// All nodes, brokers first.
    pub nodes: &'a [Node],
    /// All batches.
    pub batches: &'a Batches,
    /// Keys of records, where there are any.
    records: Option<&'a RecordTable>,
    /// What is committed; whoever shows a view leaves it to [`Invariants`].
    truth: Option<&'a Truth>,
    /// Names of groups, where they are known.
    names: Option<&'a Names>,
    /// What groups are to read.
    progress: Option<&'a Progress>,
    /// What is true of transactions; left to [`Invariants`], too.
    ledger: Option<&'a Ledger>,
    /// Who owns what in groups; left to [`Invariants`], too.
    ownership: Option<&'a Ownership>,
    aborted_by_hand: Option<&'a BTreeSet<(PartitionId, ProducerId)>>,
}

impl<'a> View<'a> {
    /// What there is to see now.
    #[must_use]
    pub const fn new(now: Instant, nodes: &'a [Node], batches: &'a Batches) -> Self {
        let (records, truth, names, progress) = (None, None, None, None);
        let (ledger, ownership, aborted_by_hand) = (None, None, None);
        Self {
            now,
            nodes,
            batches,
            records,
            truth,
            names,
            progress,
            ledger,
            ownership,
            aborted_by_hand,
        }
    }

    /// With the producers whose hanging transactions an administrator has aborted.
    #[must_use]
    pub const fn with_aborted_by_hand(
        self,
        aborted_by_hand: &'a BTreeSet<(PartitionId, ProducerId)>,
    ) -> Self {
        Self { aborted_by_hand: Some(aborted_by_hand), ..self }
    }

    /// Whether no coordinator need have decided an abort: an administrator has (KIP-664).
    fn is_aborted_by_hand(&self, partition: PartitionId, producer: ProducerId) -> bool {
        self.aborted_by_hand.is_some_and(|set| set.contains(&(partition, producer)))
    }

    /// With what is in records.
    #[must_use]
    pub const fn with_records(self, records: &'a RecordTable) -> Self {
        Self { records: Some(records), ..self }
    }

    /// With the names of groups.
    #[must_use]
    pub const fn with_names(self, names: &'a Names) -> Self {
        Self { names: Some(names), ..self }
    }

    /// With what groups are to read.
    #[must_use]
    pub const fn with_progress(self, progress: &'a Progress) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// A group as a scenario names it.
    fn group(&self, group: impl Borrow<GroupId>) -> String {
        let group = *group.borrow();
        self.names.map_or_else(|| group.to_string(), |names| names.group_name(group).to_owned())
    }

    /// A partition as a scenario names it.
    fn partition(&self, partition: impl Borrow<PartitionId>) -> String {
        let partition = *partition.borrow();
        let named = self.image().and_then(|image| {
            let record = image.partition(partition)?;
            Some(format!("{}/{}", image.topic(record.topic)?.name, record.index))
        });
        named.unwrap_or_else(|| partition.to_string())
    }

    /// What is known of a partition's committed records.
    fn truth(&self, partition: PartitionId) -> Option<&'a Committed> {
        self.truth?.of(partition)
    }

    /// What is committed of a partition; `None` while an unclean election makes that a question.
    fn committed(&self, partition: PartitionId) -> Option<&'a Committed> {
        self.truth(partition).filter(|committed| !committed.unclean)
    }

    fn node(&self, id: NodeId) -> Option<&'a Node> {
        crate::world::index_of(self.nodes, id).map(|index| &self.nodes[index])
    }

    /// The replica of a partition on a broker, running or not.
    fn replica(&self, id: NodeId, partition: PartitionId) -> Option<&'a Replica> {
        self.node(id)?.broker()?.replica(partition)
    }

    /// Whether a partition's topic lets a replica outside of ISR and ELR lead.
    fn allows_unclean_election(&self, leader: Option<NodeId>, partition: PartitionId) -> bool {
        let replica = leader.and_then(|leader| self.replica(leader, partition));
        replica.is_none_or(|r| r.log().config().unclean_leader_election)
    }

    /// The metadata of a partition; `None` where nobody left knows what counts: its leader was told
    /// of a newer change than the metadata has, by a controller that has ended since.
    fn record(&self, partition: PartitionId) -> Option<&'a PartitionRecord> {
        let record = self.image()?.partition(partition)?;
        let leader = record.leader.and_then(|leader| self.replica(leader, partition)?.leader());
        leader.is_none_or(|l| l.partition_epoch <= record.partition_epoch).then_some(record)
    }

    /// The metadata that counts.
    fn image(&self) -> Option<&'a Image> {
        crate::world::metadata(self.nodes)
    }
}

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
    /// Positions in `all` by [`Interest`].
    listeners: [Vec<usize>; Interest::COUNT],
    violations: Vec<Violation>,
    counts: Vec<u64>,
    /// What each said when the drain bound had passed.
    unsettled: Option<Vec<Option<String>>>,
    inconclusive: Vec<&'static str>,
    truth: Truth,
    ledger: Ledger,
    ownership: Ownership,
}

impl Invariants {
    /// These invariants.
    #[must_use]
    pub fn new(all: Vec<Box<dyn Invariant>>) -> Self {
        let mut listeners: [Vec<usize>; Interest::COUNT] = Default::default();
        for (index, invariant) in all.iter().enumerate() {
            for &interest in invariant.interests() {
                listeners[interest as usize].push(index);
            }
        }
        let counts = vec![0; all.len()];
        Self { all, listeners, counts, ..Self::default() }
    }

    /// Shows what happened to every invariant that wants to know.
    pub fn on_note(&mut self, view: &View<'_>, note: &Note) {
        let Some(interest) = Interest::of(note) else { return };
        self.truth.before(view, note);
        let (ledger, ownership) = (Some(&self.ledger), Some(&self.ownership));
        let seen = &View { truth: Some(&self.truth), ledger, ownership, ..*view };
        let [transactional, group] = Interest::within(view, note);
        for interest in [Some(interest), transactional, group].into_iter().flatten() {
            for &index in &self.listeners[interest as usize] {
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
        let seen = &View { truth: Some(&self.truth), ..*view };
        let role = interest == Interest::Role;
        if role || transactional.is_some() {
            self.ledger.after(seen, note);
        }
        if role || group.is_some() {
            self.ownership.after(seen, note);
        }
        self.truth.after(view, note);
    }

    /// The drain bound has passed, and something still moves: what every invariant says of the cluster
    /// now it must say again at the end to count.
    pub fn not_at_rest(&mut self, view: &View<'_>) {
        let said = self.all.iter_mut().map(|invariant| invariant.after_healing(view));
        self.unsettled = Some(said.collect());
    }

    /// Asks every invariant about the healed, idle cluster. If it never came to rest, only what has
    /// stayed as it was is a violation; who says something else than before has seen too little.
    pub fn after_healing(&mut self, view: &View<'_>) {
        let before = self.unsettled.take();
        for (index, invariant) in self.all.iter_mut().enumerate() {
            let said = invariant.after_healing(view);
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
        self.ledger.torn_by_undone()
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

/// The invariants that watch every run.
#[must_use]
pub fn standard() -> Invariants {
    Invariants::new(vec![
        Box::<leader_epoch_monotonic::LeaderEpochMonotonic>::default(),
        Box::<one_leader_per_epoch::OneLeaderPerEpoch>::default(),
        Box::new(high_watermark_in_isr::HighWatermarkInIsr),
        Box::<log_matching::LogMatching>::default(),
        Box::<committed_stays::CommittedStays>::default(),
        Box::new(leader_candidate_completeness::LeaderCandidateCompleteness),
        Box::<true_high_watermark::TrueHighWatermark>::default(),
        Box::new(truncation::TruncationKeepsCommitted),
        Box::new(isr_in_replicas::IsrInReplicas::default()),
        Box::new(epochs_match_records::EpochsMatchRecords),
        Box::<valid_controller_state::ValidControllerState>::default(),
        Box::new(replication_quorum_superset::ReplicationQuorumSuperset),
        Box::<replication_throttle::ReplicationThrottled>::default(),
        Box::<last_stable_offset::LastStableOffset>::default(),
        Box::<sequence_contiguous::SequenceContiguous>::default(),
        Box::new(compaction_keeps_newest::CompactionKeepsNewest),
        Box::new(tombstones_stay::TombstonesStay),
        Box::new(compaction_keeps_verdicts::CompactionKeepsVerdicts),
        Box::new(compaction_keeps_producers::CompactionKeepsProducers),
        Box::<log_bounds::LogBounds>::default(),
        Box::<deleted_unread::DeletedUnread>::default(),
        Box::new(visible_reads::VisibleReads),
        Box::<durable_candidate::DurableCandidate>::default(),
        Box::<one_controller_per_epoch::OneControllerPerEpoch>::default(),
        Box::<one_vote_per_epoch::OneVotePerEpoch>::default(),
        Box::<commit_in_own_epoch::CommitInOwnEpoch>::default(),
        Box::<metadata_high_watermark::MetadataHighWatermark>::default(),
        Box::<metadata_log_prefix::MetadataLogPrefix>::default(),
        Box::<broker_epoch_monotonic::BrokerEpochMonotonic>::default(),
        Box::new(full_isr::FullIsr),
        Box::new(stable_groups::StableGroups),
        Box::new(hanging_transaction::HangingTransaction),
        Box::new(transaction_steps::TransactionSteps),
        Box::new(marker_of_its_transaction::MarkerOfItsTransaction),
        Box::new(one_verdict::OneVerdict),
        Box::new(decision_undone::DecisionUndone),
        Box::new(fenced_epoch::FencedEpoch),
        Box::new(open_when_appended::OpenWhenAppended),
        Box::<producer_ids_disjoint::ProducerIdsDisjoint>::default(),
        Box::new(repeated_is_the_same::RepeatedIsTheSame),
        Box::new(coordinator_knows_its_log::CoordinatorKnowsItsLog),
        Box::new(commit_by_owner::CommitByOwner),
        Box::new(offsets_stay::OffsetsStay),
        Box::new(one_owner::OneOwner),
    ])
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::Batches;
    use broker_model::types::{Instant, LeaderEpoch, NodeId, Offset, PartitionId};
    use reports::checker::Anomaly;

    use super::{Interest, Invariant, Invariants, Truth, View, standard};

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

    #[test]
    fn every_invariant_is_named_as_an_anomaly_and_once() {
        let all = standard();
        let mut names: Vec<&str> = all.counts().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| Anomaly::of_name(name).is_some()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 43);
    }
}
