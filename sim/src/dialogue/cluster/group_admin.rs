//! Verbs about groups as an administrator sees them.

use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::group_admin::{
    DeleteGroupsRequest, DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest,
    OffsetDeleteRequest,
};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{GroupId, NodeId, PartitionId, TopicId};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::members::instanced;
use super::reply::{Reply, quoted};
use super::session::{Ask, Session, Step, Target};
use super::transactions::named;

/// The version of `DescribeGroups` that the runner itself asks with.
const DESCRIBE: i16 = 6;

/// The state of a group, for `await`.
pub(super) fn state(session: &mut Session, name: &str) -> Result<String, DialogueErrorKind> {
    let group = session.cluster.names.group(name);
    let node = session.coordinator(CoordinatorKey::Group(group))?;
    let request = Request::DescribeGroups(DescribeGroupsRequest { group });
    Ok(match session.ask(node, DESCRIBE, request) {
        Some(Response::DescribeGroups(r)) if r.state.is_empty() => r.error.name().to_string(),
        Some(Response::DescribeGroups(r)) => r.state.to_string(),
        _ => String::new(),
    })
}

pub(super) fn describe(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let group = session.cluster.names.group(args.word(0)?);
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", DESCRIBE)?,
        request: Request::DescribeGroups(DescribeGroupsRequest { group }),
        render: Box::new(|session, response| match response {
            Response::DescribeGroups(r) => described(session, &r),
            _ => Reply::unexpected(),
        }),
    }))
}

fn described(session: &Session, r: &DescribeGroupsResponse) -> Reply {
    let protocol = r.protocol.map_or("", |p| session.cluster.names.protocol_name(p));
    let reply = Reply::of(r.error)
        .with("state", quoted(r.state))
        .with("type", session.shown_type(r.protocol_type))
        .with("protocol", quoted(protocol));
    let mut members: Vec<_> = r.members.iter().collect();
    members.sort_by_key(|m| session.members.order(m.member, m.instance.as_deref()));
    members.into_iter().fold(reply, |reply, m| {
        let metadata = m.metadata.as_ref().map_or(quoted(""), |m| session.shown_metadata(m));
        instanced(reply.line(session.shown_member(m.member)), m.instance.as_deref())
            .with("client", session.name_of_client(m.client))
            .with("metadata", format_args!("{{{metadata}}}"))
            .with("assignment", session.shown_assignment(&m.assignment))
    })
}

pub(super) fn list_groups(args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["states", "types", "at", "v"])?;
    let words = |key| args.list(key).into_iter().map(ToString::to_string).collect();
    let request = ListGroupsRequest { states: words("states"), types: words("types") };
    let target = match args.get("at") {
        Some(node) => Target::Node(NodeId(args::parse(node)?)),
        // Whichever it is: all groups are of the one partition of the offsets topic.
        None => Target::Coordinator(CoordinatorKey::Group(GroupId(0))),
    };
    Ok(Step::Ask(Ask {
        target,
        version: args.number("v", 5)?,
        request: Request::ListGroups(request),
        render: Box::new(|session, response| {
            let Response::ListGroups(mut r) = response else { return Reply::unexpected() };
            let names = &session.cluster.names;
            r.groups.sort_by_key(|g| names.group_name(g.group));
            r.groups.iter().fold(Reply::of(r.error), |reply, g| {
                reply
                    .line(quoted(names.group_name(g.group)))
                    .with("type", g.group_type.name())
                    .with("state", g.state)
                    .with("protocol_type", session.shown_type(g.protocol_type))
            })
        }),
    }))
}

pub(super) fn delete(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let group = session.cluster.names.group(args.word(0)?);
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", 2)?,
        request: Request::DeleteGroups(DeleteGroupsRequest { group }),
        render: Box::new(|_, response| match response {
            Response::DeleteGroups(r) => Reply::of(r.error),
            _ => Reply::unexpected(),
        }),
    }))
}

pub(super) fn offset_delete(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let group = session.cluster.names.group(args.word(0)?);
    let mut names: Vec<String> =
        args::split(args.word(1)?).into_iter().map(ToString::to_string).collect();
    names.sort();
    let mut partitions: Vec<(TopicId, PartitionId)> = Vec::new();
    for name in &names {
        let (topic, _) = session.topic_and_index(name)?;
        let topic = session.cluster.controller().image().topic_by_name(topic);
        partitions.push((topic.unwrap_or(TopicId::UNKNOWN), session.partition(name)?));
    }
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", 0)?,
        request: Request::OffsetDelete(OffsetDeleteRequest { group, partitions }),
        render: Box::new(move |_, response| match response {
            Response::OffsetDelete(r) if r.error != ErrorCode::None => Reply::of(r.error),
            Response::OffsetDelete(r) => named(&names, &r.partitions),
            _ => Reply::unexpected(),
        }),
    }))
}
