//! Rules about the source text that no compiler checks.

mod crates;
mod documents;
mod layers;
mod size;
mod words;

use std::path::Path;

use assize_tests::root;

/// A text file of the repository.
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    text: String,
}

impl Source {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the whole file is test or bench code.
    pub(crate) fn is_test(&self) -> bool {
        let folder = |name: &str| self.path.split('/').any(|part| part == name);
        folder("tests") || folder("benches") || self.path.ends_with("/tests.rs")
    }

    /// The lines before the first test module.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        let test = self.is_test();
        self.text.lines().take_while(move |line| test || !line.starts_with("#[cfg(test)]"))
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every text file that is written by hand, in order of path.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "the repository is more than {} files", found.len());
    found
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("folders of the repository can be listed") {
        let path = entry.expect("entries can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "out", ".git"].contains(&name.as_str()) {
                walk(&path, found);
            }
            continue;
        }
        let text =
            [".rs", ".md", ".toml", ".css", ".js", "run"].iter().any(|end| name.ends_with(end));
        if text && let Ok(text) = std::fs::read_to_string(&path) {
            let relative = path.strip_prefix(root()).expect("found below the root");
            let path = relative.to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}
