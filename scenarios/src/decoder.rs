//! Reading tables key by key, with every error kept.

use crate::Takes;
use crate::diagnostic::{Diagnostic, listed, nearest};
use crate::spec::Section;
use crate::tree::{DIAGNOSTICS_MAX, Entry, Node, Place, Sources, Table, Value};
use crate::units::Wrong;
use crate::values;

/// Collects errors while tables are read.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pub(crate) sources: Sources,
    errors: Vec<(Place, Diagnostic)>,
    uncounted: usize,
    /// How many errors were there when single tables were done.
    settled: Option<usize>,
    /// Judges values of Kafka's keys.
    pub(crate) takes: Option<Takes>,
}

/// An error about to be told.
pub(crate) struct Problem {
    code: &'static str,
    message: String,
    places: Vec<(Place, String)>,
    help: Option<String>,
}

impl Problem {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), places: Vec::new(), help: None }
    }

    pub(crate) fn at(mut self, place: &Place, label: impl Into<String>) -> Self {
        self.places.push((place.clone(), label.into()));
        self
    }

    pub(crate) fn maybe_at(self, node: Option<&Node>, label: impl Into<String>) -> Self {
        match node {
            Some(node) => self.at(&node.place, label),
            None => self,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Decoder {
    pub(crate) fn raise(&mut self, mut problem: Problem) {
        shorten(&mut problem.message);
        problem.help.as_mut().map(shorten);
        if self.errors.len() >= DIAGNOSTICS_MAX {
            self.uncounted += 1;
            return;
        }
        let first = problem.places.first().map(|(place, _)| place.clone());
        let place = first.unwrap_or(Place { source: 0, span: 0..0 });
        // A key may be out of place for two reasons: one is enough.
        let told = |(p, d): &(Place, Diagnostic)| *p == place && d.code == problem.code;
        if problem.code == "scenario::not-here" && self.errors.iter().any(told) {
            return;
        }
        let diagnostic =
            self.sources.diagnostic(problem.code, &problem.message, problem.places, problem.help);
        self.errors.push((place, diagnostic));
    }

    /// An error about one value.
    pub(crate) fn wrong(&mut self, path: &str, place: &Place, wrong: Wrong) {
        let mut problem =
            Problem::new(wrong.code, format!("`{path}`: {}", wrong.message)).at(place, "here");
        problem.help = wrong.help;
        self.raise(problem);
    }

    /// From here on come rules between tables, which do not silence each other.
    pub(crate) fn settle(&mut self) {
        self.settled = Some(self.errors.len());
    }

    /// Whether something at or within a place was already found wrong, so that no rule that
    /// builds on it should speak.
    pub(crate) fn is_wrong(&self, node: &Node) -> bool {
        let count = self.settled.unwrap_or(self.errors.len());
        self.errors[..count].iter().any(|(place, _)| {
            place.source == node.place.source
                && place.span.start >= node.place.span.start
                && place.span.end <= node.place.span.end
        })
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Everything found, in order of place: the file's own errors first.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.errors.sort_by_key(|(place, _)| (place.source, place.span.start));
        let mut out: Vec<Diagnostic> = self.errors.into_iter().map(|(_, d)| d).collect();
        if self.uncounted > 0 {
            out.push(Diagnostic::new(
                "scenario::more-errors",
                format!("and {} more errors", self.uncounted),
            ));
        }
        out
    }

    /// Opens a table: tells unknown keys and keys that belong elsewhere.
    pub(crate) fn open<'t>(
        &mut self,
        node: &'t Node,
        path: &str,
        section: &'static Section,
        extra: &[&str],
    ) -> Option<Fields<'t>> {
        let Value::Table(table) = &node.value else {
            self.wrong(path, &node.place, values::kind("a table", &node.value));
            return None;
        };
        for entry in &table.entries {
            if section.has(&entry.key) || extra.contains(&entry.key.as_str()) {
                continue;
            }
            self.unknown_key(path, entry, section, extra);
        }
        Some(Fields { table, place: node.place.clone(), path: path.to_owned(), section })
    }

    fn unknown_key(&mut self, path: &str, entry: &Entry, section: &Section, extra: &[&str]) {
        let short: String = entry.key.chars().take(60).collect();
        let known = || section.keys.iter().map(|k| k.name).chain(extra.iter().copied());
        let crowded = self.errors.len() >= DIAGNOSTICS_MAX;
        let help = match nearest(&entry.key, known()).filter(|_| !crowded) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys: {}", listed(known())),
        };
        let place = if path.is_empty() {
            "at the top of the file".to_owned()
        } else {
            format!("in `{path}`")
        };
        self.raise(
            Problem::new("scenario::unknown-key", format!("unknown key `{short}` {place}"))
                .at(&entry.place, "not known here")
                .help(help),
        );
    }
}

