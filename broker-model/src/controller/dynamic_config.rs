//! Changes of configurations while the cluster runs. Source: KIP-226, KIP-339.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Controller, Decision};
use crate::config::may_become;
use crate::protocol::ErrorCode;
use crate::protocol::controller::{AlterConfigsRequest, ConfigResource};
use crate::records::MetadataRecord;
use crate::types::NodeId;

/// The key that ELRs are counted with: one broker cannot have another.
const MIN_ISR: &str = "min.insync.replicas";

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

    /// What Kafka's brokers look at before they pass such a request on is looked at here too.
    /// Source: Kafka, `ConfigAdminManager.validateBrokerConfigChange`,
    /// `ConfigurationControlManager.validateAlterConfig`.
    fn decide_broker_config(
        &self,
        broker: NodeId,
        config: Vec<(String, Option<String>)>,
    ) -> Result<Decision<()>, ErrorCode> {
        let mut keys = BTreeSet::new();
        for (key, value) in &config {
            let bad = value.as_ref().is_some_and(|value| !may_become(key, value));
            if bad || !keys.insert(key) {
                return Err(ErrorCode::InvalidRequest);
            }
        }
        if self.config.eligible_leader_replicas && config.iter().any(|(key, _)| key == MIN_ISR) {
            return Err(ErrorCode::InvalidConfig);
        }
        if self.image.broker(broker).is_none() {
            return Err(ErrorCode::BrokerIdNotRegistered);
        }
        let record = |(key, value)| MetadataRecord::BrokerConfig { broker, key, value };
        Ok(Decision { records: config.into_iter().map(record).collect(), answer: () })
    }
}
