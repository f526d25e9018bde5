//! The scenario language of assize: what a scenario file may say, as typed data.
//!
//! The crate does no I/O and knows no broker code. [`Scenario`] is pure data with all units
//! resolved: durations are `u64` nanoseconds, sizes `u64` bytes, bandwidths `u64` bits or bytes
//! per second, rates and probabilities integer ratios. No floating point anywhere.

pub mod model;

pub use model::Scenario;
