//! Keys of a broker that act when they change while it runs. Source: KIP-226.

use alloc::collections::BTreeSet;

use super::Broker;
use crate::config::{FOLLOWER_RATE, GroupConfig, LEADER_RATE, PRODUCER_ID_EXPIRATION};
use crate::types::GroupId;

/// All of them; what else may change is taken and without effect.
const ACTING: &[&str] = &[LEADER_RATE, FOLLOWER_RATE, PRODUCER_ID_EXPIRATION];

impl Broker {
    /// Takes in its dynamic configuration, and where that is silent what it started with.
    pub(super) fn take_dynamic_config(&mut self) {
        let mut config = self.config.clone();
        for key in ACTING {
            if let Some(value) = self.image.broker_config(self.node, key) {
                // The controller refused what is wrong.
                let _ = config.set(key, value);
            }
        }
        self.replication_throttles.set_rates(&config);
        self.replicas.producer_id_expiration = config.producer_id_expiration;
    }

    /// Tells the coordinator what these groups have of their own now.
    pub(super) fn take_group_configs(&mut self, groups: BTreeSet<GroupId>) {
        for group in groups {
            let config = GroupConfig::of(self.image.group_config(group));
            self.coordinators.groups.configure(group, config);
        }
    }
}
