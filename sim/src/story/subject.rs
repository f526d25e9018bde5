//! What a story is about: the violation that it explains, and what its evidence names.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The offsets in question, where the evidence names one.
    offsets: BTreeMap<PartitionId, Offset>,
    /// Transactions matter.
    pub(super) transactions: bool,
    /// Consumer groups matter.
    pub(super) groups: bool,
    /// The groups that matter, by name.
    group_names: BTreeSet<String>,
    /// What an invariant saw first, where what clients saw is explained: the check with its evidence.
    pub(super) inside: Option<(String, Violation)>,
}

impl Subject {
    /// The first of what is `wanted`, else of what the run is remembered for. None when nothing was
    /// violated.
    pub(super) fn of(
        summary: &Summary,
        world: &World,
        wanted: &dyn Fn(&Violation) -> bool,
    ) -> Option<Self> {
        let failed = |one: &&Finding| one.verdict == Verdict::Fail && !one.evidence.is_empty();
        let findings: Vec<&Finding> =
            summary.invariants.iter().chain(&summary.checks).filter(failed).collect();
        let all = || findings.iter().flat_map(|f| f.evidence.iter().map(move |one| (*f, one)));
        let at = |(_, one): &(&Finding, &Violation)| one.at_ns.unwrap_or(u64::MAX);
        let counting = || all().filter(|(_, one)| summary.is_remembered_for(one.anomaly));
        let first = all().filter(|(_, one)| wanted(one)).min_by_key(at);
        let (finding, violation) = first.or_else(|| counting().min_by_key(at))?;
        let others = findings.iter().filter(|other| other.name != finding.name);
        let others = others.filter_map(|f| Some((f.name.clone(), f.evidence.first()?.clone())));
        let others: Vec<(String, Violation)> = others.collect();
        let transactions =
            others.iter().map(|(_, one)| one).chain([violation]).any(of_transactions);
        let mut subject = Self {
            violation: violation.clone(),
            check: finding.name.clone(),
            detail: finding.detail.clone(),
            partitions: BTreeSet::new(),
            offsets: BTreeMap::new(),
            transactions,
            groups: of_groups(violation),
            group_names: group_names(violation, world),
            records: Named::of(&violation.text).records(violation, world),
            inside: first_inside(&finding.name, violation, &others),
            others,
        };
        let inside = subject.inside.clone();
        let known = names(world);
        for one in inside.iter().map(|(_, one)| one).chain([violation]) {
            let named = named_partitions(one, &known);
            if let (Some(offset), &[partition]) = (offset_of(one), &named[..]) {
                subject.offsets.insert(partition, offset);
            }
            subject.partitions.extend(named);
        }
        if named_partitions(violation, &known).is_empty() {
            subject.add_partitions(world, &known);
        }
        Some(subject)
    }

    /// The offset in question of a partition.
    pub(super) fn offset_in(&self, partition: PartitionId) -> Option<Offset> {
        self.offsets.get(&partition).copied()
    }

    /// Whether a group matters.
    pub(super) fn has_group(&self, name: &str) -> bool {
        self.groups && self.group_names.contains(name)
    }

    /// Where the records in question went, with their offsets, else the first few partitions of
    /// clients that there are.
    fn add_partitions(&mut self, world: &World, known: &[(PartitionId, String)]) {
        let records = world.recorder().records();
        for record in self.records.iter().take(PARTITIONS_MAX) {
            if !records.state(record.0).any(RecordState::SENT) {
                continue;
            }
            let partition = PartitionId(records.batch(record.0).partition);
            self.partitions.insert(partition);
            if let Some(offset) = records.acknowledged_offset(record.0) {
                self.offsets.entry(partition).or_insert(Offset(offset));
            }
        }
        if self.partitions.is_empty() {
            let of_clients = known.iter().filter(|(_, name)| !name.starts_with("__"));
            self.partitions.extend(of_clients.map(|(id, _)| *id).take(PARTITIONS_MAX));
        }
    }

    /// Whether a partition belongs to clients' topics that the story is about.
    pub(super) fn has(&self, partition: PartitionId) -> bool {
        self.partitions.contains(&partition)
    }
}

/// All partitions with their names.
fn names(world: &World) -> Vec<(PartitionId, String)> {
    world.partitions().map(|id| (id, world.partition_name(id))).collect()
}

/// The partitions that a piece of evidence names.
fn named_partitions(violation: &Violation, known: &[(PartitionId, String)]) -> Vec<PartitionId> {
    let place = violation.partition.as_deref();
    let is_named = |name: &str| {
        place == Some(name.replace('/', "-").as_str())
            || words(&violation.text).any(|word| word == name)
    };
    known.iter().filter(|(_, name)| is_named(name)).map(|(id, _)| *id).collect()
}

/// The offset that a piece of evidence is about.
pub(super) fn offset_of(violation: &Violation) -> Option<Offset> {
    violation.offset.or_else(|| Named::of(&violation.text).offset).map(Offset)
}

/// The violation that was seen first inside the cluster, if `violation` is one of what clients saw.
fn first_inside(
    check: &str,
    violation: &Violation,
    others: &[(String, Violation)],
) -> Option<(String, Violation)> {
    let is_inside = |check: &str, one: &Violation| {
        check == one.anomaly.name() && !one.anomaly.is_liveness() && one.at_ns.is_some()
    };
    if is_inside(check, violation) {
        return None;
    }
    let inside = others.iter().filter(|(check, one)| is_inside(check, one));
    inside.min_by_key(|(_, one)| one.at_ns).cloned()
}

/// The groups that a piece of evidence names; where it names none, those of all services that make
/// something of what they read.
fn group_names(violation: &Violation, world: &World) -> BTreeSet<String> {
    let services = &world.scenario().services;
    let all = || services.iter().filter_map(|service| Some((service, service.group.clone()?)));
    let is_named = |name: &str| words(&violation.text).any(|word| word == name);
    let named: BTreeSet<String> =
        all().filter(|(_, group)| is_named(group)).map(|(_, group)| group).collect();
    if !named.is_empty() {
        return named;
    }
    let makes = all().filter(|(one, _)| one.effects.is_some() || one.output.is_some());
    let makes: BTreeSet<String> = makes.map(|(_, group)| group).collect();
    if makes.is_empty() { all().map(|(_, group)| group).collect() } else { makes }
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
            named.offset = cut_to(&all).or_else(|| near("at"));
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

/// `to` of `from 54 to 52`.
fn cut_to(words: &[&str]) -> Option<i64> {
    let found = words.windows(4).find(|four| four[0] == "from" && four[2] == "to")?;
    found[1].parse::<i64>().ok()?;
    found[3].parse().ok()
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
        assert_eq!(
            offset("broker 2 cut partition orders/0 from 54 to 52, and with it records up to 53"),
            Some(52)
        );
        assert_eq!(offset("was 53, and broker 2 begins leader epoch 3 at 52"), Some(52));
        assert_eq!(offset("a transaction that begins at 137 of partition orders/0"), Some(137));
        assert_eq!(offset("group shipping gives partition orders/1 of member 7"), None);
        let named = Named::of("the effect of entity 508 was never applied to parcels");
        assert_eq!((named.entity, named.record, named.offset), (Some(508), None, None));
        assert_eq!(Named::of("record 7 was acknowledged").record, Some(7));
    }
}
