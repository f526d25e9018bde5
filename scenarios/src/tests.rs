//! The language as a whole.

use proptest::prelude::*;

use crate::model::FaultKind;
use crate::{Diagnostic, Scenario};

const SMALL: &str = r#"
[scenario]
name = "small"
duration = "10s"
[topic.orders]
partitions = 3
replication = 3
[service.order]
kind = "ingress"
output = "orders"
[load.calls]
into = "order"
arrivals = { model = "open", rate = "100/s" }
"#;

/// A file with most of the language in it.
const PIPELINE: &str = include_str!("../order-pipeline.toml");

fn flags(flags: &[(&str, &str)]) -> Vec<(String, String)> {
    flags.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect()
}

fn with(path: &str, value: &str) -> Result<Scenario, Vec<Diagnostic>> {
    Scenario::parse(SMALL, &flags(&[(path, value)]))
}

fn codes(result: Result<Scenario, Vec<Diagnostic>>) -> Vec<&'static str> {
    result.err().unwrap_or_default().iter().map(|d| d.code).collect()
}

#[test]
fn the_smallest_scenario_has_defaults() {
    let scenario = Scenario::parse(SMALL, &[]).expect("valid");
    assert_eq!(scenario.duration, 10_000_000_000);
    assert_eq!(scenario.drain, 300_000_000_000);
    assert_eq!(scenario.cluster.brokers, 3);
    assert_eq!(scenario.hardware.name, "m5.2xlarge");
    assert_eq!(scenario.services[0].producer.int("linger.ms"), 5);
}

#[test]
fn the_rendering_reads_back_as_the_same_scenario() {
    let scenario = Scenario::parse(SMALL, &[]).expect("valid");
    let again = Scenario::parse(&scenario.to_toml(), &[]).expect("canonical text is valid");
    assert_eq!(scenario, again);
    assert_eq!(scenario.digest(), again.digest());
}

#[test]
fn the_digest_changes_with_the_scenario_only() {
    let plain = Scenario::parse(SMALL, &[]).expect("valid").digest();
    let spaced = Scenario::parse(&format!("# a comment\n{SMALL}"), &[]).expect("valid").digest();
    let seeded = with("scenario.seed", "1").expect("valid").digest();
    assert_eq!(plain, spaced);
    assert_ne!(plain, seeded);
}

#[test]
fn flags_set_values() {
    let scenario = with("scenario.duration", "20s").expect("valid");
    assert_eq!(scenario.duration, 20_000_000_000);
    let scenario = with("service.order.producer.linger.ms", "7").expect("valid");
    assert_eq!(scenario.services[0].producer.get_int("linger.ms"), Some(7));
    let scenario = with("cluster.admin.retry.backoff.ms", "7").expect("valid");
    assert_eq!(scenario.cluster.admin.get_int("retry.backoff.ms"), Some(7));
    let scenario = with("load.calls.arrivals.shape", "burst(10)").expect("valid");
    assert!(scenario.to_toml().contains("burst(10)"));
    let scenario = with("gate.p99.9(produce)", "< 5ms").expect("valid");
    assert_eq!(scenario.gates[0].bound, 5_000_000);
}

#[test]
fn a_topic_takes_what_one_request_may_create() {
    let key = "topic.orders.config.retention.ms";
    let of = |set: &[(&str, &str)]| Scenario::parse(SMALL, &flags(set)).map_err(|e| e[0].code);
    let too_many = Err("scenario::too-many-partitions");
    assert!(of(&[("topic.orders.partitions", "9999")]).is_ok());
    assert!(of(&[("topic.orders.partitions", "10000")]).is_err());
    assert_eq!(of(&[("topic.orders.partitions", "9999"), (key, "1s")]).map(|s| s.name), too_many);
    let by_default = SMALL.replace("partitions = 3\n", "");
    let many = flags(&[("cluster.config.num.partitions", "20000")]);
    assert!(Scenario::parse(&by_default, &many).is_err());
}

