//! Requests and results in the words of the recordings.

use std::fmt::Write as _;

use broker_model::protocol::Request;
use broker_model::protocol::fetch::{FetchRequest, Isolation, OffsetSpec};
use broker_model::protocol::group::{Assignor, CommittedOffset, JoinGroupRequest};
use broker_model::types::{LeaderEpoch, MemberId, NodeId};

use super::setup::Cluster;
use crate::client::consumer::{CommitError, ConsumerError, Run};

/// `le0`, or `le-` for none.
pub(super) fn epoch(epoch: Option<LeaderEpoch>) -> String {
    epoch.map_or_else(|| "le-".to_owned(), |e| format!("le{}", e.0))
}

/// `m1`, or nothing for a member without id.
pub(super) fn member(id: MemberId) -> String {
    if id.0 == 0 { "''".to_owned() } else { format!("m{}", id.0) }
}

fn offsets(cluster: &Cluster, offsets: &[CommittedOffset]) -> String {
    let mut text = String::new();
    for o in offsets {
        let _ = write!(text, " {}@{}", cluster.name(o.partition), o.offset);
        if let Some(epoch) = o.leader_epoch {
            let _ = write!(text, "/le{}", epoch.0);
        }
    }
    text
}

fn fetch(cluster: &Cluster, r: &FetchRequest) -> String {
    let mut text = format!("session={} epoch={}", r.session_id, r.session_epoch);
    if r.isolation == Isolation::ReadCommitted {
        text.push_str(" read_committed");
    }
    for p in &r.partitions {
        let (name, epoch) = (cluster.name(p.partition), epoch(p.current_leader_epoch));
        let _ = write!(text, " {name}@{}/{epoch}", p.fetch_offset);
    }
    if !r.forgotten.is_empty() {
        let _ = write!(text, " forget=[{}]", cluster.names(&r.forgotten, ","));
    }
    text
}

fn join(cluster: &Cluster, group: &str, r: &JoinGroupRequest) -> String {
    let topic = |t: &broker_model::types::TopicId| {
        cluster.topics.get(t.index()).map_or("?", |(name, _)| name.as_str())
    };
    let subscription = r.subscription().cloned().unwrap_or_default();
    let topics: Vec<&str> = subscription.topics.iter().map(topic).collect();
    let mut text = format!("group={group} member={}", member(r.member));
    for protocol in &r.protocols {
        let name = protocol.name.assignor().map_or("?", Assignor::name);
        let _ = write!(
            text,
            " {name}[topics=[{}] owned=[{}] gen={}]",
            topics.join(","),
            cluster.names(&subscription.owned, ","),
            subscription.generation
        );
    }
    text
}

/// The name of a request, as `respond` takes it.
pub(super) const fn kind(request: &Request) -> &'static str {
    match request {
        Request::Metadata(_) => "metadata",
        Request::FindCoordinator(_) => "find-coordinator",
        Request::Fetch(_) => "fetch",
        Request::ListOffsets(_) => "list-offsets",
        Request::OffsetForLeaderEpoch(_) => "offset-for-leader-epoch",
        Request::JoinGroup(_) => "join-group",
        Request::SyncGroup(_) => "sync-group",
        Request::Heartbeat(_) => "heartbeat",
        Request::LeaveGroup(_) => "leave-group",
        Request::OffsetCommit(_) => "offset-commit",
        Request::OffsetFetch(_) => "offset-fetch",
        _ => "?",
    }
}

