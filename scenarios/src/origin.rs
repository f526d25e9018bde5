//! Where each value of a scenario came from, for reports.

use crate::assemble::{Loader, assemble};
use crate::decoder::Decoder;
use crate::diagnostic::line_and_column;
use crate::tree::{Node, SourceKind, Sources, Value};

/// A value that a file or a flag gives. Everything else has its default.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The path of keys, with dots; entries of arrays count from 1.
    pub path: String,
    /// The value as TOML.
    pub value: String,
    /// The file's own line, or the base file with its line, or the flag: `line 12`,
    /// `base.toml line 3`, `--set`.
    pub origin: String,
}

/// Every value that is given, in file order. Empty when the text cannot be parsed.
#[must_use]
pub fn origins(text: &str, overrides: &[(String, String)], loader: &Loader<'_>) -> Vec<Origin> {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    if let Some(root) = assemble(&mut decoder, text, overrides, loader) {
        walk(&decoder.sources, &root, "", &mut out);
    }
    out
}

fn walk(sources: &Sources, node: &Node, path: &str, out: &mut Vec<Origin>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match &node.value {
        Value::Table(table) => {
            for entry in &table.entries {
                let key = &entry.key;
                let key = if key.contains('.') { format!("{key:?}") } else { key.clone() };
                walk(sources, &entry.node, &below(&key), out);
            }
        }
        Value::Array(items) if items.iter().any(|i| matches!(i.value, Value::Table(_))) => {
            for (i, item) in items.iter().enumerate() {
                walk(sources, item, &below(&(i + 1).to_string()), out);
            }
        }
        _ => {
            let source = &sources.all[node.place.source];
            let (line, _) = line_and_column(&source.text, node.place.span.start);
            let origin = match source.kind {
                SourceKind::File => format!("line {line}"),
                SourceKind::Base => format!("{} line {line}", source.name),
                SourceKind::Flag => "--set".to_owned(),
            };
            let value = source.text.get(node.place.span.clone()).unwrap_or_default().to_owned();
            out.push(Origin { path: path.to_owned(), value, origin });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::origins;

    #[test]
    fn values_name_file_base_or_flag() {
        let loader = |_: &str| Ok("[cluster]\nbrokers = 3\nracks = [\"a\"]".to_owned());
        let text = "extends = \"b.toml\"\n[cluster]\nbrokers = 5\n[[fault]]\nat = \"1s\"";
        let flag = ("topic.t.config.min.insync.replicas".to_owned(), "2".to_owned());
        let told: Vec<String> = origins(&format!("{text}\n[topic.t]"), &[flag], &loader)
            .into_iter()
            .map(|o| format!("{} = {} ({})", o.path, o.value, o.origin))
            .collect();
        assert_eq!(
            told,
            [
                "cluster.brokers = 5 (line 3)",
                "cluster.racks = [\"a\"] (b.toml line 3)",
                "extends = \"b.toml\" (line 1)",
                "fault.1.at = \"1s\" (line 5)",
                "topic.t.config.\"min.insync.replicas\" = 2 (--set)",
            ]
        );
    }
}
