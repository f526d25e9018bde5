//! How far everybody is, told before something breaks, so that a reader knows what is at stake.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::protocol::Response;
use broker_model::types::{NodeId, Offset, PartitionId};
use reports::story::MomentKind;

use super::leaders::Leaders;
use super::stage::{Beat, Stage, Weight, and, broker, capital};
use crate::world::{Heard, Party, Said};

/// Behind the name of a leader.
const LEADS: &str = " (leader)";

/// How far the clients of a partition are.
#[derive(Default, Debug)]
pub(super) struct Progress {
    high_watermarks: BTreeMap<PartitionId, (NodeId, Offset)>,
    acknowledged: BTreeMap<PartitionId, Offset>,
    given: BTreeMap<(PartitionId, Party), Offset>,
    /// What was said last of each partition.
    said: BTreeMap<PartitionId, String>,
}

impl Progress {
    pub(super) fn hear(&mut self, stage: &Stage<'_>, heard: &Heard) {
        match heard {
            Heard::Note(Note::HighWatermark {
                node,
                partition,
                high_watermark,
                leader: true,
                ..
            }) => {
                self.high_watermarks.insert(*partition, (*node, *high_watermark));
            }
            Heard::Note(Note::Acknowledged { partition, end, .. }) => {
                let known = self.acknowledged.entry(*partition).or_insert(*end);
                *known = (*known).max(*end);
            }
            Heard::Arrived(place) => {
                let passage = &stage.hearing.passages[*place];
                if let (Said::Response(Response::Fetch(fetched)), Party::Client(_)) =
                    (&passage.said, passage.to)
                {
                    for one in &fetched.partitions {
                        let range = one.entries.start as usize..one.entries.end as usize;
                        let Some(last) = fetched.entries[range].last() else { continue };
                        let count = stage.world.shared().batches.get(last.batch).count;
                        let end = last.base_offset + i64::from(count);
                        self.given.insert((one.partition, passage.to), end);
                    }
                }
            }
            _ => {}
        }
    }

    /// Lines on how far everybody is, for partitions where that has changed since it was last said.
    pub(super) fn lines(&mut self, stage: &Stage<'_>, leaders: &Leaders) -> Vec<Beat> {
        let mut beats = Vec::new();
        for &partition in &stage.subject.partitions {
            let text = self.line(stage, leaders, partition);
            let Some(text) = text else { continue };
            // Who leads is told elsewhere.
            let plain = text.replace(LEADS, "");
            if self.said.get(&partition) == Some(&plain) {
                continue;
            }
            self.said.insert(partition, plain);
            let (kind, weight) = (MomentKind::State, Weight::Light);
            beats.push(Beat { at: stage.now, kind, weight, text: capital(&text), step: None });
        }
        beats
    }

    fn line(&self, stage: &Stage<'_>, leaders: &Leaders, partition: PartitionId) -> Option<String> {
        let logs: Vec<(NodeId, Offset)> = stage
            .logs
            .of(partition)
            .map(|(node, _)| (node, stage.logs.end(partition, node)))
            .collect();
        if logs.iter().all(|(_, end)| end.0 == 0) {
            return None;
        }
        let leader = leaders.leader(partition).map(|(node, _)| node);
        let ends = logs.iter().map(|&(node, end)| {
            let role = if Some(node) == leader { LEADS } else { "" };
            format!("{}{role} to {end}", broker(node))
        });
        let mut text = format!("so far, logs of {} go: {}", stage.partition(partition), and(ends));
        if let Some((node, mark)) = self.high_watermarks.get(&partition) {
            text += &format!("; high watermark {mark} on {}", broker(*node));
        }
        if let Some(end) = self.acknowledged.get(&partition) {
            text += &format!("; acknowledged up to {end}");
        }
        if stage.subject.groups {
            let given = self.given.iter().filter(|((of, _), _)| *of == partition);
            for ((_, party), end) in given {
                text += &format!("; {} was given records up to {end}", stage.party(*party));
            }
        }
        Some(text + ".")
    }
}
