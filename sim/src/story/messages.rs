//! Messages that come late, or never.

use broker_model::protocol::controller::AlterPartitionRequest;
use broker_model::protocol::produce::ProduceRequest;
use broker_model::protocol::{Request, Response};
use broker_model::types::BatchId;
use reports::story::MomentKind;

use super::stage::{LATE, Stage, Weight, nodes, offsets, span};
use crate::world::{Heard, Party, Passage, Said, counted};

impl Stage<'_> {
    /// Tells of a message that comes late, and of one that will never come.
    pub(super) fn hear_message(&mut self, heard: &Heard) {
        match heard {
            Heard::Arrived(place) => {
                let passage = &self.hearing.passages[*place];
                let took = self.now.since(passage.sent);
                if took < LATE {
                    return;
                }
                let Some((what, weight)) = self.telling(passage) else { return };
                let (from, to) = (self.party(passage.from), self.party(passage.to));
                let text = format!(
                    "{what} that {from} sent to {to} arrives only now, {} after it was sent.",
                    span(took)
                );
                self.say(MomentKind::Message, weight, text);
            }
            Heard::Sent(place) => {
                let passage = &self.hearing.passages[*place];
                if passage.arrived.is_some() {
                    return;
                }
                let Some((what, weight)) = self.telling(passage) else { return };
                let (from, to) = (self.party(passage.from), self.party(passage.to));
                let end = match passage.under_way {
                    true => "which is still under way when the run ends",
                    false => "which never arrives",
                };
                let text = format!("{from} sends {what} to {to}, {end}.");
                self.say(MomentKind::Message, weight, text);
            }
            _ => {}
        }
    }

    /// A message in words, if its delay can matter to the story.
    pub(super) fn telling(&self, passage: &Passage) -> Option<(String, Weight)> {
        match &passage.said {
            Said::Request(request) => self.late_request(request, passage),
            Said::Response(response) => self.late_response(response),
        }
    }

    fn late_request(&self, request: &Request, passage: &Passage) -> Option<(String, Weight)> {
        let strong = |text: String| Some((text, Weight::Strong));
        match request {
            Request::Produce(r) => {
                let mut produced = r.partitions.iter().filter(|p| self.subject.has(p.partition));
                let one = produced.find(|p| self.is_told_produce(p.batch, r))?;
                let name = self.partition(one.partition);
                let count = self.world.shared().batches.get(one.batch).count;
                let count = counted(count, "record");
                strong(format!("a Produce of {count} for {name}"))
            }
            Request::AlterPartition(r) => strong(self.wanted_isr(r)?),
            Request::EndTxn(r) if self.subject.transactions => {
                let (id, producer) = (self.transactional_id(r.transactional_id), r.producer);
                let wish = if r.commit { "commit" } else { "abort" };
                strong(format!("an EndTxn ({wish}) of {id} in epoch {}", producer.epoch))
            }
            Request::WriteTxnMarkers(_) if self.subject.transactions => {
                Some(("a WriteTxnMarkers".to_owned(), Weight::Plain))
            }
            Request::InitProducerId(_) | Request::AddPartitionsToTxn(_)
                if self.subject.transactions && matches!(passage.from, Party::Client(_)) =>
            {
                Some((format!("{} {}", article(request), request.api_key().name()), Weight::Plain))
            }
            Request::OffsetCommit(_)
            | Request::TxnOffsetCommit(_)
            | Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::ConsumerGroupHeartbeat(_)
                if self.subject.groups =>
            {
                Some((format!("{} {}", article(request), request.api_key().name()), Weight::Plain))
            }
            _ => None,
        }
    }

    fn late_response(&self, response: &Response) -> Option<(String, Weight)> {
        match response {
            Response::Fetch(r) => {
                let one = r.partitions.iter().find(|p| self.subject.has(p.partition))?;
                let name = self.partition(one.partition);
                if let Some(end) = one.diverging {
                    let text = format!(
                        "a Fetch answer for {name} (\"you diverge: epoch {} ends at {}\")",
                        end.epoch, end.end_offset
                    );
                    return Some((text, Weight::Strong));
                }
                let (from, end) = self.fetched(r, one)?;
                if !self.is_in_question(one.partition, from, end) {
                    return None;
                }
                let what = offsets(from.0, end.0);
                let mark = one.high_watermark;
                Some((
                    format!("a Fetch answer with {what} of {name} and high watermark {mark}"),
                    Weight::Plain,
                ))
            }
            Response::Produce(r) => {
                let one = r.partitions.iter().find(|p| self.subject.has(p.partition))?;
                let at = self.subject.offset_in(one.partition) == Some(one.base_offset);
                at.then(|| {
                    let name = self.partition(one.partition);
                    (format!("the answer to a Produce for {name}"), Weight::Plain)
                })
            }
            Response::AlterPartition(r) => {
                let one = r.partitions.iter().find(|p| self.subject.has(p.partition))?;
                let (name, isr) = (self.partition(one.partition), nodes(&one.isr));
                Some((
                    format!("the answer to an AlterPartition (ISR of {name}: {isr})"),
                    Weight::Plain,
                ))
            }
            Response::EndTxn(_) | Response::WriteTxnMarkers(_) | Response::InitProducerId(_)
                if self.subject.transactions =>
            {
                let text = format!("the answer to {}", response.api_key().name());
                Some((text, Weight::Plain))
            }
            Response::OffsetCommit(_)
            | Response::OffsetFetch(_)
            | Response::JoinGroup(_)
            | Response::SyncGroup(_)
                if self.subject.groups =>
            {
                let text = format!("the answer to {}", response.api_key().name());
                Some((text, Weight::Plain))
            }
            _ => None,
        }
    }

    /// Whether a produce is of records in question, or of transactions where those matter.
    fn is_told_produce(&self, batch: BatchId, request: &ProduceRequest) -> bool {
        let records = self.world.shared().batches.records(batch);
        records.iter().any(|record| self.subject.records.contains(record))
            || (self.subject.transactions && request.transactional_id.is_some())
    }

    fn wanted_isr(&self, request: &AlterPartitionRequest) -> Option<String> {
        let one = request.partitions.iter().find(|p| self.subject.has(p.partition))?;
        let isr: Vec<_> = one.isr.iter().map(|(node, _)| *node).collect();
        let name = self.partition(one.partition);
        Some(format!("an AlterPartition (ISR of {name} to be {})", nodes(&isr)))
    }
}

/// `a` or `an`.
fn article(request: &Request) -> &'static str {
    if request.api_key().name().starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" }
}
