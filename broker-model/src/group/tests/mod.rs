//! The recorded answers of Kafka 4.1 to groups, and laws of the machine.

mod admin;
mod bench;
mod classic;
mod consumer;
mod historic;
mod laws;
mod offset;
mod order;
mod static_members;
mod timing;
