//! Services: Rust code that scenarios select.
//!
//! [`Service`] is the one trait of a kind: batches in, effects and outputs out. `ingress` and
//! `worker` are the processes around it, `publisher` their producing side with its `account`; what
//! lives outside them is in [`crate::stores`].

mod account;
mod arrivals;
mod build;
mod coding;
mod ingress;
mod kind;
mod poison;
mod publisher;
mod relay;
mod spec;
mod worker;

#[cfg(madsim)]
pub(crate) use account::Told;
pub use build::{Cast, Part, cast};
#[cfg(madsim)]
pub(crate) use publisher::{Publisher, Signal};

pub use kind::{PerRecord, Service, Slice};
pub use spec::ServiceSpec;
