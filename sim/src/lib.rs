//! assize: a seeded deterministic simulator and load-test harness for Kafka-style pipelines.

pub mod client;
pub mod dialogue;
pub mod prng;
pub mod records;
