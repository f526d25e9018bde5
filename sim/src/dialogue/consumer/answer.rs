//! Answers, as `respond` words them.

use std::sync::Arc;

use broker_model::protocol::coordinator::FindCoordinatorResponse;
use broker_model::protocol::fetch::{
    AbortedTransaction, EpochEnd, FetchResponse, FetchedPartition, ListOffsetsResponse,
    ListedOffset, OffsetForLeaderEpochResponse,
};
use broker_model::protocol::group::{
    CommittedOffset, HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, MemberProtocol,
    Metadata, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, ProtocolType,
    Subscription, SyncGroupRequest, SyncGroupResponse,
};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::{Batches, LogEntry, NewBatch};
use broker_model::types::{
    CoordinatorEpoch, GenerationId, Instant, LeaderEpoch, MemberId, NodeId, Offset, PartitionId,
    ProducerEpoch, ProducerId, Timestamp, TopicId,
};

use super::setup::{Cluster, node_id, number};
use crate::dialogue::DialogueErrorKind;
use crate::dialogue::bounds::{self, RECORDS_MAX, at_most};
use crate::records::{Key, Lane, RecordTable};

/// What an answer is made of.
pub(super) struct Maker<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) batches: &'a mut Batches,
    pub(super) records: &'a mut RecordTable,
}

type Made<T> = Result<T, DialogueErrorKind>;

fn error_named(word: &str) -> Option<ErrorCode> {
    ErrorCode::ALL.iter().copied().find(|e| e.name() == word)
}

/// The value of `key=value` among the words.
fn value<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|w| w.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v))
}

fn offset_at(word: &str) -> Made<Offset> {
    number(word).and_then(bounds::offset).map(Offset)
}

fn member_named(word: &str) -> Made<MemberId> {
    word.strip_prefix('m').ok_or(DialogueErrorKind::BadArgument).and_then(number).map(MemberId)
}

