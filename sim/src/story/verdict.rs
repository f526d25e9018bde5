//! Where truth and belief part, and what the checks say.

use broker_model::note::Note;
use broker_model::types::{BatchId, Instant, NodeId, Offset, PartitionId};
use reports::checker::{Anomaly, Violation};
use reports::story::MomentKind;

use super::groups::Groups;
use super::logs::Cut;
use super::records::Records;
use super::stage::{Beat, Stage, Weight, broker, offsets};
use super::subject::offset_of;
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
        .filter(|(_, _, cut)| !cut.lost.is_empty())
        .map(|(_, _, cut)| {
            let (batches, truth) = (cut.lost.clone(), "no log has it any more".to_owned());
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
    known: &Known<'_>,
) -> Vec<Beat> {
    let subject = stage.subject;
    let end = stage.world.now();
    let parting = parting(stage, known);
    let told = parting.check.clone();
    insert(&mut beats, parting.beat);
    if told.as_deref() != Some(subject.check.as_str()) {
        let text = format!("{}: {}", subject.check, known.named(stage, &subject.detail));
        insert(&mut beats, violated(end, &text, Weight::Loud));
    }
    let others = subject.others.iter().filter(|(check, _)| Some(check) != told.as_ref());
    for (check, violation) in others.take(OTHERS_MAX) {
        let at = seen_at(check, violation).unwrap_or(end);
        let text = format!("{check}: {}", known.named(stage, &violation.text));
        insert(&mut beats, violated(at, &text, Weight::Strong));
    }
    beats
}

/// What was learned on the way of when things went wrong.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) losses: &'a [Loss],
    pub(super) records: &'a Records,
    pub(super) groups: &'a Groups,
}

impl Known<'_> {
    /// A sentence of evidence with members by the names of their processes.
    fn named(&self, stage: &Stage<'_>, text: &str) -> String {
        let members = self.groups.named_members();
        members.fold(text.to_owned(), |text, (member, party)| {
            replaced(&text, &format!("member {member}"), &stage.party(party))
        })
    }
}

/// A text with another name for whatever has this one, which ends in a number: `member 1` is not in
/// `member 12`.
fn replaced(text: &str, name: &str, other: &str) -> String {
    let mut parts = text.split(name);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let longer = part.starts_with(|c: char| c.is_ascii_digit());
        told += if longer { name } else { other };
        told += part;
    }
    told
}

fn violated(at: Instant, text: &str, weight: Weight) -> Beat {
    let text = format!("VIOLATED  {text}.");
    Beat { at, kind: MomentKind::Violation, weight, text, step: None }
}

/// Behind everything of its time.
fn insert(beats: &mut Vec<Beat>, beat: Beat) {
    let place = beats.partition_point(|one| one.at <= beat.at);
    beats.insert(place, beat);
}

/// Invariants see a violation when it happens; what clients saw is judged at the end, and its time
/// is mostly that of the record.
fn seen_at(check: &str, violation: &Violation) -> Option<Instant> {
    use Anomaly as A;
    let at_once = check == violation.anomaly.name()
        || matches!(
            violation.anomaly,
            A::WentBack | A::SkippedPoll | A::EffectDoubled | A::ProducerFenced | A::AbortedRead
        );
    violation.at_ns.filter(|_| at_once).map(Instant)
}

struct Parting {
    beat: Beat,
    /// The check whose evidence it is.
    check: Option<String>,
}

/// Where truth and belief part.
fn parting(stage: &Stage<'_>, known: &Known<'_>) -> Parting {
    let subject = stage.subject;
    let (own, check) = (&subject.violation, &subject.check);
    let said =
        |one: &Violation, check: &str| format!("{} ({check})", known.named(stage, &one.text));
    if let Some(loss) = loss_of_record(stage, known.losses) {
        let record = subject.records.first().map_or_else(String::new, |id| format!(" {id}"));
        let truth = &loss.truth;
        let what =
            format!("its producer was told that record{record} is stored there, and {truth}");
        return parted(stage, loss.at, own, &what, None);
    }
    if let Some(at) = seen_at(check, own) {
        return parted(stage, at, own, &said(own, check), Some(check));
    }
    if let Some(at) = appended_again(stage, known) {
        return parted(stage, at, own, &said(own, check), Some(check));
    }
    if let Some((at, who)) = died_behind_commit(stage, known) {
        let what = format!(
            "what is committed says that this record is done, and {who} is gone before it was: {}",
            said(own, check)
        );
        return parted(stage, at, own, &what, Some(check));
    }
    if let Some((check, one)) = &subject.inside {
        let at = Instant(one.at_ns.unwrap_or(0));
        return parted(stage, at, one, &said(one, check), Some(check));
    }
    parted(stage, stage.world.now(), own, &said(own, check), Some(check))
}

