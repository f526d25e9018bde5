//! assize: a seeded deterministic simulator and load-test harness for Kafka-style pipelines.

pub mod cli;
pub mod client;
mod codec;
mod coverage;
pub mod dialogue;
pub mod host;
#[cfg(madsim)]
pub mod hosted;
pub mod invariant;
pub mod network;
pub mod plan;
pub mod prng;
pub mod records;
pub mod run;
pub mod service;
pub(crate) mod shrink;
pub mod stores;
pub(crate) mod story;
mod warning;
pub mod world;
pub mod zoo;
