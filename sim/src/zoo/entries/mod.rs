//! The entries, area by area.

mod groups;
mod logs;
mod producers;
mod quorum;
mod replication;
mod transactions;

use super::Entry;

/// Every entry, area by area.
pub const ALL: &[&[Entry]] = &[
    replication::ENTRIES,
    quorum::ENTRIES,
    producers::ENTRIES,
    transactions::ENTRIES,
    groups::ENTRIES,
    logs::ENTRIES,
];
