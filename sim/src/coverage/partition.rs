//! Partitions: what happens to them in which state of their ISR, and how near they come to a loss.

use broker_model::note::Note;
use broker_model::types::{NodeId, Offset, PartitionEpoch, PartitionId};

use super::pair::{PartitionEvent, PartitionState};
use super::reached::Slack;
use super::{Point, Reached, Situation};
use crate::world::{Node, deciding, index_of};

/// What the controllers said of a partition last, and what leaders told of it.
#[derive(Clone, Debug)]
struct Known {
    internal: bool,
    state: PartitionState,
    leader: Option<NodeId>,
    partition_epoch: PartitionEpoch,
    isr: Vec<NodeId>,
    eligible: Vec<NodeId>,
    min_isr: usize,
    high_watermark: Offset,
}

/// All partitions, by their ids.
#[derive(Debug, Default)]
pub(super) struct Partitions(Vec<Option<Known>>);

impl Partitions {
    pub(super) fn note(&mut self, nodes: &[Node], note: &Note, reached: &mut Reached) {
        if let Note::PartitionChanged { .. } = note {
            return self.changed(nodes, note, reached);
        }
        let Some((partition, event)) = event_of(note) else { return };
        let Some(known) = self.0.get_mut(partition.0 as usize).and_then(Option::as_mut) else {
            return;
        };
        reached.add(Point::partition(known.internal, known.state, event));
        match *note {
            Note::HighWatermark { high_watermark, leader: true, .. } => {
                known.high_watermark = known.high_watermark.max(high_watermark);
            }
            Note::Acknowledged { .. } => {
                reached.came_near(Slack::Isr, known.isr.len().saturating_sub(known.min_isr));
            }
            _ => {}
        }
    }

    fn changed(&mut self, nodes: &[Node], note: &Note, reached: &mut Reached) {
        let Note::PartitionChanged {
            partition,
            leader,
            partition_epoch,
            isr,
            replicas,
            eligible_leader_replicas: eligible,
            unclean,
            ..
        } = note
        else {
            return;
        };
        let place = partition.0 as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        let Some((internal, min_isr)) = of_topic(nodes, *partition) else { return };
        let min_isr = min_isr.min(replicas.len());
        let state = match (leader, isr.len()) {
            (None, _) => PartitionState::Leaderless,
            (Some(_), members) if members < min_isr => PartitionState::BelowMin,
            (Some(_), members) if members < replicas.len() => PartitionState::Short,
            _ => PartitionState::Full,
        };
        let before = self.0[place].take();
        let now = Known {
            internal,
            state,
            leader: *leader,
            partition_epoch: *partition_epoch,
            isr: isr.clone(),
            eligible: eligible.clone(),
            min_isr,
            high_watermark: before.as_ref().map_or(Offset::ZERO, |before| before.high_watermark),
        };
        match before {
            Some(before) if before.partition_epoch >= now.partition_epoch => {
                self.0[place] = Some(before);
                return;
            }
            Some(before) => {
                went(&before, &now, reached);
                if now.leader.is_some() && now.leader != before.leader {
                    candidates(nodes, *partition, &now, reached);
                }
            }
            None => {}
        }
        if *unclean {
            reached.add(Point::situation(Situation::UncleanElection));
        }
        self.0[place] = Some(now);
    }
}

