//! What is kept of each search, so that it goes on where it was stopped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Hunt, Mutant};

/// Seconds after which a mutant counts as one that survives.
pub const FULL: u64 = 120;

/// What came of the search for a mutant. Fields are in the order in which they are written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The mutant.
    pub id: String,
    /// What it did then ([`Mutant::digest`]).
    pub change: String,
    /// What the product did then ([`super::Hunter::check`]).
    pub product: String,
    /// Whether it was found.
    pub killed: bool,
    /// By what.
    pub by: Option<String>,
    /// In which scenario file.
    pub file: Option<String>,
    /// Under which seed.
    pub seed: Option<u64>,
    /// In how many runs, of all files.
    pub runs: u64,
    /// In how many seconds by the clock on the wall, in tenths.
    pub seconds: f64,
    /// How many seconds there were.
    pub cap: u64,
}

impl Record {
    /// Of a search that had so many seconds.
    #[must_use]
    pub fn of(mutant: &Mutant, product: &str, hunt: Hunt, cap: u64) -> Self {
        let found = hunt.found.as_ref();
        Self {
            id: mutant.id.clone(),
            change: mutant.digest(),
            product: product.to_owned(),
            killed: found.is_some(),
            by: found.map(|found| found.by.clone()),
            file: found.map(|found| found.file.clone()),
            seed: found.map(|found| found.seed),
            runs: hunt.runs,
            seconds: (hunt.seconds * 10.0).round() / 10.0,
            cap,
        }
    }

    /// Whether it says what a search for the mutant as it is now would say, in the product as it
    /// is now.
    #[must_use]
    pub fn holds(&self, mutant: &Mutant, product: &str, cap: u64) -> bool {
        let same = self.change == mutant.digest() && self.product == product;
        same && (self.killed || self.cap >= cap)
    }
}

fn path(root: &Path) -> PathBuf {
    root.join("tests/mutants/records.jsonl")
}

/// All there are, by id.
///
/// # Errors
/// When the file cannot be read, or a line is not a record.
pub fn read(root: &Path) -> Result<BTreeMap<String, Record>, String> {
    let text = match std::fs::read_to_string(path(root)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        // Taken for empty, it would be written anew with one record.
        Err(error) => return Err(format!("{}: {error}", path(root).display())),
    };
    let record = |line| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"));
    let records: Result<Vec<Record>, _> = text.lines().map(record).collect();
    Ok(records?.into_iter().map(|record| (record.id.clone(), record)).collect())
}

/// Keeps one more, in the place of what was there of its mutant.
///
/// # Errors
/// When it cannot be written.
pub fn add(root: &Path, record: Record) -> Result<(), String> {
    let mut all = read(root)?;
    all.insert(record.id.clone(), record);
    let mut text = String::new();
    for record in all.values() {
        let line = serde_json::to_string(record).map_err(|error| error.to_string())?;
        let _ = writeln!(text, "{line}");
    }
    std::fs::write(path(root), text).map_err(|error| error.to_string())
}
