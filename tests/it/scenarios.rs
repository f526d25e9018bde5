//! Every shipped small scenario gives the verdict and the anomaly that its file expects; every
//! repaired twin and fault scenario does so on further seeds.

use std::path::{Path, PathBuf};

use reports::checker::Verdict;
use reports::summary::Summary;
use scenarios::Scenario;

/// Seeds of each file of the campaign.
const CAMPAIGN_SEEDS: u64 = 10;

/// Seeds of each file of the search: no run of these is inconclusive.
const SEARCH_SEEDS: u64 = 25;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("scenarios")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

fn load(path: &Path) -> Scenario {
    let folder = path.parent().expect("a file is in a folder").to_path_buf();
    let loader = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| e.to_string());
    let text = std::fs::read_to_string(path).expect("a readable file");
    Scenario::load(&text, &[], &loader)
        .unwrap_or_else(|errors| panic!("{} does not parse: {errors:?}", path.display()))
}

fn run(path: &Path, seed: Option<u64>) -> Summary {
    let scenario = load(path);
    let seed = seed.unwrap_or(scenario.seed);
    let run = assize::run::run(&scenario, path, seed, || 0.0)
        .unwrap_or_else(|error| panic!("{} cannot be planned: {error}", path.display()));
    run.summary
}

/// Fails with the files that did not do what they say, each with what it did instead.
fn as_expected(runs: impl Iterator<Item = (PathBuf, Option<u64>)>) {
    let mut count = 0;
    let wrong: Vec<String> = runs
        .inspect(|_| count += 1)
        .filter_map(|(path, seed)| {
            let summary = run(&path, seed);
            (!summary.as_expected()).then(|| {
                let seed = summary.seed;
                format!(
                    "{} seed {seed}: {:?} {:?}",
                    path.display(),
                    summary.verdict,
                    summary.anomalies
                )
            })
        })
        .collect();
    assert!(count > 0, "no scenario was found");
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn smoke_scenarios_pass() {
    as_expected(files("smoke").into_iter().flat_map(|f| [(f.clone(), None), (f, Some(7))]));
}

#[test]
fn fault_scenarios_pass_on_many_seeds() {
    let seeds = |file: PathBuf| (0..10).map(move |seed| (file.clone(), Some(seed)));
    as_expected(files("faults").into_iter().flat_map(seeds));
}

/// A fault that changes nothing lets every check hold and shows nothing.
#[test]
fn every_fault_of_the_fault_scenarios_changes_something() {
    let idle: Vec<String> = files("faults")
        .iter()
        .flat_map(|path| {
            let summary = run(path, None);
            let idle =
                summary.faults.into_iter().filter(|f| f.resolved.contains("changed nothing"));
            idle.map(|f| format!("{}: {} {}", stem(path), f.kind, f.target)).collect::<Vec<_>>()
        })
        .collect();
    assert!(idle.is_empty(), "{}", idle.join("\n"));
}

/// What nothing struck, or what no time was left to see, is neither a recovery nor a failed one.
#[test]
fn a_recovery_that_the_run_could_not_show_is_inconclusive() {
    let path = root().join("faults/broker-kill.toml");
    let cut = "kind = \"partition\"\ntarget = \"broker:2\"\nat = \"2s\"";
    for (fault, verdict) in [
        (format!("{cut}\nfor = \"1s\"\nchance = 0"), Verdict::Inconclusive),
        (cut.to_owned(), Verdict::Inconclusive),
        (format!("{cut}\nfor = \"1s\""), Verdict::Pass),
    ] {
        let text = format!(
            "extends = \"cluster.toml\"\n[scenario]\nname = \"r\"\n[[fault]]\n{fault}\n[gate]\n\
             \"recovery_time\" = \"< 60s\"\n"
        );
        let loader = |name: &str| {
            std::fs::read_to_string(root().join("faults").join(name)).map_err(|e| e.to_string())
        };
        let scenario = Scenario::load(&text, &[], &loader).expect("it parses");
        let run = assize::run::run(&scenario, &path, 1, || 0.0).expect("it can be planned");
        assert_eq!(run.summary.gates[0].verdict, verdict, "{fault}");
    }
}

#[test]
fn storage_scenarios_are_as_expected_on_many_seeds() {
    let seeds = |file: PathBuf| (0..10).map(move |seed| (file.clone(), Some(seed)));
    as_expected(files("storage").into_iter().flat_map(seeds));
}

#[test]
fn operations_are_as_expected_on_many_seeds() {
    let seeds = |file: PathBuf| (0..5).map(move |seed| (file.clone(), Some(seed)));
    as_expected(files("operations").into_iter().flat_map(seeds));
}

#[test]
fn questions_about_services_are_answered_as_expected_on_some_seeds() {
    let seeds = |file: PathBuf| (0..2).map(move |seed| (file.clone(), Some(seed)));
    as_expected(files("services").into_iter().flat_map(seeds));
}

/// A taste of what `docs/campaign.md` describes.
#[test]
fn the_campaign_finds_nothing_on_its_first_seeds() {
    let seeds = |file: PathBuf| (0..CAMPAIGN_SEEDS).map(move |seed| (file.clone(), Some(seed)));
    as_expected(files("campaign").into_iter().flat_map(seeds));
}

/// A taste of what `docs/search.md` describes.
#[test]
fn search_finds_nothing_on_its_first_seeds() {
    let seeds = |file: PathBuf| (0..SEARCH_SEEDS).map(move |seed| (file.clone(), Some(seed)));
    as_expected(files("search").into_iter().flat_map(seeds));
}

#[test]
fn delivery_classes_show_on_their_seed() {
    as_expected(files("delivery").into_iter().map(|f| (f, None)));
}

#[test]
fn hazards_fail_as_announced_on_their_seed() {
    let hazards = files("hazards").into_iter().filter(|f| !is_repaired(f));
    as_expected(hazards.map(|f| (f, None)));
}

#[test]
fn repaired_twins_pass_on_many_seeds() {
    let twins: Vec<PathBuf> = files("hazards").into_iter().filter(|f| is_repaired(f)).collect();
    let hazards = files("hazards").len() - twins.len();
    assert_eq!(twins.len(), hazards, "each hazard has its repaired twin");
    as_expected(twins.into_iter().flat_map(|f| (0..10).map(move |seed| (f.clone(), Some(seed)))));
}

/// The bugs of the zoo fail under the old rule as announced, on their seed; under today's rule,
/// which is all that a twin changes, the same schedule passes.
#[test]
fn old_rules_bite_and_todays_do_not() {
    let (twins, rest): (Vec<PathBuf>, Vec<PathBuf>) =
        files("zoo").into_iter().partition(|f| stem(f).ends_with("-today"));
    let base = |name: &&str| ["cluster", "transactions"].contains(name);
    let names: Vec<&str> = rest.iter().map(|f| stem(f)).filter(|name| !base(name)).collect();
    let repaired: Vec<&str> = twins.iter().map(|f| stem(f).trim_end_matches("-today")).collect();
    assert_eq!(names, repaired, "each bug has its twin under today's rules");
    as_expected(rest.into_iter().chain(twins).map(|f| (f, None)));
}

#[test]
fn regressions_give_their_recorded_verdict() {
    let found = files("regressions");
    if !found.is_empty() {
        as_expected(found.into_iter().map(|f| (f, None)));
    }
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).expect("names are text")
}

fn is_repaired(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-repaired"))
}
