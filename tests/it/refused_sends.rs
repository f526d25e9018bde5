//! Records that their own producer refuses: what becomes of them is told.

use crate::command::{Told, assize};
use crate::place::scratch;

/// Callers that wait for their answers; about half of their records are too large.
const CLOSED: &str = r#"
[scenario]
name = "refused"
duration = "2s"

[cluster]
hardware = "test"

[topic.orders]
partitions = 3
replication = 3

[service.order]
kind = "ingress"
output = "orders"
producer = { "max.request.size" = 20000, "batch.size" = 100000 }

[service.audit]
kind = "reader"
input = "orders"

[load.calls]
into = "order"
size = "uniform(100B, 40KB)"
arrivals = { model = "closed", callers = 2, think = "10ms" }
"#;

/// One batch a record, given up soon.
const PATIENCE: &str = r#"producer = { "batch.size" = 0, "linger.ms" = 0, "delivery.timeout.ms" = 400, "request.timeout.ms" = 300, "enable.idempotence" = false }"#;

fn run(name: &str, text: &str) -> (String, String) {
    let file = scratch("refused_sends", &name.replace('.', "-")).join(name);
    std::fs::write(&file, text).expect("the folder is writable");
    let file = file.to_str().expect("the target folder has a plain name");
    let Told { code, out, err } = assize(&["run", file, "--seed", "1", "--format", "json"]);
    assert_eq!(code, 0, "{out}{err}");
    let told = assize(&["run", file, "--seed", "1"]);
    (out, told.out + &told.err)
}

fn count(json: &str, name: &str) -> u64 {
    let value: serde_json::Value = serde_json::from_str(json).expect("one object");
    let found = value.pointer(name).unwrap_or_else(|| panic!("{name} in {json}"));
    found.as_u64().expect("a count")
}

#[test]
fn a_record_too_large_is_a_failed_send_and_holds_nobody_up() {
    let (json, told) = run("closed.toml", CLOSED);
    let counts = ["intended", "sent", "acknowledged", "failed"];
    let [intended, sent, acknowledged, failed] =
        counts.map(|name| count(&json, &format!("/records/{name}")));
    // Two callers of one answer in some 20 ms each.
    assert!(intended > 100, "callers go on behind a refusal: {intended}");
    assert_eq!(sent, intended);
    assert_eq!(acknowledged + failed, sent);
    assert!(failed > intended / 3 && acknowledged > intended / 3, "{acknowledged} and {failed}");
    assert_eq!(count(&json, "/send_errors/RecordTooLargeException/failed"), failed);
    assert!(told.contains(&format!("{failed} sends failed ({failed} RecordTooLargeException)")));
    assert!(told.contains("record-above-max-request"), "{told}");
}

#[test]
fn a_record_too_large_aborts_its_transaction() {
    // Few enough that some transactions have none.
    let few = CLOSED.replace("40KB", "20200B");
    let text = few.replace("[service.audit]", "transactional = true\n\n[service.audit]");
    let (json, _) = run("transactional.toml", &text);
    let too_large = count(&json, "/send_errors/RecordTooLargeException/failed");
    assert!(too_large > 0 && count(&json, "/records/acknowledged") > too_large, "{json}");
    assert_eq!(count(&json, "/records/intended"), count(&json, "/records/sent"));
    let aborted = "aborted transactions was visible";
    assert!(json.contains(aborted) && !json.contains(&format!("none of 0 {aborted}")), "{json}");
}

#[test]
fn a_request_above_what_a_broker_reads_ends_its_connection() {
    let limited = CLOSED
        .replace(r#"producer = { "max.request.size" = 20000, "batch.size" = 100000 }"#, PATIENCE)
        .replace(
            "[topic.orders]",
            "[cluster.config]\n\"socket.request.max.bytes\" = 20000\n\n[topic.orders]",
        );
    let (json, _) = run("limited.toml", &limited);
    let [sent, acknowledged, failed, unknown] = ["sent", "acknowledged", "failed", "unknown"]
        .map(|name| count(&json, &format!("/records/{name}")));
    assert_eq!(acknowledged + failed + unknown, sent);
    assert!(acknowledged > 0 && failed + unknown > 0, "{json}");
    let told = ["failed", "unknown"].map(|name| format!("/send_errors/TimeoutException/{name}"));
    assert_eq!(told.iter().map(|name| count(&json, name)).sum::<u64>(), failed + unknown);
}

/// No broker answers for three seconds, and what waits is more than the producer has memory for.
const FULL: &str = r#"
[scenario]
name = "full"
duration = "6s"

[cluster]
hardware = "test"

[topic.orders]
partitions = 3
replication = 3

[service.order]
kind = "ingress"
output = "orders"
producer = { "buffer.memory" = 65536, "max.block.ms" = 200 }

[service.audit]
kind = "reader"
input = "orders"

[load.calls]
into = "order"
size = "1KiB"
arrivals = { model = "open", rate = "200/s" }

[[fault]]
kind = "partition"
target = "service:order"
at = "1s"
for = "3s"
"#;

const NAME: &str = "/send_errors/BufferExhaustedException/failed";

#[test]
fn a_send_without_memory_fails_after_max_block_and_the_next_waits_as_long() {
    let (json, told) = run("full.toml", FULL);
    let [sent, acknowledged, failed] =
        ["sent", "acknowledged", "failed"].map(|name| count(&json, &format!("/records/{name}")));
    assert_eq!(acknowledged + failed, sent);
    assert_eq!(count(&json, NAME), failed);
    // The cut lasts for fifteen waits, and the memory for a part of it.
    assert!((5..15).contains(&failed), "one by one: {failed}");
    assert!(told.contains(&format!("{failed} sends failed")), "{told}");
    let patient = FULL.replace("\"max.block.ms\" = 200", "\"max.block.ms\" = 5000");
    let (json, _) = run("patient.toml", &patient);
    assert_eq!(count(&json, "/records/failed"), 0);
}

#[test]
fn a_send_without_memory_aborts_its_transaction() {
    let text = FULL.replace("[service.audit]", "transactional = true\n\n[service.audit]");
    let (json, _) = run("full_transactional.toml", &text);
    assert!(count(&json, NAME) > 0, "{json}");
    assert!(count(&json, "/events") < 1_000_000, "who is blocked is not asked all the time");
    let aborted = "aborted transactions was visible";
    assert!(json.contains(aborted) && !json.contains(&format!("none of 0 {aborted}")), "{json}");
}
