//! assize: a seeded deterministic simulator and load-test harness for Kafka-style pipelines.

pub mod client;
pub mod prng;
pub mod records;
