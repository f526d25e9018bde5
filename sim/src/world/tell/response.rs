//! Responses in words. An error that is `NONE` is not told.

use broker_model::protocol::fetch::{FetchResponse, FetchedPartition};
use broker_model::protocol::produce::ProducedPartition;
use broker_model::protocol::quorum::SnapshotId;
use broker_model::protocol::{ErrorCode, Response};

use super::words::{Words, counted, current_leader, error, leader, list, member, nodes, producer};

impl Words<'_> {
    /// A response with its essentials.
    pub(super) fn response(&self, response: &Response) -> String {
        let name = response.api_key().name();
        let what = match response {
            Response::Produce(r) => list(r.partitions.iter().map(|p| self.produced(p))),
            Response::Fetch(r) => self.fetched(r),
            Response::ListOffsets(r) => list(r.partitions.iter().map(|p| {
                format!("{} at {}{}", self.partition(p.partition), p.offset, error(p.error))
            })),
            Response::OffsetForLeaderEpoch(r) => {
                list(r.partitions.iter().map(|(id, code, end)| {
                    let end = end.map_or_else(String::new, |end| {
                        format!(" epoch {} ends at {}", end.epoch, end.end_offset)
                    });
                    format!("{}{end}{}", self.partition(*id), error(*code))
                }))
            }
            Response::DeleteRecords(r) => {
                format!("starts at {}{}", r.low_watermark, error(r.error))
            }
            Response::Metadata(r) => format!(
                "{}, {}, {}",
                counted(r.brokers.len(), "broker"),
                list(r.topics.iter().map(|t| format!("{}{}", t.name, error(t.error)))),
                counted(r.partitions.len(), "partition")
            ),
            Response::FindCoordinator(r) => format!("{}{}", leader(r.node), error(r.error)),
            Response::JoinGroup(_)
            | Response::SyncGroup(_)
            | Response::Heartbeat(_)
            | Response::ConsumerGroupHeartbeat(_)
            | Response::LeaveGroup(_)
            | Response::OffsetCommit(_)
            | Response::OffsetFetch(_)
            | Response::DescribeGroups(_)
            | Response::ListGroups(_)
            | Response::DeleteGroups(_)
            | Response::OffsetDelete(_) => self.group_response(response),
            Response::InitProducerId(_)
            | Response::AddPartitionsToTxn(_)
            | Response::AddOffsetsToTxn(_)
            | Response::TxnOffsetCommit(_)
            | Response::EndTxn(_)
            | Response::WriteTxnMarkers(_)
            | Response::DescribeProducers(_)
            | Response::DescribeTransactions(_) => self.transaction_response(response),
            _ => self.controller_response(response),
        };
        format!("{name} {}", what.trim_start())
    }

    fn produced(&self, p: &ProducedPartition) -> String {
        let partition = self.partition(p.partition);
        if p.base_offset.0 >= 0 {
            format!("{partition} at {}{}", p.base_offset, error(p.error))
        } else {
            format!("{partition}{}{}", error(p.error), current_leader(p.current_leader))
        }
    }

    fn fetched(&self, r: &FetchResponse) -> String {
        let news = if r.partitions.is_empty() && r.error.name() == "NONE" {
            "no news".to_owned()
        } else {
            list(r.partitions.iter().map(|p| self.fetched_partition(r, p)))
        };
        format!("session {}: {news}{}", r.session_id, error(r.error))
    }

    fn fetched_partition(&self, r: &FetchResponse, p: &FetchedPartition) -> String {
        let mut text = self.partition(p.partition);
        let entries = &r.entries[p.entries.start as usize..p.entries.end as usize];
        match (entries.first(), entries.last()) {
            (Some(first), Some(last)) => {
                let end = last.base_offset + i64::from(self.batches.get(last.batch).count);
                text += &format!(" [{}, {end}) epoch {}", first.base_offset, last.leader_epoch);
            }
            _ => text += " nothing",
        }
        text += &format!(", high watermark {}", p.high_watermark);
        if let Some(end) = p.diverging {
            text += &format!(", diverges: epoch {} ends at {}", end.epoch, end.end_offset);
        }
        text + &error(p.error) + &current_leader(p.current_leader)
    }

    fn group_response(&self, response: &Response) -> String {
        match response {
            Response::JoinGroup(r) if r.members.is_empty() => {
                format!("{} in generation {}{}", member(r.member), r.generation, error(r.error))
            }
            Response::JoinGroup(r) => format!(
                "{} leads generation {} of {}{}",
                member(r.member),
                r.generation,
                counted(r.members.len(), "member"),
                error(r.error)
            ),
            Response::SyncGroup(r) => {
                format!("{}{}", self.partitions(r.assignment.partitions()), error(r.error))
            }
            Response::Heartbeat(r) => r.error.name().to_owned(),
            Response::ConsumerGroupHeartbeat(r) if r.error != ErrorCode::None => {
                r.error.name().to_owned()
            }
            Response::ConsumerGroupHeartbeat(r) => match &r.assignment {
                None => format!("epoch {}", r.epoch),
                Some(assigned) if assigned.is_empty() => {
                    format!("epoch {}, shall own nothing", r.epoch)
                }
                Some(assigned) => {
                    format!("epoch {}, shall own {}", r.epoch, self.partitions(assigned))
                }
            },
            Response::LeaveGroup(r) => r.error.name().to_owned(),
            Response::OffsetCommit(r) => self.errors(&r.partitions),
            Response::OffsetFetch(r) => {
                let partitions = r.partitions.iter().map(|(code, o)| {
                    format!("{} at {}{}", self.partition(o.partition), o.offset, error(*code))
                });
                format!("{}{}", list(partitions), error(r.error))
            }
            Response::DescribeGroups(r) => {
                format!("{} with {}{}", r.state, counted(r.members.len(), "member"), error(r.error))
            }
            Response::ListGroups(r) => list(r.groups.iter().map(|g| self.group(g.group))),
            Response::DeleteGroups(r) => r.error.name().to_owned(),
            Response::OffsetDelete(r) => {
                format!("{}{}", self.errors(&r.partitions), error(r.error))
            }
            _ => String::new(),
        }
    }

    fn transaction_response(&self, response: &Response) -> String {
        match response {
            Response::InitProducerId(r) => format!("{}{}", producer(r.producer), error(r.error)),
            Response::AddPartitionsToTxn(r) => match r.results.as_slice() {
                [one] => self.errors(&one.partitions),
                several => list(several.iter().map(|t| {
                    let id = self.transaction(t.transactional_id);
                    format!("{id} on {}", self.errors(&t.partitions))
                })),
            },
            Response::AddOffsetsToTxn(r) => r.error.name().to_owned(),
            Response::TxnOffsetCommit(r) => self.errors(&r.partitions),
            Response::EndTxn(r) => format!("next {}{}", producer(r.producer), error(r.error)),
            Response::WriteTxnMarkers(r) => {
                list(r.markers.iter().map(|(id, partitions)| {
                    format!("producer {id} on {}", self.errors(partitions))
                }))
            }
            Response::DescribeProducers(r) => {
                format!("{}{}", counted(r.producers.len(), "producer"), error(r.error))
            }
            Response::DescribeTransactions(r) => {
                format!("{} {}{}", r.state, producer(r.producer), error(r.error))
            }
            _ => String::new(),
        }
    }

    fn controller_response(&self, response: &Response) -> String {
        match response {
            Response::BrokerRegistration(r) => {
                format!("broker epoch {}{}", r.broker_epoch, error(r.error))
            }
            Response::BrokerHeartbeat(r) => {
                let fenced = if r.fenced { "fenced" } else { "unfenced" };
                let stop = if r.may_shut_down { ", may shut down" } else { "" };
                format!("{fenced}{stop}{}", error(r.error))
            }
            Response::AlterPartition(r) => {
                let partitions = list(r.partitions.iter().map(|p| {
                    format!(
                        "{}: {} leads in epoch {}, ISR {}, partition epoch {}{}",
                        self.partition(p.partition),
                        leader(p.leader),
                        p.leader_epoch,
                        nodes(&p.isr),
                        p.partition_epoch,
                        error(p.error)
                    )
                }));
                format!("{partitions}{}", error(r.error))
            }
            Response::FetchMetadata(r) => {
                let records = counted(r.records.len(), "record");
                let snapshot = begin_with(r.snapshot.as_deref());
                format!("{records} from {}{snapshot}{}", r.from, error(r.error))
            }
            Response::Vote(r) => {
                let verdict = if r.granted { "granted" } else { "refused" };
                format!("{verdict}, epoch {}{}", r.known.epoch, error(r.error))
            }
            Response::BeginQuorumEpoch(r) => format!("epoch {}{}", r.known.epoch, error(r.error)),
            Response::EndQuorumEpoch(r) => format!("epoch {}{}", r.known.epoch, error(r.error)),
            Response::FetchQuorum(r) => {
                let snapshot = begin_with(r.snapshot.as_deref());
                format!(
                    "{} from {}, committed up to {}{snapshot}{}",
                    counted(r.records.len(), "record"),
                    r.from,
                    r.high_watermark,
                    error(r.error)
                )
            }
            Response::FetchSnapshot(r) => match &r.piece {
                Some(p) => format!("{} of {} bytes from {}", p.bytes, p.size, p.position),
                None => r.error.name().to_owned(),
            },
            Response::AllocateProducerIds(r) => {
                format!("{} from {}{}", counted(r.count, "id"), r.first, error(r.error))
            }
            Response::AssignReplicasToDirs(r) => r.error.name().to_owned(),
            Response::CreateTopics(r) => format!("{}{}", self.topic(r.topic), error(r.error)),
            Response::ElectLeaders(r) => r.error.name().to_owned(),
            Response::DeleteTopics(r) => r.error.name().to_owned(),
            Response::CreatePartitions(r) => r.error.name().to_owned(),
            Response::IncrementalAlterConfigs(r) => r.error.name().to_owned(),
            _ => String::new(),
        }
    }
}

/// The snapshot that is to be fetched instead.
fn begin_with(snapshot: Option<&SnapshotId>) -> String {
    snapshot.map_or_else(String::new, |snapshot| {
        format!(", to begin with the snapshot of what is before {}", snapshot.end)
    })
}
