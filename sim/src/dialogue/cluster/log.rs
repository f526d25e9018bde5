//! Verbs about producing, fetching, offsets and what is on disk.

use broker_model::protocol::fetch::{
    FetchPartition, FetchRequest, FetchResponse, Isolation, ListOffsetsPartition,
    ListOffsetsRequest, OffsetForLeaderEpochRequest, OffsetSpec, ReplicaState,
};
use broker_model::protocol::produce::{
    Acks, DeleteRecordsRequest, ProducePartition, ProduceRequest, ProducedPartition,
};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::NewBatch;
use broker_model::types::{
    BatchId, BrokerEpoch, CoordinatorEpoch, LeaderEpoch, MILLISECOND, NodeId, Offset, PartitionId,
    ProducerEpoch, ProducerId, RackId, Timestamp,
};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::records::{Text, batch_bytes};
use super::reply::{self, Reply};
use super::session::{Ask, Session, Step, Target};
use super::show;

/// First version of Produce that names topics by id (KIP-516).
const PRODUCE_TOPIC_IDS: i16 = 13;
/// The same of Fetch.
const FETCH_TOPIC_IDS: i16 = 13;
const MEBIBYTE: u32 = 1 << 20;
/// Options that say what a batch holds and who wrote it.
const PRODUCE: &[&str] = &[
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
    "at",
    "v",
];
const FETCH: &[&str] = &[
    "offset",
    "isolation",
    "leader-epoch",
    "last-epoch",
    "max-bytes",
    "min-bytes",
    "max-wait",
    "rack",
    "topic-id",
    "replica",
    "replica-epoch",
    "at",
    "v",
];

pub(super) fn verb(
    session: &mut Session,
    verb: &str,
    args: &Args,
) -> Result<Option<Step>, DialogueErrorKind> {
    let step = match verb {
        "produce" => produce(session, args)?,
        "produce-many" => produce_many(session, args)?,
        "fetch" => fetch(session, args)?,
        "list-offsets" => list_offsets(session, args)?,
        "offset-for-leader-epoch" => offset_for_leader_epoch(session, args)?,
        "delete-records" => delete_records(session, args)?,
        "dump" => Step::Done(dump(session, args)?),
        _ => return Ok(None),
    };
    Ok(Some(step))
}

fn other() -> Reply {
    Reply::of("!! another answer")
}

pub(super) fn isolation(args: &Args) -> Isolation {
    if args.is("isolation", "read_committed") {
        Isolation::ReadCommitted
    } else {
        Isolation::ReadUncommitted
    }
}

// ---- produce ----

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
            times.push(Timestamp(now.0 + shift));
        } else {
            let time: i64 = args::parse(text)?;
            session.timestamps.insert(time);
            times.push(Timestamp(time));
        }
    }
    let time = |i: usize| times.get(i).or(times.last()).copied().unwrap_or(now);
    let texts: Vec<Text> =
        list.iter().enumerate().map(|(i, text)| Text::parse(text, time(i))).collect();
    if texts.is_empty() {
        return Err(DialogueErrorKind::unsupported("a batch without records"));
    }
    let new = NewBatch {
        producer_id: ProducerId(pid),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: args.number("seq", if args.has("pid") { 0 } else { -1 })?,
        transactional: args.has("txn") && !args.is("transactional", "no"),
        max_timestamp: texts.iter().map(|t| t.timestamp).max().unwrap_or(now),
        bytes: batch_bytes(&texts),
    };
    let cluster = &mut session.cluster;
    let ids: Vec<_> = texts.into_iter().map(|text| cluster.texts.push(text)).collect();
    let batch = cluster.batches.push_records(new, &ids);
    if let Some(codec) = args.get("compression").filter(|c| *c != "none") {
        cluster.texts.set_compression(batch, codec);
    }
    Ok(batch)
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

