//! `[cluster]`, `[hardware.NAME]`, `[network]` and `[topic.NAME]`.

use crate::decode::named;
use crate::decoder::{Decoder, Fields, Problem};
use crate::diagnostic::{listed, nearest};
use crate::kafka_keys::{self, Version};
use crate::model::cluster::{Cluster, Hardware, Network, Topic};
use crate::model::config::{ConfigValue, KafkaConfig, Scope};
use crate::model::kafka::PARTITIONS_MAX;
use crate::model::quantity::{Distribution, Ratio};
use crate::profiles;
use crate::spec;
use crate::tree::{Entry, Node, Value};
use crate::units::Wrong;
use crate::values;

/// `[cluster]` and the hardware that it names.
pub(super) fn cluster(
    decoder: &mut Decoder,
    version: Version,
    node: Option<&Node>,
    hardware: Option<&Node>,
) -> (Cluster, Hardware) {
    let mut cluster = Cluster {
        brokers: 3,
        controllers: 1,
        racks: vec!["a".to_owned()],
        hardware: profiles::DEFAULT.to_owned(),
        config: KafkaConfig::empty(Scope::Broker, version),
        admin: KafkaConfig::empty(Scope::Admin, version),
    };
    let mut custom = Vec::new();
    for entry in named(decoder, hardware, "hardware") {
        custom.push(profile(decoder, entry));
    }
    let fields = node.and_then(|n| decoder.open(n, "cluster", &spec::CLUSTER, &[]));
    if let Some(t) = &fields {
        if let Some(brokers) = t.read(decoder, "brokers", values::small(1..=1_000)) {
            cluster.brokers = brokers;
        }
        if let Some(controllers) = t.read(decoder, "controllers", values::small(1..=9)) {
            cluster.controllers = controllers;
        }
        if let Some(racks) = t.read_list(decoder, "racks", values::name) {
            cluster.racks = racks;
            check_racks(decoder, t, &cluster.racks);
        }
        cluster.config = kafka_config(decoder, t, "config", (Scope::Broker, version));
        cluster.admin = kafka_config(decoder, t, "admin", (Scope::Admin, version));
        if let Some(name) = t.read(decoder, "hardware", values::name) {
            cluster.hardware = name;
        }
    }
    let found = custom
        .into_iter()
        .find(|h| h.name == cluster.hardware)
        .or_else(|| profiles::profile(&cluster.hardware));
    let hardware = found.unwrap_or_else(|| {
        if let Some(node) = fields.as_ref().and_then(|t| t.get("hardware")) {
            unknown_profile(decoder, &cluster.hardware, node);
        }
        default_profile()
    });
    (cluster, hardware)
}

fn check_racks(decoder: &mut Decoder, t: &Fields<'_>, racks: &[String]) {
    let Some(node) = t.get("racks") else { return };
    if racks.is_empty() && !decoder.is_wrong(node) {
        decoder.raise(
            Problem::new("scenario::range", "`cluster.racks` is empty")
                .at(&node.place, "needs one name at least")
                .help("leave it out for one rack, or name some: racks = [\"a\", \"b\", \"c\"]"),
        );
    }
    for (i, rack) in racks.iter().enumerate() {
        if racks[..i].contains(rack) {
            decoder.raise(
                Problem::new("scenario::duplicate", format!("rack `{rack}` is named twice"))
                    .at(&node.place, "here")
                    .help("brokers are dealt to racks in turn, so one mention is enough"),
            );
            return;
        }
    }
}

fn default_profile() -> Hardware {
    profiles::profile(profiles::DEFAULT).expect("the default profile is built in")
}

fn unknown_profile(decoder: &mut Decoder, name: &str, node: &Node) {
    let names = profiles::names();
    let known = listed(names.iter().copied());
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? Built in: {known}"),
        None => format!("built in: {known}; or define it as [hardware.{name}]"),
    };
    decoder.raise(
        Problem::new("scenario::unknown-hardware", format!("no hardware profile `{name}`"))
            .at(&node.place, "named here")
            .help(help),
    );
}

