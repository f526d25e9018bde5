//! Order per key.
//!
//! In a keyed topic, records of one key from one producer session are in one partition and
//! in send order. In a topic derived from another, entities of one key come in the order
//! they have in the source: the order that a key's owner relies on across services. Where
//! records tell of rows, the first record of each comes in the order of the commits.
//!
//! Source: Kafka documentation, "Introduction" (events with the same key are read in the order
//! they were written); the articles' per-order ordering claim.
//!
//! Memory: 12 bytes a key of a keyed topic; 4 bytes an entity and 4 a key of a derived one,
//! and of one that tells of rows.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use super::table::slot;
use crate::history::{Facts, Recorder};
use crate::number::grouped;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Disorder {
    record: u32,
    key: u32,
    partition: u32,
    offset: i64,
    /// The partition the key was in before, when it moved.
    moved_from: Option<u32>,
}

/// The last record of one key.
#[derive(Clone, Copy, Debug)]
struct Last {
    session: u32,
    ordinal: u32,
    partition: u32,
}

const NOBODY: Last = Last { session: u32::MAX, ordinal: 0, partition: u32::MAX };

/// A topic whose own records keep order per key.
#[derive(Clone, Debug)]
struct Keyed {
    topic: u32,
    last: Vec<Last>,
}

/// A topic that follows another, entity by entity.
#[derive(Clone, Debug)]
struct Derived {
    topic: u32,
    source: u32,
    /// Rank of an entity's first record in the source's audit, from 1; 0 if it has none.
    ranks: Vec<u32>,
    next_rank: u32,
    /// Largest rank that each key has reached in the derived topic.
    reached: Vec<u32>,
    /// Records whose entity the source does not have (yet).
    orphans: u64,
}

/// A topic whose records tell of rows, and come in the order of the commits.
#[derive(Clone, Debug)]
struct OfRows {
    topic: u32,
    /// Rank of an entity's row, from 1; 0 if it has none, [`SEEN`] behind its first record.
    ranks: Vec<u32>,
    next_rank: u32,
    /// Largest rank that each key has reached.
    reached: Vec<u32>,
}

/// A row that has its record: what comes of it again is no news.
const SEEN: u32 = u32::MAX;

impl OfRows {
    /// Whether a record comes after one of a later row of its key.
    fn is_late(&mut self, entity: u32, key: u32) -> bool {
        let rank = slot(&mut self.ranks, entity, 0);
        if *rank == 0 || *rank == SEEN {
            return false;
        }
        let rank = std::mem::replace(rank, SEEN);
        let reached = slot(&mut self.reached, key, 0);
        let late = rank < *reached;
        *reached = rank.max(*reached);
        late
    }
}

/// Its streaming state.
#[derive(Clone, Default, Debug)]
pub struct KeyOrder {
    keyed: Vec<Keyed>,
    derived: Vec<Derived>,
    of_rows: Vec<OfRows>,
    watched: Vec<bool>,
    found: Tally<Disorder>,
    judged: u64,
}

impl KeyOrder {
    pub(crate) fn keyed(&mut self, topic: u32) {
        *slot(&mut self.watched, topic, false) = true;
        self.keyed.push(Keyed { topic, last: Vec::new() });
    }

    pub(crate) fn derived(&mut self, topic: u32, source: u32) {
        *slot(&mut self.watched, topic, false) = true;
        *slot(&mut self.watched, source, false) = true;
        let (ranks, reached) = (Vec::new(), Vec::new());
        self.derived.push(Derived { topic, source, ranks, next_rank: 1, reached, orphans: 0 });
    }

    pub(crate) fn of_rows(&mut self, topic: u32) {
        *slot(&mut self.watched, topic, false) = true;
        let (ranks, reached) = (Vec::new(), Vec::new());
        self.of_rows.push(OfRows { topic, ranks, next_rank: 1, reached });
    }

    /// The row of an entity was committed of which a record in a topic is to tell.
    pub(crate) fn committed(&mut self, topic: u32, entity: u32) {
        for rows in self.of_rows.iter_mut().filter(|rows| rows.topic == topic) {
            *slot(&mut rows.ranks, entity, 0) = rows.next_rank;
            rows.next_rank += 1;
        }
    }

    #[inline]
    pub(crate) fn watches(&self, topic: u32) -> bool {
        self.watched.get(topic as usize).copied().unwrap_or(false)
    }

