//! The canonical rendering: a scenario as TOML text with every default spelled out. Reading it
//! back gives the same scenario; its hash is the scenario's digest.

mod fault;
mod rows;
mod words;

use std::fmt::Write as _;

use crate::model::check::{Checks, Verdict};
use crate::model::cluster::Hardware;
use crate::model::config::{ConfigValue, KafkaConfig};
use crate::model::load::{Arrivals, Load};
use crate::model::service::{
    Commit, Dedupe, Poison, Retry, Service, ServiceKind, ServiceTime, TransactionalIds,
};
use crate::model::{Driver, Scenario};
use crate::units::{write_duration, write_millionths, write_ratio};

use words::{Unit, bits, bytes, bytes_per_second, distribution, quoted, rate};

impl Scenario {
    /// The scenario as TOML text, bases and flags merged, every default spelled out. Reading it
    /// gives the same scenario again.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = Text::default();
        self.head(&mut out);
        hardware(&mut out, &self.hardware);
        self.network(&mut out);
        for topic in &self.topics {
            out.header(&format!("topic.{}", quoted(&topic.name)));
            out.line("partitions", topic.partitions);
            out.line("replication", topic.replication);
            config(&mut out, "config", &topic.config);
        }
        self.services.iter().for_each(|s| service(&mut out, s));
        self.loads.iter().for_each(|l| load(&mut out, l));
        self.faults.iter().for_each(|f| fault::fault(&mut out, f));
        fault::drawing(&mut out, self);
        checks(&mut out, &self.checks);
        self.evidence(&mut out);
        out.0
    }

    /// 64 bits that name the resolved scenario: FNV-1a over [`Self::to_toml`]. Stable across
    /// platforms and builds, and changed by whatever can change a run.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.to_toml().bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    fn head(&self, out: &mut Text) {
        out.header("scenario");
        out.text("name", &self.name);
        out.text("description", &self.description);
        out.text("kafka", self.kafka.name());
        out.text("duration", &write_duration(self.duration));
        out.text("warmup", &write_duration(self.warmup));
        out.text("drain", &write_duration(self.drain));
        out.line("seed", self.seed);
        let driver = match self.driver {
            Driver::Bare => "bare",
            Driver::Hosted => "hosted",
        };
        out.text("driver", driver);
        out.header("cluster");
        out.line("brokers", self.cluster.brokers);
        out.line("controllers", self.cluster.controllers);
        out.line("racks", words::list(&self.cluster.racks));
        out.text("hardware", &self.cluster.hardware);
        config(out, "config", &self.cluster.config);
        if !self.cluster.admin.set.is_empty() {
            config(out, "admin", &self.cluster.admin);
        }
    }

    fn network(&self, out: &mut Text) {
        let network = &self.network;
        out.header("network");
        out.text("same_rack", &distribution(network.same_rack, Unit::Duration));
        out.text("cross_rack", &distribution(network.cross_rack, Unit::Duration));
        out.text("jitter", &distribution(network.jitter, Unit::Duration));
        if let Some(bandwidth) = network.bandwidth_bits_per_s {
            out.text("bandwidth", &bits(bandwidth));
        }
        out.line("connection_loss", write_ratio(network.connection_loss));
    }

    fn evidence(&self, out: &mut Text) {
        out.header("gate");
        for gate in &self.gates {
            out.text(&quoted(&gate.text), &words::bound(gate));
        }
        out.header("expect");
        let verdict = match self.expect.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "inconclusive",
        };
        out.text("verdict", verdict);
        if let Some(anomaly) = self.expect.anomaly {
            out.text("anomaly", anomaly.name());
        }
        if !self.expect.also.is_empty() {
            let names: Vec<String> = self.expect.also.iter().map(|a| a.name().to_owned()).collect();
            out.line("also", words::list(&names));
        }
        if !self.expect.notes.is_empty() {
            out.line("notes", words::list(&self.expect.notes));
        }
        out.header("protocol");
        if let Some(era) = &self.era {
            out.text("era", era);
        }
        for (rule, value) in &self.protocol {
            out.text(&quoted(rule), value);
        }
    }
}

/// TOML text in the making.
#[derive(Default)]
struct Text(String);

