//! The command line, driven in this process.

use std::path::Path;

use assize_tests::root;

use crate::command::{assize, json};
use crate::place::{scratch, shipped};

const SMALL: &str = r#"
[scenario]
name = "small"
duration = "1s"

[cluster]
brokers = 3
racks = ["a", "b", "c"]
hardware = "test"

[topic.orders]
partitions = 2
replication = 3

[service.order]
kind = "ingress"
output = "orders"

[service.audit]
kind = "reader"
input = "orders"

[load.calls]
into = "order"
arrivals = { model = "open", rate = "50/s" }

[[fault]]
kind = "broker-pause"
target = "random-broker"
at = "100ms..300ms"
for = "50ms..100ms"
"#;

fn small(folder: &Path) -> String {
    let file = folder.join("small.toml");
    std::fs::write(&file, SMALL).expect("the folder is writable");
    file.to_str().expect("the target folder has a plain name").to_owned()
}

/// A result without what the machine's clock says.
fn timeless(out: &str) -> String {
    let lines = out.lines().map(|line| {
        let mut value = json(line);
        if let Some(object) = value.as_object_mut() {
            object.remove("wall_s");
        }
        if let Some(summary) = value.get_mut("summary").and_then(|one| one.as_object_mut()) {
            summary.remove("seeds_per_s");
        }
        value.to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn mistakes_in_usage_are_64() {
    for args in [
        &["run"][..],
        &["frobnicate"],
        &["run", "a.toml", "--sed", "1"],
        &["run", "a.toml", "--seed", "minus"],
        &["run", "a.toml", "--set", "nothing"],
        &["run", "a.toml", "--format", "yaml"],
        &["sweep", "a.toml", "--seeds", "5..5"],
        &["sweep", "a.toml", "--seeds", "0..1", "--threads", "0"],
        &["sweep", "a.toml", "--seeds", "0..1", "--threads", "65535"],
        &[],
    ] {
        let told = assize(args);
        assert_eq!(told.code, 64, "{args:?}: {}", told.err);
        assert!(told.out.is_empty() && !told.err.is_empty(), "{args:?}");
    }
    let told = assize(&["--help"]);
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    assert!(told.out.contains("Exit codes"), "{}", told.out);
    assert_eq!(assize(&["--version"]).code, 0);
}

#[test]
fn values_that_a_machine_refuses_are_65_and_named() {
    let folder = scratch("cli", "refused");
    let file = small(&folder);
    for (key, value) in [
        ("cluster.config.broker.heartbeat.interval.ms", "0"),
        ("cluster.config.default.replication.factor", "-1"),
        ("cluster.config.log.roll.ms", "0"),
        ("cluster.config.replica.selector.class", "foo.Bar"),
        ("service.audit.consumer.partition.assignment.strategy", "com.x.My"),
        ("service.audit.consumer.heartbeat.interval.ms", "-5"),
        ("service.order.producer.max.in.flight.requests.per.connection", "6"),
    ] {
        let set = format!("{key}={value}");
        for command in ["check", "run"] {
            let told = assize(&[command, &file, "--set", &set]);
            assert_eq!(told.code, 65, "{command} {set}: {}", told.err);
            let name = key.rsplit_once(".config.").map_or(key, |(_, name)| name);
            let name = name.rsplit_once(".producer.").map_or(name, |(_, name)| name);
            let name = name.rsplit_once(".consumer.").map_or(name, |(_, name)| name);
            assert!(told.err.contains(name), "{set}: {}", told.err);
        }
    }
    let set = "service.audit.consumer.auto.offset.reset=by_duration:PT0.5S";
    assert_eq!(assize(&["check", &file, "--set", set]).code, 0);
}

/// A stream that takes nothing: a full disk, or a reader who has gone away.
struct Broken(std::io::ErrorKind);

impl std::io::Write for Broken {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(self.0.into())
    }
}

#[test]
fn results_that_cannot_be_written_are_75_unless_nobody_reads_them() {
    use std::io::ErrorKind::{BrokenPipe, StorageFull};
    let folder = scratch("cli", "full");
    let file = small(&folder);
    for args in [&["check", &file][..], &["list"], &["run", &file], &["--help"]] {
        for (kind, code) in [(StorageFull, 75), (BrokenPipe, 0)] {
            let mut err = Vec::new();
            let args = std::iter::once("assize").chain(args.iter().copied());
            let told = assize::cli::main_with(args, &mut Broken(kind), &mut err);
            assert_eq!(told, code, "{kind}: {}", String::from_utf8_lossy(&err));
            assert_eq!(code == 75, !err.is_empty(), "{}", String::from_utf8_lossy(&err));
        }
    }
}

#[test]
fn dialogues_that_cannot_be_are_65() {
    let folder = scratch("cli", "dialogues");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("writable");
        path.to_str().expect("plain").to_owned()
    };
    let mut large = b"> cluster brokers=1\n".to_vec();
    large.resize(2 << 20, b'\n');
    for (path, word) in [
        (file("long.txt", b"> cluster brokers=1\n> wait 99999999999s\n"), "wait"),
        (file("longer.txt", b"> cluster brokers=1\n> wait 99999999999999999999s\n"), "longer"),
        (file("large.txt", &large), "limit"),
        (file("binary.txt", b"> cluster \xff\n"), "UTF-8"),
        (file("partitions.txt", b"> cluster\n> create-topic t partitions=2147483647\n"), "20000"),
        (file("more.txt", b"> cluster\n> create-partitions t 2147483647\n"), "20000"),
        (file("again.txt", b"> cluster\n> init-producer-id repeat=4000000000\n"), "100000"),
        (file("node.txt", b"> cluster\n> kill 4294967295\n"), "node 4294967295"),
        (file("told.txt", b"> producer partitions=t:2147483647\n"), "1000 of"),
        (file("none.txt", b"> producer partitions=t:0\n"), "partition"),
        (file("brokers.txt", b"> producer leaders=2147483647\n"), "100 of"),
        (file("sent.txt", b"> producer\n> send t-0 count=1000000000\n"), "10000 of"),
        (file("read.txt", b"> consumer partitions=t:2147483647\n"), "1000 of"),
        (file("bell.txt", b"> cluster\n> describe \x01-0\n"), "control"),
        ("/dev/null".to_owned(), "regular"),
    ] {
        let told = assize(&["dialogue", &path]);
        assert_eq!(told.code, 65, "{path}: {}", told.err);
        assert!(told.err.contains(word), "{path}: {}", told.err);
    }
    let told = assize(&["check", "/dev/null"]);
    assert_eq!((told.code, told.err.contains("regular")), (65, true), "{}", told.err);
}

#[test]
fn large_tables_are_65() {
    let folder = scratch("cli", "large-tables");
    let file = small(&folder);
    for set in [
        "cluster.config.offsets.topic.num.partitions=2147483647",
        "cluster.config.transaction.state.log.num.partitions=2147483647",
        "cluster.config.num.partitions=2147483647",
        "load.calls.keys=zipf(4000000000, 1)",
        "service.order.producer.batch.size=2147483647",
        "extends=/nonexistent.toml",
        "gate.p99.9999(end_to_end)=< 1s",
    ] {
        let told = assize(&["check", &file, "--set", set]);
        assert_eq!(told.code, 65, "{set}: {}", told.err);
    }
    for set in ["gate.lag(audit).end_records=> 18446744073709551615", "gate.p99.9(end_to_end)=< 9s"]
    {
        let told = assize(&["check", &file, "--set", set]);
        assert_eq!(told.code, 0, "{set}: {}", told.err);
    }
}

#[test]
fn a_hundred_brokers_form_a_cluster() {
    let folder = scratch("cli", "hundred");
    let file = small(&folder);
    let told = assize(&["run", &file, "--set", "cluster.brokers=101", "--format", "json"]);
    assert!(!told.out.contains("never formed"), "{}", told.out);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
}

#[test]
fn intervals_of_nothing_let_time_pass() {
    let folder = scratch("cli", "nothing");
    let file = small(&folder);
    for key in [
        "broker.session.timeout.ms",
        "log.flush.start.offset.checkpoint.interval.ms",
        "replica.high.watermark.checkpoint.interval.ms",
    ] {
        let set = format!("cluster.config.{key}=0");
        let told = assize(&["run", &file, "--set", &set, "--set", "scenario.drain=2s"]);
        assert!(told.code < 64, "{set}: {}", told.err);
    }
}

#[test]
fn bad_files_are_65_with_place_and_help() {
    let folder = scratch("cli", "bad");
    let file = folder.join("typo.toml");
    std::fs::write(&file, SMALL.replace("brokers = 3", "brokerz = 3")).expect("writable");
    let file = file.to_str().expect("plain").to_owned();
    for command in ["run", "check"] {
        let told = assize(&[command, &file]);
        assert_eq!(told.code, 65, "{}", told.err);
        assert!(told.err.contains("typo.toml:7") && told.err.contains("`brokers`"), "{}", told.err);
    }
    let odd: [(&str, &[u8]); 2] = [("empty.toml", b""), ("bytes.toml", &[0xff, 0xfe, 0])];
    for (name, bytes) in odd {
        let file = folder.join(name);
        std::fs::write(&file, bytes).expect("writable");
        let told = assize(&["check", file.to_str().expect("plain")]);
        assert_eq!(told.code, 65, "{name}: {}", told.err);
        assert!(!told.err.is_empty());
    }
    for nothing in ["/nowhere/at-all.toml", folder.to_str().expect("plain")] {
        let told = assize(&["run", nothing]);
        assert_eq!(told.code, 65, "{}", told.err);
        assert!(told.err.contains("cannot read"), "{}", told.err);
    }
    let era = assize(&["run", &small(&folder), "--set", "protocol.era=1.0"]);
    assert_eq!(era.code, 65, "{}", era.err);
}

#[test]
fn check_says_ok_with_the_digest_and_goes_on_after_errors() {
    let folder = scratch("cli", "check");
    let good = small(&folder);
    let told = assize(&["check", "/nowhere/at-all.toml", &good]);
    assert_eq!(told.code, 65);
    assert!(told.out.contains("small.toml: ok, digest "), "{}", told.out);
    assert_eq!(assize(&["check", &good]).code, 0);
}

#[test]
fn list_names_every_shipped_scenario() {
    let told = assize(&["list", "--format", "json"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let files: Vec<String> = told.out.lines().map(|l| json(l)["file"].to_string()).collect();
    for part in ["smoke/temperature.toml", "hazards/acks-1.toml", "scenarios/order-pipeline.toml"] {
        assert!(files.iter().any(|file| file.contains(part)), "{part} in {files:?}");
    }
    let told = assize(&["list"]);
    assert!(told.out.contains("fail: lost-acknowledged"), "{}", told.out);
}

#[test]
fn a_run_gives_one_line_and_a_token_that_repeats_it() {
    let folder = scratch("cli", "run");
    let file = small(&folder);
    let told =
        assize(&["run", &file, "--seed", "3", "--set", "load.calls.limit=40", "--format", "json"]);
    assert_eq!(told.out.lines().count(), 1, "{}{}", told.out, told.err);
    let run = json(&told.out);
    assert_eq!((run["seed"].as_u64(), run["exit"].as_i64()), (Some(3), Some(i64::from(told.code))));
    let replay = run["replay"].as_str().expect("text");
    let token = replay.strip_prefix("assize replay ").expect("a command");
    let again = assize(&["replay", token, "--format", "json"]);
    assert_eq!(timeless(&again.out), timeless(&told.out));

    let refused = assize(&["replay", &token.replacen(":0.", ":9.", 1)]);
    assert_eq!(refused.code, 65);
    assert!(refused.err.contains("the token is from assize 9."), "{}", refused.err);
    std::fs::write(&file, SMALL.replace("50/s", "60/s")).expect("writable");
    let refused = assize(&["replay", token]);
    assert_eq!(refused.code, 65);
    assert!(refused.err.contains("has changed since"), "{}", refused.err);
    assert_eq!(assize(&["replay", &token[..30]]).code, 65);
}

#[test]
fn a_sweep_is_told_in_order_whatever_the_threads() {
    let file = small(&scratch("cli", "sweep"));
    let sweep = |threads: &str| {
        assize(&["sweep", &file, "--seeds", "4..10", "--threads", threads, "--format", "json"])
    };
    let (one, two) = (sweep("1"), sweep("2"));
    assert_eq!(one.code, two.code);
    assert_eq!(timeless(&one.out), timeless(&two.out));
    let lines: Vec<_> = one.out.lines().map(json).collect();
    let seeds: Vec<_> = lines.iter().filter_map(|line| line["seed"].as_u64()).collect();
    assert_eq!(seeds, [4, 5, 6, 7, 8, 9]);
    let summary = &lines.last().expect("a summary")["summary"];
    assert_eq!(summary["runs"].as_u64(), Some(6));
    for field in ["passed", "failed", "inconclusive", "interrupted", "failing_seeds", "seeds_per_s"]
    {
        assert!(summary.get(field).is_some(), "{field}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_found_before_the_run() {
    let folder = scratch("cli", "out");
    let file = small(&folder);
    // The scenario file itself stands where the folder should be, or in its path.
    for place in [file.clone(), format!("{file}/report")] {
        let told = assize(&["run", &file, "--out", &place]);
        assert!([64, 75].contains(&told.code), "{}: {}", told.code, told.err);
        assert!(told.out.is_empty() && told.err.contains("--out"), "{}", told.err);
    }
}

#[test]
fn a_report_is_written_and_people_are_told() {
    let folder = scratch("cli", "report");
    let file = small(&folder);
    let place = folder.join("new").join("report");
    let told = assize(&["run", &file, "--out", place.to_str().expect("plain")]);
    for name in ["report.html", "summary.json", "junit.xml", "summary.md"] {
        assert!(place.join(name).is_file(), "{name}: {}", told.err);
    }
    let page = std::fs::read_to_string(place.join("report.html")).expect("just written");
    for part in ["Configuration", "min.insync.replicas", "Left out", "scenario line"] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["assize 0.", "seed 0", "broker-pause", "checks", "latency", "report:"] {
        assert!(told.out.contains(part), "{part} in {}", told.out);
    }
    let last = told.out.lines().last().expect("it tells something");
    assert!(last.starts_with("again with: assize replay assize1:"), "{last}");
    assert!(!told.out.contains('\u{1b}'), "colors are for terminals");
}

#[test]
fn a_check_that_is_off_is_neither_held_nor_named() {
    let hazard = &shipped("hazards/acks-1.toml");
    let pass = ["--set", "expect.verdict=pass", "--set", "expect.anomaly=none"];
    let run = |more: &[&str]| assize(&[&["run", hazard], more, &pass[..]].concat());
    let off = run(&["--set", "check.lost-acknowledged=false"]);
    assert_eq!(off.code, 0, "{}{}", off.out, off.err);
    assert!(!off.out.contains("record was lost"), "{}", off.out);
    assert!(off.out.contains("1 switched off and not judged"), "{}", off.out);
    assert!(off.out.contains("9 of 9 held, 1 switched off"), "{}", off.out);
    let on = run(&[]);
    assert_eq!(on.code, 10);
    assert!(on.out.contains("NOT AS EXPECTED (fail)"), "{}", on.out);
    let told = run(&["--set", "check.no-acknowledged-record-lost=false"]);
    assert_eq!(told.code, 65);
    assert!(told.err.contains("`lost-acknowledged`"), "{}", told.err);
}

#[test]
fn an_expected_violation_that_is_missing_is_no_pass() {
    let hazard = &shipped("hazards/acks-1.toml");
    let told = assize(&["run", hazard, "--set", "service.order.producer.acks=all"]);
    assert_eq!(told.code, 10, "{}{}", told.out, told.err);
    assert!(told.out.contains("NOT AS EXPECTED (pass)"), "{}", told.out);
    assert!(told.out.contains("An expected violation is missing"), "{}", told.out);
    let run =
        assize(&["run", hazard, "--set", "service.order.producer.acks=all", "--format", "json"]);
    let doubled = json(&run.out)["records"]["doubled"].as_u64().expect("a count");
    // What nobody promised and yet happened is told.
    assert_eq!(told.out.contains(&format!("{doubled} doubled")), doubled > 0, "{}", told.out);
    assert_eq!(told.out.contains("none was doubled"), doubled == 0, "{}", told.out);
}

#[test]
fn meta_agrees_and_a_trace_stops_where_it_is_told() {
    let folder = scratch("cli", "meta");
    let file = small(&folder);
    let told = assize(&["meta", &file, "--seeds", "0..2"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert_eq!(told.out.lines().count(), 2);
    let told = assize(&["replay", &file, "--trace", "--until", "11"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let events: Vec<&str> = told.out.lines().filter(|line| line.ends_with(']')).collect();
    assert_eq!(events.len(), 10, "{}", told.out);
    assert!(events.iter().all(|line| line.contains(" s  ")), "{}", told.out);
    assert!(
        told.out.lines().last().is_some_and(|line| line.starts_with("stopped before event 11"))
    );
}

#[test]
fn what_must_happen_and_does_not_is_told() {
    let folder = scratch("cli", "notes");
    let file = small(&folder);
    let demanding = |notes: &str| {
        let set = format!("expect.notes=[\"{notes}\"]");
        assize(&["run", &file, "--format", "json", "--set", &set])
    };
    assert_eq!(demanding("broker-pause").code, 0);
    assert_eq!(demanding("became-leader").code, 0);
    let told = demanding("unclean-election");
    assert_eq!(told.code, 13, "{}{}", told.out, told.err);
    assert_eq!(json(&told.out)["missing_notes"][0], "unclean-election");
    let told = demanding("broker-kil");
    assert_eq!(told.code, 65);
    assert!(told.err.contains("broker-kill"), "the names are told: {}", told.err);
}

#[test]
fn dialogues_are_compared() {
    let folder = root().join("tests/dialogues");
    let good = folder.join("log/produce-fetch.txt");
    let good = good.to_str().expect("plain");
    let told = assize(&["dialogue", "--check", good]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    let recorded = std::fs::read_to_string(good).expect("in the repository");
    assert_eq!(assize(&["dialogue", good]).out, recorded);
    let changed = scratch("cli", "dialogue").join("changed.txt");
    std::fs::write(&changed, recorded.replacen("< ", "< not ", 1)).expect("writable");
    let told = assize(&["dialogue", "--check", changed.to_str().expect("plain")]);
    assert_eq!(told.code, 10);
    assert!(told.out.contains("recorded  < not"), "{}", told.out);
}

#[test]
fn every_regression_gives_what_it_recorded() {
    let folder = root().join("scenarios/regressions");
    let entries = std::fs::read_dir(folder).expect("there are regressions");
    for path in entries.map(|entry| entry.expect("readable").path()) {
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let name = path.to_str().expect("plain");
        let told = assize(&["replay", name, "--format", "json"]);
        assert_eq!(told.code, 0, "{name}: {}{}", told.out, told.err);
        let text = std::fs::read_to_string(&path).expect("readable");
        let scenario = scenarios::Scenario::parse(&text, &[]).expect("it was just run");
        assert!(!scenario.expect.notes.is_empty(), "{name}: demands nothing to happen");
        let run = json(&told.out);
        assert_eq!(run["missing_notes"].as_array().map(Vec::len), Some(0), "{name}");
    }
}
