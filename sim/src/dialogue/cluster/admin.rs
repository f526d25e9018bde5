//! Verbs about topics, elections and what the cluster looks like.

use broker_model::protocol::controller::{
    AlterClientQuotasRequest, AlterConfigsRequest, AlterPartitionReassignmentsRequest,
    ConfigResource, CreatePartitionsRequest, CreateTopicRequest, DeleteTopicRequest,
    ElectLeadersRequest, ElectionType,
};
use broker_model::protocol::metadata::{MetadataRequest, MetadataResponse, TopicMetadata};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::records::ClientQuota;
use broker_model::types::{Duration, MILLISECOND, NodeId, PartitionId, SECOND};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::reply::{Reply, list};
use super::session::{Ask, Session, Step, Target};
use crate::dialogue::bounds::{PARTITIONS_MAX, at_most};

const NOT_CONFIG: &[&str] = &["partitions", "rf", "replicas", "placement", "timeout", "at", "v"];

impl Session {
    /// One of Kafka's own topics with one partition, its replicas in a ring from `first` on.
    pub(super) fn create_internal(&mut self, name: &str, first: usize) {
        let mut replicas = self.cluster.all();
        let n = replicas.len();
        replicas.rotate_left(first % n);
        replicas.truncate(3);
        let config = [("cleanup.policy", "compact"), ("min.insync.replicas", "1")];
        let request = CreateTopicRequest {
            name: name.to_string(),
            partitions: 1,
            replication_factor: 0,
            assignment: vec![replicas],
            config: config.map(|(k, v)| (k.to_string(), v.to_string())).to_vec(),
            internal: true,
        };
        self.ask(NodeId(1), 0, Request::CreateTopics(request));
        self.await_leader(name, 0);
    }

    fn await_leader(&mut self, topic: &str, index: u32) {
        let partition = self.partition(&format!("{topic}-{index}")).unwrap_or(PartitionId::UNKNOWN);
        self.cluster
            .advance_until(20 * SECOND, |cluster| cluster.agreed_leader(partition).is_some());
    }

    /// Asks a running node to pass an administrator's request on, and lets the change settle.
    pub(super) fn administer(
        &mut self,
        args: &Args,
        request: Request,
        settle: Duration,
    ) -> Result<ErrorCode, DialogueErrorKind> {
        self.administer_throttled(args, request, settle).map(|(error, _)| error)
    }

    /// The same, with the throttle time.
    fn administer_throttled(
        &mut self,
        args: &Args,
        request: Request,
        settle: Duration,
    ) -> Result<(ErrorCode, Duration), DialogueErrorKind> {
        let node = self.any_node(args)?;
        let answer = self.ask(node, args.number("v", i16::MAX)?, request);
        let throttle_time = answer.as_ref().map_or(0, Response::throttle_time);
        let error = match answer {
            Some(Response::CreateTopics(r)) => r.error,
            Some(Response::DeleteTopics(r)) => r.error,
            Some(Response::CreatePartitions(r)) => r.error,
            Some(Response::IncrementalAlterConfigs(r)) => r.error,
            Some(Response::ElectLeaders(r)) => r.error,
            Some(Response::AlterClientQuotas(r)) => r.error,
            Some(Response::AlterPartitionReassignments(r)) => r.error,
            _ => return Err(DialogueErrorKind::syntax("no answer to an administrator")),
        };
        self.cluster.advance(settle);
        Ok((error, throttle_time))
    }

    /// `replicas=1,2` for all, `replicas=1,2/2,3` one after the other; else a fixed rule.
    fn replicas(
        &self,
        args: &Args,
        nth: u32,
        index: u32,
        rf: usize,
    ) -> Result<Vec<NodeId>, DialogueErrorKind> {
        let Some(text) = args.get("replicas") else {
            let mut nodes = self.cluster.all();
            let n = nodes.len();
            nodes.rotate_left(index as usize % n);
            nodes.truncate(rf);
            return Ok(nodes);
        };
        let lists: Vec<&str> = text.split('/').collect();
        let list = lists[(nth as usize).min(lists.len() - 1)];
        args::split(list).into_iter().map(|n| args::parse(n).map(NodeId)).collect()
    }
}

