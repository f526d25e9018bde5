//! `fetch` and `fetch-many`.

use broker_model::protocol::fetch::{
    FetchPartition, FetchRequest, FetchResponse, Isolation, ReplicaState,
};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionId, RackId};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::reply::{self, Reply};
use super::session::{Ask, Session, Step, Target};
use super::show;
use super::targets::addressed;

/// First version of Fetch that names topics by id (KIP-516).
const TOPIC_IDS: i16 = 13;
const MEBIBYTE: u32 = 1 << 20;
const OPTIONS: &[&str] = &[
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

pub(super) fn isolation(args: &Args) -> Isolation {
    if args.is("isolation", "read_committed") {
        Isolation::ReadCommitted
    } else {
        Isolation::ReadUncommitted
    }
}

pub(super) fn fetch(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(OPTIONS)?;
    let version: i16 = args.number("v", 17)?;
    let by_id = version >= TOPIC_IDS;
    let (partition, _) = addressed(session, args, args.word(0)?, by_id)?;
    let asked = match args.get("topic-id") {
        Some(_) if partition == PartitionId::UNKNOWN => session.unknown_address(args.word(0)?)?,
        Some(_) => partition,
        None => session.address(args.word(0)?, by_id)?,
    };
    let epoch = |key| Ok(args.get(key).map(args::parse).transpose()?.map(LeaderEpoch));
    let node = session.leader(args, partition)?;
    let request = FetchRequest {
        replica: replica_state(session, args)?,
        max_wait: args.millis("max-wait", 0)?,
        min_bytes: args.number("min-bytes", 1)?,
        max_bytes: MEBIBYTE,
        isolation: isolation(args),
        session_id: 0,
        session_epoch: -1,
        partitions: vec![FetchPartition {
            partition: asked,
            fetch_offset: Offset(args.number("offset", 0)?),
            current_leader_epoch: epoch("leader-epoch")?,
            last_fetched_epoch: epoch("last-epoch")?.filter(|epoch| epoch.0 >= 0),
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
            Response::Fetch(response) => show_fetched(session, &response, isolation, partition),
            _ => Reply::unexpected(),
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
    let epoch = BrokerEpoch(args.relative("replica-epoch", known.0)?);
    Ok(Some(ReplicaState { id, epoch }))
}

fn show_fetched(
    session: &Session,
    response: &FetchResponse,
    isolation: Isolation,
    partition: PartitionId,
) -> Reply {
    let Some(p) = response.partitions.first().filter(|_| response.error == ErrorCode::None) else {
        return Reply::of(response.error).add("(no partitions)");
    };
    let error = p.error;
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
    reply = show::hint(reply, p.current_leader);
    let entries = &response.entries[p.entries.start as usize..p.entries.end as usize];
    entries.iter().fold(reply, |reply, entry| show::batch(session, partition, *entry, reply))
}

// ---- several partitions ----

/// `fetch-many [t-0@OFFSET[:MAXBYTES],...] [session=s|N] [epoch=N] [forget=t-0]`.
pub(super) fn fetch_many(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&[
        "session",
        "epoch",
        "forget",
        "max-bytes",
        "isolation",
        "min-bytes",
        "max-wait",
        "at",
        "v",
    ])?;
    let version: i16 = args.number("v", 17)?;
    let by_id = version >= TOPIC_IDS;
    let (mut partitions, mut first) = (Vec::new(), PartitionId::UNKNOWN);
    for text in args::split(args.words.first().map_or("", String::as_str)) {
        let (name, place) = text.split_once('@').unwrap_or((text, "0"));
        let (offset, limit) = place.split_once(':').unwrap_or((place, ""));
        if partitions.is_empty() {
            first = session.partition(name)?;
        }
        partitions.push(FetchPartition {
            partition: session.address(name, by_id)?,
            fetch_offset: Offset(args::parse(offset)?),
            current_leader_epoch: None,
            last_fetched_epoch: None,
            log_start_offset: Offset::NONE,
            max_bytes: if limit.is_empty() { MEBIBYTE } else { args::parse(limit)? },
        });
    }
    let forgotten: Result<_, _> =
        args.list("forget").into_iter().map(|name| session.address(name, by_id)).collect();
    let known = args.get("session").and_then(|name| session.variable(name)?.fetch_session);
    let request = FetchRequest {
        replica: None,
        max_wait: args.millis("max-wait", 0)?,
        min_bytes: args.number("min-bytes", 1)?,
        max_bytes: args.number("max-bytes", MEBIBYTE)?,
        isolation: isolation(args),
        session_id: known.map_or_else(|| args.number("session", 0), Ok)?,
        session_epoch: args.number("epoch", -1)?,
        partitions,
        forgotten: forgotten?,
        rack: None,
    };
    let node = if request.partitions.is_empty() {
        session.any_node(args)?
    } else {
        session.leader(args, first)?
    };
    Ok(Step::Ask(Ask {
        target: Target::Node(node),
        version,
        request: Request::Fetch(request),
        render: Box::new(|session, response| match response {
            Response::Fetch(response) => show_many(session, &response),
            _ => Reply::unexpected(),
        }),
    }))
}

fn show_many(session: &Session, response: &FetchResponse) -> Reply {
    let mut reply =
        Reply::of(response.error).with("session", reply::fetch_session(response.session_id));
    reply = reply.with_if(response.throttle_time > 0, "throttled", "yes");
    reply.values.fetch_session = Some(response.session_id);
    for p in &response.partitions {
        let name = session.shown_partition(p.partition);
        reply = reply.line(format_args!("{name} {}", p.error));
        if p.error == ErrorCode::None {
            reply = reply
                .with("hw", p.high_watermark)
                .with("lso", p.last_stable_offset)
                .with("log_start", p.log_start_offset);
        }
        reply = reply.with_if(p.cut_bytes > 0, "and_part_of_a_batch", "yes");
        let entries = &response.entries[p.entries.start as usize..p.entries.end as usize];
        let batches = entries.iter().fold(Reply::of(""), |batches, entry| {
            show::batch(session, p.partition, *entry, batches)
        });
        reply = batches.lines.iter().skip(1).fold(reply, |reply, line| reply.line(line));
    }
    reply
}
