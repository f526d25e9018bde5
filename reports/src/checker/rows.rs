//! Rows and records tell the same.
//!
//! A service that commits a row to a local database and publishes a record of it has no
//! transaction over both. Every committed row has its record in the topic, and every record there
//! a row; a record may be there several times, which is counted and left to those who read it.
//!
//! Source: C. Richardson, "Microservices Patterns", 3.3 ("Transactional outbox"; a message is
//! published if and only if the database transaction commits, and possibly more than once).
//!
//! Memory: one byte an entity and table.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use super::table::slot;
use crate::history::{Recorder, TableId};
use crate::number::grouped;

/// Set when the row of the entity was committed.
const ROW: u8 = 1;
/// Set when a record of the entity was removed by compaction or retention.
const REMOVED: u8 = 2;
/// Set when a record of the entity was found.
const RECORD: u8 = 4;

#[derive(Clone, Debug)]
struct Table {
    name: String,
    topic: u32,
    /// Records that were found, however many an entity has.
    records: u64,
    /// Those of them of an entity that had one already.
    again: u64,
    /// By entity.
    entities: Vec<u8>,
}

/// Its streaming state.
#[derive(Clone, Default, Debug)]
pub struct Rows {
    tables: Vec<Table>,
}

/// What is seen of one table.
#[derive(Default)]
struct Seen {
    rows: u64,
    lost: Tally<u32>,
    phantom: Tally<u32>,
}

impl Seen {
    fn of(table: &Table) -> Self {
        let mut seen = Self::default();
        for (entity, &state) in (0_u32..).zip(&table.entities) {
            seen.rows += u64::from(state & ROW != 0);
            if state == ROW {
                seen.lost.add(entity);
            } else if state & (ROW | RECORD) == RECORD {
                seen.phantom.add(entity);
            }
        }
        seen
    }
}

impl Rows {
    pub(crate) fn table(&mut self, name: &str, topic: u32) -> TableId {
        let (name, entities) = (name.to_owned(), Vec::new());
        self.tables.push(Table { name, topic, records: 0, again: 0, entities });
        TableId(u32::try_from(self.tables.len() - 1).expect("tables are few"))
    }

    pub(crate) fn id_of(&self, name: &str) -> Option<TableId> {
        let place = self.tables.iter().position(|table| table.name == name)?;
        Some(TableId(u32::try_from(place).expect("tables are few")))
    }

    pub(crate) fn topic_of(&self, table: TableId) -> u32 {
        self.tables[table.0 as usize].topic
    }

    pub(crate) fn committed(&mut self, table: TableId, entity: u32) {
        *slot(&mut self.tables[table.0 as usize].entities, entity, 0) |= ROW;
    }

    pub(crate) fn watches(&self, topic: u32) -> bool {
        self.tables.iter().any(|table| table.topic == topic)
    }

    /// The audit found records of these entities, at these offsets, in a topic.
    pub(crate) fn found(&mut self, topic: u32, found: &[(u32, i64)]) {
        for table in self.tables.iter_mut().filter(|table| table.topic == topic) {
            for &(entity, _) in found {
                let state = slot(&mut table.entities, entity, 0);
                let again = *state & RECORD != 0;
                *state |= RECORD;
                table.records += 1;
                table.again += u64::from(again);
            }
        }
    }

    /// Compaction or retention removed a record of this entity: it was there.
    pub(crate) fn removed(&mut self, topic: u32, entity: u32) {
        for table in self.tables.iter_mut().filter(|table| table.topic == topic) {
            *slot(&mut table.entities, entity, 0) |= REMOVED;
        }
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder, off: &[Anomaly]) -> Finding {
        let on = |anomaly: Anomaly| !off.contains(&anomaly);
        let (mut kinds, mut texts) = ([Vec::new(), Vec::new()], Vec::new());
        let (mut violations, mut untold) = (0, self.tables.is_empty());
        for table in &self.tables {
            let seen = Seen::of(table);
            let topic = recorder.topology.topic_of(table.topic);
            let audited = topic.is_some_and(|topic| {
                topic.partitions.iter().all(|&partition| recorder.audited.covers(partition))
            });
            untold |= !audited || seen.rows == 0;
            // A record that the audit cannot see may be there.
            if on(Anomaly::EventLost) && audited {
                violations += seen.lost.count();
                kinds[0].extend(seen.lost.first().iter().map(|&entity| table.lost(entity)));
            }
            if on(Anomaly::EventPhantom) {
                violations += seen.phantom.count();
                kinds[1].extend(seen.phantom.first().iter().map(|&entity| table.phantom(entity)));
            }
            texts.push(format!(
                "{}: {} rows, {} records, {} of them again, {} lost, {} without a row",
                table.name,
                grouped(seen.rows),
                grouped(table.records),
                grouped(table.again),
                grouped(seen.lost.count()),
                grouped(seen.phantom.count())
            ));
        }
        // Some of each kind, so that none hides behind the other.
        let evidence = kinds.into_iter().flat_map(|kind| kind.into_iter().take(3)).collect();
        let verdict = match (violations, untold) {
            (0, false) => Verdict::Pass,
            (0, true) => Verdict::Inconclusive,
            _ => Verdict::Fail,
        };
        if texts.is_empty() {
            texts.push("no table is declared".to_owned());
        }
        let name = "rows-match-records".to_owned();
        Finding { name, verdict, detail: texts.join("; "), violations, evidence }
    }
}