pub(super) fn create_topic(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let name = args.word(0)?.to_string();
    let partitions: u32 = at_most("partitions", args.number("partitions", 1)?, PARTITIONS_MAX)?;
    let factor: u32 = args.number("rf", 3.min(session.cluster.all().len() as u32))?;
    let free = args.is("placement", "controller");
    let mut assignment = Vec::new();
    for index in 0..partitions {
        if !free {
            assignment.push(session.replicas(args, index, index, factor as usize)?);
        }
    }
    let config = args.named.iter().filter(|(k, _)| !NOT_CONFIG.contains(&k.as_str()));
    let request = CreateTopicRequest {
        name: name.clone(),
        partitions,
        replication_factor: factor,
        assignment,
        config: config.map(|(key, value)| (plain_key(key).to_string(), value.clone())).collect(),
        internal: false,
    };
    let (error, throttle_time) =
        session.administer_throttled(args, Request::CreateTopics(request), 0)?;
    if error == ErrorCode::None {
        for index in 0..partitions {
            session.await_leader(&name, index);
        }
        session.cluster.advance(100 * MILLISECOND);
    }
    Ok(Reply::of(error).with_if(throttle_time > 0, "throttled", "yes"))
}

/// Kafka keeps small segments behind a key of its own; the model has one key for both.
fn plain_key(key: &str) -> &str {
    if key == "internal.segment.bytes" { "segment.bytes" } else { key }
}

pub(super) fn delete_topic(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["at"])?;
    let name = args.word(0)?.to_string();
    let request = Request::DeleteTopics(DeleteTopicRequest { name: name.clone() });
    let error = session.administer(args, request, 0)?;
    if error == ErrorCode::None {
        session.cluster.advance_until(20 * SECOND, |cluster| {
            let knows =
                |n| cluster.broker(n).and_then(|b| b.image().topic_by_name(&name)).is_some();
            !cluster.running().any(knows)
        });
        session.cluster.advance(100 * MILLISECOND);
    }
    Ok(Reply::of(error))
}

pub(super) fn create_partitions(
    session: &mut Session,
    args: &Args,
) -> Result<Reply, DialogueErrorKind> {
    args.only(&["replicas", "at"])?;
    let name = args.word(0)?.to_string();
    let count: u32 = at_most("partitions", args::parse(args.word(1)?)?, PARTITIONS_MAX)?;
    let image = session.cluster.controller().image();
    let existing = image.topic_by_name(&name).and_then(|t| image.topic(t));
    let existing = existing.map_or(&[][..], |t| &t.partitions);
    let rf = existing.first().and_then(|p| image.partition(*p)).map_or(1, |p| p.replicas.len());
    let first = existing.len() as u32;
    let mut assignment = Vec::new();
    for index in first..count {
        assignment.push(session.replicas(args, index - first, index, rf)?);
    }
    let request = CreatePartitionsRequest { name: name.clone(), count, assignment };
    let error = session.administer(args, Request::CreatePartitions(request), 0)?;
    if error == ErrorCode::None {
        session.await_leader(&name, count.saturating_sub(1));
        session.cluster.advance(100 * MILLISECOND);
    }
    Ok(Reply::of(error))
}

pub(super) fn alter_topic(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let resource = ConfigResource::Topic(args.word(0)?.to_string());
    alter(session, args, resource, &Args::default())
}

/// `alter-broker N|all KEY=VALUE`: asks that broker, or any for what is to hold for all.
pub(super) fn alter_broker(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let whom = args.word(0)?;
    if whom == "all" {
        return alter(session, args, ConfigResource::Brokers, &Args::default());
    }
    let resource = ConfigResource::Broker(NodeId(args::parse(whom)?));
    let at = Args { named: vec![("at".to_owned(), whom.to_owned())], ..Args::default() };
    alter(session, args, resource, &at)
}

pub(super) fn alter_group(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let resource = ConfigResource::Group(session.cluster.names.group(args.word(0)?));
    alter(session, args, resource, &Args::default())
}

/// An empty value removes its key.
fn alter(
    session: &mut Session,
    args: &Args,
    resource: ConfigResource,
    at: &Args,
) -> Result<Reply, DialogueErrorKind> {
    let config = args.named.iter().map(|(key, value)| {
        let value = (!value.is_empty()).then(|| value.clone());
        (plain_key(key).to_string(), value)
    });
    let request = AlterConfigsRequest { resource, config: config.collect() };
    let request = Request::IncrementalAlterConfigs(request);
    Ok(Reply::of(session.administer(at, request, 300 * MILLISECOND)?))
}

