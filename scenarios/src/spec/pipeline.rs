//! What runs in the world: services and loads.

use super::{Section, key};

/// `[service.NAME]`.
pub const SERVICE: Section = Section {
    name: "service.NAME",
    doc: "Kinds: `ingress` takes the calls of a load and produces one record each; `transform` \
          gives one output per input; `join` gives one output when an entity came on both inputs \
          within the window; `sink` applies effects to an external store; `reader` only reads; \
          `relay` publishes the outbox of an ingress (`docs/outbox.md`).",
    keys: &[
        key(
            "kind",
            "\"ingress\", \"transform\", \"join\", \"sink\", \"reader\" or \"relay\"",
            "required",
            "What it does.",
        ),
        key("instances", "integer from 1 to 10000", "1", "Instances, each with one poll loop."),
        key(
            "time",
            "distribution of durations, or a table of one per input topic",
            "0s",
            "Service time per record.",
        ),
        key(
            "input",
            "topic or topics",
            "required, except for an ingress or a relay",
            "What it consumes.",
        ),
        key("output", "topic", "none", "What it produces to."),
        key("output_size", "size", "as large as the input", "Value size of an output record."),
        key(
            "output_payload",
            "as `payload` of a load",
            "like the input's",
            "What the content of an output record is like, for compression.",
        ),
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
            "\"per-instance\", \"per-process\" or a name",
            "\"per-instance\": NAME-0, NAME-1, ...",
            "\"per-process\" gives whoever starts again another one, NAME-0-0, NAME-0-1, ...: what it \
            had begun is ended by `transaction.timeout.ms` only. A name is one for all instances: the \
            mistake that makes them fence each other.",
        ),
        key("abort", "probability", "0", "Per transaction: the service aborts it by itself."),
        key(
            "commit",
            "\"after-processing\", \"before-processing\", \"auto\" or \"with-effects\"",
            "\"after-processing\"",
            "When offsets are committed, without transactions. With \"with-effects\" the store keeps \
            them beside the effects, and Kafka is told nothing.",
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
            "rows",
            "name of a table",
            "none; required for a relay",
            "Of an ingress: the table of a local database to which each call commits one row. Of a \
            relay: the table whose outbox it publishes.",
        ),
        key(
            "publish",
            "\"outbox\", \"after-commit\" or \"before-commit\"",
            "required with `rows` of an ingress",
            "How the record of a row comes to its topic. \"outbox\": a second row, in the same \
            database transaction, says that it is to be published, and a relay does it; the \
            ingress has no `output`. \"after-commit\": it is sent when the row is committed, so a \
            crash in between loses it. \"before-commit\": the row is committed when the record is \
            acknowledged, so a crash in between leaves a record without a row.",
        ),
        key("row_time", "duration", "0s", "How long the database takes to commit."),
        key(
            "poll_interval",
            "duration from 1us",
            "100ms",
            "Of a relay: from one look at the outbox to the next, unless it found as many rows as \
            it takes at once.",
        ),
        key(
            "batch",
            "integer from 1 to 1000000",
            "100",
            "Of a relay: how many rows it takes at once.",
        ),
        key(
            "claim",
            "\"skip-locked\", \"by-key\" or \"none\"",
            "\"skip-locked\"",
            "Which rows an instance of a relay takes when there are several: the oldest that no \
            other one has locked, the oldest of its share of the keys, or the oldest, whoever \
            else publishes them. Only \"by-key\" keeps the order of a key.",
        ),
        key(
            "poison",
            "probability",
            "0",
            "Per entity, drawn per seed: the handler fails with its record. Without \
            `attempts` that ends the process, which starts again after `restart`.",
        ),
        key(
            "failures",
            "integer from 1",
            "every time",
            "How often the handler fails with such a record before it succeeds.",
        ),
        key(
            "attempts",
            "integer from 1",
            "none: the first failure ends the process",
            "How often a record that fails is tried, from each topic that it is read from. Then it \
            goes to the next retry topic or is given up, and the loop goes on.",
        ),
        key("backoff", "duration", "0s", "Between attempts: the loop waits, and does not poll."),
        key(
            "retry",
            "table of topics, each with a duration",
            "none",
            "Of a service with one input: where a record goes after its attempts, from one topic to \
            the next. The service reads them as well, and pauses a partition until its next record \
            has waited there for as long as this says. Its order by key is lost.",
        ),
        key(
            "dead_letter",
            "topic",
            "none: it is dropped",
            "Where a record goes that is given up. Its offset is committed when it is acknowledged \
            there, and it counts as processed.",
        ),
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
        key(
            "payload",
            "\"json\", \"logs\", \"mixed\", \"random\", or a ratio from 0.01 to 1",
            "unknown: codecs leave it as it is and cost nothing",
            "What the content of its records is like, for compression: a class with measured \
             ratios, or what every codec leaves of a byte (`docs/compression.md`).",
        ),
        key(
            "tombstones",
            "probability",
            "0",
            "Per call: its record has no value, which deletes its key from a compacted topic.",
        ),
        key("limit", "integer", "none", "Calls in the whole run, warm-up included."),
        key(
            "drop",
            "numbers and ranges",
            "none",
            "Calls taken out by number, like `[\"17\", \"100..200\"]`, a range without its end; the \
             others keep what they drew. Call `k` (from 0) of instance `i` of `n` has the number \
             `k * n + i`. For making a failing run small.",
        ),
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
