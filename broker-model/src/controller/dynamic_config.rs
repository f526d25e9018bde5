//! Changes of configurations while the cluster runs. Source: KIP-226, KIP-339.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Controller, Decision};
use crate::config::{is_of_one_broker, may_become};
use crate::names::Names;
use crate::protocol::ErrorCode;
use crate::protocol::controller::{AlterConfigsRequest, ConfigResource};
use crate::records::MetadataRecord;
use crate::types::{GroupId, NodeId};

/// The key that ELRs are counted with: one broker cannot have another, and all keep one.
const MIN_ISR: &str = "min.insync.replicas";

impl Controller {
    pub(super) fn decide_config(
        &self,
        request: AlterConfigsRequest,
        names: &Names,
    ) -> Result<Decision<()>, ErrorCode> {
        match request.resource {
            ConfigResource::Topic(name) => self.decide_topic_config(&name, request.config),
            ConfigResource::Broker(broker) => {
                self.decide_broker_config(Some(broker), request.config)
            }
            ConfigResource::Brokers => self.decide_broker_config(None, request.config),
            ConfigResource::Group(group) if names.group_name(group).is_empty() => {
                Err(ErrorCode::InvalidRequest)
            }
            ConfigResource::Group(group) => self.decide_group_config(group, request.config),
        }
    }

    /// What Kafka's brokers look at before they pass such a request on is looked at here too.
    /// Source: Kafka, `ConfigAdminManager.validateBrokerConfigChange`,
    /// `ConfigurationControlManager.validateAlterConfig`.
    fn decide_broker_config(
        &self,
        broker: Option<NodeId>,
        config: Vec<(String, Option<String>)>,
    ) -> Result<Decision<()>, ErrorCode> {
        let mut keys = BTreeSet::new();
        for (key, value) in &config {
            let bad = value.as_ref().is_some_and(|value| !may_become(key, value));
            let misplaced = broker.is_none() && is_of_one_broker(key);
            if bad || misplaced || !keys.insert(key) {
                return Err(ErrorCode::InvalidRequest);
            }
        }
        let refused = |(key, value): &(String, Option<String>)| {
            key == MIN_ISR && (broker.is_some() || value.is_none())
        };
        if self.config.eligible_leader_replicas && config.iter().any(refused) {
            return Err(ErrorCode::InvalidConfig);
        }
        if broker.is_some_and(|broker| self.image.broker(broker).is_none()) {
            return Err(ErrorCode::BrokerIdNotRegistered);
        }
        let record = |(key, value)| MetadataRecord::BrokerConfig { broker, key, value };
        Ok(Decision { records: config.into_iter().map(record).collect(), answer: () })
    }

    /// All that a group has of its own is judged together. Source: Kafka,
    /// `ControllerConfigurationValidator.validate`.
    fn decide_group_config(
        &self,
        group: GroupId,
        config: Vec<(String, Option<String>)>,
    ) -> Result<Decision<()>, ErrorCode> {
        let mut keys = BTreeSet::new();
        if !config.iter().all(|(key, _)| keys.insert(key.as_str())) {
            return Err(ErrorCode::InvalidRequest);
        }
        let stays = self.image.group_config(group).filter(|(key, _)| !keys.contains(key));
        let new = config.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_deref()?)));
        if !self.config.groups.allow(stays.chain(new)) {
            return Err(ErrorCode::InvalidConfig);
        }
        let record = |(key, value)| MetadataRecord::GroupConfig { group, key, value };
        Ok(Decision { records: config.into_iter().map(record).collect(), answer: () })
    }
}
