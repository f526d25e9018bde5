//! The recorded answers of Kafka 4.1 to transactional clients, and laws of the machine.

mod bench;
mod ends;
mod epochs;
mod expire;
mod laws;
mod partitions;
mod recreated;
