//! The index of aborted transactions of a log is that of its records: each aborted transaction that
//! has records is in it once, and nothing else is.
//!
//! Source: KIP-98 (`TransactionIndex`); KAFKA-6397, KAFKA-12520 (what a start rebuilds). A reader
//! with `read_committed` leaves out what the index says, so an entry too many or too few waits for
//! somebody to read there.

use std::collections::BTreeMap;

use broker_model::protocol::fetch::AbortedTransaction;
use broker_model::records::{Batches, Content, LogEntry};
use broker_model::types::{NodeId, Offset, PartitionId, ProducerId};

use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct AbortedMatchRecords;

/// A transaction that a log says was aborted.
#[derive(Clone, Copy, Debug)]
struct Aborted {
    producer: ProducerId,
    /// The offset behind the producer's marker before.
    from: Offset,
    /// Its marker.
    marker: Offset,
    /// Its first record that is there.
    first: Option<Offset>,
}

/// Those that these entries have the markers of. A marker of which compaction has left nothing but the
/// batch ends nothing where it is copied, and may have ended something where it was cleaned: these
/// come last, and need not be named.
fn aborted(batches: &Batches, entries: &[LogEntry]) -> Vec<Aborted> {
    let mut open: BTreeMap<ProducerId, (Offset, Option<Offset>)> = BTreeMap::new();
    let (mut ended, mut perhaps) = (Vec::new(), Vec::new());
    for entry in entries {
        let body = batches.get(entry.batch);
        let (producer, emptied) = (body.producer_id, batches.is_emptied(entry.batch));
        let (from, first) = open.entry(producer).or_insert((Offset(0), None));
        if let Content::Marker { commit, .. } = body.content {
            let (from, first, marker) = (*from, *first, entry.base_offset);
            if emptied {
                perhaps.push(Aborted { producer, from, marker, first: None });
                continue;
            }
            if !commit {
                ended.push(Aborted { producer, from, marker, first });
            }
            open.insert(producer, (marker + 1, None));
        } else if body.transactional && !emptied {
            first.get_or_insert(entry.base_offset);
        }
    }
    ended.append(&mut perhaps);
    ended
}

/// Where records and index part, and how.
fn differs(
    batches: &Batches,
    entries: &[LogEntry],
    index: &[AbortedTransaction],
) -> Option<(Offset, &'static str)> {
    let mut named = BTreeMap::<(ProducerId, Offset), usize>::new();
    for one in index {
        *named.entry((one.producer_id, one.first_offset)).or_default() += 1;
    }
    if let Some(((_, first), _)) = named.iter().find(|(_, count)| **count > 1) {
        return Some((*first, "is named twice"));
    }
    let mut stale = named;
    for Aborted { producer, from, marker, first } in aborted(batches, entries) {
        let until = first.unwrap_or(marker);
        let mut own = stale.range((producer, from)..=(producer, until)).map(|(key, _)| *key);
        match own.next_back() {
            Some(key) => _ = stale.remove(&key),
            None if first.is_some() => return Some((until, "is not named")),
            None => {}
        }
    }
    let ((_, first), _) = stale.first_key_value()?;
    Some((*first, "is named, and was not aborted"))
}

fn look(view: &View<'_>, node: NodeId, partition: PartitionId) -> Option<String> {
    let log = view.replica(node, partition)?.log();
    let index = log.aborted_transactions(log.log_start_offset(), log.log_end_offset());
    let (first, how) = differs(view.batches, log.entries(), &index)?;
    Some(format!(
        "in the index of aborted transactions of partition {partition} on broker {node}, the one \
         that begins at offset {first} {how}",
        partition = view.partition(partition)
    ))
}

impl Invariant for AbortedMatchRecords {
    fn name(&self) -> &'static str {
        "aborted-match-records"
    }

    fn interests(&self) -> &'static [Interest] {
        &[]
    }

    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        let brokers = view.nodes.iter().filter_map(|node| Some((node.id, node.broker()?)));
        brokers
            .flat_map(|(id, broker)| broker.replicas().map(move |(partition, _)| (id, partition)))
            .find_map(|(id, partition)| look(view, id, partition))
    }
}

#[cfg(test)]
mod tests {
    use broker_model::protocol::fetch::AbortedTransaction;
    use broker_model::types::{Offset, ProducerId};

    use super::super::cleaning::tests::Bench;
    use super::differs;

    /// What is said of a log with a committed transaction of producer 7 at 0 and one from 2 on that
    /// was aborted, when its index names these.
    fn said(index: &[(i64, i64)]) -> Option<(i64, &'static str)> {
        let mut b = Bench::default();
        let committed = [b.transactional(0, 1, 7), b.marker(1, 7, true)];
        let aborted = [b.transactional(2, 1, 7), b.transactional(3, 1, 7), b.marker(4, 7, false)];
        let name = |&(id, first): &(i64, i64)| AbortedTransaction {
            producer_id: ProducerId(id),
            first_offset: Offset(first),
        };
        let index: Vec<AbortedTransaction> = index.iter().map(name).collect();
        let said = differs(b.batches(), &[&committed[..], &aborted].concat(), &index);
        said.map(|(offset, how)| (offset.0, how))
    }

    #[test]
    fn rejects_what_is_missing_doubled_or_left_over() {
        assert_eq!(said(&[]), Some((2, "is not named")));
        assert_eq!(said(&[(7, 2), (7, 2)]), Some((2, "is named twice")));
        assert_eq!(said(&[(7, 0), (7, 2)]), Some((0, "is named, and was not aborted")));
        assert_eq!(said(&[(7, 2), (7, 9)]), Some((9, "is named, and was not aborted")));
        assert_eq!(said(&[(8, 2), (7, 2)]), Some((2, "is named, and was not aborted")));
    }

    #[test]
    fn accepts_that_a_marker_of_which_nothing_is_left_ends_something_or_nothing() {
        let mut b = Bench::default();
        let (data, marker) = (b.transactional(1, 1, 7), b.marker(3, 7, false));
        let copied = [data, b.emptied(marker)];
        assert_eq!(differs(b.batches(), &copied, &[]), None);
        let one = AbortedTransaction { producer_id: ProducerId(7), first_offset: Offset(1) };
        assert_eq!(differs(b.batches(), &copied, &[one]), None);
        let ended = [copied[0], copied[1], b.marker(5, 7, false)];
        assert_eq!(differs(b.batches(), &ended, &[one]), None, "by the next one");
        assert!(differs(b.batches(), &ended, &[]).is_some());
    }

    #[test]
    fn accepts_an_index_of_its_records_and_one_that_knows_records_that_were_removed() {
        assert_eq!(said(&[(7, 2)]), None);
        let mut b = Bench::default();
        let cleaned = [b.transactional(3, 1, 7), b.marker(4, 7, false), b.marker(6, 8, false)];
        let one = AbortedTransaction { producer_id: ProducerId(7), first_offset: Offset(2) };
        assert_eq!(differs(b.batches(), &cleaned, &[one]), None);
    }
}
