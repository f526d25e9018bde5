//! `[check]` and `[expect]`.

use crate::decoder::{Decoder, Problem};
use crate::model::check::{Anomaly, Checks, ExactlyOnce, Expectation, Verdict};
use crate::spec;
use crate::tree::{Node, Value};
use crate::values;

/// `[check]`.
pub(super) fn checks(decoder: &mut Decoder, node: Option<&Node>) -> Checks {
    let mut checks =
        Checks { off: Vec::new(), exactly_once: Vec::new(), per_key_order: Vec::new() };
    let names: Vec<&str> = Anomaly::ALL.iter().map(|a| a.name()).collect();
    let fields = node.and_then(|n| decoder.open(n, "check", &spec::CHECK, &names));
    let Some(t) = fields else { return checks };
    for anomaly in Anomaly::ALL {
        let Some(node) = t.table.get(anomaly.name()) else { continue };
        match values::flag(&node.value) {
            Ok(true) => {}
            Ok(false) => checks.off.push(*anomaly),
            Err(wrong) => decoder.wrong(&t.path_of(anomaly.name()), &node.place, wrong),
        }
    }
    checks.per_key_order = t.read_list(decoder, "per_key_order", values::name).unwrap_or_default();
    if let Some(node) = t.get("exactly_once") {
        let single = std::slice::from_ref(node);
        let items = match &node.value {
            Value::Array(items) => items.as_slice(),
            _ => single,
        };
        for item in items {
            let path = t.path_of("exactly_once");
            let Some(e) = decoder.open(item, &path, &spec::EXACTLY_ONCE, &[]) else { continue };
            let from = e.require(decoder, "from", values::name);
            let to = e.require(decoder, "to", values::name);
            if let (Some(from), Some(to)) = (from, to) {
                checks.exactly_once.push(ExactlyOnce { from, to });
            }
        }
    }
    checks
}

/// `[expect]`.
pub(super) fn expectation(decoder: &mut Decoder, node: Option<&Node>) -> Expectation {
    const VERDICTS: &[(&str, Verdict)] = &[
        ("pass", Verdict::Pass),
        ("fail", Verdict::Fail),
        ("inconclusive", Verdict::Inconclusive),
    ];
    let fields = node.and_then(|n| decoder.open(n, "expect", &spec::EXPECT, &[]));
    let Some(t) = fields else { return Expectation::default() };
    let verdict = t.read(decoder, "verdict", values::choice(VERDICTS));
    let anomaly = t
        .read(decoder, "anomaly", |value| {
            let word = values::text(value)?;
            if word == "none" {
                return Ok(None);
            }
            Anomaly::from_name(&word)
                .map(Some)
                .ok_or_else(|| values::unknown_word(&word, Anomaly::ALL.iter().map(|a| a.name())))
        })
        .flatten();
    let wrong = |key| t.get(key).is_some_and(|n| decoder.is_wrong(n));
    if wrong("verdict") || wrong("anomaly") {
        return Expectation::default();
    }
    let verdict = verdict.unwrap_or_default();
    match (verdict, anomaly) {
        (Verdict::Fail, None) => decoder.raise(
            Problem::new("scenario::expect", "a failure is expected, but which one?")
                .maybe_at(t.get("verdict"), "expected here")
                .help("add `anomaly = \"lost-acknowledged\"` or another check's name"),
        ),
        (Verdict::Pass | Verdict::Inconclusive, Some(_)) => decoder.raise(
            Problem::new("scenario::expect", "an anomaly is expected, but no failure")
                .maybe_at(t.get("anomaly"), "expected here")
                .help("add `verdict = \"fail\"`"),
        ),
        _ => {}
    }
    let notes = t.read_list(decoder, "notes", values::name).unwrap_or_default();
    let also = t.read_list(decoder, "also", |value| {
        let word = values::text(value)?;
        Anomaly::from_name(&word)
            .ok_or_else(|| values::unknown_word(&word, Anomaly::ALL.iter().map(|a| a.name())))
    });
    Expectation { verdict, anomaly, also: also.unwrap_or_default(), notes }
}
