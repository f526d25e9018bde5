//! `[service.NAME]`.

use crate::decode::cluster::kafka_config;
use crate::decode::load::payload;
use crate::decode::rows;
use crate::decoder::{Decoder, Fields, Problem};
use crate::kafka_keys::Version;
use crate::model::config::{KafkaConfig, Scope};
use crate::model::quantity::{Distribution, Ratio};
use crate::model::service::{
    Commit, Dedupe, Poison, Retry, Service, ServiceKind, ServiceTime, TransactionalIds,
};
use crate::spec;
use crate::tree::{Entry, Value};
use crate::values;

/// Kinds as the file names them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ingress,
    Transform,
    Join,
    Sink,
    Reader,
    Relay,
}

const KINDS: &[(&str, Kind)] = &[
    ("ingress", Kind::Ingress),
    ("transform", Kind::Transform),
    ("join", Kind::Join),
    ("sink", Kind::Sink),
    ("reader", Kind::Reader),
    ("relay", Kind::Relay),
];

/// What has to do with records that come in.
const OF_INPUT: &[&str] = &[
    "input",
    "group",
    "consumer",
    "commit",
    "effects",
    "dedupe",
    "dedupe_capacity",
    "dedupe_ttl",
    "output_size",
    "output_payload",
    "poison",
];

const COMMITS: &[(&str, Commit)] = &[
    ("after-processing", Commit::AfterProcessing),
    ("before-processing", Commit::BeforeProcessing),
    ("auto", Commit::Auto),
    ("with-effects", Commit::WithEffects),
];

/// Seconds from a kill to the restart when nobody says otherwise.
const RESTART: u64 = 1_000_000_000;

/// Time between transactions when nobody says otherwise.
const TRANSACTION_INTERVAL: u64 = 100_000_000;

/// `[service.NAME]`.
pub(super) fn service(decoder: &mut Decoder, entry: &Entry, version: Version) -> Service {
    let path = format!("service.{}", entry.key);
    let mut service = blank(&entry.key, version);
    let Some(t) = decoder.open(&entry.node, &path, &spec::SERVICE, &[]) else { return service };
    let kind = t.require(decoder, "kind", values::choice(KINDS));
    if let Some(instances) = t.read(decoder, "instances", values::small(1..=10_000)) {
        service.instances = instances;
    }
    service.inputs = t.read_list(decoder, "input", values::name).unwrap_or_default();
    service.output = t.read(decoder, "output", values::name);
    service.output_size = t.read(decoder, "output_size", values::size);
    service.output_payload = t.read(decoder, "output_payload", payload);
    service.time = time(decoder, &t, &service.inputs);
    service.group = t.read(decoder, "group", values::name).or(service.group);
    service.effects = t.read(decoder, "effects", values::name);
    if let Some(restart) = t.read(decoder, "restart", values::duration) {
        service.restart = restart;
    }
    service.producer = kafka_config(decoder, &t, "producer", (Scope::Producer, version));
    service.consumer = kafka_config(decoder, &t, "consumer", (Scope::Consumer, version));
    transactions(decoder, &t, &mut service);
    dedupe(decoder, &t, &mut service);
    poison(decoder, &t, &mut service);
    if let Some(kind) = kind {
        apply_kind(decoder, &t, &mut service, kind);
    }
    service
}

fn blank(name: &str, version: Version) -> Service {
    Service {
        name: name.to_owned(),
        kind: ServiceKind::Reader,
        instances: 1,
        time: ServiceTime::Same(Distribution::Constant(0)),
        inputs: Vec::new(),
        output: None,
        output_size: None,
        output_payload: None,
        group: Some(name.to_owned()),
        transactional: false,
        transactional_ids: TransactionalIds::PerInstance,
        abort: Ratio::ZERO,
        commit: Commit::AfterProcessing,
        commit_interval: 0,
        effects: None,
        rows: None,
        dedupe: Dedupe::None,
        poison: None,
        restart: RESTART,
        producer: KafkaConfig::empty(Scope::Producer, version),
        consumer: KafkaConfig::empty(Scope::Consumer, version),
    }
}