/// `[hardware.NAME]`.
fn profile(decoder: &mut Decoder, entry: &Entry) -> Hardware {
    let path = format!("hardware.{}", entry.key);
    let mut hardware = profiles::profile(&entry.key).unwrap_or_else(default_profile);
    let Some(t) = decoder.open(&entry.node, &path, &spec::HARDWARE, &[]) else { return hardware };
    if let Some(like) = t.read(decoder, "like", values::name) {
        match (profiles::profile(&like), t.get("like")) {
            (Some(base), _) => hardware = base,
            (None, Some(node)) => unknown_profile(decoder, &like, node),
            (None, None) => {}
        }
    }
    hardware.name.clone_from(&entry.key);
    let set = |target: &mut u64, value: Option<u64>| {
        if let Some(value) = value {
            *target = value;
        }
    };
    if let Some(vcpus) = t.read(decoder, "vcpus", values::small(1..=1_024)) {
        hardware.vcpus = vcpus;
    }
    set(&mut hardware.memory, t.read(decoder, "memory", values::positive_size));
    let nic = &mut hardware.nic;
    set(&mut nic.base_bits_per_s, t.read(decoder, "network_base", values::bits_per_second));
    set(&mut nic.burst_bits_per_s, t.read(decoder, "network_burst", values::bits_per_second));
    set(&mut nic.bucket_bytes, t.read(decoder, "network_bucket", values::size));
    let disk = &mut hardware.disk;
    set(&mut disk.base_bytes_per_s, t.read(decoder, "disk_base", values::bytes_per_second));
    set(&mut disk.burst_bytes_per_s, t.read(decoder, "disk_burst", values::bytes_per_second));
    set(&mut disk.bucket_bytes, t.read(decoder, "disk_bucket", values::size));
    set(&mut disk.capacity_bytes, t.read(decoder, "disk_capacity", values::positive_size));
    if let Some(fsync) = t.read(decoder, "disk_fsync", values::duration_distribution) {
        disk.fsync = fsync;
    }
    if let Some(read) = t.read(decoder, "disk_read", values::duration_distribution) {
        disk.read = read;
    }
    let cpu = &mut hardware.cpu;
    set(&mut cpu.produce, t.read(decoder, "cpu_produce", values::duration));
    set(&mut cpu.fetch, t.read(decoder, "cpu_fetch", values::duration));
    set(&mut cpu.request, t.read(decoder, "cpu_request", values::duration));
    set(&mut cpu.batch, t.read(decoder, "cpu_batch", values::duration));
    set(&mut cpu.in_mib, t.read(decoder, "cpu_in_mib", values::duration));
    set(&mut cpu.out_mib, t.read(decoder, "cpu_out_mib", values::duration));
    burst_below_base(decoder, &t, &mut hardware);
    hardware
}

/// A base that was raised alone lifts the inherited burst; two given ones must be in order.
fn burst_below_base(decoder: &mut Decoder, t: &Fields<'_>, hardware: &mut Hardware) {
    let nic = &mut hardware.nic;
    let disk = &mut hardware.disk;
    for (base_key, burst_key, base, burst) in [
        ("network_base", "network_burst", nic.base_bits_per_s, &mut nic.burst_bits_per_s),
        ("disk_base", "disk_burst", disk.base_bytes_per_s, &mut disk.burst_bytes_per_s),
    ] {
        if *burst >= base {
            continue;
        }
        let Some(node) = t.get(burst_key) else {
            *burst = base;
            continue;
        };
        if decoder.is_wrong(node) {
            continue;
        }
        decoder.raise(
            Problem::new("scenario::burst", format!("`{burst_key}` is below `{base_key}`"))
                .at(&node.place, "the burst")
                .maybe_at(t.get(base_key), "the base")
                .help("the burst rate holds while the bucket has tokens, the base rate after"),
        );
    }
}

/// `[network]`.
pub(super) fn network(decoder: &mut Decoder, node: Option<&Node>) -> Network {
    let mut network = Network {
        same_rack: Distribution::Lognormal { mean: 75_000, sigma_millionths: 250_000 },
        cross_rack: Distribution::Lognormal { mean: 400_000, sigma_millionths: 250_000 },
        jitter: Distribution::Constant(0),
        bandwidth_bits_per_s: None,
        connection_loss: Ratio::ZERO,
    };
    let fields = node.and_then(|n| decoder.open(n, "network", &spec::NETWORK, &[]));
    let Some(t) = fields else { return network };
    if let Some(latency) = t.read(decoder, "same_rack", values::duration_distribution) {
        network.same_rack = latency;
    }
    if let Some(latency) = t.read(decoder, "cross_rack", values::duration_distribution) {
        network.cross_rack = latency;
    }
    if let Some(jitter) = t.read(decoder, "jitter", values::duration_distribution) {
        network.jitter = jitter;
    }
    network.bandwidth_bits_per_s = t.read(decoder, "bandwidth", values::bits_per_second);
    if let Some(loss) = t.read(decoder, "connection_loss", values::probability) {
        network.connection_loss = loss;
    }
    network
}

