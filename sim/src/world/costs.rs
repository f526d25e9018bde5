//! What a node's work costs its processors.

use broker_model::types::{Duration, MICROSECOND};

/// CPU time of a node's work. Priors: published per-request and per-byte figures for brokers
/// of this class, see docs/model.md.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// Network thread, for each request read and each response sent.
    pub network_request: Duration,
    /// Network thread, for each KiB sent or received.
    pub network_kib: Duration,
    /// Request handler, for a produce request.
    pub produce: Duration,
    /// Request handler, for a fetch request.
    pub fetch: Duration,
    /// Request handler, for any other request.
    pub other: Duration,
    /// Request handler or replica fetcher, for each batch (validate, CRC, index).
    pub batch: Duration,
    /// Recovery thread, for each KiB read after an unclean stop (CRC, indexes).
    pub recover_kib: Duration,
    /// Request handler or replica fetcher, for each KiB appended.
    pub append_kib: Duration,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            network_request: 10 * MICROSECOND,
            network_kib: 300,
            produce: 60 * MICROSECOND,
            fetch: 40 * MICROSECOND,
            other: 30 * MICROSECOND,
            batch: 12 * MICROSECOND,
            recover_kib: MICROSECOND,
            append_kib: MICROSECOND,
        }
    }
}