impl Maker<'_> {
    /// The answer to a request.
    pub(super) fn answer(&mut self, request: &Request, words: &[&str]) -> Made<Response> {
        let error = words.iter().find_map(|w| error_named(w)).unwrap_or(ErrorCode::None);
        Ok(match request {
            Request::Metadata(_) => Response::Metadata(self.cluster.metadata().into()),
            Request::FindCoordinator(_) => {
                let node = (error == ErrorCode::None).then_some(NodeId(0));
                Response::FindCoordinator(FindCoordinatorResponse { error, node })
            }
            Request::Fetch(_) => Response::Fetch(self.fetch(error, words)?),
            Request::ListOffsets(r) => {
                let offset = value(words, "offset").map_or(Ok(Offset::NONE), offset_at)?;
                let listed = |partition| ListedOffset {
                    partition,
                    error,
                    offset,
                    leader_epoch: None,
                    timestamp: Timestamp::NONE,
                };
                let partitions = r.partitions.iter().map(|p| listed(p.partition)).collect();
                Response::ListOffsets(ListOffsetsResponse { partitions })
            }
            Request::OffsetForLeaderEpoch(r) => {
                let epoch = value(words, "leader-epoch").map_or(Ok(-1), number)?;
                let offset = value(words, "offset").map_or(Ok(Offset::NONE), offset_at)?;
                let end = EpochEnd { epoch: LeaderEpoch(epoch), end_offset: offset };
                let end = (offset.0 >= 0).then_some(end);
                let partitions = r.partitions.iter().map(|&(p, _, _)| (p, error, end)).collect();
                Response::OffsetForLeaderEpoch(OffsetForLeaderEpochResponse { partitions })
            }
            Request::JoinGroup(r) => Response::JoinGroup(join(error, words, r.protocols.first())?),
            Request::SyncGroup(r) => Response::SyncGroup(self.sync(error, words, r)?),
            Request::Heartbeat(_) => Response::Heartbeat(HeartbeatResponse { error }),
            Request::LeaveGroup(_) => {
                Response::LeaveGroup(LeaveGroupResponse { error, members: vec![] })
            }
            Request::OffsetCommit(r) => {
                let partitions = r.offsets.iter().map(|o| (o.partition, error)).collect();
                Response::OffsetCommit(OffsetCommitResponse { partitions })
            }
            Request::OffsetFetch(r) => Response::OffsetFetch(self.offset_fetch(error, words, r)?),
            _ => return Err(DialogueErrorKind::NotModelled),
        })
    }

    fn sync(
        &self,
        error: ErrorCode,
        words: &[&str],
        r: &SyncGroupRequest,
    ) -> Made<SyncGroupResponse> {
        let assignment = match value(words, "assign") {
            Some(list) => {
                list.split(',').map(|p| self.cluster.partition(p)).collect::<Made<Vec<_>>>()?.into()
            }
            None => {
                let mine = r.assignments.iter().find(|(m, _)| *m == r.member);
                mine.map(|(_, p)| p.clone()).unwrap_or_default()
            }
        };
        Ok(SyncGroupResponse { error, protocol_type: None, protocol: None, assignment })
    }

    /// `t-0@3` or `t-0=ERROR`, -1 for all others.
    fn offset_fetch(
        &self,
        error: ErrorCode,
        words: &[&str],
        r: &OffsetFetchRequest,
    ) -> Made<OffsetFetchResponse> {
        let mut partitions = Vec::new();
        for &partition in r.partitions.iter().flatten() {
            let name = self.cluster.name(partition);
            let said = words.iter().find_map(|w| w.strip_prefix(name.as_str()));
            let (error, offset) = match said {
                Some(said) if said.starts_with('=') => {
                    let error = error_named(&said[1..]).ok_or(DialogueErrorKind::BadArgument)?;
                    (error, Offset::NONE)
                }
                Some(said) => (ErrorCode::None, offset_at(said.trim_start_matches('@'))?),
                None => (ErrorCode::None, Offset::NONE),
            };
            partitions.push((error, CommittedOffset::new(partition, offset, None)));
        }
        Ok(OffsetFetchResponse { error, partitions })
    }

    /// `session=77 t-0=0x5@5 t-1=empty@0 t-2=ERROR aborted=7@0 leader=1 leader-epoch=6`.
    fn fetch(&mut self, error: ErrorCode, words: &[&str]) -> Made<FetchResponse> {
        let session_id = value(words, "session").map_or(Ok(0), number)?;
        let mut response = FetchResponse { error, session_id, ..FetchResponse::default() };
        let leader = match (value(words, "leader"), value(words, "leader-epoch")) {
            (Some(node), Some(epoch)) => {
                Some((NodeId(node_id(node)?), LeaderEpoch(number(epoch)?)))
            }
            _ => None,
        };
        let epoch = LeaderEpoch(value(words, "batch-epoch").map_or(Ok(0), number)?);
        for word in words {
            let Some((name, said)) = word.split_once('=') else { continue };
            let Ok(partition) = self.cluster.partition(name) else { continue };
            let mut fetched = empty(partition);
            if let Some(error) = error_named(said) {
                fetched.error = error;
                fetched.current_leader = leader;
            } else {
                self.data(said, epoch, &mut fetched, &mut response.entries)?;
                if let Some(list) = value(words, "aborted") {
                    fetched.aborted = aborted(list)?;
                }
            }
            response.partitions.push(fetched);
        }
        Ok(response)
    }

    /// `0x2:7+2a:7+3x1@4/4`: batches, then high watermark and last stable offset.
    fn data(
        &mut self,
        said: &str,
        leader_epoch: LeaderEpoch,
        fetched: &mut FetchedPartition,
        entries: &mut Vec<LogEntry>,
    ) -> Made<()> {
        let (batches, ends) = said.split_once('@').ok_or(DialogueErrorKind::BadArgument)?;
        let (high, stable) = ends.split_once('/').unwrap_or((ends, ends));
        fetched.high_watermark = offset_at(high)?;
        fetched.last_stable_offset = offset_at(stable)?;
        let start = entries.len();
        if batches != "empty" {
            for item in batches.split('+') {
                let (base_offset, batch) = self.batch(item)?;
                entries.push(LogEntry { base_offset, batch, leader_epoch });
            }
        }
        let at = |n: usize| u32::try_from(n).expect("few batches");
        fetched.entries = at(start)..at(entries.len());
        Ok(())
    }

    /// `2x3:7`: three records from offset 2 of producer 7; `2c:7`, `2a:7`: a marker.
    fn batch(&mut self, item: &str) -> Made<(Offset, broker_model::types::BatchId)> {
        let (what, producer) = item.split_once(':').map_or((item, None), |(w, p)| (w, Some(p)));
        let producer = producer.map_or(Ok(-1), number)?;
        let (id, epoch, time) = (ProducerId(producer), ProducerEpoch(0), Timestamp(0));
        let split =
            what.find(|c: char| !c.is_ascii_digit()).ok_or(DialogueErrorKind::BadArgument)?;
        let base = offset_at(&what[..split])?;
        let batch = match &what[split..] {
            "c" => self.batches.push_marker(id, epoch, true, CoordinatorEpoch(0), time),
            "a" => self.batches.push_marker(id, epoch, false, CoordinatorEpoch(0), time),
            records => {
                let count: u32 = number(records.trim_start_matches('x'))?;
                if count == 0 {
                    return Err(DialogueErrorKind::BadArgument);
                }
                let all = self.records.ids() + u64::from(count);
                at_most("records", all, RECORDS_MAX)?;
                let entity = self.records.push_entity(Lane::ANY, Instant(0), Key::new(0));
                let ids: Vec<_> =
                    (0..count).map(|_| self.records.push(Lane::ANY, entity, 10)).collect();
                let new = NewBatch {
                    producer_id: id,
                    producer_epoch: epoch,
                    base_sequence: if producer < 0 { -1 } else { 0 },
                    transactional: producer >= 0,
                    max_timestamp: time,
                    bytes: 100,
                };
                self.batches.push_records(new, &ids)
            }
        };
        Ok((base, batch))
    }
}

