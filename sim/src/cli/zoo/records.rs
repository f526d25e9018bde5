//! The folder of a measurement: a line for each search that has ended, so that a process that was
//! killed is taken up where it was.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::exit::{Exit, Failure};
use super::super::lines::{line_of, whole};

/// The file in the folder.
const NAME: &str = "zoo.jsonl";

/// What all records of a folder have in common: its first line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// Whose folder it is.
    pub(super) assize: String,
    /// The seed at which the first restart begins.
    pub(super) from: u64,
    /// Seconds after which a search gave up.
    pub(super) cap_s: f64,
}

/// Whether faults are placed at events of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Bias {
    /// Mostly, as the universes say.
    Events,
    /// Never: each has a time of its own.
    Blind,
}

/// What a search was of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Key {
    /// The entry.
    pub(super) id: String,
    /// How faults were placed.
    pub(super) bias: Bias,
    /// Which restart, from 0 on.
    pub(super) restart: u64,
}

/// A search that has ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(flatten)]
    pub(super) key: Key,
    /// What the first seeds of the entry did: other runs are another measurement.
    pub(super) fingerprint: String,
    /// Whether it was found.
    pub(super) found: bool,
    /// Runs to the first hit, else all.
    pub(super) runs: u64,
    /// Seconds of the machine.
    pub(super) wall_s: f64,
    /// The first hit.
    pub(super) seed: Option<u64>,
    /// What it showed.
    pub(super) check: Option<String>,
    /// Faults and operations of the shrunk run, where one was shrunk.
    pub(super) shrunk: Option<(u64, u64)>,
}

/// The folder of a measurement, open for more.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
    file: File,
    /// Bytes that are ours: another process may write into the folder, too.
    length: u64,
    /// All there are.
    pub(super) all: BTreeMap<Key, Record>,
}

