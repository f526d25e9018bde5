//! Searches for mutants: `cargo run --release -p assize-tests --bin mutants -- [--cap SECONDS]
//! [ID...]`. Those on record are passed over unless they are named.

use std::io::Write as _;
use std::process::ExitCode;

use assize_tests::mutants::{FULL, Hunter, Mutant, Record, add, all, build, read, write};
use assize_tests::root;

/// Runs of each file that the program with the mutants must do as the product does.
const CHECKED: u64 = 50;

fn main() -> ExitCode {
    match arguments().and_then(|(cap, ids)| search(cap, &ids)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Seconds for each, and which ones are asked for.
fn arguments() -> Result<(u64, Vec<String>), String> {
    let (mut cap, mut ids) = (FULL, Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--cap" => {
                let seconds = args.next().and_then(|seconds| seconds.parse().ok());
                cap = seconds.ok_or("--cap needs a number of seconds")?;
            }
            id => ids.push(id.to_owned()),
        }
    }
    Ok((cap, ids))
}

fn search(cap: u64, ids: &[String]) -> Result<(), String> {
    let root = root();
    // The scenario files are named from there, as in every command of the documents.
    std::env::set_current_dir(&root).map_err(|error| error.to_string())?;
    let mutants = all();
    if let Some(id) = ids.iter().find(|id| mutants.iter().all(|mutant| mutant.id != **id)) {
        return Err(format!("there is no mutant `{id}`"));
    }
    let program = build(&root, &mutants)?;
    let hunter = Hunter { program, cap };
    let product = hunter.check(CHECKED)?;
    for (number, mutant) in mutants.iter().enumerate() {
        let records = read(&root)?;
        let known =
            records.get(&mutant.id).is_some_and(|record| record.holds(mutant, &product, cap));
        let asked = if ids.is_empty() { !known } else { ids.contains(&mutant.id) };
        if asked {
            let record = Record::of(mutant, &product, hunter.hunt(number)?, cap);
            tell(mutant, &record);
            add(&root, record)?;
        }
    }
    write(&root, &mutants, &read(&root)?, &product)
}

fn tell(mutant: &Mutant, record: &Record) {
    let by = record.by.as_deref().unwrap_or("SURVIVES");
    let (id, runs, seconds) = (&mutant.id, record.runs, record.seconds);
    say(&format!("{id:<32} {runs:>6} runs {seconds:>6.1} s  {by}"));
}

fn say(line: &str) {
    // A closed standard error is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}
