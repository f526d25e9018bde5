//! Whoever may be elected has every committed record: every member of ISR and ELR that runs.
//!
//! Source: KIP-966, `LeaderCandidateCompletenessProperty` of its published TLA+ model;
//! `StrongIsr` of the model of KIP-101 to KIP-320. It fires before any election does harm. A
//! member that lost its tail with its power is no candidate until it is registered anew, which
//! takes it out of both.

use broker_model::log::Log;
use broker_model::note::Note;
use broker_model::partition::Role;
use broker_model::types::{NodeId, Offset, PartitionId};

use super::committed::Committed;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct LeaderCandidateCompleteness;

/// The log of a member that could lead now: its process runs and has a role.
fn candidate<'a>(view: &View<'a>, member: NodeId, partition: PartitionId) -> Option<&'a Log> {
    let running = view.node(member).filter(|node| node.state.is_running())?;
    let replica = running.broker()?.replica(partition)?;
    (*replica.role() != Role::Offline).then(|| replica.log())
}

/// The first committed offset that a log lacks, looked for only where the last is not there.
fn lacks(committed: &Committed, log: &Log) -> Option<Offset> {
    committed.is_missing_the_last(log).then(|| committed.missing(log))?
}

impl Invariant for LeaderCandidateCompleteness {
    fn name(&self) -> &'static str {
        "leader-candidate-completeness"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::HighWatermark, Interest::PartitionChanged]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let (partition, isr, elr) = match note {
            Note::HighWatermark { partition, leader_epoch, leader: true, .. } => {
                let record = view.record(*partition)?;
                if record.leader_epoch != *leader_epoch {
                    // A leader of the past commits nothing any more.
                    return None;
                }
                (*partition, &record.isr, &record.eligible_leader_replicas)
            }
            Note::PartitionChanged {
                partition,
                isr,
                eligible_leader_replicas,
                unclean: false,
                ..
            } => (*partition, isr, eligible_leader_replicas),
            _ => return None,
        };
        let committed = view.committed(partition)?;
        let (member, offset) = isr.iter().chain(elr).find_map(|&member| {
            let log = candidate(view, member, partition)?;
            Some((member, lacks(committed, log)?))
        })?;
        Some(format!(
            "broker {member} may be elected for partition {partition} and lacks the records from \
             offset {offset} on that are committed up to {}",
            committed.end(),
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::Offset;

    use super::super::committed::fixture::{cache, log};
    use super::Committed;

    fn is_missing(starts: &[(i32, i64)], log_end: i64) -> bool {
        let mut committed = Committed::default();
        committed.commit(&cache(&[(0, 0), (2, 10)]), Offset(15));
        committed.is_missing_the_last(&log(starts, 0, log_end))
    }

    #[test]
    fn rejects_a_candidate_that_ends_before_or_has_another_record_there() {
        assert!(is_missing(&[(0, 0), (2, 10)], 14));
        assert!(is_missing(&[(0, 0)], 10));
        assert!(is_missing(&[(0, 0), (1, 9)], 20));
    }

    #[test]
    fn accepts_a_candidate_that_ends_just_there_or_has_a_tail_of_its_own() {
        assert!(!is_missing(&[(0, 0), (2, 10)], 15));
        assert!(!is_missing(&[(0, 0), (2, 10), (3, 15)], 40));
        assert!(!Committed::default().is_missing_the_last(&log(&[], 0, 0)));
        let mut committed = Committed::default();
        committed.commit(&cache(&[(0, 0), (2, 10)]), Offset(15));
        assert!(!committed.is_missing_the_last(&log(&[], 15, 15)), "retention took all of it");
        assert!(committed.is_missing_the_last(&log(&[], 14, 14)));
    }
}