impl Text {
    fn header(&mut self, name: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.0, "{gap}[{name}]");
    }

    fn line(&mut self, key: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(key, quoted(value));
    }
}

fn config(out: &mut Text, key: &str, config: &KafkaConfig) {
    let entries: Vec<String> = config
        .set
        .iter()
        .map(|(key, value)| {
            let range = config.drawn.get(key).map(|(low, high)| format!("{low}..{high}"));
            let value = match value {
                ConfigValue::Int(_) if range.is_some() => quoted(&range.unwrap_or_default()),
                ConfigValue::Bool(value) => value.to_string(),
                ConfigValue::Int(value) => value.to_string(),
                ConfigValue::Millionths(value) => {
                    let sign = if *value < 0 { "-" } else { "" };
                    format!("{sign}{}", write_millionths(value.unsigned_abs()))
                }
                ConfigValue::Text(value) => quoted(value),
                ConfigValue::List(items) => words::list(items),
            };
            format!("{} = {value}", quoted(key))
        })
        .collect();
    if !entries.is_empty() {
        out.line(key, format!("{{ {} }}", entries.join(", ")));
    }
}

fn hardware(out: &mut Text, hardware: &Hardware) {
    out.header(&format!("hardware.{}", quoted(&hardware.name)));
    out.line("vcpus", hardware.vcpus);
    out.text("memory", &bytes(hardware.memory));
    out.text("network_base", &bits(hardware.nic.base_bits_per_s));
    out.text("network_burst", &bits(hardware.nic.burst_bits_per_s));
    out.text("network_bucket", &bytes(hardware.nic.bucket_bytes));
    let disk = &hardware.disk;
    out.text("disk_base", &bytes_per_second(disk.base_bytes_per_s));
    out.text("disk_burst", &bytes_per_second(disk.burst_bytes_per_s));
    out.text("disk_bucket", &bytes(disk.bucket_bytes));
    out.text("disk_capacity", &bytes(disk.capacity_bytes));
    out.text("disk_fsync", &distribution(disk.fsync, Unit::Duration));
    out.text("disk_read", &distribution(disk.read, Unit::Duration));
    let cpu = &hardware.cpu;
    for (key, value) in [
        ("cpu_produce", cpu.produce),
        ("cpu_fetch", cpu.fetch),
        ("cpu_request", cpu.request),
        ("cpu_batch", cpu.batch),
        ("cpu_in_mib", cpu.in_mib),
        ("cpu_out_mib", cpu.out_mib),
    ] {
        out.text(key, &write_duration(value));
    }
}

fn service(out: &mut Text, service: &Service) {
    out.header(&format!("service.{}", quoted(&service.name)));
    let (kind, window) = match service.kind {
        ServiceKind::Ingress => ("ingress", None),
        ServiceKind::Transform => ("transform", None),
        ServiceKind::Join { window } => ("join", Some(window)),
        ServiceKind::Sink => ("sink", None),
        ServiceKind::Reader => ("reader", None),
        ServiceKind::Relay { .. } => ("relay", None),
    };
    out.text("kind", kind);
    out.line("instances", service.instances);
    if !service.inputs.is_empty() {
        out.line("input", words::list(&service.inputs));
    }
    match &service.time {
        ServiceTime::Same(time) => out.text("time", &distribution(*time, Unit::Duration)),
        ServiceTime::PerInput(times) => {
            let each: Vec<String> = service
                .inputs
                .iter()
                .zip(times)
                .map(|(input, time)| {
                    let time = distribution(*time, Unit::Duration);
                    format!("{} = {}", quoted(input), quoted(&time))
                })
                .collect();
            out.line("time", format!("{{ {} }}", each.join(", ")));
        }
    }
    let optional =
        [("output", &service.output), ("group", &service.group), ("effects", &service.effects)];
    for (key, value) in optional {
        if let Some(value) = value {
            out.text(key, value);
        }
    }
    if let Some(size) = service.output_size {
        out.text("output_size", &bytes(size));
    }
    if let Some(payload) = service.output_payload {
        out.text("output_payload", &words::payload(payload));
    }
    if let Some(window) = window {
        out.text("window", &write_duration(window));
    }
    rows::rows(out, service);
    delivery(out, service);
    out.text("restart", &write_duration(service.restart));
    config(out, "producer", &service.producer);
    config(out, "consumer", &service.consumer);
}

