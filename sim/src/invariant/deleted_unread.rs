//! A hazard, not a failure: records are deleted that a group has not come to yet, by retention or
//! by `DeleteRecords`. The group goes on behind them, as `auto.offset.reset` says.
//!
//! A group counts that has an offset committed of the partition. What it was given and has not
//! committed counts as not read: it could not be given that again.
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
    starts: ByPartition<Start>,
}

/// Where the log of a partition begins.
#[derive(Clone, Copy, Debug)]
struct Start(Offset);

impl Default for Start {
    fn default() -> Self {
        Self(Offset::ZERO)
    }
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
        let Start(from) = *self.starts.of(partition);
        *self.starts.of(partition) = Start(to.max(from));
        let missed = committed(view, partition).into_iter().filter_map(|(group, offset)| {
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
    use broker_model::types::Offset;

    use super::unread;

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
}
