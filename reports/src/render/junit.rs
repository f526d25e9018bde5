//! JUnit XML, for build servers: one suite a run; checks, invariants and gates are its cases.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::checker::{Finding, Gate, Verdict};
use crate::summary::Summary;

fn status(verdict: Verdict, detail: &str) -> TestCaseStatus {
    match verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(detail);
            status
        }
        Verdict::Off => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(detail);
            status
        }
        Verdict::Inconclusive => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("inconclusive: {detail}"));
            status
        }
    }
}

/// A failure that the scenario expects is skipped, with its reason: the build stays green
/// while the hazard bites.
fn finding_case(finding: &Finding, class: &str, expected: bool) -> TestCase {
    let mut status = if expected && finding.verdict == Verdict::Fail {
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!("fails as expected: {}", finding.detail));
        status
    } else {
        status(finding.verdict, &finding.detail)
    };
    if finding.verdict == Verdict::Fail {
        let lines =
            finding.evidence.iter().map(|one| format!("{}: {}", one.anomaly.name(), one.text));
        status.set_description(lines.collect::<Vec<_>>().join("\n"));
    }
    let mut case = TestCase::new(finding.name.as_str(), status);
    case.set_classname(class);
    case
}

fn gate_case(gate: &Gate) -> TestCase {
    let detail = format!("{} where {} is demanded", gate.actual, gate.limit);
    let mut case = TestCase::new(gate.name.as_str(), status(gate.verdict, &detail));
    case.set_classname("gates");
    case
}

/// A run as JUnit XML. A scenario that expects its failure is one more case, so that a hazard
/// that bites is told apart from a surprise.
#[must_use]
pub fn junit(summary: &Summary) -> String {
    let name = format!("{} seed {}", summary.scenario, summary.seed);
    let mut suite = TestSuite::new(name);
    let expected = summary.as_expected();
    suite
        .add_test_cases(summary.checks.iter().map(|check| finding_case(check, "checks", expected)));
    let invariants = summary.invariants.iter();
    suite.add_test_cases(invariants.map(|one| finding_case(one, "invariants", expected)));
    suite.add_test_cases(summary.gates.iter().map(gate_case));
    let as_expected = if expected {
        TestCaseStatus::success()
    } else if summary.only_notes_are_missing() {
        let missing = summary.missing_notes.join(", ");
        status(Verdict::Fail, &format!("the scenario demands what did not happen: {missing}"))
    } else if summary.more_than_expected_came() {
        let more: Vec<&str> = summary.unexpected_anomalies().map(|one| one.name()).collect();
        status(Verdict::Fail, &format!("the scenario does not expect {}", more.join(", ")))
    } else {
        let (got, wanted) = (summary.verdict.name(), summary.expected.name());
        status(Verdict::Fail, &format!("the run is {got}, the scenario expects {wanted}"))
    };
    let mut case = TestCase::new("verdict-as-expected", as_expected);
    case.set_classname("scenario");
    suite.add_test_case(case);
    suite.add_property(("replay", summary.replay.as_str()));
    suite.add_property(("digest", summary.digest.as_str()));
    suite.add_property(("history_digest", summary.history_digest.as_str()));
    let mut report = Report::new("assize");
    report.add_test_suite(suite);
    report.to_string().expect("writing XML into a string cannot fail")
}
