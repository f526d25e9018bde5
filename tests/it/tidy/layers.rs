//! The order of modules inside `broker-model`: a module uses only what stands to its left.

use super::{Source, assert_none, sources};

/// Modules from the bottom to the top. Those of one layer do not know each other, except
/// `protocol` and `records`, which are one vocabulary in two folders.
const LAYERS: &[&[&str]] = &[
    &["types", "slab"],
    &["protocol", "records"],
    &["config", "names", "note", "rules"],
    &["io"],
    &["coordinator", "log", "metadata", "quorum", "timers"],
    &["partition"],
    &["controller", "fetch", "group", "replication", "txn"],
    &["broker"],
];
const ONE_VOCABULARY: [&str; 2] = ["protocol", "records"];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The module of a file of `broker-model`.
fn module_of(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("broker-model/src/")?;
    let first = inner.split('/').next()?;
    (first != "lib.rs").then(|| first.trim_end_matches(".rs"))
}

/// The modules that a file uses.
fn used(source: &Source) -> Vec<&str> {
    let uses = source.code().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        line.strip_prefix("use crate::")
    });
    uses.map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
    .collect()
}

fn wrong(source: &Source) -> Vec<String> {
    let Some(module) = module_of(&source.path) else { return Vec::new() };
    let Some(own) = layer(module) else {
        return vec![format!("{}: module {module} is in no layer", source.path)];
    };
    let wrong = used(source).into_iter().filter(|other| {
        let one = ONE_VOCABULARY.contains(&module) && ONE_VOCABULARY.contains(other);
        *other != module && !one && layer(other).is_none_or(|layer| layer >= own)
    });
    wrong.map(|other| format!("{}: {module} must not use {other}", source.path)).collect()
}

#[test]
fn modules_of_the_broker_model_look_to_the_left_only() {
    let all = sources();
    let files = all.iter().filter(|s| s.is_rust() && !s.is_test());
    let found: Vec<String> = files.flat_map(wrong).collect();
    assert_none("against the order of tests/it/tidy/layers.rs", &found);
}

#[test]
fn a_look_to_the_right_is_found() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let log = "broker-model/src/log/append.rs";
    assert_eq!(wrong(&source(log, "use crate::partition::Replica;\n")).len(), 1);
    assert_eq!(wrong(&source(log, "pub(crate) use crate::broker::Broker;\n")).len(), 1);
    assert_eq!(wrong(&source(log, "use crate::records::Batches;\n")).len(), 0);
    assert_eq!(wrong(&source("broker-model/src/group/mod.rs", "use crate::txn::X;\n")).len(), 1);
    assert_eq!(wrong(&source("broker-model/src/novel.rs", "")).len(), 1);
}
