//! The broker of these stories: the model's group coordinator, logs without end.

use broker_model::coordinator::{Effect, Effects};
use broker_model::group::GroupCoordinator;
use broker_model::io::{Context, Token};
use broker_model::metadata::Image;
use broker_model::note::Note;
use broker_model::protocol::coordinator::FindCoordinatorResponse;
use broker_model::protocol::fetch::{
    EpochEnd, FetchRequest, FetchResponse, ListOffsetsResponse, ListedOffset,
    OffsetForLeaderEpochResponse,
};
use broker_model::protocol::metadata::{MetadataResponse, PartitionMetadata, TopicMetadata};
use broker_model::protocol::{ErrorCode, Header, Request, Response};
use broker_model::records::LogEntry;
use broker_model::types::{
    CoordinatorEpoch, LeaderEpoch, MILLISECOND, NodeId, Offset, PartitionId, Timestamp, TopicId,
};

use super::{Happening, PARTITIONS, SHARD, World};
use crate::client::Correlation;
use crate::client::consumer::tests::fetched;

impl World {
    pub(super) fn coordinate(
        &mut self,
        f: impl FnOnce(&mut GroupCoordinator, &mut Context<'_>, &mut Effects),
    ) {
        let (mut outputs, mut notes): (Vec<_>, Vec<Note>) = (vec![], vec![]);
        let mut effects = Effects::new();
        let mut cx = Context {
            now: self.clock(),
            batches: &mut self.bench.batches,
            names: &self.bench.names,
            records: &self.bench.records,
            rules: &self.bench.rules,
            outputs: &mut outputs,
            notes: &mut notes,
        };
        f(&mut self.coordinator, &mut cx, &mut effects);
        for effect in effects {
            match effect {
                Effect::Reply { token, response } => {
                    let Some((to, correlation)) = self.tokens.remove(&token) else { continue };
                    let delay = self.delay();
                    self.plan(delay, Happening::Response { to, correlation, response });
                }
                Effect::Append { batch, waiter, .. } => {
                    let count = i64::from(self.bench.batches.get(batch).count);
                    let base_offset = Offset(self.log.len() as i64 * 1_000 + count);
                    let leader_epoch = LeaderEpoch(0);
                    self.log.push(LogEntry { base_offset, batch, leader_epoch });
                    self.plan(5 * MILLISECOND, Happening::Replicated(waiter));
                }
                Effect::Markers { .. } => panic!("there are no transactions here"),
            }
        }
    }

    pub(super) fn restart_coordinator(&mut self) {
        self.coordinator_epoch += 1;
        let epoch = CoordinatorEpoch(self.coordinator_epoch);
        let log = self.log.clone();
        self.coordinate(|coordinator, cx, effects| {
            coordinator.load(cx, effects, SHARD, epoch, &log);
        });
    }

    pub(super) fn request(
        &mut self,
        from: usize,
        correlation: Correlation,
        version: i16,
        request: Request,
    ) {
        let mut wait = self.delay();
        let response = match request {
            Request::Metadata(_) => metadata(),
            Request::FindCoordinator(_) => Response::FindCoordinator(FindCoordinatorResponse {
                error: ErrorCode::None,
                node: Some(NodeId(0)),
            }),
            Request::ListOffsets(r) => {
                let listed = r.partitions.iter().map(|p| ListedOffset {
                    partition: p.partition,
                    error: ErrorCode::None,
                    offset: Offset(0),
                    leader_epoch: None,
                    timestamp: Timestamp::NONE,
                });
                Response::ListOffsets(ListOffsetsResponse { partitions: listed.collect() })
            }
            Request::OffsetForLeaderEpoch(r) => {
                let end = |epoch| Some(EpochEnd { epoch, end_offset: Offset(i64::MAX / 2) });
                let partitions =
                    r.partitions.iter().map(|&(p, _, e)| (p, ErrorCode::None, end(e))).collect();
                Response::OffsetForLeaderEpoch(OffsetForLeaderEpochResponse { partitions })
            }
            Request::Fetch(r) => {
                wait = 200 * MILLISECOND;
                Response::Fetch(self.fetch(&r))
            }
            request => {
                self.next_token += 1;
                let token = Token(self.next_token);
                self.tokens.insert(token, (from, correlation));
                let client = u32::try_from(from).expect("few");
                let header = Header { api_version: version, client };
                self.coordinate(|coordinator, cx, effects| {
                    let call = (token, header, request);
                    coordinator.handle(cx, effects, &Image::new(), SHARD, call);
                });
                return;
            }
        };
        self.plan(wait, Happening::Response { to: from, correlation, response });
    }

    /// Endless logs of three records a batch, without sessions.
    fn fetch(&mut self, r: &FetchRequest) -> FetchResponse {
        let mut response = FetchResponse::default();
        for p in &r.partitions {
            if self.draws.chance(1, 3) {
                continue;
            }
            let base_offset = p.fetch_offset;
            let mut data = fetched(p.partition.0, ErrorCode::None, base_offset + 3);
            let at = u32::try_from(response.entries.len()).expect("few");
            let leader_epoch = LeaderEpoch(0);
            response.entries.push(LogEntry { base_offset, batch: self.batch, leader_epoch });
            data.entries = at..at + 1;
            response.partitions.push(data);
        }
        response
    }
}

fn metadata() -> Response {
    let error = ErrorCode::None;
    let topic = TopicMetadata { error, name: "t".into(), id: TopicId(0), internal: false };
    let partition = |i| PartitionMetadata {
        topic: TopicId(0),
        index: i,
        partition: PartitionId(i),
        error,
        leader: Some(NodeId(0)),
        leader_epoch: LeaderEpoch(0),
        replicas: vec![NodeId(0)],
        isr: vec![NodeId(0)],
        offline: vec![],
    };
    let brokers = vec![NodeId(0)];
    let partitions = (0..PARTITIONS).map(partition).collect();
    Response::Metadata(MetadataResponse { brokers, topics: vec![topic], partitions }.into())
}
