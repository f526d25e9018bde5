//! Verbs about groups of the new protocol (KIP-848).

use broker_model::protocol::consumer_group::{
    AssignorChoice, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, DescribedConsumer,
    ServerAssignor,
};
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{
    Duration, GroupEpoch, MILLISECOND, MemberId, PartitionId, SECOND, TextId,
};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::reply::{Reply, list};
use super::session::{Ask, Session, Step};

/// The rebalance timeout of a member that joins without saying one.
const REBALANCE_TIMEOUT: Duration = 30 * SECOND;
/// `group.consumer.heartbeat.interval.ms` by default: only another one is shown.
const HEARTBEAT_INTERVAL: Duration = 5 * SECOND;

pub(super) fn heartbeat(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&[
        "member",
        "epoch",
        "topics",
        "regex",
        "owned",
        "instance",
        "assignor",
        "rebalance-timeout",
        "rack",
        "at",
        "v",
    ])?;
    let group = session.cluster.names.group(args.word(0)?);
    let (member, known) = session.member(args)?;
    let epoch = GroupEpoch(args.number("epoch", known.0.max(0))?);
    let joins = epoch == GroupEpoch::JOINING;
    let request = ConsumerGroupHeartbeatRequest {
        group,
        member,
        epoch,
        instance: args.get("instance").map(ToString::to_string),
        rack: args.get("rack").map(ToString::to_string),
        rebalance_timeout: rebalance_timeout(args, joins)?,
        topics: args.has("topics").then(|| {
            let names = args.list("topics");
            names.into_iter().map(|name| session.cluster.names.topic(name)).collect()
        }),
        pattern: args.get("regex").map(|regex| session.cluster.names.text(regex)),
        assignor: assignor(args.get("assignor")),
        owned: owned(session, args, joins)?,
    };
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", 1)?,
        request: Request::ConsumerGroupHeartbeat(Box::new(request)),
        render: Box::new(move |session, response| match response {
            Response::ConsumerGroupHeartbeat(r) => heartbeat_reply(session, member, r),
            _ => Reply::unexpected(),
        }),
    }))
}

fn rebalance_timeout(args: &Args, joins: bool) -> Result<Option<Duration>, DialogueErrorKind> {
    match args.get("rebalance-timeout").map(args::parse::<i64>).transpose()? {
        Some(timeout) => Ok(u64::try_from(timeout).ok().map(|t| t.saturating_mul(MILLISECOND))),
        None => Ok(joins.then_some(REBALANCE_TIMEOUT)),
    }
}

fn assignor(name: Option<&str>) -> AssignorChoice {
    let Some(name) = name else { return AssignorChoice::Unnamed };
    let known = ServerAssignor::ALL.into_iter().find(|assignor| assignor.name() == name);
    known.map_or(AssignorChoice::Unknown, AssignorChoice::Named)
}

/// What the member has: nothing when it joins, not told otherwise, unless `owned=` says it.
fn owned(
    session: &Session,
    args: &Args,
    joins: bool,
) -> Result<Option<Vec<PartitionId>>, DialogueErrorKind> {
    match args.get("owned") {
        None => Ok(joins.then(Vec::new)),
        Some("none") => Ok(Some(Vec::new())),
        Some(list) => {
            let names = args::split(list).into_iter();
            names.map(|name| session.partition(name)).collect::<Result<_, _>>().map(Some)
        }
    }
}

fn heartbeat_reply(session: &Session, asked: MemberId, r: ConsumerGroupHeartbeatResponse) -> Reply {
    let mut reply = Reply::of(r.error);
    if r.error == ErrorCode::None {
        let interval = r.heartbeat_interval;
        let shown = interval > 0 && interval != HEARTBEAT_INTERVAL;
        let assignment = match &r.assignment {
            Some(partitions) => shown_partitions(session, partitions),
            None => "unchanged".to_string(),
        };
        reply = reply
            .with("member", session.shown_member(r.member))
            .with("epoch", r.epoch)
            .with_if(shown, "interval", interval / MILLISECOND)
            .with("assignment", assignment);
    }
    let member = if r.member == MemberId(0) { asked.0 } else { r.member.0 };
    reply.values.member = Some(member);
    reply.values.generation = Some(r.epoch.0);
    reply
}

pub(super) fn describe(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let group = session.cluster.names.group(args.word(0)?);
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", 1)?,
        request: Request::ConsumerGroupDescribe(ConsumerGroupDescribeRequest { group }),
        render: Box::new(move |session, response| match response {
            Response::ConsumerGroupDescribe(r) => described(session, &r),
            _ => Reply::unexpected(),
        }),
    }))
}

fn described(session: &Session, r: &ConsumerGroupDescribeResponse) -> Reply {
    let reply = Reply::of(r.error);
    if r.error != ErrorCode::None {
        return reply;
    }
    let head = reply
        .with("state", r.state)
        .with("epoch", r.epoch)
        .with("assignment_epoch", r.assignment_epoch)
        .with("assignor", r.assignor.name());
    let mut members: Vec<&DescribedConsumer> = r.members.iter().collect();
    // Ids of the dialogue's own making come first.
    members.sort_by_key(|m| {
        let name = session.members.name(m.member);
        (name.is_none(), name.unwrap_or_default().to_owned(), m.member)
    });
    members.into_iter().fold(head, |reply, member| described_member(session, reply, member))
}

fn described_member(session: &Session, reply: Reply, m: &DescribedConsumer) -> Reply {
    let mut topics: Vec<&str> =
        m.topics.iter().map(|&topic| session.cluster.names.topic_name(topic)).collect();
    topics.sort_unstable();
    reply
        .line(session.shown_member(m.member))
        .with("epoch", m.epoch)
        .with_if(m.instance.is_some(), "instance", m.instance.as_deref().unwrap_or_default())
        .with("client", session.name_of_client(m.client))
        .with("topics", list(topics))
        .with_if(m.pattern != TextId::EMPTY, "regex", session.cluster.names.text_of(m.pattern))
        .with("assignment", shown_partitions(session, &m.assignment))
        .with("target", shown_partitions(session, &m.target))
        .with("type", u8::from(!m.is_classic))
}

fn shown_partitions(session: &Session, partitions: &[PartitionId]) -> String {
    let mut names: Vec<String> =
        partitions.iter().map(|&p| session.cluster.partition_name(p)).collect();
    names.sort();
    list(names)
}
