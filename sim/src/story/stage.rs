//! What everybody who tells a part of a story has: the names, the subject, and where lines go.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::note::Note;
use broker_model::types::{
    Duration, GroupId, Instant, LeaderEpoch, MILLISECOND, NodeId, PartitionId, TransactionalId,
};
use reports::story::MomentKind;

use super::logs::Logs;
use super::subject::Subject;
use crate::world::{Heard, Hearing, Party, World};

/// A message that took longer than this came late.
pub(super) const LATE: Duration = 50 * MILLISECOND;

/// How much a line matters: the lightest are left out first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Weight {
    /// Only if there is much room.
    Faint,
    /// Makes it easier to follow.
    Light,
    /// Part of the story.
    Plain,
    /// Without it the story has a gap.
    Strong,
    /// What it is all about.
    Loud,
}

/// A line of a story, before it is known whether there is room for it.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    pub(super) at: Instant,
    pub(super) kind: MomentKind,
    pub(super) weight: Weight,
    pub(super) text: String,
    /// It belongs to a transaction of this id.
    pub(super) step: Option<(TransactionalId, Step)>,
}

/// What a line tells of its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It begins.
    Begins,
    /// It goes on.
    Within,
    /// It has ended.
    Ends,
}

impl Beat {
    /// Whether what is told around it should be told in full.
    pub(super) fn is_of_note(&self) -> bool {
        !matches!(self.kind, MomentKind::State) && self.weight >= Weight::Strong
    }
}

/// What is known at a moment of a run.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    /// The world at its end: for names.
    pub(super) world: &'a World,
    pub(super) hearing: &'a Hearing,
    pub(super) subject: &'a Subject,
    pub(super) logs: Logs,
    /// Processes of clients that have begun.
    pub(super) started: BTreeSet<Party>,
    /// Partitions in which anybody has a record.
    pub(super) used: BTreeSet<PartitionId>,
    /// Who began to lead in the newest epoch so far.
    pub(super) leading: BTreeMap<PartitionId, (NodeId, LeaderEpoch)>,
    pub(super) now: Instant,
    /// From when on all is told: when the load began, 0 if it never did; earlier where something was
    /// violated before.
    pub(super) from: Instant,
    pub(super) beats: Vec<Beat>,
}

impl Stage<'_> {
    /// What makes the story easier to follow from its begin on, and is of no interest before.
    pub(super) fn since_begin(&self) -> Weight {
        if self.now < self.from { Weight::Faint } else { Weight::Plain }
    }

    /// Remembers who began to lead.
    pub(super) fn follow_leader(&mut self, heard: &Heard) {
        if let Heard::Note(Note::BecameLeader { node, partition, leader_epoch, .. }) = heard {
            let known = self.leading.entry(*partition).or_insert((*node, *leader_epoch));
            if *leader_epoch >= known.1 {
                *known = (*node, *leader_epoch);
            }
        }
    }

    /// Adds a line.
    pub(super) fn say(&mut self, kind: MomentKind, weight: Weight, text: impl Into<String>) {
        let text = capital(&text.into());
        self.beats.push(Beat { at: self.now, kind, weight, text, step: None });
    }

    /// Adds a line on a transaction.
    pub(super) fn say_step(
        &mut self,
        id: TransactionalId,
        step: Step,
        weight: Weight,
        text: impl Into<String>,
    ) {
        self.say(MomentKind::Transaction, weight, text);
        if let Some(beat) = self.beats.last_mut() {
            beat.step = Some((id, step));
        }
    }

    pub(super) fn partition(&self, id: PartitionId) -> String {
        self.world.partition_name(id)
    }

    pub(super) fn partitions(&self, ids: &[PartitionId]) -> String {
        match ids {
            [] => "nothing".to_owned(),
            ids => and(ids.iter().map(|id| self.partition(*id))),
        }
    }

    pub(super) fn party(&self, party: Party) -> String {
        self.world.party_name(party)
    }

    pub(super) fn group(&self, id: GroupId) -> String {
        self.world.shared().names.group_name(id).to_owned()
    }

    /// Whether a group matters.
    pub(super) fn has_group(&self, id: GroupId) -> bool {
        self.subject.has_group(self.world.shared().names.group_name(id))
    }

    pub(super) fn transactional_id(&self, id: TransactionalId) -> String {
        self.world.shared().names.transactional_id_name(id).to_owned()
    }
}

/// `broker 3`.
pub(super) fn broker(node: NodeId) -> String {
    format!("broker {node}")
}

/// `2, 3`, or `nobody`.
pub(super) fn nodes(ids: &[NodeId]) -> String {
    if ids.is_empty() {
        return "nobody".to_owned();
    }
    and(ids.iter().map(ToString::to_string))
}

/// `a, b and c`.
pub(super) fn and(items: impl IntoIterator<Item = String>) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    let last = items.pop().unwrap_or_default();
    if items.is_empty() { last } else { format!("{} and {last}", items.join(", ")) }
}

/// `offset 7`, `offsets 7 to 9`: from the first to the last, which `end` is behind.
pub(super) fn offsets(from: i64, end: i64) -> String {
    if end <= from + 1 {
        format!("offset {from}")
    } else {
        format!("offsets {from} to {}", end - 1)
    }
}

/// Seconds with as many decimals as a reader needs.
pub(super) fn span(ns: Duration) -> String {
    let ms = ns as f64 / 1e6;
    if ms < 1_000.0 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1e3) }
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    // Names of processes keep their case: `order/0` is no word.
    let name = text.split(' ').next().is_some_and(|word| word.contains(['/', '-']));
    match chars.next() {
        Some(first) if !name => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}
