//! The zoo: its entries, and the search for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assize::plan::Plan;
use assize::zoo::{Entry, Today, Universe};
use assize_tests::root;
use scenarios::Scenario;
use scenarios::model::Verdict;

use crate::command::{assize, json};
use crate::place::scratch;

fn universe(universe: Universe, set: &[(String, String)]) -> Scenario {
    let folder = root().join("scenarios/search");
    let read = |path: PathBuf| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let text = read(folder.join(universe.file())).expect("every universe is there");
    Scenario::load(&text, set, &|name: &str| read(folder.join(name))).unwrap_or_else(|errors| {
        let told: String = errors.iter().map(|e| e.render(universe.file(), &text)).collect();
        panic!("{set:?}: {told}");
    })
}

#[test]
fn every_entry_is_a_universe_with_something_set() {
    let mut ids = BTreeSet::new();
    for entry in Entry::all() {
        assert!(ids.insert(entry.id), "{} is there twice", entry.id);
        let slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(entry.id.chars().all(slug) && !entry.title.ends_with('.'), "{}", entry.id);
        assert!(!entry.seen.is_empty() && !entry.set.is_empty(), "{}", entry.id);
        let control = universe(entry.universe, &[]);
        assert_eq!(control.expect.verdict, Verdict::Pass, "{}", entry.id);
        let planted = universe(entry.universe, &entry.flags());
        assert_ne!(planted.digest(), control.digest(), "{}: it changes nothing", entry.id);
        let plan = Plan::new(&planted, 1).unwrap_or_else(|error| panic!("{}: {error}", entry.id));
        let (own, bare) = (plan.faults, Plan::new(&control, 1).expect("a plan").faults);
        // What is set says nothing of faults; a configuration may change what is promised.
        let only_rules = entry.set.iter().all(|(path, _)| path.starts_with("protocol."));
        assert!(!only_rules || own == bare, "{}: its seeds draw other faults", entry.id);
        assert!(
            entry.set.iter().all(|(path, _)| !path.starts_with("search.")),
            "{}: nothing is set for the search",
            entry.id
        );
    }
}

#[test]
fn every_universe_runs_and_is_as_expected_without_what_an_entry_sets() {
    for file in Universe::ALL {
        for seed in 0..3 {
            let summary = crate::small::run(&universe(*file, &[]), seed);
            assert!(summary.as_expected(), "{}: {:?}", file.file(), summary.anomalies);
        }
    }
}

#[test]
fn the_list_has_an_object_for_every_entry() {
    let told = assize(&["zoo", "list", "--format", "json"]);
    assert_eq!(told.code, 0);
    let lines: Vec<serde_json::Value> = told.out.lines().map(json).collect();
    assert_eq!(lines.len(), Entry::all().count());
    for line in &lines {
        for key in ["id", "title", "source", "kind"] {
            assert!(line[key].is_string(), "{key} in {line}");
        }
    }
    let words = assize(&["zoo", "list"]);
    assert!(Entry::all().all(|entry| words.out.contains(entry.title)));
}

#[test]
fn the_first_seed_that_shows_an_entry_does_not_depend_on_threads() {
    let run = |threads: &str| {
        let args = ["zoo", "run", "kip101-hw-truncation", "--from", "100", "--for", "50s"];
        let more = ["--threads", threads, "--format", "json"];
        let told = assize(&[&args[..], &more].concat());
        assert_eq!(told.code, 0, "{}", told.err);
        let found = json(&told.out);
        assert_eq!(found["found"], true);
        assert!(found["replay"].as_str().is_some_and(|text| text.starts_with("assize replay ")));
        (found["seed"].clone(), found["runs"].clone(), found["check"].clone())
    };
    let one = run("1");
    assert_eq!(one, run("3"));
    assert_eq!(one.0.as_u64().map(|seed| seed - 99), one.1.as_u64());
}

