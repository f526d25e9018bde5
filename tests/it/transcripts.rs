//! Recordings of the real Java client: the model must give the same replies.

use std::fs;
use std::path::{Path, PathBuf};

use assize::dialogue;

fn recordings(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialogues").join(folder);
    let entries = fs::read_dir(&folder).expect("the folder of recordings exists");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("recordings can be listed").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ext| ext == "txt"));
    files.sort();
    files
}

/// The first line that differs, with the lines before it.
fn difference(recorded: &str, replied: &str) -> Option<String> {
    let (mut a, mut b) = (recorded.lines(), replied.lines());
    let mut context: Vec<&str> = Vec::new();
    loop {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (x, y) if x == y => context.extend(x),
            (x, y) => {
                let shown = context.len().saturating_sub(12);
                let before = context[shown..].join("\n");
                return Some(format!("{before}\nrecorded: {x:?}\nmodel:    {y:?}"));
            }
        }
    }
}

fn check(folder: &str, expected: usize) {
    let files = recordings(folder);
    assert!(files.len() >= expected, "recordings of {folder} are missing");
    let mut failures = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let recorded = fs::read_to_string(&file).expect("recordings are readable");
        let failure = match dialogue::run(&recorded) {
            Ok(replied) => difference(&recorded, &replied),
            Err(error) => Some(error.to_string()),
        };
        if let Some(failure) = failure {
            failures.push(format!("== {name}\n{failure}\n"));
        }
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn producer_replies_as_recorded() {
    check("client/producer", 63);
}

#[test]
fn consumer_replies_as_recorded() {
    check("client/consumer", 30);
}
