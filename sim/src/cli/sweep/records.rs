//! The records of a sweep: a head that says what was asked, and a line for each run, in order.
//!
//! They are only ever written behind what is there ([`lines`]). What the clock on the wall says is
//! in a file of its own.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::asked::Asked;
use super::record::Record;
use crate::cli::exit::{Exit, Failure};
use crate::cli::folder::Folder;
use crate::cli::lines::{self, line_of};
use crate::cli::part::Part;

/// The file with the records.
pub(in crate::cli) const RECORDS: &str = "records.jsonl";
/// The file with what the clock on the wall says of each run.
const TIMES: &str = "times.jsonl";

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    sweep: Asked,
}

/// Records as they were read.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Records {
    /// What was asked.
    pub(in crate::cli) asked: Asked,
    /// The runs of its shard, in order; without a gap but where shards were merged that only the
    /// time ended.
    pub(in crate::cli) runs: Vec<Record>,
    /// Bytes of the lines that are whole.
    length: u64,
}

impl Records {
    /// Reads the records of a folder; none when there are none.
    ///
    /// # Errors
    /// When they cannot be read, are damaged, or are no records of this version.
    pub(in crate::cli) fn read(folder: &Path) -> Result<Option<Self>, Failure> {
        let path = folder.join(RECORDS);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(wrong(&path, &format!("cannot be read: {error}")));
            }
        };
        let whole = lines::whole(&bytes);
        let text = std::str::from_utf8(whole)
            .map_err(|_| wrong(&path, "is not UTF-8: it is damaged, or no records of a sweep"))?;
        let mut told = text.lines();
        let asked = head(told.next().unwrap_or_default()).map_err(|why| wrong(&path, &why))?;
        let mut runs = Vec::new();
        for line in told {
            let run = record(&asked, &runs, line).map_err(|why| {
                wrong(&path, &format!("is damaged: line {} {why}", runs.len() + 2))
            })?;
            runs.push(run);
        }
        Ok(Some(Self { asked, runs, length: whole.len() as u64 }))
    }

    /// Whether runs are missing between those that are there: shards did not come equally far.
    pub(super) fn has_gaps(&self) -> bool {
        let count = self.runs.len() as u64;
        self.runs.last().is_some_and(|last| last.run >= self.asked.number(count))
    }

    /// Whether every run that was asked for is there; always when only the time ends the sweep.
    pub(in crate::cli) fn is_complete(&self) -> bool {
        self.asked.for_ms.is_some() || Some(self.runs.len() as u64) == self.asked.own()
    }
}

/// What was asked, from the first line.
fn head(line: &str) -> Result<Asked, String> {
    let no_head = "does not begin as the records of a sweep do";
    let value: Value = serde_json::from_str(line).map_err(|_| no_head.to_owned())?;
    let version = value["sweep"]["version"].as_str().ok_or(no_head)?;
    let own = env!("CARGO_PKG_VERSION");
    if version != own {
        return Err(format!(
            "is from assize {version}, this is {own}: the same seeds may give other runs"
        ));
    }
    let Head { sweep } = serde_json::from_value(value).map_err(|_| no_head.to_owned())?;
    if sweep.is_sound() { Ok(sweep) } else { Err(no_head.to_owned()) }
}

/// A run, which must be the next one; where only the time ends the sweep, one that comes later.
fn record(asked: &Asked, before: &[Record], line: &str) -> Result<Record, String> {
    let record: Record =
        serde_json::from_str(line).map_err(|_| "is no record of a run".to_owned())?;
    let next = asked.number(before.len() as u64);
    let later = || before.last().is_none_or(|last| record.run > last.run);
    if record.run != next && (asked.for_ms.is_none() || !later()) {
        return Err(format!("has run {}, and run {next} should be there", record.run));
    }
    if !asked.has(record.run) {
        return Err(format!("has run {}, which was not asked for", record.run));
    }
    let place = asked.place(record.run);
    let file = &asked.files[place.scene].file;
    let same_seed = asked.guided || record.seed == place.seed;
    if record.file != *file || !same_seed {
        return Err(format!(
            "has seed {} of {}, and seed {} of {file} should be there",
            record.seed, record.file, place.seed
        ));
    }
    if (!asked.guided && !record.mutations.is_empty()) || record.news.is_some() != asked.coverage {
        return Err("is no record of such a sweep".to_owned());
    }
    Ok(record)
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::Scenario, format!("error: {} {why}", path.display()))
}

/// The end of the records, where the next run goes.
#[derive(Debug)]
pub(in crate::cli) struct Writer {
    path: PathBuf,
    records: File,
    /// Bytes that are there.
    length: u64,
    times: File,
    /// Seconds that the sweep took before this process.
    before_s: f64,
}

