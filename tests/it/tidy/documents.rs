//! What the documents must mention.

use broker_model::rules::Rules;

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

#[test]
fn every_rule_is_documented_with_its_values() {
    let model = read("docs/model.md");
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
    assert_none("rules that docs/model.md does not explain", &missing);
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
