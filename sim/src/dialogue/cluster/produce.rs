//! `produce` and `produce-many`.

use broker_model::protocol::produce::{Acks, ProducePartition, ProduceRequest, ProducedPartition};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::{BATCH_OVERHEAD_BYTES, Codec, NewBatch, SentHeader};
use broker_model::types::{
    BatchId, CoordinatorEpoch, MILLISECOND, Offset, PartitionId, ProducerEpoch, ProducerId,
    Timestamp,
};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::records::{Text, packing};
use super::reply::Reply;
use super::session::{Ask, Session, Step, Target};
use super::show;
use super::targets::addressed;

/// First version of Produce that names topics by id (KIP-516).
const TOPIC_IDS: i16 = 13;
/// Options that say what a batch holds and who wrote it.
const OPTIONS: &[&str] = &[
    "records",
    "acks",
    "timeout",
    "ts",
    "compression",
    "pid",
    "epoch",
    "seq",
    "txn",
    "transactional",
    "control",
    "topic-id",
    "batches",
    "base",
    "count",
    "last-delta",
    "codec",
    "magic",
    "crc",
    "at",
    "v",
];

/// A batch of an option's records, written by the producer that the command names.
fn batch(session: &mut Session, args: &Args, list: &[&str]) -> Result<BatchId, DialogueErrorKind> {
    let (pid, epoch) = session.producer(args)?;
    if args.is("control", "yes") {
        let wall = session.cluster.wall();
        let (pid, epoch) = (ProducerId(pid), ProducerEpoch(epoch));
        return Ok(session.cluster.batches.push_marker(
            pid,
            epoch,
            true,
            CoordinatorEpoch(0),
            wall,
        ));
    }
    let now = session.cluster.wall();
    let mut times = Vec::new();
    for text in args.list("ts") {
        if let Some(shift) = text.strip_prefix("now") {
            let shift: i64 = if shift.is_empty() { 0 } else { args::parse(shift)? };
            times.push(Timestamp(now.0.saturating_add(shift)));
        } else {
            let time: i64 = args::parse(text)?;
            session.timestamps.insert(time);
            times.push(Timestamp(time));
        }
    }
    let time = |i: usize| times.get(i).or(times.last()).copied().unwrap_or(now);
    let texts: Vec<Text> =
        list.iter().enumerate().map(|(i, text)| Text::parse(text, time(i))).collect();
    let empty = texts.is_empty();
    let texts = if empty { vec![Text::parse("~", now)] } else { texts };
    let codec = codec(args)?;
    let packing = packing(&texts, codec);
    let new = NewBatch {
        producer_id: ProducerId(pid),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: args.number("seq", if args.has("pid") { 0 } else { -1 })?,
        transactional: args.has("txn") && !args.is("transactional", "no"),
        max_timestamp: texts.iter().map(|t| t.timestamp).max().unwrap_or(now),
        bytes: BATCH_OVERHEAD_BYTES + packing.compressed(codec),
    };
    let cluster = &mut session.cluster;
    let ids: Vec<_> = texts.into_iter().map(|text| cluster.texts.push(text)).collect();
    let batch = cluster.batches.push_records(new, &ids);
    let count = u32::try_from(ids.len()).expect("a dialogue is short");
    cluster.batches.note_compression(batch, codec, &packing);
    let header = header(args, count, empty)?;
    if header != SentHeader::right(count, 0) {
        cluster.batches.set_header(batch, header);
    }
    Ok(batch)
}

/// What the records are compressed with.
fn codec(args: &Args) -> Result<Codec, DialogueErrorKind> {
    let codec = Codec::named(args.get("compression").unwrap_or("none"));
    codec.ok_or_else(|| DialogueErrorKind::syntax("there is no such codec"))
}

/// The header as the command overwrites it. What is empty is no batch.
fn header(args: &Args, count: u32, empty: bool) -> Result<SentHeader, DialogueErrorKind> {
    let codec = codec(args)? as u16;
    let right = SentHeader::right(count, codec);
    Ok(SentHeader {
        batches: if empty { 0 } else { args.number("batches", 1)? },
        magic: args.number("magic", right.magic)?,
        checksum_matches: !args.is("crc", "bad"),
        base_offset: args.number("base", 0)?,
        count: args.number("count", right.count)?,
        last_offset_delta: args.number("last-delta", right.last_offset_delta)?,
        attributes: args.number("codec", right.attributes)?,
        codec,
    })
}

/// `acks`, `None` for what Kafka does not take.
fn acks(args: &Args) -> Option<Acks> {
    match args.get("acks") {
        None | Some("all" | "-1") => Some(Acks::All),
        Some("1") => Some(Acks::Leader),
        Some("0") => Some(Acks::None),
        Some(_) => None,
    }
}

