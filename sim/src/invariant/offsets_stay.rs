//! A committed offset disappears only when it was asked for: not while a member owns its partition
//! and the topic exists.
//!
//! Source: KIP-211; KAFKA-13636, KAFKA-8069 (offsets that expire under a group that reads). An
//! offset goes back only by a commit, and who may commit is `commit-by-owner`; what coordinators
//! make of their logs is `coordinator-knows-its-log`.

use broker_model::note::Note;
use broker_model::records::GroupRecord;

use super::ledger::is_of_the_past;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct OffsetsStay;

impl Invariant for OffsetsStay {
    fn name(&self) -> &'static str {
        "offsets-stay"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::GroupLog]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::Appended { node, partition: log, entry, .. } = *note else { return None };
        let ownership = view.ownership?;
        view.batches.group_records(entry.batch).find_map(|record| {
            let GroupRecord::Offset { group, partition, value: None } = *record else {
                return None;
            };
            let owner = ownership.round(group)?.owner(partition)?;
            view.image()?.partition(partition)?;
            if is_of_the_past(view, log, entry) {
                return None;
            }
            Some(format!(
                "coordinator {node} removes the offset of group {} for partition {}, which member \
                 {owner} owns",
                view.group(group),
                view.partition(partition)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::ownership::fixture::{Bench, offset, round};
    use super::OffsetsStay;

    #[test]
    fn rejects_a_removal_under_an_owner() {
        let mut bench = Bench::living();
        bench.logs(&mut OffsetsStay, round(1, &[(1, &[0])]));
        assert_eq!(bench.logs(&mut OffsetsStay, offset(0, Some(7))), None);
        assert!(bench.logs(&mut OffsetsStay, offset(0, None)).is_some());
    }

    #[test]
    fn accepts_the_removal_of_what_nobody_owns_or_is_deleted() {
        let mut bench = Bench::living();
        bench.logs(&mut OffsetsStay, round(1, &[(1, &[99])]));
        assert_eq!(bench.logs(&mut OffsetsStay, offset(0, None)), None, "of nobody");
        assert_eq!(bench.logs(&mut OffsetsStay, offset(99, None)), None, "deleted");
        bench.logs(&mut OffsetsStay, round(1, &[(1, &[0])]));
        bench.logs(&mut OffsetsStay, round(2, &[]));
        assert_eq!(bench.logs(&mut OffsetsStay, offset(0, None)), None, "all have left");
    }
}
