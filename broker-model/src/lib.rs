//! Kafka's broker, controller, coordinators and log as pure machines.
//!
//! Reading order: [`types`], [`protocol`], [`records`], then the machines.
//! Nothing here reads a clock, draws a number or does I/O: time, record contents and
//! durability arrive as inputs, and every effect is an [`io::Output`].
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod broker;
pub mod config;
pub mod controller;
pub mod coordinator;
mod fetch;
pub mod group;
pub mod io;
pub mod log;
pub mod metadata;
pub mod names;
pub mod note;
pub mod partition;
pub mod protocol;
pub mod quorum;
pub mod records;
mod replication;
pub mod rules;
mod slab;
mod timers;
pub mod txn;
pub mod types;
