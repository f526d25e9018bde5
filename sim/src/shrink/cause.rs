//! Why a run failed, so that two failures can be told apart or taken for the same.

use std::fmt;

use reports::checker::{Anomaly, Finding, Verdict, Violation};
use reports::summary::Summary;

/// A check with the kind of evidence that it gave: what must stay while a run is made smaller, and
/// by what failures of a sweep are grouped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cause {
    /// The anomaly, or `bug` when assize itself gave up.
    pub check: String,
    /// What was said of it, without what differs from run to run.
    pub evidence: String,
}

impl Cause {
    /// A bug in assize, by what it said.
    #[must_use]
    pub fn of_bug(text: &str) -> Self {
        Self { check: "bug".to_owned(), evidence: skeleton(text) }
    }

    /// What a run is remembered for: what its file does not expect, else what it expects if that was
    /// found; of these the invariant that broke first, else the first of what clients saw. None when
    /// nothing was violated.
    #[must_use]
    pub fn of(summary: &Summary) -> Option<Self> {
        let all = causes(summary).into_iter();
        let counts = |check: &str| {
            Anomaly::of_name(check).is_none_or(|anomaly| summary.is_remembered_for(anomaly))
        };
        let counting = all.filter(|(_, cause)| counts(&cause.check));
        counting.min_by_key(|(at, _)| *at).map(|(_, cause)| cause)
    }

    /// The first of these anomalies that a run shows.
    #[must_use]
    pub fn of_one_of(summary: &Summary, wanted: &[Anomaly]) -> Option<Self> {
        let all = causes(summary).into_iter();
        let named = |check: &str| wanted.iter().any(|anomaly| anomaly.name() == check);
        let seen = all.filter(|(_, cause)| named(&cause.check));
        seen.min_by_key(|(at, _)| *at).map(|(_, cause)| cause)
    }

    /// Whether a violation is of this kind.
    #[must_use]
    pub fn is(&self, violation: &Violation) -> bool {
        cause_of(violation) == *self
    }

    /// Whether a run was violated in this way.
    #[must_use]
    pub fn is_in(&self, summary: &Summary) -> bool {
        causes(summary).iter().any(|(_, cause)| cause == self)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.evidence)
    }
}

/// When something was violated: invariants first, by simulated nanoseconds.
type When = (bool, u64);

/// All that was violated.
fn causes(summary: &Summary) -> Vec<(When, Cause)> {
    let found = |seen_by_clients: bool, findings: &[Finding]| -> Vec<(When, Cause)> {
        let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail);
        let evidence = failed.flat_map(|finding| &finding.evidence);
        evidence
            .map(|one| ((seen_by_clients, one.at_ns.unwrap_or(u64::MAX)), cause_of(one)))
            .collect()
    };
    let gates = summary.gates.iter().filter(|gate| gate.verdict == Verdict::Fail).map(|gate| {
        let check = Anomaly::Gate.name().to_owned();
        ((true, u64::MAX), Cause { check, evidence: gate.name.clone() })
    });
    let invariants = found(false, &summary.invariants);
    invariants.into_iter().chain(found(true, &summary.checks)).chain(gates).collect()
}

fn cause_of(one: &Violation) -> Cause {
    Cause { check: one.anomaly.name().to_owned(), evidence: skeleton(&one.text) }
}

/// A sentence without its numbers, names with a number in them and lists: `broker 2 cut partition
/// orders/0` and `broker 3 cut partition payments/1` are the same kind of evidence.
fn skeleton(text: &str) -> String {
    // Behind a semicolon are details.
    let text = text.split(';').next().unwrap_or(text);
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let varies = word.contains(|c: char| c.is_ascii_digit() || "/_[]".contains(c));
        match (varies, words.last()) {
            (true, Some(&"#")) => {}
            (true, _) => words.push("#"),
            (false, _) => words.push(word),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Cause, skeleton};

    #[test]
    fn evidence_is_compared_without_what_varies() {
        let of = |broker: u32, partition: &str, from: u64| {
            skeleton(&format!(
                "broker {broker} cut partition {partition} from {from} to 17, and with it records \
                 that are committed up to 18"
            ))
        };
        assert_eq!(of(1, "orders/0", 5), of(3, "__consumer_offsets/0", 12_345));
        assert_eq!(
            of(1, "orders/0", 5),
            "broker # cut partition # from # to # and with it records that are committed up to #"
        );
        let open = |partitions| skeleton(&format!("x-0 is open, with partitions {partitions}"));
        assert_eq!(open("[payments/0]"), open("[payments/0, __consumer_offsets/3]"));
        assert_ne!(skeleton("a record is lost"), skeleton("a record is doubled"));
    }

    #[test]
    fn what_lags_behind_a_semicolon_is_a_detail() {
        assert_eq!(skeleton("busy: payment/0; lag of 3 records"), skeleton("busy: order/1"));
    }

    #[test]
    fn a_bug_is_a_cause_of_its_own() {
        let bug = Cause::of_bug("index 7 is out of bounds");
        assert_eq!(bug.to_string(), "bug: index # is out of bounds");
        assert_eq!(bug, Cause::of_bug("index 8 is out of bounds"));
    }
}
