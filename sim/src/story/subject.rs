//! What a story is about: the violation that it explains, and what its evidence names.

use std::collections::BTreeSet;

use broker_model::types::{Offset, PartitionId, RecordId};
use reports::checker::{Anomaly, Finding, Verdict, Violation};
use reports::history::RecordState;
use reports::summary::Summary;

use crate::world::World;

/// So many partitions are told of at most, when the evidence names none.
const PARTITIONS_MAX: usize = 4;

/// What a story is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// What it explains.
    pub(super) violation: Violation,
    /// The check or invariant that found it.
    pub(super) check: String,
    /// What that check has to say in all.
    pub(super) detail: String,
    /// The first evidence of everything else that was violated, by check.
    pub(super) others: Vec<(String, Violation)>,
    /// The partitions of clients' topics that it is about.
    pub(super) partitions: BTreeSet<PartitionId>,
    /// Records that the evidence names, or that are of an entity that it names.
    pub(super) records: BTreeSet<RecordId>,
    /// The offset in question.
    pub(super) offset: Option<Offset>,
    /// Transactions matter.
    pub(super) transactions: bool,
    /// Consumer groups matter.
    pub(super) groups: bool,
}

impl Subject {
    /// What the first run shows; `check` asks for one anomaly, otherwise it is what the file
    /// expects if that was found, else what came first. None when nothing was violated.
    pub(super) fn of(summary: &Summary, world: &World, check: Option<&str>) -> Option<Self> {
        let failed = |one: &&Finding| one.verdict == Verdict::Fail && !one.evidence.is_empty();
        let findings: Vec<&Finding> =
            summary.invariants.iter().chain(&summary.checks).filter(failed).collect();
        let all = || findings.iter().flat_map(|f| f.evidence.iter().map(move |one| (*f, one)));
        let wanted = check.or_else(|| summary.expected_anomaly.map(Anomaly::name));
        let wanted = all().find(|(_, one)| Some(one.anomaly.name()) == wanted);
        let first = || all().min_by_key(|(_, one)| one.at_ns.unwrap_or(u64::MAX));
        let (finding, violation) = wanted.or_else(first)?;
        let others = findings.iter().filter(|other| other.name != finding.name);
        let others = others.filter_map(|f| Some((f.name.clone(), f.evidence.first()?.clone())));
        let named = Named::of(&violation.text);
        let records = named.records(violation, world);
        let mut subject = Self {
            violation: violation.clone(),
            check: finding.name.clone(),
            detail: finding.detail.clone(),
            others: others.collect(),
            partitions: BTreeSet::new(),
            offset: violation.offset.or(named.offset).map(Offset),
            transactions: of_transactions(violation),
            groups: of_groups(violation),
            records,
        };
        subject.partitions = subject.its_partitions(world);
        if subject.offset.is_none() && subject.partitions.len() == 1 {
            subject.offset = subject.offset_of_record(world);
        }
        Some(subject)
    }

    /// The partitions that the evidence names, else those where its records went, else the first
    /// few that there are.
    fn its_partitions(&self, world: &World) -> BTreeSet<PartitionId> {
        let known: Vec<(PartitionId, String)> =
            world.partitions().map(|id| (id, world.partition_name(id))).collect();
        let texts = || std::iter::once(&self.violation).map(|one| one.text.as_str());
        let place = self.violation.partition.as_deref();
        let is_named = |name: &str| {
            place == Some(name.replace('/', "-").as_str())
                || texts().any(|text| words(text).any(|word| word == name))
        };
        let named: BTreeSet<PartitionId> =
            known.iter().filter(|(_, name)| is_named(name)).map(|(id, _)| *id).collect();
        if !named.is_empty() {
            return named;
        }
        let recorder = world.recorder();
        let of_records = self.records.iter().filter_map(|record| {
            let sent = recorder.records().state(record.0).any(RecordState::SENT);
            sent.then(|| PartitionId(recorder.records().batch(record.0).partition))
        });
        let of_records: BTreeSet<PartitionId> = of_records.take(PARTITIONS_MAX).collect();
        if !of_records.is_empty() {
            return of_records;
        }
        let of_clients = known.iter().filter(|(_, name)| !name.starts_with("__"));
        of_clients.map(|(id, _)| *id).take(PARTITIONS_MAX).collect()
    }

