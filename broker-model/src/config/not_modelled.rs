//! Keys that Kafka has and the model does not read, by what is missing.

/// Keys without effect, with the reason.
#[derive(Clone, Copy, Debug)]
pub struct Ignored {
    /// Why, as the end of "has no effect here: ".
    pub why: &'static str,
    /// The keys. A name that ends with a dot stands for all that begin with it.
    pub keys: &'static [&'static str],
}

/// Why a key has no effect, if it is one of these.
#[must_use]
pub fn ignored(groups: &'static [Ignored], key: &str) -> Option<&'static str> {
    let is = |name: &&str| if name.ends_with('.') { key.starts_with(*name) } else { key == *name };
    groups.iter().find(|group| group.keys.iter().any(&is)).map(|group| group.why)
}

/// Broker keys, of every release.
pub(super) const BROKER: &[Ignored] = &[
    Ignored {
        why: "security is not modelled",
        keys: &[
            "authorizer.class.name",
            "connection.failed.authentication.delay.ms",
            "connections.max.reauth.ms",
            "delegation.token.",
            "listener.security.protocol.map",
            "password.encoder.",
            "principal.builder.class",
            "sasl.",
            "security.",
            "ssl.",
        ],
    },
    Ignored {
        why: "hosts of the simulator have no listeners, socket buffers or limits on connections",
        keys: &[
            "advertised.listeners",
            "connections.max.idle.ms",
            "control.plane.listener.name",
            "controller.listener.names",
            "early.start.listeners",
            "inter.broker.listener.name",
            "listeners",
            "max.connection.creation.rate",
            "max.connections",
            "max.connections.",
            "replica.socket.receive.buffer.bytes",
            "socket.listen.backlog.size",
            "socket.receive.buffer.bytes",
            "socket.send.buffer.bytes",
        ],
    },
    Ignored {
        why: "every process waits for a connection as long as this key's default says",
        keys: &["socket.connection.setup."],
    },
    Ignored {
        why: "the request queue has no bound in the model",
        keys: &["queued.max.request.bytes", "queued.max.requests"],
    },
    Ignored {
        why: "tiered storage is not modelled",
        keys: &["log.local.retention.bytes", "log.local.retention.ms", "remote."],
    },
    Ignored {
        why: "share and streams groups are not modelled, and the coordinator is one thread without \
              bounds of its own",
        keys: &[
            "group.consumer.",
            "group.coordinator.",
            "group.share.",
            "group.streams.",
            "share.",
        ],
    },
    Ignored {
        why: "the windows of clients' quotas are Kafka's defaults, and replicas do not move between \
              directories",
        keys: &[
            "alter.log.dirs.replication.quota.",
            "client.quota.callback.class",
            "controller.quota.",
            "quota.",
        ],
    },
    Ignored {
        why: "the report of assize stands in for the metrics of a broker",
        keys: &[
            "auto.include.jmx.reporter",
            "controller.performance.",
            "kafka.metrics.",
            "metric.reporters",
            "metrics.",
            "telemetry.max.bytes",
        ],
    },
    Ignored {
        why: "controllers append at once, write no idle records, and have no segments of their log",
        keys: &[
            "controller.quorum.append.linger.ms",
            "internal.metadata.",
            "metadata.log.segment.bytes",
            "metadata.log.segment.min.bytes",
            "metadata.log.segment.ms",
            "metadata.max.idle.interval.ms",
        ],
    },
    Ignored {
        why: "the brokers of a scenario are numbered and started by assize",
        keys: &[
            "broker.id",
            "broker.id.generation.enable",
            "broker.rack",
            "controlled.shutdown.max.retries",
            "controlled.shutdown.retry.backoff.ms",
            "initial.broker.registration.timeout.ms",
            "node.id",
            "process.roles",
            "reserved.broker.max.id",
            "server.max.startup.time.ms",
        ],
    },
    Ignored {
        why: "clusters run with KRaft, without ZooKeeper and without a migration from it",
        keys: &["leader.imbalance.per.broker.percentage", "zookeeper."],
    },
    Ignored {
        why: "features and versions are those of a new cluster of the release",
        keys: &[
            "eligible.leader.replicas.enable",
            "inter.broker.protocol.version",
            "log.message.downconversion.enable",
            "log.message.format.version",
            "unstable.api.versions.enable",
            "unstable.feature.versions.enable",
        ],
    },
    Ignored {
        why: "the reads of a cleaning have no buffers",
        keys: &["log.cleaner.io.buffer.size"],
    },
    Ignored {
        why: "every codec works at its default level",
        keys: &["compression.gzip.level", "compression.lz4.level", "compression.zstd.level"],
    },
    Ignored {
        why: "log directories of the simulator have no paths, no index files and no moves between them",
        keys: &[
            "background.threads",
            "log.dir",
            "log.index.interval.bytes",
            "log.index.size.max.bytes",
            "log.preallocate",
            "log.segment.delete.delay.ms",
            "num.replica.alter.log.dirs.threads",
        ],
    },
    Ignored {
        why: "segments roll without jitter",
        keys: &["log.roll.jitter.hours", "log.roll.jitter.ms"],
    },
    Ignored {
        why: "Kafka itself no longer acts on it in this way, or the finer keys decide",
        keys: &["log.message.timestamp.difference.max.ms", "offsets.commit.required.acks"],
    },
    Ignored {
        why: "purgatories are lists with one timer each",
        keys: &[
            "delete.records.purgatory.purge.interval.requests",
            "fetch.purgatory.purge.interval.requests",
            "producer.purgatory.purge.interval.requests",
        ],
    },
    Ignored {
        why: "topics are those of the scenario, made and configured by its administrator",
        keys: &[
            "alter.config.policy.class.name",
            "alter.config.policy.kraft.compatibility.enable",
            "auto.create.topics.enable",
            "create.topic.policy.class.name",
            "default.replication.factor",
            "delete.topic.enable",
            "max.request.partition.size.limit",
            "num.partitions",
        ],
    },
    Ignored {
        why: "what coordinators keep is loaded at once, whole and uncompressed",
        keys: &[
            "offsets.load.buffer.size",
            "offsets.topic.compression.codec",
            "transaction.state.log.load.buffer.size",
        ],
    },
    Ignored {
        why: "two-phase commit (KIP-939) is not modelled",
        keys: &["transaction.two.phase.commit.enable"],
    },
    Ignored {
        why: "a leader asks the transaction coordinator again by Kafka's defaults",
        keys: &[
            "add.partitions.to.txn.retry.backoff.max.ms",
            "add.partitions.to.txn.retry.backoff.ms",
        ],
    },
];

/// Topic keys, of every release.
pub(super) const TOPIC: &[Ignored] = &[
    Ignored {
        why: "every codec works at its default level",
        keys: &["compression.gzip.level", "compression.lz4.level", "compression.zstd.level"],
    },
    Ignored {
        why: "a log has no index files, and what is deleted is gone at once",
        keys: &[
            "file.delete.delay.ms",
            "index.interval.bytes",
            "internal.segment.bytes",
            "preallocate",
            "segment.index.bytes",
        ],
    },
    Ignored { why: "segments roll without jitter", keys: &["segment.jitter.ms"] },
    Ignored {
        why: "tiered storage is not modelled",
        keys: &["local.retention.bytes", "local.retention.ms", "remote."],
    },
    Ignored {
        why: "formats and versions are those of a new cluster of the release",
        keys: &["message.downconversion.enable", "message.format.version"],
    },
    Ignored { why: "the finer keys decide", keys: &["message.timestamp.difference.max.ms"] },
];
