//! Stories of a cluster: brokers and a controller on an instant, lossless network.

mod chaos;
mod cluster;
mod corruption;
mod directories;
mod dynamic;
mod fetching;
mod groups;
mod log_tasks;
mod replication;
mod replication_throttles;
mod snapshots;
mod transactions;
