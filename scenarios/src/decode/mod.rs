//! From the tree of a file to the typed scenario, table by table. A table with an error does not
//! keep the others from being read; what cannot be read is replaced by its default, and the
//! errors decide in the end.

mod check;
mod cluster;
mod event;
mod fault;
mod gate;
mod load;
mod place;
mod rows;
mod search;
mod service;
mod target;

use crate::Vocabulary;
use crate::decoder::{Decoder, Problem};
use crate::model::{Driver, Scenario, Version};
use crate::spec;
use crate::tree::{Entry, Node, Value};
use crate::units::Wrong;
use crate::values;

pub(crate) use fault::FAULT_KINDS;
pub(crate) use target::TARGETS;

/// At most so many entries in a table of named things.
const ENTRIES_MAX: usize = 1_000;

/// The releases that a scenario can ask for.
const KAFKA: &[(&str, Version)] =
    &[("3.9", Version::V3_9), ("4.0", Version::V4_0), ("4.1", Version::V4_1)];

/// Reads a whole tree.
pub(crate) fn decode(
    decoder: &mut Decoder,
    root: &Node,
    vocabulary: &Vocabulary<'_>,
) -> Option<Scenario> {
    let top = decoder.open(root, "", &spec::TOP, &[])?;
    if top.table.entries.iter().all(|e| e.key == "extends") {
        decoder.raise(Problem::new("scenario::empty", "the file describes no scenario").help(
            "a scenario needs at least [scenario], one [topic.NAME], one [service.NAME] and \
                 one [load.NAME]",
        ));
        return None;
    }
    for (table, example) in [
        ("scenario", "[scenario]\nname = \"first\"\nduration = \"10s\""),
        ("topic", "[topic.orders]\npartitions = 3\nreplication = 3"),
        ("service", "[service.order]\nkind = \"ingress\"\noutput = \"orders\""),
        (
            "load",
            "[load.calls]\ninto = \"order\"\narrivals = { model = \"open\", rate = \"10/s\" }",
        ),
    ] {
        if top.get(table).is_none() {
            let header = if table == "scenario" { table.into() } else { format!("{table}.NAME") };
            decoder.raise(
                Problem::new("scenario::missing", format!("there is no table [{header}]"))
                    .help(format!("add one, for example:\n{example}")),
            );
        }
    }

    let kafka = version(top.get("scenario"));
    let (cluster, hardware) =
        cluster::cluster(decoder, kafka, top.get("cluster"), top.get("hardware"));
    let mut scenario = Scenario {
        name: String::new(),
        description: String::new(),
        kafka,
        duration: 1_000_000_000,
        warmup: 0,
        drain: 300_000_000_000,
        seed: 0,
        driver: Driver::Bare,
        cluster,
        hardware,
        network: cluster::network(decoder, top.get("network")),
        topics: Vec::new(),
        services: Vec::new(),
        loads: Vec::new(),
        faults: Vec::new(),
        swarm: search::swarm(decoder, top.get("swarm")),
        search: search::search(decoder, top.get("search")),
        checks: check::checks(decoder, top.get("check")),
        gates: gate::gates(decoder, top.get("gate")),
        expect: check::expectation(decoder, top.get("expect")),
        protocol: Vec::new(),
        era: None,
    };
    head(decoder, top.get("scenario"), &mut scenario);
    for entry in named(decoder, top.get("topic"), "topic") {
        let topic = cluster::topic(decoder, entry, &scenario.cluster);
        scenario.topics.push(topic);
    }
    for entry in named(decoder, top.get("service"), "service") {
        scenario.services.push(service::service(decoder, entry, kafka));
    }
    for entry in named(decoder, top.get("load"), "load") {
        scenario.loads.push(load::load(decoder, entry));
    }
    scenario.faults = fault::faults(decoder, top.get("fault"));
    protocol(decoder, top.get("protocol"), vocabulary, &mut scenario);
    Some(scenario)
}

/// The entries of a table of named things, with their names checked.
fn named<'t>(decoder: &mut Decoder, node: Option<&'t Node>, what: &str) -> &'t [Entry] {
    let Some(node) = node else { return &[] };
    let Value::Table(table) = &node.value else {
        decoder.wrong(what, &node.place, values::kind("tables by name", &node.value));
        return &[];
    };
    for entry in &table.entries {
        if let Some(problem) = values::name_problem(&entry.key) {
            decoder.wrong(what, &entry.place, problem);
        }
    }
    if table.entries.len() > ENTRIES_MAX {
        decoder.raise(
            Problem::new("scenario::too-many", format!("more than {ENTRIES_MAX} of `{what}`"))
                .at(&table.entries[ENTRIES_MAX].place, "one too many")
                .help("split the scenario"),
        );
        return &table.entries[..ENTRIES_MAX];
    }
    &table.entries
}

