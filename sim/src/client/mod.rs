//! Kafka clients as handle-and-poll machines, with the semantics of the Java client.
//!
//! A client never touches a socket: it pushes [`ClientOutput`]s, and the world brings answers.

pub(crate) mod admin;
mod backoff;
pub mod consumer;
mod group_metadata;
mod io;
mod metadata;
pub(crate) mod setting;

pub mod murmur2;
pub mod producer;
pub mod record_size;
pub use backoff::Backoff;
pub use group_metadata::GroupMetadata;
pub use io::{ClientContext, ClientOutput, Correlation, Disconnected};
pub use metadata::{ClientMetadata, KnownPartition, MetadataConfig};
