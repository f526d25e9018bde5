//! The table of a measurement, as text for a document and for programs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::super::args::Format;
use super::super::console::Console;
use super::super::exit::{Exit, Failure};
use super::super::part::Part;
use super::arguments::ZooTableArgs;
use super::measure::{Measure, Runs};
use super::records::{Bias, Record, Records};
use crate::zoo::Entry;

/// Between these lines of a document the table stands.
const BEGIN: &str = "<!-- begin: assize zoo table -->";
const END: &str = "<!-- end: assize zoo table -->";

/// Prints the table, and puts it into a document if one is named.
pub(super) fn tell(
    args: &ZooTableArgs,
    entries: &[&Entry],
    records: &Records,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let rows: Vec<Row<'_>> = entries.iter().map(|entry| Row::of(entry, records)).collect();
    match args.format {
        Format::Json => rows.iter().for_each(|row| console.line(&row.json().to_string())),
        Format::Human => console.line(text(&rows).trim_end()),
    }
    match &args.write {
        None => Ok(()),
        Some(path) => replace(path, &text(&rows)),
    }
}

/// An entry with what was measured.
struct Row<'a> {
    entry: &'a Entry,
    events: Side,
    blind: Side,
}

/// What was measured in one way.
#[derive(Default)]
struct Side {
    measure: Measure,
    /// Seconds of the machine of each search, in order.
    wall_s: Vec<f64>,
    /// Faults and operations of shrunk runs, each in order.
    faults: Vec<u64>,
    operations: Vec<u64>,
    check: Option<String>,
}

impl Side {
    fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut side = Self::default();
        for record in records {
            side.measure.add(record.found, record.runs);
            side.wall_s.push(record.wall_s);
            if let Some((faults, operations)) = record.shrunk {
                side.faults.push(faults);
                side.operations.push(operations);
            }
            side.check = side.check.or_else(|| record.check.clone());
        }
        side.wall_s.sort_by(f64::total_cmp);
        side.faults.sort_unstable();
        side.operations.sort_unstable();
        side
    }

    fn found(&self) -> String {
        match self.measure.of() {
            0 => "-".to_owned(),
            of => format!("{} of {of}", self.measure.found()),
        }
    }

    fn json(&self) -> Value {
        json!({
            "found": self.measure.found(),
            "restarts": self.measure.of(),
            "runs_median": number(self.measure.percentile(50)),
            "runs_p95": number(self.measure.percentile(95)),
            "wall_s_median": middle(&self.wall_s),
            "shrunk_faults": middle(&self.faults),
            "shrunk_operations": middle(&self.operations),
            "check": self.check,
        })
    }
}

impl<'a> Row<'a> {
    fn of(entry: &'a Entry, records: &Records) -> Self {
        let side = |bias: Bias| {
            let all = records.all.values();
            Side::of(all.filter(|one| one.key.id == entry.id && one.key.bias == bias))
        };
        Self { entry, events: side(Bias::Events), blind: side(Bias::Blind) }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.entry.id,
            "kind": self.entry.kind.name(),
            "events": self.events.json(),
            "blind": self.blind.json(),
        })
    }

    fn line(&self) -> String {
        let (events, blind) = (&self.events, &self.blind);
        let wall = middle(&events.wall_s).map_or("-".to_owned(), |wall| format!("{wall:.1} s"));
        let shrunk = match (middle(&events.faults), middle(&events.operations)) {
            (Some(faults), Some(operations)) => format!("{faults}, {operations}"),
            _ => "-".to_owned(),
        };
        format!(
            "| `{}` | {} | {} | {} | {} | {wall} | {shrunk} | {} | {} | {} | {} |\n",
            self.entry.id,
            self.entry.kind.name(),
            events.found(),
            word(events.measure.percentile(50)),
            word(events.measure.percentile(95)),
            events.check.as_ref().map_or("-".to_owned(), |check| format!("`{check}`")),
            blind.found(),
            word(blind.measure.percentile(50)),
            word(blind.measure.percentile(95)),
        )
    }
}

fn text(rows: &[Row<'_>]) -> String {
    let mut text = "| entry | kind | found | runs, median | 95 % | time, median | shrunk: faults, \
                    operations | shown first by | blind: found | runs, median | 95 % |\n"
        .to_owned();
    text.push_str("|---|---|---|---|---|---|---|---|---|---|---|\n");
    rows.iter().for_each(|row| text.push_str(&row.line()));
    let whole = |side: &Side| side.measure.of() > 0 && side.measure.found() == side.measure.of();
    let events = rows.iter().filter(|row| whole(&row.events)).count();
    let blind = rows.iter().filter(|row| whole(&row.blind)).count();
    let entries = if rows.len() == 1 { "entry" } else { "entries" };
    text.push_str(&format!(
        "\n{} {entries}: {events} found by every search, {blind} by every blind one.\n",
        rows.len()
    ));
    text
}

/// The value in the middle of a sorted list, of two the lower.
fn middle<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

fn number(runs: Option<Runs>) -> Option<u64> {
    match runs {
        Some(Runs::Enough(runs)) => Some(runs),
        _ => None,
    }
}

fn word(runs: Option<Runs>) -> String {
    match runs {
        None => "-".to_owned(),
        Some(Runs::Enough(runs)) => runs.to_string(),
        Some(Runs::NotEnough(runs)) => format!("over {runs}"),
    }
}

fn refused(path: &Path, exit: Exit, why: &str) -> Failure {
    Failure::new(exit, format!("error: --write {}: {why}", path.display()))
}

/// What a document has before its table and behind it.
///
/// # Errors
/// When it cannot be read, or has no place for a table: found before the measurement, not after.
pub(super) fn around_table(path: &Path) -> Result<(String, String), Failure> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| refused(path, Exit::Usage, &error.to_string()))?;
    let marks = || refused(path, Exit::Usage, &format!("it has no lines `{BEGIN}` and `{END}`"));
    let (before, rest) = text.split_once(BEGIN).ok_or_else(marks)?;
    let (_, after) = rest.split_once(END).ok_or_else(marks)?;
    Ok((before.to_owned(), after.to_owned()))
}

/// Puts a table between the marks of a document.
fn replace(path: &Path, table: &str) -> Result<(), Failure> {
    let (before, after) = around_table(path)?;
    let text = format!("{before}{BEGIN}\n{table}{END}{after}");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| refused(path, Exit::Usage, "it is no file"))?;
    let written = Part::unique(folder.unwrap_or(Path::new(".")), name).and_then(|mut part| {
        part.fill(&text)?;
        part.replace(name)
    });
    written.map_err(|error| refused(path, Exit::Temporary, &error.to_string()))
}
