//! Records of the offset in question, acknowledgements, high watermarks, and what is cut.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::io::StopKind;
use broker_model::note::Note;
use broker_model::records::{Content, LogEntry};
use broker_model::types::{Instant, NodeId, Offset, PartitionId};
use reports::story::MomentKind;

use super::logs::Cut;
use super::stage::{Stage, Weight, and, broker, offsets};
use crate::world::{Heard, Party, counted};

/// What was told of records so far.
#[derive(Default, Debug)]
pub(super) struct Records {
    high_watermarks: BTreeMap<(PartitionId, NodeId), Offset>,
    /// Brokers that have ended since the run began.
    stopped: BTreeSet<NodeId>,
    /// When a leader appended what is in question: where, to which offset, and when.
    pub(super) appended_at: Vec<(PartitionId, Offset, Instant)>,
}

impl Records {
    /// `cuts` is what went from logs with this event.
    pub(super) fn hear(
        &mut self,
        stage: &mut Stage<'_>,
        heard: &Heard,
        cuts: &[(PartitionId, NodeId, Cut)],
    ) {
        match heard {
            Heard::Note(Note::Appended { node, partition, entry, end, leader }) => {
                self.appended(stage, (*node, *partition), *entry, *end, *leader);
                Self::tell_cuts(stage, cuts, "has an empty log now");
            }
            Heard::Note(Note::Acknowledged { node, partition, base_offset, end })
                if stage.is_in_question(*partition, *base_offset, *end) =>
            {
                let (who, name) = (broker(*node), stage.partition(*partition));
                let what = offsets(base_offset.0, end.0);
                let text = format!("{who} acknowledges {what} of {name} to the producer.");
                stage.say(MomentKind::Log, Weight::Strong, text);
            }
            Heard::Note(Note::HighWatermark {
                node, partition, high_watermark, leader, ..
            }) => {
                self.high_watermark(stage, (*node, *partition), *high_watermark, *leader);
            }
            Heard::Note(Note::Truncated { node, partition, end, from, .. }) => {
                self.truncated(stage, (*node, *partition), (*from, *end), cuts);
            }
            Heard::Note(Note::CorruptTail { .. }) => {
                Self::tell_cuts(stage, cuts, "finds the end of its log corrupt and cuts it");
            }
            Heard::Note(Note::FirstSequenceSkipped { node, partition, .. }) => {
                let (who, name) = (broker(*node), stage.partition(*partition));
                let text = format!(
                    "{who} knows nothing of the producer and takes a later batch of it for the \
                     first on {name}."
                );
                stage.say(MomentKind::Log, Weight::Strong, text);
            }
            Heard::Note(Note::Repeated { node, partition, base_offset, .. }) => {
                let (who, name) = (broker(*node), stage.partition(*partition));
                let text = format!(
                    "{who} takes a batch for one that {name} has already, at offset {base_offset}."
                );
                stage.say(MomentKind::Log, Weight::Plain, text);
            }
            Heard::Note(Note::Compacted { node, partition, from, end, removed, .. })
                if *removed > 0 =>
            {
                let (who, name) = (broker(*node), stage.partition(*partition));
                let count = counted(*removed, "record");
                let text =
                    format!("the cleaner of {who} removes {count} of {name} from [{from}, {end}).");
                stage.say(MomentKind::Log, Weight::Plain, text);
            }
            Heard::Stopped { node: Party::Broker(node), kind, .. } => {
                self.high_watermarks.retain(|(_, of), _| of != node);
                self.stopped.insert(*node);
                if *kind == StopKind::PowerCut {
                    Self::tell_cuts(
                        stage,
                        cuts,
                        "had not flushed the end of its log, which is gone",
                    );
                }
            }
            Heard::Started(Party::Broker(_), _) => {
                Self::tell_cuts(stage, cuts, "has lost what was on its disk");
            }
            _ => {}
        }
    }

    fn appended(
        &mut self,
        stage: &mut Stage<'_>,
        (node, partition): (NodeId, PartitionId),
        entry: LogEntry,
        end: Offset,
        leader: bool,
    ) {
        let batches = &stage.world.shared().batches;
        let records = batches.records(entry.batch);
        let named = records.iter().any(|record| stage.subject.records.contains(record));
        if !named && !stage.is_in_question(partition, entry.base_offset, end) {
            return;
        }
        let batch = batches.get(entry.batch);
        let (who, name) = (broker(node), stage.partition(partition));
        let what = match batch.content {
            Content::Marker { .. } if stage.subject.transactions => return,
            Content::Marker { commit: true, .. } => "a commit marker".to_owned(),
            Content::Marker { commit: false, .. } => "an abort marker".to_owned(),
            _ => match records.iter().find(|record| stage.subject.records.contains(record)) {
                Some(record) if records.len() == 1 => format!("record {record}"),
                Some(record) => format!("{} records, record {record} among them,", records.len()),
                None => counted(batch.count, "record"),
            },
        };
        let (verb, weight) =
            if leader { ("appends", Weight::Strong) } else { ("copies", Weight::Faint) };
        if leader {
            self.appended_at.push((partition, end, stage.now));
        }
        let epoch = entry.leader_epoch;
        let place = offsets(entry.base_offset.0, end.0);
        let text = format!("{who} {verb} {what} at {place} of {name}, in epoch {epoch}.");
        stage.say(MomentKind::Log, weight, text);
    }

