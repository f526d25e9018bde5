//! The words of the recordings: requests, errors, states.

use std::fmt::Write as _;

use broker_model::names::Names;
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::produce::{Acks, ProduceRequest};
use broker_model::protocol::txn::ProducerIdAndEpoch;
use broker_model::protocol::{ErrorCode, Request};
use broker_model::records::Batches;

use super::setup::Cluster;
use crate::client::producer::{Operation, PartitionView, ProducerError, ProducerState, Refusal};

/// What is needed to name things.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) names: &'a Names,
    pub(super) batches: &'a Batches,
    pub(super) cluster: &'a Cluster,
}

impl Words<'_> {
    /// A request, from its name on.
    pub(super) fn request(&self, node: u32, version: i16, request: &Request) -> String {
        let id = |id| self.names.transactional_id_name(id);
        let pid = |p: ProducerIdAndEpoch| format!("pid={} epoch={}", p.id, p.epoch);
        match request {
            Request::Produce(r) => self.produce(node, version, r),
            Request::Metadata(r) => {
                let topics = r.topics.clone().unwrap_or_default().join(", ");
                format!("metadata node={node} topics=[{topics}]")
            }
            Request::InitProducerId(r) => {
                let txn = r.transactional_id.map(|t| format!(" txn={}", id(t)));
                format!(
                    "init-producer-id node={node}{} {}",
                    txn.unwrap_or_default(),
                    pid(r.producer)
                )
            }
            Request::FindCoordinator(r) => match r.key {
                CoordinatorKey::Group(g) => {
                    format!(
                        "find-coordinator node={node} type=group key={}",
                        self.names.group_name(g)
                    )
                }
                CoordinatorKey::Transaction(t) => {
                    format!("find-coordinator node={node} type=transaction key={}", id(t))
                }
            },
            Request::AddPartitionsToTxn(r) => {
                let mut line = format!("add-partitions-to-txn node={node}");
                for t in &r.transactions {
                    let mut partitions = t.partitions.clone();
                    partitions.sort_by_key(|&p| self.cluster.rank(p));
                    let _ = write!(line, " txn={} {}", id(t.transactional_id), pid(t.producer));
                    for partition in partitions {
                        let _ = write!(line, " {}", self.cluster.name(partition));
                    }
                }
                line
            }
            Request::AddOffsetsToTxn(r) => format!(
                "add-offsets-to-txn node={node} txn={} {} group={}",
                id(r.transactional_id),
                pid(r.producer),
                self.names.group_name(r.group)
            ),
            Request::TxnOffsetCommit(r) => {
                let mut line = format!(
                    "txn-offset-commit node={node} v={version} txn={} {} group={} gen={} member=m",
                    id(r.transactional_id),
                    pid(r.producer),
                    self.names.group_name(r.group),
                    r.generation
                );
                if let Some(instance) = &r.instance {
                    let _ = write!(line, " instance={instance}");
                }
                for o in &r.offsets {
                    let _ = write!(line, " {}@{}", self.cluster.name(o.partition), o.offset);
                }
                line
            }
            Request::EndTxn(r) => format!(
                "end-txn node={node} v={version} txn={} {} {}",
                id(r.transactional_id),
                pid(r.producer),
                if r.commit { "commit" } else { "abort" }
            ),
            other => other.api_key().name().to_owned(),
        }
    }

    fn produce(&self, node: u32, version: i16, request: &ProduceRequest) -> String {
        let acks = match request.acks {
            Acks::None => "0",
            Acks::Leader => "1",
            Acks::All => "-1",
        };
        let mut line = format!("produce node={node} acks={acks}");
        if let Some(id) = request.transactional_id {
            let _ = write!(line, " txn={}", self.names.transactional_id_name(id));
        }
        let _ = write!(line, " v={version}");
        let mut partitions = request.partitions.clone();
        partitions.sort_by_key(|p| self.cluster.rank(p.partition));
        for p in partitions {
            let body = self.batches.get(p.batch);
            let _ = write!(line, " {}[", self.cluster.name(p.partition));
            if body.producer_id.is_some() {
                let (pid, epoch, seq) = (body.producer_id, body.producer_epoch, body.base_sequence);
                let _ = write!(line, "pid={pid} epoch={epoch} base_seq={seq} ");
            }
            let _ = write!(line, "records={} bytes={}", body.count, body.bytes);
            line.push_str(if body.transactional { " txn" } else { "" });
            if let Some(compression) = self.batches.compression(p.batch) {
                let _ = write!(line, " {}", compression.codec.name());
            }
            line.push(']');
        }
        if request.acks == Acks::None {
            line.push_str(" (no reply)");
        }
        line
    }

    /// A partition as `inspect` shows it.
    pub(super) fn partition(&self, view: &PartitionView) -> String {
        let mut line = self.cluster.name(view.partition);
        if let Some((next, acked, epoch)) = view.sequences {
            let _ = write!(line, " next_seq={next} last_acked={acked} epoch={epoch}");
        }
        if view.unresolved {
            line.push_str(" unresolved");
        }
        for (name, batches) in [("in_flight", &view.in_flight), ("queued", &view.queued)] {
            let list: Vec<String> = batches
                .iter()
                .map(|b| match b.base_sequence {
                    -1 => b.records.to_string(),
                    sequence => format!("seq{sequence}/e{}:{}", b.epoch, b.records),
                })
                .collect();
            let _ = write!(line, " {name}=[{}]", list.join(" "));
        }
        if view.muted {
            line.push_str(" muted");
        }
        line
    }
}

