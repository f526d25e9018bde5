//! Verbs about nodes and time.

use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::types::{Duration, MILLISECOND, NodeId, SECOND};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::reply::{self, Reply};
use super::session::Session;
use crate::dialogue::bounds::{WAIT_MAX, at_most};

pub(super) fn each_node(
    session: &mut Session,
    verb: &str,
    args: &Args,
) -> Result<Reply, DialogueErrorKind> {
    for text in args::split(args.word(0)?) {
        let node = NodeId(args::parse(text)?);
        if session.cluster.broker(node).is_none() && session.cluster.seat_of(node).is_none() {
            return Err(DialogueErrorKind::unsupported(format!("{verb} of node {node}")));
        }
        let up = session.cluster.is_up(node);
        if up == (verb == "start") {
            return Err(DialogueErrorKind::syntax(format!("node {node} is not there for {verb}")));
        }
        match verb {
            "kill" => session.cluster.kill(node),
            "stop" => {
                session.cluster.stop(node);
            }
            "start" => {
                session.cluster.start(node);
                if session.cluster.broker(node).is_some() && !session.await_unfenced(&[node]) {
                    return Err(DialogueErrorKind::syntax(format!("node {node} does not come up")));
                }
            }
            "pause" => session.cluster.pause(node),
            _ => session.cluster.resume(node),
        }
    }
    if verb == "pause" {
        // Until its fetches that wait at leaders have expired.
        session.cluster.advance(700 * MILLISECOND);
    }
    Ok(Reply::ok())
}

/// `wait 5s`.
pub(super) fn wait(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let wait = time(args.word(0)?)?;
    at_most("milliseconds", wait / MILLISECOND, WAIT_MAX)?;
    session.cluster.advance(wait);
    Ok(Reply::ok())
}

/// `let A = leader t-0 | follower1 t-0 | controller | coordinator group|txn NAME | topic-id t`.
pub(super) fn bind(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let (name, what) = (args.word(0)?.to_string(), args.word(2)?);
    let value = match what {
        "topic-id" => {
            let image = session.cluster.controller().image();
            let id = image.topic_by_name(args.word(3)?);
            id.map_or(u32::MAX, |id| id.0)
        }
        "coordinator" => {
            let key = match args.word(3)? {
                "txn" => CoordinatorKey::Transaction(
                    session.cluster.names.transactional_id(args.word(4)?),
                ),
                _ => CoordinatorKey::Group(session.cluster.names.group(args.word(4)?)),
            };
            session.coordinator(key)?.0
        }
        "controller" => {
            session.cluster.advance_until(60 * SECOND, |c| c.active_controller().is_some());
            let active = session.cluster.active_controller();
            active.ok_or_else(|| DialogueErrorKind::syntax("there is no controller"))?
        }
        "leader" | "follower1" | "follower2" => {
            let partition = session.partition(args.word(3)?)?;
            let leader = session.leader(args, partition)?;
            let image = session.cluster.controller().image();
            let replicas = image.partition(partition).map_or(&[][..], |p| &p.replicas);
            let mut followers = replicas.iter().copied().filter(|r| *r != leader);
            let found = match what {
                "leader" => Some(leader),
                "follower1" => followers.next(),
                _ => followers.nth(1),
            };
            found.ok_or_else(|| DialogueErrorKind::syntax(format!("there is no {what}")))?.0
        }
        other => return Err(DialogueErrorKind::unsupported(format!("`let` of {other}"))),
    };
    session.bind(&name, &value.to_string());
    let shown = match what {
        _ if args.has("hidden") => "(hidden)".to_string(),
        "topic-id" => reply::topic_id(value),
        _ => value.to_string(),
    };
    Ok(Reply::of(format_args!("${name} = {shown}")))
}

/// A month: longer than all of Kafka's own intervals.
const TIME_MAX: Duration = 31 * 86_400 * SECOND;

/// `500ms`, `2s`.
pub(super) fn time(text: &str) -> Result<Duration, DialogueErrorKind> {
    let wrong = |what: &str| DialogueErrorKind::syntax(format!("`{text}` {what}"));
    let (count, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(ms), _) => (ms, MILLISECOND),
        (_, Some(s)) => (s, SECOND),
        _ => return Err(wrong("is no time")),
    };
    let time = args::parse::<u64>(count)?.saturating_mul(unit);
    if time > TIME_MAX { Err(wrong("is more than a dialogue can wait")) } else { Ok(time) }
}
