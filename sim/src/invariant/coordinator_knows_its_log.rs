//! What a coordinator knows when it has taken over a partition of its topic, and when all is
//! healed, is what comes of reading that log from its beginning: committed offsets, and the
//! state of every transactional id.
//!
//! Source: KAFKA-5600, KAFKA-9065, KAFKA-17507 (offsets that were loaded wrong); KAFKA-10080. The
//! log is read here with rules of our own. Offsets count up to the high watermark.

use std::collections::BTreeMap;

use broker_model::broker::Broker;
use broker_model::note::Note;
use broker_model::partition::Replica;
use broker_model::records::{Batches, Content, GroupRecord, LogEntry, TransactionState};
use broker_model::types::{GroupId, Offset, PartitionId, ProducerId};

use super::ledger::below;
use super::{Interest, Invariant, View};
use crate::world::NodeState;

/// See the module.
#[derive(Debug)]
pub(super) struct CoordinatorKnowsItsLog;

/// A group's offset of a partition, with the place in the log of the batch that it is from.
type Offsets = BTreeMap<(GroupId, PartitionId), (usize, Offset)>;

/// What a log commits.
fn committed(batches: &Batches, entries: &[LogEntry]) -> Offsets {
    let mut committed = Offsets::new();
    let mut pending: BTreeMap<ProducerId, Offsets> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        let body = batches.get(entry.batch);
        if let Content::Marker { commit, .. } = body.content {
            let ended = pending.remove(&body.producer_id).unwrap_or_default();
            for (key, offset) in ended.into_iter().filter(|_| commit) {
                // Of two commits the one that was written later counts.
                let known = committed.entry(key).or_insert(offset);
                *known = offset.max(*known);
            }
            continue;
        }
        for record in batches.group_records(entry.batch) {
            let GroupRecord::Offset { group, partition, value } = *record else { continue };
            let key = (group, partition);
            match value {
                Some(value) if body.producer_id.is_some() => {
                    let pending = pending.entry(body.producer_id).or_default();
                    pending.insert(key, (place, value.offset));
                }
                Some(value) => {
                    committed.insert(key, (place, value.offset));
                }
                None => {
                    committed.remove(&key);
                    pending.values_mut().for_each(|offsets| {
                        offsets.remove(&key);
                    });
                }
            }
        }
    }
    committed
}

fn wrong_offset(view: &View<'_>, broker: &Broker, log: PartitionId) -> Option<String> {
    let replica = broker.replica(log)?;
    let said = committed(view.batches, below(replica.log(), replica.high_watermark()));
    let mut groups: Vec<GroupId> = said.keys().map(|(group, _)| *group).collect();
    groups.dedup();
    let known = |group| broker.groups().group(log, group).map_or(Vec::new(), |g| g.offsets);
    for group in groups {
        let known = known(group);
        let mut said = said.range((group, PartitionId(0))..=(group, PartitionId(u32::MAX)));
        let missed = said.find_map(|(&(_, partition), &(_, offset))| {
            let index = known.binary_search_by_key(&partition, |k| k.0).ok();
            let know = index.map(|index| known[index].1);
            (know != Some(offset)).then_some((partition, know, offset))
        });
        if let Some((partition, know, offset)) = missed {
            let know = know.map_or_else(|| "none".to_owned(), |offset| offset.to_string());
            return Some(format!(
                "offset {know} of group {} for partition {}, and its log says {offset}",
                view.group(group),
                view.partition(partition)
            ));
        }
    }
    let mut extra = broker.groups().groups_of(log).filter_map(|group| {
        let id = group.group;
        let unknown = group.offsets.iter().find(|(p, _)| !said.contains_key(&(id, *p)))?;
        Some((id, *unknown))
    });
    let (group, (partition, offset)) = extra.next()?;
    Some(format!(
        "offset {offset} of group {} for partition {}, and its log says none",
        view.group(group),
        view.partition(partition)
    ))
}

/// When a coordinator has been asked what it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum When {
    /// It has read its log, and may have appended to it since.
    Loaded,
    /// All is healed: what is not replicated yet does not count.
    Healed,
}

/// What transactional ids stand for.
fn stated(replica: &Replica, when: When) -> &[LogEntry] {
    match when {
        When::Healed => below(replica.log(), replica.high_watermark()),
        When::Loaded => {
            let entries = replica.log().entries();
            let now = replica.leader_epoch();
            let is_before = |e: &LogEntry| now.is_none_or(|now| e.leader_epoch < now);
            &entries[..entries.partition_point(is_before)]
        }
    }
}

fn wrong_state(view: &View<'_>, broker: &Broker, log: PartitionId, when: When) -> Option<String> {
    let mut last = BTreeMap::new();
    for entry in stated(broker.replica(log)?, when) {
        for record in view.batches.transaction_records(entry.batch) {
            last.insert(record.transactional_id, (record.state, record.producer));
        }
    }
    last.into_iter().find_map(|(id, (state, producer))| {
        let known = broker.transactions().transaction(log, id);
        let known = known.map_or((TransactionState::Dead, producer), |r| (r.state, r.producer));
        (known != (state, producer)).then(|| {
            format!(
                "{} of transactional id {} in epoch {} of producer {}, and its log says {} in \
                 epoch {} of producer {}",
                known.0.name(),
                view.transactional_id(id),
                known.1.epoch,
                known.1.id,
                state.name(),
                producer.epoch,
                producer.id
            )
        })
    })
}

