//! The commands of a dialogue with a producer.

use broker_model::protocol::group::CommittedOffset;
use broker_model::records::Payload;
use broker_model::types::{
    GenerationId, Instant, MILLISECOND, MemberId, NodeId, Offset, PartitionId, TopicId,
};

use super::answer::Reply;
use super::render::{self, Words};
use super::setup::{millis, node_id, parse};
use super::wire::Arrival;
use super::{Run, START};
use crate::client::GroupMetadata;
use crate::client::murmur2::{KeyText, murmur2, partition_for};
use crate::client::producer::{Refusal, SendOutcome};
use crate::dialogue::DialogueErrorKind;
use crate::dialogue::bounds::{RECORDS_MAX, SIZE_MAX, TIMES_MAX, at_most};
use crate::records::{Key, Lane, NO_KEY};

/// More turns than any dialogue needs.
const TURNS: u32 = 1_000;

/// `f3` or `f1..f3`.
pub(super) fn span(first: u32, last: u32) -> String {
    if first == last { format!("f{first}") } else { format!("f{first}..f{last}") }
}

/// The two-digit key number that stands for the text of a key: one that falls on the same
/// partition, since the model's keys are numbers. Keys of two letters only.
fn key_number(text: &str, partitions: u32) -> Option<u32> {
    let place = |bytes: &[u8]| partition_for(murmur2(bytes), partitions);
    let wanted = place(text.as_bytes());
    let mut keys = (10..100).filter(|&k| place(KeyText::new(k).as_bytes()) == wanted);
    if text.len() == 2 { keys.next() } else { None }
}

fn value<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|w| w.strip_prefix(key)?.strip_prefix('='))
}

fn node(words: &[&str]) -> Result<NodeId, DialogueErrorKind> {
    let node = value(words, "node").ok_or(DialogueErrorKind::BadArgument)?;
    node_id(node)
}

impl Run {
    pub(super) fn act(&mut self, words: &[&str]) -> Result<(), DialogueErrorKind> {
        let (name, rest) = words.split_first().ok_or(DialogueErrorKind::UnknownCommand)?;
        match *name {
            "send" => self.send(rest)?,
            "poll" => {
                let turns = rest.first().map_or(Ok(1), |n| parse::<u32>(n))?;
                let turns = at_most("turns", turns, TIMES_MAX)?;
                for _ in 0..turns {
                    self.turn();
                }
            }
            "poll-until-quiet" => self.poll_until_quiet()?,
            "advance" => {
                let by = rest.first().ok_or(DialogueErrorKind::BadArgument)?;
                self.now = self.now + millis(by)?;
                self.pass_deadlines();
            }
            "wait" => {
                self.lines.push(format!("wait {}ms", self.waits / MILLISECOND));
            }
            "respond" => self.respond(rest)?,
            "cluster" => self.change_cluster(rest)?,
            "metadata" => {
                self.change_cluster(rest)?;
                self.respond(&["metadata"])?;
            }
            "disconnect" => self.wire.disconnect(node(rest)?),
            "hang" => self.wire.hang(node(rest)?, true),
            "accept" => self.wire.hang(node(rest)?, false),
            "features" => {
                let level = value(rest, "transaction.version");
                let level = parse(level.ok_or(DialogueErrorKind::BadArgument)?)?;
                self.producer.finalized_transaction_version(level);
            }
            "inspect" => self.inspect(),
            "flush" => self.with(|p, _| p.flush()),
            "close" => {
                let timeout = value(rest, "timeout").ok_or(DialogueErrorKind::BadArgument)?;
                let timeout = millis(timeout)?;
                self.with(|p, cx| p.close(cx, timeout));
            }
            "begin" => {
                let result = self.with(|p, _| p.begin());
                self.lines.push(match result {
                    Ok(()) => "begin returns".to_owned(),
                    Err(refusal) => format!("begin throws {}", render::thrown(refusal)),
                });
            }
            "init-transactions" | "commit" | "abort" | "send-offsets" => self.call(name, rest)?,
            _ => return Err(DialogueErrorKind::UnknownCommand),
        }
        self.show_state();
        self.show_returned();
        Ok(())
    }

