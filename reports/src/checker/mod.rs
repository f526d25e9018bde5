//! Black-box checks: each judges one property by what clients saw, in a file of its own.
//!
//! A check streams: it is told of operations as they end and of the final audit, keeps bits
//! and counters, and gives a [`Finding`]. Unknown outcomes are neither success nor failure.
//! Each has its source, a history it must reject and a near miss it must accept.

mod aborted_read;
mod audited;
mod calls;
mod duplicate;
mod effect;
mod finding;
mod gate;
mod invented;
mod judge;
mod key_order;
mod lag;
mod lost;
mod partition_order;
mod poll;
mod rows;
mod table;
mod tallies;
mod terminal;
mod torn;

#[cfg(test)]
pub(crate) mod history;

pub use audited::{Audited, Bits};
pub use calls::Calls;
pub use duplicate::Duplicates;
pub use effect::Effects;
pub use finding::{Anomaly, EVIDENCE_MAX, Finding, Tally, Verdict, Violation};
pub use gate::{Bound, Gate, GateRule, Quantity, Quantity as GateQuantity};
pub use invented::Invented;
pub use judge::{Claim, Scope};
pub use key_order::KeyOrder;
pub use partition_order::PartitionOrder;
pub use poll::Polls;
pub use rows::Rows;
pub use terminal::Terminals;
