//! What somebody who wants to tell a run's story is told while it happens: notes, processes that
//! begin and end, and the messages about some partitions.
//!
//! Nothing is kept unless [`World::attend`] was called, and whoever listens changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::io::StopKind;
use broker_model::note::Note;
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::MetadataRecord;
use broker_model::types::{Instant, NodeId, Offset, PartitionId};

use super::World;
use crate::network::{Body, Direction, Endpoint, MessageState, Slot};

/// One end of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Party {
    /// A broker.
    Broker(NodeId),
    /// A controller.
    Controller(NodeId),
    /// A process of clients, by its place in the world.
    Client(u32),
}

/// What a message says.
#[derive(Clone, PartialEq, Debug)]
pub enum Said {
    /// A request.
    Request(Request),
    /// An answer.
    Response(Response),
}

/// A message from one party to another.
#[derive(Clone, PartialEq, Debug)]
pub struct Passage {
    /// Who sent it.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// When it was put on the wire.
    pub sent: Instant,
    /// When the receiver read it from its socket; none if that never happened.
    pub arrived: Option<Instant>,
    /// The run has ended before it could arrive.
    pub under_way: bool,
    /// What it says.
    pub said: Said,
}

/// Something that happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// A machine said so.
    Note(Note),
    /// The process of a node has ended.
    Stopped {
        /// The node.
        node: Party,
        /// In which way.
        kind: StopKind,
        /// Replicas whose end was not on disk: the log end offset now, and before.
        lost: Vec<(PartitionId, Offset, Offset)>,
    },
    /// The process of a node or client has begun, with replicas that end at these offsets.
    Started(Party, Vec<(PartitionId, Offset)>),
    /// A process of clients was killed.
    Killed(Party),
    /// A message was put on the wire, by its place among the passages.
    Sent(usize),
    /// A message was read by its receiver.
    Arrived(usize),
}

/// All that was heard, in order of events.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Hearing {
    /// What happened, and when.
    pub heard: Vec<(Instant, Heard)>,
    /// The messages.
    pub passages: Vec<Passage>,
}

/// Who listens.
#[derive(Debug)]
pub(super) struct Ear {
    partitions: BTreeSet<PartitionId>,
    hearing: Hearing,
    /// Messages under way, by slot.
    under_way: BTreeMap<u32, usize>,
    /// Log ends of a broker that is being stopped.
    ends: Vec<(PartitionId, Offset)>,
}

impl World {
    /// From now on keeps what happens: of logs and their messages what concerns these partitions,
    /// of groups and transactions all of it.
    pub fn attend(&mut self, partitions: BTreeSet<PartitionId>) {
        self.ear = Some(Box::new(Ear {
            partitions,
            hearing: Hearing::default(),
            under_way: BTreeMap::new(),
            ends: Vec::new(),
        }));
    }

    /// What was heard since [`World::attend`]; nothing without it.
    pub fn take_heard(&mut self) -> Hearing {
        let Some(mut ear) = self.ear.take() else { return Hearing::default() };
        for (slot, message) in self.messages.iter() {
            let life = self.connections.get(message.connection).life;
            let lives = message.state != MessageState::Dead && message.life == life;
            if let Some(place) = ear.under_way.get(&slot.0).filter(|_| lives) {
                ear.hearing.passages[*place].under_way = true;
            }
        }
        ear.hearing
    }

    pub(super) fn hear_notes(&mut self, notes: &[Note]) {
        let now = self.now;
        let Some(ear) = &mut self.ear else { return };
        for note in notes {
            if ear.wants(note) {
                ear.hearing.heard.push((now, Heard::Note(note.clone())));
            }
        }
    }

    fn hear(&mut self, heard: Heard) {
        if let Some(ear) = &mut self.ear {
            ear.hearing.heard.push((self.now, heard));
        }
    }