fn parted(
    stage: &Stage<'_>,
    at: Instant,
    of: &Violation,
    what: &str,
    check: Option<&String>,
) -> Parting {
    let mut places = stage.subject.partitions.iter().filter_map(|partition| {
        let offset = stage.subject.offset_in(*partition)?;
        let named = offset_of(of).is_none_or(|of| of == offset);
        named.then(|| format!(" at offset {offset} of {}", stage.partition(*partition)))
    });
    let place = match (places.next(), places.next()) {
        (Some(place), None) => place,
        _ => String::new(),
    };
    let text = format!("HERE TRUTH AND BELIEF PART{place}: {what}.");
    let (kind, weight) = (MomentKind::Parting, Weight::Loud);
    Parting { beat: Beat { at, kind, weight, text, step: None }, check: check.cloned() }
}

/// When the record in question was lost, although somebody was told that it is stored.
fn loss_of_record<'a>(stage: &Stage<'_>, losses: &'a [Loss]) -> Option<&'a Loss> {
    if stage.subject.violation.anomaly != Anomaly::LostAcknowledged {
        return None;
    }
    let batches = &stage.world.shared().batches;
    losses.iter().find(|loss| {
        let mut records = loss.batches.iter().flat_map(|batch| batches.records(*batch));
        records.any(|record| stage.subject.records.contains(record))
    })
}

/// When a leader appended what is doubled or out of order, at the place where it is so.
fn appended_again(stage: &Stage<'_>, known: &Known<'_>) -> Option<Instant> {
    use Anomaly as A;
    let violation = &stage.subject.violation;
    let of_place = matches!(
        violation.anomaly,
        A::Duplicate
            | A::ResentUnderNewEpoch
            | A::Reordered
            | A::FirstSequenceSkipped
            | A::ReorderedKey
            | A::Invented
    );
    let offset = offset_of(violation).filter(|_| of_place)?;
    let appended = known.records.appended_at.iter();
    let at_place = appended.filter(|(partition, end, _)| {
        stage.subject.offset_in(*partition) == Some(offset) && *end > offset
    });
    at_place.map(|(_, _, at)| *at).min()
}

/// When a process died that had committed the offset of the record whose effect is missing.
fn died_behind_commit(stage: &Stage<'_>, known: &Known<'_>) -> Option<(Instant, String)> {
    if stage.subject.violation.anomaly != Anomaly::EffectLost {
        return None;
    }
    let commits = known.groups.committed.iter();
    let mut covering = commits.filter(|(_, _, partition, offset)| {
        stage.subject.offset_in(*partition).is_some_and(|record| record < *offset)
    });
    let (at, who, ..) = covering.next()?;
    let mut deaths = known.groups.killed.iter();
    let (died, _) = deaths.find(|(died, party)| party == who && died >= at)?;
    Some((*died, stage.party(*who)))
}

/// The head line of a story.
pub(super) fn about(stage: &Stage<'_>) -> String {
    let violation = &stage.subject.violation;
    let place = match (violation.offset, &violation.partition) {
        (Some(offset), Some(name)) => match name.rsplit_once('-') {
            Some((topic, index)) => format!(" (offset {offset} of {topic}/{index})"),
            None => String::new(),
        },
        _ => String::new(),
    };
    format!("{}: {}{place}", violation.anomaly.name(), violation.text)
}

/// `, without offsets 74 to 111, 38 records that were acknowledged`.
pub(super) fn without(lacked: Option<(String, i64)>) -> String {
    lacked.map_or_else(String::new, |(what, count)| {
        let were = if count == 1 { "was" } else { "were" };
        format!(", without {what}, which {were} acknowledged")
    })
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn a_member_is_not_taken_for_one_whose_number_begins_as_its_own() {
        let text = "member 12 owns what member 1 owns; member 1";
        assert_eq!(
            replaced(text, "member 1", "order/0"),
            "member 12 owns what order/0 owns; order/0"
        );
        assert_eq!(replaced(text, "member 3", "order/0"), text);
    }
}
