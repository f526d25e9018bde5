//! No record invented.
//!
//! Whatever a reader or the audit returns was sent, to that partition, and its send did not
//! fail for certain.
//!
//! Source: Jepsen's Kafka checker (a polled value was sent); Kafka's producer documentation
//! (a send that fails with a non-retriable error is not written).

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use crate::history::{Poll, Recorder};
use crate::number::grouped;

/// Where something was seen that should not be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sighting {
    record: u32,
    partition: u32,
    offset: i64,
    at_ns: Option<u64>,
    why: Why,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Why {
    NeverSent,
    Failed,
    SentElsewhere(u32),
}

/// Its streaming state: only what went wrong.
#[derive(Clone, Default, Debug)]
pub struct Invented {
    found: Tally<Sighting>,
}

impl Invented {
    pub(crate) fn polled(&mut self, record: u32, poll: &Poll, offset: i64) {
        self.add(record, poll.partition, offset, Some(poll.at_ns), Why::NeverSent);
    }

    pub(crate) fn misplaced(&mut self, record: u32, poll: &Poll, offset: i64, home: u32) {
        let why = Why::SentElsewhere(home);
        self.add(record, poll.partition, offset, Some(poll.at_ns), why);
    }

    pub(crate) fn audited(&mut self, record: u32, partition: u32, offset: i64) {
        self.add(record, partition, offset, None, Why::NeverSent);
    }

    pub(crate) fn failed_but_there(&mut self, record: u32, partition: u32, offset: i64) {
        self.add(record, partition, offset, None, Why::Failed);
    }

    pub(crate) fn in_other_log(&mut self, record: u32, partition: u32, offset: i64, home: u32) {
        self.add(record, partition, offset, None, Why::SentElsewhere(home));
    }

    fn add(&mut self, record: u32, partition: u32, offset: i64, at_ns: Option<u64>, why: Why) {
        self.found.add(Sighting { record, partition, offset, at_ns, why });
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder) -> Finding {
        let evidence = self.found.first().iter().map(|seen| seen.describe(recorder)).collect();
        let count = self.found.count();
        let (verdict, detail) = if count > 0 {
            (Verdict::Fail, format!("{count} records were seen that should not exist"))
        } else {
            let polled = grouped(recorder.totals.polled);
            (Verdict::Pass, format!("all {polled} polled records had been sent"))
        };
        let name = "no-record-invented".to_owned();
        Finding { name, verdict, detail, violations: count, evidence }
    }
}

impl Sighting {
    fn describe(&self, recorder: &Recorder) -> Violation {
        let id = self.record;
        let text = match self.why {
            Why::NeverSent => format!("record {id} was never sent"),
            Why::Failed => {
                format!("record {id} is in the log although its send failed for certain")
            }
            Why::SentElsewhere(home) => {
                let home = recorder.topology.partition_name(home);
                format!("record {id} was sent to {home}")
            }
        };
        Violation {
            anomaly: Anomaly::Invented,
            text,
            record: Some(id),
            partition: Some(recorder.topology.partition_name(self.partition)),
            offset: Some(self.offset),
            at_ns: self.at_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{COMMITTED, History};
    use crate::checker::{Claim, Verdict};

    #[test]
    fn rejects_a_record_nobody_sent() {
        let mut history = History::new();
        history.send(0..2, None).acknowledge(0..2, 0).poll(COMMITTED, 0, &[0, 1, 7]);
        let finding = history.judge(Claim::NoRecordInvented);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert_eq!(finding.evidence[0].offset, Some(2));
    }

    #[test]
    fn rejects_a_record_whose_send_failed_for_certain() {
        let mut history = History::new();
        history.send(0..1, None);
        history.recorder.failed(0..1, "INVALID_RECORD", 5);
        history.audit(&[(0, &[0])]);
        assert_eq!(history.judge(Claim::NoRecordInvented).verdict, Verdict::Fail);
    }

    #[test]
    fn accepts_a_record_of_unknown_outcome() {
        let mut history = History::new();
        history.send(0..1, None).give_up(0..1).poll(COMMITTED, 0, &[0]);
        history.audit(&[(0, &[0])]);
        assert_eq!(history.judge(Claim::NoRecordInvented).verdict, Verdict::Pass);
    }
}