    /// The audit found a record: at (partition, offset), from (session, send ordinal).
    pub(crate) fn found(
        &mut self,
        topic: u32,
        record: u32,
        (partition, offset): (u32, i64),
        (session, ordinal): (u32, u32),
        facts: &impl Facts,
    ) {
        self.judged += 1;
        let key = facts.key(record);
        let disorder = Disorder { record, key, partition, offset, moved_from: None };
        for keyed in self.keyed.iter_mut().filter(|keyed| keyed.topic == topic) {
            let last = slot(&mut keyed.last, key, NOBODY);
            if last.session == session {
                if last.partition != partition {
                    self.found.add(Disorder { moved_from: Some(last.partition), ..disorder });
                } else if ordinal < last.ordinal {
                    self.found.add(disorder);
                    continue;
                }
            }
            *last = Last { session, ordinal, partition };
        }
        for rows in self.of_rows.iter_mut().filter(|rows| rows.topic == topic) {
            if rows.is_late(facts.entity(record), key) {
                self.found.add(disorder);
            }
        }
        for derived in &mut self.derived {
            if derived.source == topic {
                let rank = slot(&mut derived.ranks, facts.entity(record), 0);
                if *rank == 0 {
                    *rank = derived.next_rank;
                    derived.next_rank += 1;
                }
            } else if derived.topic == topic {
                let rank = *slot(&mut derived.ranks, facts.entity(record), 0);
                let reached = slot(&mut derived.reached, key, 0);
                if rank == 0 {
                    derived.orphans += 1;
                } else if rank < *reached {
                    self.found.add(disorder);
                } else {
                    *reached = rank;
                }
            }
        }
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder) -> Finding {
        let evidence = self.found.first().iter().map(|one| one.describe(recorder)).collect();
        let count = self.found.count();
        let orphans: u64 = self.derived.iter().map(|derived| derived.orphans).sum();
        let (verdict, detail) = if count > 0 {
            (Verdict::Fail, format!("{count} records are out of the order of their key"))
        } else if orphans > 0 {
            let text = format!("{orphans} derived records have no source record to compare with");
            (Verdict::Inconclusive, text)
        } else if self.judged == 0 && !(self.keyed.is_empty() && self.derived.is_empty()) {
            (Verdict::Inconclusive, "no record with a key was found".to_owned())
        } else if self.keyed.is_empty() && self.derived.is_empty() {
            (Verdict::Inconclusive, "no topic declares an order per key".to_owned())
        } else {
            (
                Verdict::Pass,
                format!("{} records are in the order of their keys", grouped(self.judged)),
            )
        };
        let name = "order-per-key".to_owned();
        Finding { name, verdict, detail, violations: count, evidence }
    }
}

impl Disorder {
    fn describe(&self, recorder: &Recorder) -> Violation {
        let (record, key) = (self.record, self.key);
        let text = match self.moved_from {
            Some(from) => {
                let from = recorder.topology.partition_name(from);
                format!("record {record} of key {key} is not in {from}, where its key was before")
            }
            None => format!("record {record} comes after a later one of its key {key}"),
        };
        Violation {
            anomaly: Anomaly::ReorderedKey,
            text,
            record: Some(record),
            partition: Some(recorder.topology.partition_name(self.partition)),
            offset: Some(self.offset),
            at_ns: Some(recorder.records.batch(record).sent_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{History, ORDERS, PAYMENTS};
    use crate::checker::{Claim, Verdict};

    /// Records 0..4 are orders of entities 0..4, records 10..14 payments of the same; keys are
    /// entities modulo two.
    fn pipeline(payments: &[u32]) -> History {
        let mut history = History::new();
        history.recorder.keyed_topic(ORDERS);
        history.recorder.derived_topic(PAYMENTS, ORDERS);
        history.send(0..4, None);
        history.send_to(2, 10..14, None);
        history.audit(&[(0, &[0, 1, 2, 3])]);
        history.audit_log(2, &[(0, payments)]);
        history
    }

    #[test]
    fn rejects_a_derived_topic_that_swaps_a_key() {
        let finding = pipeline(&[12, 10, 11, 13]).judge(Claim::OrderPerKey);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert_eq!(finding.evidence[0].record, Some(10));
    }

    #[test]
    fn accepts_a_swap_between_keys() {
        let finding = pipeline(&[11, 10, 13, 12]).judge(Claim::OrderPerKey);
        assert_eq!(finding.verdict, Verdict::Pass);
    }

    #[test]
    fn rejects_a_key_that_moved_to_another_partition() {
        let mut history = History::new();
        history.recorder.keyed_topic(ORDERS);
        history.send(0..2, None);
        history.send_to(1, 2..4, None);
        history.audit(&[(0, &[0, 1])]);
        history.audit_log(1, &[(0, &[2, 3])]);
        let finding = history.judge(Claim::OrderPerKey);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.evidence[0].text.contains("orders-0"));
    }

    #[test]
    fn cannot_tell_when_no_topic_declares_it() {
        let history = History::new();
        assert_eq!(history.judge(Claim::OrderPerKey).verdict, Verdict::Inconclusive);
    }

    /// Entities 0, 1, 2, ... have their rows in this order; keys are entities modulo two.
    fn of_rows(records: &[u32]) -> Verdict {
        let mut history = History::new();
        let table = history.recorder.table("order-rows", ORDERS);
        history.recorder.keyed_topic(ORDERS);
        history.recorder.order_of_rows(ORDERS);
        history.recorder.rows_committed(0..6, table, 5);
        // Each by a producer of its own: nobody else knows the order.
        for &record in records {
            history.restart_producer();
            history.send(record..record + 1, None);
        }
        history.audit(&[(0, records)]);
        history.judge(Claim::OrderPerKey).verdict
    }

    #[test]
    fn rejects_records_in_another_order_than_their_rows() {
        assert_eq!(of_rows(&[0, 4, 2]), Verdict::Fail);
    }

    /// Record 10 is about entity 0 again.
    #[test]
    fn accepts_rows_of_other_keys_before_and_records_again() {
        assert_eq!(of_rows(&[1, 0, 2, 10, 3, 4]), Verdict::Pass);
    }
}
