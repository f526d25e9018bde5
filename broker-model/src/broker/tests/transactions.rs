//! Transactions over several brokers.

use super::cluster::Cluster;
use crate::config::BrokerConfig;

#[test]
fn placeholder() {
    let _ = Cluster::new(1, &BrokerConfig::default());
}