/// The partition that a name or `topic-id=` gives, and the error the wire layer has for it.
fn addressed(
    session: &Session,
    args: &Args,
    name: &str,
    by_id: bool,
) -> Result<(PartitionId, Option<ErrorCode>), DialogueErrorKind> {
    let image = session.cluster.controller().image();
    let (topic, index) = session.topic_and_index(name)?;
    let found = match args.get("topic-id") {
        Some(id) => {
            let id = broker_model::types::TopicId(args::parse(id)?);
            image.topic(id).filter(|t| !t.removed).map(|_| id)
        }
        None => image.topic_by_name(topic),
    };
    let partition = found.and_then(|t| image.partition_of(t, index)).map(|p| p.partition);
    let unknown = by_id && found.is_none();
    Ok((partition.unwrap_or(PartitionId::UNKNOWN), unknown.then_some(ErrorCode::UnknownTopicId)))
}

fn produce(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(PRODUCE)?;
    let name = args.word(0)?;
    let version: i16 = args.number("v", 13)?;
    let (partition, unknown) = addressed(session, args, name, version >= PRODUCE_TOPIC_IDS)?;
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
            let Response::Produce(response) = response else { return other() };
            let Some(p) = response.partitions.first() else { return other() };
            let error = unknown.unwrap_or(p.error);
            let mut reply = show_produced(Reply::of(error), p);
            if let Some((leader, epoch)) = p.current_leader {
                reply = reply.with("current_leader", leader).with("current_epoch", epoch);
            }
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
    let timeout = args.number("timeout", 10_000_u64)? * MILLISECOND;
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
    let bad: Vec<bool> = texts
        .map(|text| match (error, limits) {
            (ErrorCode::InvalidRecord, Some(_)) => text.key.is_none(),
            (ErrorCode::InvalidTimestamp, Some((earliest, latest))) => {
                !(earliest..=latest).contains(&text.timestamp.0)
            }
            _ => false,
        })
        .collect();
    bad.into_iter().enumerate().filter(|(_, bad)| *bad).map(|(i, _)| i)
}

