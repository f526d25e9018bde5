//! Where truth and belief part, and what the checks say.

use broker_model::note::Note;
use broker_model::types::{BatchId, Instant, NodeId, Offset, PartitionId};
use reports::checker::{Anomaly, Violation};
use reports::story::MomentKind;

use super::logs::Cut;
use super::stage::{Beat, Stage, Weight, broker, capital, counted, offsets};
use crate::world::Heard;

/// So many other violations are told, each by its first evidence.
const OTHERS_MAX: usize = 5;

/// From now on nobody who counts has records that somebody was told are stored.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    at: Instant,
    batches: Vec<BatchId>,
    /// What is true instead, a sentence without its final period.
    truth: String,
}

/// What is lost with an event, if anything is: `cuts` is what went from logs with it.
pub(super) fn losses(
    stage: &Stage<'_>,
    heard: &Heard,
    cuts: &[(PartitionId, NodeId, Cut)],
) -> Vec<Loss> {
    let at = stage.now;
    let mut losses: Vec<Loss> = cuts
        .iter()
        .filter(|(_, _, cut)| cut.acknowledged > 0 && cut.nowhere > 0)
        .map(|(_, _, cut)| {
            let (batches, truth) = (cut.batches.clone(), "no log has it any more".to_owned());
            Loss { at, batches, truth }
        })
        .collect();
    if let Heard::Note(Note::BecameLeader { node, partition, leader_epoch, .. }) = heard
        && stage.subject.has(*partition)
    {
        let batches = lacking(stage, *partition, *node);
        if !batches.is_empty() {
            let truth = format!(
                "{} leads from now on, in epoch {leader_epoch}, and does not have it",
                broker(*node)
            );
            losses.push(Loss { at, batches, truth });
        }
    }
    if let Heard::Note(Note::Acknowledged { node, partition, base_offset, end }) = heard
        && let Some((newest, epoch)) = stage.leading.get(partition)
        && newest != node
    {
        let acknowledged = batches_of(stage, *partition, *node, (*base_offset, *end));
        let missing: Vec<BatchId> = acknowledged
            .into_iter()
            .filter(|batch| !stage.logs.holders(*partition, *batch).contains(newest))
            .collect();
        if !missing.is_empty() {
            let truth = format!(
                "{} has led since before, in epoch {epoch}, and does not have it",
                broker(*newest)
            );
            losses.push(Loss { at, batches: missing, truth });
        }
    }
    losses
}

/// Acknowledged batches that a new leader does not have.
fn lacking(stage: &Stage<'_>, partition: PartitionId, leader: NodeId) -> Vec<BatchId> {
    let mut missing: Vec<BatchId> = Vec::new();
    let others = stage.logs.of(partition).filter(|(node, _)| *node != leader);
    for placed in others.flat_map(|(_, log)| log) {
        let batch = placed.entry.batch;
        let known = missing.contains(&batch);
        if !known
            && stage.logs.is_acknowledged(partition, batch)
            && !stage.logs.holders(partition, batch).contains(&leader)
        {
            missing.push(batch);
        }
    }
    missing
}

/// What a new leader lacks of what was acknowledged, as words: `offsets 74 to 111`.
pub(super) fn lacked_by(
    stage: &Stage<'_>,
    partition: PartitionId,
    leader: NodeId,
) -> Option<(String, i64)> {
    let batches = lacking(stage, partition, leader);
    let logs = || stage.logs.of(partition).flat_map(|(_, log)| log);
    let lacked = || logs().filter(|one| batches.contains(&one.entry.batch));
    let from = lacked().map(|one| one.entry.base_offset).min()?;
    let end = lacked().map(|one| one.end).max()?;
    Some((offsets(from.0, end.0), end - from))
}

fn batches_of(
    stage: &Stage<'_>,
    partition: PartitionId,
    node: NodeId,
    (from, end): (Offset, Offset),
) -> Vec<BatchId> {
    let mut found = Vec::new();
    let mut offset = from;
    while offset < end {
        let Some(placed) = stage.logs.at(partition, node, offset) else { break };
        found.push(placed.entry.batch);
        offset = placed.end;
    }
    found
}

