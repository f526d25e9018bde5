//! Every key of the language: the source of the unknown-key check and of the reference.

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value looks like.
    pub form: &'static str,
    /// Its default in words, or `required`.
    pub default: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A table of keys.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its name as in a header, like `topic.NAME`; empty for the top of the file.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

impl Section {
    /// Whether it has a key.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.key(name).is_some()
    }

    /// A key by name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|k| k.name == name)
    }
}

const fn key(
    name: &'static str,
    form: &'static str,
    default: &'static str,
    doc: &'static str,
) -> Key {
    Key { name, form, default, doc }
}

/// All sections in the order of the reference.
pub const SECTIONS: &[&Section] = &[
    &TOP,
    &SCENARIO,
    &CLUSTER,
    &HARDWARE,
    &NETWORK,
    &TOPIC,
    &SERVICE,
    &LOAD,
    &ARRIVALS,
    &FAULT,
    &SWARM,
    &CHECK,
    &EXACTLY_ONCE,
    &GATE,
    &EXPECT,
    &PROTOCOL,
];

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
        key("kafka", "\"4.1\"", "\"4.1\"", "Version profile: defaults and protocol."),
        key("duration", "duration", "required", "Length of the load phase."),
        key(
            "warmup",
            "duration",
            "0s",
            "Load before the load phase. Nothing in it is measured, \
            everything in it is checked.",
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
        key("controllers", "integer from 1 to 9", "1", "How many controller hosts."),
        key("racks", "names", "[\"a\"]", "Racks (availability zones)."),
        key("hardware", "name of a profile", "\"m5.2xlarge\"", "The hardware of every broker."),
        key(
            "config",
            "table of Kafka's broker keys",
            "Kafka's defaults",
            "`server.properties`, \
            verbatim: `config = { \"min.insync.replicas\" = 2 }`.",
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
        key("vcpus", "integer from 1 to 1024", "as `like`", "Hardware threads."),
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
            the page cache.",
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
        key("bandwidth", "bandwidth in bits", "the interfaces' own", "Bound of each link."),
        key("connection_loss", "probability", "0", "Per message: its connection breaks."),
    ],
};

