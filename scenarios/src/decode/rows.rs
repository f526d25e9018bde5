//! `rows` of an ingress or a relay, and what belongs to them.

use crate::decoder::{Decoder, Fields};
use crate::model::service::{Claim, Publish, Rows, ServiceKind};
use crate::values;

const PUBLISH: &[(&str, Publish)] = &[
    ("outbox", Publish::Outbox),
    ("after-commit", Publish::AfterCommit),
    ("before-commit", Publish::BeforeCommit),
];

const CLAIMS: &[(&str, Claim)] =
    &[("skip-locked", Claim::SkipLocked), ("by-key", Claim::ByKey), ("none", Claim::None)];

/// What only a relay has.
const OF_RELAY: &[&str] = &["poll_interval", "batch", "claim"];

/// Time between two looks at an outbox when nobody says otherwise.
const POLL_INTERVAL: u64 = 100_000_000;

/// Rows that a relay takes at once when nobody says otherwise.
const BATCH: u32 = 100;

/// The rows that an ingress commits, if it does.
pub(super) fn of_ingress(decoder: &mut Decoder, t: &Fields<'_>) -> Option<Rows> {
    t.refuse(decoder, OF_RELAY, "only a relay looks at an outbox");
    let table = t.read(decoder, "rows", values::name);
    if t.get("rows").is_none() {
        t.refuse(decoder, &["publish", "row_time"], "there is no table without `rows`");
        return None;
    }
    let publish = t.require(decoder, "publish", values::choice(PUBLISH));
    let time = t.read(decoder, "row_time", values::duration).unwrap_or(0);
    refuse_transactions(decoder, t);
    Some(Rows { table: table?, publish: publish?, time })
}

/// The table whose outbox a relay publishes.
pub(super) fn of_relay(decoder: &mut Decoder, t: &Fields<'_>) -> Option<Rows> {
    let table = t.require(decoder, "rows", values::name);
    let time = t.read(decoder, "row_time", values::duration).unwrap_or(0);
    t.refuse(decoder, &["publish"], "a relay publishes what is in an outbox");
    refuse_transactions(decoder, t);
    Some(Rows { table: table?, publish: Publish::Outbox, time })
}

fn refuse_transactions(decoder: &mut Decoder, t: &Fields<'_>) {
    let why = "a transaction of Kafka's does not take part in one of a database";
    t.refuse(decoder, &["transactional"], why);
}

/// Other services have no table.
pub(super) fn refuse(decoder: &mut Decoder, t: &Fields<'_>) -> Option<Rows> {
    let why = "only an ingress commits rows, and a relay publishes them; a sink has `effects`";
    t.refuse(decoder, &["rows", "publish", "row_time"], why);
    t.refuse(decoder, OF_RELAY, "only a relay looks at an outbox");
    None
}

/// How a relay goes about it.
pub(super) fn relay(decoder: &mut Decoder, t: &Fields<'_>) -> ServiceKind {
    let poll_interval = t.read(decoder, "poll_interval", values::duration_from_microsecond);
    let batch = t.read(decoder, "batch", values::small(1..=1_000_000));
    ServiceKind::Relay {
        poll_interval: poll_interval.unwrap_or(POLL_INTERVAL),
        batch: batch.unwrap_or(BATCH),
        claim: t.read(decoder, "claim", values::choice(CLAIMS)).unwrap_or_default(),
    }
}