/// Adds what was violated to the lines of a story, and marks where truth and belief part.
pub(super) fn with_violations(
    stage: &Stage<'_>,
    mut beats: Vec<Beat>,
    losses: &[Loss],
) -> Vec<Beat> {
    let subject = stage.subject;
    let end = stage.world.now();
    let parting = parting(stage, losses);
    let told = parting.check.clone();
    insert(&mut beats, parting.beat);
    if told.as_deref() != Some(subject.check.as_str()) {
        let (text, weight) = (format!("{}: {}.", subject.check, subject.detail), Weight::Loud);
        let beat = violated(end, &text, weight);
        insert(&mut beats, beat);
    }
    let others = subject.others.iter().filter(|(check, _)| Some(check) != told.as_ref());
    for (check, violation) in others.take(OTHERS_MAX) {
        let at = seen_at(check, violation).unwrap_or(end);
        let text = format!("{check}: {}.", violation.text);
        insert(&mut beats, violated(at, &text, Weight::Strong));
    }
    beats
}

fn violated(at: Instant, text: &str, weight: Weight) -> Beat {
    let text = format!("VIOLATED  {text}");
    Beat { at, kind: MomentKind::Violation, weight, text, step: None }
}

/// Behind everything of its time.
fn insert(beats: &mut Vec<Beat>, beat: Beat) {
    let place = beats.partition_point(|one| one.at <= beat.at);
    beats.insert(place, beat);
}

/// Invariants see a violation when it happens; what clients saw is judged at the end, and its time
/// is that of the record or the poll.
fn seen_at(check: &str, violation: &Violation) -> Option<Instant> {
    let at_once = check == violation.anomaly.name()
        || matches!(
            violation.anomaly,
            Anomaly::WentBack
                | Anomaly::SkippedPoll
                | Anomaly::EffectDoubled
                | Anomaly::ProducerFenced
        );
    violation.at_ns.filter(|_| at_once).map(Instant)
}

struct Parting {
    beat: Beat,
    /// The check whose evidence it is.
    check: Option<String>,
}

fn parting(stage: &Stage<'_>, losses: &[Loss]) -> Parting {
    let subject = stage.subject;
    let batches = &stage.world.shared().batches;
    let place = match (subject.offset, subject.partitions.first()) {
        (Some(offset), Some(partition)) if subject.partitions.len() == 1 => {
            format!(" at offset {offset} of {}", stage.partition(*partition))
        }
        _ => String::new(),
    };
    let make = |at: Instant, what: String, check: Option<String>| {
        let text = format!("HERE TRUTH AND BELIEF PART{place}: {what}.");
        let (kind, weight) = (MomentKind::Parting, Weight::Loud);
        Parting { beat: Beat { at, kind, weight, text, step: None }, check }
    };
    let named = |violation: &Violation, check: &str| format!("{} ({check})", violation.text);
    let loss = losses.iter().find(|loss| {
        let records = loss.batches.iter().flat_map(|batch| batches.records(*batch));
        records.into_iter().any(|record| subject.records.contains(record))
    });
    if let (Anomaly::LostAcknowledged, Some(loss)) = (subject.violation.anomaly, loss) {
        let record = subject.records.first().map_or_else(String::new, |id| format!(" {id}"));
        let what = format!(
            "its producer was told that record{record} is stored there, and {}",
            loss.truth
        );
        return make(loss.at, what, None);
    }
    if let Some(at) = seen_at(&subject.check, &subject.violation) {
        return make(at, named(&subject.violation, &subject.check), Some(subject.check.clone()));
    }
    // What only the end shows has often been seen inside the cluster when it happened.
    let inside = subject.others.iter().filter(|(check, one)| {
        check == one.anomaly.name() && !one.anomaly.is_liveness() && one.at_ns.is_some()
    });
    if let Some((check, one)) = inside.min_by_key(|(_, one)| one.at_ns) {
        let at = Instant(one.at_ns.unwrap_or(0));
        return make(at, named(one, check), Some(check.clone()));
    }
    let at = stage.world.now();
    make(at, named(&subject.violation, &subject.check), Some(subject.check.clone()))
}

/// The head line of a story.
pub(super) fn about(stage: &Stage<'_>) -> String {
    let violation = &stage.subject.violation;
    let name = violation.anomaly.name();
    let offset =
        violation.offset.map(|offset| format!(" (offset {offset} of {})", place_of(violation)));
    let text = capital(&violation.text);
    format!("{name}: {text}{}", offset.unwrap_or_default())
}

fn place_of(violation: &Violation) -> String {
    let name = violation.partition.clone().unwrap_or_default();
    match name.rsplit_once('-') {
        Some((topic, index)) => format!("{topic}/{index}"),
        None => name,
    }
}

/// `, without offsets 74 to 111, 38 records that were acknowledged`.
pub(super) fn without(lacked: Option<(String, i64)>) -> String {
    lacked.map_or_else(String::new, |(what, count)| {
        let were = if count == 1 { "which was" } else { "which were" };
        format!(", without {what} ({}), {were} acknowledged", counted(count, "offset"))
    })
}