fn produce_many(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    let version: i16 = args.number("v", 13)?;
    let mut asked = Vec::new();
    for (key, value) in &args.named {
        if session.topic_and_index(key).is_err() {
            continue;
        }
        let (partition, unknown) = addressed(session, args, key, version >= PRODUCE_TOPIC_IDS)?;
        let batch = batch(session, args, &args::split(value))?;
        asked.push((key.clone(), ProducePartition { partition, batch }, unknown));
    }
    let options = args.named.iter().filter(|(k, _)| !asked.iter().any(|a| a.0 == *k));
    Args { words: Vec::new(), named: options.cloned().collect() }.only(PRODUCE)?;
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
            let Response::Produce(response) = response else { return other() };
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

// ---- fetch ----

fn fetch(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(FETCH)?;
    let version: i16 = args.number("v", 17)?;
    let (partition, unknown) = addressed(session, args, args.word(0)?, version >= FETCH_TOPIC_IDS)?;
    let epoch = |key| Ok(args.get(key).map(args::parse).transpose()?.map(LeaderEpoch));
    let node = session.leader(args, partition)?;
    let request = FetchRequest {
        replica: replica_state(session, args)?,
        max_wait: args.number("max-wait", 0_u64)? * MILLISECOND,
        min_bytes: args.number("min-bytes", 1)?,
        max_bytes: MEBIBYTE,
        isolation: isolation(args),
        session_id: 0,
        session_epoch: -1,
        partitions: vec![FetchPartition {
            partition,
            fetch_offset: Offset(args.number("offset", 0)?),
            current_leader_epoch: epoch("leader-epoch")?,
            last_fetched_epoch: epoch("last-epoch")?,
            log_start_offset: Offset::NONE,
            max_bytes: args.number("max-bytes", MEBIBYTE)?,
        }],
        forgotten: Vec::new(),
        rack: args.get("rack").and_then(|r| r.trim_start_matches('r').parse().ok()).map(RackId),
    };
    let isolation = isolation(args);
    Ok(Step::Ask(Ask {
        target: Target::Node(node),
        version,
        request: Request::Fetch(request),
        render: Box::new(move |session, response| match response {
            Response::Fetch(response) => show_fetched(session, &response, isolation, unknown),
            _ => other(),
        }),
    }))
}

/// As that follower fetches, with its present broker epoch unless said otherwise.
fn replica_state(
    session: &Session,
    args: &Args,
) -> Result<Option<ReplicaState>, DialogueErrorKind> {
    let Some(id) = args.get("replica") else { return Ok(None) };
    let id = NodeId(args::parse(id)?);
    let known =
        session.cluster.controller().image().broker(id).map_or(BrokerEpoch(-1), |b| b.epoch);
    let epoch = BrokerEpoch(relative(args, "replica-epoch", known.0)?);
    Ok(Some(ReplicaState { id, epoch }))
}

/// `key=N`, or `+N` and `-N` from a base, else the base.
fn relative(args: &Args, key: &str, base: i64) -> Result<i64, DialogueErrorKind> {
    match args.get(key) {
        None => Ok(base),
        Some("-1") => Ok(-1),
        Some(text) if text.starts_with(['+', '-']) => Ok(base + args::parse::<i64>(text)?),
        Some(text) => args::parse(text),
    }
}

fn show_fetched(
    session: &Session,
    response: &FetchResponse,
    isolation: Isolation,
    unknown: Option<ErrorCode>,
) -> Reply {
    let Some(p) = response.partitions.first().filter(|_| response.error == ErrorCode::None) else {
        return Reply::of(response.error).add("(no partitions)");
    };
    let error = unknown.unwrap_or(p.error);
    let mut reply = Reply::of(error)
        .with("hw", p.high_watermark)
        .with("lso", p.last_stable_offset)
        .with("log_start", p.log_start_offset);
    if error == ErrorCode::None && isolation == Isolation::ReadCommitted {
        let mut aborted = p.aborted.clone();
        aborted.sort_by_key(|a| a.first_offset);
        let shown =
            aborted.iter().map(|a| format!("{}@{}", reply::pid(a.producer_id.0), a.first_offset));
        reply = reply.with("aborted", reply::list(shown));
    }
    if let Some(node) = p.preferred_read_replica {
        reply = reply.with("preferred_read_replica", node);
    }
    if let Some(end) = p.diverging {
        reply = reply.with("diverging_epoch", end.epoch).with("diverging_end", end.end_offset);
    }
    if let Some((leader, epoch)) = p.current_leader {
        reply = reply.with("current_leader", leader).with("current_epoch", epoch);
    }
    let entries = &response.entries[p.entries.start as usize..p.entries.end as usize];
    entries.iter().fold(reply, |reply, entry| show::batch(session, p.partition, *entry, reply))
}

// ---- offsets ----

fn list_offsets(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["ts", "isolation", "leader-epoch", "replica", "at", "v"])?;
    let partition = session.partition(args.word(0)?)?;
    let version: i16 = args.number("v", 10)?;
    let answer =
        |error, offset| Reply::of(error).with("offset", offset).with("epoch", -1).with("ts", -1);
    let unsupported = || Ok(Step::Done(answer(ErrorCode::UnsupportedVersion, -1)));
    let spec = match args.get("ts").unwrap_or("latest") {
        "latest" => OffsetSpec::Latest,
        "earliest" => OffsetSpec::Earliest,
        // Which version knows which special time is for the wire layer to say.
        "max-timestamp" if version >= 7 => OffsetSpec::MaxTimestamp,
        "local-earliest" if version >= 8 => OffsetSpec::LocalEarliest,
        // Without tiered storage there is no such offset.
        "latest-tiered" if version >= 9 => return Ok(Step::Done(answer(ErrorCode::None, -1))),
        "max-timestamp" | "local-earliest" | "latest-tiered" => return unsupported(),
        text => match args::parse::<i64>(text)? {
            time if time < 0 => return unsupported(),
            time => OffsetSpec::Timestamp(Timestamp(time)),
        },
    };
    let current = args.get("leader-epoch").map(args::parse).transpose()?.map(LeaderEpoch);
    let replica = args.get("replica").map(args::parse).transpose()?.map(NodeId);
    let asked = ListOffsetsPartition { partition, current_leader_epoch: current, spec };
    let request =
        ListOffsetsRequest { isolation: isolation(args), replica, partitions: vec![asked] };
    Ok(Step::Ask(Ask {
        target: Target::Node(session.leader(args, partition)?),
        version,
        request: Request::ListOffsets(request),
        render: Box::new(|session, response| {
            let Response::ListOffsets(response) = response else { return other() };
            let Some(p) = response.partitions.first() else { return other() };
            let shown =
                p.timestamp == Timestamp::NONE || session.timestamps.contains(&p.timestamp.0);
            let ts = if shown { p.timestamp.0.to_string() } else { "(now)".to_string() };
            Reply::of(p.error)
                .with("offset", p.offset)
                .with("epoch", p.leader_epoch.map_or(-1, |e| e.0))
                .with("ts", ts)
        }),
    }))
}

