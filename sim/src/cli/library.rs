//! The scenarios that are here: a folder `scenarios` in the current folder or above it.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};

/// Where regressions go within the library.
pub(super) const REGRESSIONS: &str = "regressions";

/// The library's folder, relative when it is right here.
pub(super) fn folder() -> Option<PathBuf> {
    let here = PathBuf::from("scenarios");
    if holds_scenarios(&here) {
        return Some(here);
    }
    let current = std::env::current_dir().ok()?;
    let above = current.ancestors().skip(1).map(|folder| folder.join("scenarios"));
    above.into_iter().find(|folder| holds_scenarios(folder))
}

/// The library's folder, for a command that is nothing without it.
pub(super) fn needed() -> Result<PathBuf, Failure> {
    folder().ok_or_else(|| {
        let text =
            "error: there is no folder `scenarios` here or above; go to a checkout of assize";
        Failure::new(Exit::Usage, text)
    })
}

fn holds_scenarios(folder: &Path) -> bool {
    ["smoke", "faults", "hazards"].iter().any(|name| folder.join(name).is_dir())
}

/// Every scenario file of a library, in order of path.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(folder, 0, &mut found);
    found.sort();
    found
}

fn walk(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let named = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && depth < 3 && named != "src" {
            walk(&path, depth + 1, found);
        } else if named.ends_with(".toml") && named != "Cargo.toml" {
            found.push(path);
        }
    }
}
