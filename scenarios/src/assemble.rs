//! Puts a scenario's tree together: the file, its bases, the flags.

use crate::decoder::{Decoder, Problem};
use crate::diagnostic::{Diagnostic, listed, nearest};
use crate::tree::{self, DIAGNOSTICS_MAX, Entry, Node, Place, SIZE_MAX, SourceKind, Table, Value};

/// Bases of bases.
const EXTENDS_MAX: usize = 8;

/// Gives the text of a base file by the path that `extends` names, relative to the scenario
/// file; an error is a sentence.
pub type Loader<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// Checks raw bytes before they are parsed: size and encoding.
///
/// # Errors
/// One diagnostic without labels, because there is no text to point into.
pub fn text_of(bytes: &[u8]) -> Result<&str, Vec<Diagnostic>> {
    if bytes.len() > SIZE_MAX {
        return Err(vec![too_large(bytes.len())]);
    }
    std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        let message = format!("the file is not UTF-8: byte {} on line {line}", e.valid_up_to());
        vec![Diagnostic::new("scenario::encoding", message).with_help("save it as UTF-8 text")]
    })
}

fn too_large(size: usize) -> Diagnostic {
    Diagnostic::new(
        "scenario::too-large",
        format!("the file has {size} bytes, more than the limit of {SIZE_MAX}"),
    )
    .with_help("scenarios are small; a generated one wants fewer, larger entries")
}

/// The tree of a file with bases and flags. None when it could not be parsed.
pub(crate) fn assemble(
    decoder: &mut Decoder,
    text: &str,
    overrides: &[(String, String)],
    loader: &Loader<'_>,
) -> Option<Node> {
    let source = decoder.sources.add(SourceKind::File, "scenario", text);
    let mut chain = Vec::new();
    let mut root = parse(decoder, text, source)?;
    extend(decoder, &mut root, "", loader, &mut chain)?;
    for (path, value) in overrides {
        if path == "extends" {
            let source = decoder.sources.add(SourceKind::Flag, "--set", path);
            decoder.raise(
                Problem::new("scenario::flag", "the bases of a file are merged before flags are")
                    .at(&Place { source, span: 0..path.len() }, "the path")
                    .help("write `extends` into the file, or into a new one that builds on it"),
            );
            continue;
        }
        apply(decoder, &mut root, path, value);
    }
    Some(root)
}

fn parse(decoder: &mut Decoder, text: &str, source: usize) -> Option<Node> {
    let whole = Place { source, span: 0..0 };
    if text.len() > SIZE_MAX {
        let told = too_large(text.len());
        let mut problem = Problem::new(told.code, told.message).at(&whole, "this file");
        if let Some(help) = told.help {
            problem = problem.help(help);
        }
        decoder.raise(problem);
        return None;
    }
    match tree::parse_table(text, source) {
        Ok(root) => Some(root),
        Err(errors) => {
            for (place, message) in errors.into_iter().take(DIAGNOSTICS_MAX) {
                let deep = message.contains("recurs");
                let problem = if deep {
                    Problem::new("scenario::too-deep", "tables and arrays are nested too deeply")
                        .help("a scenario needs four levels at most")
                } else {
                    Problem::new("scenario::syntax", format!("not valid TOML: {message}"))
                };
                decoder.raise(problem.at(&place, "here"));
            }
            None
        }
    }
}

/// Merges the bases below a tree.
fn extend(
    decoder: &mut Decoder,
    root: &mut Node,
    folder: &str,
    loader: &Loader<'_>,
    chain: &mut Vec<String>,
) -> Option<()> {
    let Value::Table(table) = &root.value else { return Some(()) };
    let Some(node) = table.get("extends") else { return Some(()) };
    let place = node.place.clone();
    let Value::Text(name) = &node.value else {
        decoder.wrong("extends", &place, crate::values::kind("a file name in quotes", &node.value));
        return None;
    };
    let path = format!("{folder}{name}");
    if chain.contains(&path) || chain.len() >= EXTENDS_MAX {
        let why = if chain.contains(&path) { "builds on itself" } else { "has too many bases" };
        decoder.raise(
            Problem::new("scenario::extends", format!("the scenario {why}: `{path}`"))
                .at(&place, "here"),
        );
        return None;
    }
    let text = match loader(&path) {
        Ok(text) => text,
        Err(reason) => {
            decoder.raise(
                Problem::new("scenario::extends", format!("cannot read `{path}`: {reason}"))
                    .at(&place, "named here")
                    .help("the path is relative to the file that says `extends`"),
            );
            return None;
        }
    };
    let source = decoder.sources.add(SourceKind::Base, &path, &text);
    let mut base = parse(decoder, &text, source)?;
    let base_folder = path.rfind('/').map_or("", |i| &path[..=i]).to_owned();
    chain.push(path);
    extend(decoder, &mut base, &base_folder, loader, chain)?;
    let own = std::mem::replace(root, base);
    merge(root, own, 0);
    Some(())
}

/// Lays one tree over another. The first three levels are tables of the language and merge key
/// by key (`service.NAME.producer`); below them, and for everything that is no table, the upper
/// one wins.
fn merge(under: &mut Node, over: Node, depth: usize) {
    let both_tables = matches!((&under.value, &over.value), (Value::Table(_), Value::Table(_)));
    if !both_tables || depth > 3 {
        *under = over;
        return;
    }
    under.place = over.place.clone();
    let (Value::Table(under), Value::Table(over)) = (&mut under.value, over.value) else { return };
    for entry in over.entries {
        let whole = matches!(entry.key.as_str(), "arrivals" | "time");
        match under.entry_mut(&entry.key) {
            Some(existing) if !whole => merge(&mut existing.node, entry.node, depth + 1),
            Some(existing) => existing.node = entry.node,
            None => under.entries.push(entry),
        }
    }
}