/// `[topic.NAME]`. Kafka's own defaults: the broker keys `num.partitions` and
/// `default.replication.factor`, both 1.
pub(super) fn topic(decoder: &mut Decoder, entry: &Entry, cluster: &Cluster) -> Topic {
    let version = cluster.config.version;
    let default = |key: &str| u32::try_from(cluster.config.int(key)).unwrap_or(1).max(1);
    let mut topic = Topic {
        name: entry.key.clone(),
        partitions: default(kafka_keys::NUM_PARTITIONS),
        replication: default(kafka_keys::DEFAULT_FACTOR),
        config: KafkaConfig::empty(Scope::Topic, version),
    };
    let path = format!("topic.{}", entry.key);
    let Some(t) = decoder.open(&entry.node, &path, &spec::TOPIC, &[]) else { return topic };
    if entry.key.starts_with("__") {
        decoder.raise(
            Problem::new("scenario::name", format!("`{}` looks like an internal topic", entry.key))
                .at(&entry.place, "defined here")
                .help("internal topics need no table; their sizes are broker keys of the cluster"),
        );
    }
    if let Some(partitions) = t.read(decoder, "partitions", values::small(1..=PARTITIONS_MAX)) {
        topic.partitions = partitions;
    }
    if let Some(replication) = t.read(decoder, "replication", values::small(1..=1_000)) {
        topic.replication = replication;
    }
    topic.config = kafka_config(decoder, &t, "config", (Scope::Topic, version));
    topic
}

/// A table of Kafka's keys.
pub(super) fn kafka_config(
    decoder: &mut Decoder,
    t: &Fields<'_>,
    key: &str,
    (scope, version): (Scope, Version),
) -> KafkaConfig {
    let mut config = KafkaConfig::empty(scope, version);
    let Some(node) = t.get(key) else { return config };
    let path = t.path_of(key);
    let Value::Table(table) = &node.value else {
        decoder.wrong(&path, &node.place, values::kind("a table of Kafka's keys", &node.value));
        return config;
    };
    for entry in &table.entries {
        let Some(known) = scope.key(version, &entry.key) else {
            let mut wrong = kafka_keys::unknown(scope, version, &entry.key);
            if let Value::Table(inner) = &entry.node.value {
                let rest = inner.entries.first().map_or("...", |e| e.key.as_str());
                let rest: String = rest.chars().take(60).collect();
                wrong = wrong
                    .help(format!("a key with dots needs quotes: \"{}.{rest}\" = ...", entry.key));
            }
            decoder.wrong(&path, &entry.place, wrong);
            continue;
        };
        let full = format!("{path}.{:?}", entry.key);
        if let Some(instead) = kafka_keys::reserved(scope, &entry.key) {
            decoder.raise(
                Problem::new("scenario::reserved-key", format!("`{full}` is set by assize"))
                    .at(&entry.place, "set here")
                    .help(instead),
            );
            continue;
        }
        let taken = |value: ConfigValue| {
            let taken = decoder.takes.map_or(Ok(()), |takes| takes(scope, &entry.key, &value));
            let refused = |why| Wrong::new("scenario::kafka-value", why);
            taken.map(|()| value).map_err(refused)
        };
        let value = match known.read_range(&entry.node.value) {
            Some(ends) => ends.and_then(|(low, high)| Ok((taken(low)?, Some(taken(high)?)))),
            None => known.read(&entry.node.value).and_then(|value| Ok((taken(value)?, None))),
        };
        match value {
            Ok((value, high)) => {
                if let (ConfigValue::Int(low), Some(ConfigValue::Int(high))) = (&value, high) {
                    config.drawn.insert(entry.key.clone(), (*low, high));
                }
                config.set.insert(entry.key.clone(), value);
            }
            Err(wrong) => decoder.wrong(&full, &entry.node.place, wrong),
        }
    }
    config
}
