//! The file itself, and the world: cluster, hardware, network, topics.

use super::{Section, key};

/// The top of the file.
pub const TOP: Section = Section {
    name: "",
    doc: "The tables of a file, and what it builds on.",
    keys: &[
        key(
            "extends",
            "text",
            "nothing",
            "A file to build on, relative to this one. Tables are \
            merged key by key, everything else of this file replaces the base's.",
        ),
        key("scenario", "table", "required", "Name, length and version."),
        key("cluster", "table", "three brokers", "Brokers and controllers."),
        key("hardware", "tables by name", "built-in profiles", "Hardware profiles."),
        key("network", "table", "one region", "Links."),
        key("topic", "tables by name", "required", "Topics."),
        key("service", "tables by name", "required", "Services."),
        key("load", "tables by name", "required", "Loads."),
        key("fault", "array of tables", "none", "Faults, written `[[fault]]`."),
        key("swarm", "table", "off", "Drawing faults per seed."),
        key("search", "table", "off", "Faults that each seed makes up."),
        key("check", "table", "all on", "Checks."),
        key("gate", "table", "none", "Bounds on what is measured."),
        key("expect", "table", "a pass", "What the run should give."),
        key("protocol", "table", "today's Kafka", "Rules other than today's Kafka."),
    ],
};

/// `[scenario]`.
pub const SCENARIO: Section = Section {
    name: "scenario",
    doc: "Clock: warm-up, then the load phase, then healing, then the drain until nothing moves.",
    keys: &[
        key("name", "name", "required", "Name of the scenario in reports."),
        key("description", "text", "empty", "What it is about, in a sentence."),
        key(
            "kafka",
            "\"3.9\", \"4.0\" or \"4.1\"",
            "\"4.1\"",
            "The release of Kafka: its keys, defaults and protocol, of brokers and clients.",
        ),
        key("duration", "duration", "required", "Length of the load phase."),
        key(
            "warmup",
            "duration",
            "0s",
            "Load before the load phase. Latencies in it are told apart and are in no figure of the \
            whole run and in no gate; everything in it is checked.",
        ),
        key("drain", "duration", "300s", "Longest time from the end of the load to quiescence."),
        key("seed", "integer", "0", "The seed when the command line gives none."),
        key(
            "driver",
            "\"bare\" or \"hosted\"",
            "\"bare\"",
            "The bare event loop, or the same \
            loop inside a madsim runtime. Both give the same trace.",
        ),
    ],
};

/// `[cluster]`.
pub const CLUSTER: Section = Section {
    name: "cluster",
    doc: "Brokers have the ids 1 to n. Broker and service instance i (from 0) is in rack i modulo \
          the number of racks.",
    keys: &[
        key("brokers", "integer from 1 to 1000", "3", "How many brokers."),
        key(
            "controllers",
            "integer from 1 to 9",
            "1",
            "How many controller hosts. Several are a quorum, which elects the active one.",
        ),
        key("racks", "names", "[\"a\"]", "Racks (availability zones)."),
        key("hardware", "name of a profile", "\"m5.2xlarge\"", "The hardware of every broker."),
        key(
            "config",
            "table of Kafka's broker keys",
            "Kafka's defaults",
            "`server.properties`, \
            verbatim: `config = { \"min.insync.replicas\" = 2 }`.",
        ),
        key(
            "admin",
            "table of Kafka's admin client keys",
            "Kafka's defaults",
            "Of the administrator, who creates the topics and moves leaders, verbatim.",
        ),
    ],
};

/// `[hardware.NAME]`.
pub const HARDWARE: Section = Section {
    name: "hardware.NAME",
    doc: "A profile. Network and disk are token buckets that start full: the burst rate while \
          tokens last, the base rate after.",
    keys: &[
        key(
            "like",
            "name of a built-in profile",
            "\"m5.2xlarge\", or the profile of that name",
            "Where the keys left out come from.",
        ),
        key(
            "vcpus",
            "integer from 1 to 1024",
            "as `like`",
            "Hardware threads: no thread pool of a broker runs more of its threads at once.",
        ),
        key("memory", "size", "as `like`", "Page cache for log files."),
        key(
            "network_base",
            "bandwidth in bits",
            "as `like`",
            "Base rate of the interface, each \
            direction.",
        ),
        key("network_burst", "bandwidth in bits", "as `like`", "Burst rate of the interface."),
        key(
            "network_bucket",
            "size",
            "as `like`",
            "Bytes above the base rate that a full bucket \
            allows.",
        ),
        key("disk_base", "bandwidth in bytes", "as `like`", "Base rate of the disk."),
        key("disk_burst", "bandwidth in bytes", "as `like`", "Burst rate of the disk."),
        key(
            "disk_bucket",
            "size",
            "as `like`",
            "Bytes above the base rate that a full bucket \
            allows.",
        ),
        key("disk_capacity", "size", "as `like`", "Size of the disk."),
        key(
            "disk_fsync",
            "distribution of durations",
            "as `like`",
            "Latency of an fsync, without \
            the transfer.",
        ),
        key(
            "disk_read",
            "distribution of durations",
            "as `like`",
            "Latency of a read that misses \
            the page cache: of what is no longer among the newest `memory` bytes, or was written \
            before a power cut. A network thread waits for it.",
        ),
        key("cpu_produce", "duration", "as `like`", "CPU per produce request."),
        key("cpu_fetch", "duration", "as `like`", "CPU per fetch request."),
        key("cpu_request", "duration", "as `like`", "CPU per any other request."),
        key("cpu_batch", "duration", "as `like`", "CPU per appended batch."),
        key("cpu_in_mib", "duration", "as `like`", "CPU per MiB received."),
        key("cpu_out_mib", "duration", "as `like`", "CPU per MiB sent."),
    ],
};

/// `[network]`.
pub const NETWORK: Section = Section {
    name: "network",
    doc: "Latencies are one way, per message. Messages on one connection stay in order.",
    keys: &[
        key(
            "same_rack",
            "distribution of durations",
            "lognormal(75us, 0.25)",
            "Latency within a \
            rack.",
        ),
        key(
            "cross_rack",
            "distribution of durations",
            "lognormal(400us, 0.25)",
            "Latency between \
            racks.",
        ),
        key("jitter", "distribution of durations", "0s", "Added to every message."),
        key(
            "bandwidth",
            "bandwidth in bits",
            "the interfaces' own",
            "Bound of each link, each direction.",
        ),
        key("connection_loss", "probability", "0", "Per message: its connection breaks."),
    ],
};

/// `[topic.NAME]`.
pub const TOPIC: Section = Section {
    name: "topic.NAME",
    doc: "Kafka's internal topics need no table: their factors are broker keys.",
    keys: &[
        key(
            "partitions",
            "integer from 1 to 9999",
            "broker key `num.partitions`",
            "Partitions. One request creates them, and with each key of `config` it creates one less.",
        ),
        key(
            "replication",
            "integer from 1 to 1000",
            "broker key `default.replication.factor`",
            "Replication factor.",
        ),
        key(
            "config",
            "table of Kafka's topic keys",
            "the cluster's",
            "Topic configuration, \
            verbatim.",
        ),
    ],
};