/// A request after its number: name, node, fields.
pub(super) fn request(
    cluster: &Cluster,
    group: &str,
    (node, coordinator): (NodeId, bool),
    request: &Request,
    leave_reason: &str,
) -> String {
    let node = if coordinator { format!("coordinator-{node}") } else { node.to_string() };
    let fields = match request {
        Request::Metadata(r) => {
            format!("topics=[{}]", r.topics.clone().unwrap_or_default().join(","))
        }
        Request::FindCoordinator(_) => format!("type=group key={group}"),
        Request::Fetch(r) => fetch(cluster, r),
        Request::ListOffsets(r) => {
            let spec = |spec| match spec {
                OffsetSpec::Latest => "latest",
                OffsetSpec::Earliest => "earliest",
                OffsetSpec::Timestamp(_) => "a-timestamp",
                _ => "?",
            };
            let of = |p: &broker_model::protocol::fetch::ListOffsetsPartition| {
                format!("{}@{}", cluster.name(p.partition), spec(p.spec))
            };
            r.partitions.iter().map(of).collect::<Vec<_>>().join(" ")
        }
        Request::OffsetForLeaderEpoch(r) => {
            let of = |(p, current, epoch): &(_, Option<LeaderEpoch>, LeaderEpoch)| {
                let current = current.map_or(-1, |e| e.0);
                format!("{}[epoch={epoch} current={current}]", cluster.name(*p))
            };
            r.partitions.iter().map(of).collect::<Vec<_>>().join(" ")
        }
        Request::JoinGroup(r) => join(cluster, group, r),
        Request::SyncGroup(r) => {
            let mut text =
                format!("group={group} gen={} member={}", r.generation, member(r.member));
            for (m, partitions) in &r.assignments {
                let _ = write!(
                    text,
                    " {}:[{}]",
                    member(*m),
                    cluster.names(partitions.partitions(), ",")
                );
            }
            text
        }
        Request::Heartbeat(r) => {
            format!("group={group} gen={} member={}", r.generation, member(r.member))
        }
        Request::LeaveGroup(r) => {
            let leaving = member(r.members[0].member);
            format!("group={group} member={leaving} reason='{leave_reason}'")
        }
        Request::OffsetCommit(r) => {
            let id = member(r.member);
            let offsets = offsets(cluster, &r.offsets);
            format!("group={group} gen={} member={id}{offsets}", r.generation)
        }
        Request::OffsetFetch(r) => {
            let partitions = r.partitions.clone().unwrap_or_default();
            let names = cluster.names(&partitions, " ");
            format!("group={group} require-stable={} {names}", r.require_stable)
        }
        _ => String::new(),
    };
    let space = if fields.is_empty() { "" } else { " " };
    format!("{} node={node}{space}{fields}", kind(request))
}

/// `t-0@0..3,5..5 t-1@...`: offsets inclusive, neighbors joined.
pub(super) fn records(cluster: &Cluster, runs: &[Run]) -> String {
    let mut spans: Vec<(broker_model::types::PartitionId, Vec<(i64, i64)>)> = Vec::new();
    for run in runs {
        let (first, last) = (run.first_offset().0, run.end_offset().0 - 1);
        match spans.iter_mut().find(|(p, _)| *p == run.partition) {
            Some((_, list)) => match list.last_mut() {
                Some(before) if before.1 + 1 == first => before.1 = last,
                _ => list.push((first, last)),
            },
            None => spans.push((run.partition, vec![(first, last)])),
        }
    }
    let shown = |(partition, list): &(_, Vec<(i64, i64)>)| {
        let list: Vec<String> = list.iter().map(|(a, b)| format!("{a}..{b}")).collect();
        format!("{}@{}", cluster.name(*partition), list.join(","))
    };
    spans.iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// The exception that Java completes a commit with.
pub(super) const fn commit_error(error: CommitError) -> &'static str {
    match error {
        CommitError::CommitFailed => "CommitFailedException",
        CommitError::RebalanceInProgress => "RebalanceInProgressException",
        CommitError::Retriable(_) => "RetriableCommitFailedException",
        CommitError::Timeout => "TimeoutException",
        CommitError::FencedInstance => "FencedInstanceIdException",
        CommitError::Refused(_) => "KafkaException",
    }
}

/// The exception that Java's poll throws, with what it names.
pub(super) fn poll_error(cluster: &Cluster, error: &ConsumerError) -> String {
    match error {
        ConsumerError::NoOffset(partitions) => {
            format!("NoOffsetForPartitionException [{}]", cluster.names(partitions, ", "))
        }
        ConsumerError::OffsetOutOfRange(p, offset) => {
            format!("OffsetOutOfRangeException {{{}={offset}}}", cluster.name(*p))
        }
        ConsumerError::LogTruncation(p, offset) => {
            format!("LogTruncationException {{{}={offset}}}", cluster.name(*p))
        }
        ConsumerError::Corrupt(..) => "KafkaException".to_owned(),
        ConsumerError::Group(error) => format!("KafkaException {error}"),
    }
}
