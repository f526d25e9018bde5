//! A reply as recorded text, and the values that `name = verb ...` binds.

use std::fmt::{Display, Write as _};

/// Wraps what differs from run to run; [`Normal`] names it by appearance.
const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';

/// Values of a reply for later commands.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    pub(super) text: Option<String>,
    pub(super) pid: Option<i64>,
    pub(super) epoch: Option<i16>,
    pub(super) member: Option<u64>,
    pub(super) generation: Option<i32>,
    pub(super) fetch_session: Option<u32>,
}

/// Lines of a reply; the first one starts with the error's name.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) lines: Vec<String>,
    pub(super) values: Values,
}

impl Reply {
    pub(super) fn of(first: impl Display) -> Self {
        Self { lines: vec![first.to_string()], values: Values::default() }
    }

    pub(super) fn ok() -> Self {
        Self::of("ok")
    }

    /// The model answered with another kind of response: a bug in it.
    pub(super) fn unexpected() -> Self {
        Self::of("!! another answer")
    }

    /// Appends `key=value` to the last line.
    pub(super) fn with(self, key: &str, value: impl Display) -> Self {
        self.add(format_args!("{key}={value}"))
    }

    pub(super) fn with_if(self, shown: bool, key: &str, value: impl Display) -> Self {
        if shown { self.with(key, value) } else { self }
    }

    /// Appends a word to the last line.
    pub(super) fn add(mut self, word: impl Display) -> Self {
        let last = self.lines.last_mut().expect("a reply has a first line");
        write!(last, " {word}").expect("writing to a string succeeds");
        self
    }

    /// An indented line below.
    pub(super) fn line(mut self, text: impl Display) -> Self {
        self.lines.push(format!("  {text}"));
        self
    }
}

/// A producer id as shown.
pub(super) fn pid(id: i64) -> String {
    if id < 0 { id.to_string() } else { format!("{OPEN}P{id}{CLOSE}") }
}

/// A topic id as shown.
pub(super) fn topic_id(id: impl Display) -> String {
    format!("{OPEN}T{id}{CLOSE}")
}

/// A generated member id as shown.
pub(super) fn member(id: impl Display) -> String {
    format!("{OPEN}M{id}{CLOSE}")
}

/// A text as shown: empty ones can be seen.
pub(super) fn quoted(text: &str) -> String {
    if text.is_empty() { "\"\"".to_string() } else { text.to_string() }
}

/// A fetch session as shown.
pub(super) fn fetch_session(id: u32) -> String {
    if id == 0 { "0".to_string() } else { format!("{OPEN}S{id}{CLOSE}") }
}

/// A list as shown: `-` when empty.
pub(super) fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "-".to_string() } else { items.join(",") }
}

/// Names what differs from run to run P1.., T1.. by first appearance.
#[derive(Clone, Debug, Default)]
pub(super) struct Normal {
    seen: Vec<String>,
}

impl Normal {
    /// The line with names instead of raw ids.
    pub(super) fn line(&mut self, line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while let Some((before, wrapped)) = rest.split_once(OPEN) {
            let (raw, after) = wrapped.split_once(CLOSE).expect("wrapped as a whole");
            out.push_str(before);
            out.push_str(&self.name(raw));
            rest = after;
        }
        out + rest
    }

    /// The number a producer id has, or will come after all that have one.
    pub(super) fn rank(&self, id: i64) -> usize {
        let raw = format!("P{id}");
        self.of_kind('P').position(|seen| *seen == raw).unwrap_or(usize::MAX)
    }

    fn name(&mut self, raw: &str) -> String {
        if !self.seen.iter().any(|seen| seen == raw) {
            self.seen.push(raw.to_string());
        }
        let kind = raw.chars().next().expect("wrapped with its kind");
        let number = self.of_kind(kind).position(|seen| seen == raw).map_or(0, |i| i + 1);
        format!("{kind}{number}")
    }

    fn of_kind(&self, kind: char) -> impl Iterator<Item = &String> {
        self.seen.iter().filter(move |seen| seen.starts_with(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_named_by_first_appearance_of_their_kind() {
        let mut normal = Normal::default();
        let line = format!("{} {} {}", pid(77), topic_id(3), pid(5));
        assert_eq!(normal.line(&line), "P1 T1 P2");
        assert_eq!(normal.line(&pid(5)), "P2");
        assert_eq!(normal.line(&pid(-1)), "-1");
        assert!(normal.rank(77) < normal.rank(5) && normal.rank(5) < normal.rank(6));
    }
}