fn offset_for_leader_epoch(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["epoch", "current", "replica", "at", "v"])?;
    let partition = session.partition(args.word(0)?)?;
    let current: i32 = args.number("current", -1)?;
    let current = (current >= 0).then_some(LeaderEpoch(current));
    let wanted = LeaderEpoch(args.number("epoch", 0)?);
    let replica = args.get("replica").map(args::parse).transpose()?.map(NodeId);
    let request =
        OffsetForLeaderEpochRequest { replica, partitions: vec![(partition, current, wanted)] };
    Ok(Step::Ask(Ask {
        target: Target::Node(session.leader(args, partition)?),
        version: args.number("v", 4)?,
        request: Request::OffsetForLeaderEpoch(request),
        render: Box::new(|_, response| {
            let Response::OffsetForLeaderEpoch(response) = response else { return other() };
            let Some((_, error, end)) = response.partitions.first() else { return other() };
            Reply::of(error)
                .with("epoch", end.map_or(-1, |e| e.epoch.0))
                .with("end", end.map_or(-1, |e| e.end_offset.0))
        }),
    }))
}

fn delete_records(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["before", "at", "v"])?;
    let partition = session.partition(args.word(0)?)?;
    let before = Offset(args.number("before", 0)?);
    let request = DeleteRecordsRequest { partition, before, timeout: 10_000 * MILLISECOND };
    Ok(Step::Ask(Ask {
        target: Target::Node(session.leader(args, partition)?),
        version: args.number("v", 2)?,
        request: Request::DeleteRecords(request),
        render: Box::new(|_, response| match response {
            Response::DeleteRecords(r) => Reply::of(r.error).with("low", r.low_watermark),
            _ => other(),
        }),
    }))
}

/// The batches and leader epochs of a node's log, whether it runs or not.
fn dump(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["at"])?;
    let partition = session.partition(args.word(0)?)?;
    let node = session.leader(args, partition)?;
    let Some(replica) = session.cluster.broker(node).and_then(|b| b.replica(partition)) else {
        return Ok(Reply::of("no log"));
    };
    let log = replica.log();
    let epochs = log.leader_epochs().starts().iter().map(|(e, start)| format!("{e}@{start}"));
    let mut reply = Reply::ok().with("epochs", reply::list(epochs));
    let (entries, segments) = (log.entries(), log.segments());
    for (i, segment) in segments.iter().enumerate() {
        reply = reply.line(format_args!("segment {}", segment.base_offset));
        let end = segments.get(i + 1).map_or(entries.len(), |next| next.first_entry);
        reply = entries[segment.first_entry..end]
            .iter()
            .fold(reply, |reply, entry| show::batch(session, partition, *entry, reply));
    }
    Ok(reply)
}
