//! The reference of the language as Markdown, written from the tables that the decoder uses, so
//! that it cannot miss a key.

use std::fmt::Write as _;

use crate::decode::{FAULT_KINDS, TARGETS};
use crate::model::check::Anomaly;
use crate::model::message::MessageKind;
use crate::profiles;
use crate::spec::{SECTIONS, Section};

/// One chapter per table: every key with its form, default and meaning.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::new();
    for section in SECTIONS {
        let _ = write!(out, "### {}\n\n{}\n\n", title(section), section.doc);
        keys(&mut out, section);
        match section.name {
            "hardware.NAME" => {
                let names: Vec<String> =
                    profiles::names().iter().map(|n| format!("`{n}`")).collect();
                let _ = writeln!(out, "Built in: {}.\n", names.join(", "));
            }
            "fault" => faults(&mut out),
            "check" => anomalies(&mut out),
            "gate" => gates(&mut out),
            _ => {}
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn title(section: &Section) -> String {
    match section.name {
        "" => "The file".to_owned(),
        "fault" => "`[[fault]]`".to_owned(),
        "load.NAME.arrivals" => "`arrivals` of a load".to_owned(),
        "check.exactly_once" => "`exactly_once` of `[check]`".to_owned(),
        name => format!("`[{name}]`"),
    }
}

fn keys(out: &mut String, section: &Section) {
    if section.keys.is_empty() {
        return;
    }
    out.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
    for key in section.keys {
        let _ = writeln!(out, "| `{}` | {} | {} | {} |", key.name, key.form, key.default, key.doc);
    }
    out.push('\n');
}

fn faults(out: &mut String) {
    out.push_str("| `kind` | what happens |\n|---|---|\n");
    for (name, _, doc) in FAULT_KINDS {
        let _ = writeln!(out, "| `{name}` | {doc} |");
    }
    let targets: Vec<String> = TARGETS.iter().map(|t| format!("`{t}`")).collect();
    let messages: Vec<String> = MessageKind::requests().map(|m| format!("`{m}`")).collect();
    let _ = write!(
        out,
        "\n`target` is one of {}. Brokers and controllers count from 1, partitions and instances from 0; the node of `controller:1` is 3000.\n\n\
         `on` is one of `append:TOPIC/N`, `roll:TOPIC/N` (of a segment), `high-watermark:TOPIC/N`, `leader:TOPIC/N`, \
         `partition-change:TOPIC/N`, `transaction-prepare`, `transaction-prepare:ID`, \
         `rebalance`, `rebalance:GROUP`, `controller-election`, or the kind of a message that is \
         sent, each perhaps with `#N` for its Nth occurrence since the start of the run.\n\n\
         The kinds of messages are {}, and the same with `-answer` behind.\n\n",
        targets.join(", "),
        messages.join(", ")
    );
}

fn anomalies(out: &mut String) {
    let names: Vec<String> = Anomaly::ALL.iter().map(|a| format!("`{}`", a.name())).collect();
    let _ = writeln!(out, "Names: {}.\n", names.join(", "));
}

fn gates(out: &mut String) {
    out.push_str(
        "| quantity | bound | what it is |\n|---|---|---|\n\
         | `p99(METRIC, PHASE)`, `mean(...)`, `max(...)` | duration | a latency, from the intended \
         send time. METRIC is `end_to_end`, `produce` or a service (to the end of that stage); \
         PHASE is `steady`, `fault`, `recovery` or `all`, which is what leaving it out means |\n\
         | `lag(GROUP).end_records`, `lag(GROUP).max_records` | number | records not yet \
         processed, at the end and at worst: offsets from what is \
         committed, or from where the log begins if that is later, to the high watermark, as \
         `kafka-consumer-groups.sh` counts: markers, aborted records and what is behind an open \
         transaction included; 0 when no record is left |\n\
         | `lag(GROUP).max_seconds` | duration | the worst lag as time |\n\
         | `recovery_time` | duration | from the last heal until latency and lag are back in \
         their steady range; it is `never` when that has not happened by the end of the run, \
         which fails the gate. Inconclusive when no fault changed anything, or none ended before \
         the load did; 0 without faults in the file |\n\
         | `reassignment_time` | duration | how long the longest `reassign` took; it is `never` when \
         one was not done when the load was over, which fails the gate |\n\
         | `throughput(TOPIC)` | rate | mean over the load phase |\n\n\
         Comparisons are `<`, `<=`, `>`, `>=` and `==`.\n\n",
    );
}

#[cfg(test)]
mod tests {
    use super::markdown;
    use crate::spec::SECTIONS;

    #[test]
    fn every_key_has_words() {
        for section in SECTIONS {
            assert!(!section.doc.is_empty());
            for key in section.keys {
                assert!(!key.form.is_empty() && !key.default.is_empty() && key.doc.ends_with('.'));
            }
        }
        assert!(markdown().contains("| `replication` |"));
    }

    /// The reference in `docs/scenario.md` is this crate's own text. `ASSIZE_BLESS=1` writes it.
    #[test]
    fn the_documentation_is_complete() {
        const MARK: &str =
            "This part is written from the tables in the code: a test compares them.\n\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenario.md");
        let text = std::fs::read_to_string(path).expect("the documentation is in the repository");
        let (head, reference) = text.split_once(MARK).expect("the mark is there");
        if std::env::var_os("ASSIZE_BLESS").is_some() {
            std::fs::write(path, format!("{head}{MARK}{}", markdown())).expect("writable");
            return;
        }
        assert_eq!(reference, markdown(), "run the test once with ASSIZE_BLESS=1");
    }

    /// The example at the top of the documentation is a valid scenario.
    #[test]
    fn the_documented_example_is_valid() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenario.md");
        let text = std::fs::read_to_string(path).expect("the documentation is in the repository");
        let example = text.split("```toml\n").nth(1).and_then(|t| t.split("```").next());
        let example = example.expect("there is an example");
        assert_eq!(crate::Scenario::parse(example, &[]).map(|s| s.name), Ok("first".to_owned()));
    }
}