#[test]
fn integers_of_kafka_can_be_drawn() {
    let key = "cluster.config.broker.session.timeout.ms";
    let scenario = with(key, "5s..9s").expect("valid");
    assert_eq!(scenario.cluster.config.int("broker.session.timeout.ms"), 5_000);
    let highest = scenario.settled(|path, low, high| {
        assert_eq!((path, low), (key, 5_000));
        high
    });
    assert_eq!(highest.cluster.config.int("broker.session.timeout.ms"), 9_000);
    assert_eq!(Scenario::parse(&scenario.to_toml(), &[]).expect("canonical"), scenario);
    assert_eq!(
        with("cluster.config.num.io.threads", "2..8").map(|s| s.settled(|_, _, h| h)),
        with("cluster.config.num.io.threads", "8")
    );
    for (key, bad) in [
        (key, "9s..5s"),
        (key, "5s.."),
        ("cluster.config.num.io.threads", "0..8"),
        ("topic.orders.config.cleanup.policy", "delete..compact"),
    ] {
        assert!(with(key, bad).is_err(), "{key} = {bad}");
    }
}

#[test]
fn operations_are_read() {
    let operations = r#"
[[fault]]
kind = "add-broker"
target = "broker:4"
at = "1s"

[[fault]]
kind = "reassign"
target = "topic:orders"
replicas = ["broker:4", "broker:2"]
at = "2s"

[[fault]]
kind = "unclean-election"
target = "partition:orders/0"
at = "3s"

[[fault]]
kind = "abort-hanging"
target = "topic:orders"
at = "4s"
"#;
    let read = |brokers: &str| {
        let flags = [("cluster.brokers".to_owned(), brokers.to_owned())];
        Scenario::parse(&format!("{SMALL}{operations}"), &flags)
    };
    let scenario = read("4").expect("valid");
    assert_eq!(scenario.brokers_at_boot(), 3);
    let FaultKind::Reassign { replicas: Some(list), .. } = scenario.faults[1].kind else {
        panic!("{:?}", scenario.faults[1])
    };
    assert_eq!(list.brokers(), [4, 2]);
    let quarter = FaultKind::AbortHanging { max_transaction_timeout: 900_000_000_000 };
    assert_eq!(scenario.faults[3].kind, quarter);
    assert_eq!(Scenario::parse(&scenario.to_toml(), &[]).expect("canonical"), scenario);
    let unknown = read("3").expect_err("no broker 4");
    assert!(unknown.iter().all(|e| e.code == "scenario::unknown-broker"), "{unknown:?}");
}

#[test]
fn flags_are_named_in_errors() {
    for (path, value, code) in [
        ("scenario.duration", "0s", "scenario::duration"),
        ("scenario.duraton", "1s", "scenario::unknown-key"),
        ("topic.order.partitions", "1", "scenario::flag"),
        ("fault.1.at", "1s", "scenario::flag"),
        ("scenario.name.first", "x", "scenario::flag"),
        ("", "1", "scenario::flag"),
        ("topic.orders.replication", "4", "scenario::replication-above-brokers"),
    ] {
        let errors = with(path, value).expect_err(path);
        let told = errors.iter().find(|d| d.code == code);
        let told = told.unwrap_or_else(|| panic!("{path}: {errors:?}"));
        assert!(told.message.starts_with(&format!("--set {path}={value}: ")), "{}", told.message);
    }
}

#[test]
fn protocol_rules_are_checked_against_a_vocabulary() {
    let words = crate::Vocabulary {
        rules: &[("acks_all", &["wait", "early"]), ("elr", &["on", "off"])],
        eras: &[("old", &[("acks_all", "early"), ("elr", "off")])],
        takes: None,
    };
    let read = |line: &str| {
        let text = format!("{SMALL}\n[protocol]\n{line}\n");
        Scenario::load_with(&text, &[], &|_| Err(String::new()), &words)
    };
    let rules = |line: &str| {
        let scenario = read(line).expect("known words");
        let canonical = scenario.to_toml();
        let again = Scenario::load_with(&canonical, &[], &|_| Err(String::new()), &words);
        assert_eq!(again.expect("canonical").to_toml(), canonical, "{line}");
        scenario.protocol.into_iter().map(|(r, v)| format!("{r}={v}")).collect::<Vec<_>>()
    };
    assert_eq!(rules("acks_all = \"early\""), ["acks_all=early"]);
    assert_eq!(rules("elr = false"), ["elr=off"], "false is another word for off");
    assert_eq!(rules("era = \"old\""), ["acks_all=early", "elr=off"], "an era is resolved");
    assert_eq!(rules("acks_all = \"wait\"\nera = \"old\""), ["elr=off", "acks_all=wait"]);
    for bad in ["acks_al = \"early\"", "acks_all = \"erly\"", "era = \"new\"", "acks_all = 1"] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert!(with("protocol.anything", "goes").is_ok(), "without a vocabulary");
}