    /// What a party is called.
    #[must_use]
    pub fn party_name(&self, party: Party) -> String {
        match party {
            Party::Broker(id) => format!("broker {id}"),
            Party::Controller(id) => format!("controller {id}"),
            Party::Client(index) => self.clients[index as usize].name.clone(),
        }
    }

    /// All partitions that there are, by id.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionId> + '_ {
        let image = super::metadata(&self.nodes);
        let topics = image.into_iter().flat_map(|image| image.topics());
        topics.flat_map(|(_, topic)| topic.partitions.iter().copied())
    }

    /// Everything that the clients share, at this time.
    #[must_use]
    pub const fn shared(&self) -> &super::Shared {
        &self.shared
    }

    /// The plan of the run, as it was made.
    #[must_use]
    pub const fn plan(&self) -> &crate::plan::Plan {
        &self.plan
    }

    pub(super) fn party(&self, endpoint: Endpoint) -> Party {
        if self.is_node(endpoint) {
            self.node_party(endpoint.0 as usize)
        } else {
            Party::Client(self.client_of(endpoint).0 as u32)
        }
    }

    fn node_party(&self, index: usize) -> Party {
        let node = &self.nodes[index];
        if node.broker().is_some() { Party::Broker(node.id) } else { Party::Controller(node.id) }
    }

    pub(super) fn hear_node_start(&mut self, index: usize) {
        if self.ear.is_some() {
            let ends = self.log_ends(index);
            self.hear(Heard::Started(self.node_party(index), ends));
        }
    }

    /// A node is about to stop.
    pub(super) fn hear_node_stopping(&mut self, index: usize) {
        if self.ear.is_none() {
            return;
        }
        let ends = self.log_ends(index);
        if let Some(ear) = &mut self.ear {
            ear.ends = ends;
        }
    }

    fn log_ends(&self, index: usize) -> Vec<(PartitionId, Offset)> {
        let replicas = self.nodes[index].broker().into_iter().flat_map(|broker| broker.replicas());
        replicas.map(|(partition, replica)| (partition, replica.log().log_end_offset())).collect()
    }

    /// A node has stopped.
    pub(super) fn hear_node_stop(&mut self, index: usize, kind: StopKind) {
        if self.ear.is_none() {
            return;
        }
        let after = self.log_ends(index);
        let node = self.node_party(index);
        let Some(ear) = &mut self.ear else { return };
        let before = std::mem::take(&mut ear.ends);
        let pairs = before.into_iter().zip(after);
        let lost = pairs.map(|((partition, before), (_, after))| (partition, after, before));
        let lost = lost.filter(|&(_, after, before)| after < before).collect();
        self.hear(Heard::Stopped { node, kind, lost });
    }

    pub(super) fn hear_client_start(&mut self, index: usize) {
        self.hear(Heard::Started(Party::Client(index as u32), Vec::new()));
    }

    pub(super) fn hear_client_kill(&mut self, index: usize) {
        self.hear(Heard::Killed(Party::Client(index as u32)));
    }

    /// A message is put on the wire.
    pub(super) fn hear_departure(&mut self, slot: Slot) {
        let Some(ear) = &self.ear else { return };
        let message = self.messages.get(slot);
        let said = match &message.body {
            Body::Request(request) if ear.wants_request(request) => Said::Request(request.clone()),
            Body::Response(response) if ear.wants_response(response) => {
                Said::Response(response.clone())
            }
            _ => {
                if let Some(ear) = &mut self.ear {
                    ear.under_way.remove(&slot.0);
                }
                return;
            }
        };
        let connection = self.connections.get(message.connection);
        let (client, server) = (self.party(connection.client), self.party(connection.server));
        let (from, to) = match message.direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
        let (sent, arrived, under_way) = (self.now, None, false);
        let Some(ear) = &mut self.ear else { return };
        let place = ear.hearing.passages.len();
        ear.hearing.passages.push(Passage { from, to, sent, arrived, under_way, said });
        ear.hearing.heard.push((sent, Heard::Sent(place)));
        ear.under_way.insert(slot.0, place);
    }

    /// A message is read by its receiver.
    pub(super) fn hear_arrival(&mut self, slot: Slot) {
        let now = self.now;
        let Some(ear) = &mut self.ear else { return };
        if let Some(place) = ear.under_way.remove(&slot.0) {
            ear.hearing.passages[place].arrived = Some(now);
            ear.hearing.heard.push((now, Heard::Arrived(place)));
        }
    }
}

