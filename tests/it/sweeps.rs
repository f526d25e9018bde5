//! Sweeps in parts: records, shards, processes that are killed, folders that are none.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::command::{Told, assize, json};
use crate::place;

/// Three brokers for a moment, in which a seed draws faults: some of its runs miss the gate.
const SEARCHED: &str = r#"
[scenario]
name = "searched"
duration = "300ms"

[cluster]
brokers = 3
racks = ["a", "b", "c"]
hardware = "test"

[topic.orders]
partitions = 1
replication = 2

[service.order]
kind = "ingress"
output = "orders"

[load.calls]
into = "order"
arrivals = { model = "open", rate = "100/s" }

[search]
faults = "1..3"

[gate]
"max(produce)" = "< 40ms"
"#;

/// A folder of its own with the scenario in it.
fn scratch(name: &str) -> PathBuf {
    let folder = place::scratch("sweeps", name);
    std::fs::write(folder.join("a.toml"), SEARCHED).expect("the target folder is writable");
    folder
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("the target folder has a plain name").to_owned()
}

fn records(folder: &str) -> String {
    let path = Path::new(folder).join("records.jsonl");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn swept(args: &[&str]) -> Told {
    let told = assize(&[&["sweep"], args].concat());
    assert!(told.code < 64, "{args:?}: {}: {}", told.code, told.err);
    told
}

/// What the records of a sweep of so many seeds are, by an undisturbed process.
fn undisturbed(folder: &Path, seeds: &str) -> String {
    let (file, out) = (path(folder, "a.toml"), path(folder, "whole"));
    swept(&[&file, "--seeds", seeds, "--threads", "1", "--out", &out]);
    records(&out)
}

#[test]
fn each_run_is_on_record() {
    let folder = scratch("record");
    let whole = undisturbed(&folder, "3..40");
    let head = &json(whole.lines().next().expect("a head"))["sweep"];
    assert_eq!((head["from"].as_u64(), head["to"].as_u64()), (Some(3), Some(40)));
    let runs: Vec<_> = whole.lines().skip(1).map(json).collect();
    let seeds: Vec<_> = runs.iter().filter_map(|run| run["seed"].as_u64()).collect();
    assert_eq!(seeds, (3..40).collect::<Vec<_>>());
    let failed: Vec<_> = runs.iter().filter(|run| run["exit"] == 12).collect();
    assert!(!failed.is_empty(), "no run fails: choose other seeds");
    for run in failed {
        assert_eq!(run["anomalies"][0], "gate");
        assert_eq!(run["cause"], "gate: max(produce)");
    }
    let out = path(&folder, "whole");
    let told = assize(&["merge", &out]);
    assert!(told.out.contains("failed by gate: max(produce)"), "{}", told.out);
    assert!(told.out.contains("assize shrink 'assize1:"), "{}", told.out);
}

#[test]
fn shards_merge_to_the_records_of_one_process() {
    let folder = scratch("shards");
    let file = path(&folder, "a.toml");
    std::fs::write(folder.join("b.toml"), SEARCHED.replace("100/s", "50/s")).expect("writable");
    let other = path(&folder, "b.toml");
    let sweep = |name: &str, threads: &str, shard: &str| {
        let out = path(&folder, name);
        let seeds = ["--seeds", "0..9", "--threads", threads, "--shard", shard, "--out", &out];
        swept(&[&[file.as_str(), &other], &seeds[..]].concat());
        out
    };
    let whole = records(&sweep("whole", "1", "1/1"));
    assert_eq!(whole, records(&sweep("two-threads", "2", "1/1")));
    let (one, two) = (sweep("one", "1", "1/2"), sweep("two", "2", "2/2"));
    let merged = path(&folder, "merged");
    let told = assize(&["merge", &two, &one, "--out", &merged]);
    assert!(told.code < 64, "{}", told.err);
    assert_eq!(records(&merged), whole);
    assert!(told.out.contains("18 runs: "), "{}", told.out);

    let third = sweep("third", "1", "1/3");
    let begun = path(&folder, "begun");
    std::fs::create_dir(&begun).expect("writable");
    let text = records(&two);
    let half: String = text.lines().take(4).map(|line| format!("{line}\n")).collect();
    std::fs::write(Path::new(&begun).join("records.jsonl"), half).expect("writable");
    for (folders, word) in [
        (&[&one][..], "shard 2/2 is missing"),
        (&[&one, &two, &one], "are both shard 1/2"),
        (&[&one, &third], "not of one sweep"),
        (&[&one, &begun], "has 3 runs of 9"),
        (&[&one, &folder.to_str().expect("plain").to_owned()], "no records"),
    ] {
        let to = path(&folder, "refused");
        let folders: Vec<&str> = folders.iter().map(|one| one.as_str()).collect();
        let told = assize(&[&["merge"], &folders[..], &["--out", &to]].concat());
        assert_eq!((told.code, told.out.as_str()), (65, ""), "{word}: {}", told.err);
        assert!(told.err.contains(word), "{word}: {}", told.err);
        assert!(!Path::new(&to).exists(), "{word}");
    }
    let told = assize(&["merge", &one, &two, "--out", &merged]);
    assert_eq!(told.code, 64, "{}", told.err);
}

#[test]
fn what_does_not_fit_is_refused_and_stays() {
    let folder = scratch("refused");
    let whole = undisturbed(&folder, "0..6");
    let (file, out) = (path(&folder, "a.toml"), path(&folder, "whole"));
    for (args, word) in [
        (&[file.as_str(), "--seeds", "0..6", "--out", &out][..], "there are records"),
        (&["--resume", &out, "--seeds", "0..7"], "0..6 there, 0..7 here"),
        (&["--resume", &out, "--for", "1s"], "--for"),
        (&["--resume", &out, "--shard", "1/2"], "--shard"),
        (&["--resume", &out, "--set", "load.calls.limit=3"], "flags"),
        (&["--resume", &out, "--beyond-spec"], "flags"),
        (&["--resume", &out, "--out", &out], "cannot be used with"),
        (&["--resume", folder.to_str().expect("plain")], "something else is there"),
        (&["--resume", &path(&folder, "nothing")], "to begin one there"),
        (
            &[&file, "--beyond-spec", "--set", "search.beyond_spec=false", "--seeds", "0..1"],
            "contradicts",
        ),
        (&[&file], "--seeds"),
    ] {
        let told = assize(&[&["sweep"], args].concat());
        assert_eq!((told.code, told.out.as_str()), (64, ""), "{args:?}: {}", told.err);
        assert!(told.err.contains(word), "{args:?}: {}", told.err);
        assert_eq!(records(&out), whole, "{args:?}");
    }
    let place = Path::new(&out).join("records.jsonl");
    let line = whole.lines().nth(3).expect("a run");
    for (text, word) in [
        (whole.replace("\"version\":\"0.", "\"version\":\"9."), "is from assize 9."),
        (whole.replacen(line, &line[..line.len() / 2], 1), "line 4 is no record"),
        (whole.replacen(&format!("{line}\n"), "", 1), "line 4 has run 3, and run 2"),
        (whole.replacen("\"seed\":2", "\"seed\":3", 1), "seed 2 of"),
        (whole.replacen("\"to\":6", "\"to\":0", 1), "does not begin as"),
        (whole.replacen("\"to\":6", "\"to\":3", 1), "was not asked for"),
        (whole.replacen("\"sweep\"", "\"sleep\"", 1), "does not begin as"),
        (String::new(), "does not begin as"),
        (whole.replacen("\"digest\":\"", "\"digest\":\"0", 6), "another build"),
        (whole.replacen("\"scenario\":\"", "\"scenario\":\"0", 1), "has changed since"),
    ] {
        assert_ne!(text, whole, "{word}");
        std::fs::write(&place, &text).expect("writable");
        let told = assize(&["sweep", "--resume", &out]);
        assert_eq!((told.code, told.out.as_str()), (65, ""), "{word}: {}", told.err);
        assert!(told.err.contains(word), "{word}: {}", told.err);
        assert_eq!(records(&out), text, "{word}");
    }
}

#[test]
fn records_go_on_where_they_end() {
    let folder = scratch("go-on");
    let whole = undisturbed(&folder, "0..12");
    let out = path(&folder, "whole");
    let place = Path::new(&out).join("records.jsonl");
    let head = whole.lines().next().expect("a head").len() + 1;
    // Behind the head, within a line, before and behind a line end, at the end.
    let fourth: usize = whole.lines().take(4).map(|line| line.len() + 1).sum();
    for cut in [head, head + 7, fourth - 1, fourth, fourth + 1, whole.len() - 1, whole.len()] {
        std::fs::write(&place, &whole[..cut]).expect("writable");
        let told = swept(&["--resume", &out, "--format", "json"]);
        assert_eq!(records(&out), whole, "cut at {cut}");
        let last = json(told.out.lines().last().expect("a summary"));
        assert_eq!(last["summary"]["runs"], 12, "cut at {cut}");
        let told = told.out.lines().count() - 1;
        let there = whole[..cut].lines().count() - 1 - usize::from(!whole[..cut].ends_with('\n'));
        assert_eq!(told, 12 - there, "cut at {cut}: none is repeated");
    }
}

#[test]
fn what_is_reached_merges_and_resumes() {
    let folder = scratch("coverage");
    let file = path(&folder, "a.toml");
    let sweep = |name: &str, shard: &str| {
        let out = path(&folder, name);
        swept(&[&file, "--seeds", "0..14", "--coverage", "--shard", shard, "--out", &out]);
        out
    };
    let (whole, one, two) = (sweep("whole", "1/1"), sweep("one", "1/2"), sweep("two", "2/2"));
    let merged = path(&folder, "merged");
    let json_of = |args: &[&str]| {
        let told = assize(&[args, &["--format", "json"]].concat());
        json(told.out.lines().last().expect("a summary"))["summary"]["coverage"].clone()
    };
    let told = json_of(&["merge", &two, &one, "--out", &merged]);
    assert_eq!(records(&merged), records(&whole));
    let of_whole = json_of(&["sweep", "--resume", &whole]);
    assert_eq!(told, of_whole);
    let part = |name: &str, field: &str| of_whole[name][field].as_u64().expect("a count");
    assert!(part("situations", "reached") > 0 && part("pairs", "reached") > 20, "{of_whole}");
    let never = of_whole["situations"]["never"].as_array().expect("names").len() as u64;
    assert_eq!(part("situations", "reached") + never, part("situations", "of"));
    assert!(of_whole["nearest"]["replicas-above-min-isr"].is_u64(), "{of_whole}");
    let text = records(&whole);
    let half: String = text.lines().take(6).map(|line| format!("{line}\n")).collect();
    std::fs::write(Path::new(&whole).join("records.jsonl"), half).expect("writable");
    assert_eq!(json_of(&["sweep", "--resume", &whole]), of_whole);
    assert_eq!(records(&whole), text);
    let told = assize(&["merge", &whole]);
    for part in ["coverage  ", "  nearest  voters-above-majority 0: ", "  never  compacted"] {
        let part = part.replace("compacted", "records-compacted");
        assert!(told.out.contains(&part), "{part} in {}", told.out);
    }
}

#[test]
fn a_guided_sweep_is_the_same_whatever_the_threads_and_can_be_repeated() {
    let folder = scratch("guided");
    let file = path(&folder, "a.toml");
    let sweep = |name: &str, threads: &str| {
        let out = path(&folder, name);
        swept(&[&file, "--seeds", "5..85", "--guided", "--threads", threads, "--out", &out]);
        out
    };
    let (one, two) = (sweep("one", "1"), sweep("two", "2"));
    let text = records(&one);
    assert_eq!(text, records(&two));
    let runs: Vec<_> = text.lines().skip(1).map(json).collect();
    assert_eq!(runs.len(), 80);
    let changed: Vec<_> = runs.iter().filter(|run| run["mutations"].is_array()).collect();
    assert!((20..80).contains(&changed.len()), "{} runs are changed", changed.len());
    let deepest = changed.iter().max_by_key(|run| run["mutations"].as_array().map(Vec::len));
    let deepest = deepest.expect("there are some");
    let token = deepest["replay"].as_str().and_then(|text| text.strip_prefix("assize replay "));
    let again = assize(&["replay", token.expect("a command"), "--format", "json"]);
    assert_eq!(json(&again.out)["digest"], deepest["digest"], "{}", again.err);
    let plain: Vec<_> =
        runs.iter().filter(|run| !run["mutations"].is_array()).map(|run| &run["seed"]).collect();
    let seeds: Vec<u64> = (5..5 + plain.len() as u64).collect();
    assert_eq!(plain, seeds, "what is drawn anew is drawn in order");

    let place = Path::new(&two).join("records.jsonl");
    for lines in [1, 20, 33, 34, 70] {
        let part: String = text.lines().take(lines).map(|line| format!("{line}\n")).collect();
        std::fs::write(&place, part).expect("writable");
        swept(&["--resume", &two]);
        assert_eq!(records(&two), text, "{lines} lines");
    }
    for args in [
        &["sweep", &file, "--seeds", "0..9", "--guided", "--shard", "1/2"][..],
        &["sweep", &file, &file, "--for", "1s", "--guided"],
    ] {
        let told = assize(args);
        assert_eq!(told.code, 64, "{args:?}: {}", told.err);
        assert!(told.err.contains("--guided"), "{}", told.err);
    }
}

#[test]
fn a_sweep_of_a_time_ends_and_a_budget_can_be_lifted() {
    let folder = scratch("time");
    let (file, out) = (path(&folder, "a.toml"), path(&folder, "timed"));
    let told = swept(&[&file, "--for", "300ms", "--out", &out]);
    let runs: Vec<_> = records(&out).lines().skip(1).map(json).collect();
    assert!(!runs.is_empty(), "{}", told.out);
    let seeds: Vec<_> = runs.iter().filter_map(|run| run["seed"].as_u64()).collect();
    assert_eq!(seeds, (0..seeds.len() as u64).collect::<Vec<_>>());
    let told = swept(&[&file, "--seeds", "0..30", "--beyond-spec"]);
    let again = told.out.lines().find(|line| line.contains("again with")).expect("one fails");
    assert!(again.ends_with(":search.beyond_spec=true"), "{again}");
    let plain = folder.join("plain.toml");
    let text = SEARCHED.split("[search]").next().expect("the part before it");
    std::fs::write(&plain, text).expect("writable");
    let plain = plain.to_str().expect("plain");
    let told = assize(&["sweep", plain, "--seeds", "0..1", "--beyond-spec"]);
    assert_eq!(told.code, 64, "{}", told.err);
    assert!(told.err.contains("has no [search]"), "{}", told.err);
}

/// Runs as a process of its own, for the test below.
#[test]
#[ignore = "is started by another test"]
fn a_process_that_sweeps() {
    let args = std::env::var("ASSIZE_TEST_SWEEP").expect("the other test says what");
    let args: Vec<&str> = args.split('\n').collect();
    let told = assize(&args);
    assert!(told.code < 64, "{}", told.err);
}

/// Waits for a process of the machine, which is not simulated.
#[expect(clippy::disallowed_methods, reason = "a kill comes when it comes")]
fn wait(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

#[test]
fn a_process_that_is_killed_at_any_moment_loses_and_repeats_nothing() {
    let folder = scratch("killed");
    let whole = undisturbed(&folder, "0..400");
    let (file, out) = (path(&folder, "a.toml"), path(&folder, "killed"));
    let args = ["sweep", &file, "--seeds", "0..400", "--threads", "2", "--resume", &out];
    let start = || {
        let program = std::env::current_exe().expect("a test is a program");
        let mut command = Command::new(program);
        command.args(["--exact", "sweeps::a_process_that_sweeps", "--ignored"]);
        command.env("ASSIZE_TEST_SWEEP", args.join("\n"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("a program can be started twice")
    };
    let place = Path::new(&out).join("records.jsonl");
    let length = || std::fs::metadata(&place).map_or(0, |file| file.len() as usize);
    let (mut before, mut in_time) = (0, 0);
    for kill in 0..20_usize {
        let mut process = start();
        // Some before anything is there, the others at a length of their own.
        wait(3 * kill as u64 % 16);
        let until = if kill < 5 { 0 } else { whole.len() * kill / 22 };
        let running = loop {
            let ended = process.try_wait().expect("it is ours").is_some();
            if ended || length() >= until {
                break !ended;
            }
            wait(1);
        };
        in_time += u32::from(running);
        // On Unix that is SIGKILL.
        process.kill().expect("it is ours");
        process.wait().expect("it is ours");
        let text = std::fs::read_to_string(&place).unwrap_or_default();
        let there = text.rfind('\n').map_or(0, |at| at + 1);
        assert!(whole.starts_with(&text[..there]), "kill {kill}");
        assert!(there >= before, "kill {kill}: something was lost");
        before = there;
    }
    assert!(
        in_time >= 15,
        "{in_time} processes were killed, the others were through: have more seeds"
    );
    assert!(start().wait().expect("it is ours").success());
    assert_eq!(records(&out), whole);
}
