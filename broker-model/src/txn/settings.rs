//! Broker keys that the transaction coordinator reads.

use crate::types::{Duration, SECOND};

/// Settings of the transaction coordinator, Kafka's keys with Kafka's defaults. Source:
/// Kafka 4.1 documentation, "Broker Configs".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransactionSettings {
    /// `transaction.max.timeout.ms` in nanoseconds.
    pub max_timeout: Duration,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms` in nanoseconds: open
    /// transactions are looked at this often, so an abort comes up to this late.
    pub abort_timed_out_interval: Duration,
    /// `transactional.id.expiration.ms` in nanoseconds: an id that is idle so long is forgotten.
    pub id_expiration: Duration,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms` in nanoseconds: how often
    /// idle ids are looked for.
    pub id_expiration_interval: Duration,
    /// `message.max.bytes`: how large a batch of tombstones may be.
    pub max_batch_bytes: u32,
    /// The feature `transaction.version` of the cluster (0, 1 or 2): how the coordinator ends
    /// transactions on its own account. Clients go by the versions of their requests.
    pub transaction_version: u8,
}

impl Default for TransactionSettings {
    fn default() -> Self {
        Self {
            max_timeout: 900 * SECOND,
            abort_timed_out_interval: 10 * SECOND,
            id_expiration: 7 * 86_400 * SECOND,
            id_expiration_interval: 3_600 * SECOND,
            max_batch_bytes: 1_048_588,
            transaction_version: 2,
        }
    }
}
