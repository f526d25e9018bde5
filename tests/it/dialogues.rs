//! Dialogues with a cluster, recorded from Apache Kafka 4.1.2: the model gives the same text.

use std::path::{Path, PathBuf};

/// The areas whose dialogues are with a cluster; `client` holds others.
const AREAS: &[&str] = &[
    "controller",
    "fetch",
    "groups",
    "log",
    "idempotence",
    "replication",
    "storage",
    "transactions",
];

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialogues");
    let mut files: Vec<PathBuf> = Vec::new();
    for area in AREAS {
        let entries = std::fs::read_dir(root.join(area)).expect("part of the repository");
        files.extend(entries.map(|entry| entry.expect("a folder can be listed").path()));
    }
    files.sort();
    files
}

#[test]
fn the_model_gives_the_recorded_replies() {
    let files = files();
    assert!(files.len() >= 160, "the recordings are there");
    let mut wrong = Vec::new();
    for file in files {
        let recorded = std::fs::read_to_string(&file).expect("a dialogue is text");
        match assize::dialogue::run(&recorded) {
            Ok(text) if text == recorded => {}
            Ok(text) => {
                let difference = recorded.lines().zip(text.lines()).find(|(a, b)| a != b);
                wrong.push(format!("{}: {difference:?}", file.display()));
            }
            Err(error) => wrong.push(format!("{}: {error}", file.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_supported_is_said_with_its_line() {
    let error = assize::dialogue::run("> cluster brokers=1\n> frobnicate t-0\n")
        .expect_err("there is no such verb");
    assert_eq!(error.to_string(), "line 2: verb `frobnicate` is not supported");
    let error = assize::dialogue::run("> produce t-0 records=a\n").expect_err("no cluster");
    assert_eq!(error.line, 1);
    for (line, text) in [
        (0, "# nothing is asked\n"),
        (1, "> produce t-0\n"),
        (2, "> cluster brokers=1\nnonsense here\n"),
        (2, "> producer\n  > send\n"),
        (2, "> cluster brokers=1\n> end-txn comit txn=x pid=p\n"),
        (3, "> cluster brokers=1\n> create-topic t\n> write-txn-markers t-0 foo pid=1 epoch=0\n"),
    ] {
        assert_eq!(assize::dialogue::run(text).map_err(|error| error.line), Err(line), "{text}");
    }
    let slip = assize::dialogue::run("# a slip\n> cluster brokers=1 brokers.sesion.timeout.ms=1\n");
    let slip = slip.expect_err("no broker has such a key").to_string();
    assert!(slip.contains("line 2: no broker has a key `brokers.sesion.timeout.ms`"), "{slip}");
    assert!(slip.contains("did you mean `broker.session.timeout.ms`?"), "{slip}");
    let years = assize::dialogue::run("> cluster brokers=1\n> wait 2147483647ms\n");
    let years = years.expect_err("nobody waits for the end of it").to_string();
    assert_eq!(years, "line 2: 2147483647 milliseconds are more than the 86400000 of a dialogue");
    let tight = assize::dialogue::run(">cluster brokers=1\n>wait 1ms\n");
    assert!(tight.is_ok_and(|told| told.ends_with("< ok\n")), "a blank behind the sign is a habit");
}

#[test]
fn a_broker_without_log_directories_halts_and_the_dialogue_goes_on() {
    let script = "> cluster brokers=3 dirs=1 roles=ROLES\n> create-topic t\n> fail-directory t-0 at=1\n\
                  > await leader t-0 != 1\n> produce t-0 records=a at=1\n> kill 2\n\
                  > start 1\n> start 2\n> produce t-0 records=b\n";
    for roles in ["separate", "combined"] {
        let told = assize::dialogue::run(&script.replace("ROLES", roles)).expect("it ends");
        let replies: Vec<&str> = told.lines().filter_map(|l| l.strip_prefix("< ")).collect();
        let halted = "!! node 1 has halted: all log directories have failed";
        let (said, rest) = replies.split_at(4);
        assert_eq!(said, ["NONE", "ok", "ok", halted], "{roles}");
        let (said, rest) = rest.split_at(4);
        assert_eq!(said, ["DISCONNECTED", "ok", "ok", halted], "{roles}");
        assert!(rest.len() == 2 && rest[1].starts_with("NONE base=0"), "{roles}: {rest:?}");
    }
}

#[test]
fn a_cluster_without_rest_is_an_error() {
    let script = "> cluster brokers=3 replica.fetch.backoff.ms=0 replica.fetch.wait.max.ms=0\n";
    let told = assize::dialogue::run(script).expect_err("followers fetch again and again");
    assert_eq!(told.to_string(), "line 1: what the dialogue is with does not come to rest");
}
