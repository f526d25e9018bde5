//! Errors in scenario files: drawn into the text on a terminal, plain lines elsewhere.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource};
use reports::checker::Claim;
use scenarios::Diagnostic;

use super::console::Console;

/// Tells all errors of a file.
pub(super) fn tell(errors: &[Diagnostic], name: &str, text: &str, console: &mut Console<'_>) {
    let drawn = console.screen().error_color;
    for error in errors {
        let error = &named_as_in_files(error);
        let told = if drawn { draw(error, name, text) } else { error.render(name, text) };
        console.error(told.trim_end());
    }
    if errors.len() > 1 {
        console.error(&format!("{} errors in {name}", errors.len()));
    }
}

/// Reports call a check by what it claims, files by the anomaly that would break it: who writes
/// the one is told the other.
fn named_as_in_files(error: &Diagnostic) -> Diagnostic {
    let mut error = error.clone();
    let written = |claim: &&Claim| error.message.contains(&format!("`{}`", claim.name()));
    if let Some(claim) = Claim::ALL.iter().find(written) {
        let names = claim.anomalies().iter().map(|one| format!("`{}`", one.name()));
        let names = names.collect::<Vec<_>>().join(" and ");
        error.help = Some(format!(
            "reports call this check `{}`; in a scenario it goes by the anomaly that breaks it: {names}",
            claim.name()
        ));
    }
    error
}

fn draw(error: &Diagnostic, name: &str, text: &str) -> String {
    let (name, text) = match &error.source {
        Some((name, text)) => (name.as_str(), text.as_str()),
        None => (name, text),
    };
    let mut shown = MietteDiagnostic::new(error.message.clone()).with_code(error.code);
    if let Some(help) = &error.help {
        shown = shown.with_help(help.clone());
    }
    // An empty file or a span at its very end has no text to underline.
    let labels = error.labels.iter().map(|(range, label)| {
        let start = range.start.min(text.len());
        let end = range.end.clamp(start, text.len());
        LabeledSpan::at(start..end, label.clone())
    });
    if !text.is_empty() {
        shown = shown.with_labels(labels);
    }
    let report = miette::Report::new(shown)
        .with_source_code(NamedSource::new(name, text.to_owned()).with_language("toml"));
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode());
    let mut out = String::new();
    match handler.render_report(&mut out, report.as_ref()) {
        Ok(()) => out,
        Err(_) => error.render(name, text),
    }
}

#[cfg(test)]
mod tests {
    use scenarios::Diagnostic;

    use super::{draw, named_as_in_files};

    #[test]
    fn a_claim_is_answered_with_its_anomaly() {
        let error = Diagnostic::new("x", "unknown key `poll-in-order` in `check`");
        let help = named_as_in_files(&error).help.expect("it is a claim");
        assert!(help.contains("`skipped-poll` and `went-back`"), "{help}");
        assert!(named_as_in_files(&Diagnostic::new("x", "unknown key `poll`")).help.is_none());
    }

    #[test]
    fn the_place_is_drawn_with_the_help() {
        let mut error = Diagnostic::new("scenario::unknown-key", "unknown key `brokerz`");
        error.labels.push((10..17, "here".to_owned()));
        let drawn =
            draw(&error.with_help("did you mean `brokers`?"), "a.toml", "[cluster]\nbrokerz = 3\n");
        for part in ["scenario::unknown-key", "a.toml:2:1", "brokerz = 3", "did you mean"] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
    }

    #[test]
    fn odd_places_do_no_harm() {
        for (range, text) in [(0..0, ""), (5..9, "ab"), (1..1, "ä"), (3..3, "ab\n")] {
            let mut error = Diagnostic::new("scenario::syntax", "odd");
            error.labels.push((range, "here".to_owned()));
            assert!(draw(&error, "a.toml", text).contains("odd"));
        }
    }
}