/// Kafka's name of a request of the model, as commands use it.
pub(super) const fn api(request: &Request) -> &'static str {
    match request {
        Request::Produce(_) => "produce",
        Request::Metadata(_) => "metadata",
        Request::InitProducerId(_) => "init-producer-id",
        Request::FindCoordinator(_) => "find-coordinator",
        Request::AddPartitionsToTxn(_) => "add-partitions-to-txn",
        Request::AddOffsetsToTxn(_) => "add-offsets-to-txn",
        Request::TxnOffsetCommit(_) => "txn-offset-commit",
        Request::EndTxn(_) => "end-txn",
        _ => "",
    }
}

/// A state in Kafka's words.
pub(super) fn state(state: ProducerState, error: Option<ProducerError>) -> String {
    let name = match state {
        ProducerState::Uninitialized => "UNINITIALIZED",
        ProducerState::Initializing => "INITIALIZING",
        ProducerState::Ready => "READY",
        ProducerState::InTransaction => "IN_TRANSACTION",
        ProducerState::CommittingTransaction => "COMMITTING_TRANSACTION",
        ProducerState::AbortingTransaction => "ABORTING_TRANSACTION",
        ProducerState::AbortableError => "ABORTABLE_ERROR",
        ProducerState::FatalError => "FATAL_ERROR",
    };
    let failed = matches!(state, ProducerState::AbortableError | ProducerState::FatalError);
    match error {
        Some(error) if failed => format!("{name} ({})", exception(error)),
        _ => name.to_owned(),
    }
}

/// The Java exception of an error.
pub(super) fn exception(error: ProducerError) -> String {
    match error {
        ProducerError::Code(code) => code_exception(code),
        ProducerError::AbortableCode(code) => {
            format!("TransactionAbortableException<-{}", code_exception(code))
        }
        ProducerError::DeliveryTimeout | ProducerError::BlockTimeout => {
            "TimeoutException".to_owned()
        }
        ProducerError::BufferExhausted => "BufferExhaustedException".to_owned(),
        ProducerError::AbortableBufferExhausted => {
            "TransactionAbortableException<-BufferExhaustedException".to_owned()
        }
        ProducerError::AbortableTimeout => {
            "TransactionAbortableException<-TimeoutException".to_owned()
        }
        ProducerError::TransactionAborted => "TransactionAbortedException".to_owned(),
        ProducerError::Closed
        | ProducerError::UnresolvedSequences
        | ProducerError::PartitionsNotAdded => "KafkaException".to_owned(),
        ProducerError::CommitFailed => "CommitFailedException".to_owned(),
        ProducerError::IllegalState => "IllegalStateException".to_owned(),
        ProducerError::RecordTooLarge => "RecordTooLargeException".to_owned(),
    }
}

fn code_exception(code: ErrorCode) -> String {
    let name = match code {
        ErrorCode::RequestTimedOut => "Timeout",
        ErrorCode::MessageTooLarge => "RecordTooLarge",
        ErrorCode::OutOfOrderSequenceNumber => "OutOfOrderSequence",
        ErrorCode::InvalidProducerIdMapping => "InvalidPidMapping",
        ErrorCode::TopicAuthorizationFailed => "TopicAuthorization",
        ErrorCode::GroupAuthorizationFailed => "GroupAuthorization",
        ErrorCode::ClusterAuthorizationFailed => "ClusterAuthorization",
        ErrorCode::TransactionalIdAuthorizationFailed => "TransactionalIdAuthorization",
        other => return format!("{other:?}Exception"),
    };
    format!("{name}Exception")
}

/// What a refused call throws.
pub(super) fn thrown(refusal: Refusal) -> String {
    match refusal {
        Refusal::IllegalState => "IllegalStateException".to_owned(),
        Refusal::Failed(
            error @ (ProducerError::Code(
                ErrorCode::ProducerFenced | ErrorCode::InvalidProducerEpoch,
            )
            | ProducerError::IllegalState),
        ) => exception(error),
        Refusal::Failed(error) => format!("KafkaException<-{}", exception(error)),
    }
}

/// The command behind a call.
pub(super) const fn call(operation: Operation) -> &'static str {
    match operation {
        Operation::Initialize => "init-transactions",
        Operation::Commit => "commit",
        Operation::Abort => "abort",
        Operation::SendOffsets => "send-offsets",
    }
}