/// From one state of a partition to the next.
fn went(before: &Known, now: &Known, reached: &mut Reached) {
    let mut pair = |event| reached.add(Point::partition(before.internal, before.state, event));
    let has_more = |than: &[NodeId], here: &[NodeId]| here.iter().any(|one| !than.contains(one));
    for (happened, event) in [
        (now.leader != before.leader, PartitionEvent::LeaderChanged),
        (has_more(&now.isr, &before.isr), PartitionEvent::IsrShrank),
        (has_more(&before.isr, &now.isr), PartitionEvent::IsrGrew),
        (has_more(&now.eligible, &before.eligible), PartitionEvent::ElrShrank),
        (has_more(&before.eligible, &now.eligible), PartitionEvent::ElrGrew),
    ] {
        if happened {
            pair(event);
        }
    }
    let new = now.leader.filter(|leader| before.leader != Some(*leader));
    let lost = |one: &NodeId| !now.eligible.contains(one) && !now.isr.contains(one);
    for (is, situation) in [
        (
            new.is_some_and(|one| before.eligible.contains(&one) && !before.isr.contains(&one)),
            Situation::LeaderFromElr,
        ),
        (now.leader.is_none(), Situation::Leaderless),
        (
            new.is_some() && before.leader.is_some_and(|old| now.isr.contains(&old)),
            Situation::LeaderMoved,
        ),
        (now.isr.len() == 1, Situation::IsrOfOne),
        (now.isr.len() < now.min_isr, Situation::IsrBelowMin),
        (
            now.state == PartitionState::Full && before.state != PartitionState::Full,
            Situation::IsrFullAgain,
        ),
        (!now.eligible.is_empty(), Situation::Eligible),
        (before.eligible.iter().any(lost), Situation::EligibleNoMore),
    ] {
        if is {
            reached.add(Point::situation(situation));
        }
    }
}

/// How many of those who may lead have all that readers may have seen.
fn candidates(nodes: &[Node], partition: PartitionId, now: &Known, reached: &mut Reached) {
    let (mut complete, mut durable) = (0, 0);
    for &member in now.isr.iter().chain(&now.eligible) {
        let Some(node) = index_of(nodes, member).map(|index| &nodes[index]) else { continue };
        let Some(replica) = node.broker().and_then(|b| b.replica(partition)) else { continue };
        let has_all = replica.log().log_end_offset() >= now.high_watermark;
        complete += usize::from(has_all && node.state.is_running());
        durable += usize::from(has_all && node.cache.durable(partition) >= now.high_watermark);
    }
    reached.came_near(Slack::Complete, complete);
    reached.came_near(Slack::Durable, durable);
}

/// Whether it is of a topic of Kafka's own, and the topic's `min.insync.replicas`.
fn of_topic(nodes: &[Node], partition: PartitionId) -> Option<(bool, usize)> {
    let controller = deciding(nodes)?;
    let image = controller.image();
    let topic = image.partition(partition)?.topic;
    let internal = image.topic(topic)?.name.starts_with("__");
    Some((internal, controller.min_isr(topic)))
}

/// The partition of a note, and what happened to it.
const fn event_of(note: &Note) -> Option<(PartitionId, PartitionEvent)> {
    Some(match *note {
        Note::Appended { partition, leader: true, .. } => {
            (partition, PartitionEvent::LeaderAppends)
        }
        Note::Appended { partition, .. } => (partition, PartitionEvent::FollowerAppends),
        Note::HighWatermark { partition, leader: true, .. } => {
            (partition, PartitionEvent::LeaderHighWatermark)
        }
        Note::HighWatermark { partition, .. } => (partition, PartitionEvent::FollowerHighWatermark),
        Note::Acknowledged { partition, .. } => (partition, PartitionEvent::Acknowledged),
        Note::Repeated { partition, .. } => (partition, PartitionEvent::Repeated),
        Note::Read { partition, committed: true, .. } => (partition, PartitionEvent::ReadCommitted),
        Note::Read { partition, .. } => (partition, PartitionEvent::ReadUncommitted),
        Note::Truncated { partition, .. } => (partition, PartitionEvent::Truncated),
        Note::Rolled { partition, .. } => (partition, PartitionEvent::Rolled),
        Note::LogStart { partition, .. } => (partition, PartitionEvent::LogStart),
        Note::Compacted { partition, .. } => (partition, PartitionEvent::Compacted),
        Note::BecameLeader { partition, .. } => (partition, PartitionEvent::BecameLeader),
        Note::BecameFollower { partition, .. } => (partition, PartitionEvent::BecameFollower),
        Note::Marker { partition, commit: true, .. } => (partition, PartitionEvent::CommitMarker),
        Note::Marker { partition, .. } => (partition, PartitionEvent::AbortMarker),
        _ => return None,
    })
}