    fn offset_of_record(&self, world: &World) -> Option<Offset> {
        let record = self.records.first()?;
        world.recorder().records().acknowledged_offset(record.0).map(Offset)
    }

    /// Whether a partition belongs to clients' topics that the story is about.
    pub(super) fn has(&self, partition: PartitionId) -> bool {
        self.partitions.contains(&partition)
    }
}

/// What a sentence of evidence names.
#[derive(Default, Debug)]
struct Named {
    offset: Option<i64>,
    record: Option<u32>,
    entity: Option<u32>,
}

impl Named {
    fn of(text: &str) -> Self {
        let mut named = Self::default();
        let all: Vec<&str> = words(text).collect();
        for pair in all.windows(2) {
            let Ok(number) = pair[1].parse::<i64>() else { continue };
            match pair[0] {
                "offset" => named.offset = named.offset.or(Some(number)),
                "record" => named.record = u32::try_from(number).ok(),
                "entity" => named.entity = u32::try_from(number).ok(),
                _ => {}
            }
        }
        // `cut partition orders/0 from 54 to 52`, `begins leader epoch 3 at 52`, `begins at 137`.
        let near = |word: &str| {
            let place = all.iter().rposition(|one| *one == word)?;
            all.get(place + 1)?.parse::<i64>().ok()
        };
        if named.offset.is_none() && named.record.is_none() && named.entity.is_none() {
            named.offset = if text.contains(" cut ") { near("to") } else { near("at") };
        }
        named
    }

    fn records(&self, violation: &Violation, world: &World) -> BTreeSet<RecordId> {
        let shared = world.shared();
        let named = violation.record.or(self.record).map(RecordId);
        let of_entity = self.entity.into_iter().flat_map(|entity| {
            let all = (0..shared.records.ids() as u32).map(RecordId);
            let sent = |id: RecordId| world.recorder().records().state(id.0).any(RecordState::SENT);
            all.filter(move |&id| sent(id) && shared.records.get(id).entity == entity)
        });
        named.into_iter().chain(of_entity).collect()
    }
}

/// The words of a sentence without its punctuation.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().map(|word| word.trim_matches(|c: char| ",;:.()[]".contains(c)))
}

/// Whether transactions have a part in a violation of this kind.
fn of_transactions(violation: &Violation) -> bool {
    use Anomaly as A;
    matches!(
        violation.anomaly,
        A::AbortedRead
            | A::TornTransaction
            | A::LastStableOffset
            | A::VisibleReads
            | A::CompactionKeepsVerdicts
            | A::HangingTransaction
            | A::TransactionSteps
            | A::MarkerOfItsTransaction
            | A::OneVerdict
            | A::DecisionUndone
            | A::FencedEpoch
            | A::OpenWhenAppended
            | A::ProducerIdsDisjoint
            | A::CoordinatorKnowsItsLog
            | A::ProducerFenced
            | A::UnansweredCall
            | A::UnfinishedOrder
    ) || violation.text.contains("transaction")
}

/// Whether consumer groups have a part in a violation of this kind.
fn of_groups(violation: &Violation) -> bool {
    use Anomaly as A;
    matches!(
        violation.anomaly,
        A::SkippedPoll
            | A::WentBack
            | A::EffectLost
            | A::EffectDoubled
            | A::EffectInvented
            | A::UnfinishedOrder
            | A::StuckLag
            | A::StableGroups
            | A::CommitByOwner
            | A::OffsetsStay
            | A::OneOwner
            | A::CoordinatorKnowsItsLog
    )
}

#[cfg(test)]
mod tests {
    use super::Named;

    #[test]
    fn evidence_names_offsets_records_and_entities() {
        let offset = |text| Named::of(text).offset;
        assert_eq!(
            offset("the logs of partition orders/0 differ at offset 50, below both"),
            Some(50)
        );
        assert_eq!(offset("broker 2 cut partition orders/0 from 54 to 52, and with it"), Some(52));
        assert_eq!(offset("was 53, and broker 2 begins leader epoch 3 at 52"), Some(52));
        assert_eq!(offset("a transaction that begins at 137 of partition orders/0"), Some(137));
        assert_eq!(offset("group shipping gives partition orders/1 of member 7"), None);
        let named = Named::of("the effect of entity 508 was never applied to parcels");
        assert_eq!((named.entity, named.record, named.offset), (Some(508), None, None));
        assert_eq!(Named::of("record 7 was acknowledged").record, Some(7));
    }
}
