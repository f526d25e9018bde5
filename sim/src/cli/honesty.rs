//! What a reader must know of the model before trusting a figure.

use reports::render::ModelNotes;

/// As Kafka does it, checked against recordings of a real cluster and client where there are any.
const MODELLED: &[&str] = &[
    "Logs with segments, leader epochs, producer state and aborted transactions; truncation by diverging epoch",
    "Retention and compaction: cleanable and uncleanable parts, tombstones and markers with their delete horizon, offsets with holes",
    "Replication by followers' fetches, high watermark, ISR changes through the controller, eligible leader replicas",
    "The controllers' quorum: votes, pre-votes, epochs, a replicated metadata log; brokers read committed metadata late",
    "Idempotence with the window of five batches, transactions with an epoch bump at each end, markers, last stable offset",
    "Classic consumer groups with range, round-robin, sticky and cooperative-sticky assignment; offsets as records",
    "The Java producer and consumer: accumulator, sticky partitioning, in-flight window, retries, timeouts, fetch buffers, group membership",
    "Kill and power cut as different things: a killed process leaves its page cache, a power cut loses what was not flushed",
];

/// By a simpler law.
const APPROXIMATED: &[&str] = &[
    "Records are numbers with a size: no bytes, and the CRC of a batch is only right or wrong; compression is a ratio by kind of payload and codec, and a cost per byte",
    "CPU time is a cost for each request, batch and MiB; a thread pool is at most as wide as the host has hardware threads",
    "What compaction may have removed is not looked for in the log: a record with a newer one of its key counts as kept",
    "The page cache holds the newest bytes of a host's logs; older ones are read from the disk, and a network thread waits",
    "Disks and network interfaces are token buckets with latencies; TCP is a connection in order with a bandwidth",
    "The client's network thread and the application are one process; service times come from a distribution",
    "Latency is measured from the time a call was intended, so a stalled system does not hide its queue",
];

/// Not there: nothing can be concluded about it.
const LEFT_OUT: &[&str] = &[
    "The new consumer protocol, share groups, Kafka Streams and Connect",
    "Tiered storage, quotas of users and request time, security",
    "Changes of the set of voters, upgrades of a running cluster",
    "Garbage collection, TLS, contention of thread pools for cores, clock skew between hosts",
    "The full list is broker-model/DIVERGENCES.md",
];

/// The lists for a report.
pub(super) fn notes() -> ModelNotes {
    let owned = |list: &[&str]| list.iter().map(|&note| note.to_owned()).collect();
    ModelNotes {
        modelled: owned(MODELLED),
        approximated: owned(APPROXIMATED),
        left_out: owned(LEFT_OUT),
    }
}
