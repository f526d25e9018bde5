//! Lag drained: after healing every group works off what is left.
//!
//! Source: liveness; Kafka documentation, "Monitoring" (`records-lag-max`).

use super::finding::{Anomaly, Finding, Verdict, Violation};
use crate::history::Recorder;
use crate::number::grouped;

/// Judges it: the last sample of each group is the lag at the end.
pub(super) fn judge(recorder: &Recorder) -> Finding {
    let name = "lag-drained".to_owned();
    let mut evidence = Vec::new();
    let (mut violations, mut sampled) = (0, 0_u64);
    for (id, group) in recorder.topology.groups() {
        let Some(lag) = recorder.lag.group(id) else { continue };
        sampled += 1;
        if lag.end_records == 0 {
            continue;
        }
        violations += 1;
        if evidence.len() < super::EVIDENCE_MAX {
            evidence.push(Violation {
                anomaly: Anomaly::StuckLag,
                text: format!(
                    "group {} is still {} records behind{}",
                    group.name,
                    lag.end_records,
                    held_up(recorder, id)
                ),
                record: None,
                partition: None,
                offset: None,
                at_ns: Some(lag.end_ns),
            });
        }
    }
    let (verdict, detail) = if violations > 0 {
        (Verdict::Fail, format!("{violations} of {sampled} groups still lag"))
    } else if sampled == 0 {
        (Verdict::Inconclusive, "no group's lag was sampled".to_owned())
    } else {
        (Verdict::Pass, format!("all {sampled} groups have caught up"))
    };
    Finding { name, verdict, detail, violations, evidence }
}

/// What of a group's lag nobody who reads committed records could have read.
fn held_up(recorder: &Recorder, group: u32) -> String {
    match recorder.held_up.get(&group) {
        Some(&records) if records > 0 => {
            format!(", {} of them behind an open transaction", grouped(records))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::History;
    use crate::checker::{Claim, Verdict};

    #[test]
    fn rejects_a_group_that_is_behind_at_the_end() {
        let mut history = History::new();
        history.recorder.lag(0, 0, 0, 10);
        history.recorder.lag(0, 3, 5, 20);
        let finding = history.judge(Claim::LagDrained);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert!(finding.evidence[0].text.contains("audit-group is still 3"));
    }

    #[test]
    fn tells_what_an_open_transaction_holds_up() {
        let mut history = History::new();
        history.recorder.lag(0, 7, 5, 20);
        history.recorder.held_up(0, 4);
        let finding = history.judge(Claim::LagDrained);
        let text = &finding.evidence[0].text;
        assert!(text.ends_with("7 records behind, 4 of them behind an open transaction"), "{text}");
    }

    #[test]
    fn accepts_a_group_that_was_behind() {
        let mut history = History::new();
        history.recorder.lag(0, 900_000, 5, 10);
        history.recorder.lag(0, 0, 0, 20);
        assert_eq!(history.judge(Claim::LagDrained).verdict, Verdict::Pass);
    }

    #[test]
    fn cannot_tell_without_samples() {
        assert_eq!(History::new().judge(Claim::LagDrained).verdict, Verdict::Inconclusive);
    }
}
