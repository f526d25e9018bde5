//! A hazard, not a failure: records are deleted that a group has not come to yet, by retention or
//! by `DeleteRecords`. The group goes on behind them, as `auto.offset.reset` says.
//!
//! A group counts from what it has committed of the partition; one that has never committed, from
//! where it would begin: the first record there was with `auto.offset.reset=earliest`. With another
//! reset it misses nothing of what is deleted before. What a group was given and has not committed
//! counts as not read: it could not be given that again.
//!
//! Source: Kafka documentation, `log.retention.ms`; KIP-107; `auto.offset.reset`.

use broker_model::note::Note;
use broker_model::types::{GroupId, NodeId, Offset, PartitionId};

use super::by_partition::ByPartition;
use super::{Interest, Invariant, View};
use crate::world::NodeState;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DeletedUnread {
    /// Where the logs of partitions begin.
    starts: ByPartition<Offset>,
}

/// Of the records between two log start offsets those that a group has yet to read, as offsets.
fn unread(from: Offset, to: Offset, committed: Offset) -> Option<(Offset, Offset)> {
    let first = committed.max(from);
    (first < to).then_some((first, to))
}

/// What groups committed, by the coordinator that has the most: others may be out of date.
fn committed(view: &View<'_>, partition: PartitionId) -> Vec<(GroupId, Offset)> {
    let running = view.nodes.iter().filter(|node| node.state == NodeState::Up);
    let brokers = running.filter_map(|node| node.broker());
    let mut all: Vec<_> = brokers.flat_map(|b| b.groups().offsets_of(partition)).collect();
    all.sort_unstable_by_key(|&(group, offset)| (group, std::cmp::Reverse(offset)));
    all.dedup_by_key(|&mut (group, _)| group);
    all
}

fn leads(view: &View<'_>, node: NodeId, partition: PartitionId) -> bool {
    view.replica(node, partition).is_some_and(|replica| replica.leader().is_some())
}

impl Invariant for DeletedUnread {
    fn name(&self) -> &'static str {
        "deleted-unread"
    }

    fn is_hazard(&self) -> bool {
        true
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::LogStart]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::LogStart { node, partition, log_start_offset: to } = *note else { return None };
        if !leads(view, node, partition) {
            return None;
        }
        let start = self.starts.of(partition);
        let from = *start;
        *start = to.max(from);
        let mut groups = committed(view, partition);
        let known = |group: &GroupId| groups.iter().any(|(other, _)| other == group);
        let fresh = view.progress.iter().flat_map(|progress| progress.yet_to_begin(partition));
        let fresh: Vec<_> = fresh.filter(|group| !known(group)).collect();
        groups.extend(fresh.into_iter().map(|group| (group, Offset::ZERO)));
        let missed = groups.into_iter().filter_map(|(group, offset)| {
            let (first, end) = unread(from, to, offset)?;
            Some(format!("group {} at {first}, {} of them", view.group(group), end - first))
        });
        let missed: Vec<String> = missed.collect();
        if missed.is_empty() {
            return None;
        }
        Some(format!(
            "records of {} before {to} are deleted that were not read: {}",
            view.partition(partition),
            missed.join("; ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::types::{NodeId, Offset};

    use super::super::committed::Truth;
    use super::super::living::Living;
    use super::{DeletedUnread, Invariant, committed, unread};

    fn of(from: i64, to: i64, committed: i64) -> Option<(i64, i64)> {
        let unread = unread(Offset(from), Offset(to), Offset(committed));
        unread.map(|(first, end)| (first.0, end.0))
    }

    #[test]
    fn tells_what_a_group_has_not_come_to() {
        assert_eq!(of(0, 100, 40), Some((40, 100)));
        assert_eq!(of(50, 100, 40), Some((50, 100)), "what went before was told before");
        assert_eq!(of(0, 100, 99), Some((99, 100)));
    }

    #[test]
    fn is_silent_of_what_was_read_to_the_last_record() {
        assert_eq!(of(0, 100, 100), None);
        assert_eq!(of(0, 100, 140), None);
        assert_eq!(of(100, 100, 0), None);
    }

    fn begins(living: &Living, node: NodeId, to: Offset) -> Note {
        Note::LogStart { node, partition: living.partition, log_start_offset: to }
    }

    /// What the group has committed.
    fn position(living: &Living) -> Offset {
        let known = committed(&living.view(), living.partition);
        assert_eq!(known.len(), 1, "one group, told once");
        known[0].1
    }

    #[test]
    fn a_leader_tells_what_a_group_lost_and_each_record_once() {
        let living = Living::new();
        let read = position(&living);
        assert!(read > Offset(10), "it has read for seconds: {read}");
        let (leader, mut invariant) = (living.leader, DeletedUnread::default());
        let mut say = |node, to| {
            living.say(&mut invariant, &Truth::default(), &[begins(&living, node, to)]).join("")
        };
        assert_eq!(say(leader, read), "", "all of it was read");
        assert_eq!(say(living.follower, read + 5), "", "a follower follows");
        let told = say(leader, read + 2);
        assert!(told.contains(&format!("before {} are deleted", read + 2)), "{told}");
        assert!(told.contains(&format!("at {read}, 2 of them")), "{told}");
        assert_eq!(say(leader, read + 2), "", "told before");
        let told = say(leader, read + 3);
        assert!(told.contains(&format!("at {}, 1 of them", read + 2)), "{told}");
        assert_eq!(say(leader, read), "", "a log that begins earlier");
        assert_eq!(say(leader, read + 3), "", "what was told stays told");
        assert!(DeletedUnread::default().is_hazard());
    }

    #[test]
    fn who_is_down_knows_nothing_of_groups() {
        let mut living = Living::new();
        assert!(position(&living) > Offset(0));
        for node in [NodeId(1), NodeId(2)] {
            living.stop(node);
        }
        assert_eq!(committed(&living.view(), living.partition), []);
    }
}
