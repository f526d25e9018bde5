//! Functions of the Kafka client against vectors made by the Java client's own classes.

use assize::client::murmur2::{murmur2, partition_for};
use assize::client::producer::{LoadTable, switches};
use assize::client::record_size::{
    NO_HEADERS, batch_bound, estimated_batch_bytes, headers_bytes, record_bound, record_bytes,
};
use broker_model::records::BATCH_OVERHEAD_BYTES;
use serde_json::Value;

fn vectors(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).expect("vectors are JSON lines"))
}

fn int(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_else(|| panic!("{key} of {value} is a whole number"))
}

fn uint(value: &Value, key: &str) -> u32 {
    u32::try_from(int(value, key)).unwrap_or_else(|_| panic!("{key} of {value} fits in u32"))
}

/// A length of which -1 means null.
fn length(value: &Value, key: &str) -> Option<u32> {
    u32::try_from(int(value, key)).ok()
}

fn ints(value: &Value) -> Vec<u32> {
    let list = value.as_array().expect("a list");
    list.iter().map(|n| u32::try_from(n.as_u64().expect("not negative")).expect("fits")).collect()
}

fn bytes_of_hex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex is ASCII");
            u8::from_str_radix(pair, 16).expect("hex digits")
        })
        .collect()
}

fn headers(value: &Value) -> u32 {
    let list = value["headers"].as_array().expect("a list of headers");
    let length = |n: usize| u32::try_from(n).expect("headers are short");
    let lengths: Vec<(u32, Option<u32>)> = list
        .iter()
        .map(|header| {
            let key = length(header[0].as_str().expect("a header has a key").len());
            (key, header[1].as_str().map(|hex| length(hex.len() / 2)))
        })
        .collect();
    headers_bytes(&lengths)
}

#[test]
fn murmur2_is_kafkas() {
    let mut seen = 0;
    for v in vectors(include_str!("../vectors/murmur2.jsonl")) {
        let hash = murmur2(&bytes_of_hex(v["key"].as_str().expect("a key in hex")));
        assert_eq!(i64::from(hash), int(&v, "murmur2"), "{v}");
        for (key, partitions) in [("p1", 1), ("p3", 3), ("p7", 7), ("p12", 12), ("p50", 50)] {
            assert_eq!(partition_for(hash, partitions), uint(&v, key), "{v} on {partitions}");
        }
        seen += 1;
    }
    assert_eq!(seen, 150, "vectors are missing");
}

#[test]
fn record_sizes_are_kafkas() {
    let mut seen = 0;
    for v in vectors(include_str!("../vectors/record-sizes.jsonl")) {
        let (key, value) = (length(&v, "key_len"), length(&v, "value_len"));
        match v["kind"].as_str() {
            Some("upper_bound") => {
                let headers = headers(&v);
                assert_eq!(record_bound(key, value, headers), uint(&v, "record_upper"), "{v}");
                let bound = batch_bound(key, value, headers);
                assert_eq!(bound, uint(&v, "batch_upper"), "{v}");
                assert_eq!(bound, uint(&v, "estimate_none"), "{v}");
                assert_eq!(bound, uint(&v, "estimate_lz4"), "{v}");
            }
            Some("record") => {
                let (offset, time) = (uint(&v, "offset_delta"), int(&v, "timestamp_delta"));
                let size = record_bytes(offset, time, key, value, headers(&v));
                assert_eq!(size, uint(&v, "size"), "{v}");
            }
            Some("batch") => {
                let (count, step) = (uint(&v, "records"), int(&v, "timestamp_step"));
                let records: u32 = (0..count)
                    .map(|i| record_bytes(i, i64::from(i) * step, key, value, NO_HEADERS))
                    .sum();
                let size = if count == 0 { 0 } else { BATCH_OVERHEAD_BYTES + records };
                assert_eq!(size, uint(&v, "size"), "{v}");
                assert_eq!(estimated_batch_bytes(size, false), uint(&v, "estimate_none"), "{v}");
                assert_eq!(estimated_batch_bytes(size, true), uint(&v, "estimate_lz4"), "{v}");
            }
            other => panic!("vectors of kind {other:?} are unknown"),
        }
        seen += 1;
    }
    assert_eq!(seen, 1_260, "vectors are missing");
}

#[test]
fn adaptive_partitioning_is_kafkas() {
    let mut seen = 0;
    for v in vectors(include_str!("../vectors/producer-behaviour.jsonl")) {
        if v["kind"] != "load" {
            continue;
        }
        let queues = ints(&v["queue_sizes"]);
        let ids = ints(&v["partition_ids"]);
        let length = uint(&v, "length") as usize;
        let table = LoadTable::new(&queues[..length], queues.len());
        let cumulative = v["cft"].as_array().map(|_| ints(&v["cft"]));
        assert_eq!(table.as_ref().map(|t| t.cumulative().to_vec()), cumulative, "{v}");
        for (random, chosen) in ints(&v["random"]).into_iter().zip(ints(&v["chosen"])) {
            let place = match &table {
                Some(table) => ids[table.choose(random)],
                None => random % uint(&v, "partitions"),
            };
            assert_eq!(place, chosen, "draw {random} of {v}");
        }
        seen += 1;
    }
    assert_eq!(seen, 30, "vectors are missing");
}

#[test]
fn sticky_partitioning_is_kafkas() {
    let mut seen = 0;
    for v in vectors(include_str!("../vectors/producer-behaviour.jsonl")) {
        if v["kind"] != "sticky" {
            continue;
        }
        let (batch_size, partitions) = (uint(&v, "sticky_bytes"), uint(&v, "partitions"));
        let mut draws = ints(&v["random"]).into_iter().map(|random| random % partitions);
        let mut partition = draws.next();
        let mut produced = 0;
        for step in v["steps"].as_array().expect("steps") {
            let bytes = u32::try_from(step[0].as_u64().expect("bytes")).expect("fits");
            let full = step[1].as_bool().expect("whether a switch is allowed");
            assert_eq!(partition.map(u64::from), step[2].as_u64(), "{v}");
            produced += bytes;
            let moves = switches(produced, batch_size, full);
            assert_eq!(Some(moves), step[3].as_bool(), "{v}");
            if moves {
                partition = draws.next();
                produced = 0;
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 16, "vectors are missing");
}