#[test]
fn what_another_rule_does_is_no_hit() {
    let run = |id: &str, from: &str| {
        let flags = ["--from", from, "--for", "1s", "--no-shrink", "--format", "json"];
        let told = assize(&[&["zoo", "run", id][..], &flags].concat());
        json(&told.out)["seed"].as_u64()
    };
    let hidden_by = run("kafka15583-hw-below-min-isr", "0").expect("it is found within a second");
    assert_ne!(run("kafka7128-isr-join-on-stale-hw", &hidden_by.to_string()), Some(hidden_by));
}

#[test]
fn what_is_not_there_is_refused() {
    let told = assize(&["zoo", "run", "kafka0"]);
    assert_eq!((told.code, told.out.as_str()), (64, ""));
    assert!(told.err.contains("assize zoo list"), "{}", told.err);
}

#[test]
fn a_page_without_a_place_for_the_table_is_found_before_the_search() {
    let folder = scratch("zoo", "page");
    let (state, page) = (folder.join("state"), folder.join("page.md"));
    std::fs::write(&page, "no marks").expect("the folder is writable");
    let (state, page) = (state.to_str().expect("UTF-8"), page.to_str().expect("UTF-8"));
    let ids = ["zoo", "table", "kip101-hw-truncation", "--restarts", "1", "--bias", "events"];
    let told = assize(&[&ids[..], &["--state", state, "--write", page]].concat());
    assert_eq!((told.code, told.out.as_str()), (64, ""));
    assert!(told.err.starts_with("error: --write"), "{}", told.err);
    assert!(!Path::new(state).exists());
}

#[test]
fn entries_that_are_open_today_are_not_looked_for_in_their_universe() {
    // What is open would be found in the control: its universe switches it off or mends it.
    for entry in Entry::all().filter(|entry| matches!(entry.today, Today::Open(_))) {
        let text = universe(entry.universe, &[]).to_toml();
        let (path, _) = entry.set[0];
        let key = path.rsplit('.').next().expect("a path has parts");
        assert!(text.contains(key), "{}: {key}", entry.id);
    }
}

#[test]
fn a_table_goes_on_where_it_was_and_is_put_between_its_marks() {
    let folder = scratch("zoo", "table");
    let (state, page) = (folder.join("state"), folder.join("page.md"));
    let (state, page) = (state.to_str().expect("UTF-8"), page.to_str().expect("UTF-8"));
    let old =
        "before\n<!-- begin: assize zoo table -->\nold\n<!-- end: assize zoo table -->\nafter\n";
    std::fs::write(page, old).expect("written");
    let table = |restarts: &str, more: &[&str]| {
        let ids = ["zoo", "table", "kip101-hw-truncation", "kafka14055-marker-key-collision"];
        let flags = ["--restarts", restarts, "--state", state, "--bias", "events"];
        assize(&[&ids[..], &flags, more].concat())
    };
    let first = table("1", &[]);
    assert_eq!((first.code, first.err.lines().count()), (0, 2), "{}", first.err);
    // What is done is not done again, and the table has both.
    let second = table("2", &["--write", page]);
    assert_eq!((second.code, second.err.lines().count()), (0, 2), "{}", second.err);
    let written = std::fs::read_to_string(page).expect("there");
    assert!(written.starts_with("before\n<!--") && written.ends_with("-->\nafter\n"), "{written}");
    assert!(!written.contains("\nold\n") && written.matches("2 of 2").count() == 2, "{written}");
    let third = table("2", &["--format", "json"]);
    assert_eq!((third.err.as_str(), third.out.lines().count()), ("", 2));
    // Another measurement is not mixed with it.
    let other = table("2", &["--for", "7s"]);
    assert_eq!(other.code, 64, "{}", other.err);
    let lines = Path::new(state).join("zoo.jsonl");
    let text = std::fs::read_to_string(&lines).expect("there");
    let changed = text.replace("\"fingerprint\":\"", "\"fingerprint\":\"0");
    std::fs::write(&lines, changed).expect("written");
    let other = table("3", &[]);
    assert!(other.code == 64 && other.err.contains("did something else"), "{}", other.err);
}
