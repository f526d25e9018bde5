//! The tables of `docs/mutants.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{FULL, Mutant, Record};

const PAGE: &str = "docs/mutants.md";
const BEGIN: &str = "<!-- written by the command above -->\n";
const END: &str = "<!-- up to here -->";

/// Writes what is on record of this product into the page.
///
/// # Errors
/// When the page cannot be read or written, or has no place for it.
pub fn write(
    root: &Path,
    mutants: &[Mutant],
    records: &BTreeMap<String, Record>,
    product: &str,
) -> Result<(), String> {
    let path = root.join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{PAGE}: {error}"))?;
    let place = page.split_once(BEGIN).zip(page.split_once(END));
    let Some(((before, _), (_, after))) = place else {
        return Err(format!("{PAGE}: it has no place for the table"));
    };
    let text = format!("{before}{BEGIN}{}{END}{after}", tables(mutants, records, product));
    std::fs::write(&path, text).map_err(|error| format!("{PAGE}: {error}"))
}

/// Numbers, those that were killed, and those that were not.
fn tables(mutants: &[Mutant], records: &BTreeMap<String, Record>, product: &str) -> String {
    let measured = |mutant: &Mutant| {
        let record = records.get(&mutant.id).filter(|record| record.holds(mutant, product, 0));
        record.map(|record| (mutant.clone(), record.clone()))
    };
    let measured: Vec<(Mutant, Record)> = mutants.iter().filter_map(measured).collect();
    let (killed, alive): (Vec<_>, Vec<_>) = measured.iter().partition(|(_, record)| record.killed);
    let mut text = String::from("\n");
    let percent = killed.len() * 100 / mutants.len().max(1);
    let _ = writeln!(
        text,
        "**{} of {} mutants killed ({percent} %)**, {} of them in the first 100 runs and {} after \
         the first 1,000.\n",
        killed.len(),
        mutants.len(),
        killed.iter().filter(|(_, record)| record.runs <= 100).count(),
        killed.iter().filter(|(_, record)| record.runs > 1_000).count(),
    );
    let same = alive.iter().filter(|(mutant, _)| mutant.makes_no_difference()).count();
    let others = mutants.len() - same;
    let percent = killed.len() * 100 / others.max(1);
    let _ = writeln!(
        text,
        "{same} of the others make no difference that anybody could see; of the {others} that do, \
         {percent} % are killed.\n"
    );
    text.push_str("| mutant | what it breaks | killed by | in | seed | runs | s |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for (mutant, record) in killed {
        let file = record.file.as_deref().unwrap_or_default();
        let file = file.rsplit('/').next().unwrap_or_default();
        let by = record.by.as_deref().unwrap_or_default();
        let by = by.lines().next().unwrap_or_default().replace('|', "\\|");
        let seed = record.seed.unwrap_or_default();
        let _ = writeln!(
            text,
            "| `{}` | {} | {by} | {file} | {seed} | {} | {:.1} |",
            mutant.id, mutant.breaks, record.runs, record.seconds,
        );
    }
    if !alive.is_empty() {
        text.push_str("\nSurvivors:\n\n| mutant | what it breaks | runs | s | why |\n");
        text.push_str("|---|---|---|---|---|\n");
    }
    for (mutant, record) in alive {
        let short = format!("had {} s only", record.cap);
        let why = mutant.why.as_deref().unwrap_or(match record.cap < FULL {
            true => &short,
            false => "not explained",
        });
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {:.0} | {why} |",
            mutant.id, mutant.breaks, record.runs, record.seconds,
        );
    }
    text.push('\n');
    text
}
