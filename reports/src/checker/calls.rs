//! Every call answered: after healing no client call hangs.
//!
//! Source: liveness; the Java clients end every call by `delivery.timeout.ms`,
//! `default.api.timeout.ms` or `max.block.ms`.

use super::finding::{Anomaly, Finding, Verdict, Violation};
use crate::history::{CallKind, Recorder};
use crate::number::grouped;

const NAMES: [&str; 7] = [
    "initTransactions",
    "commitTransaction or abortTransaction",
    "sendOffsetsToTransaction",
    "commit of offsets",
    "join of a group",
    "close",
    "call on an external store",
];

/// Its streaming state.
#[derive(Clone, Default, Debug)]
pub struct Calls {
    started: [u64; NAMES.len()],
    ended: [u64; NAMES.len()],
}

impl Calls {
    pub(crate) const fn started(&mut self, kind: CallKind, count: u64) {
        self.started[kind as usize] += count;
    }

    pub(crate) fn ended(&mut self, kind: CallKind, count: u64) {
        self.ended[kind as usize] += count;
        let index = kind as usize;
        assert!(self.ended[index] <= self.started[index], "a {} ends unbegun", NAMES[index]);
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder) -> Finding {
        let totals = recorder.totals();
        let sends = ("send", totals.sent, totals.answered);
        let kinds = NAMES.iter().zip(self.started).zip(self.ended);
        let kinds = kinds.map(|((&name, started), ended)| (name, started, ended));
        let (mut violations, mut all) = (0, 0);
        let (mut evidence, mut told) = (Vec::new(), Vec::new());
        for (name, started, ended) in std::iter::once(sends).chain(kinds) {
            all += started;
            if started > 0 {
                told.push(format!("{name} {}", grouped(started)));
            }
            if started == ended {
                continue;
            }
            violations += started - ended;
            evidence.push(Violation {
                anomaly: Anomaly::UnansweredCall,
                text: format!("{} of {started} calls never returned: {name}", started - ended),
                record: None,
                partition: None,
                offset: None,
                at_ns: Some(recorder.end_ns),
            });
        }
        evidence.truncate(super::EVIDENCE_MAX);
        let (verdict, detail) = if violations > 0 {
            (
                Verdict::Fail,
                format!("{} of {} calls never returned", grouped(violations), grouped(all)),
            )
        } else {
            (Verdict::Pass, returned(all, &told))
        };
        Finding { name: "calls-answered".to_owned(), verdict, detail, violations, evidence }
    }
}

fn returned(all: u64, told: &[String]) -> String {
    if told.is_empty() {
        return "there were no calls".to_owned();
    }
    format!("all {} client calls returned ({})", grouped(all), told.join(", "))
}

#[cfg(test)]
mod tests {
    use crate::checker::history::History;
    use crate::checker::{Claim, Verdict};
    use crate::history::CallKind;

    #[test]
    fn rejects_a_send_without_an_answer() {
        let mut history = History::new();
        history.send(0..3, None).acknowledge(0..2, 0);
        let finding = history.judge(Claim::CallsAnswered);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
    }

    #[test]
    fn rejects_a_commit_that_hangs() {
        let mut history = History::new();
        history.recorder.calls_started(CallKind::EndTransaction, 2);
        history.recorder.calls_ended(CallKind::EndTransaction, 1);
        let finding = history.judge(Claim::CallsAnswered);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.evidence[0].text.contains("commitTransaction"));
    }

    #[test]
    fn accepts_failures_and_unknown_outcomes_as_answers() {
        let mut history = History::new();
        history.send(0..3, None).acknowledge(0..1, 0).give_up(1..2);
        history.recorder.failed(2..3, "INVALID_RECORD", 9);
        assert_eq!(history.judge(Claim::CallsAnswered).verdict, Verdict::Pass);
    }
}