/// What each kind needs and what makes no sense with it.
fn apply_kind(decoder: &mut Decoder, t: &Fields<'_>, service: &mut Service, kind: Kind) {
    match kind {
        Kind::Ingress => {
            t.refuse(
                decoder,
                OF_INPUT,
                "an ingress takes calls from a load, not records from a topic",
            );
            service.group = None;
        }
        Kind::Relay => {
            t.refuse(
                decoder,
                OF_INPUT,
                "a relay takes rows from an outbox, not records from a topic",
            );
            service.group = None;
        }
        _ => {
            let _ = t.require(decoder, "input", |_| Ok(()));
        }
    }
    if kind == Kind::Reader {
        t.refuse(
            decoder,
            &[
                "output",
                "output_size",
                "output_payload",
                "producer",
                "transactional",
                "transactional_id",
                "abort",
                "effects",
                "dedupe",
                "dedupe_capacity",
                "dedupe_ttl",
                "retry",
                "dead_letter",
            ],
            "a reader only reads; `kind = \"transform\"` has an output, a sink has effects",
        );
    }
    service.rows = match kind {
        Kind::Ingress => rows::of_ingress(decoder, t),
        Kind::Relay => rows::of_relay(decoder, t),
        _ => rows::refuse(decoder, t),
    };
    let has_outbox = kind == Kind::Ingress && service.outbox().is_some();
    if has_outbox {
        t.refuse(decoder, &["output"], "its outbox is published by a relay, which has an output");
    } else if matches!(kind, Kind::Ingress | Kind::Transform | Kind::Join | Kind::Relay) {
        let _ = t.require(decoder, "output", |_| Ok(()));
    }
    if kind == Kind::Sink {
        let _ = t.require(decoder, "effects", |_| Ok(()));
    }
    if kind != Kind::Join {
        t.refuse(decoder, &["window"], "only a join has a window");
    }
    service.kind = match kind {
        Kind::Ingress => ServiceKind::Ingress,
        Kind::Transform => ServiceKind::Transform,
        Kind::Sink => ServiceKind::Sink,
        Kind::Reader => ServiceKind::Reader,
        Kind::Relay => rows::relay(decoder, t),
        Kind::Join => {
            join_inputs(decoder, t, service);
            let window = t.require(decoder, "window", values::positive_duration);
            ServiceKind::Join { window: window.unwrap_or(1) }
        }
    };
}

fn join_inputs(decoder: &mut Decoder, t: &Fields<'_>, service: &Service) {
    let Some(node) = t.get("input") else { return };
    if service.inputs.len() != 2 && !decoder.is_wrong(node) {
        decoder.raise(
            Problem::new(
                "scenario::join",
                format!("`{}`: a join has two inputs, found {}", t.path, service.inputs.len()),
            )
            .at(&node.place, "the inputs")
            .help("like input = [\"orders\", \"payments\"]"),
        );
    }
}

/// One distribution, or a table of one per input.
fn time(decoder: &mut Decoder, t: &Fields<'_>, inputs: &[String]) -> ServiceTime {
    let zero = Distribution::Constant(0);
    let Some(node) = t.get("time") else { return ServiceTime::Same(zero) };
    let Value::Table(table) = &node.value else {
        let same = t.read(decoder, "time", values::duration_distribution);
        return ServiceTime::Same(same.unwrap_or(zero));
    };
    let mut per_input = vec![None; inputs.len()];
    for entry in &table.entries {
        let path = format!("{}.{}", t.path_of("time"), entry.key);
        let Some(index) = inputs.iter().position(|i| *i == entry.key) else {
            let wrong = values::unknown_word(&entry.key, inputs.iter().map(String::as_str));
            decoder.wrong(&path, &entry.place, wrong);
            continue;
        };
        match values::duration_distribution(&entry.node.value) {
            Ok(value) => per_input[index] = Some(value),
            Err(wrong) => {
                decoder.wrong(&path, &entry.node.place, wrong);
                per_input[index] = Some(zero);
            }
        }
    }
    for (input, found) in inputs.iter().zip(&per_input) {
        if found.is_none() {
            decoder.raise(
                Problem::new(
                    "scenario::missing",
                    format!("`{}` says nothing about the input `{input}`", t.path_of("time")),
                )
                .at(&node.place, "in this table")
                .help(format!("add `{input} = \"...\"`, or give one time for all inputs")),
            );
        }
    }
    ServiceTime::PerInput(per_input.into_iter().map(|d| d.unwrap_or(zero)).collect())
}

