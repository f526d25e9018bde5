//! The log of one replica: placements in order of offset, and everything a broker derives
//! from them (segments, leader epochs, producer states, transactions).
//!
//! A log knows nothing of leaders and followers; [`crate::partition`] does.

mod aborted;
mod append;
mod compact;
mod holes;
mod leader_epochs;
mod lookup;
mod partition_log;
mod producers;
mod read;
mod recover;
mod retention;
mod segment;
mod sequence;
mod transactions;
mod truncate;
mod verification;

pub use aborted::AbortedIndex;
pub use append::{AppendOutcome, Origin};
pub use compact::{Cleanable, Cleaning, Key, keyed};
pub use leader_epochs::LeaderEpochs;
pub use lookup::FoundOffset;
pub use partition_log::Log;
pub use producers::{KeptBatch, ProducerState};
pub use read::{Read, UnknownEpoch};
pub use segment::Segment;
pub use verification::{Verification, VerificationGuard};

#[cfg(test)]
mod tests;
