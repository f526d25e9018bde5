//! Verbs about committed offsets.

use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::group::{CommittedOffset, OffsetCommitRequest, OffsetFetchRequest};
use broker_model::protocol::{Request, Response};
use broker_model::types::{GenerationId, GroupEpoch, LeaderEpoch, MILLISECOND, Offset, TextId};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::reply::Reply;
use super::session::{Ask, Session, Step};
use super::transactions::named;

/// The `t-0=5` words of a command: names and offsets, in order of topic and index.
pub(super) fn offsets(
    session: &mut Session,
    args: &Args,
    options: &[&str],
) -> Result<(Vec<String>, Vec<CommittedOffset>), DialogueErrorKind> {
    let leader_epoch = args.get("leader-epoch").map(args::parse).transpose()?.map(LeaderEpoch);
    let metadata = session.cluster.names.text(args.get("meta").unwrap_or(""));
    let mut named = Vec::new();
    for (key, value) in &args.named {
        let Ok((topic, index)) = session.topic_and_index(key) else {
            if !options.contains(&key.as_str()) {
                return Err(DialogueErrorKind::unsupported(format!("option `{key}`")));
            }
            continue;
        };
        let partition = session.partition(key)?;
        let offset = Offset(args::parse(value)?);
        let committed = CommittedOffset { partition, offset, leader_epoch, metadata };
        named.push((topic.to_string(), index, key.clone(), committed));
    }
    named.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    Ok(named.into_iter().map(|(_, _, name, offset)| (name, offset)).unzip())
}

pub(super) fn offset_commit(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    let options = [
        "member",
        "generation",
        "epoch",
        "instance",
        "leader-epoch",
        "meta",
        "retention",
        "at",
        "v",
    ];
    let (names, offsets) = offsets(session, args, &options)?;
    let group = session.cluster.names.group(args.word(0)?);
    let (member, generation) = session.member(args)?;
    let retention: Option<u64> = args.get("retention").map(args::parse).transpose()?;
    let request = OffsetCommitRequest {
        group,
        member,
        instance: args.get("instance").map(ToString::to_string),
        generation: GenerationId(args.number("epoch", generation.0)?),
        retention: retention.map(|ms| ms.saturating_mul(MILLISECOND)),
        offsets,
    };
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", 9)?,
        request: Request::OffsetCommit(request),
        render: Box::new(move |_, response| match response {
            Response::OffsetCommit(r) => named(&names, &r.partitions),
            _ => Reply::unexpected(),
        }),
    }))
}

pub(super) fn offset_fetch(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["stable", "member", "epoch", "at", "v"])?;
    let group = session.cluster.names.group(args.word(0)?);
    let (member, epoch) = session.member(args)?;
    let epoch = GroupEpoch(args.number("epoch", epoch.0)?);
    let who = args.has("member").then_some((member, epoch));
    let mut names: Vec<String> = Vec::new();
    let partitions = match args.word(1)? {
        "all" => None,
        list => {
            names.extend(args::split(list).into_iter().map(ToString::to_string));
            names.sort();
            let ids: Result<Vec<_>, _> = names.iter().map(|n| session.partition(n)).collect();
            Some(ids?)
        }
    };
    let request =
        OffsetFetchRequest { group, partitions, who, require_stable: args.is("stable", "yes") };
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", 9)?,
        request: Request::OffsetFetch(request),
        render: Box::new(move |session, response| {
            let Response::OffsetFetch(r) = response else {
                return Reply::unexpected();
            };
            let mut lines: Vec<_> = r
                .partitions
                .iter()
                .enumerate()
                .map(|(i, (error, c))| {
                    let known = names.get(i).cloned();
                    let name = known.unwrap_or_else(|| session.cluster.partition_name(c.partition));
                    (name, *error, *c)
                })
                .collect();
            lines.sort_by(|a, b| a.0.cmp(&b.0));
            lines.into_iter().fold(Reply::of(r.error), |reply, (name, error, c)| {
                reply
                    .line(format_args!("{name} {error}"))
                    .with("offset", c.offset)
                    .with("epoch", c.leader_epoch.map_or(-1, |e| e.0))
                    .with_if(
                        c.metadata != TextId::EMPTY,
                        "meta",
                        session.cluster.names.text_of(c.metadata),
                    )
            })
        }),
    }))
}
