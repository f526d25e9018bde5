//! Markers: the coordinator's broker sends them to the leaders until each has answered, and a
//! leader appends them and answers once they are replicated.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Broker;
use super::calls::Call;
use super::produce_purgatory::Waiting;
use crate::coordinator::Waiter;
use crate::io::{Context, Disconnected, Token};
use crate::log::AppendOutcome;
use crate::note::Note;
use crate::protocol::txn::{TxnMarker, WriteTxnMarkersRequest, WriteTxnMarkersResponse};
use crate::protocol::{ErrorCode, Request, Response};
use crate::rules::MarkerEpochCheck;
use crate::slab::{Key, Slab};
use crate::types::{BatchId, Duration, Instant, MILLISECOND, NodeId, PartitionId, ProducerId};

/// Wait before a marker that failed is sent again.
const RETRY: Duration = 20 * MILLISECOND;

type Item = (Waiter, TxnMarker);

#[derive(Clone, Debug, Default)]
struct Destination {
    queue: Vec<Item>,
    in_flight: Option<Vec<Item>>,
}

/// A `WriteTxnMarkers` request that waits for replication.
#[derive(Clone, Debug)]
struct Writing {
    token: Token,
    open: u32,
    /// Producer and verdict of each marker, with the number of its partitions.
    markers: Vec<(ProducerId, bool, usize)>,
    /// Partitions of all markers, one after the other.
    results: Vec<(PartitionId, ErrorCode)>,
}

/// Markers on their way, and those being written here.
#[derive(Clone, Debug, Default)]
pub(super) struct Markers {
    destinations: BTreeMap<NodeId, Destination>,
    ready: Vec<NodeId>,
    retries: Vec<Item>,
    retry_at: Option<Instant>,
    writing: Slab<Writing>,
}

impl Markers {
    pub(super) fn next_deadline(&self) -> Instant {
        self.retry_at.unwrap_or(Instant::FAR)
    }

    pub(super) fn clear(&mut self) {
        self.destinations.clear();
        self.ready.clear();
        self.retries.clear();
        self.retry_at = None;
        self.writing.clear();
    }

    /// A leader to which markers may be sent.
    pub(super) fn pop_ready(&mut self) -> Option<NodeId> {
        self.ready.pop()
    }

    fn retry(&mut self, now: Instant, waiter: Waiter, marker: TxnMarker) {
        self.retries.push((waiter, marker));
        self.retry_at.get_or_insert(now + RETRY);
    }
}

impl Broker {
    /// Queues a marker for the leader of each of its partitions. A partition that this broker does
    /// not know was deleted, and is done without. Source: Kafka,
    /// `TransactionMarkerChannelManager.addTxnMarkersToBrokerQueue`.
    pub(super) fn enqueue_marker(
        &mut self,
        cx: &mut Context<'_>,
        waiter: Waiter,
        marker: TxnMarker,
    ) {
        let mut by_leader: BTreeMap<Option<NodeId>, Vec<PartitionId>> = BTreeMap::new();
        let mut gone = Vec::new();
        for &partition in &marker.partitions {
            let partition = self.image.current(partition);
            match self.image.partition(partition) {
                None => gone.push((partition, ErrorCode::None)),
                Some(record) => by_leader.entry(record.leader).or_default().push(partition),
            }
        }
        if !gone.is_empty() {
            self.coordinators.markers_answered(cx, waiter, &gone);
        }
        for (leader, partitions) in by_leader {
            let part = TxnMarker { partitions, ..marker.clone() };
            match leader {
                None => self.markers.retry(cx.now.instant, waiter, part),
                Some(leader) => {
                    let destination = self.markers.destinations.entry(leader).or_default();
                    destination.queue.push((waiter, part));
                    self.markers.ready.push(leader);
                }
            }
        }
    }

    /// Sends everything queued for a leader in one request, unless one is on its way.
    pub(super) fn send_markers(&mut self, cx: &mut Context<'_>, leader: NodeId) {
        let Some(destination) = self.markers.destinations.get_mut(&leader) else { return };
        if destination.in_flight.is_some() || destination.queue.is_empty() {
            return;
        }
        let items = core::mem::take(&mut destination.queue);
        let markers = items.iter().map(|(_, marker)| marker.clone()).collect();
        destination.in_flight = Some(items);
        let request = Request::WriteTxnMarkers(WriteTxnMarkersRequest { markers });
        self.ask(cx, leader, Call::WriteMarkers, request);
    }

    pub(super) fn markers_written(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        result: Result<WriteTxnMarkersResponse, Disconnected>,
    ) {
        let Some(destination) = self.markers.destinations.get_mut(&leader) else { return };
        let Some(items) = destination.in_flight.take() else { return };
        self.markers.ready.push(leader);
        let now = cx.now.instant;
        let answers = match result {
            Ok(response) => response.markers,
            Err(Disconnected) => {
                for (waiter, marker) in items {
                    self.markers.retry(now, waiter, marker);
                }
                return;
            }
        };
        assert_eq!(answers.len(), items.len(), "each marker is answered");
        for ((waiter, mut marker), (_, mut results)) in items.into_iter().zip(answers) {
            for (partition, _) in &mut results {
                *partition = self.image.current(*partition);
            }
            self.coordinators.markers_answered(cx, waiter, &results);
            marker.partitions.clear();
            let again = results.iter().filter(|(_, error)| is_retriable(*error));
            marker.partitions.extend(again.map(|(partition, _)| *partition));
            if !marker.partitions.is_empty() {
                self.markers.retry(now, waiter, marker);
            }
        }
    }