/// `alter-quota client=NAME|default producer_byte_rate=N consumer_byte_rate=N`.
pub(super) fn alter_quota(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let mut quotas = Vec::new();
    for (key, value) in args.named.iter().filter(|(key, _)| key != "client") {
        let quota = match key.as_str() {
            "producer_byte_rate" => ClientQuota::ProducerByteRate,
            "consumer_byte_rate" => ClientQuota::ConsumerByteRate,
            "controller_mutation_rate" => ClientQuota::ControllerMutationRate,
            _ => return Err(DialogueErrorKind::unsupported(format!("quota `{key}`"))),
        };
        let value = if value.is_empty() { None } else { Some(args::parse(value)?) };
        quotas.push((quota, value));
    }
    let client = args.get("client").filter(|name| *name != "default");
    let client = client.map(|name| session.client(name));
    let request = Request::AlterClientQuotas(AlterClientQuotasRequest { client, quotas });
    Ok(Reply::of(session.administer(&Args::default(), request, 300 * MILLISECOND)?))
}

/// `reassign t-0 2,3,1|none|cancel [rf-change=no]`.
pub(super) fn reassign(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["rf-change", "at"])?;
    let partition = session.partition(args.word(0)?)?;
    let replicas = match args.word(1)? {
        "cancel" => None,
        "none" => Some(Vec::new()),
        text => {
            let nodes = args::split(text).into_iter().map(|n| args::parse(n).map(NodeId));
            Some(nodes.collect::<Result<_, _>>()?)
        }
    };
    let request = AlterPartitionReassignmentsRequest {
        partition,
        replicas,
        allow_replication_factor_change: !args.is("rf-change", "no"),
    };
    let request = Request::AlterPartitionReassignments(request);
    Ok(Reply::of(session.administer(args, request, 300 * MILLISECOND)?))
}

pub(super) fn elect(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["at"])?;
    let election = match args.word(0)? {
        "unclean" => ElectionType::Unclean,
        _ => ElectionType::Preferred,
    };
    let partition = session.partition(args.word(1)?)?;
    let request = Request::ElectLeaders(ElectLeadersRequest { election, partition });
    Ok(Reply::of(session.administer(args, request, 200 * MILLISECOND)?))
}

pub(super) fn node_or_none(node: Option<NodeId>) -> i64 {
    node.map_or(-1, |n| i64::from(n.0))
}

pub(super) fn sorted(nodes: &[NodeId]) -> String {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    list(nodes)
}

/// `DescribeTopicPartitions`, which the model answers by its image.
pub(super) fn describe(session: &Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["at"])?;
    let partition = session.partition(args.word(0)?)?;
    let node = session.any_node(args)?;
    let image = session.cluster.broker(node).map(|b| b.image());
    let found = image.and_then(|image| Some((image, image.partition(partition)?)));
    let Some((image, p)) = found else {
        return Ok(Reply::of(ErrorCode::UnknownTopicOrPartition));
    };
    let offline: Vec<NodeId> = image.offline_replicas(p).collect();
    Ok(Reply::of(ErrorCode::None)
        .with("leader", node_or_none(p.leader))
        .with("epoch", p.leader_epoch)
        .with("replicas", list(&p.replicas))
        .with("isr", sorted(&p.isr))
        .with("elr", sorted(&p.eligible_leader_replicas))
        .with("last_known_elr", sorted(&p.last_known_elr))
        .with("offline", sorted(&offline)))
}

pub(super) fn metadata(session: &Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let names = args::split(args.word(0)?).into_iter().map(ToString::to_string).collect();
    Ok(Step::Ask(Ask {
        target: Target::Node(session.any_node(args)?),
        version: args.number("v", 13)?,
        request: Request::Metadata(MetadataRequest { topics: Some(names) }),
        render: Box::new(|_, response| match response {
            Response::Metadata(r) => show_metadata(&r),
            _ => Reply::unexpected(),
        }),
    }))
}

fn show_metadata(response: &MetadataResponse) -> Reply {
    let mut reply = Reply::ok().with("brokers", sorted(&response.brokers));
    let mut topics: Vec<&TopicMetadata> = response.topics.iter().collect();
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    for topic in topics {
        let known = topic.error == ErrorCode::None;
        reply = reply.line(format_args!("{} {}", topic.name, topic.error));
        reply = reply.with_if(known, "internal", topic.internal);
        for p in response.partitions.iter().filter(|p| known && p.topic == topic.id) {
            reply = reply
                .line(format_args!("{}-{} {}", topic.name, p.index, p.error))
                .with("leader", node_or_none(p.leader))
                .with("epoch", p.leader_epoch)
                .with("replicas", list(&p.replicas))
                .with("isr", sorted(&p.isr))
                .with("offline", sorted(&p.offline));
        }
    }
    reply
}