    fn high_watermark(
        &mut self,
        stage: &mut Stage<'_>,
        (node, partition): (NodeId, PartitionId),
        new: Offset,
        leader: bool,
    ) {
        let before = self.high_watermarks.insert((partition, node), new);
        let Some(offset) = stage.subject.offset_in(partition) else { return };
        let before = before.unwrap_or(Offset(0));
        if before > offset || new <= offset {
            return;
        }
        let (who, name) = (broker(node), stage.partition(partition));
        let (text, weight) = if leader {
            let text = format!(
                "the high watermark of {name} on {who} passes {offset}: it is {new}, and what is \
                 before counts as committed."
            );
            (text, Weight::Plain)
        } else {
            let text = format!("{who} learns of high watermark {new} of {name}.");
            (text, Weight::Faint)
        };
        stage.say(MomentKind::Log, weight, text);
    }

    fn truncated(
        &mut self,
        stage: &mut Stage<'_>,
        (node, partition): (NodeId, PartitionId),
        (from, end): (Offset, Offset),
        cuts: &[(PartitionId, NodeId, Cut)],
    ) {
        if from <= end {
            return;
        }
        let (who, name) = (broker(node), stage.partition(partition));
        // Who never heard of one begins with 0; who started again, with what it had written down.
        let first = (!self.stopped.contains(&node)).then_some(Offset(0));
        let known = self.high_watermarks.get(&(partition, node)).copied().or(first);
        let known = known.map_or_else(String::new, |known| {
            format!(" (the high watermark that it knows: {known})")
        });
        let how = format!("cuts its log of {name} back from {from} to {end}{known}");
        match cuts.first() {
            Some((_, _, cut)) => {
                let (text, weight) = Self::loss(stage, partition, cut);
                stage.say(
                    MomentKind::Log,
                    weight.max(Weight::Strong),
                    format!("{who} {how}: {text}."),
                );
            }
            None => stage.say(MomentKind::Log, Weight::Plain, format!("{who} {how}.")),
        }
    }

    fn tell_cuts(stage: &mut Stage<'_>, cuts: &[(PartitionId, NodeId, Cut)], how: &str) {
        for (partition, node, cut) in cuts.iter().filter(|(of, ..)| stage.subject.has(*of)) {
            let (who, name) = (broker(*node), stage.partition(*partition));
            let end = stage.logs.end(*partition, *node);
            let (text, weight) = Self::loss(stage, *partition, cut);
            let text = format!("{who} {how}: {name} ends at {end} there, {text}.");
            stage.say(MomentKind::Log, weight.max(Weight::Strong), text);
        }
    }

    /// What went with the end of a log.
    fn loss(stage: &Stage<'_>, partition: PartitionId, cut: &Cut) -> (String, Weight) {
        let mut text = gone(cut.count);
        let them = if cut.count == 1 { "it" } else { "them" };
        if cut.acknowledged > 0 {
            text += &match cut.count {
                1 => ", which was acknowledged".to_owned(),
                _ => format!(", {} of them acknowledged", cut.acknowledged),
            };
        }
        let mut weight = Weight::Plain;
        if cut.nowhere > 0 {
            text += &match cut.nowhere {
                n if n == cut.count => format!(", and no log has {them} any more"),
                n => format!(", and no log has {n} of them any more"),
            };
            if cut.acknowledged > 0 {
                weight = Weight::Loud;
            }
        } else {
            let holders = stage.logs.holders_of_all(partition, &cut.batches);
            text += &format!("; {} {them}", still_there(&holders));
        }
        (text, weight)
    }
}

/// How many records of a log are gone.
fn gone(count: i64) -> String {
    if count == 1 { "1 record is gone".to_owned() } else { format!("{count} records are gone") }
}

fn still_there(holders: &[NodeId]) -> String {
    match holders {
        [] => "other logs still have".to_owned(),
        [one] => format!("{} still has", broker(*one)),
        many => format!("{} still have", and(many.iter().map(|id| broker(*id)))),
    }
}

impl Stage<'_> {
    /// Whether the offset in question lies in `[from, end)` of a partition.
    pub(super) fn is_in_question(&self, partition: PartitionId, from: Offset, end: Offset) -> bool {
        let known = self.subject.offset_in(partition);
        known.is_some_and(|offset| from <= offset && offset < end)
    }
}
