//! Services as async code, on nodes of a madsim runtime, in the same world as all others.
//!
//! A [`Hosting`] is a scenario, a seed and a program for some of its services. Each instance is
//! a [`Process`] on a madsim node of its own, so a kill, a restart and a pause of it are
//! madsim's; its [`AsyncProducer`] and [`AsyncConsumer`] are the machines of
//! [`client`](crate::client), so brokers, network and time are the world's.
//!
//! A call of a program costs no simulated time. The world stands still at an instant while tasks
//! run, does what they asked for, answers, and goes on when all of them wait. So a run does not
//! depend on the order in which madsim polls tasks that share nothing but the cluster.
//!
//! Reading order: `process` (what a program is given), `producer` and `consumer` (its clients),
//! `board` (what passes between a program and its process), `actor` with `sending` and `reading`
//! (the process), `gauge` (when all tasks wait), `driver`.

mod actor;
mod answer;
mod board;
mod consumer;
mod driver;
mod gauge;
mod hosting;
mod process;
mod producer;
pub mod programs;
mod reading;
mod sending;
#[cfg(test)]
mod tests;

pub use answer::Pending;
pub use consumer::{AsyncConsumer, Message, MessageRun, Polled, Position};
pub use driver::drive;
pub use hosting::{Hosting, HostingError};
pub use process::Process;
pub use producer::{AsyncProducer, Delivery, NewRecord};
