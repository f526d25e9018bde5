//! Changes of configurations while the cluster runs. Source: KIP-226, KIP-339.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Controller, Decision};
use crate::config::BrokerConfig;
use crate::protocol::ErrorCode;
use crate::protocol::controller::{AlterConfigsRequest, ConfigResource};
use crate::records::MetadataRecord;
use crate::types::NodeId;

/// The keys of brokers that may change here. In Kafka there are more, and some may be changed for
/// all brokers at once.
const OF_BROKERS: [&str; 2] =
    ["leader.replication.throttled.rate", "follower.replication.throttled.rate"];

impl Controller {
    pub(super) fn decide_config(
        &self,
        request: AlterConfigsRequest,
    ) -> Result<Decision<()>, ErrorCode> {
        match request.resource {
            ConfigResource::Topic(name) => self.decide_topic_config(&name, request.config),
            ConfigResource::Broker(broker) => self.decide_broker_config(broker, request.config),
        }
    }

    fn decide_broker_config(
        &self,
        broker: NodeId,
        config: Vec<(String, Option<String>)>,
    ) -> Result<Decision<()>, ErrorCode> {
        if self.image.broker(broker).is_none() {
            return Err(ErrorCode::BrokerIdNotRegistered);
        }
        for (key, value) in &config {
            if !OF_BROKERS.contains(&key.as_str()) {
                return Err(ErrorCode::InvalidRequest);
            }
            if value.as_ref().is_some_and(|v| BrokerConfig::default().set(key, v).is_err()) {
                return Err(ErrorCode::InvalidConfig);
            }
        }
        let record = |(key, value)| MetadataRecord::BrokerConfig { broker, key, value };
        Ok(Decision { records: config.into_iter().map(record).collect(), answer: () })
    }
}
