//! Verbs of the members of classic groups.

use std::sync::Arc;

use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::group::{
    Assignment, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeavingMember, MemberProtocol, Metadata, ProtocolType, Subscription, SyncGroupRequest,
};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{GenerationId, MemberId, PartitionId, TopicId};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::reply::{self, Reply, list, quoted};
use super::session::{Ask, Session, Step};

/// From this version on a join and from [`SYNC_TELLS_TYPE`] on a sync tell the protocol's type.
const JOIN_TELLS_TYPE: i16 = 7;
const SYNC_TELLS_TYPE: i16 = 5;
/// From this version on several members leave in one request (KIP-345).
const LEAVE_TOGETHER: i16 = 3;

impl Session {
    /// A member by the name it was bound to, or by an id that is given as it is.
    pub(super) fn member_id(&mut self, text: &str) -> MemberId {
        let bound = self.variable(text).and_then(|v| v.member);
        match bound {
            Some(id) => MemberId(id),
            None if text.is_empty() => MemberId(0),
            None => self.members.literal(text),
        }
    }

    /// `member=m generation=N`.
    pub(super) fn member(
        &mut self,
        args: &Args,
    ) -> Result<(MemberId, GenerationId), DialogueErrorKind> {
        let name = args.get("member").unwrap_or("");
        let generation = self.variable(name).and_then(|v| v.generation).unwrap_or(-1);
        Ok((self.member_id(name), GenerationId(args.number("generation", generation)?)))
    }

    /// A member as a reply names it.
    pub(super) fn shown_member(&self, id: MemberId) -> String {
        match self.members.name(id) {
            Some(name) => name.to_string(),
            None if id == MemberId(0) => quoted(""),
            None => reply::member(id),
        }
    }

    /// `topics=t,u`, also for topics that do not exist.
    fn topic_ids(&self, names: &[&str]) -> Vec<TopicId> {
        let image = self.cluster.controller().image();
        let id = |name: &&str| image.topic_by_name(name).unwrap_or(TopicId::UNKNOWN);
        names.iter().map(id).collect()
    }

    fn partitions(&self, names: &[&str]) -> Result<Vec<PartitionId>, DialogueErrorKind> {
        names.iter().map(|name| self.partition(name)).collect()
    }

    pub(super) fn shown_partitions(&self, partitions: &[PartitionId]) -> String {
        let mut names: Vec<_> =
            partitions.iter().map(|p| self.cluster.partition_name(*p)).collect();
        names.sort();
        list(names)
    }

    pub(super) fn shown_metadata(&self, metadata: &Metadata) -> String {
        match metadata {
            Metadata::Opaque(text) => quoted(self.cluster.names.text_of(*text)),
            Metadata::Consumer(subscription) => {
                let image = self.cluster.controller().image();
                let name = |id: &TopicId| image.topic(*id).map_or("?", |t| t.name.as_str());
                let topics = format!("topics={}", list(subscription.topics.iter().map(name)));
                if subscription.owned.is_empty() {
                    return topics;
                }
                format!("{topics} owned={}", self.shown_partitions(&subscription.owned))
            }
        }
    }

    pub(super) fn shown_assignment(&self, assignment: &Assignment) -> String {
        match assignment {
            Assignment::Opaque(text) => quoted(self.cluster.names.text_of(*text)),
            Assignment::Partitions(partitions) => self.shown_partitions(partitions),
        }
    }

    pub(super) fn shown_type(&self, protocol_type: Option<ProtocolType>) -> String {
        quoted(protocol_type.map_or("", |t| self.cluster.names.protocol_type_name(t)))
    }
}

/// `topics=` is a consumer's subscription under each protocol; else each has a text of its own.
fn protocols(session: &mut Session, args: &Args) -> Result<Vec<MemberProtocol>, DialogueErrorKind> {
    let subscription = match args.get("topics") {
        None => None,
        Some(topics) => Some(Arc::new(Subscription {
            topics: {
                let topics = args::split(topics);
                // A group of the new protocol knows them by name.
                topics.iter().for_each(|topic| {
                    session.cluster.names.topic(topic);
                });
                session.topic_ids(&topics)
            },
            owned: session.partitions(&args.list("owned"))?,
            generation: GenerationId(args.number("owned-generation", -1)?),
        })),
    };
    let names = &mut session.cluster.names;
    let protocol = |text: &str| {
        let (name, metadata) = text.split_once(':').unwrap_or((text, ""));
        let metadata = match &subscription {
            Some(subscription) => Metadata::Consumer(Arc::clone(subscription)),
            None => Metadata::Opaque(names.text(metadata)),
        };
        MemberProtocol { name: names.protocol(name), metadata }
    };
    Ok(args::split(args.get("protocols").unwrap_or("range:meta"))
        .into_iter()
        .map(protocol)
        .collect())
}

pub(super) fn join(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&[
        "member",
        "generation",
        "instance",
        "protocols",
        "topics",
        "owned",
        "owned-generation",
        "protocol-type",
        "session",
        "rebalance",
        "at",
        "v",
    ])?;
    let group = session.cluster.names.group(args.word(0)?);
    let (member, _) = session.member(args)?;
    let instance = args.get("instance").map(ToString::to_string);
    let version = args.number("v", 9)?;
    // Kafka's own ids begin with these, and replies are in their order.
    let begins = instance.clone().unwrap_or_else(|| session.client_name().to_string());
    let kind = args.get("protocol-type").unwrap_or("consumer");
    let request = JoinGroupRequest {
        group,
        member,
        instance,
        session_timeout: args.millis("session", 30_000)?,
        rebalance_timeout: args.millis("rebalance", 30_000)?,
        protocol_type: session.cluster.names.protocol_type(kind),
        protocols: protocols(session, args)?,
    };
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version,
        request: Request::JoinGroup(Box::new(request)),
        render: Box::new(move |session, response| {
            let Response::JoinGroup(r) = response else { return Reply::unexpected() };
            session.members.note(r.member, &begins);
            joined(session, version, &r)
        }),
    }))
}

