//! Produce: append what may be appended, answer or wait for the high watermark.

use alloc::vec::Vec;

use super::Broker;
use super::append::{Appended, Refused};
use super::produce_purgatory::{DelayedProduce, Waiting};
use crate::io::{Context, Output, Token};
use crate::log::{Origin, Verification};
use crate::note::Note;
use crate::protocol::produce::{
    Acks, ProducePartition, ProduceRequest, ProduceResponse, ProducedPartition,
};
use crate::protocol::{ErrorCode, Header, Response};
use crate::rules::{AcksAll, DelayedProduceRule};
use crate::types::{Offset, PartitionId, Timestamp};

/// From this version on Produce names the leader with `NOT_LEADER_OR_FOLLOWER` (KIP-951).
const HINTS: i16 = 10;

/// How one partition of a produce fared.
pub(super) struct Produced {
    pub(super) answer: ProducedPartition,
    /// First offset behind the batch, `None` if nothing was appended or found.
    pub(super) end: Option<Offset>,
}

impl Broker {
    pub(super) fn produce(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: ProduceRequest,
    ) {
        let transactional =
            || request.partitions.iter().any(|p| cx.batches.get(p.batch).transactional);
        if request.transactional_id.is_none() && transactional() {
            // Nobody may write into a transaction without naming whose.
            let error = ErrorCode::TransactionalIdAuthorizationFailed;
            let refused: Vec<_> = request.partitions.iter().map(|p| (p.partition, error)).collect();
            self.append_produce(cx, token, header, &request, &[], &refused);
        } else if request.transactional_id.is_some() {
            self.transactional_produce(cx, token, header, request);
        } else {
            self.append_produce(cx, token, header, &request, &[], &[]);
        }
    }

    /// Appends a produce. `verifications` say what is known of each partition's transaction,
    /// nothing if empty; `refused` are partitions that the transaction coordinator turned
    /// away, with the error for the client.
    pub(super) fn append_produce(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: &ProduceRequest,
        verifications: &[Verification],
        refused: &[(PartitionId, ErrorCode)],
    ) {
        let mut partitions = Vec::with_capacity(request.partitions.len());
        let mut ends = Vec::with_capacity(request.partitions.len());
        for (i, entry) in request.partitions.iter().enumerate() {
            let sent = cx.batches.header(entry.batch);
            let unread = sent.and_then(|sent| sent.check_request(header.api_version).err());
            let unread = unread.map(|error| (entry.partition, error));
            let refusal = unread.as_ref();
            let refusal = refusal.or(refused.iter().find(|(p, _)| *p == entry.partition));
            let produced = match refusal {
                Some(&(_, error)) => {
                    self.refused_produce(entry.partition, Refused::before_the_log(error))
                }
                None => {
                    let verification = verifications.get(i).copied().unwrap_or_default();
                    self.produce_one(cx, *entry, request.acks, verification)
                }
            };
            partitions.push(produced.answer);
            ends.push(produced.end);
        }
        if header.api_version < HINTS {
            partitions.iter_mut().for_each(|p| p.current_leader = None);
        }
        let response = ProduceResponse { throttle_time: 0, partitions };
        if request.acks == Acks::None {
            // Without an answer nothing says how long.
            self.quotas.produces.remove(&token);
        }
        match request.acks {
            // The producer expects no answer: it learns of an error by its broken connection.
            Acks::None if response.partitions.iter().any(|p| p.error != ErrorCode::None) => {
                cx.outputs.push(Output::Disconnect { token });
            }
            Acks::None => cx.outputs.push(Output::NoReply { token }),
            Acks::Leader => self.acknowledge(cx, token, response, &ends),
            // Read here and nowhere else: whether acks=all means anything.
            Acks::All if cx.rules.acks_all == AcksAll::Early => {
                self.acknowledge(cx, token, response, &ends);
            }
            Acks::All => self.delay_produce(cx, (token, header), request, response, &ends),
        }
    }

    fn produce_one(
        &mut self,
        cx: &mut Context<'_>,
        entry: ProducePartition,
        acks: Acks,
        verification: Verification,
    ) -> Produced {
        let partition = entry.partition;
        if self.is_internal(partition) {
            let refused = Refused::before_the_log(ErrorCode::InvalidTopicException);
            return self.refused_produce(partition, refused);
        }
        let origin = Origin::Client(verification);
        match self.append_as_leader(cx, partition, entry.batch, origin, acks == Acks::All) {
            Ok(Appended { base_offset, end, log_append_time, log_start_offset }) => Produced {
                answer: ProducedPartition {
                    partition,
                    error: ErrorCode::None,
                    base_offset,
                    log_append_time,
                    log_start_offset,
                    current_leader: None,
                },
                end: Some(end),
            },
            Err(refused) => self.refused_produce(partition, refused),
        }
    }