/// Sets one `path=value`.
fn apply(decoder: &mut Decoder, root: &mut Node, path: &str, value: &str) {
    let flag = format!("{path}={value}");
    let source = decoder.sources.add(SourceKind::Flag, "--set", &flag);
    let place = Place { source, span: 0..path.len() };
    let too_large = flag.len() > SIZE_MAX / 16;
    let Some(segments) = segments(path).filter(|_| !too_large) else {
        decoder.raise(
            Problem::new("scenario::flag", "this is no path of a scenario")
                .at(&place, "the path")
                .help("like --set load.checkout.arrivals.rate=100/s"),
        );
        return;
    };
    let at = path.len() + 1;
    let node = tree::parse_value(value, source, at).unwrap_or_else(|| Node {
        value: Value::Text(value.to_owned()),
        place: Place { source, span: at..flag.len() },
    });
    if let Err(problem) = set(root, &segments, node, &place, &mut Vec::new()) {
        decoder.raise(problem);
    }
}

/// Splits a path at its dots; quotes keep dots together; below tables of Kafka's keys and of
/// gates everything is one key.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let mut rest = path;
    loop {
        let joined = match out.len() {
            1 => out[0] == "gate",
            2 => out[0] == "cluster" && matches!(out[1].as_str(), "config" | "admin"),
            3 => matches!(out[2].as_str(), "config" | "producer" | "consumer"),
            _ => false,
        };
        if let Some(quoted) = rest.strip_prefix('"') {
            let (segment, behind) = quoted.split_once('"')?;
            out.push(segment.to_owned());
            match behind.strip_prefix('.') {
                Some(next) => rest = next,
                None if behind.is_empty() => return Some(out),
                None => return None,
            }
            continue;
        }
        let (segment, next) = match rest.split_once('.') {
            Some((segment, next)) if !joined => (segment, Some(next)),
            _ => (rest, None),
        };
        if segment.is_empty() || out.len() > 8 {
            return None;
        }
        out.push(segment.to_owned());
        match next {
            Some(next) => rest = next,
            None => return Some(out),
        }
    }
}

fn set(
    node: &mut Node,
    path: &[String],
    value: Node,
    flag: &Place,
    walked: &mut Vec<String>,
) -> Result<(), Problem> {
    let Some((first, rest)) = path.split_first() else {
        *node = value;
        return Ok(());
    };
    let table = match &mut node.value {
        Value::Table(table) => table,
        Value::Array(items) => {
            // Counted from one, as messages count.
            let count = items.len();
            let index = first.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            walked.push(first.clone());
            if index == Some(count) && rest.is_empty() {
                items.push(value);
                return Ok(());
            }
            return match index.and_then(|i| items.get_mut(i)) {
                Some(item) => set(item, rest, value, flag, walked),
                None => Err(Problem::new(
                    "scenario::flag",
                    format!("`{}` is none of the {count} entries", walked.join(".")),
                )
                .at(flag, "the path")
                .help("entries are counted from 1, like fault.1.at")),
            };
        }
        _ => {
            return Err(Problem::new(
                "scenario::flag",
                format!("`{}` is a value, nothing is below it", walked.join(".")),
            )
            .at(flag, "the path"));
        }
    };
    if let Some(problem) = unknown_name(table, first, rest, walked) {
        return Err(problem.at(flag, "the path"));
    }
    walked.push(first.clone());
    if table.entry_mut(first).is_none() {
        let none = match first.as_str() {
            "fault" => Value::Array(Vec::new()),
            _ => Value::Table(Table::default()),
        };
        let node = Node { value: none, place: flag.clone() };
        table.entries.push(Entry { key: first.clone(), place: flag.clone(), node });
    }
    let entry = table.entry_mut(first).expect("it was there or was pushed");
    set(&mut entry.node, rest, value, flag, walked)
}

/// A flag changes named things, it does not make new ones; a whole fault it may add.
fn unknown_name(table: &Table, name: &str, rest: &[String], walked: &[String]) -> Option<Problem> {
    if rest.is_empty() || table.get(name).is_some() {
        return None;
    }
    let known = || table.entries.iter().map(|e| e.key.as_str());
    match walked {
        [] if name == "fault" && *rest != ["1"] => {
            Some(Problem::new("scenario::flag", "the scenario has no faults"))
        }
        [what] if matches!(what.as_str(), "topic" | "service" | "load") => {
            let help = match nearest(name, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", listed(known())),
            };
            let message = format!("there is no {what} `{name}`");
            Some(Problem::new("scenario::flag", message).help(help))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::segments;

    #[test]
    fn paths_are_split_at_dots_but_not_inside_kafka_keys() {
        let split = |path: &str| segments(path).map(|s| s.join("|"));
        assert_eq!(split("scenario.duration").as_deref(), Some("scenario|duration"));
        assert_eq!(
            split("service.order.producer.linger.ms").as_deref(),
            Some("service|order|producer|linger.ms")
        );
        assert_eq!(
            split("cluster.config.\"min.insync.replicas\"").as_deref(),
            Some("cluster|config|min.insync.replicas")
        );
        assert_eq!(split("gate.p99.9(produce)").as_deref(), Some("gate|p99.9(produce)"));
        for bad in ["", ".", "a..b", "a.", "\"", "\"a\"b"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}