impl Writer {
    /// Begins the records of a folder that has none.
    ///
    /// # Errors
    /// When it has some, or cannot be written.
    pub(in crate::cli) fn begin(folder: &Folder, asked: &Asked) -> Result<Self, Failure> {
        let path = folder.path().join(RECORDS);
        let head = line_of(&Head { sweep: asked.clone() });
        create(folder, &head)?;
        Self::open(path, head.len() as u64)
    }

    /// Goes on behind records that were read; a piece of a line is taken away.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(in crate::cli) fn resume(folder: &Path, records: &Records) -> Result<Self, Failure> {
        let path = folder.join(RECORDS);
        let cut = File::options().write(true).open(&path);
        cut.and_then(|file| file.set_len(records.length))
            .map_err(|error| refused(&path, &error))?;
        Self::open(path, records.length)
    }

    fn open(path: PathBuf, length: u64) -> Result<Self, Failure> {
        let times_path = path.with_file_name(TIMES);
        let before_s = cut_times(&times_path).map_err(|error| refused(&times_path, &error))?;
        let append = |path: &Path| {
            let opened = File::options().append(true).create(true).open(path);
            opened.map_err(|error| refused(path, &error))
        };
        let (records, times) = (append(&path)?, append(&times_path)?);
        Ok(Self { path, records, length, times, before_s })
    }

    /// Seconds that the sweep took before this process.
    pub(in crate::cli) const fn before_s(&self) -> f64 {
        self.before_s
    }

    /// Writes a run and, behind that, its times: seconds of its own, and of this process so far.
    ///
    /// # Errors
    /// When the folder cannot be written, or another process writes into it.
    pub(in crate::cli) fn add(
        &mut self,
        record: &Record,
        wall_s: f64,
        so_far_s: f64,
    ) -> Result<(), Failure> {
        let there = self.records.metadata().map_err(|error| refused(&self.path, &error))?.len();
        if there != self.length {
            let text = format!("error: {}: another process writes into it", self.path.display());
            return Err(Failure::new(Exit::Temporary, text));
        }
        let line = line_of(record);
        self.records.write_all(line.as_bytes()).map_err(|error| refused(&self.path, &error))?;
        self.length += line.len() as u64;
        let thousandths = |seconds: f64| (seconds * 1e3).round() / 1e3;
        let elapsed_s = thousandths(self.before_s + so_far_s);
        let wall_s = thousandths(wall_s);
        let times = json!({"run": record.run, "wall_s": wall_s, "elapsed_s": elapsed_s});
        let written = self.times.write_all(format!("{times}\n").as_bytes());
        written.map_err(|error| refused(&self.path.with_file_name(TIMES), &error))
    }
}

/// Takes a piece of a line from the end of the times, and gives the seconds of the last whole
/// line. Nothing rests on these times but where a sweep of a given time ends.
fn cut_times(path: &Path) -> std::io::Result<f64> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0.0),
        Err(error) => return Err(error),
    };
    let whole = lines::whole(&bytes);
    if whole.len() < bytes.len() {
        File::options().write(true).open(path)?.set_len(whole.len() as u64)?;
    }
    let last = whole.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
    let last: Option<Value> = last.and_then(|line| serde_json::from_slice(line).ok());
    Ok(last.and_then(|value| value["elapsed_s"].as_f64()).unwrap_or(0.0))
}

/// Writes the records of a whole sweep at once, into a folder that has none.
///
/// # Errors
/// When it has some, or cannot be written.
pub(in crate::cli) fn write_all(
    folder: &Folder,
    asked: &Asked,
    runs: &[Record],
    times: &str,
) -> Result<(), Failure> {
    let mut text = line_of(&Head { sweep: asked.clone() });
    for run in runs {
        text.push_str(&line_of(run));
    }
    create(folder, &text)?;
    folder.write(TIMES, times)
}

/// Writes the records of a folder that has none, all of the text or nothing.
fn create(folder: &Folder, text: &str) -> Result<(), Failure> {
    let made = Part::unique(folder.path(), RECORDS).and_then(|mut part| {
        part.fill(text)?;
        part.create(RECORDS)
    });
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let folder = folder.path().display();
            let text = format!(
                "error: --out {folder}: there are records of a sweep already: name another \
                 folder, or go on with `assize sweep --resume {folder}`"
            );
            Err(Failure::new(Exit::Usage, text))
        }
        made => made.map_err(|error| refused(&folder.path().join(RECORDS), &error)),
    }
}

/// The lines of the times of a folder by the number of the run; whatever is no such line is left
/// out.
pub(in crate::cli) fn times_of(folder: &Path) -> Vec<(u64, String)> {
    let text = std::fs::read_to_string(folder.join(TIMES)).unwrap_or_default();
    let run = |line: &str| serde_json::from_str::<Value>(line).ok()?["run"].as_u64();
    text.lines().filter_map(|line| Some((run(line)?, line.to_owned()))).collect()
}

fn refused(path: &Path, error: &std::io::Error) -> Failure {
    let text = format!("error: {}: cannot write it: {error}", path.display());
    Failure::new(Exit::Temporary, text)
}