/// `scenario.kafka`, which decides what the keys of every table may be.
fn version(node: Option<&Node>) -> Version {
    let given = node.and_then(|n| n.find(&["kafka"]));
    given.and_then(|n| values::choice(KAFKA)(&n.value).ok()).unwrap_or_default()
}

/// `[scenario]`.
fn head(decoder: &mut Decoder, node: Option<&Node>, scenario: &mut Scenario) {
    const DRIVERS: &[(&str, Driver)] = &[("bare", Driver::Bare), ("hosted", Driver::Hosted)];
    let Some(node) = node else { return };
    let Some(t) = decoder.open(node, "scenario", &spec::SCENARIO, &[]) else { return };
    scenario.name = t.require(decoder, "name", values::name).unwrap_or_default();
    scenario.description = t.read(decoder, "description", values::text).unwrap_or_default();
    let _read_before_the_rest = t.read(decoder, "kafka", values::choice(KAFKA));
    if let Some(duration) = t.require(decoder, "duration", values::positive_duration) {
        scenario.duration = duration;
    }
    if let Some(warmup) = t.read(decoder, "warmup", values::duration) {
        scenario.warmup = warmup;
    }
    if let Some(drain) = t.read(decoder, "drain", values::positive_duration) {
        scenario.drain = drain;
    }
    if let Some(seed) = t.read(decoder, "seed", values::count(0..=i64::MAX as u64)) {
        scenario.seed = seed;
    }
    if let Some(driver) = t.read(decoder, "driver", values::choice(DRIVERS)) {
        scenario.driver = driver;
    }
}

/// `[protocol]`. Without a vocabulary any names will do: then the simulator checks them.
fn protocol(
    decoder: &mut Decoder,
    node: Option<&Node>,
    vocabulary: &Vocabulary<'_>,
    scenario: &mut Scenario,
) {
    let Some(node) = node else { return };
    let Value::Table(table) = &node.value else {
        decoder.wrong("protocol", &node.place, values::kind("a table", &node.value));
        return;
    };
    let rules = vocabulary.rules;
    let eras: Vec<&str> = vocabulary.eras.iter().map(|era| era.0).collect();
    for entry in &table.entries {
        let path = format!("protocol.{}", entry.key);
        if let Some(problem) = values::name_problem(&entry.key) {
            decoder.wrong("protocol", &entry.place, problem);
            continue;
        }
        let known = match rules.iter().find(|(rule, _)| *rule == entry.key) {
            _ if entry.key == "era" => &eras[..],
            Some((_, known)) => known,
            None if rules.is_empty() => &[],
            None => {
                let names = rules.iter().map(|(rule, _)| *rule).chain(["era"]);
                decoder.wrong(&path, &entry.place, values::unknown_word(&entry.key, names));
                continue;
            }
        };
        let value = switch(&entry.node.value).and_then(|value| {
            let fine = known.is_empty() || known.contains(&value.as_str());
            if fine { Ok(value) } else { Err(values::unknown_word(&value, known.iter().copied())) }
        });
        match value {
            Ok(value) if entry.key == "era" => scenario.era = Some(value),
            Ok(value) => scenario.protocol.push((entry.key.clone(), value)),
            Err(wrong) => decoder.wrong(&path, &entry.node.place, wrong),
        }
    }
    resolve_era(vocabulary, scenario);
}

/// The value of a rule; true and false are other words for on and off.
fn switch(value: &Value) -> Result<String, Wrong> {
    match value {
        Value::Bool(on) => Ok(if *on { "on" } else { "off" }.to_owned()),
        other => values::name(other),
    }
}

/// The rules of the era come before those of the file, which are about single rules and win.
///
/// They stand in the scenario, and so in its digest: a token of a run tells when an era has become
/// another one. Who reads without these words has only the name, which the simulator looks up.
fn resolve_era(vocabulary: &Vocabulary<'_>, scenario: &mut Scenario) {
    let era = vocabulary.eras.iter().find(|era| scenario.era.as_deref() == Some(era.0));
    let Some((_, rules)) = era else { return };
    let own = std::mem::take(&mut scenario.protocol);
    let unset = rules.iter().filter(|(rule, _)| own.iter().all(|(set, _)| set != rule));
    scenario.protocol = unset
        .map(|(rule, value)| ((*rule).to_owned(), (*value).to_owned()))
        .chain(own.iter().cloned())
        .collect();
}
