//! `assize explain`, and what Kafka's keys are said to do against the code.

use std::collections::BTreeSet;

use scenarios::model::Scope;

use crate::command::{Told, assize};
use crate::tidy;

fn explain(args: &[&str]) -> Told {
    assize(&[&["explain"], args].concat())
}

#[test]
fn keys_are_told_as_recorded() {
    let keys = [
        "linger.ms",
        "min.insync.replicas",
        "request.timeout.ms",
        "segment.bytes",
        "zookeeper.connect",
        "group.id",
        "num.partitions",
    ];
    let Told { code, out, err } = explain(&keys);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!("explain", out);
}

#[test]
fn scopes_are_counted() {
    let Told { code, out, .. } = explain(&[]);
    assert_eq!(code, 0);
    insta::assert_snapshot!("explain_scopes", out);
    let Told { out: lines, .. } = explain(&["--format", "json"]);
    for line in lines.lines() {
        let one: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let sum = ["modelled", "without_effect", "reserved"].map(|k| one[k].as_u64());
        assert_eq!(sum.into_iter().flatten().sum::<u64>(), one["keys"].as_u64().unwrap_or(0));
    }
}

#[test]
fn a_slip_is_a_mistake_in_usage_with_the_nearest_name() {
    let Told { code, out, err } = explain(&["linger.mss"]);
    assert_eq!((code, out.as_str()), (64, ""));
    assert!(err.contains("did you mean `linger.ms`?"), "{err}");
    let Told { code, .. } = explain(&["acks", "\u{0}", ""]);
    assert_eq!(code, 64);
}

/// Fields that `explain` says hold a key are looked at by code, not only set.
#[test]
fn what_is_said_to_be_read_is_read() {
    let mut keys: Vec<&str> =
        Scope::ALL.into_iter().flat_map(|scope| scope.forms().map(|key| key.name)).collect();
    keys.dedup();
    let args: Vec<&str> = ["--format", "json"].into_iter().chain(keys).collect();
    let Told { code, out, err } = explain(&args);
    assert_eq!((code, err.as_str()), (0, ""));
    let mut fields = BTreeSet::new();
    for line in out.lines() {
        let one: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        assert_ne!(one["effect"], "unknown", "{line}");
        let Some((_, field)) = one["read"].as_str().and_then(|read| read.split_once("::")) else {
            continue;
        };
        fields.insert(field.to_owned());
    }
    assert!(fields.len() > 80, "{} fields", fields.len());
    let all = tidy::sources();
    let code: Vec<&str> = all
        .iter()
        .filter(|s| s.is_rust() && !s.is_test())
        .filter(|s| s.path.starts_with("broker-model/src") || s.path.starts_with("sim/src"))
        .flat_map(tidy::Source::code)
        .collect();
    let read = |field: &str| {
        let field = field.split('.').next().unwrap_or(field);
        let wanted = format!(".{field}");
        code.iter().any(|line| {
            line.match_indices(&wanted).any(|(at, _)| {
                let next = line[at + wanted.len()..].chars().next();
                !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
            })
        })
    };
    let unread: Vec<String> = fields.into_iter().filter(|field| !read(field)).collect();
    assert!(unread.is_empty(), "set and never read: {unread:?}");
}

#[test]
fn a_feature_of_a_cluster_is_told_by_release() {
    let Told { code, out, err } = explain(&["eligible.leader.replicas.version"]);
    assert_eq!(code, 0, "{err}");
    for part in ["feature of a cluster", "0 to 1 in 4.0; 0 to 1 in 4.1", "0 in 4.0; 1 in 4.1"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let Told { out, .. } = explain(&["eligible.leader.replicas.version", "--format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&out).expect("an object");
    assert_eq!(object["levels"][1]["new_cluster"], 1);
    let Told { err, .. } = explain(&["eligible.leader.replica.version"]);
    assert!(err.contains("did you mean `eligible.leader.replicas.version`?"), "{err}");
}