impl Table {
    fn lost(&self, entity: u32) -> Violation {
        let text =
            format!("the row of entity {entity} is in {}, and its record nowhere", self.name);
        violation(Anomaly::EventLost, text)
    }

    fn phantom(&self, entity: u32) -> Violation {
        let text = format!("a record of entity {entity} has no row in {}", self.name);
        violation(Anomaly::EventPhantom, text)
    }
}

fn violation(anomaly: Anomaly, text: String) -> Violation {
    Violation { anomaly, text, record: None, partition: None, offset: None, at_ns: None }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{History, ORDERS};
    use crate::checker::{Anomaly, Claim, Finding, Verdict};

    /// Rows of these entities, and three records in the log, of entities 0, 1 and 2.
    fn committed(rows: &[u32], audited: bool) -> Finding {
        let mut history = History::new();
        let table = history.recorder.table("order-rows", ORDERS);
        history.send(0..3, None).acknowledge(0..3, 0);
        history.recorder.rows_committed(rows.iter().copied(), table, 70);
        history.audit(&[(0, &[0, 1, 2])]);
        if audited {
            history.audit_log(1, &[]);
        }
        history.judge(Claim::RowsMatchRecords)
    }

    #[test]
    fn rejects_a_row_without_a_record() {
        let finding = committed(&[0, 1, 2, 3], true);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert_eq!(finding.evidence[0].anomaly, Anomaly::EventLost);
        assert!(finding.evidence[0].text.contains("entity 3"));
    }

    #[test]
    fn rejects_a_record_without_a_row() {
        let finding = committed(&[0, 2], true);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert_eq!(finding.evidence[0].anomaly, Anomaly::EventPhantom);
        assert!(finding.evidence[0].text.contains("entity 1"));
    }

    /// A relay that crashed before it marked its rows publishes them again.
    #[test]
    fn accepts_a_record_that_is_there_again() {
        let mut history = History::new();
        let table = history.recorder.table("order-rows", ORDERS);
        // Record 10 is about entity 0, as record 0 is.
        history.send(0..1, None).acknowledge(0..1, 0);
        history.send(10..11, None).acknowledge(10..11, 1);
        history.recorder.rows_committed([0].into_iter(), table, 70);
        history.audit(&[(0, &[0]), (1, &[10])]).audit_log(1, &[]);
        let finding = history.judge(Claim::RowsMatchRecords);
        assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.detail);
        assert!(
            finding.detail.contains("1 rows, 2 records, 1 of them again"),
            "{}",
            finding.detail
        );
    }

    /// As often as relays that do not lock, killed again and again, can publish a row.
    #[test]
    fn counts_however_many_records_of_one_row() {
        let mut history = History::new();
        let table = history.recorder.table("order-rows", ORDERS);
        let copies: Vec<u32> = (0..100).map(|copy| copy * 10).collect();
        for (&record, offset) in copies.iter().zip(0..) {
            history.send(record..record + 1, None).acknowledge(record..record + 1, offset);
        }
        history.recorder.rows_committed([0].into_iter(), table, 70);
        history.audit(&[(0, &copies)]).audit_log(1, &[]);
        let detail = history.judge(Claim::RowsMatchRecords).detail;
        assert!(detail.contains("1 rows, 100 records, 99 of them again"), "{detail}");
    }

    #[test]
    fn cannot_tell_of_a_partition_that_nobody_can_read() {
        assert_eq!(committed(&[0, 1, 2, 3], false).verdict, Verdict::Inconclusive);
        assert_eq!(committed(&[0, 1, 2], true).verdict, Verdict::Pass);
    }
}
