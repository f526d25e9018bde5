//! Requests in one line each.

use std::fmt::Write as _;

use broker_model::protocol::Request;
use broker_model::protocol::consumer_group::AssignorChoice;
use broker_model::protocol::fetch::OffsetSpec;
use broker_model::protocol::group::CommittedOffset;
use broker_model::types::{PartitionId, SECOND};

use crate::client::ClientOutput;

fn offsets(list: &[CommittedOffset]) -> String {
    let mut text = String::new();
    for o in list {
        let _ = write!(text, " {}@{}", o.partition, o.offset);
        if let Some(epoch) = o.leader_epoch {
            let _ = write!(text, "/le{epoch}");
        }
    }
    text
}

fn numbers(list: &[PartitionId]) -> Vec<u32> {
    list.iter().map(|p| p.0).collect()
}

/// A request in one line.
pub(super) fn show(output: &ClientOutput) -> String {
    let (to, request) = match output {
        ClientOutput::Send { to, request, .. } => (to, request),
        ClientOutput::SendToCoordinator { to, request, .. } => (to, request),
        ClientOutput::Connect { to } => return format!("connect node={to}"),
        ClientOutput::Close { to } => return format!("close node={to}"),
        ClientOutput::CloseCoordinator { to } => return format!("close-coordinator node={to}"),
    };
    match request {
        Request::Metadata(_) => "metadata".into(),
        Request::FindCoordinator(_) => "find-coordinator".into(),
        Request::Fetch(r) => {
            let mut s = format!("fetch node={to} s={} e={}", r.session_id, r.session_epoch);
            for p in &r.partitions {
                let epoch = p.current_leader_epoch.map_or(-1, |e| e.0);
                let _ = write!(s, " {}@{}/le{epoch}", p.partition, p.fetch_offset);
            }
            if !r.forgotten.is_empty() {
                let _ = write!(s, " forget={:?}", numbers(&r.forgotten));
            }
            s
        }
        Request::ListOffsets(r) => {
            let mut s = format!("list-offsets node={to}");
            for p in &r.partitions {
                let spec = match p.spec {
                    OffsetSpec::Timestamp(t) => format!("{}", t.0),
                    other => format!("{other:?}").to_lowercase(),
                };
                let _ = write!(s, " {}@{spec}", p.partition);
            }
            s
        }
        Request::OffsetForLeaderEpoch(r) => {
            let mut s = format!("epoch-ends node={to}");
            for (p, current, epoch) in &r.partitions {
                let current = current.map_or(-1, |e| e.0);
                let _ = write!(s, " {p}[epoch={epoch} current={current}]");
            }
            s
        }
        Request::JoinGroup(r) => {
            let subscription = r.subscription().expect("a consumer's");
            format!(
                "join-group member={} owned={:?} gen={}",
                r.member,
                numbers(&subscription.owned),
                subscription.generation
            )
        }
        Request::SyncGroup(r) => {
            let mut s = format!("sync-group gen={} member={}", r.generation, r.member);
            for (m, p) in &r.assignments {
                let _ = write!(s, " {m}:{:?}", numbers(p.partitions()));
            }
            s
        }
        Request::Heartbeat(r) => format!("heartbeat gen={} member={}", r.generation, r.member),
        Request::ConsumerGroupHeartbeat(r) => {
            let mut s = format!("member-heartbeat epoch={}", r.epoch);
            if let Some(instance) = &r.instance {
                let _ = write!(s, " instance={instance}");
            }
            if let Some(timeout) = r.rebalance_timeout {
                let _ = write!(s, " timeout={}s", timeout / SECOND);
            }
            if let Some(topics) = &r.topics {
                let _ = write!(s, " topics={}", topics.len());
            }
            if let AssignorChoice::Named(assignor) = r.assignor {
                let _ = write!(s, " assignor={}", assignor.name());
            }
            if let Some(rack) = &r.rack {
                let _ = write!(s, " rack={rack}");
            }
            if let Some(owned) = &r.owned {
                let _ = write!(s, " owned={:?}", numbers(owned));
            }
            s
        }
        Request::LeaveGroup(r) => format!("leave-group member={}", r.members[0].member),
        Request::OffsetCommit(r) => {
            format!("offset-commit gen={} member={}{}", r.generation, r.member, offsets(&r.offsets))
        }
        Request::OffsetFetch(r) => {
            let all = r.partitions.clone().unwrap_or_default();
            let who = r.who.map_or(String::new(), |(_, epoch)| format!(" epoch={epoch}"));
            format!("offset-fetch stable={} {:?}{who}", r.require_stable, numbers(&all))
        }
        other => other.api_key().name().into(),
    }
}
