//! Stories of a cluster: brokers and a controller on an instant, lossless network.

mod cluster;
mod fetching;
mod groups;
mod replication;
mod transactions;