    fn call(&mut self, name: &str, rest: &[&str]) -> Result<(), DialogueErrorKind> {
        let now = self.now;
        let result = match name {
            "init-transactions" => self.with(|p, _| p.init_transactions(now)),
            "commit" => self.with(|p, _| p.commit(now)),
            "abort" => self.with(|p, _| p.abort(now)),
            _ => self.send_offsets(rest)?,
        };
        if let Err(refusal) = result {
            self.lines.push(format!("{name} throws {}", render::thrown(refusal)));
        }
        Ok(())
    }

    fn send_offsets(&mut self, words: &[&str]) -> Result<Result<(), Refusal>, DialogueErrorKind> {
        let group = value(words, "group").ok_or(DialogueErrorKind::BadArgument)?;
        let group = self.names.group(group);
        let generation = value(words, "gen").map_or(Ok(-1), parse)?;
        let mut offsets = Vec::new();
        for word in words {
            if let Some((partition, offset)) = word.split_once('@') {
                let partition = self.cluster.find(partition)?;
                let offset = Offset(parse(offset)?);
                offsets.push(CommittedOffset::new(partition, offset, None));
            }
        }
        let now = self.now;
        let of = GroupMetadata {
            group,
            member: MemberId(1),
            instance: value(words, "instance").map(str::to_owned),
            generation: GenerationId(generation),
        };
        Ok(self.with(|p, _| p.send_offsets(now, of, offsets)))
    }

    /// One turn: the sender's, then what the network brings.
    fn turn(&mut self) {
        self.with(|p, cx| p.send_turn(cx));
        while let Some((until, _)) = self.producer.sleeps_until() {
            self.show_state();
            self.lines.push(format!("slept {}ms", until.since(self.now) / MILLISECOND));
            self.now = self.now.max(until);
            self.with(|p, cx| p.send_turn(cx));
        }
        // A network client waits for `request.timeout.ms` at most.
        let limit = self.producer.config().request_timeout;
        self.waits = self.producer.next_deadline().since(self.now).min(limit);
        for arrival in self.wire.arrivals() {
            match arrival {
                Arrival::Connected(node) => self.with(|p, _| p.connected(node)),
                Arrival::Disconnected(node) => {
                    self.lines.push(format!("disconnected node={node}"));
                    self.with(|p, cx| p.disconnected(cx, node));
                }
                Arrival::Answer(node, correlation, answer) => {
                    self.with(|p, cx| p.response(cx, node, correlation, Ok(answer)));
                }
            }
        }
        self.with(|p, cx| p.close_overdue(cx));
        self.show_state();
        self.show_returned();
    }

    fn poll_until_quiet(&mut self) -> Result<(), DialogueErrorKind> {
        let mut quiet = 0;
        for _ in 0..TURNS {
            let before = self.lines.len();
            self.turn();
            quiet = if self.lines.len() == before { quiet + 1 } else { 0 };
            if quiet == 3 && self.producer.next_deadline() > self.now {
                return Ok(());
            }
        }
        Err(DialogueErrorKind::Restless)
    }

    /// Calls of the application that waited long enough return by themselves.
    fn pass_deadlines(&mut self) {
        let now = self.now;
        self.with(|p, _| p.expire_calls(now));
        if self.producer.closes_by().is_some_and(|by| by <= now) {
            self.with(|p, cx| p.send_turn(cx));
        }
    }

    fn respond(&mut self, words: &[&str]) -> Result<(), DialogueErrorKind> {
        let (which, rest) = words.split_first().ok_or(DialogueErrorKind::BadArgument)?;
        let reply = Reply::parse(rest, &self.cluster)?;
        let cluster = &self.cluster;
        self.wire.respond(which, |request, version| reply.answer(request, version, cluster))
    }

    fn change_cluster(&mut self, words: &[&str]) -> Result<(), DialogueErrorKind> {
        words.iter().try_for_each(|word| self.cluster.change(word))
    }

