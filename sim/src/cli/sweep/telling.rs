//! A run of a sweep, told in one line.

use reports::checker::Anomaly;
use reports::summary::Summary;

use crate::cli::args::Format;
use crate::cli::console::{Console, Paint};
use crate::cli::telling;

/// Tells a run; `file` is its scenario where there are several.
pub(super) fn tell(
    summary: &Summary,
    file: Option<&str>,
    format: Format,
    console: &mut Console<'_>,
) {
    if format == Format::Json {
        console.line(&summary.to_json_line());
        return;
    }
    let expected = summary.as_expected();
    let paint = if expected { Paint::Good } else { telling::paint_of_surprise(summary.verdict) };
    let word = console.paint(paint, &format!("{:<12}", summary.verdict.name()));
    let mut line = format!("{word}  seed {:<6}  {}", summary.seed, summary.digest);
    if let Some(file) = file {
        line.push_str(&format!("  {file}"));
    }
    line.push_str(&format!("  {}", found(summary)));
    console.line(line.trim_end());
    if !expected {
        console.line(&format!("    again with: {}", summary.replay));
    }
}

/// What was found, or was expected and not found.
fn found(summary: &Summary) -> String {
    let expected = summary.as_expected();
    let anomalies: Vec<&str> = summary.anomalies.iter().map(|one| one.name()).collect();
    let mut found = anomalies.join(", ");
    if expected && !found.is_empty() {
        found.insert_str(0, "as expected: ");
    } else if summary.only_notes_are_missing() {
        found.push_str(&format!("; did not happen: {}", summary.missing_notes.join(", ")));
    } else if let (false, Some(missed)) = (expected, summary.expected_anomaly) {
        if summary.anomalies.contains(&missed) {
            let more: Vec<&str> = summary.unexpected_anomalies().map(Anomaly::name).collect();
            found.push_str(&format!("; not expected: {}", more.join(", ")));
        } else {
            found.push_str(&format!("; {} was expected and did not come", missed.name()));
        }
    }
    found.trim_start_matches("; ").to_owned()
}
