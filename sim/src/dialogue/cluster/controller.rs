//! What the controller wrote to the metadata log, and requests that only brokers send to it.

use broker_model::protocol::controller::{AlterPartitionRequest, AlteredPartition, WantedIsr};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::{MetadataRecord, PartitionRecord};
use broker_model::types::{
    BrokerEpoch, LeaderEpoch, MILLISECOND, NodeId, PartitionEpoch, PartitionId,
};

use super::DialogueErrorKind;
use super::admin::{node_or_none, sorted};
use super::args::{self, Args};
use super::reply::{Reply, list};
use super::session::Session;
use super::targets::addressed;

/// The partition at each of its partition epochs.
pub(super) fn changes(session: &Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&[])?;
    let partition = session.partition(args.word(0)?)?;
    let states = session.cluster.controller().records().iter().filter_map(|record| match record {
        MetadataRecord::Partition(p) if p.partition == partition => Some(p),
        _ => None,
    });
    let mut replicas: &[NodeId] = &[];
    Ok(states.fold(Reply::ok(), |reply, p| {
        let moved = replicas != p.replicas;
        replicas = &p.replicas;
        let some = |nodes: &[NodeId]| !nodes.is_empty();
        let reply = reply
            .line(format_args!("@{}", p.partition_epoch))
            .with("leader", node_or_none(p.leader))
            .with("epoch", p.leader_epoch)
            .with("isr", sorted(&p.isr))
            .with_if(moved, "replicas", list(&p.replicas))
            .with_if(some(&p.adding), "adding", sorted(&p.adding))
            .with_if(some(&p.removing), "removing", sorted(&p.removing))
            .with_if(some(&p.eligible_leader_replicas), "elr", sorted(&p.eligible_leader_replicas))
            .with_if(some(&p.last_known_elr), "last_known_elr", sorted(&p.last_known_elr));
        if p.recovering { reply.add("recovering") } else { reply }
    }))
}

/// As a leader asks for a new ISR; what is not said is as it is at present.
pub(super) fn alter_partition(
    session: &mut Session,
    args: &Args,
) -> Result<Reply, DialogueErrorKind> {
    args.only(&[
        "isr",
        "broker",
        "broker-epoch",
        "leader-epoch",
        "partition-epoch",
        "stale",
        "recovering",
        "topic-id",
    ])?;
    let (partition, unknown) = addressed(session, args, args.word(0)?, true)?;
    let request = alter_partition_request(session, args, partition)?;
    let controller = session.cluster.controller().node();
    let answer = session.ask(controller, 3, Request::AlterPartition(request));
    session.cluster.advance(200 * MILLISECOND);
    let Some(Response::AlterPartition(mut answer)) = answer else {
        return Ok(Reply::unexpected());
    };
    let Some(altered) = answer.partitions.first_mut() else {
        return Ok(Reply::of(answer.error).add("(whole request)"));
    };
    if altered.error == ErrorCode::UnknownTopicOrPartition {
        altered.error = unknown.unwrap_or(altered.error);
    }
    Ok(show_altered(altered))
}

fn alter_partition_request(
    session: &Session,
    args: &Args,
    partition: PartitionId,
) -> Result<AlterPartitionRequest, DialogueErrorKind> {
    let image = session.cluster.controller().image();
    let now: Option<&PartitionRecord> = image.partition(partition);
    let leader = now.and_then(|p| p.leader).map_or(1, |l| l.0);
    let broker = NodeId(args.number("broker", leader)?);
    let epoch = |node| image.broker(node).map_or(BrokerEpoch(-1), |b| b.epoch);
    let small = |value: i64| {
        i32::try_from(value).map_err(|_| DialogueErrorKind::syntax("an epoch out of bounds"))
    };
    let (leader_epoch, partition_epoch) =
        now.map_or((0, 0), |p| (i64::from(p.leader_epoch.0), i64::from(p.partition_epoch.0)));
    let stale = args.list("stale");
    let mut isr = Vec::new();
    for node in args.list("isr") {
        let id = NodeId(args::parse(node)?);
        let older = i64::from(stale.contains(&node));
        isr.push((id, BrokerEpoch(epoch(id).0 - older)));
    }
    Ok(AlterPartitionRequest {
        broker,
        broker_epoch: BrokerEpoch(args.relative("broker-epoch", epoch(broker).0)?),
        partitions: vec![WantedIsr {
            partition,
            leader_epoch: LeaderEpoch(small(args.relative("leader-epoch", leader_epoch)?)?),
            partition_epoch: PartitionEpoch(small(
                args.relative("partition-epoch", partition_epoch)?,
            )?),
            isr,
            recovering: args.is("recovering", "yes"),
        }],
    })
}

/// Errors leave a partition's fields at zero.
fn show_altered(answer: &AlteredPartition) -> Reply {
    match answer.error {
        ErrorCode::None => Reply::of(answer.error)
            .with("leader", node_or_none(answer.leader))
            .with("epoch", answer.leader_epoch)
            .with("isr", sorted(&answer.isr))
            .with("partition_epoch", answer.partition_epoch),
        error => Reply::of(error)
            .with("leader", 0)
            .with("epoch", 0)
            .with("isr", "-")
            .with("partition_epoch", 0),
    }
}
