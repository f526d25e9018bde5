//! The `respond` command: from words to the answer of a broker.

use broker_model::protocol::coordinator::FindCoordinatorResponse;
use broker_model::protocol::produce::{ProduceResponse, ProducedPartition};
use broker_model::protocol::txn::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, EndTxnResponse, InitProducerIdResponse,
    ProducerIdAndEpoch, TransactionPartitions, TransactionResult, TxnOffsetCommitResponse,
};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp};

use super::setup::{Cluster, node_id, parse};
use crate::dialogue::{DialogueErrorKind, bounds};

/// The words of a `respond` command behind the request's name.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    error: Option<ErrorCode>,
    partitions: Vec<(PartitionId, ErrorCode, Option<i64>)>,
    values: Vec<(String, i64)>,
}

impl Reply {
    pub(super) fn parse(words: &[&str], cluster: &Cluster) -> Result<Self, DialogueErrorKind> {
        let mut reply = Self::default();
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                reply.error = Some(code(word)?);
                continue;
            };
            if let Ok(partition) = cluster.find(key) {
                let (error, offset) = match value.split_once('@') {
                    Some((error, offset)) => (error, Some(bounds::offset(parse(offset)?)?)),
                    None => (value, None),
                };
                reply.partitions.push((partition, code(error)?, offset));
            } else {
                reply.values.push((key.to_owned(), bounds::offset(parse(value)?)?));
            }
        }
        Ok(reply)
    }

    fn value(&self, key: &str) -> Option<i64> {
        self.values.iter().find(|(k, _)| k == key).map(|&(_, v)| v)
    }

    fn error(&self) -> ErrorCode {
        self.error.unwrap_or(ErrorCode::None)
    }

    fn partition_error(&self, partition: PartitionId) -> (PartitionId, ErrorCode) {
        let own = self.partitions.iter().find(|(p, _, _)| *p == partition);
        (partition, own.map_or(self.error(), |&(_, error, _)| error))
    }

    /// The answer to a request; what is not said is as a healthy broker would say it.
    pub(super) fn answer(
        &self,
        request: &Request,
        version: i16,
        cluster: &Cluster,
    ) -> Result<Response, DialogueErrorKind> {
        let error = self.error();
        let producer = |known: ProducerIdAndEpoch| ProducerIdAndEpoch {
            id: self.value("pid").map_or(known.id, ProducerId),
            epoch: self
                .value("epoch")
                .and_then(|epoch| i16::try_from(epoch).ok())
                .map_or(known.epoch, ProducerEpoch),
        };
        Ok(match request {
            Request::Produce(r) => Response::Produce(ProduceResponse {
                throttle_time: 0,
                partitions: r.partitions.iter().map(|p| self.produced(p.partition)).collect(),
            }),
            Request::Metadata(_) => Response::Metadata(cluster.metadata().into()),
            Request::InitProducerId(_) => {
                let first = ProducerIdAndEpoch { id: ProducerId(1), epoch: ProducerEpoch(0) };
                Response::InitProducerId(InitProducerIdResponse {
                    error,
                    producer: producer(first),
                })
            }
            Request::FindCoordinator(_) => {
                let node = self.value("node").unwrap_or(0);
                let node = node_id(&node.to_string())?;
                Response::FindCoordinator(FindCoordinatorResponse { error, node: Some(node) })
            }
            Request::AddPartitionsToTxn(r) => {
                let told = |t: TransactionPartitions| TransactionResult {
                    transactional_id: t.transactional_id,
                    partitions: t.partitions.iter().map(|&p| self.partition_error(p)).collect(),
                };
                let results = r.transactions.iter().cloned().map(told).collect();
                Response::AddPartitionsToTxn(AddPartitionsToTxnResponse { results })
            }
            Request::AddOffsetsToTxn(_) => {
                Response::AddOffsetsToTxn(AddOffsetsToTxnResponse { error })
            }
            Request::TxnOffsetCommit(r) => Response::TxnOffsetCommit(TxnOffsetCommitResponse {
                partitions: r.offsets.iter().map(|o| self.partition_error(o.partition)).collect(),
            }),
            Request::EndTxn(r) => {
                let bumped = ProducerIdAndEpoch {
                    id: r.producer.id,
                    epoch: ProducerEpoch(r.producer.epoch.0.saturating_add(1)),
                };
                let v2 = version >= 5 && error == ErrorCode::None;
                let producer = if v2 { producer(bumped) } else { ProducerIdAndEpoch::NONE };
                Response::EndTxn(EndTxnResponse { error, producer })
            }
            _ => return Err(DialogueErrorKind::NotModelled),
        })
    }

    fn produced(&self, partition: PartitionId) -> ProducedPartition {
        let (_, error) = self.partition_error(partition);
        let own = self.partitions.iter().find(|(p, _, _)| *p == partition);
        let offset = own.and_then(|&(_, _, offset)| offset).or_else(|| self.value("offset"));
        let leader = self.value("leader").and_then(|n| node_id(&n.to_string()).ok());
        let epoch = self.value("leader-epoch").and_then(|n| i32::try_from(n).ok());
        ProducedPartition {
            partition,
            error,
            base_offset: match error {
                ErrorCode::None => Offset(offset.unwrap_or(0)),
                _ => Offset::NONE,
            },
            log_append_time: Timestamp::NONE,
            log_start_offset: Offset(self.value("log-start").unwrap_or(-1)),
            current_leader: leader.zip(epoch).map(|(leader, epoch)| (leader, LeaderEpoch(epoch))),
        }
    }
}

/// The code of a name like `NOT_LEADER_OR_FOLLOWER`.
fn code(name: &str) -> Result<ErrorCode, DialogueErrorKind> {
    ErrorCode::from_name(name).ok_or(DialogueErrorKind::BadArgument)
}