    pub(super) fn marker_tick(&mut self, cx: &mut Context<'_>) {
        if self.markers.retry_at.is_none_or(|at| at > cx.now.instant) {
            return;
        }
        self.markers.retry_at = None;
        for (waiter, mut marker) in core::mem::take(&mut self.markers.retries) {
            let missing = self.coordinators.transactions.missing_markers(waiter);
            for partition in &mut marker.partitions {
                *partition = self.image.current(*partition);
            }
            marker.partitions.retain(|p| missing.contains(p));
            if !marker.partitions.is_empty() {
                self.enqueue_marker(cx, waiter, marker);
            }
        }
    }

    /// Appends markers to partitions this broker leads; answers when all are replicated.
    pub(super) fn write_markers(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: &WriteTxnMarkersRequest,
    ) {
        let markers =
            request.markers.iter().map(|m| (m.producer.id, m.commit, m.partitions.len())).collect();
        let key =
            self.markers.writing.insert(Writing { token, open: 1, markers, results: Vec::new() });
        for marker in &request.markers {
            let mut batch = None;
            for &partition in &marker.partitions {
                let appended = self.write_marker(cx, marker, partition, &mut batch);
                let writing = self.markers.writing.get_mut(key).expect("open until the end");
                let slot = u32::try_from(writing.results.len()).expect("fewer than 2^32");
                match appended {
                    Err(error) => writing.results.push((partition, error)),
                    Ok(end) => {
                        writing.results.push((partition, ErrorCode::None));
                        writing.open += 1;
                        self.acks.wait(partition, end, Waiting::Marker { key, slot });
                    }
                }
            }
        }
        self.close_writing(cx, key);
    }

    /// Appends one marker. The batch is the same on every partition of its transaction.
    fn write_marker(
        &mut self,
        cx: &mut Context<'_>,
        marker: &TxnMarker,
        partition: PartitionId,
        batch: &mut Option<BatchId>,
    ) -> Result<crate::types::Offset, ErrorCode> {
        let leading = self.replicas.get(partition).filter(|r| r.leader().is_some());
        let replica = leading.ok_or_else(|| self.not_leading(partition))?;
        if replica.under_min_isr() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let producer = marker.producer;
        // `MemoryRecordsBuilder.appendEndTxnMarker` writes none without a producer.
        if producer.id.0 < 0 || producer.epoch.0 < 0 {
            return Err(ErrorCode::UnknownServerError);
        }
        if cx.rules.marker_epoch_check == MarkerEpochCheck::Newer
            && marker.v2
            && replica
                .log()
                .producer(producer.id)
                .is_some_and(|known| known.epoch == producer.epoch)
        {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let batch = *batch.get_or_insert_with(|| {
            cx.batches.push_marker(
                producer.id,
                producer.epoch,
                marker.commit,
                marker.coordinator_epoch,
                cx.now.wall,
            )
        });
        self.followers_fall_behind(partition);
        let replica = self.replicas.get_mut(partition).expect("found above");
        match replica.append_marker(batch, cx.batches) {
            AppendOutcome::Appended { entry, end, rolled, .. } => {
                cx.note(Note::Marker {
                    node: self.node,
                    partition,
                    producer_id: producer.id,
                    producer_epoch: producer.epoch,
                    commit: marker.commit,
                });
                self.after_append(cx, partition, entry, end, rolled);
                Ok(end)
            }
            AppendOutcome::Duplicate { end, .. } => Ok(end),
            AppendOutcome::Refused { error, .. } => Err(error),
        }
    }

    /// A marker that was appended is replicated, or this broker leads its partition no longer.
    pub(super) fn marker_settled(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        key: Key,
        slot: u32,
        error: ErrorCode,
    ) {
        let Some(writing) = self.markers.writing.get_mut(key) else { return };
        writing.results[slot as usize].1 = error;
        if error == ErrorCode::None {
            let (producer_id, commit) = writing.marker_of(slot as usize);
            self.coordinators.marker(cx, partition, producer_id, commit);
        }
        self.close_writing(cx, key);
    }

    fn close_writing(&mut self, cx: &mut Context<'_>, key: Key) {
        let Some(writing) = self.markers.writing.get_mut(key) else { return };
        writing.open -= 1;
        if writing.open > 0 {
            return;
        }
        let writing = self.markers.writing.remove(key).expect("found above");
        let mut results = writing.results.into_iter();
        let markers = writing
            .markers
            .iter()
            .map(|&(producer, _, count)| (producer, results.by_ref().take(count).collect()))
            .collect();
        let response = Response::WriteTxnMarkers(WriteTxnMarkersResponse { markers });
        self.answer(cx, writing.token, response);
    }
}

impl Writing {
    fn marker_of(&self, slot: usize) -> (ProducerId, bool) {
        let mut first = 0;
        for &(producer, commit, count) in &self.markers {
            first += count;
            if slot < first {
                return (producer, commit);
            }
        }
        panic!("every slot belongs to a marker")
    }
}

/// Whether a marker is sent again. Source: Kafka, `TransactionMarkerRequestCompletionHandler`.
fn is_retriable(error: ErrorCode) -> bool {
    !matches!(
        error,
        ErrorCode::None
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::TransactionCoordinatorFenced
            // What Kafka's coordinator takes for impossible: it gives up, and the transaction
            // stays as it is.
            | ErrorCode::CorruptMessage
            | ErrorCode::MessageTooLarge
            | ErrorCode::RecordListTooLarge
    )
}