#[test]
fn endless_values_make_short_messages() {
    let text = SMALL.replace("10s", &"1".repeat(100_000));
    let errors = Scenario::parse(&text, &[]).expect_err("no duration");
    assert!(errors.iter().all(|e| e.message.len() < 3_000));
}

#[test]
fn bases_are_merged_below() {
    let base = |name: &str| match name {
        "base.toml" => Ok(SMALL.to_owned()),
        "loop.toml" => Ok("extends = \"loop.toml\"".to_owned()),
        "bad.toml" => Ok("[topic.orders]\npartitions = 0".to_owned()),
        other => Err(format!("no such file: {other}")),
    };
    let text = "extends = \"base.toml\"\n[topic.orders]\npartitions = 5\n[topic.more]";
    let scenario = Scenario::load(text, &[], &base).expect("valid");
    assert_eq!(scenario.topics[0].partitions, 5);
    assert_eq!(scenario.topics[0].replication, 3, "the base's");
    assert_eq!(scenario.topics[1].name, "more");
    assert_eq!(codes(Scenario::load("extends = \"x\"", &[], &base)), ["scenario::extends"]);
    assert_eq!(codes(Scenario::load("extends = \"loop.toml\"", &[], &base)), ["scenario::extends"]);
    let errors = Scenario::load("extends = \"bad.toml\"", &[], &base).expect_err("no partitions");
    let told = errors.iter().find(|d| d.code == "scenario::range").expect("told");
    assert_eq!(told.source.as_ref().map(|s| s.0.as_str()), Some("bad.toml"));
}

#[test]
fn independent_errors_come_together() {
    let text = SMALL
        .replace("duration = \"10s\"", "duration = \"10\"")
        .replace("partitions = 3", "partitions = 0")
        .replace("kind = \"ingress\"", "kind = \"ingres\"");
    let codes = codes(Scenario::parse(&text, &[]));
    assert_eq!(codes, ["scenario::duration", "scenario::range", "scenario::unknown-value"]);
}

#[test]
fn hostile_files_are_told_and_not_fatal() {
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let dotted = format!("{}a = 1", "a.".repeat(100_000));
    let huge = "#".repeat(crate::SIZE_MAX + 1);
    let many: String = (0..60_000).map(|i| format!("k{i} = 1\n")).collect();
    let topics: String = (0..30_000).map(|i| format!("[topic.t{i}]\n")).collect();
    for text in [deep, dotted, huge, many, topics, String::new(), "\0".to_owned()] {
        let errors = Scenario::parse(&text, &[]).expect_err("no scenario");
        assert!(errors.len() <= 101, "bounded");
        assert!(errors.iter().all(|e| e.message.len() < 2_000));
    }
    assert!(crate::text_of(b"\xff\xfe").is_err());
    assert!(crate::text_of(&vec![b' '; 10 << 20]).is_err());
}

/// All shipped files, by path relative to the package.
fn shipped() -> Vec<(String, String)> {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut out = Vec::new();
    for folder in [
        "",
        "smoke/",
        "faults/",
        "hazards/",
        "operations/",
        "campaign/",
        "search/",
        "load/",
        "storage/",
        "zoo/",
        "regressions/",
    ] {
        let Ok(entries) = std::fs::read_dir(format!("{root}/{folder}")) else { continue };
        for entry in entries {
            let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
            if name.ends_with(".toml") && name != "Cargo.toml" {
                let path = format!("{folder}{name}");
                let text = std::fs::read_to_string(format!("{root}/{path}")).expect("readable");
                out.push((path, text));
            }
        }
    }
    out.sort();
    out
}

#[test]
fn shipped_files_are_valid_and_read_back() {
    let files = shipped();
    assert!(files.len() >= 2);
    let mut names = Vec::new();
    for (path, text) in &files {
        let folder = path.rfind('/').map_or("", |i| &path[..=i]);
        let loader = |base: &str| {
            let path = format!("{}/{folder}{base}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).map_err(|e| e.to_string())
        };
        let scenario = Scenario::load(text, &[], &loader).unwrap_or_else(|errors| {
            let told: String = errors.iter().map(|e| e.render(path, text)).collect();
            panic!("{told}");
        });
        let again = Scenario::parse(&scenario.to_toml(), &[]).expect("canonical text is valid");
        assert_eq!(scenario, again, "{path}");
        let stem = path.rsplit('/').next().and_then(|n| n.strip_suffix(".toml"));
        assert_eq!(Some(scenario.name.as_str()), stem, "named as its file");
        assert!(!scenario.description.is_empty(), "{path} has a description");
        names.push(scenario.name);
    }
    // What the files of a folder build on is called so in each.
    names.retain(|name| name != "cluster");
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "names are unique");
}