/// Cuts what a hostile file would make endless.
fn shorten(text: &mut String) {
    const CHARACTERS_MAX: usize = 600;
    if let Some((end, _)) = text.char_indices().nth(CHARACTERS_MAX) {
        text.truncate(end);
        text.push_str("...");
    }
}

/// An opened table.
pub(crate) struct Fields<'t> {
    pub(crate) table: &'t Table,
    pub(crate) place: Place,
    pub(crate) path: String,
    section: &'static Section,
}

impl<'t> Fields<'t> {
    /// The value of a key. The key must be in the section's list: the list is what the
    /// reference documents.
    pub(crate) fn get(&self, key: &str) -> Option<&'t Node> {
        assert!(self.section.has(key), "{key} is missing from the keys of [{}]", self.section.name);
        self.table.get(key)
    }

    /// A key's path for messages.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Reads a key if it is there. None when it is not, or is wrong (then it was told).
    pub(crate) fn read<T>(
        &self,
        decoder: &mut Decoder,
        key: &str,
        reader: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        let node = self.get(key)?;
        match reader(&node.value) {
            Ok(value) => Some(value),
            Err(wrong) => {
                decoder.wrong(&self.path_of(key), &node.place, wrong);
                None
            }
        }
    }

    /// Reads a key that must be there.
    pub(crate) fn require<T>(
        &self,
        decoder: &mut Decoder,
        key: &str,
        reader: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        let doc = self.section.key(key).map_or("", |k| k.form);
        self.require_of(decoder, key, doc, reader)
    }

    /// Reads a key that has to be there; `doc` says what it may be.
    pub(crate) fn require_of<T>(
        &self,
        decoder: &mut Decoder,
        key: &str,
        doc: &str,
        reader: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        if self.get(key).is_none() {
            decoder.raise(
                Problem::new("scenario::missing", format!("`{}` needs `{key}`", self.path))
                    .at(&self.place, "in this table")
                    .help(format!("add `{key} = ...` ({doc})")),
            );
            return None;
        }
        self.read(decoder, key, reader)
    }

    /// Reads a text or an array of texts.
    pub(crate) fn read_list<T>(
        &self,
        decoder: &mut Decoder,
        key: &str,
        reader: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Option<Vec<T>> {
        let node = self.get(key)?;
        let single = std::slice::from_ref(node);
        let items = match &node.value {
            Value::Array(items) => items.as_slice(),
            _ => single,
        };
        let mut out = Vec::new();
        for item in items {
            match reader(&item.value) {
                Ok(value) => out.push(value),
                Err(wrong) => decoder.wrong(&self.path_of(key), &item.place, wrong),
            }
        }
        Some(out)
    }

    /// Refuses keys that make no sense with what another key says.
    pub(crate) fn refuse(&self, decoder: &mut Decoder, keys: &[&str], why: &str) {
        for key in keys {
            assert!(self.section.has(key), "{key} is missing from [{}]", self.section.name);
            let Some(entry) = self.table.entry(key) else { continue };
            decoder.raise(
                Problem::new("scenario::not-here", format!("`{}`: {why}", self.path_of(key)))
                    .at(&entry.place, "makes no sense here")
                    .help("remove it"),
            );
        }
    }
}
