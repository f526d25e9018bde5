//! What is wrong with a scenario, where, and what to do about it.

use std::fmt::Write as _;
use std::ops::Range;

/// One error. The command line renders it with the file's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// A stable code, like `scenario::unknown-key`.
    pub code: &'static str,
    /// What is wrong, in one sentence. Names the flag when a flag is to blame.
    pub message: String,
    /// Places with what there is to say about them, as byte ranges of the file, or of
    /// [`Self::source`] when that is given. The first one is the place to look at.
    pub labels: Vec<(Range<usize>, String)>,
    /// How to repair it.
    pub help: Option<String>,
    /// Name and text of what `labels` point into when that is not the file itself: a base file
    /// of `extends`, or a `--set` flag.
    pub source: Option<(String, String)>,
}

impl Diagnostic {
    /// A diagnostic without a place.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), labels: Vec::new(), help: None, source: None }
    }

    /// Adds how to repair it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Plain text: a line with code and message, one for each label with its line and column
    /// (both from 1, columns in characters), one for the help.
    #[must_use]
    pub fn render(&self, name: &str, text: &str) -> String {
        let (name, text) = match &self.source {
            Some((name, text)) => (name.as_str(), text.as_str()),
            None => (name, text),
        };
        let mut out = format!("error[{}]: {}\n", self.code, self.message);
        for (range, label) in &self.labels {
            let (line, column) = line_and_column(text, range.start);
            let _ = writeln!(out, "  at {name}:{line}:{column}: {label}");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "  help: {help}");
        }
        out
    }
}

/// Line and column of a byte offset, both from 1. Offsets inside a character or behind the end
/// count as the next place that exists.
#[must_use]
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}

/// The nearest of some names, when one is near enough to be a slip of the pen.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 80 {
        return None;
    }
    let lower = word.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let near = known
        .iter()
        .copied()
        .map(|k| (strsim::damerau_levenshtein(&lower, &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance < k.len())
        .filter(|(distance, k)| *distance <= 1 + k.len().max(lower.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k);
    // Or one whose first word was left out, like `power-cut` of `broker-power-cut`.
    let ends = |k: &&str| k.strip_suffix(lower.as_str()).is_some_and(|rest| rest.ends_with('-'));
    near.or_else(|| known.iter().copied().filter(|_| lower.contains('-')).find(ends))
}

/// `a`, `b` and `c`: a list for messages, cut after twenty-four.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown: Vec<String> = names.iter().take(24).map(|n| format!("`{n}`")).collect();
    let mut out = shown.join(", ");
    if names.len() > 24 {
        let _ = write!(out, " and {} more", names.len() - 24);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{line_and_column, nearest};

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(line_and_column("", 0), (1, 1));
        assert_eq!(line_and_column("a\nbc", 3), (2, 2));
        assert_eq!(line_and_column("ä\nb", 1), (1, 1), "inside a character");
        assert_eq!(line_and_column("a", 99), (1, 2));
    }

    #[test]
    fn nearest_offers_slips_only() {
        assert_eq!(nearest("brokerz", ["brokers", "racks"]), Some("brokers"));
        assert_eq!(nearest("zebra", ["brokers", "racks"]), None);
        assert_eq!(nearest("", ["brokers"]), None);
    }

    #[test]
    fn a_name_without_its_first_word_is_near() {
        let kinds = ["broker-kill", "broker-power-cut", "partition"];
        assert_eq!(nearest("power-cut", kinds), Some("broker-power-cut"));
        assert_eq!(nearest("cut", kinds), None, "one word says too little");
    }
}
