//! `assize list`: the scenarios that are here, with what they expect.

use serde_json::json;

use super::args::{Format, ListArgs};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::library;
use super::scene::Scene;
use super::table::Columns;
use scenarios::Scenario;
use scenarios::model::Verdict;

pub(super) fn command(args: &ListArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = library::needed()?;
    let mut exit = Exit::Expected;
    let mut columns = Columns::new(&["file", "expects", "name", "description"]);
    for file in library::files(&folder) {
        let path = file.display().to_string();
        match Scene::load(&file, &[], console) {
            Ok(Scene { scenario, .. }) if args.format == Format::Json => {
                let line = json!({
                    "file": path,
                    "name": scenario.name,
                    "description": scenario.description,
                    "expected": verdict(&scenario),
                    "expected_anomaly": scenario.expect.anomaly.map(|one| one.name()),
                    "digest": format!("{:016x}", scenario.digest()),
                });
                console.line(&line.to_string());
            }
            Ok(Scene { scenario, .. }) => {
                columns.row([path, expects(&scenario), scenario.name, scenario.description]);
            }
            Err(failure) => {
                if !failure.text.is_empty() {
                    console.error(&failure.text);
                }
                exit = exit.worse(failure.exit);
            }
        }
    }
    if args.format == Format::Human {
        columns.print(console);
    }
    Ok(exit)
}

const fn verdict(scenario: &Scenario) -> &'static str {
    match scenario.expect.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}

fn expects(scenario: &Scenario) -> String {
    match scenario.expect.anomaly {
        Some(anomaly) => format!("{}: {}", verdict(scenario), anomaly.name()),
        None => verdict(scenario).to_owned(),
    }
}
