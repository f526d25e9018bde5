//! What the documents must mention.

use broker_model::rules::Rules;
use reports::checker::Claim;

use super::{assert_none, read, sources};

#[test]
fn every_shipped_scenario_is_listed() {
    let readme = read("README.md");
    let all = sources();
    let files = all.iter().map(|s| s.path.as_str());
    let shipped = files.filter(|path| {
        // Regressions are written by the program and tell their own story.
        let written = path.starts_with("scenarios/regressions/");
        let scenario = path.starts_with("scenarios/") && path.ends_with(".toml");
        scenario && !written && *path != "scenarios/Cargo.toml"
    });
    let missing: Vec<String> = shipped
        .filter(|path| !readme.contains(&format!("`{}`", path.trim_start_matches("scenarios/"))))
        .map(str::to_owned)
        .collect();
    assert_none("scenarios that README.md does not list", &missing);
}

/// Figures of the change log that can be counted.
#[test]
fn what_the_change_log_counts_is_there() {
    let all = sources();
    let scenarios = |folder: &str| {
        let here = |path: &&str| path.starts_with(folder) && path.ends_with(".toml");
        let paths = all.iter().map(|source| source.path.as_str()).filter(here);
        paths.filter(|path| !path.contains("regressions") && !path.ends_with("Cargo.toml")).count()
    };
    // Without those that the others build on.
    let faults = all.iter().filter(|source| {
        source.path.starts_with("scenarios/faults/") && source.text.contains("[[fault]]")
    });
    // The check that a run comes to rest and that of fenced producers are made elsewhere.
    let claims = Claim::ALL.len() + 1;
    let invariants = assize::invariant::standard().counts().count() + 1;
    let told = [
        format!("{claims} claims about what clients saw, {invariants} invariants"),
        format!("{} scenarios: ", scenarios("scenarios/")),
        format!("{} hazards each beside a repaired twin", scenarios("scenarios/hazards/") / 2),
        format!("{} faults, ", faults.count()),
        format!("{} for a first look", scenarios("scenarios/smoke/")),
    ];
    let changes = read("CHANGELOG.md");
    let missing: Vec<String> = told.into_iter().filter(|one| !changes.contains(one)).collect();
    assert_none("counts that CHANGELOG.md does not have", &missing);
}

#[test]
fn every_check_is_documented_by_both_names() {
    let language = read("docs/scenario.md");
    let missing: Vec<String> = Claim::ALL
        .iter()
        .filter(|claim| {
            let row = format!("| `{}` |", claim.name());
            let row = language.lines().find(|line| line.starts_with(&row));
            let names = claim.anomalies().iter().map(|one| format!("`{}`", one.name()));
            !row.is_some_and(|row| names.clone().all(|name| row.contains(&name)))
        })
        .map(|claim| claim.name().to_owned())
        .collect();
    assert_none("checks without a row in docs/scenario.md", &missing);
}

#[test]
fn every_invariant_is_documented() {
    let pages = ["replication", "log-and-disk", "controller", "groups"];
    let text: String = pages.iter().map(|page| read(&format!("docs/{page}.md"))).collect();
    let rows = |name: &str| {
        let row = format!("| `{name}` | ");
        text.lines().filter(|line| line.starts_with(&row)).count()
    };
    let all = assize::invariant::standard();
    let missing: Vec<String> =
        all.counts().filter(|(name, _)| rows(name) == 0).map(|(name, _)| name.to_owned()).collect();
    assert_none("invariants without a row in docs/", &missing);
}

#[test]
fn every_rule_is_documented_with_its_values() {
    // Planted bugs there, historic rules here.
    let model = read("docs/model.md") + &read("docs/zoo.md");
    let mut missing = Vec::new();
    for (rule, values) in Rules::ALL {
        let Some(line) = model.lines().find(|line| line.starts_with(&format!("| `{rule}` |")))
        else {
            missing.push((*rule).to_owned());
            continue;
        };
        let absent = values.iter().filter(|value| !line.contains(&format!("`{value}`")));
        missing.extend(absent.map(|value| format!("{rule} = {value}")));
    }
    assert_none("rules that neither docs/model.md nor docs/zoo.md explains", &missing);
}

#[test]
fn every_name_that_can_be_demanded_is_documented() {
    let model = read("docs/model.md");
    let names = broker_model::note::Note::NAMES.iter();
    let missing: Vec<String> = names
        .filter(|name| !model.contains(&format!("`{name}`")))
        .map(|name| (*name).to_owned())
        .collect();
    assert_none("names of notes that docs/model.md does not list", &missing);
}

#[test]
fn every_dependency_has_its_reason() {
    let workspace = read("Cargo.toml");
    let contributing = read("CONTRIBUTING.md");
    let own = ["assize", "broker-model", "reports", "scenarios"];
    let table = workspace.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let names = table
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    let missing: Vec<String> = names
        .filter(|name| !own.contains(name) && !contributing.contains(&format!("| `{name}` |")))
        .map(str::to_owned)
        .collect();
    assert_none("dependencies without a line in CONTRIBUTING.md", &missing);
}

/// The words that a `match` on commands compares with: those of its arms, not of what is in them.
fn arms(body: &str) -> Vec<String> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let is_arm = |line: &&str| line.trim_start().starts_with('"') && line.contains("=>");
    let lines: Vec<&str> = body.lines().filter(is_arm).collect();
    let outer = lines.iter().map(|line| depth(line)).min().unwrap_or(0);
    let outer = lines.iter().filter(|line| depth(line) == outer);
    let words = outer.flat_map(|line| {
        let pattern = line.split("=>").next().unwrap_or_default();
        pattern.split('"').skip(1).step_by(2).map(str::to_owned)
    });
    words.collect()
}

#[test]
fn every_verb_of_a_dialogue_is_documented() {
    let mut verbs = Vec::new();
    for source in sources().iter().filter(|one| one.path.starts_with("sim/src/dialogue/")) {
        for head in ["pub(super) fn step(", "fn act(", "fn perform("] {
            let Some((_, rest)) = source.text.split_once(head) else { continue };
            // A function ends where its indentation does.
            let close = if head.starts_with("pub") { "\n}\n" } else { "\n    }\n" };
            let end = rest.find(close);
            verbs.extend(arms(&rest[..end.unwrap_or(rest.len())]));
        }
    }
    assert!(verbs.len() > 60, "the parsers are read: {verbs:?}");
    let page = read("docs/dialogues.md");
    let rows = || page.lines().filter(|line| line.starts_with("| `"));
    let begins = |row: &str, verb: &str| {
        let mut cells = row.split('`').skip(1).step_by(2);
        cells.any(|cell| cell.split(' ').next() == Some(verb))
    };
    verbs.retain(|verb| !rows().any(|row| begins(row, verb)));
    assert_none("verbs that docs/dialogues.md does not have", &verbs);
}

#[test]
fn paths_that_the_documents_name_exist() {
    let all = sources();
    let mut missing = Vec::new();
    for source in all.iter().filter(|s| s.path.ends_with(".md")) {
        for path in source.text.split('`').skip(1).step_by(2) {
            let folders = ["broker-model/", "scenarios/", "sim/", "reports/", "tests/", "docs/"];
            let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
            let names_a_file = folders.iter().any(|folder| path.starts_with(folder)) && plain;
            if names_a_file && !super::root().join(path).exists() {
                missing.push(format!("{}: {path}", source.path));
            }
        }
    }
    assert_none("documents name files that are not there", &missing);
}
