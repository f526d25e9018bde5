//! Verbs about offsets and what is on disk.

use broker_model::partition::Replica;
use broker_model::protocol::fetch::{
    ListOffsetsPartition, ListOffsetsRequest, OffsetForLeaderEpochRequest, OffsetSpec,
};
use broker_model::protocol::produce::DeleteRecordsRequest;
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{LeaderEpoch, MILLISECOND, NodeId, Offset, PartitionId, Timestamp};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::fetch::isolation;
use super::reply::{self, Reply};
use super::session::{Ask, Session, Step, Target};
use super::show;

pub(super) fn list_offsets(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
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
    let replica = replica(args)?;
    let asked = ListOffsetsPartition { partition, current_leader_epoch: current, spec };
    let request =
        ListOffsetsRequest { isolation: isolation(args), replica, partitions: vec![asked] };
    Ok(Step::Ask(Ask {
        target: Target::Node(session.leader(args, partition)?),
        version,
        request: Request::ListOffsets(request),
        render: Box::new(|session, response| {
            let Response::ListOffsets(response) = response else { return Reply::unexpected() };
            let Some(p) = response.partitions.first() else { return Reply::unexpected() };
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

pub(super) fn offset_for_leader_epoch(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    args.only(&["epoch", "current", "replica", "at", "v"])?;
    let partition = session.partition(args.word(0)?)?;
    let current: i32 = args.number("current", -1)?;
    let current = (current >= 0).then_some(LeaderEpoch(current));
    let wanted = LeaderEpoch(args.number("epoch", 0)?);
    let replica = replica(args)?;
    let request =
        OffsetForLeaderEpochRequest { replica, partitions: vec![(partition, current, wanted)] };
    Ok(Step::Ask(Ask {
        target: Target::Node(session.leader(args, partition)?),
        version: args.number("v", 4)?,
        request: Request::OffsetForLeaderEpoch(request),
        render: Box::new(|_, response| {
            let Response::OffsetForLeaderEpoch(response) = response else {
                return Reply::unexpected();
            };
            let Some((_, error, end)) = response.partitions.first() else {
                return Reply::unexpected();
            };
            Reply::of(error)
                .with("epoch", end.map_or(-1, |e| e.epoch.0))
                .with("end", end.map_or(-1, |e| e.end_offset.0))
        }),
    }))
}

pub(super) fn delete_records(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
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
            _ => Reply::unexpected(),
        }),
    }))
}

/// The batches and leader epochs of a node's log, whether it runs or not.
pub(super) fn dump(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["at"])?;
    let partition = session.partition(args.word(0)?)?;
    let node = session.leader(args, partition)?;
    let Some((partition, replica)) = on_disk(session, node, args.word(0)?) else {
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

/// Segments and producer snapshots in a node's folder.
pub(super) fn files(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["at"])?;
    let partition = session.partition(args.word(0)?)?;
    let node = session.leader(args, partition)?;
    let Some((_, replica)) = on_disk(session, node, args.word(0)?) else {
        return Ok(Reply::of("no log"));
    };
    let log = replica.log();
    let segments = log.segments().iter().map(|s| (s.base_offset, "log"));
    let mut files: Vec<(Offset, &str)> =
        segments.chain(log.snapshot_offsets().map(|offset| (offset, "snapshot"))).collect();
    files.sort_unstable();
    let names = files.iter().map(|(offset, kind)| format!("{offset}.{kind}"));
    Ok(Reply::ok().with("files", reply::list(names)))
}

/// The log in a node's folder of that name; the topic may be gone meanwhile.
fn on_disk<'s>(
    session: &'s Session,
    node: NodeId,
    name: &str,
) -> Option<(PartitionId, &'s Replica)> {
    let mut hosted = session.cluster.broker(node)?.replicas();
    hosted.find(|(id, _)| session.cluster.partition_name(*id) == name)
}

/// `replica_id`: -1 is a consumer, -2 one that debugs.
fn replica(args: &Args) -> Result<Option<NodeId>, DialogueErrorKind> {
    Ok(match args.number::<i64>("replica", -1)? {
        -1 => None,
        -2 => Some(NodeId::DEBUGGING),
        _ => args.get("replica").map(args::parse).transpose()?.map(NodeId),
    })
}
