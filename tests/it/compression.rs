//! Codecs buy bytes for processor time, wherever they are set.

use std::path::{Path, PathBuf};

use assize_tests::root;
use reports::summary::Summary;
use scenarios::Scenario;

use crate::command::assize;

fn file(name: &str) -> PathBuf {
    root().join("scenarios/load").join(name)
}

/// A run of `load/uncompressed.toml` for five seconds, with values of its own.
fn run(set: &[(&str, &str)]) -> Summary {
    let path = file("uncompressed.toml");
    let text = std::fs::read_to_string(&path).expect("part of the repository");
    let short = ("scenario.duration", "5s");
    let set = [&[short], set].concat();
    let set: Vec<(String, String)> =
        set.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let scenario = Scenario::parse(&text, &set).expect("keys and values of the language");
    let run = assize::run::run(&scenario, &path, 0, || 0.0).expect("Kafka takes this");
    run.summary
}

const PRODUCER: &str = "service.gateway.producer.compression.type";
const TOPIC: &str = "topic.documents.config.compression.type";
/// So that nothing falls behind.
const WIDE: [(&str, &str); 2] =
    [("hardware.narrow.network_base", "1Gb/s"), ("hardware.narrow.network_burst", "1Gb/s")];

fn bytes_per_record(summary: &Summary) -> f64 {
    let (_, rate) = &summary.throughput.0[0];
    rate.mib_per_s * f64::from(1 << 20) / rate.records_per_s
}

/// Mean utilization of a resource over the brokers.
fn utilization(summary: &Summary, resource: &str) -> f64 {
    let each = summary.resources.0.iter().map(|(_, of)| {
        of.0.iter().find(|(name, _)| name == resource).expect("brokers have it").1.mean
    });
    each.sum::<f64>() / summary.resources.0.len() as f64
}

fn mean_ms(summary: &Summary, stage: &str) -> f64 {
    let found = summary.latency.0.iter().find(|(name, _)| name == stage);
    found.expect("a stage of the pipeline").1.overall.mean_ms
}

#[test]
fn a_producer_sends_what_its_codec_leaves_and_pays_for_it() {
    let with = |codec| run(&[&WIDE[..], &[(PRODUCER, codec)]].concat());
    let (none, gzip, lz4) = (with("none"), with("gzip"), with("lz4"));
    let whole = bytes_per_record(&none);
    for (summary, ratio) in [(&gzip, 0.25), (&lz4, 0.35)] {
        let left = bytes_per_record(summary) / whole;
        assert!((ratio..ratio + 0.02).contains(&left), "{left} of a byte instead of {ratio}");
        let (cheap, dear) = (utilization(&none, "network"), utilization(summary, "network"));
        assert!(dear < cheap * (ratio + 0.1), "{dear} of the network instead of {cheap}");
    }
    let (dear, cheap) = (utilization(&gzip, "cpu"), utilization(&lz4, "cpu"));
    assert!(dear > cheap * 1.05, "leaders decompress: {dear} of their processors, {cheap} for lz4");
    // 2 KiB at 20 MB a second.
    let paid = mean_ms(&gzip, "gateway") - mean_ms(&none, "gateway");
    assert!((0.09..0.2).contains(&paid), "{paid} ms a call");
    assert!(mean_ms(&lz4, "gateway") < mean_ms(&gzip, "gateway"));
}

#[test]
fn a_topic_with_a_codec_of_its_own_makes_its_leaders_compress() {
    let (as_sent, anew) = (run(&WIDE), run(&[&WIDE[..], &[(TOPIC, "gzip")]].concat()));
    let sent = bytes_per_record(&anew) / bytes_per_record(&as_sent);
    assert!((0.99..1.01).contains(&sent), "the producer does not compress");
    let (dear, cheap) = (utilization(&anew, "cpu"), utilization(&as_sent, "cpu"));
    assert!(dear > cheap * 2.0, "leaders compress: {dear} of their processors, {cheap} without");
    assert!(
        utilization(&anew, "network") < utilization(&as_sent, "network") * 0.6,
        "followers and readers do"
    );
}

#[test]
fn nothing_comes_of_a_codec_where_nothing_is_said_of_the_records() {
    let silent = |codec| {
        let text = std::fs::read_to_string(file("uncompressed.toml")).expect("it is there");
        let text = text.replace("payload = \"json\"", "");
        let set = [("scenario.duration", "2s"), (PRODUCER, codec), WIDE[0], WIDE[1]];
        let set: Vec<_> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let scenario = Scenario::parse(&text, &set).expect("keys of the language");
        let run = assize::run::run(&scenario, Path::new("inline"), 0, || 0.0);
        run.expect("Kafka takes this").summary
    };
    let (none, zstd) = (silent("none"), silent("zstd"));
    let (none, zstd) = (bytes_per_record(&none), bytes_per_record(&zstd));
    assert!((none - zstd).abs() < 10.0, "{none} and {zstd} bytes a record");
}

#[test]
fn the_narrow_network_is_too_narrow_and_zstd_repairs_it() {
    for name in ["uncompressed.toml", "uncompressed-repaired.toml"] {
        let path = file(name);
        let told = assize(&["run", &path.display().to_string()]);
        assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    }
}

#[test]
fn batches_that_came_out_too_large_are_split_and_nothing_is_lost() {
    let path = file("mixed-payloads.toml").display().to_string();
    // On the second seed an older batch follows the parts of those that were split.
    for seed in ["0", "27"] {
        let told = assize(&["run", &path, "--seed", seed]);
        assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    }
    let trace = assize(&["replay", &path, "--trace"]).out;
    let refused = trace.lines().filter(|line| line.contains("MESSAGE_TOO_LARGE")).count();
    assert!(refused > 0, "the images come out larger than expected");
}
