//! Which decision a request asks for, and the answer in its own words.

use alloc::vec::Vec;

use super::Controller;
use super::brokers::PRODUCER_ID_BLOCK;
use crate::io::{Context, Token};
use crate::protocol::controller::{
    AllocateProducerIdsResponse, AlterClientQuotasResponse, AlterConfigsResponse,
    AlterPartitionReassignmentsResponse, AlterPartitionRequest, AlterPartitionResponse,
    AlteredPartition, AssignReplicasToDirsResponse, BrokerHeartbeatRequest,
    BrokerHeartbeatResponse, BrokerRegistrationResponse, CreatePartitionsResponse,
    CreateTopicResponse, DeleteTopicResponse, ElectLeadersResponse, WantedIsr,
};
use crate::protocol::{ErrorCode, Request, Response};
use crate::records::MetadataRecord;
use crate::rules::Rules;
use crate::types::{
    BrokerEpoch, Instant, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, TopicId,
};

impl Controller {
    pub(super) fn request(&mut self, cx: &mut Context<'_>, token: Token, request: Request) {
        let now = cx.now.instant;
        let request = match request {
            Request::FetchMetadata(r) => return self.fetch_metadata(cx, token, r),
            Request::Vote(_)
            | Request::BeginQuorumEpoch(_)
            | Request::EndQuorumEpoch(_)
            | Request::FetchQuorum(_)
            | Request::FetchSnapshot(_) => return self.quorum.request(cx, token, request),
            request => request,
        };
        if self.active.is_none() {
            return cx.refuse(token, request.api_key(), ErrorCode::NotController);
        }
        let response = match request {
            Request::BrokerRegistration(r) => {
                let decided = self.decide_registration(now, &r, cx.rules);
                if decided.as_ref().is_ok_and(|decision| !decision.records.is_empty()) {
                    self.end_session(r.broker);
                }
                let (error, broker_epoch) = self.carry_out(decided, BrokerEpoch(-1));
                Response::BrokerRegistration(BrokerRegistrationResponse { error, broker_epoch })
            }
            Request::BrokerHeartbeat(r) => {
                Response::BrokerHeartbeat(self.heartbeat(now, &r, cx.rules))
            }
            Request::AlterPartition(r) => {
                Response::AlterPartition(self.alter_partitions(&r, cx.rules))
            }
            Request::AllocateProducerIds(r) => {
                let decided = self.decide_producer_ids(&r, cx.rules);
                let (error, first) = self.carry_out(decided, ProducerId::NONE);
                let count = if error == ErrorCode::None { PRODUCER_ID_BLOCK } else { 0 };
                Response::AllocateProducerIds(AllocateProducerIdsResponse { error, first, count })
            }
            Request::AssignReplicasToDirs(r) => {
                let decided = self.decide_assignments(&r, cx.rules);
                let (error, ()) = self.carry_out(decided, ());
                Response::AssignReplicasToDirs(AssignReplicasToDirsResponse { error })
            }
            Request::CreateTopics(r) => {
                let decided = self.decide_create_topic(r);
                let (error, topic) = self.carry_out(decided, TopicId::UNKNOWN);
                Response::CreateTopics(CreateTopicResponse { throttle_time: 0, error, topic })
            }
            Request::CreatePartitions(r) => {
                let decided = self.decide_create_partitions(&r);
                let (refused, made) = self.carry_out(decided, ErrorCode::None);
                let error = if refused == ErrorCode::None { made } else { refused };
                Response::CreatePartitions(CreatePartitionsResponse { error })
            }
            Request::DeleteTopics(r) => {
                let decided = self.decide_delete_topic(&r);
                let (error, ()) = self.carry_out(decided, ());
                Response::DeleteTopics(DeleteTopicResponse { error })
            }
            Request::IncrementalAlterConfigs(r) => {
                let decided = self.decide_config(r, cx.names);
                let (error, ()) = self.carry_out(decided, ());
                Response::IncrementalAlterConfigs(AlterConfigsResponse { error })
            }
            Request::ElectLeaders(r) => {
                let decided = self.decide_election(&r, cx.rules);
                let (error, ()) = self.carry_out(decided, ());
                Response::ElectLeaders(ElectLeadersResponse { error })
            }
            Request::AlterClientQuotas(r) => {
                let record =
                    |(quota, value)| MetadataRecord::ClientQuota { client: r.client, quota, value };
                // Source: Kafka 4.1, `ClientQuotaControlManager`: a quota of 0 is none.
                let error = if r.quotas.iter().any(|&(_, value)| value == Some(0)) {
                    ErrorCode::InvalidRequest
                } else {
                    self.append(r.quotas.into_iter().map(record).collect());
                    ErrorCode::None
                };
                Response::AlterClientQuotas(AlterClientQuotasResponse { error })
            }
            Request::AlterPartitionReassignments(r) => {
                let decided = self.decide_reassignment(&r, cx.rules);
                let (error, ()) = self.carry_out(decided, ());
                Response::AlterPartitionReassignments(AlterPartitionReassignmentsResponse { error })
            }
            other => panic!("no controller answers {}", other.api_key().name()),
        };
        let ends = (self.quorum.end(), self.quorum.committed());
        self.purgatory.reply(cx, (token, response), ends);
    }

    fn heartbeat(
        &mut self,
        now: Instant,
        request: &BrokerHeartbeatRequest,
        rules: &Rules,
    ) -> BrokerHeartbeatResponse {
        let decided = self.decide_heartbeat(request, rules);
        let stale = BrokerHeartbeatResponse {
            error: ErrorCode::None,
            fenced: true,
            caught_up: false,
            may_shut_down: false,
        };
        let (error, answer) = self.carry_out(decided, stale);
        if error == ErrorCode::None {
            self.touch(now, request);
        }
        BrokerHeartbeatResponse { error, ..answer }
    }

    /// All partitions of a request. One after the other, but what they write is made durable
    /// together.
    fn alter_partitions(
        &mut self,
        request: &AlterPartitionRequest,
        rules: &Rules,
    ) -> AlterPartitionResponse {
        let checked = self.check_broker_epoch(request.broker, request.broker_epoch);
        if let Err(error) = checked {
            return AlterPartitionResponse { error, partitions: Vec::new() };
        }
        let wishes = request.partitions.iter();
        let partitions = wishes.map(|r| self.alter_partition(request.broker, r, rules)).collect();
        AlterPartitionResponse { error: ErrorCode::None, partitions }
    }

    fn alter_partition(
        &mut self,
        leader: NodeId,
        wanted: &WantedIsr,
        rules: &Rules,
    ) -> AlteredPartition {
        let decided = self.decide_alter_partition(leader, wanted, rules);
        let refused = AlteredPartition {
            error: ErrorCode::None,
            partition: wanted.partition,
            leader: None,
            leader_epoch: LeaderEpoch(0),
            isr: Vec::new(),
            partition_epoch: PartitionEpoch(0),
        };
        match self.carry_out(decided, refused) {
            // The change may have made another leader, which its answer says as an error.
            (ErrorCode::None, answer) => answer,
            (error, refused) => AlteredPartition { error, ..refused },
        }
    }
}