impl Records {
    /// Opens a folder, made when it is missing. A line that a killed process left half written is
    /// cut off.
    pub(super) fn open(folder: &Path, head: &Head) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let refused = |error: std::io::Error| {
            let text = format!("error: --state {}: {error}", path.display());
            Failure::new(Exit::Temporary, text)
        };
        fs::create_dir_all(folder).map_err(refused)?;
        let opened = File::options().read(true).append(true).create(true).open(&path);
        let mut file = opened.map_err(refused)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(refused)?;
        let mut records = Self { path: path.clone(), file, length: 0, all: BTreeMap::new() };
        let text =
            std::str::from_utf8(whole(&bytes)).map_err(|_| records.foreign("it is not UTF-8"))?;
        if text.is_empty() && !line_of(head).as_bytes().starts_with(&bytes) {
            return Err(records.foreign("its first line is not that of a measurement"));
        }
        let mut lines = text.lines().enumerate();
        if let Some((_, line)) = lines.next() {
            records.compare(line, head)?;
        }
        for (number, line) in lines {
            let record: Record = serde_json::from_str(line).map_err(|_| {
                records.foreign(&format!("line {} is no record of a search", number + 1))
            })?;
            records.all.insert(record.key.clone(), record);
        }
        records.length = text.len() as u64;
        records.file.set_len(records.length).map_err(refused)?;
        if text.is_empty() {
            records.line(head)?;
        }
        Ok(records)
    }

    /// Whether the folder is of this measurement.
    fn compare(&self, line: &str, head: &Head) -> Result<(), Failure> {
        let there: Head = serde_json::from_str(line)
            .map_err(|_| self.foreign("its first line is not that of a measurement"))?;
        if there.assize != head.assize {
            return Err(
                self.foreign(&format!("it is of assize {}, this is {}", there.assize, head.assize))
            );
        }
        if there != *head {
            return Err(self.foreign(&format!(
                "it is of a measurement with --from {} --for {}s",
                there.from, there.cap_s
            )));
        }
        Ok(())
    }

    /// The refusal of a folder that this measurement does not fit into.
    pub(super) fn foreign(&self, why: &str) -> Failure {
        let text = format!(
            "error: --state {}: {why}; name another folder, nothing was changed",
            self.path.display()
        );
        Failure::new(Exit::Usage, text)
    }

    /// Adds what has ended, on the disk before anything else begins.
    pub(super) fn add(&mut self, record: Record) -> Result<(), Failure> {
        self.line(&record)?;
        self.all.insert(record.key.clone(), record);
        Ok(())
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let wrong = |why: &dyn std::fmt::Display| {
            let text = format!("error: --state {}: {why}", self.path.display());
            Failure::new(Exit::Temporary, text)
        };
        if self.file.metadata().map_err(|error| wrong(&error))?.len() != self.length {
            return Err(wrong(&"another process writes into it"));
        }
        let line = line_of(value);
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| wrong(&error))?;
        self.length += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Bias, Head, Key, NAME, Record, Records};
    use crate::cli::scratch::Scratch;

    fn head(version: &str, cap_s: f64) -> Head {
        Head { assize: version.to_owned(), from: 0, cap_s }
    }

    fn record(restart: u64) -> Record {
        Record {
            key: Key { id: "a".to_owned(), bias: Bias::Events, restart },
            fingerprint: "f".to_owned(),
            found: true,
            runs: 7,
            wall_s: 0.5,
            seed: Some(6),
            check: Some("duplicate".to_owned()),
            shrunk: None,
        }
    }

    #[test]
    fn what_was_done_is_there_again_and_half_a_line_is_not() {
        let scratch = Scratch::new("zoo-again");
        let folder = scratch.join("new");
        let mut records = Records::open(&folder, &head("1", 60.0)).expect("a new folder");
        records.add(record(0)).expect("written");
        records.add(record(1)).expect("written");
        drop(records);
        let path = folder.join(NAME);
        let text = fs::read_to_string(&path).expect("there");
        for cut in 1..text.lines().last().map_or(0, str::len) {
            fs::write(&path, &text[..text.len() - cut]).expect("written");
            let records = Records::open(&folder, &head("1", 60.0)).expect("it is taken up");
            assert_eq!(records.all.len(), 1, "{cut} bytes are missing");
            assert_eq!(records.all.values().next(), Some(&record(0)));
        }
        let mut records = Records::open(&folder, &head("1", 60.0)).expect("it is taken up");
        records.add(record(1)).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), text);
    }

    #[test]
    fn a_folder_of_another_measurement_is_left_alone() {
        let folder = Scratch::new("zoo-foreign");
        drop(Records::open(&folder, &head("1", 60.0)).expect("a new folder"));
        let path = folder.join(NAME);
        let text = fs::read_to_string(&path).expect("there");
        for other in [head("2", 60.0), head("1", 30.0)] {
            let refused = Records::open(&folder, &other).expect_err("it is of another");
            assert_eq!(refused.exit.code(), 64);
            assert!(refused.text.contains("nothing was changed"), "{}", refused.text);
        }
        fs::write(&path, format!("{text}{{}}\n")).expect("written");
        assert!(Records::open(&folder, &head("1", 60.0)).is_err());
        fs::write(&path, "something else\n").expect("written");
        assert!(Records::open(&folder, &head("1", 60.0)).is_err());
        assert_eq!(fs::read_to_string(&path).expect("there"), "something else\n");
    }

    #[test]
    fn a_second_process_and_foreign_text_lose_nothing() {
        let scratch = Scratch::new("zoo-second");
        let folder = scratch.join("both");
        let mut first = Records::open(&folder, &head("1", 60.0)).expect("a new folder");
        let mut second = Records::open(&folder, &head("1", 60.0)).expect("there by now");
        first.add(record(0)).expect("written");
        let refused = second.add(record(1)).expect_err("somebody else has written");
        assert!(refused.text.contains("another process writes into it"), "{}", refused.text);
        first.add(record(1)).expect("written");
        let foreign = scratch.join("foreign");
        fs::create_dir_all(&foreign).expect("ours");
        fs::write(foreign.join(NAME), "my only notes").expect("ours");
        Records::open(&foreign, &head("1", 60.0)).expect_err("no line end, and no head");
        let kept = fs::read_to_string(foreign.join(NAME)).expect("it is there");
        assert_eq!(kept, "my only notes");
        fs::write(foreign.join(NAME), "{\"assize\":").expect("ours");
        Records::open(&foreign, &head("1", 60.0))
            .expect("the beginning of a head that was cut off");
    }
}
