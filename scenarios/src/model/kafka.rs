//! Numbers of Kafka that no key sets and that the language speaks of. Whoever has the brokers as
//! code compares them with theirs.

/// The most records of metadata that one request makes: a topic, each key of its configuration and
/// each partition are one (`QuorumController.MAX_RECORDS_PER_USER_OP`).
pub const RECORDS_PER_OPERATION_MAX: u32 = 10_000;
/// The most partitions of a topic: the topic itself is a record, too.
pub const PARTITIONS_MAX: u32 = RECORDS_PER_OPERATION_MAX - 1;
/// How long a leader of the controllers' quorum keeps a fetch without news, milliseconds
/// (`KafkaRaftClient.MAX_FETCH_WAIT_MS`).
pub const METADATA_FETCH_WAIT_MS: u64 = 500;
/// What a batch of one record has besides key and value at most, the length of the key included
/// (`AbstractRecords.estimateSizeInBytesUpperBound`).
pub const AROUND_RECORD_BYTES: u64 = 84;
