//! The network: links between hosts, and connections that keep their order.

mod connection;
mod link;
mod message;
pub mod retransmission;

pub use connection::{Channel, Connection, ConnectionId, ConnectionTable, Direction, Endpoint};
pub use link::{HostId, LatencyTable, Links};
pub use message::{Body, Message, MessageState, Messages, Slot};
