//! Who leads a partition, who is in its ISR, and who does not know it yet.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::types::{LeaderEpoch, NodeId, PartitionId};
use reports::story::MomentKind;

use super::stage::{Stage, Weight, broker, nodes};
use super::verdict;
use crate::world::{Heard, Party};

/// What a broker takes itself for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Role {
    leads: bool,
    epoch: LeaderEpoch,
}

/// What the controller has decided.
#[derive(Clone, Debug)]
struct Decided {
    leader: Option<NodeId>,
    epoch: LeaderEpoch,
    isr: Vec<NodeId>,
    eligible: Vec<NodeId>,
}

/// What everybody believes of the partitions in question.
#[derive(Default, Debug)]
pub(super) struct Leaders {
    decided: BTreeMap<PartitionId, Decided>,
    roles: BTreeMap<(PartitionId, NodeId), Role>,
}

impl Leaders {
    pub(super) fn hear(&mut self, stage: &mut Stage<'_>, heard: &Heard) {
        match heard {
            Heard::Note(note) => self.hear_note(stage, note),
            Heard::Stopped { node: Party::Broker(node), .. } => {
                self.roles.retain(|(_, of), _| of != node);
            }
            _ => {}
        }
    }

    /// Who leads a partition by the controller's word, and in which epoch.
    pub(super) fn leader(&self, partition: PartitionId) -> Option<(NodeId, LeaderEpoch)> {
        let decided = self.decided.get(&partition)?;
        Some((decided.leader?, decided.epoch))
    }

    fn hear_note(&mut self, stage: &mut Stage<'_>, note: &Note) {
        match note {
            Note::PartitionChanged {
                partition,
                leader,
                leader_epoch,
                isr,
                eligible_leader_replicas,
                unclean,
                ..
            } if self.is_told(stage, *partition) => {
                let next = Decided {
                    leader: *leader,
                    epoch: *leader_epoch,
                    isr: isr.clone(),
                    eligible: eligible_leader_replicas.clone(),
                };
                self.decide(stage, *partition, next, *unclean);
            }
            Note::BecameLeader { node, partition, leader_epoch, start }
                if self.is_told(stage, *partition) =>
            {
                self.learn_to_lead(stage, *node, *partition, *leader_epoch, start.0);
            }
            Note::BecameFollower { node, partition, leader_epoch }
                if self.is_told(stage, *partition) =>
            {
                let role = Role { leads: false, epoch: *leader_epoch };
                let before = self.roles.insert((*partition, *node), role);
                if before.is_some_and(|before| before.leads) {
                    let (who, name) = (broker(*node), stage.partition(*partition));
                    let text = format!(
                        "{who} learns that it no longer leads {name}: it follows in epoch \
                         {leader_epoch}."
                    );
                    let own = stage.subject.has(*partition);
                    let weight = if own { Weight::Strong } else { Weight::Light };
                    stage.say(MomentKind::Leader, weight, text);
                }
            }
            Note::BrokerFenced { node } => {
                let text = format!("the controller fences {}.", broker(*node));
                stage.say(MomentKind::Process, Weight::Light, text);
            }
            Note::QuorumLeader { node, epoch, .. } => {
                let text = format!("controller {node} is elected by the quorum in epoch {epoch}.");
                stage.say(MomentKind::Leader, Weight::Light, text);
            }
            _ => {}
        }
    }

    fn is_told(&self, stage: &Stage<'_>, partition: PartitionId) -> bool {
        stage.subject.has(partition) || stage.is_coordinators(partition)
    }