    fn send(&mut self, words: &[&str]) -> Result<(), DialogueErrorKind> {
        let (target, rest) = words.split_first().ok_or(DialogueErrorKind::BadArgument)?;
        let (topic, fixed) = self.cluster.target(target)?;
        let count = value(rest, "count").map_or(Ok(1), parse::<u32>)?;
        at_most("records", self.records.ids() + u64::from(count), RECORDS_MAX)?;
        let size = value(rest, "size").map_or(Ok(100), parse::<u32>)?;
        let mut size = at_most("bytes", size, SIZE_MAX)?;
        let payload = match value(rest, "fill") {
            None => Payload::Unknown,
            Some("random") => Payload::Random,
            Some(_) => return Err(DialogueErrorKind::NotModelled),
        };
        let partitions = self.cluster.partitions.iter().filter(|p| p.topic == topic).count();
        let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
        let mut key = NO_KEY;
        if let Some(text) = value(rest, "key") {
            key = key_number(text, partitions).ok_or(DialogueErrorKind::NotModelled)?;
            size += 2;
        }
        let mut run: Option<(u32, u32, PartitionId)> = None;
        for _ in 0..count {
            let entity = self.records.push_entity(Lane::ANY, self.now, Key::new(key));
            let record = self.records.push(Lane::ANY, entity, size);
            self.records.set_payload(record, payload);
            let future = record.0 + 1;
            let before = self.queued();
            let topic = TopicId(u32::try_from(topic).unwrap_or(u32::MAX));
            let outcome = self.with(|p, cx| p.send(cx, topic, fixed, record));
            let place = self.grown(&before).filter(|_| fixed.is_none());
            if let Some(place) = place {
                match &mut run {
                    Some((_, last, at)) if *at == place => *last = future,
                    _ => {
                        self.show_run(run.take());
                        run = Some((future, future, place));
                    }
                }
            }
            let throws = match outcome {
                SendOutcome::Accepted => continue,
                SendOutcome::NotTaken(error) => format!("error {}", render::exception(error)),
                SendOutcome::BufferFull | SendOutcome::NoMetadata => "waits".to_owned(),
                SendOutcome::Refused(refusal) => format!("throws {}", render::thrown(refusal)),
            };
            self.lines.push(format!("f{future} {throws}"));
        }
        self.show_run(run);
        Ok(())
    }

    fn show_run(&mut self, run: Option<(u32, u32, PartitionId)>) {
        if let Some((first, last, partition)) = run {
            let name = self.cluster.name(partition);
            self.lines.push(format!("{} in {name}", span(first, last)));
        }
    }

    /// Records in the queue of each partition.
    fn queued(&self) -> Vec<(PartitionId, u32)> {
        let views = self.producer.inspect();
        views.iter().map(|v| (v.partition, v.queued.iter().map(|b| b.records).sum())).collect()
    }

    /// The partition whose queue has grown.
    fn grown(&self, before: &[(PartitionId, u32)]) -> Option<PartitionId> {
        let now = self.queued();
        now.into_iter().find(|entry| !before.contains(entry)).map(|(partition, _)| partition)
    }

    fn inspect(&mut self) {
        let (state, error) = self.producer.state();
        if self.producer.config().idempotent() {
            let producer = self.producer.producer();
            let v2 = self.producer.config().transactional_id.is_some()
                && self.producer.is_transaction_v2();
            self.lines.push(format!(
                "state {} pid={} epoch={}{}",
                render::state(state, error),
                producer.id,
                producer.epoch,
                if v2 { " v2" } else { "" }
            ));
        }
        let mut views = self.producer.inspect();
        views.retain(|v| v.sequences.is_some() || !v.queued.is_empty() || !v.in_flight.is_empty());
        views.sort_by_key(|view| self.cluster.rank(view.partition));
        let words = Words { names: &self.names, batches: &self.batches, cluster: &self.cluster };
        self.lines.extend(views.iter().map(|view| words.partition(view)));
        let wanted = self.producer.metadata().update_requested();
        self.lines.push(format!(
            "buffer {}/{}{}",
            self.producer.available_memory(),
            self.producer.config().buffer_memory,
            if wanted { " metadata-update-wanted" } else { "" }
        ));
    }
}

const _: () = assert!(START.0 > Instant(0).0, "a dialogue starts after the zero of clocks");