pub(super) fn produce(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(OPTIONS)?;
    let name = args.word(0)?;
    let version: i16 = args.number("v", 13)?;
    let (partition, unknown) = addressed(session, args, name, version >= TOPIC_IDS)?;
    let batch = batch(session, args, &args.list("records"))?;
    let Some(acks) = acks(args) else {
        let refused = produced(ErrorCode::InvalidRequiredAcks, partition);
        return Ok(Step::Done(show_produced(Reply::of(refused.error), &refused)));
    };
    let request =
        produce_request(session, args, acks, vec![ProducePartition { partition, batch }])?;
    let node = session.leader(args, partition)?;
    if acks == Acks::None {
        session.cluster.send(node, version, request);
        session.cluster.advance(200 * MILLISECOND);
        return Ok(Step::Done(Reply::of("(no reply)")));
    }
    Ok(Step::Ask(Ask {
        target: Target::Node(node),
        version,
        request,
        render: Box::new(move |session, response| {
            let Response::Produce(response) = response else { return Reply::unexpected() };
            let Some(p) = response.partitions.first() else { return Reply::unexpected() };
            let error = unknown.unwrap_or(p.error);
            let reply = show_produced(Reply::of(error), p).with_if(
                response.throttle_time > 0,
                "throttled",
                "yes",
            );
            let reply = show::hint(reply, p.current_leader);
            bad_records(session, partition, batch, error)
                .fold(reply, |reply, i| reply.line(format_args!("bad record {i}")))
        }),
    }))
}

fn produce_request(
    session: &mut Session,
    args: &Args,
    acks: Acks,
    partitions: Vec<ProducePartition>,
) -> Result<Request, DialogueErrorKind> {
    let transactional_id = args.get("txn").map(|id| session.transactional_id(id));
    let timeout = args.millis("timeout", 10_000)?;
    Ok(Request::Produce(ProduceRequest { transactional_id, acks, timeout, partitions }))
}

const fn produced(error: ErrorCode, partition: PartitionId) -> ProducedPartition {
    ProducedPartition {
        partition,
        error,
        base_offset: Offset::NONE,
        log_append_time: Timestamp::NONE,
        log_start_offset: Offset::NONE,
        current_leader: None,
    }
}

fn show_produced(reply: Reply, p: &ProducedPartition) -> Reply {
    reply.with("base", p.base_offset).with("log_start", p.log_start_offset).with_if(
        p.log_append_time != Timestamp::NONE,
        "append_time",
        "yes",
    )
}

/// Which records of a refused batch the reply names (KIP-467).
fn bad_records(
    session: &Session,
    partition: PartitionId,
    batch: BatchId,
    error: ErrorCode,
) -> impl Iterator<Item = usize> + use<> {
    let leader = session.cluster.agreed_leader(partition);
    let replica = leader.and_then(|l| session.cluster.broker(l)?.replica(partition));
    let ids = session.cluster.batches.records(batch);
    let texts = ids.iter().map(|id| session.cluster.texts.get(*id));
    let limits = replica.map(|r| {
        let ms = |time| i64::try_from(time / MILLISECOND).unwrap_or(i64::MAX);
        let config = r.log().config();
        let now = session.cluster.wall().0;
        let latest = now.saturating_add(ms(config.timestamp_after_max));
        (now.saturating_sub(ms(config.timestamp_before_max)), latest)
    });
    let compacted = replica.is_some_and(|r| r.log().config().cleanup_policy.compact);
    let bad: Vec<bool> = texts
        .map(|text| match (error, limits) {
            (ErrorCode::InvalidRecord, Some(_)) => compacted && text.key.is_none(),
            (ErrorCode::InvalidTimestamp, Some((earliest, latest))) => {
                !(earliest..=latest).contains(&text.timestamp.0)
            }
            _ => false,
        })
        .collect();
    bad.into_iter().enumerate().filter(|(_, bad)| *bad).map(|(i, _)| i)
}

pub(super) fn produce_many(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    let version: i16 = args.number("v", 13)?;
    let mut asked = Vec::new();
    for (key, value) in &args.named {
        if session.topic_and_index(key).is_err() {
            continue;
        }
        let (partition, unknown) = addressed(session, args, key, version >= TOPIC_IDS)?;
        let batch = batch(session, args, &args::split(value))?;
        asked.push((key.clone(), ProducePartition { partition, batch }, unknown));
    }
    let options = args.named.iter().filter(|(k, _)| !asked.iter().any(|a| a.0 == *k));
    Args { words: Vec::new(), named: options.cloned().collect() }.only(OPTIONS)?;
    let Some(acks) = acks(args) else {
        let mut reply = Reply::ok();
        asked.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, p, _) in asked {
            let refused = produced(ErrorCode::InvalidRequiredAcks, p.partition);
            reply = show_produced(reply.line(format_args!("{name} {}", refused.error)), &refused);
        }
        return Ok(Step::Done(reply));
    };
    let first = asked.first().map_or(PartitionId::UNKNOWN, |a| a.1.partition);
    let node = session.leader(args, first)?;
    let partitions = asked.iter().map(|a| a.1).collect();
    let request = produce_request(session, args, acks, partitions)?;
    if acks == Acks::None {
        session.cluster.send(node, version, request);
        session.cluster.advance(200 * MILLISECOND);
        return Ok(Step::Done(Reply::of("(no reply)")));
    }
    Ok(Step::Ask(Ask {
        target: Target::Node(node),
        version,
        request,
        render: Box::new(move |session, response| {
            let Response::Produce(response) = response else { return Reply::unexpected() };
            let mut lines: Vec<_> = asked.into_iter().zip(response.partitions).collect();
            lines.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0));
            lines.into_iter().fold(Reply::ok(), |reply, ((name, asked, unknown), p)| {
                let error = unknown.unwrap_or(p.error);
                let reply = show_produced(
                    reply.line(format_args!("{name} {error}")),
                    &ProducedPartition { log_append_time: Timestamp::NONE, ..p },
                );
                bad_records(session, p.partition, asked.batch, error)
                    .fold(reply, |reply, i| reply.line(format_args!("  bad record {i}")))
            })
        }),
    }))
}