    fn decide(
        &mut self,
        stage: &mut Stage<'_>,
        partition: PartitionId,
        next: Decided,
        unclean: bool,
    ) {
        let name = stage.partition(partition);
        let own = if stage.subject.has(partition) { Weight::Strong } else { Weight::Light };
        let isr = nodes(&next.isr);
        let elr = match &next.eligible[..] {
            [] => String::new(),
            ids => format!(", ELR {}", nodes(ids)),
        };
        let epoch = next.epoch;
        let before = self.decided.insert(partition, next.clone());
        let Some(before) = before else {
            let leader = next.leader.map_or_else(|| "nobody".to_owned(), broker);
            let text = format!("{name} is led by {leader} in epoch {epoch}, ISR {isr}.");
            let weight = if stage.subject.has(partition) { Weight::Plain } else { Weight::Faint };
            stage.say(MomentKind::Leader, weight, text);
            return;
        };
        if before.epoch != next.epoch || before.leader != next.leader {
            let text = match next.leader {
                Some(leader) if unclean => format!(
                    "the controller makes {} leader of {name} in epoch {epoch}, out of turn: it is \
                     in neither ISR nor ELR (unclean election).",
                    broker(leader)
                ),
                Some(leader) => format!(
                    "the controller makes {} leader of {name} in epoch {epoch}, ISR {isr}{elr}.",
                    broker(leader)
                ),
                None => format!(
                    "{name} is without a leader (epoch {epoch}, ISR {isr}{elr}): nobody who may \
                     lead is there."
                ),
            };
            stage.say(MomentKind::Leader, own, text);
        } else if before.isr != next.isr {
            let (moves, shrank) = moves(&before.isr, &next.isr);
            let text = format!("the ISR of {name} is now {isr}, {moves}{elr}.");
            let weight = if shrank { own } else { own.min(Weight::Plain) };
            stage.say(MomentKind::Isr, weight, text);
        } else if before.eligible != next.eligible {
            let text = format!(
                "the ELR of {name} is now {} (before: {}).",
                nodes(&next.eligible),
                nodes(&before.eligible)
            );
            stage.say(MomentKind::Isr, own, text);
        }
    }

    fn learn_to_lead(
        &mut self,
        stage: &mut Stage<'_>,
        node: NodeId,
        partition: PartitionId,
        epoch: LeaderEpoch,
        start: i64,
    ) {
        let others = self.roles.iter().filter(|((of, other), role)| {
            *of == partition && *other != node && role.leads && role.epoch < epoch
        });
        let unaware: Vec<(NodeId, LeaderEpoch)> =
            others.map(|((_, other), role)| (*other, role.epoch)).collect();
        let name = stage.partition(partition);
        let mut text =
            format!("{} begins to lead {name} in epoch {epoch}, at offset {start}", broker(node));
        text += &verdict::without(verdict::lacked_by(stage, partition, node));
        for (other, old) in &unaware {
            text += &format!(
                "; {} has not heard of it and still takes itself for the leader, in epoch {old}",
                broker(*other)
            );
        }
        let weight = match (epoch.0, stage.subject.has(partition)) {
            // Somebody has to begin.
            (0, _) => Weight::Faint,
            (_, true) => Weight::Strong,
            (_, false) => Weight::Light,
        };
        self.roles.insert((partition, node), Role { leads: true, epoch });
        stage.say(MomentKind::Leader, weight, text + ".");
    }
}

/// Who left an ISR and who came back, and whether anybody left.
fn moves(before: &[NodeId], now: &[NodeId]) -> (String, bool) {
    let beyond = |these: &[NodeId], those: &[NodeId]| -> Vec<NodeId> {
        these.iter().copied().filter(|id| !those.contains(id)).collect()
    };
    let (left, came) = (beyond(before, now), beyond(now, before));
    let mut moves = Vec::new();
    if !left.is_empty() {
        moves.push(format!("without {}", nodes(&left)));
    }
    if !came.is_empty() {
        moves.push(format!("with {} again", nodes(&came)));
    }
    (moves.join(" and "), !left.is_empty())
}

impl Stage<'_> {
    /// Whether a partition is of a coordinator whose part in the story is told.
    pub(super) fn is_coordinators(&self, partition: PartitionId) -> bool {
        let name = self.partition(partition);
        let matters = (self.subject.transactions && name.starts_with("__transaction_state/"))
            || (self.subject.groups && name.starts_with("__consumer_offsets/"));
        // Of the fifty that there are by default most hold nothing.
        matters && self.used.contains(&partition)
    }
}
