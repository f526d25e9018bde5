//! The recorder: one call a batch, a verdict at the end.

use std::collections::{BTreeMap, BTreeSet};

use super::compacted::Removals;
use super::digest::Digest;
use super::ids::{LedgerId, TableId};
use super::phase::{Phase, Phases};
use super::reader::Isolation;
use super::record_state::Records;
use super::send::Unsent;
use super::topology::{Consumer, Session, Topology};
use super::transaction::Transactions;
use crate::checker::{
    Audited, Calls, Duplicates, Effects, Invented, KeyOrder, PartitionOrder, Polls, Rows, Terminals,
};
use crate::metric::{ByPhase, Flow, Lag, Latency, StageId, Throughput};

/// Counts of records over the whole run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Wanted by the load.
    pub intended: u64,
    /// Handed to producers.
    pub sent: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Failed for certain.
    pub failed: u64,
    /// With an unknown outcome.
    pub unknown: u64,
    /// Sent and answered, one way or the other.
    pub answered: u64,
    /// Given to applications, each time counted.
    pub polled: u64,
    /// Committed offsets that moved.
    pub offset_commits: u64,
}

/// Records what clients of one run saw.
///
/// Order of use: declare (`topic`, `group`, `service_instance`, `stage`, `ledger`, ...), then
/// record as simulated time goes on, then `finish_at`, audit every partition, `judge`.
///
/// Memory: five bytes a record, 40 a sent batch, a bit an offset, one byte an entity and
/// ledger, 24 bytes a gap in what a reader was given, 4 KiB a cell of the grid.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    pub(crate) topology: Topology,
    pub(crate) phases: Phases,
    pub(crate) digest: Digest,
    pub(crate) records: Records,
    pub(crate) transactions: Transactions,
    pub(crate) totals: Totals,
    /// By the name of the error.
    pub(crate) send_errors: BTreeMap<&'static str, Unsent>,
    pub(crate) end_ns: u64,
    pub(crate) every_reader: bool,
    pub(crate) audited: Audited,
    pub(crate) removals: Removals,
    /// Entities of records that are twice in a log because they were sent under two epochs.
    pub(crate) resent_entities: BTreeSet<u32>,
    /// Where a leader that knew nothing of a session took a later record of it first: that
    /// record's ordinal, by partition and session.
    pub(super) skipped_before: BTreeMap<(u32, u32), u32>,
    /// Transactions whose partitions were given two verdicts because a decision was undone.
    pub(crate) undone: BTreeSet<u32>,
    /// Entities and offsets of the batch being audited; kept for its memory.
    pub(super) audited_entities: Vec<(u32, i64)>,
    pub(crate) invented: Invented,
    pub(crate) duplicates: Duplicates,
    pub(crate) partition_order: PartitionOrder,
    pub(crate) key_order: KeyOrder,
    pub(crate) polls: Polls,
    pub(crate) effects: Effects,
    pub(crate) rows: Rows,
    pub(crate) terminals: Terminals,
    pub(crate) calls: Calls,
    pub(crate) latency: Latency,
    pub(crate) throughput: Throughput,
    pub(crate) lag: Lag,
    /// Records of a group's lag that are behind an open transaction at the end, by group.
    pub(crate) held_up: BTreeMap<u32, u64>,
    pub(crate) flow: Flow,
}

impl Recorder {
    /// An empty recorder; series are kept on a grid of `grid_ns` simulated nanoseconds.
    #[must_use]
    pub fn new(grid_ns: u64) -> Self {
        Self {
            throughput: Throughput::new(grid_ns),
            lag: Lag::new(grid_ns),
            held_up: BTreeMap::new(),
            latency: Latency::new(grid_ns),
            ..Self::default()
        }
    }

    /// Declares a topic and the dense ids of its partitions in partition order. Every partition
    /// that clients write to is to be audited at the end; what is not leaves its checks
    /// inconclusive.
    pub fn topic(&mut self, id: u32, name: &str, partitions: impl IntoIterator<Item = u32>) {
        self.digest.text(name);
        self.topology.topic(id, name, partitions.into_iter().collect());
    }

    /// Declares a consumer group.
    pub fn group(&mut self, id: u32, name: &str) {
        self.digest.text(name);
        self.topology.group(id, name);
    }

    /// Declares an instance of a service.
    pub fn service_instance(&mut self, id: u32, name: &str) {
        self.digest.text(name);
        self.topology.instance(id, name);
    }

    /// A consumer starts in an instance; gives its id. A restart is a new consumer.
    pub fn consumer(&mut self, instance: u32, group: u32, isolation: Isolation) -> u32 {
        self.digest.word(25 << 56 | u64::from(instance) << 24 | u64::from(group));
        self.topology.consumer(Consumer { instance, group, isolation })
    }