fn empty(partition: PartitionId) -> FetchedPartition {
    FetchedPartition {
        partition,
        error: ErrorCode::None,
        high_watermark: Offset::NONE,
        last_stable_offset: Offset::NONE,
        log_start_offset: Offset::NONE,
        diverging: None,
        preferred_read_replica: None,
        current_leader: None,
        aborted: vec![],
        cut_bytes: 0,
        entries: 0..0,
    }
}

/// `7@0,8@3`: producers and first offsets.
fn aborted(list: &str) -> Made<Vec<AbortedTransaction>> {
    let one = |item: &str| {
        let (producer, first) = item.split_once('@').ok_or(DialogueErrorKind::BadArgument)?;
        Ok(AbortedTransaction {
            producer_id: ProducerId(number(producer)?),
            first_offset: offset_at(first)?,
        })
    };
    list.split(',').map(one).collect()
}

/// `gen=1 member=m1 leader=m1 members=m2:t`.
fn join(
    error: ErrorCode,
    words: &[&str],
    protocol: Option<&MemberProtocol>,
) -> Made<JoinGroupResponse> {
    let generation = GenerationId(value(words, "gen").map_or(Ok(-1), number)?);
    let member = value(words, "member").map_or(Ok(MemberId(0)), member_named)?;
    let leader = value(words, "leader").map_or(Ok(MemberId(u64::MAX)), member_named)?;
    let mut members = vec![];
    if leader == member && error == ErrorCode::None {
        members.extend(protocol.map(|p| (member, None, p.metadata.clone())));
        for other in value(words, "members").into_iter().flat_map(|list| list.split(',')) {
            let id = other.split(':').next().unwrap_or(other);
            let subscription = Subscription {
                topics: vec![TopicId(0)],
                owned: vec![],
                generation: GenerationId(-1),
            };
            let metadata = Metadata::Consumer(Arc::new(subscription));
            members.push((member_named(id)?, None, metadata));
        }
    }
    Ok(JoinGroupResponse {
        error,
        generation,
        protocol_type: Some(ProtocolType::Consumer),
        protocol: protocol.map(|p| p.name),
        leader,
        member,
        skip_assignment: false,
        members,
    })
}
