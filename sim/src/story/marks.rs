//! What notes are on the lanes of a diagram.

use std::collections::BTreeSet;

use broker_model::note::Note;
use broker_model::records::Content;
use broker_model::types::PartitionId;
use reports::story::MarkKind;

use super::stage::{Stage, nodes, offsets};
use crate::world::{Heard, Party, counted};

impl Stage<'_> {
    /// The partition whose leadership is drawn.
    pub(super) fn drawn_partition(&self) -> Option<PartitionId> {
        let partitions = &self.subject.partitions;
        let with_offset = partitions.iter().find(|p| self.subject.offset_in(**p).is_some());
        with_offset.or_else(|| partitions.first()).copied()
    }

    /// Everybody whose process began, once or again.
    pub(super) fn all_parties(&self) -> impl Iterator<Item = Party> {
        let started = self.hearing.heard.iter().filter_map(|(_, heard)| match heard {
            Heard::Started(party, _) => Some(*party),
            _ => None,
        });
        started.collect::<BTreeSet<Party>>().into_iter()
    }

    /// What a note is on the lanes of the diagram.
    pub(super) fn marks_of(
        &self,
        note: &Note,
        active: Option<Party>,
    ) -> Vec<(Party, MarkKind, String)> {
        let one = |party: Party, kind: MarkKind, label: String| vec![(party, kind, label)];
        match note {
            Note::PartitionChanged { partition, leader, leader_epoch, isr, .. }
                if Some(*partition) == self.drawn_partition() =>
            {
                let who = leader.map_or_else(|| "nobody".to_owned(), |id| format!("broker {id}"));
                let label = format!("{who} leads, epoch {leader_epoch}, ISR {}", nodes(isr));
                active.map_or_else(Vec::new, |party| one(party, MarkKind::Event, label))
            }
            Note::Truncated { node, partition, end, from, .. } if self.subject.has(*partition) => {
                let label = format!("cuts {from} back to {end}");
                one(Party::Broker(*node), MarkKind::Cut, label)
            }
            Note::Appended { node, partition, entry, end, leader }
                if self.subject.has(*partition) =>
            {
                let batch = self.world.shared().batches.get(entry.batch);
                let label = match batch.content {
                    Content::Marker { commit, .. } if *leader && self.subject.transactions => {
                        let end = if commit { "commit" } else { "abort" };
                        let epoch = batch.producer_epoch;
                        format!("{end} marker at {}, producer epoch {epoch}", entry.base_offset)
                    }
                    Content::Marker { .. } => return Vec::new(),
                    _ if self.is_in_question(*partition, entry.base_offset, *end) => {
                        let verb = if *leader { "appends" } else { "copies" };
                        let what = offsets(entry.base_offset.0, end.0);
                        format!("{verb} {what}, epoch {}", entry.leader_epoch)
                    }
                    _ => return Vec::new(),
                };
                one(Party::Broker(*node), MarkKind::Event, label)
            }
            Note::HighWatermark { node, partition, high_watermark, leader: true, .. }
                if self.subject.offset_in(*partition).is_some_and(|one| *high_watermark > one) =>
            {
                let label = format!("high watermark {high_watermark}");
                one(Party::Broker(*node), MarkKind::Event, label)
            }
            Note::TransactionState { node, transactional_id, producer, state }
                if self.subject.transactions =>
            {
                let name = self.transactional_id(*transactional_id);
                let label = format!("{name}: {}, epoch {}", state.name(), producer.epoch);
                one(Party::Broker(*node), MarkKind::Event, label)
            }
            Note::GroupStable { node, group, generation, members } if self.has_group(*group) => {
                let members = counted(*members, "member");
                let label = format!("{}: generation {generation}, {members}", self.group(*group));
                one(Party::Broker(*node), MarkKind::Event, label)
            }
            Note::RebalanceStarted { node, group } if self.has_group(*group) => {
                let label = format!("{} rebalances", self.group(*group));
                one(Party::Broker(*node), MarkKind::Event, label)
            }
            Note::MemberFenced { node, group, .. } if self.has_group(*group) => {
                let label = format!("a member of {} is out", self.group(*group));
                one(Party::Broker(*node), MarkKind::Event, label)
            }
            Note::ProducerFenced { node, .. } if self.subject.transactions => one(
                Party::Broker(*node),
                MarkKind::Event,
                "turns away a fenced producer".to_owned(),
            ),
            _ => Vec::new(),
        }
    }
}