/// Pieces of the language and of TOML, so that random text gets somewhere.
fn fragment() -> impl Strategy<Value = String> {
    let words = [
        "[scenario]\n",
        "[[fault]]\n",
        "[service.order]\n",
        "[topic.orders]\n",
        "[gate]\n",
        "[load.calls]\n",
        "[cluster]\n",
        "[check]\n",
        "[expect]\n",
        "[hardware.test]\n",
        "name = ",
        "kind = ",
        "duration = ",
        "at = ",
        "on = ",
        "target = ",
        "keys = ",
        "arrivals = ",
        "{ ",
        " }",
        "[",
        "]",
        "\"",
        "\n",
        "=",
        ".",
        "..",
        "1",
        "-1",
        "0",
        "1e9",
        "nan",
        "inf",
        "10s",
        "\"1s..0s\"",
        "\"lognormal(1ms, \"",
        "\"leader-of:orders/0\"",
        "\"append:orders/0#\"",
        "\"broker-kill\"",
        "\"zipf(1,2)\"",
        "true",
        "ä",
        "\u{feff}",
        "'",
        "\"p99(x)\" = \"< 1ms\"\n",
        "\"linger.ms\" = ",
        "producer = { ",
        "extends = ",
    ];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => ".{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(pieces in prop::collection::vec(fragment(), 0..40)) {
        let text = pieces.concat();
        if let Err(errors) = Scenario::parse(&text, &[]) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                let _ = error.render("file", &text);
            }
        }
    }

    #[test]
    fn broken_files_never_panic(cut in 0..SMALL.len(), put in fragment(), flag in ".{0,20}") {
        let text = format!("{}{put}{}", &SMALL[..cut], &SMALL[cut..]);
        let _ = Scenario::parse(&text, &flags(&[("scenario.duration", &flag), (&flag, "1")]));
    }

    #[test]
    fn mutilated_files_never_panic(
        cuts in prop::collection::vec((0..PIPELINE.len(), 0..30_usize, fragment()), 1..4),
    ) {
        let mut text = PIPELINE.to_owned();
        for (at, length, put) in cuts {
            let (from, to) = (at.min(text.len()), (at + length).min(text.len()));
            if text.is_char_boundary(from) && text.is_char_boundary(to) {
                text.replace_range(from..to, &put);
            }
        }
        match Scenario::parse(&text, &[]) {
            Ok(scenario) => {
                let again = Scenario::parse(&scenario.to_toml(), &[]);
                prop_assert_eq!(again.map(|s| s.digest()), Ok(scenario.digest()));
            }
            Err(errors) => prop_assert!(!errors.is_empty()),
        }
    }

    #[test]
    fn rendering_reads_back(
        duration in 1_u64..1 << 50,
        rate in 1_u64..1_000_000_000,
        loss in 0_u64..=1_000,
        (low, width) in (0_u64..1 << 40, 0_u64..1 << 40),
        sigma in 1_u64..=5_000_000,
        description in ".{0,20}",
    ) {
        let mut scenario = Scenario::parse(SMALL, &[]).expect("valid");
        scenario.duration = duration;
        scenario.description = description;
        scenario.network.connection_loss =
            crate::model::Ratio { numerator: loss, denominator: 1_000 };
        scenario.network.same_rack =
            crate::model::Distribution::Uniform { low, high: low + width };
        scenario.network.jitter =
            crate::model::Distribution::Lognormal { mean: low + 1, sigma_millionths: sigma };
        scenario.loads[0].arrivals = crate::model::Arrivals::Open {
            rate: crate::model::Rate { micro_per_second: rate },
            shape: crate::model::Shape::Constant,
        };
        let text = scenario.to_toml();
        let again = Scenario::parse(&text, &[]).expect("canonical text is valid");
        // Ratios are written in lowest terms; the text is what must be stable.
        prop_assert_eq!(&again.to_toml(), &text);
        scenario.network.connection_loss = again.network.connection_loss;
        prop_assert_eq!(again, scenario);
    }
}