fn joined(session: &Session, version: i16, r: &JoinGroupResponse) -> Reply {
    let mut reply = Reply::of(r.error).with("member", session.shown_member(r.member));
    reply.values.member = Some(r.member.0);
    reply.values.generation = Some(r.generation.0);
    if r.error != ErrorCode::None {
        return reply;
    }
    let tells = version >= JOIN_TELLS_TYPE;
    let kind = if tells { session.shown_type(r.protocol_type) } else { "-".to_string() };
    let protocol = r.protocol.map_or("", |p| session.cluster.names.protocol_name(p));
    let reply = reply
        .with("generation", r.generation)
        .with("type", kind)
        .with("protocol", quoted(protocol))
        .with("leader", session.shown_member(r.leader))
        .with_if(r.skip_assignment, "skip_assignment", "yes");
    let mut members: Vec<_> = r.members.iter().collect();
    members.sort_by_key(|(id, instance, _)| session.members.order(*id, instance.as_deref()));
    members.into_iter().fold(reply, |reply, (id, instance, metadata)| {
        instanced(reply.line(session.shown_member(*id)), instance.as_deref())
            .add(session.shown_metadata(metadata))
    })
}

/// Appends a static member's instance to the last line.
pub(super) fn instanced(reply: Reply, instance: Option<&str>) -> Reply {
    match instance {
        Some(instance) => reply.with("instance", quoted(instance)),
        None => reply,
    }
}

pub(super) fn sync(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    let group = session.cluster.names.group(args.word(0)?);
    let (member, generation) = session.member(args)?;
    let known = ["member", "generation", "instance", "protocol", "protocol-type", "at", "v"];
    let mut assignments = Vec::new();
    for (key, value) in &args.named {
        let assignment = match key.split_once('.') {
            Some(("raw", _)) => Assignment::Opaque(session.cluster.names.text(value)),
            Some(("assign", _)) => session.partitions(&args::split(value))?.into(),
            _ if known.contains(&key.as_str()) => continue,
            _ => return Err(DialogueErrorKind::unsupported(format!("option `{key}`"))),
        };
        let name = key.split_once('.').map_or("", |(_, name)| name);
        assignments.push((session.member_id(name), assignment));
    }
    let names = &mut session.cluster.names;
    let version = args.number("v", 5)?;
    let tells = version >= SYNC_TELLS_TYPE;
    let kind = names.protocol_type(args.get("protocol-type").unwrap_or("consumer"));
    let protocol = names.protocol(args.get("protocol").unwrap_or("range"));
    let request = SyncGroupRequest {
        group,
        member,
        instance: args.get("instance").map(ToString::to_string),
        generation,
        protocol_type: tells.then_some(kind),
        protocol: tells.then_some(protocol),
        assignments,
    };
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version,
        request: Request::SyncGroup(request),
        render: Box::new(move |session, response| {
            let Response::SyncGroup(r) = response else { return Reply::unexpected() };
            if r.error != ErrorCode::None {
                return Reply::of(r.error);
            }
            let protocol = r.protocol.map_or("", |p| session.cluster.names.protocol_name(p));
            let (kind, protocol) = if tells {
                (session.shown_type(r.protocol_type), quoted(protocol))
            } else {
                ("-".to_string(), "-".to_string())
            };
            let reply = Reply::of(r.error).with("type", kind).with("protocol", protocol);
            reply.with("assignment", session.shown_assignment(&r.assignment))
        }),
    }))
}

pub(super) fn heartbeat(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["member", "generation", "instance", "at", "v"])?;
    let group = session.cluster.names.group(args.word(0)?);
    let (member, generation) = session.member(args)?;
    let instance = args.get("instance").map(ToString::to_string);
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", 4)?,
        request: Request::Heartbeat(HeartbeatRequest { group, member, instance, generation }),
        render: Box::new(|_, response| match response {
            Response::Heartbeat(r) => Reply::of(r.error),
            _ => Reply::unexpected(),
        }),
    }))
}

pub(super) fn leave(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["member", "instance", "at", "v"])?;
    let group = session.cluster.names.group(args.word(0)?);
    let (names, instances) = (args.list("member"), args.list("instance"));
    let leaving = |i: usize| LeavingMember {
        member: session.member_id(names.get(i).copied().unwrap_or("")),
        instance: instances.get(i).map(ToString::to_string),
    };
    let members = (0..names.len().max(instances.len())).map(leaving).collect();
    let version = args.number("v", 5)?;
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version,
        request: Request::LeaveGroup(LeaveGroupRequest { group, members }),
        render: Box::new(move |session, response| {
            let Response::LeaveGroup(r) = response else { return Reply::unexpected() };
            if version < LEAVE_TOGETHER {
                return Reply::of(r.members.first().map_or(r.error, |(_, error)| *error));
            }
            r.members.iter().fold(Reply::of(r.error), |reply, (member, error)| {
                let line = reply.line(session.shown_member(member.member));
                instanced(line, member.instance.as_deref()).add(error)
            })
        }),
    }))
}
