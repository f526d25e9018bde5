//! Requests in words.

use broker_model::protocol::Request;
use broker_model::protocol::controller::{ConfigResource, ElectionType};
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::fetch::{FetchRequest, Isolation, OffsetSpec};
use broker_model::protocol::group::CommittedOffset;
use broker_model::protocol::produce::{Acks, ProduceRequest};

use super::words::{Words, counted, list, member, nodes, producer};

impl Words<'_> {
    /// A request with its essentials.
    pub(super) fn request(&self, request: &Request) -> String {
        let name = request.api_key().name();
        let what = match request {
            Request::Produce(r) => self.produce(r),
            Request::Fetch(r) => self.fetch(r),
            Request::ListOffsets(r) => list(r.partitions.iter().map(|p| {
                let spec = match p.spec {
                    OffsetSpec::Latest => "latest".to_owned(),
                    OffsetSpec::Earliest => "earliest".to_owned(),
                    OffsetSpec::MaxTimestamp => "max-timestamp".to_owned(),
                    OffsetSpec::LocalEarliest => "local-earliest".to_owned(),
                    OffsetSpec::Timestamp(at) => format!("timestamp {}", at.0),
                };
                format!("{} {spec}", self.partition(p.partition))
            })),
            Request::OffsetForLeaderEpoch(r) => list(
                r.partitions
                    .iter()
                    .map(|(id, _, epoch)| format!("{} epoch {epoch}", self.partition(*id))),
            ),
            Request::DeleteRecords(r) => {
                format!("{} before {}", self.partition(r.partition), r.before)
            }
            Request::Metadata(r) => match &r.topics {
                None => "all topics".to_owned(),
                Some(topics) => list(topics.iter().cloned()),
            },
            Request::FindCoordinator(r) => match r.key {
                CoordinatorKey::Group(id) => self.group(id),
                CoordinatorKey::Transaction(id) => self.transaction(id),
            },
            Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::ConsumerGroupHeartbeat(_)
            | Request::LeaveGroup(_)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(_)
            | Request::DescribeGroups(_)
            | Request::DeleteGroups(_)
            | Request::OffsetDelete(_) => self.group_request(request),
            Request::ListGroups(r) => list(r.states.iter().cloned()),
            Request::InitProducerId(_)
            | Request::AddPartitionsToTxn(_)
            | Request::AddOffsetsToTxn(_)
            | Request::TxnOffsetCommit(_)
            | Request::EndTxn(_)
            | Request::WriteTxnMarkers(_)
            | Request::DescribeTransactions(_) => self.transaction_request(request),
            Request::DescribeProducers(r) => self.partition(r.partition),
            _ => self.controller_request(request),
        };
        format!("{name} {what}")
    }

    fn produce(&self, r: &ProduceRequest) -> String {
        let acks = match r.acks {
            Acks::None => "0",
            Acks::Leader => "1",
            Acks::All => "all",
        };
        let partitions = r
            .partitions
            .iter()
            .map(|p| format!("{} ({})", self.partition(p.partition), self.batch(p.batch)));
        let mut text = format!("acks={acks} {}", list(partitions));
        if let Some(id) = r.transactional_id {
            text += &format!(" of {}", self.transaction(id));
        }
        text
    }

    fn fetch(&self, r: &FetchRequest) -> String {
        let who = match (r.replica, r.isolation) {
            (Some(replica), _) => format!("as replica {}", replica.id),
            (None, Isolation::ReadCommitted) => "read_committed".to_owned(),
            (None, Isolation::ReadUncommitted) => "read_uncommitted".to_owned(),
        };
        let partitions = r.partitions.iter().map(|p| {
            let epoch = p.current_leader_epoch;
            let epoch = epoch.map_or_else(String::new, |epoch| format!(" epoch {epoch}"));
            format!("{} from {}{epoch}", self.partition(p.partition), p.fetch_offset)
        });
        let news = if r.partitions.is_empty() { "no news".to_owned() } else { list(partitions) };
        let forgotten = match &r.forgotten[..] {
            [] => String::new(),
            ids => format!(", forgets {}", self.partitions(ids)),
        };
        format!("{who}, session {}/{}: {news}{forgotten}", r.session_id, r.session_epoch)
    }

    pub(super) fn offsets(&self, offsets: &[CommittedOffset]) -> String {
        list(offsets.iter().map(|o| format!("{} at {}", self.partition(o.partition), o.offset)))
    }

    fn group_request(&self, request: &Request) -> String {
        match request {
            Request::JoinGroup(r) => {
                let topics = r.subscription().map_or(&[][..], |s| &s.topics);
                let topics = list(topics.iter().map(|&id| self.topic(id)));
                format!("{} as {}, wants {topics}", self.group(r.group), member(r.member))
            }
            Request::SyncGroup(r) => {
                let assigns = match &r.assignments[..] {
                    [] => String::new(),
                    members => format!(", assigns {}", counted(members.len(), "member")),
                };
                let group = self.group(r.group);
                format!("{group} generation {}, {}{assigns}", r.generation, member(r.member))
            }
            Request::Heartbeat(r) => {
                let group = self.group(r.group);
                format!("{group} generation {}, {}", r.generation, member(r.member))
            }
            Request::ConsumerGroupHeartbeat(r) => {
                let owns = match &r.owned {
                    None => String::new(),
                    Some(owned) if owned.is_empty() => ", owns nothing".to_owned(),
                    Some(owned) => format!(", owns {}", self.partitions(owned)),
                };
                let rack =
                    r.rack.as_ref().map_or_else(String::new, |name| format!(", rack {name}"));
                let (group, who) = (self.group(r.group), member(r.member));
                format!("{group} epoch {}, {who}{rack}{owns}", r.epoch)
            }
            Request::LeaveGroup(r) => {
                let members = list(r.members.iter().map(|m| member(m.member)));
                format!("{}, {members}", self.group(r.group))
            }
            Request::OffsetCommit(r) => {
                let (group, offsets) = (self.group(r.group), self.offsets(&r.offsets));
                format!("{group} generation {}, {}: {offsets}", r.generation, member(r.member))
            }
            Request::OffsetFetch(r) => {
                let which = match &r.partitions {
                    None => "all".to_owned(),
                    Some(ids) => self.partitions(ids),
                };
                let stable = if r.require_stable { ", stable" } else { "" };
                format!("{}: {which}{stable}", self.group(r.group))
            }
            Request::DescribeGroups(r) => self.group(r.group),
            Request::DeleteGroups(r) => self.group(r.group),
            Request::OffsetDelete(r) => {
                let partitions = r.partitions.iter().map(|&(_, id)| self.partition(id));
                format!("{}: {}", self.group(r.group), list(partitions))
            }
            _ => String::new(),
        }
    }

    fn transaction_request(&self, request: &Request) -> String {
        match request {
            Request::InitProducerId(r) => {
                let whose = r.transactional_id.map(|id| self.transaction(id));
                let known = if r.producer.id.is_some() {
                    format!(", {}", producer(r.producer))
                } else {
                    String::new()
                };
                format!("{}{known}", whose.unwrap_or_else(|| "idempotent".to_owned()))
            }
            Request::AddPartitionsToTxn(r) => list(r.transactions.iter().map(|t| {
                let verify = if t.verify_only { "verifies " } else { "" };
                let (id, partitions) =
                    (self.transaction(t.transactional_id), self.partitions(&t.partitions));
                format!("{id}, {}: {verify}{partitions}", producer(t.producer))
            })),
            Request::AddOffsetsToTxn(r) => {
                let id = self.transaction(r.transactional_id);
                format!("{id}, {}: {}", producer(r.producer), self.group(r.group))
            }
            Request::TxnOffsetCommit(r) => {
                let id = self.transaction(r.transactional_id);
                let (group, offsets) = (self.group(r.group), self.offsets(&r.offsets));
                format!(
                    "{id}, {}: {group} generation {}, {offsets}",
                    producer(r.producer),
                    r.generation
                )
            }
            Request::EndTxn(r) => {
                let end = if r.commit { "commit" } else { "abort" };
                format!("{end} {}, {}", self.transaction(r.transactional_id), producer(r.producer))
            }
            Request::WriteTxnMarkers(r) => list(r.markers.iter().map(|marker| {
                let end = if marker.commit { "commit" } else { "abort" };
                let partitions = self.partitions(&marker.partitions);
                format!("{end} {} on {partitions}", producer(marker.producer))
            })),
            Request::DescribeTransactions(r) => self.transaction(r.transactional_id),
            _ => String::new(),
        }
    }

    fn controller_request(&self, request: &Request) -> String {
        match request {
            Request::BrokerRegistration(r) => {
                format!("of broker {}, incarnation {}", r.broker, r.incarnation)
            }
            Request::BrokerHeartbeat(r) => {
                let wish = match (r.want_fence, r.want_shutdown) {
                    (_, true) => ", wants to shut down",
                    (true, false) => ", wants to stay fenced",
                    (false, false) => "",
                };
                format!(
                    "of broker {} epoch {}, metadata up to {}{wish}",
                    r.broker, r.broker_epoch, r.metadata_offset
                )
            }
            Request::AlterPartition(r) => list(r.partitions.iter().map(|p| {
                let isr: Vec<_> = p.isr.iter().map(|&(node, _)| node).collect();
                format!(
                    "{} epoch {} partition epoch {}: ISR {}",
                    self.partition(p.partition),
                    p.leader_epoch,
                    p.partition_epoch,
                    nodes(&isr)
                )
            })),
            Request::FetchMetadata(r) => format!("of broker {} from {}", r.broker, r.from),
            Request::AssignReplicasToDirs(r) => {
                format!("of broker {}: {} replicas", r.broker, r.assignments.len())
            }
            Request::AllocateProducerIds(r) => format!("of broker {}", r.broker),
            Request::Vote(r) => {
                let kind = if r.pre_vote { "pre-vote" } else { "vote" };
                let (epoch, candidate) = (r.epoch, r.candidate.node);
                format!("{kind} for {candidate} in epoch {epoch}, log up to {}", r.end)
            }
            Request::BeginQuorumEpoch(r) => format!("epoch {} of {}", r.epoch, r.leader),
            Request::EndQuorumEpoch(r) => {
                format!("epoch {} of {}, next {}", r.epoch, r.leader, nodes(&r.successors))
            }
            Request::FetchQuorum(r) => {
                format!("of controller {} from {} in epoch {}", r.replica.node, r.from, r.epoch)
            }
            Request::FetchSnapshot(r) => {
                let (end, epoch) = (r.snapshot.end, r.snapshot.epoch);
                format!("of what is before {end} in epoch {epoch}, from byte {}", r.position)
            }
            Request::CreateTopics(r) => format!(
                "{} with {}, replication factor {}",
                r.name,
                counted(r.partitions, "partition"),
                r.replication_factor
            ),
            Request::ElectLeaders(r) => {
                let kind = match r.election {
                    ElectionType::Preferred => "preferred",
                    ElectionType::Unclean => "unclean",
                };
                format!("{kind} of {}", self.partition(r.partition))
            }
            Request::DeleteTopics(r) => r.name.clone(),
            Request::CreatePartitions(r) => format!("{} up to {}", r.name, r.count),
            Request::IncrementalAlterConfigs(r) => {
                let resource = match &r.resource {
                    ConfigResource::Topic(name) => name.clone(),
                    ConfigResource::Broker(broker) => format!("broker {broker}"),
                    ConfigResource::Brokers => "all brokers".to_owned(),
                    ConfigResource::Group(group) => format!("group {}", self.group(*group)),
                };
                format!("{resource} {}", list(r.config.iter().map(|(key, _)| key.clone())))
            }
            _ => String::new(),
        }
    }
}
