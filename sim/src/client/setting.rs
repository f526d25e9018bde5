//! Kafka's client keys as tables: what is read, by which field, to what end. A key is known
//! because its line sets the field, so that what `explain` tells cannot rot.

use broker_model::config::{Ignored, ignored};
use broker_model::types::{Duration, MILLISECOND};

/// A key that a client reads.
pub(crate) struct Setting<C> {
    /// The key.
    pub(crate) key: &'static str,
    /// The field that it sets.
    pub(crate) field: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
    /// Reads the text into the field, or tells what the text should have been.
    pub(crate) set: fn(&mut C, &str) -> Result<(), &'static str>,
}

/// Settings of a configuration: key, field, reader, what it does.
macro_rules! settings {
    ($config:ty; $($key:literal, $($field:ident).+, $read:expr, $about:literal;)+) => {
        &[$($crate::client::setting::Setting {
            key: $key,
            field: concat!($(".", stringify!($field)),+),
            about: $about,
            set: |config: &mut $config, text| {
                config.$($field).+ = $read(text)?;
                Ok(())
            },
        }),+]
    };
}
pub(crate) use settings;

/// Keys of all clients without effect.
pub(crate) const IGNORED: &[Ignored] = &[
    Ignored { why: "security is not modelled", keys: &["sasl.", "security.", "ssl."] },
    Ignored {
        why: "the report of assize stands in for the metrics of a client",
        keys: &["auto.include.jmx.reporter", "enable.metrics.push", "metric.reporters", "metrics."],
    },
    Ignored {
        why: "records are ids without bytes: nothing transforms or checks them",
        keys: &[
            "interceptor.classes",
            "key.deserializer",
            "key.serializer",
            "value.deserializer",
            "value.serializer",
        ],
    },
    Ignored {
        why: "every codec works at its default level",
        keys: &["compression.gzip.level", "compression.lz4.level", "compression.zstd.level"],
    },
    Ignored { why: "a consumer checks every batch", keys: &["check.crcs"] },
    Ignored {
        why: "connections of the simulator have no DNS and no socket buffers",
        keys: &[
            "client.dns.lookup",
            "connections.max.idle.ms",
            "receive.buffer.bytes",
            "send.buffer.bytes",
        ],
    },
    Ignored {
        why: "every process waits for a connection as long as this key's default says",
        keys: &["socket.connection.setup."],
    },
    Ignored {
        why: "clients always know all brokers, and forget no topic",
        keys: &["metadata.max.idle.ms", "metadata.recovery."],
    },
    Ignored {
        why: "two-phase commit (KIP-939) is not modelled",
        keys: &["transaction.two.phase.commit.enable"],
    },
    Ignored {
        why: "records are spread as Kafka's own partitioner does",
        keys: &["partitioner.class"],
    },
    Ignored {
        why: "share groups (KIP-932) are not modelled",
        keys: &["share.acknowledgement.mode"],
    },
    Ignored {
        why: "topics are those of the scenario, and subscriptions are by name",
        keys: &["allow.auto.create.topics", "exclude.internal.topics"],
    },
    Ignored {
        why: "an isolated consumer of a scenario leaves its group as Java's does by default",
        keys: &[
            "internal.leave.group.on.close",
            "internal.throw.on.fetch.stable.offset.unsupported",
        ],
    },
    Ignored {
        why: "the administrator asks one question at a time until it is answered",
        keys: &[
            "default.api.timeout.ms",
            "metadata.max.age.ms",
            "reconnect.backoff.max.ms",
            "reconnect.backoff.ms",
            "request.timeout.ms",
            "retries",
            "retry.backoff.max.ms",
        ],
    },
];

/// Why a key of a client has no effect, if it has none. What a client reads is asked first.
pub(crate) fn without_effect(key: &str) -> Option<&'static str> {
    ignored(IGNORED, key)
}

/// Kafka's times: milliseconds from 0.
pub(crate) fn millis(text: &str) -> Result<Duration, &'static str> {
    let count: u64 = text.parse().map_err(|_| "a number of milliseconds")?;
    Ok(count.saturating_mul(MILLISECOND))
}

/// Kafka's times that are at least 1.
pub(crate) fn millis_from_one(text: &str) -> Result<Duration, &'static str> {
    match millis(text)? {
        0 => Err("at least one millisecond"),
        time => Ok(time),
    }
}

/// Kafka's `int` from 0.
pub(crate) fn int(text: &str) -> Result<u32, &'static str> {
    let count: i32 = text.parse().map_err(|_| "an integer from 0 to 2147483647")?;
    u32::try_from(count).map_err(|_| "an integer from 0 to 2147483647")
}

/// Kafka's `int` from 1.
pub(crate) fn int_from_one(text: &str) -> Result<u32, &'static str> {
    match int(text)? {
        0 => Err("an integer from 1 to 2147483647"),
        count => Ok(count),
    }
}

/// Kafka's `long` from 0.
pub(crate) fn long(text: &str) -> Result<u64, &'static str> {
    let count: i64 = text.parse().map_err(|_| "a whole number, not negative")?;
    u64::try_from(count).map_err(|_| "a whole number, not negative")
}

/// Kafka's `boolean`.
pub(crate) fn flag(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "true or false")
}
