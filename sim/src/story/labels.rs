//! Messages in a few words, for the arrows of a diagram.

use broker_model::protocol::fetch::{FetchRequest, FetchResponse, FetchedPartition};
use broker_model::protocol::produce::{ProduceRequest, ProduceResponse};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::MetadataRecord;
use broker_model::types::Offset;

use super::stage::{Stage, nodes, offsets};
use crate::world::{Party, Passage, Said, counted};

/// A message as it may be drawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Drawn {
    /// In a few words.
    pub(super) label: String,
    /// How much it matters.
    pub(super) score: u32,
    /// It matters more if it comes late, or never.
    pub(super) late_matters: bool,
    /// It brings metadata.
    pub(super) is_metadata: bool,
}

fn drawn(score: u32, late_matters: bool, label: String) -> Option<Drawn> {
    Some(Drawn { label, score, late_matters, is_metadata: false })
}

impl Stage<'_> {
    /// A message as it may be drawn, if it has a part in the story.
    pub(super) fn drawn(&self, passage: &Passage) -> Option<Drawn> {
        let late_matters = self.telling(passage).is_some();
        match &passage.said {
            Said::Request(request) => self.request_drawn(request, late_matters),
            Said::Response(response) => self.response_drawn(passage, response, late_matters),
        }
    }

    fn request_drawn(&self, request: &Request, late: bool) -> Option<Drawn> {
        let transactions = self.subject.transactions;
        match request {
            Request::Produce(r) => self.produce_drawn(r, late),
            Request::Fetch(r) => self.fetch_drawn(r),
            Request::AlterPartition(r) => {
                let one = r.partitions.iter().find(|p| self.subject.has(p.partition))?;
                let isr: Vec<_> = one.isr.iter().map(|(node, _)| *node).collect();
                drawn(70, late, format!("AlterPartition: ISR {}?", nodes(&isr)))
            }
            Request::EndTxn(r) if transactions => {
                let wish = if r.commit { "commit" } else { "abort" };
                drawn(80, late, format!("EndTxn {wish}, epoch {}", r.producer.epoch))
            }
            Request::WriteTxnMarkers(r) if transactions => {
                let one = r.markers.first()?;
                let end = if one.commit { "commit" } else { "abort" };
                let epoch = one.producer.epoch;
                drawn(75, late, format!("WriteTxnMarkers: {end}, epoch {epoch}"))
            }
            Request::AddPartitionsToTxn(_) if transactions => {
                drawn(15, late, "AddPartitionsToTxn".to_owned())
            }
            Request::OffsetCommit(r) if self.has_group(r.group) => {
                let one = r.offsets.iter().find(|one| self.subject.has(one.partition))?;
                let name = self.partition(one.partition);
                drawn(50, late, format!("commit {name} to {}", one.offset))
            }
            Request::TxnOffsetCommit(r) if self.has_group(r.group) => {
                let one = r.offsets.iter().find(|one| self.subject.has(one.partition))?;
                let name = self.partition(one.partition);
                drawn(60, late, format!("TxnOffsetCommit {name} to {}", one.offset))
            }
            Request::JoinGroup(r) if self.has_group(r.group) => {
                drawn(25, late, "JoinGroup".to_owned())
            }
            _ => None,
        }
    }

    fn produce_drawn(&self, request: &ProduceRequest, late: bool) -> Option<Drawn> {
        let one = request.partitions.iter().find(|p| self.subject.has(p.partition))?;
        let batches = &self.world.shared().batches;
        let records = batches.records(one.batch);
        let named = records.iter().find(|record| self.subject.records.contains(record));
        let batch = batches.get(one.batch);
        let mut label = match named {
            Some(record) => format!("Produce record {record}"),
            None => format!("Produce {}", counted(batch.count, "record")),
        };
        if batch.transactional {
            label += &format!(", epoch {}", batch.producer_epoch);
        }
        drawn(if named.is_some() { 85 } else { 10 }, late, label)
    }

    fn fetch_drawn(&self, request: &FetchRequest) -> Option<Drawn> {
        request.replica.as_ref()?;
        let one = request.partitions.iter().find(|p| self.subject.has(p.partition))?;
        let offset = self.subject.offset_in(one.partition)?;
        let confirms = one.fetch_offset == offset + 1 || one.fetch_offset == offset;
        let label = format!("Fetch from {}", one.fetch_offset);
        let copying = confirms && !self.subject.transactions;
        drawn(if copying { 45 } else { 5 }, false, label)
    }

    fn response_drawn(&self, passage: &Passage, response: &Response, late: bool) -> Option<Drawn> {
        let of_client = matches!(passage.to, Party::Client(_));
        let group = of_client && self.subject.groups && self.is_of_told_group(passage.to);
        match response {
            Response::Produce(r) => self.produced_drawn(r, late),
            Response::Fetch(r) => self.fetched_drawn(r, of_client, late),
            Response::AlterPartition(r) => {
                let one = r.partitions.iter().find(|p| self.subject.has(p.partition))?;
                let said = match (r.error, one.error) {
                    (ErrorCode::None, ErrorCode::None) => format!("ISR {}", nodes(&one.isr)),
                    (ErrorCode::None, error) | (error, _) => error.name().to_owned(),
                };
                drawn(65, late, said)
            }
            Response::FetchMetadata(r) => {
                let record = r.records.iter().rev().find_map(|record| match record {
                    MetadataRecord::Partition(one) if self.subject.has(one.partition) => Some(one),
                    _ => None,
                })?;
                let leader = record.leader.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
                let (epoch, isr) = (record.leader_epoch, nodes(&record.isr));
                let label = format!("leader {leader}, epoch {epoch}, ISR {isr}");
                Some(Drawn { label, score: 55, late_matters: true, is_metadata: true })
            }
            Response::InitProducerId(r) if self.subject.transactions && of_client => {
                let (id, epoch) = (r.producer.id, r.producer.epoch);
                drawn(60, late, format!("producer {id}, epoch {epoch}"))
            }
            Response::EndTxn(r) if self.subject.transactions && of_client => {
                drawn(40, late, format!("EndTxn: {}", outcome(r.error)))
            }
            Response::WriteTxnMarkers(_) if self.subject.transactions => {
                drawn(15, late, "markers written".to_owned())
            }
            Response::SyncGroup(r) if group => {
                let what = self.partitions(r.assignment.partitions());
                drawn(60, late, format!("owns {what}"))
            }
            Response::ConsumerGroupHeartbeat(r) if group => {
                let assigned = r.assignment.as_ref()?;
                drawn(60, late, format!("shall own {}", self.partitions(assigned)))
            }
            Response::OffsetFetch(r) if group => {
                let (_, one) = r.partitions.iter().find(|(_, p)| self.subject.has(p.partition))?;
                let name = self.partition(one.partition);
                drawn(55, late, format!("{name} is committed to {}", one.offset))
            }
            _ => None,
        }
    }

    fn produced_drawn(&self, response: &ProduceResponse, late: bool) -> Option<Drawn> {
        let one = response.partitions.iter().find(|p| self.subject.has(p.partition))?;
        if one.error != ErrorCode::None {
            return drawn(35, late, one.error.name().to_owned());
        }
        let in_question = self.subject.offset_in(one.partition) == Some(one.base_offset);
        let score = if in_question { 85 } else { 8 };
        drawn(score, late, format!("stored at {}", one.base_offset))
    }

    fn fetched_drawn(&self, r: &FetchResponse, of_client: bool, late: bool) -> Option<Drawn> {
        let one = r.partitions.iter().find(|p| self.subject.has(p.partition))?;
        if let Some(end) = one.diverging {
            let label = format!("diverges: epoch {} ends at {}", end.epoch, end.end_offset);
            return drawn(90, true, label);
        }
        let (from, end) = self.fetched(r, one)?;
        let what = offsets(from.0, end.0);
        let label = format!("{what}, high watermark {}", one.high_watermark);
        let score = match (self.is_in_question(one.partition, from, end), of_client) {
            (true, true) => 50,
            // How records are copied is of no interest to transactions.
            (true, false) if !self.subject.transactions => 48,
            (true, false) => 5,
            (false, _) => 4,
        };
        drawn(score, late, label)
    }

    /// The offsets that an answer has of a partition, from the first on and before the second; none
    /// where it brings no records.
    pub(super) fn fetched(
        &self,
        response: &FetchResponse,
        one: &FetchedPartition,
    ) -> Option<(Offset, Offset)> {
        let entries = &response.entries[one.entries.start as usize..one.entries.end as usize];
        let (first, last) = (entries.first()?, entries.last()?);
        let count = self.world.shared().batches.get(last.batch).count;
        Some((first.base_offset, last.base_offset + i64::from(count)))
    }

    /// Whether a process of clients belongs to a service whose group matters.
    pub(super) fn is_of_told_group(&self, party: Party) -> bool {
        let name = self.party(party);
        let services = &self.world.scenario().services;
        let service = services.iter().find(|s| name.starts_with(&format!("{}/", s.name)));
        let group = service.and_then(|service| service.group.as_ref());
        group.is_some_and(|group| self.subject.has_group(group))
    }
}

fn outcome(error: ErrorCode) -> &'static str {
    if error == ErrorCode::None { "done" } else { error.name() }
}
