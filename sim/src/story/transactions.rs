//! Transactions: what their coordinator decides, what their producers write, who is fenced.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::{Content, TransactionState};
use broker_model::types::{LeaderEpoch, NodeId, Offset, PartitionId, ProducerId, TransactionalId};
use reports::story::MomentKind;

use super::stage::{Beat, Stage, Step, Weight, broker, offsets};
use crate::world::{Heard, Party, Said};

/// Records that a producer wrote without anything else happening.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Run {
    node: NodeId,
    from: Offset,
    end: Offset,
    epoch: LeaderEpoch,
    producer: ProducerIdAndEpoch,
}

/// The transactions of a run.
#[derive(Default, Debug)]
pub(super) struct Transactions {
    ids: BTreeMap<ProducerId, TransactionalId>,
    states: BTreeMap<TransactionalId, (ProducerIdAndEpoch, TransactionState)>,
    runs: BTreeMap<PartitionId, Run>,
}

impl Transactions {
    pub(super) fn hear(&mut self, stage: &mut Stage<'_>, heard: &Heard) {
        if !stage.subject.transactions {
            return;
        }
        match heard {
            Heard::Note(Note::Appended { node, partition, entry, end, leader: true })
                if stage.subject.has(*partition) =>
            {
                let batch = *stage.world.shared().batches.get(entry.batch);
                let producer =
                    ProducerIdAndEpoch { id: batch.producer_id, epoch: batch.producer_epoch };
                if let Content::Marker { commit, coordinator_epoch } = batch.content {
                    self.tell_runs(stage);
                    let (who, name) = (broker(*node), stage.partition(*partition));
                    let end = if commit { "commit" } else { "abort" };
                    let (whose, at) = (self.producer(stage, producer), entry.base_offset);
                    let text = format!(
                        "{who} writes the {end} marker of {whose} to {name} at offset {at}, by the \
                         coordinator of epoch {coordinator_epoch}."
                    );
                    self.step(stage, producer.id, Weight::Strong, text);
                } else if batch.transactional {
                    let (node, epoch) = (*node, entry.leader_epoch);
                    let run = Run { node, from: entry.base_offset, end: *end, epoch, producer };
                    self.extend(stage, *partition, run);
                }
            }
            Heard::Note(Note::TransactionState { node, transactional_id, producer, state }) => {
                self.tell_runs(stage);
                self.state(stage, *node, *transactional_id, *producer, *state);
            }
            Heard::Note(Note::ProducerFenced { node, producer_id }) => {
                self.tell_runs(stage);
                let (who, whose) = (broker(*node), self.id(stage, *producer_id));
                let text = format!("{who} turns away {whose}: its epoch is of the past.");
                stage.say(MomentKind::Transaction, Weight::Strong, text);
            }
            Heard::Note(Note::CoordinatorLoaded { node, partition })
                if stage.partition(*partition).starts_with("__transaction_state/") =>
            {
                let (who, name) = (broker(*node), stage.partition(*partition));
                let text = format!("{who} has loaded {name} and coordinates its transactions.");
                stage.say(MomentKind::Transaction, Weight::Light, text);
            }
            Heard::Arrived(place) => self.message(stage, *place),
            _ => {}
        }
    }

    /// Tells of what was written since something else was told.
    pub(super) fn tell_runs(&mut self, stage: &mut Stage<'_>) {
        for (partition, run) in std::mem::take(&mut self.runs) {
            let (who, name) = (broker(run.node), stage.partition(partition));
            let (what, whose) =
                (offsets(run.from.0, run.end.0), self.producer(stage, run.producer));
            let text = format!("{who} has appended {what} of {name} for {whose}.");
            self.step(stage, run.producer.id, Weight::Plain, text);
        }
    }

    /// A line that belongs to a transaction of a producer.
    fn step(&self, stage: &mut Stage<'_>, producer: ProducerId, weight: Weight, text: String) {
        match self.ids.get(&producer) {
            Some(id) => stage.say_step(*id, Step::Within, weight, text),
            None => stage.say(MomentKind::Transaction, weight, text),
        }
    }

    fn extend(&mut self, stage: &mut Stage<'_>, partition: PartitionId, next: Run) {
        if let Some(run) = self.runs.get_mut(&partition) {
            let same =
                (run.node, run.epoch, run.producer) == (next.node, next.epoch, next.producer);
            if same && run.end == next.from {
                run.end = next.end;
                return;
            }
            self.tell_runs(stage);
        }
        self.runs.insert(partition, next);
    }

