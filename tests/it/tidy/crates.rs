//! Which package may depend on which, and what must stay out of the broker model.

use super::{assert_none, read, root, sources};

/// Packages and what each may depend on. A new line here needs a reason in CONTRIBUTING.md.
const ALLOWED: &[(&str, &[&str])] = &[
    ("broker-model", &["hashbrown", "regex", "thiserror"]),
    ("scenarios", &["serde", "strsim", "thiserror", "toml"]),
    (
        "reports",
        &["hdrhistogram", "maud", "plotters", "quick-junit", "serde", "serde_json", "thiserror"],
    ),
    (
        "sim",
        &[
            "broker-model",
            "clap",
            "ctrlc",
            "indicatif",
            "libm",
            "madsim",
            "miette",
            "rand_chacha",
            "rayon",
            "reports",
            "scenarios",
            "serde",
            "serde_json",
            "thiserror",
            "toml",
        ],
    ),
];

/// The names in the `[dependencies]` tables of a manifest, those of a target included.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            inside = table == "dependencies]" || table.ends_with(".dependencies]");
        } else if inside && let Some((name, _)) = line.split_once('=') {
            names.push(name.trim().trim_end_matches(".workspace"));
        }
    }
    names
}

#[test]
fn packages_depend_on_what_they_may() {
    let mut wrong = Vec::new();
    for (package, allowed) in ALLOWED {
        let manifest = read(&format!("{package}/Cargo.toml"));
        let names = dependencies(&manifest);
        assert!(!names.is_empty(), "{package} has a table of dependencies");
        let others = names.into_iter().filter(|name| !allowed.contains(name));
        wrong.extend(others.map(|name| format!("{package} must not depend on {name}")));
    }
    assert_none("the rules of crates are in ARCHITECTURE.md", &wrong);
}

#[test]
fn the_rules_cover_every_package() {
    for entry in std::fs::read_dir(root()).expect("the root can be listed") {
        let path = entry.expect("readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.join("Cargo.toml").exists() && name != "tests" {
            assert!(ALLOWED.iter().any(|(package, _)| *package == name), "{name} has no rule");
        }
    }
}

#[test]
fn a_foreign_dependency_is_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nserde = \"1\"\nlog.workspace = true\n\
                    [target.'cfg(madsim)'.dependencies]\nmadsim = \"0\"\n[dev-dependencies]\nrand = \"0\"\n";
    assert_eq!(dependencies(manifest), ["serde", "log", "madsim"]);
}

/// Stands in for a build for a target without std where none is installed.
#[test]
fn the_broker_model_has_neither_std_nor_serde() {
    let lib = read("broker-model/src/lib.rs");
    assert!(lib.lines().any(|line| line == "#![no_std]"), "broker-model is #![no_std]");
    let all = sources();
    let inside = all.iter().filter(|s| s.path.starts_with("broker-model/src/") && !s.is_test());
    let mut found = Vec::new();
    for source in inside.filter(|s| s.is_rust()) {
        for line in source.code().map(str::trim).filter(|line| !line.starts_with("//")) {
            let std = line.contains("std::") || line.contains("extern crate std");
            if std || line.contains("serde") {
                found.push(format!("{}: {line}", source.path));
            }
        }
    }
    assert_none("neither std nor serde in the broker model", &found);
}