    /// A producer starts in an instance; gives its session id. A restart is a new session.
    pub fn session(&mut self, session: Session) -> u32 {
        self.digest.word(26 << 56 | u64::from(session.instance));
        self.topology.session(session)
    }

    /// Declares a stage whose latency is measured. The whole pipeline is `end_to_end`.
    pub fn stage(&mut self, name: &str) -> StageId {
        self.latency.stage(name)
    }

    /// Declares a ledger: every entity with a record in `input_topic` must have its effect
    /// applied exactly once.
    pub fn ledger(&mut self, name: &str, input_topic: u32) -> LedgerId {
        self.digest.text(name);
        self.effects.ledger(name, input_topic)
    }

    /// Where the service of a ledger puts what it gives up: an entity with a record there needs no
    /// effect.
    pub fn dead_letters(&mut self, ledger: LedgerId, topic: u32) {
        self.effects.dead_letters(ledger, topic);
    }

    /// Declares a table: every entity with a row there, and no other, must have a record in `topic`.
    pub fn table(&mut self, name: &str, topic: u32) -> TableId {
        self.digest.text(name);
        self.rows.table(name, topic)
    }

    /// The table of this name.
    #[must_use]
    pub fn table_id(&self, name: &str) -> Option<TableId> {
        self.rows.id_of(name)
    }

    /// Every entity with a record in `source` must end in exactly one terminal state: one
    /// record in one of `terminals`, or one [`Recorder::entity_ended`].
    pub fn lifecycle(&mut self, source: u32, terminals: impl IntoIterator<Item = u32>) {
        self.terminals.lifecycle(source, terminals.into_iter().collect());
    }

    /// Records of one producer session with equal keys must keep their order in this topic.
    pub fn keyed_topic(&mut self, topic: u32) {
        self.key_order.keyed(topic);
    }

    /// Records of equal keys in this topic must come in the order of the commits of their rows.
    pub fn order_of_rows(&mut self, topic: u32) {
        self.key_order.of_rows(topic);
    }

    /// Entities of equal keys must come in the same order in `derived` as in `source`.
    pub fn derived_topic(&mut self, derived: u32, source: u32) {
        self.key_order.derived(derived, source);
    }

    /// A phase begins.
    pub fn phase(&mut self, phase: Phase, at_ns: u64) {
        self.note(27, phase.index() as u64, at_ns);
        self.phases.enter(phase, at_ns);
    }

    /// Judges what `read_uncommitted` readers are given as if they had asked for committed
    /// records only: for scenarios that show what that setting does not promise.
    pub fn judge_every_reader(&mut self) {
        self.every_reader = true;
    }

    /// The run is over; nothing but audits and judging follows.
    pub fn finish_at(&mut self, at_ns: u64) {
        self.end_ns = at_ns;
    }

    /// Folds the head of a call into the digest.
    #[inline]
    pub(super) fn note(&mut self, kind: u64, what: u64, at_ns: u64) {
        self.digest.word(kind << 56 ^ what);
        self.digest.word(at_ns);
    }

    /// Digest of everything recorded so far.
    #[must_use]
    pub fn history_digest(&self) -> u64 {
        self.digest.finish()
    }

    /// The counts so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The declared cast.
    #[must_use]
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The phases so far.
    #[must_use]
    pub const fn phases(&self) -> &Phases {
        &self.phases
    }

    /// When the run ended, simulated ns.
    #[must_use]
    pub const fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// Per-record state.
    #[must_use]
    pub const fn records(&self) -> &Records {
        &self.records
    }

    /// Latency per stage and phase.
    #[must_use]
    pub const fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Throughput per topic.
    #[must_use]
    pub const fn throughput(&self) -> &Throughput {
        &self.throughput
    }

    /// Calls of the load, and records that groups were given.
    #[must_use]
    pub const fn flow(&self) -> &Flow {
        &self.flow
    }

    /// A count as a mean per second over the load after its warm-up.
    #[must_use]
    pub fn per_second_of_load(&self, counts: &ByPhase) -> f64 {
        let load = [Phase::Steady, Phase::Fault, Phase::Recovery];
        let sum =
            |by_phase: &ByPhase| load.iter().map(|phase| by_phase[phase.index()]).sum::<u64>();
        let length_ns = sum(&self.phases.lengths_ns(self.end_ns)).max(1);
        sum(counts) as f64 / (length_ns as f64 / 1e9)
    }

    /// Lag per group.
    #[must_use]
    pub const fn group_lag(&self) -> &Lag {
        &self.lag
    }
}