fn delivery(out: &mut Text, service: &Service) {
    if service.transactional {
        out.line("transactional", true);
        out.line("abort", write_ratio(service.abort));
    } else if service.group.is_some() {
        let commit = match service.commit {
            Commit::AfterProcessing => "after-processing",
            Commit::BeforeProcessing => "before-processing",
            Commit::Auto => "auto",
            Commit::WithEffects => "with-effects",
        };
        out.text("commit", commit);
    }
    match &service.transactional_ids {
        TransactionalIds::PerInstance => {}
        TransactionalIds::PerProcess => out.text("transactional_id", "per-process"),
        TransactionalIds::Shared(id) => out.text("transactional_id", id),
    }
    if !matches!(service.commit, Commit::Auto | Commit::WithEffects) {
        out.text("commit_interval", &write_duration(service.commit_interval));
    }
    if let Dedupe::ByEntity { capacity, ttl } = service.dedupe {
        out.text("dedupe", "by-entity");
        if let Some(capacity) = capacity {
            out.line("dedupe_capacity", capacity);
        }
        if let Some(ttl) = ttl {
            out.text("dedupe_ttl", &write_duration(ttl));
        }
    }
    if let Some(poison) = &service.poison {
        given_up(out, poison);
    }
}

fn given_up(out: &mut Text, poison: &Poison) {
    out.line("poison", write_ratio(poison.share));
    if let Some(failures) = poison.failures {
        out.line("failures", failures);
    }
    if let Some(attempts) = poison.attempts {
        out.line("attempts", attempts);
        out.text("backoff", &write_duration(poison.backoff));
    }
    if let Some(topic) = &poison.dead_letter {
        out.text("dead_letter", topic);
    }
    if !poison.retries.is_empty() {
        let delay = |retry: &Retry| quoted(&write_duration(retry.delay));
        let each = poison.retries.iter().map(|retry| (quoted(&retry.topic), delay(retry)));
        let each: Vec<String> = each.map(|(topic, delay)| format!("{topic} = {delay}")).collect();
        out.line("retry", format!("{{ {} }}", each.join(", ")));
    }
}

fn load(out: &mut Text, load: &Load) {
    out.header(&format!("load.{}", quoted(&load.name)));
    out.text("into", &load.into);
    let arrivals = match load.arrivals {
        Arrivals::Open { rate: r, shape } => format!(
            "{{ model = \"open\", rate = {}, shape = {} }}",
            quoted(&rate(r)),
            quoted(&words::shape(shape))
        ),
        Arrivals::Closed { callers, think } => format!(
            "{{ model = \"closed\", callers = {callers}, think = {} }}",
            quoted(&distribution(think, Unit::Duration))
        ),
    };
    out.line("arrivals", arrivals);
    out.text("keys", &words::keys(load.keys));
    out.text("size", &distribution(load.size, Unit::Size));
    if let Some(payload) = load.payload {
        out.text("payload", &words::payload(payload));
    }
    if !load.tombstones.is_zero() {
        out.line("tombstones", write_ratio(load.tombstones));
    }
    if let Some(limit) = load.limit {
        out.line("limit", limit);
    }
    if !load.drop.is_empty() {
        let ranges: Vec<String> =
            load.drop.iter().map(|range| format!("{}..{}", range.from, range.until)).collect();
        out.line("drop", words::list(&ranges));
    }
}

fn checks(out: &mut Text, checks: &Checks) {
    out.header("check");
    for anomaly in &checks.off {
        out.line(anomaly.name(), false);
    }
    if !checks.per_key_order.is_empty() {
        out.line("per_key_order", words::list(&checks.per_key_order));
    }
    if !checks.exactly_once.is_empty() {
        let pairs: Vec<String> = checks
            .exactly_once
            .iter()
            .map(|p| format!("{{ from = {}, to = {} }}", quoted(&p.from), quoted(&p.to)))
            .collect();
        out.line("exactly_once", format!("[{}]", pairs.join(", ")));
    }
}
