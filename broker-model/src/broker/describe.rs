//! Requests about state, and those a broker does not answer itself.

use alloc::vec::Vec;

use super::Broker;
use super::calls::Call;
use crate::io::{Context, Disconnected, Token};
use crate::protocol::controller::{
    AllocateProducerIdsResponse, AlterClientQuotasResponse, AlterPartitionReassignmentsResponse,
    AlterPartitionResponse, AlterTopicConfigResponse, BrokerHeartbeatResponse,
    BrokerRegistrationResponse, CreatePartitionsResponse, CreateTopicResponse, DeleteTopicResponse,
    ElectLeadersResponse, FetchMetadataResponse,
};
use crate::protocol::txn::{DescribeProducersRequest, DescribeProducersResponse};
use crate::protocol::{ApiKey, ErrorCode, Header, Request, Response};
use crate::types::{BrokerEpoch, LeaderEpoch, PartitionEpoch, ProducerId, TopicId};

/// The answer to a request that only a controller takes.
pub(super) fn not_controller(cx: &mut Context<'_>, token: Token, request: &Request) {
    if let Some(response) = refusal(request, ErrorCode::NotController) {
        cx.reply(token, response);
    }
}

/// The refusal of a controller's request; `None` for those a broker takes itself.
fn refusal(request: &Request, error: ErrorCode) -> Option<Response> {
    Some(match request {
        Request::BrokerRegistration(_) => {
            let broker_epoch = BrokerEpoch(-1);
            Response::BrokerRegistration(BrokerRegistrationResponse { error, broker_epoch })
        }
        Request::BrokerHeartbeat(_) => Response::BrokerHeartbeat(BrokerHeartbeatResponse {
            error,
            fenced: true,
            caught_up: false,
            may_shut_down: false,
        }),
        Request::AlterPartition(r) => Response::AlterPartition(AlterPartitionResponse {
            error,
            partition: r.partition,
            leader: None,
            leader_epoch: LeaderEpoch(-1),
            isr: Vec::new(),
            partition_epoch: PartitionEpoch(-1),
            others: Vec::new(),
        }),
        Request::FetchMetadata(r) => Response::FetchMetadata(FetchMetadataResponse {
            from: r.from,
            records: Vec::new(),
            end: r.from,
        }),
        Request::AllocateProducerIds(_) => {
            let first = ProducerId::NONE;
            Response::AllocateProducerIds(AllocateProducerIdsResponse { error, first, count: 0 })
        }
        other => return refused_admin(other.api_key(), error),
    })
}

/// The refusal of an administrator's request.
fn refused_admin(kind: ApiKey, error: ErrorCode) -> Option<Response> {
    Some(match kind {
        ApiKey::CreateTopics => Response::CreateTopics(CreateTopicResponse {
            throttle: 0,
            error,
            topic: TopicId::UNKNOWN,
        }),
        ApiKey::DeleteTopics => Response::DeleteTopics(DeleteTopicResponse { error }),
        ApiKey::CreatePartitions => Response::CreatePartitions(CreatePartitionsResponse { error }),
        ApiKey::IncrementalAlterConfigs => {
            Response::IncrementalAlterConfigs(AlterTopicConfigResponse { error })
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

impl Broker {
    /// Passes an administrator's request on to the controller (KIP-590).
    pub(super) fn forward(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: Request,
    ) {
        if let Some(refused) = self.count_mutations(cx, token, header, &request) {
            cx.reply(token, refused);
            return;
        }
        let Some(controller) = self.life.controller() else {
            return not_controller(cx, token, &request);
        };
        let kind = request.api_key();
        self.calls.send(cx, controller, Call::Forward { token, kind }, request);
    }

    pub(super) fn forwarded(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        kind: ApiKey,
        result: Result<Response, Disconnected>,
    ) {
        let refused = || refused_admin(kind, ErrorCode::RequestTimedOut);
        if let Some(mut response) = result.ok().or_else(refused) {
            if let Response::CreateTopics(response) = &mut response {
                response.throttle = self.quotas.mutations.remove(&token).unwrap_or(0);
            }
            cx.reply(token, response);
        }
    }

    pub(super) fn describe_producers(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: DescribeProducersRequest,
    ) {
        let replica = self.replicas.get(request.partition).filter(|r| r.leader().is_some());
        let response = match replica {
            Some(replica) => DescribeProducersResponse {
                error: ErrorCode::None,
                producers: replica.log().describe_producers(),
            },
            None => DescribeProducersResponse {
                error: self.not_leading(request.partition),
                producers: Vec::new(),
            },
        };
        cx.reply(token, Response::DescribeProducers(response));
    }
}
