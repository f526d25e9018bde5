//! Batches as text.

use broker_model::config::TimestampType;
use broker_model::records::{Content, LogEntry};
use broker_model::types::{LeaderEpoch, NodeId, PartitionId};

use super::admin::node_or_none;
use super::reply::{Reply, pid};
use super::session::Session;

/// A line for the batch, one for each record.
pub(super) fn batch(
    session: &Session,
    partition: PartitionId,
    entry: LogEntry,
    reply: Reply,
) -> Reply {
    let body = *session.cluster.batches.get(entry.batch);
    let last = entry.base_offset + (i64::from(body.count) - 1);
    let append_time = append_time(session, partition);
    let mut reply = reply
        .line(format_args!("batch {}..{last}", entry.base_offset))
        .with("epoch", entry.leader_epoch);
    if body.producer_id.is_some() {
        reply = reply
            .with("pid", pid(body.producer_id.0))
            .with("pepoch", body.producer_epoch)
            .with("seq", body.base_sequence);
    }
    for (word, shown) in [("txn", body.transactional), ("control", body.control)] {
        reply = if shown { reply.add(word) } else { reply };
    }
    if let Some(compression) = session.cluster.batches.compression(entry.batch) {
        reply = reply.with("compression", compression.codec.name());
    }
    if append_time && !body.control {
        reply = reply.add("append_time");
    }
    let batches = &session.cluster.batches;
    if batches.is_emptied(entry.batch) {
        return reply;
    }
    if let Content::Marker { commit, .. } = body.content {
        let verdict = if commit { "COMMIT" } else { "ABORT" };
        return reply.line(format_args!("  {} {verdict}", entry.base_offset));
    }
    let ids = batches.records(entry.batch);
    for i in batches.positions(entry.batch).filter(|&i| (i as usize) < ids.len()) {
        let text = session.cluster.texts.get(ids[i as usize]);
        let shown = !append_time && session.timestamps.contains(&text.timestamp.0);
        reply = reply
            .line(format_args!("  {} {}", entry.base_offset + i64::from(i), text.shown()))
            .with_if(shown, "ts", text.timestamp.0);
    }
    reply
}

/// The leader that a broker names with an error (KIP-951).
pub(super) fn hint(reply: Reply, current: Option<(NodeId, LeaderEpoch)>) -> Reply {
    let Some((leader, epoch)) = current else { return reply };
    let leader = node_or_none(Some(leader).filter(|l| *l != NodeId::NONE));
    reply.with("current_leader", leader).with("current_epoch", epoch)
}

fn append_time(session: &Session, partition: PartitionId) -> bool {
    let leader = session.cluster.agreed_leader(partition);
    let replica = leader.and_then(|l| session.cluster.broker(l)?.replica(partition));
    replica.is_some_and(|r| r.log().config().timestamp_type == TimestampType::LogAppendTime)
}