/// `[topic.NAME]`.
pub const TOPIC: Section = Section {
    name: "topic.NAME",
    doc: "Kafka's internal topics need no table: their factors are broker keys.",
    keys: &[
        key("partitions", "integer from 1 to 10000", "broker key `num.partitions`", "Partitions."),
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

/// `[service.NAME]`.
pub const SERVICE: Section = Section {
    name: "service.NAME",
    doc: "Kinds: `ingress` takes the calls of a load and produces one record each; `transform` \
          gives one output per input; `join` gives one output when an entity came on both inputs \
          within the window; `sink` applies effects to an external store; `reader` only reads.",
    keys: &[
        key(
            "kind",
            "\"ingress\", \"transform\", \"join\", \"sink\" or \"reader\"",
            "required",
            "What it does.",
        ),
        key("instances", "integer from 1 to 1000", "1", "Instances, each with one poll loop."),
        key(
            "time",
            "distribution of durations, or a table of one per input topic",
            "0s",
            "Service time per record.",
        ),
        key("input", "topic or topics", "required, except for an ingress", "What it consumes."),
        key("output", "topic", "none", "What it produces to."),
        key("output_size", "size", "as large as the input", "Value size of an output record."),
        key("window", "duration", "required for a join", "Two sides this far apart still join."),
        key("group", "name", "the service's name", "Consumer group."),
        key(
            "transactional",
            "true or false",
            "false",
            "Outputs and offsets go through \
            transactions.",
        ),
        key(
            "transactional_id",
            "name",
            "NAME-0, NAME-1, ...",
            "One transactional id for all \
            instances: the mistake that makes them fence each other.",
        ),
        key("abort", "probability", "0", "Per transaction: the service aborts it by itself."),
        key(
            "commit",
            "\"after-processing\", \"before-processing\" or \"auto\"",
            "\"after-processing\"",
            "When offsets are committed, without transactions.",
        ),
        key(
            "commit_interval",
            "duration",
            "100ms with transactions, else 0s: after each poll",
            "Time between commits, or between transactions.",
        ),
        key(
            "effects",
            "name of a ledger",
            "none",
            "The external store that it applies effects \
            to, one per record. The store commits by itself.",
        ),
        key(
            "dedupe",
            "\"none\" or \"by-entity\"",
            "\"none\"",
            "Whether the store recognizes an \
            entity that it has already applied. It remembers across crashes.",
        ),
        key("dedupe_capacity", "integer", "unbounded", "How many entities it remembers."),
        key("dedupe_ttl", "duration", "for ever", "For how long it remembers an entity."),
        key(
            "restart",
            "duration",
            "1s",
            "From a kill to the restart of an instance, unless the \
            fault says `for`.",
        ),
        key(
            "producer",
            "table of Kafka's producer keys",
            "Kafka's defaults",
            "Producer \
            configuration, verbatim.",
        ),
        key(
            "consumer",
            "table of Kafka's consumer keys",
            "Kafka's defaults",
            "Consumer \
            configuration, verbatim.",
        ),
    ],
};

/// `[load.NAME]`.
pub const LOAD: Section = Section {
    name: "load.NAME",
    doc: "Who calls an ingress, how often, with which keys.",
    keys: &[
        key("into", "service of kind ingress", "required", "Who is called."),
        key("arrivals", "table", "required", "When calls arrive."),
        key(
            "keys",
            "\"unique\", \"none\", \"uniform(N)\" or \"zipf(N, S)\"",
            "\"unique\"",
            "Which entity a call is about: one of its own, none, one of N, one of N by Zipf's law \
             with exponent S.",
        ),
        key("size", "size or distribution of sizes", "1KiB", "Value size of a record."),
        key("limit", "integer", "none", "Calls in the whole run, warm-up included."),
    ],
};

/// `arrivals` of a load.
pub const ARRIVALS: Section = Section {
    name: "load.NAME.arrivals",
    doc: "Open arrivals come whatever the answers do; closed callers wait for theirs.",
    keys: &[
        key("model", "\"open\" or \"closed\"", "required", "Open or closed."),
        key("rate", "rate", "required when open", "Mean rate, all instances together."),
        key(
            "shape",
            "\"poisson\", \"constant\" or \"burst(N)\"",
            "\"poisson\"",
            "Spacing of open \
            arrivals: exponential gaps, equal gaps, N at once.",
        ),
        key("callers", "integer from 1 to 100000", "required when closed", "Callers."),
        key(
            "think",
            "distribution of durations",
            "0s",
            "From an answer to the caller's next \
            call.",
        ),
    ],
};

/// `[[fault]]`.
pub const FAULT: Section = Section {
    name: "fault",
    doc: "A fault has a kind, a target by role that is resolved when it fires, and a trigger: a \
          time (`at`) or a protocol event (`on`).",
    keys: &[
        key("name", "name", "the kind and its place in the file", "Name in reports."),
        key("kind", "see below", "required", "What happens."),
        key("target", "see below", "depends on the kind", "To whom."),
        key(
            "at",
            "duration or range",
            "none",
            "When, from the start of the load phase; a range \
            is drawn per seed.",
        ),
        key("on", "see below", "none", "At which protocol event."),
        key("after", "duration or range", "0s", "With `on`: so long after the event."),
        key("for", "duration or range", "until the load ends", "How long; kills restart then."),
        key("chance", "probability", "1", "Probability, per seed, that the fault is there."),
        key(
            "cut",
            "\"full\", \"inbound\", \"outbound\", \"brokers\", \"controller\" or \
            \"clients\"",
            "\"full\"",
            "For `partition`: all links; only those to or from the \
            target; only those with other brokers, controllers or services.",
        ),
        key(
            "factor",
            "factor, at least 1",
            "10 for slow-disk, 1 for slow-link",
            "How many times \
            slower.",
        ),
        key(
            "latency",
            "duration or range",
            "required for slow-link",
            "Added one way to every \
            message.",
        ),
        key("probability", "probability", "1", "For `connection-loss`: per message."),
    ],
};

/// `[swarm]`.
pub const SWARM: Section = Section {
    name: "swarm",
    doc: "With a swarm each seed draws which fault kinds of the file are on.",
    keys: &[
        key("enabled", "true or false", "true when the table is there", "Whether it draws."),
        key("keep", "probability", "0.5", "Probability that a fault kind is on."),
    ],
};

/// `[check]`.
pub const CHECK: Section = Section {
    name: "check",
    doc: "Every check and invariant runs unless it is switched off by its name: \
          `reordered-key = false`.",
    keys: &[
        key(
            "exactly_once",
            "table or array of tables",
            "none",
            "Pairs that must correspond one \
            to one.",
        ),
        key(
            "per_key_order",
            "topics or ledgers",
            "none",
            "Where records of one key must stay in \
            order.",
        ),
    ],
};

/// An entry of `check.exactly_once`.
pub const EXACTLY_ONCE: Section = Section {
    name: "check.exactly_once",
    doc: "Each entity on `from` ends up on `to` exactly once.",
    keys: &[
        key("from", "topic", "required", "Where entities come from."),
        key("to", "topic or ledger", "required", "Where each must end up once."),
    ],
};

/// `[gate]`.
pub const GATE: Section = Section {
    name: "gate",
    doc: "Bounds on what a run measured. The keys are quantities, the values comparisons: \
          `\"p99(end_to_end, steady)\" = \"< 250ms\"`.",
    keys: &[],
};

/// `[expect]`.
pub const EXPECT: Section = Section {
    name: "expect",
    doc: "What the run should give. A run that gives it exits with 0.",
    keys: &[
        key("verdict", "\"pass\", \"fail\" or \"inconclusive\"", "\"pass\"", "The verdict."),
        key("anomaly", "name of a check", "required with \"fail\"", "What must be found."),
    ],
};

/// `[protocol]`.
pub const PROTOCOL: Section = Section {
    name: "protocol",
    doc: "Rules other than today's Kafka: historic behavior and planted bugs, by the names of the \
          broker model's rules: `acks_all = \"early\"`.",
    keys: &[key("era", "name", "today", "A historic profile: sets several rules at once.")],
};