fn wrong(view: &View<'_>, broker: &Broker, log: PartitionId, when: When) -> Option<String> {
    let groups = || broker.groups().shards().any(|(shard, _)| shard == log);
    let wrong = match broker.transactions().shards().any(|(shard, _)| shard == log) {
        true => wrong_state(view, broker, log, when),
        false if groups() => wrong_offset(view, broker, log),
        false => None,
    };
    Some(format!("the coordinator of partition {} knows {}", view.partition(log), wrong?))
}

impl Invariant for CoordinatorKnowsItsLog {
    fn name(&self) -> &'static str {
        "coordinator-knows-its-log"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::CoordinatorLoaded]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let Note::CoordinatorLoaded { node, partition } = *note else { return None };
        wrong(view, view.node(node)?.broker()?, partition, When::Loaded)
    }

    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        let running = view.nodes.iter().filter(|node| node.state == NodeState::Up);
        running.filter_map(|node| node.broker()).find_map(|broker| {
            let groups = broker.groups().shards().map(|(log, _)| log);
            let transactions = broker.transactions().shards().map(|(log, _)| log);
            groups.chain(transactions).find_map(|log| wrong(view, broker, log, When::Healed))
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::records::{Batches, GroupRecord, LogEntry, NewBatch};
    use broker_model::types::{
        CoordinatorEpoch, LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp,
    };

    use super::super::living::Living;
    use super::super::ownership::fixture::offset;
    use super::super::{Invariant, View};
    use super::{CoordinatorKnowsItsLog, committed};

    #[derive(Default)]
    struct Writer {
        batches: Batches,
        entries: Vec<LogEntry>,
    }

    impl Writer {
        fn push(&mut self, batch: broker_model::types::BatchId) {
            let base_offset = Offset(self.entries.len() as i64);
            self.entries.push(LogEntry { base_offset, batch, leader_epoch: LeaderEpoch(0) });
        }

        fn commits(&mut self, producer: i64, record: GroupRecord) {
            let new = NewBatch::plain(100, Timestamp(0));
            let new = NewBatch { producer_id: ProducerId(producer), ..new };
            let batch = self.batches.push_group(new, vec![record]);
            self.push(batch);
        }

        fn ends(&mut self, producer: i64, commit: bool) {
            let (id, epoch, by) = (ProducerId(producer), ProducerEpoch(0), CoordinatorEpoch(0));
            let batch = self.batches.push_marker(id, epoch, commit, by, Timestamp(0));
            self.push(batch);
        }

        fn offset_of(&self, partition: u32) -> Option<i64> {
            let committed = committed(&self.batches, &self.entries);
            let found = committed.iter().find(|((_, p), _)| *p == PartitionId(partition));
            found.map(|(_, (_, offset))| offset.0)
        }
    }

    #[test]
    fn a_log_is_read_in_order_and_transactions_count_when_they_end() {
        let mut log = Writer::default();
        log.commits(-1, offset(0, Some(5)));
        log.commits(7, offset(0, Some(9)));
        assert_eq!(log.offset_of(0), Some(5), "pending");
        log.ends(7, true);
        assert_eq!(log.offset_of(0), Some(9));
        log.commits(7, offset(0, Some(12)));
        log.ends(7, false);
        assert_eq!(log.offset_of(0), Some(9), "aborted");
        log.commits(7, offset(0, Some(20)));
        log.commits(-1, offset(0, Some(10)));
        log.ends(7, true);
        assert_eq!(log.offset_of(0), Some(10), "written later");
        log.commits(7, offset(0, Some(30)));
        log.commits(-1, offset(0, None));
        log.ends(7, true);
        assert_eq!(log.offset_of(0), None, "removed with what was pending");
    }

    #[test]
    fn a_living_coordinator_knows_its_log() {
        let living = Living::new();
        let mut invariant = CoordinatorKnowsItsLog;
        assert_eq!(invariant.after_healing(&living.view()), None);
    }

    #[test]
    fn rejects_a_coordinator_that_knows_what_another_log_says() {
        let living = Living::new();
        let view = living.view();
        let coordinators = view.nodes.iter().filter_map(|node| Some((node.id, node.broker()?)));
        let mut loaded =
            coordinators.flat_map(|(id, b)| b.groups().shards().map(move |s| (id, s.0)));
        let (node, partition) = loaded.next().expect("somebody coordinates");
        let note = Note::CoordinatorLoaded { node, partition };
        assert_eq!(CoordinatorKnowsItsLog.on_note(&view, &note), None);
        // The same log with other contents.
        let other = Batches::new();
        let replica = view.replica(node, partition).expect("it leads");
        assert!(!replica.log().entries().is_empty(), "the group has committed");
        let batches = emptied(view.batches, &other);
        let view = View::new(view.now, view.nodes, &batches);
        assert!(CoordinatorKnowsItsLog.on_note(&view, &note).is_some());
    }

    /// As many bodies as there are, with nothing of a coordinator in them.
    fn emptied(of: &Batches, none: &Batches) -> Batches {
        let mut batches = none.clone();
        let new = NewBatch::plain(100, Timestamp(0));
        (0..of.len()).for_each(|_| {
            batches.push_records(new, &[broker_model::types::RecordId(0)]);
        });
        batches
    }
}
