//! The refusals of requests that only the active controller takes.

use alloc::vec::Vec;

use super::controller::{
    AllocateProducerIdsResponse, AlterClientQuotasResponse, AlterConfigsResponse,
    AlterPartitionReassignmentsResponse, AlterPartitionResponse, AssignReplicasToDirsResponse,
    BrokerHeartbeatResponse, BrokerRegistrationResponse, CreatePartitionsResponse,
    CreateTopicResponse, DeleteTopicResponse, ElectLeadersResponse, FetchMetadataResponse,
};
use super::{ApiKey, ErrorCode, Response};
use crate::types::{BrokerEpoch, ProducerId, TopicId};

/// The refusal of a request to the controller; `None` for those that others take.
#[must_use]
pub fn refusal(kind: ApiKey, error: ErrorCode) -> Option<Response> {
    Some(match kind {
        ApiKey::BrokerRegistration => {
            let broker_epoch = BrokerEpoch(-1);
            Response::BrokerRegistration(BrokerRegistrationResponse { error, broker_epoch })
        }
        ApiKey::BrokerHeartbeat => Response::BrokerHeartbeat(BrokerHeartbeatResponse {
            error,
            fenced: true,
            caught_up: false,
            may_shut_down: false,
        }),
        ApiKey::AlterPartition => {
            let partitions = Vec::new();
            Response::AlterPartition(AlterPartitionResponse { error, partitions })
        }
        ApiKey::FetchMetadata => Response::FetchMetadata(FetchMetadataResponse {
            error,
            leader: None,
            snapshot: None,
            from: 0,
            records: Vec::new(),
            end: 0,
        }),
        ApiKey::AllocateProducerIds => {
            let first = ProducerId::NONE;
            Response::AllocateProducerIds(AllocateProducerIdsResponse { error, first, count: 0 })
        }
        ApiKey::AssignReplicasToDirs => {
            Response::AssignReplicasToDirs(AssignReplicasToDirsResponse { error })
        }
        other => return refused_admin(other, error),
    })
}

/// The refusal of an administrator's request, which a broker passes on (KIP-590).
#[must_use]
pub fn refused_admin(kind: ApiKey, error: ErrorCode) -> Option<Response> {
    Some(match kind {
        ApiKey::CreateTopics => Response::CreateTopics(CreateTopicResponse {
            throttle_time: 0,
            error,
            topic: TopicId::UNKNOWN,
        }),
        ApiKey::DeleteTopics => Response::DeleteTopics(DeleteTopicResponse { error }),
        ApiKey::CreatePartitions => Response::CreatePartitions(CreatePartitionsResponse { error }),
        ApiKey::IncrementalAlterConfigs => {
            Response::IncrementalAlterConfigs(AlterConfigsResponse { error })
        }
        ApiKey::ElectLeaders => Response::ElectLeaders(ElectLeadersResponse { error }),
        ApiKey::AlterClientQuotas => {
            Response::AlterClientQuotas(AlterClientQuotasResponse { error })
        }
        ApiKey::AlterPartitionReassignments => {
            Response::AlterPartitionReassignments(AlterPartitionReassignmentsResponse { error })
        }
        _ => return None,
    })
}