fn transactions(decoder: &mut Decoder, t: &Fields<'_>, service: &mut Service) {
    service.transactional = t.read(decoder, "transactional", values::flag).unwrap_or(false);
    let wrong_flag = t.get("transactional").is_some_and(|n| decoder.is_wrong(n));
    if let Some(commit) = t.read(decoder, "commit", values::choice(COMMITS)) {
        service.commit = commit;
    }
    if service.transactional {
        t.refuse(decoder, &["commit"], "transactions commit the offsets themselves");
        service.commit_interval = TRANSACTION_INTERVAL;
    } else if !wrong_flag {
        t.refuse(
            decoder,
            &["transactional_id", "abort"],
            "there are no transactions without `transactional = true`",
        );
    }
    if service.commit == Commit::Auto {
        t.refuse(
            decoder,
            &["commit_interval"],
            "with `commit = \"auto\"` the consumer's own `auto.commit.interval.ms` counts",
        );
    }
    if service.commit == Commit::WithEffects {
        let _ = t.require(decoder, "effects", |_| Ok(()));
        t.refuse(
            decoder,
            &["commit_interval", "output"],
            "with `commit = \"with-effects\"` each effect carries its offset, and nothing else is \
             waited for",
        );
    }
    if let Some(interval) = t.read(decoder, "commit_interval", values::duration) {
        service.commit_interval = interval;
    }
    if let Some(id) = t.read(decoder, "transactional_id", values::name) {
        service.transactional_ids = match id.as_str() {
            "per-instance" => TransactionalIds::PerInstance,
            "per-process" => TransactionalIds::PerProcess,
            _ => TransactionalIds::Shared(id),
        };
    }
    if let Some(abort) = t.read(decoder, "abort", values::probability) {
        service.abort = abort;
    }
}

fn dedupe(decoder: &mut Decoder, t: &Fields<'_>, service: &mut Service) {
    const MODES: &[(&str, bool)] = &[("none", false), ("by-entity", true)];
    let by_entity = t.read(decoder, "dedupe", values::choice(MODES)).unwrap_or(false);
    let capacity = t.read(decoder, "dedupe_capacity", values::count(1..=i64::MAX as u64));
    let ttl = t.read(decoder, "dedupe_ttl", values::positive_duration);
    if by_entity {
        service.dedupe = Dedupe::ByEntity { capacity, ttl };
        if service.effects.is_none() && t.get("effects").is_none() {
            t.refuse(decoder, &["dedupe"], "there is nothing to deduplicate without `effects`");
        }
    } else if t.get("dedupe").is_none_or(|n| !decoder.is_wrong(n)) {
        t.refuse(decoder, &["dedupe_capacity", "dedupe_ttl"], "only with `dedupe = \"by-entity\"`");
    }
}

fn poison(decoder: &mut Decoder, t: &Fields<'_>, service: &mut Service) {
    let share = t.read(decoder, "poison", values::probability);
    let attempts = t.read(decoder, "attempts", values::small(1..=1_000_000));
    let backoff = t.read(decoder, "backoff", values::duration);
    let failures = t.read(decoder, "failures", values::small(1..=1_000_000));
    let retries = retries(decoder, t);
    let dead_letter = t.read(decoder, "dead_letter", values::name);
    let of_attempts = ["backoff", "failures", "retry", "dead_letter"];
    let Some(share) = share else {
        let why = "there is nothing to give up without `poison`";
        t.refuse(decoder, &["attempts"], why);
        return t.refuse(decoder, &of_attempts, why);
    };
    if service.commit == Commit::WithEffects {
        let why =
            "with `commit = \"with-effects\"` an offset needs an effect: what is given up has none";
        t.refuse(decoder, &["poison"], why);
    }
    if t.get("attempts").is_none() {
        let why = "without `attempts` a record that fails ends the process, and is never given up";
        t.refuse(decoder, &of_attempts, why);
    }
    if service.inputs.len() > 1 {
        let why = "a record of a retry topic is to be one of the only input";
        t.refuse(decoder, &["retry"], why);
    }
    let backoff = backoff.unwrap_or(0);
    service.poison = Some(Poison { share, failures, attempts, backoff, retries, dead_letter });
}

/// A table of topics, each with the delay of the records that come to it.
fn retries(decoder: &mut Decoder, t: &Fields<'_>) -> Vec<Retry> {
    let Some(node) = t.get("retry") else { return Vec::new() };
    let path = t.path_of("retry");
    let Value::Table(table) = &node.value else {
        decoder.wrong(&path, &node.place, values::kind("a table", &node.value));
        return Vec::new();
    };
    let mut retries = Vec::new();
    for entry in &table.entries {
        let delay = values::duration(&entry.node.value);
        match values::name(&Value::Text(entry.key.clone())).and(delay) {
            Ok(delay) => retries.push(Retry { topic: entry.key.clone(), delay }),
            Err(wrong) => {
                let path = format!("{path}.{}", entry.key);
                decoder.wrong(&path, &entry.node.place, wrong);
            }
        }
    }
    retries
}
