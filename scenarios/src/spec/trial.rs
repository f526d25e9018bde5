//! What is done to it and asked of it: faults, checks, gates, expectations, rules.

use super::{Section, key};

/// `[[fault]]`.
pub const FAULT: Section = Section {
    name: "fault",
    doc: "A fault has a kind, a target by role that is resolved when it fires, and a trigger: a \
          time (`at`) or a protocol event (`on`). `broker-pause`, `broker-stop`, \
          `broker-power-cut` and `slow-disk` hit a controller when one is the target.",
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
        key(
            "for",
            "duration or range",
            "until the load ends",
            "How long; what was killed starts again then. Without it instances of a service that \
             `service-kill` hits start again after their `restart`. Refused for what is over at \
             once or stays (`leader-move`, `bit-rot`), and for what lasts until it is done or the \
             load ends (`reassign`, `unclean-election`, `abort-hanging`, `add-broker`).",
        ),
        key("chance", "probability", "1", "Probability, per seed, that the fault is there."),
        key(
            "cut",
            "\"full\", \"inbound\", \"outbound\", \"brokers\", \"controller\" or \
            \"clients\"",
            "\"full\"",
            "For `partition`: all links; only those to or from the \
            target; only those with other brokers, other controllers or services.",
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
            "required for slow-link and delay",
            "Added one way to every \
            message.",
        ),
        key("message", "see below", "any", "For `delay`: which messages of the target."),
        key("to", "broker:N", "any", "For `delay` and `leader-move`: to which broker."),
        key(
            "replicas",
            "brokers",
            "drawn per seed, as many as before",
            "For `reassign`: the replicas in order, `[\"broker:4\", \"broker:2\"]`, the preferred \
             leader first. Each further partition of a topic begins one further in the list.",
        ),
        key(
            "throttle",
            "bandwidth in bytes",
            "none",
            "For `reassign`, as `--throttle` of `kafka-reassign-partitions.sh`: what each broker \
             may give to and take into replicas that are not in sync, until it is done (KIP-73).",
        ),
        key(
            "max_transaction_timeout",
            "duration",
            "15min",
            "For `abort-hanging`, as `--max-transaction-timeout` of `kafka-transactions.sh \
             find-hanging`: so old is the last record of a transaction that is looked at.",
        ),
        key("probability", "probability", "1", "For `connection-loss`: per message."),
        key(
            "draws",
            "integer from 0",
            "its place in the file",
            "The number of the fault's own draws: it keeps what it drew when others before it are \
             taken out.",
        ),
        key(
            "directory",
            "number from 1",
            "drawn per seed",
            "For `disk-failure`: its place in `log.dirs`.",
        ),
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

/// `[search]`.
pub const SEARCH: Section = Section {
    name: "search",
    doc: "With a search each seed draws faults of its own, behind those of the file: of which kinds, \
          how many, whom they hit, when and for how long (`docs/search.md`).",
    keys: &[
        key("faults", "count or range, at most 64", "\"1..6\"", "How many a seed draws."),
        key(
            "at_events",
            "probability",
            "0.4",
            "Probability that faults are placed at a protocol event, a few of them at the same one; \
             otherwise each at a time of its own.",
        ),
        key("keep", "probability", "0.5", "Probability that a kind of fault is there in a run."),
        key(
            "beyond_spec",
            "true or false",
            "false",
            "Also faults that take away what the configuration promises to keep: more hosts without \
             power than it survives, unclean elections by hand. Then a failure need not be a bug.",
        ),
        key(
            "mutations",
            "array of integers",
            "none",
            "What the seed draws is changed once for each of these numbers: a fault goes, comes, moves, \
             lasts longer or shorter, or hits somebody else. `assize sweep --guided` writes it into \
             the commands that repeat its runs.",
        ),
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
            "topics",
            "none",
            "Where records of one key must stay in \
            order, also against the order of the topic that a service made them of.",
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
        key(
            "anomaly",
            "name of a check, or \"none\"",
            "required with \"fail\"",
            "What must be found.",
        ),
        key(
            "also",
            "names of checks",
            "none",
            "What may be found beside `anomaly`. Anything else that is found is not as expected.",
        ),
        key(
            "notes",
            "names",
            "none",
            "What must happen in the run: kinds of faults, and names of what the machines say (`docs/model.md`). A run without one of them is not as expected: keeps a regression from becoming vacuous.",
        ),
    ],
};

/// `[protocol]`.
pub const PROTOCOL: Section = Section {
    name: "protocol",
    doc: "Rules other than today's Kafka: historic behavior and planted bugs, by the names of the \
          broker model's rules: `elr = \"off\"`. For `on` and `off` true and false will do. The \
          rules and their values are in `docs/zoo.md`, for planted bugs in \
          `docs/model.md`.",
    keys: &[key(
        "era",
        "\"today\", \"3.9\", \"3.6\", \"3.4\", \"2.6\", \"2.0\", \"1.1\" or \"0.10\"",
        "today",
        "A historic profile: the rules of that release, as far as the model has them. Rules that \
         the file sets itself win.",
    )],
};