    fn state(
        &mut self,
        stage: &mut Stage<'_>,
        node: NodeId,
        id: TransactionalId,
        producer: ProducerIdAndEpoch,
        state: TransactionState,
    ) {
        self.ids.insert(producer.id, id);
        let before = self.states.insert(id, (producer, state));
        let (who, name) = (broker(node), stage.transactional_id(id));
        let epoch = producer.epoch;
        let (text, weight) = match state {
            TransactionState::Ongoing => {
                if before.is_some_and(|(_, state)| state == TransactionState::Ongoing) {
                    return;
                }
                (
                    format!("a transaction of {name} begins, in epoch {epoch} (coordinator {who})"),
                    Weight::Plain,
                )
            }
            TransactionState::PrepareCommit => (
                format!(
                    "the coordinator, {who}, decides to commit the transaction of {name}, epoch {epoch}"
                ),
                Weight::Strong,
            ),
            TransactionState::PrepareAbort => (
                format!(
                    "the coordinator, {who}, decides to abort the transaction of {name}, epoch {epoch}"
                ),
                Weight::Strong,
            ),
            TransactionState::CompleteCommit => (
                format!(
                    "the transaction of {name} is committed: all markers are written (epoch {epoch})"
                ),
                Weight::Plain,
            ),
            TransactionState::CompleteAbort => (
                format!(
                    "the transaction of {name} is aborted: all markers are written (epoch {epoch})"
                ),
                Weight::Plain,
            ),
            TransactionState::Empty => (
                format!(
                    "{name} is producer {} in epoch {epoch} by the coordinator, {who}",
                    producer.id
                ),
                Weight::Light,
            ),
            TransactionState::Dead => {
                (format!("the coordinator, {who}, forgets {name}"), Weight::Plain)
            }
        };
        let step = match state {
            TransactionState::Ongoing => Step::Begins,
            TransactionState::CompleteCommit | TransactionState::CompleteAbort => Step::Ends,
            _ => Step::Within,
        };
        stage.say_step(id, step, weight, text + ".");
    }

    fn message(&mut self, stage: &mut Stage<'_>, place: usize) {
        let passage = &stage.hearing.passages[place];
        match (&passage.said, passage.from, passage.to) {
            (Said::Request(Request::EndTxn(r)), from @ Party::Client(_), _) => {
                self.tell_runs(stage);
                let (who, epoch) = (stage.party(from), r.producer.epoch);
                let wish = if r.commit { "commit" } else { "abort" };
                let name = stage.transactional_id(r.transactional_id);
                let text =
                    format!("{who} asks to {wish} the transaction of {name}, epoch {epoch}.");
                stage.say_step(r.transactional_id, Step::Within, Weight::Light, text);
            }
            (Said::Response(Response::InitProducerId(r)), _, to @ Party::Client(_))
                if r.error == ErrorCode::None =>
            {
                let (who, id, epoch) = (stage.party(to), r.producer.id, r.producer.epoch);
                let text = format!("{who} is given producer id {id} in epoch {epoch}.");
                stage.say(MomentKind::Transaction, Weight::Plain, text);
            }
            (Said::Response(Response::EndTxn(r)), _, to @ Party::Client(_)) => {
                let who = stage.party(to);
                if r.error != ErrorCode::None {
                    let text = format!("{who} hears {} to its EndTxn.", r.error.name());
                    stage.say(MomentKind::Transaction, Weight::Plain, text);
                }
            }
            _ => {}
        }
    }

    fn id(&self, stage: &Stage<'_>, producer: ProducerId) -> String {
        match self.ids.get(&producer) {
            Some(id) => format!("{} (producer {producer})", stage.transactional_id(*id)),
            None => format!("producer {producer}"),
        }
    }

    fn producer(&self, stage: &Stage<'_>, producer: ProducerIdAndEpoch) -> String {
        format!("{} in epoch {}", self.id(stage, producer.id), producer.epoch)
    }
}

/// Transactions that began and ended with nothing of note between become one line.
pub(super) fn fold_quiet(stage: &Stage<'_>, beats: Vec<Beat>) -> Vec<Beat> {
    let mut quiet = vec![None; beats.len()];
    let mut open: BTreeMap<TransactionalId, usize> = BTreeMap::new();
    for (place, beat) in beats.iter().enumerate() {
        match beat.step {
            Some((id, Step::Begins)) => {
                open.insert(id, place);
            }
            Some((id, Step::Ends)) => {
                for between in open.remove(&id).into_iter().flat_map(|from| from..=place) {
                    if beats[between].step.is_some_and(|(of, _)| of == id) {
                        quiet[between] = Some(id);
                    }
                }
            }
            Some((_, Step::Within)) => {}
            None if beat.is_of_note() => open.clear(),
            None => {}
        }
    }
    let mut kept = Vec::new();
    let mut folded: BTreeMap<TransactionalId, (u32, Beat)> = BTreeMap::new();
    for (beat, quiet) in beats.into_iter().zip(quiet) {
        match quiet {
            Some(id) => {
                let ended = u32::from(matches!(beat.step, Some((_, Step::Ends))));
                let count = folded.get(&id).map_or(0, |(count, _)| *count);
                folded.insert(id, (count + ended, beat));
            }
            None if beat.step.is_some() || beat.is_of_note() => {
                kept.extend(told(stage, &mut folded));
                kept.push(beat);
            }
            None => kept.push(beat),
        }
    }
    kept.extend(told(stage, &mut folded));
    kept
}

/// A line for each transactional id on the transactions that were left out.
fn told(stage: &Stage<'_>, folded: &mut BTreeMap<TransactionalId, (u32, Beat)>) -> Vec<Beat> {
    // What has begun here may end behind the next line that is told.
    let all = std::mem::take(folded).into_iter().filter(|(_, (count, _))| *count > 0);
    let lines = all.map(|(id, (count, last))| {
        let name = stage.transactional_id(id);
        let text = match count {
            1 => format!("A transaction of {name} has begun and ended as it should."),
            n => format!("{n} transactions of {name} have begun and ended as they should."),
        };
        Beat { text, weight: Weight::Light, step: None, ..last }
    });
    lines.collect()
}
