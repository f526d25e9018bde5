//! The text of a scenario as a tree of values that know where they stand.
//!
//! Own nodes instead of the parser's, because a scenario is put together from a file, its bases
//! and flags, and each value must still name its source.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;

/// Files above this size are not parsed: no scenario needs it.
pub const SIZE_MAX: usize = 1 << 20;

/// More errors than this are counted, not shown.
pub(crate) const DIAGNOSTICS_MAX: usize = 100;

/// Where a value stands: a source and a byte range in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Index into [`Sources`].
    pub(crate) source: usize,
    /// The bytes.
    pub(crate) span: Range<usize>,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// A value of TOML.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    /// A float, or an integer too large for `i64`, as written.
    Number(String),
    Bool(bool),
    Datetime,
    Array(Vec<Node>),
    Table(Table),
}

/// A table in file order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|e| e.key == key).map(|e| &e.node)
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.key == key)
    }

    pub(crate) fn entry_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.key == key)
    }
}

impl Node {
    /// The node at a path below this one; array elements by number.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        let next = match &self.value {
            Value::Table(table) => table.get(first)?,
            Value::Array(items) => items.get(first.parse::<usize>().ok()?)?,
            _ => return None,
        };
        next.find(rest)
    }
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text(text) => {
                let short: String = text.chars().take(40).collect();
                let dots = if short.len() < text.len() { "..." } else { "" };
                format!("the text {short:?}{dots}")
            }
            Self::Integer(value) => format!("the integer {value}"),
            Self::Number(text) => format!("the number {}", &text[..text.len().min(40)]),
            Self::Bool(value) => format!("`{value}`"),
            Self::Datetime => "a date".to_owned(),
            Self::Array(_) => "an array".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}

/// What a source is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SourceKind {
    /// The scenario file itself.
    File,
    /// A base file of `extends`.
    Base,
    /// A `--set` flag.
    Flag,
}

/// A text that values come from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) kind: SourceKind,
    pub(crate) name: String,
    pub(crate) text: String,
}

/// All texts of a scenario. The first one is the file itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) all: Vec<Source>,
}

impl Sources {
    pub(crate) fn add(&mut self, kind: SourceKind, name: &str, text: &str) -> usize {
        self.all.push(Source { kind, name: name.to_owned(), text: text.to_owned() });
        self.all.len() - 1
    }

    /// Turns places into labels. Labels in other sources than the first one's become words.
    pub(crate) fn diagnostic(
        &self,
        code: &'static str,
        message: &str,
        places: Vec<(Place, String)>,
        help: Option<String>,
    ) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(code, message);
        diagnostic.help = help;
        let Some((first, _)) = places.first() else { return diagnostic };
        let home = first.source;
        let source = &self.all[home];
        match source.kind {
            SourceKind::File => {}
            SourceKind::Base => {
                diagnostic.source = Some((source.name.clone(), source.text.clone()));
            }
            SourceKind::Flag => {
                diagnostic.message = format!("--set {}: {message}", source.text);
                diagnostic.source = Some((source.name.clone(), source.text.clone()));
            }
        }
        for (place, label) in places {
            if place.source == home {
                diagnostic.labels.push((place.span, label));
            } else {
                let other = &self.all[place.source].name;
                diagnostic.message.push_str(&format!(" ({label}, in {other})"));
            }
        }
        diagnostic
    }
}

/// Parses one text into a table. All syntax errors at once.
pub(crate) fn parse_table(text: &str, source: usize) -> Result<Node, Vec<(Place, String)>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let span = table.span();
        return Ok(Node {
            value: Value::Table(convert_table(table.get_ref(), source)),
            place: Place { source, span },
        });
    }
    Err(errors
        .iter()
        .map(|e| {
            let span = e.span().unwrap_or(0..0);
            (Place { source, span }, e.message().lines().collect::<Vec<_>>().join("; "))
        })
        .collect())
}

/// Parses one value, as a flag gives it. None when it is no TOML value.
pub(crate) fn parse_value(text: &str, source: usize, offset: usize) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    let mut node = convert(value.get_ref(), value.span(), source);
    shift(&mut node, offset);
    Some(node)
}

fn shift(node: &mut Node, offset: usize) {
    let span = &mut node.place.span;
    *span = span.start + offset..span.end + offset;
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|n| shift(n, offset)),
        Value::Table(table) => {
            for entry in &mut table.entries {
                let span = &mut entry.place.span;
                *span = span.start + offset..span.end + offset;
                shift(&mut entry.node, offset);
            }
        }
        _ => {}
    }
}

fn convert(value: &DeValue<'_>, span: Range<usize>, source: usize) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Number(integer.to_string()),
        },
        DeValue::Float(float) => Value::Number(float.as_str().to_owned()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(
            items.iter().map(|item| convert(item.get_ref(), item.span(), source)).collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, source)),
    };
    Node { value, place: Place { source, span } }
}

fn convert_table(table: &DeTable<'_>, source: usize) -> Table {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            place: Place { source, span: key.span() },
            node: convert(value.get_ref(), value.span(), source),
        })
        .collect();
    // The parser sorts by name; a scenario is told in file order.
    entries.sort_by_key(|e| e.place.span.start);
    Table { entries }
}
