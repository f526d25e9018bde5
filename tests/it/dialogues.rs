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
    ] {
        assert_eq!(assize::dialogue::run(text).map_err(|error| error.line), Err(line), "{text}");
    }
    let tight = assize::dialogue::run(">cluster brokers=1\n>wait 1ms\n");
    assert!(tight.is_ok_and(|told| told.ends_with("< ok\n")), "a blank behind the sign is a habit");
}