    /// The answer for a partition where nothing was appended.
    fn refused_produce(&self, partition: PartitionId, refused: Refused) -> Produced {
        let current_leader = match refused.error {
            ErrorCode::NotLeaderOrFollower => self.known_leader(partition),
            _ => None,
        };
        let answer = ProducedPartition {
            partition,
            error: refused.error,
            base_offset: Offset::NONE,
            log_append_time: Timestamp::NONE,
            log_start_offset: refused.log_start_offset,
            current_leader,
        };
        Produced { answer, end: None }
    }

    fn acknowledge(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        response: ProduceResponse,
        ends: &[Option<Offset>],
    ) {
        for (partition, end) in response.partitions.iter().zip(ends) {
            if let Some(end) = *end {
                self.note_acknowledged(cx, partition, end);
            }
        }
        self.answer(cx, token, Response::Produce(response));
    }

    fn note_acknowledged(&self, cx: &mut Context<'_>, entry: &ProducedPartition, end: Offset) {
        if entry.error == ErrorCode::None {
            cx.note(Note::Acknowledged {
                node: self.node,
                partition: entry.partition,
                base_offset: entry.base_offset,
                end,
            });
        }
    }

    fn delay_produce(
        &mut self,
        cx: &mut Context<'_>,
        (token, header): (Token, Header),
        request: &ProduceRequest,
        mut response: ProduceResponse,
        ends: &[Option<Offset>],
    ) {
        let mut open = 0;
        for (entry, end) in response.partitions.iter_mut().zip(ends) {
            let Some(end) = *end else { continue };
            if self.high_watermark(entry.partition) < end {
                entry.error = ErrorCode::RequestTimedOut;
                open += 1;
            }
        }
        if open == 0 {
            self.acknowledge(cx, token, response, ends);
            return;
        }
        let waiting: Vec<(u32, PartitionId, Offset)> = (0..)
            .zip(response.partitions.iter().zip(ends))
            .filter(|(_, (entry, _))| entry.error == ErrorCode::RequestTimedOut)
            .filter_map(|(slot, (entry, end))| end.map(|end| (slot, entry.partition, end)))
            .collect();
        let key = self.acks.delay(DelayedProduce {
            token,
            hints: header.api_version >= HINTS,
            deadline: cx.now.instant + request.timeout,
            open,
            response,
            ends: ends.iter().map(|end| end.unwrap_or(Offset::NONE)).collect(),
        });
        for (slot, partition, end) in waiting {
            self.acks.wait(partition, end, Waiting::Produce { key, slot });
        }
    }

    /// One partition of a delayed produce is settled.
    pub(super) fn produce_settled(
        &mut self,
        cx: &mut Context<'_>,
        key: crate::slab::Key,
        slot: u32,
        error: ErrorCode,
    ) {
        if let Some(produce) = self.acks.settle(key, slot, error) {
            self.finish_produce(cx, produce);
        }
    }

    fn finish_produce(&mut self, cx: &mut Context<'_>, mut produce: DelayedProduce) {
        if cx.rules.delayed_produce == DelayedProduceRule::Forget {
            return;
        }
        for entry in &mut produce.response.partitions {
            if produce.hints && entry.error == ErrorCode::NotLeaderOrFollower {
                entry.current_leader = self.known_leader(entry.partition);
            }
        }
        for (entry, &end) in produce.response.partitions.iter().zip(&produce.ends) {
            if end != Offset::NONE {
                self.note_acknowledged(cx, entry, end);
            }
        }
        self.answer(cx, produce.token, Response::Produce(produce.response));
    }

    /// Answers delayed produces whose time is up.
    pub(super) fn produce_tick(&mut self, cx: &mut Context<'_>) {
        for produce in self.acks.due_produces(cx.now.instant) {
            self.finish_produce(cx, produce);
        }
    }

    pub(super) fn high_watermark(&self, partition: PartitionId) -> Offset {
        self.replicas.get(partition).map_or(Offset::ZERO, |r| r.high_watermark())
    }
}