impl Ear {
    fn knows(&self, partition: PartitionId) -> bool {
        self.partitions.contains(&partition)
    }

    fn any(&self, mut partitions: impl Iterator<Item = PartitionId>) -> bool {
        partitions.any(|partition| self.knows(partition))
    }

    /// Notes that come by the record only of the partitions in question.
    fn wants(&self, note: &Note) -> bool {
        match note {
            Note::Appended { partition, .. }
            | Note::HighWatermark { partition, .. }
            | Note::Acknowledged { partition, .. }
            | Note::Repeated { partition, .. }
            | Note::Read { partition, .. }
            | Note::Marker { partition, .. }
            | Note::Truncated { partition, .. }
            | Note::LogStart { partition, .. }
            | Note::CorruptTail { partition, .. }
            | Note::CorruptFetched { partition, .. }
            | Note::Compacted { partition, .. }
            | Note::FirstSequenceSkipped { partition, .. } => self.knows(*partition),
            Note::Rolled { .. } | Note::QuorumHighWatermark { .. } => false,
            _ => true,
        }
    }

    fn wants_request(&self, request: &Request) -> bool {
        match request {
            Request::Produce(r) => self.any(r.partitions.iter().map(|p| p.partition)),
            Request::Fetch(r) => self.any(r.partitions.iter().map(|p| p.partition)),
            Request::OffsetForLeaderEpoch(r) => self.any(r.partitions.iter().map(|p| p.0)),
            Request::AlterPartition(r) => self.any(r.partitions.iter().map(|p| p.partition)),
            Request::WriteTxnMarkers(_)
            | Request::InitProducerId(_)
            | Request::AddPartitionsToTxn(_)
            | Request::AddOffsetsToTxn(_)
            | Request::TxnOffsetCommit(_)
            | Request::EndTxn(_)
            | Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::LeaveGroup(_)
            | Request::ConsumerGroupHeartbeat(_)
            | Request::OffsetCommit(_) => true,
            _ => false,
        }
    }

    fn wants_response(&self, response: &Response) -> bool {
        match response {
            Response::Produce(r) => self.any(r.partitions.iter().map(|p| p.partition)),
            Response::Fetch(r) => {
                let news = r.partitions.iter().filter(|p| {
                    !p.entries.is_empty() || p.diverging.is_some() || p.error != ErrorCode::None
                });
                self.any(news.map(|p| p.partition))
            }
            Response::OffsetForLeaderEpoch(r) => self.any(r.partitions.iter().map(|p| p.0)),
            Response::AlterPartition(r) => self.any(r.partitions.iter().map(|p| p.partition)),
            Response::FetchMetadata(r) => self.any(r.records.iter().filter_map(of_partition)),
            Response::WriteTxnMarkers(_)
            | Response::InitProducerId(_)
            | Response::AddPartitionsToTxn(_)
            | Response::TxnOffsetCommit(_)
            | Response::EndTxn(_)
            | Response::JoinGroup(_)
            | Response::SyncGroup(_)
            | Response::OffsetCommit(_)
            | Response::OffsetFetch(_) => true,
            Response::ConsumerGroupHeartbeat(r) => {
                r.assignment.is_some() || r.error != ErrorCode::None
            }
            Response::Heartbeat(r) => r.error != ErrorCode::None,
            _ => false,
        }
    }
}

/// The partition whose leader or ISR a record of the metadata log changes.
fn of_partition(record: &MetadataRecord) -> Option<PartitionId> {
    match record {
        MetadataRecord::Partition(record) => Some(record.partition),
        _ => None,
    }
}
